/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading one question strictly, and answering it or refusing.
 */
#include "dns_answer.h"

#include "../../caveats/path.h"

#include <string.h>

enum {
    HEADER_SIZE = 12,
    LABEL_MAX = 63,
    NAME_MAX_SIZE = 255, // as in a message
    OPT_SIZE = 11,       // without options
    // The header's third and fourth byte, as one number.
    FLAG_RESPONSE = 0x8000,
    FLAG_OPCODE = 0x7800,
    FLAG_TRUNCATED = 0x0200,
    FLAG_RECURSION_DESIRED = 0x0100,
    FLAG_RECURSION_AVAILABLE = 0x0080, // else resolvers complain, or go elsewhere
    FLAG_RESERVED = 0x0040,
    FLAG_CHECKING_DISABLED = 0x0010, // copied (RFC 4035 3.1.6)
    TYPE_A = 1,
    TYPE_OPT = 41,
    TYPE_META_FIRST = 128, // RFC 6895 3.1: TKEY, TSIG, transfers
    TYPE_META_LAST = 254,
    CLASS_IN = 1,
    RCODE_NONE = 0,
    RCODE_FORMAT = 1,
    RCODE_NOT_IMPLEMENTED = 4,
    RCODE_REFUSED = 5,
    RCODE_VERSION = 16, // its upper bits stand in the OPT record (RFC 6891 6.1.3)
    PAYLOAD_SIZE = 1232,
};

struct question {
    uint16_t id, flags;
    struct bytes section; // the question as it was sent: its case is the client's (0x20)
    struct bytes name;    // in wire form
    uint16_t type, class;
    bool edns;
    uint8_t version;
};

static uint16_t
read_u16(struct bytes bytes, size_t at)
{
    return (uint16_t)(bytes.p[at] << 8 | bytes.p[at + 1]);
}

static void
put_u16(struct buffer *out, unsigned value)
{
    buffer_put_byte(out, (uint8_t)(value >> 8));
    buffer_put_byte(out, (uint8_t)value);
}

/* ---- reading ---- */

// How many bytes of `rest` are a name; 0 when they are none. A pointer leads somewhere else in the
// message: in a question there is nowhere to lead to.
static size_t
name_size(struct bytes rest)
{
    size_t at = 0;
    while (at < rest.n && rest.p[at] != 0) {
        if (rest.p[at] > LABEL_MAX)
            return 0;
        at += 1 + (size_t)rest.p[at];
    }
    return at < rest.n && at < NAME_MAX_SIZE ? at + 1 : 0;
}

static bool
options_are_whole(struct bytes options)
{
    while (options.n > 0) {
        if (options.n < 4 || read_u16(options, 2) > options.n - 4)
            return false;
        options = bytes_from(options, 4 + (size_t)read_u16(options, 2));
    }
    return true;
}

// The one record that may follow the question (RFC 6891 6.1.2).
static bool
read_edns(struct bytes rest, struct question *out)
{
    if (rest.n < OPT_SIZE || rest.p[0] != 0 || read_u16(rest, 1) != TYPE_OPT ||
        read_u16(rest, 9) != rest.n - OPT_SIZE || rest.p[5] != 0)
        return false;
    out->edns = true;
    out->version = rest.p[6];
    return options_are_whole(bytes_from(rest, OPT_SIZE));
}

static bool
read_question(struct bytes query, struct question *out)
{
    uint16_t additional = read_u16(query, 10);
    if ((out->flags & (FLAG_TRUNCATED | FLAG_RESERVED | 0x000f)) || read_u16(query, 4) != 1 ||
        read_u16(query, 6) != 0 || read_u16(query, 8) != 0 || additional > 1)
        return false;
    struct bytes rest = bytes_from(query, HEADER_SIZE);
    size_t n = name_size(rest);
    if (n == 0 || rest.n < n + 4)
        return false;
    out->name = bytes_slice(rest, 0, n);
    out->section = bytes_slice(rest, 0, n + 4);
    out->type = read_u16(rest, n);
    out->class = read_u16(rest, n + 2);
    rest = bytes_from(rest, n + 4);
    return out->type != 0 && (additional ? read_edns(rest, out) : rest.n == 0);
}

// False for what is in no host's name; it is a '?' then. A dot inside of a label is no dot.
static bool
print_byte(uint8_t c, char *out)
{
    if (c >= 'A' && c <= 'Z')
        c = (uint8_t)(c + ('a' - 'A'));
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    *out = plain ? (char)c : '?';
    return plain;
}

static bool
print_name(struct bytes name, struct dns_name *out)
{
    size_t n = 0;
    bool plain = true;
    for (size_t at = 0; name.p[at] != 0; at += 1 + (size_t)name.p[at]) {
        if (n > 0)
            out->text[n++] = '.';
        for (size_t i = 1; i <= name.p[at]; i++)
            plain &= print_byte(name.p[at + i], &out->text[n++]);
    }
    out->text[n] = '\0';
    return plain;
}

/* ---- writing ---- */

static void
put_header(const struct question *question, unsigned rcode, bool with_question, bool with_address,
           struct buffer *out)
{
    unsigned copied =
        question->flags & (FLAG_OPCODE | FLAG_RECURSION_DESIRED | FLAG_CHECKING_DISABLED);
    put_u16(out, question->id);
    put_u16(out, FLAG_RESPONSE | FLAG_RECURSION_AVAILABLE | copied | (rcode & 0xf));
    put_u16(out, with_question);
    put_u16(out, with_address);
    put_u16(out, 0);
    put_u16(out, with_question && question->edns);
}

static void
put_edns(unsigned rcode, struct buffer *out)
{
    buffer_put_byte(out, 0);
    put_u16(out, TYPE_OPT);
    put_u16(out, PAYLOAD_SIZE);
    buffer_put_byte(out, (uint8_t)(rcode >> 4));
    buffer_put_byte(out, 0); // version
    put_u16(out, 0);
    put_u16(out, 0);
}

static void
put_answer(const struct question *question, unsigned rcode, const uint8_t *address,
           struct buffer *out)
{
    put_header(question, rcode, true, address != NULL, out);
    buffer_put(out, question->section);
    if (address) {
        put_u16(out, 0xc000 | HEADER_SIZE); // the question's name
        put_u16(out, TYPE_A);
        put_u16(out, CLASS_IN);
        put_u16(out, 0);
        put_u16(out, DNS_TTL_S);
        put_u16(out, 4);
        buffer_put(out, bytes_of(address, 4));
    }
    if (question->edns)
        put_edns(rcode, out);
}

// What could not be read is not repeated.
static enum dns_outcome
put_fault(const struct question *question, unsigned rcode, struct buffer *out)
{
    put_header(question, rcode, false, false, out);
    return DNS_FAULT;
}

/* ---- answering ---- */

static bool
is_served(const struct question *question)
{
    return question->class == CLASS_IN &&
           (question->type < TYPE_META_FIRST || question->type > TYPE_META_LAST);
}

static bool
name_is_allowed(const struct dns_rules *rules, bool plain, const struct dns_name *name)
{
    static const uint8_t none[sizeof rules->address];
    struct bytes host = bytes_str(name->text);
    return plain && memcmp(rules->address, none, sizeof none) != 0 && host_is_canonical(host) &&
           rules->allowed(rules->context, host);
}

enum dns_outcome
dns_answer(struct bytes query, const struct dns_rules *rules, struct dns_name *name,
           struct buffer *out)
{
    struct question question = {0};
    if (query.n < HEADER_SIZE || query.n > DNS_QUERY_MAX)
        return DNS_DROPPED;
    question.id = read_u16(query, 0);
    question.flags = read_u16(query, 2);
    if (question.flags & FLAG_RESPONSE) // two responders could talk to each other for ever
        return DNS_DROPPED;
    if (question.flags & FLAG_OPCODE)
        return put_fault(&question, RCODE_NOT_IMPLEMENTED, out);
    if (!read_question(query, &question))
        return put_fault(&question, RCODE_FORMAT, out);
    if (question.version != 0) {
        put_answer(&question, RCODE_VERSION, NULL, out);
        return DNS_FAULT;
    }
    bool plain = print_name(question.name, name);
    if (!is_served(&question) || !name_is_allowed(rules, plain, name)) {
        put_answer(&question, RCODE_REFUSED, NULL, out);
        return DNS_NAME_REFUSED;
    }
    // No data of another type, and no SOA that would say how long to believe that (RFC 2308 5).
    put_answer(&question, RCODE_NONE, question.type == TYPE_A ? rules->address : NULL, out);
    return DNS_ANSWERED;
}
