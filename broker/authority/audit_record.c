/* SPDX-License-Identifier: Apache-2.0
 *
 * Printing audit records: a small JSON writer, since a record is written for every request.
 */
#include "audit_record.h"

#include "clock.h"

#include <string.h>

static const char *const kind_name[] = {
    [AUDIT_KIND_UNSET] = "unset", [AUDIT_DECISION] = "decision", [AUDIT_OUTCOME] = "outcome",
    [AUDIT_ADMIN] = "admin",      [AUDIT_REVOKE] = "revoke",     [AUDIT_START] = "start",
    [AUDIT_LOGIN] = "login",      [AUDIT_STOP] = "stop",         [AUDIT_RESUME] = "resume",
    [AUDIT_ROTATE] = "rotate",
};

// ---- strings ----

// Length of the UTF-8 sequence at the start of `text`, or 0.
static size_t
sequence_length(struct bytes text)
{
    uint8_t c = text.p[0];
    size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;

    return n > 0 && n <= text.n && bytes_is_utf8(bytes_slice(text, 0, n)) ? n : 0;
}

static void
put_escaped(struct buffer *out, uint8_t c)
{
    if (c == '"' || c == '\\') {
        buffer_put_byte(out, '\\');
        buffer_put_byte(out, c);
    } else {
        buffer_printf(out, "\\u%04x", c);
    }
}

static bool
is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void
put_chars(struct buffer *out, struct bytes text)
{
    while (text.n > 0) {
        size_t plain = 0;
        while (plain < text.n && is_plain(text.p[plain]))
            plain++;
        if (plain > 0) {
            buffer_put(out, bytes_slice(text, 0, plain));
            text = bytes_from(text, plain);
            continue;
        }
        size_t n = sequence_length(text);
        if (n == 0)
            buffer_put_str(out, "\xef\xbf\xbd");
        else if (n == 1)
            put_escaped(out, text.p[0]);
        else
            buffer_put(out, bytes_slice(text, 0, n));
        text = bytes_from(text, n == 0 ? 1 : n);
    }
}

static bool
is_token_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

// One character, which may be escaped, and that escaped again ("%6b", "%256b").
static size_t
read_unit(struct bytes text, uint8_t *out)
{
    size_t n = 1;

    *out = text.p[0];
    if (text.p[0] != '%')
        return 1;
    while (bytes_starts(bytes_from(text, n), BYTES("25")))
        n += 2;
    return bytes_from_hex(bytes_slice(text, n, 2), out, 1) ? n + 2 : 1;
}

// Of the mark at the start of the text; 0: there is none.
static size_t
mark_length(struct bytes text)
{
    struct bytes mark = BYTES(TOKEN_MARK);
    size_t n = 0;

    for (size_t i = 0; i < mark.n; i++) {
        uint8_t c = 0;
        if (n == text.n)
            return 0;
        n += read_unit(bytes_from(text, n), &c);
        if (c != mark.p[i])
            return 0;
    }
    return n;
}

static size_t
find_mark(struct bytes text)
{
    if (bytes_index(text, '%') == text.n)
        return bytes_find(text, BYTES(TOKEN_MARK));
    size_t at = 0;
    while (at < text.n && mark_length(bytes_from(text, at)) == 0)
        at++;
    return at;
}

// A token that was put where it does not belong (a path, a parameter) is not recorded. What was
// refused before it was decoded may have it escaped.
static void
put_text(struct buffer *out, struct bytes text)
{
    size_t mark, n;
    uint8_t c;

    while ((mark = find_mark(text)) < text.n) {
        put_chars(out, bytes_slice(text, 0, mark));
        buffer_put_str(out, TOKEN_MARK "\xe2\x80\xa6");
        text = bytes_from(text, mark);
        text = bytes_from(text, mark_length(text));
        while (text.n > 0 && (n = read_unit(text, &c), is_token_char(c)))
            text = bytes_from(text, n);
    }
    put_chars(out, text);
}

static void
put_string(struct buffer *out, struct bytes text)
{
    buffer_put_byte(out, '"');
    put_text(out, text);
    buffer_put_byte(out, '"');
}

// What a byte asks for: to be escaped or looked into, or whether a mark, which ends with it, stands
// before it.
enum { CARE_BYTE = 1, CARE_MARK = 2 };
static const uint8_t care[256] = {
    [0 ... 0x1f] = CARE_BYTE, ['"'] = CARE_BYTE, ['%'] = CARE_BYTE,
    ['\\'] = CARE_BYTE,       ['_'] = CARE_MARK, [0x7f ... 0xff] = CARE_BYTE,
};

// As almost every text is: there is nothing in it to escape or to hide.
static bool
goes_as_it_is(struct bytes text)
{
    uint8_t asked = 0;

    for (size_t i = 0; i < text.n; i++)
        asked |= care[text.p[i]];
    return asked == 0 || (asked == CARE_MARK && find_mark(text) == text.n);
}

// ---- members ----

// What stands before a member: its name, and for the most the quotation mark of its value. So many
// bytes of it are written however short it is, which takes one step and no call.
enum { NAME_ROOM = 16 };
#define NAME_PADDING "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
struct name {
    const char *text; // padded
    size_t n;         // at most NAME_ROOM
};
// A longer one is not compiled.
#define NAME_LENGTH(literal)                                                                       \
    (sizeof(literal) - 1 + 0 * sizeof(struct {                                                     \
                               _Static_assert(sizeof(literal) - 1 <= NAME_ROOM,                    \
                                              "a member's name has room");                         \
                               char unused;                                                        \
                           }))
#define NAME_AS(literal)   ((struct name){literal NAME_PADDING, NAME_LENGTH(literal)})
#define NAME(name)         NAME_AS(",\"" name "\":")
#define NAME_OF_TEXT(name) NAME_AS(",\"" name "\":\"")

static void
put_name(struct buffer *out, struct name name)
{
    buffer_put(out, bytes_of(name.text, name.n));
}

// A member is begun, and ends with its value of n bytes, which are to be written where this points
// to; NULL: there is no room.
static inline uint8_t *
make_member(struct buffer *out, struct name name, size_t n, bool is_text)
{
    uint8_t *room = buffer_make(out, NAME_ROOM + n + 1);

    if (room == NULL)
        return NULL;
    memcpy(room, name.text, NAME_ROOM);
    room[name.n + n] = '"';
    out->n -= NAME_ROOM - name.n + !is_text;
    return room + name.n;
}

// Two dozen of them are put for every request.
KH_OUT_OF_LINE static void
put_member(struct buffer *out, struct name name, struct bytes value, bool is_text)
{
    uint8_t *room = make_member(out, name, value.n, is_text);

    if (room && value.n > 0) // of none there may be no pointer either
        memcpy(room, value.p, value.n);
}

// A word of our own.
static void
member_word(struct buffer *out, struct name name, struct bytes word)
{
    put_member(out, name, word, true);
}

KH_COLD static void
put_member_escaped(struct buffer *out, struct name name, struct bytes text)
{
    put_name(out, name);
    put_text(out, text);
    buffer_put_byte(out, '"');
}

KH_OUT_OF_LINE static void
member_text(struct buffer *out, struct name name, struct bytes text)
{
    if (text.n == 0)
        return;
    if (goes_as_it_is(text))
        put_member(out, name, text, true);
    else
        put_member_escaped(out, name, text);
}

KH_OUT_OF_LINE static void
member_number(struct buffer *out, struct name name, uint64_t number)
{
    uint8_t digit[20], *p = digit + sizeof digit;

    do {
        *--p = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put_member(out, name, bytes_of(p, (size_t)(digit + sizeof digit - p)), false);
}

// Every id of a record has that size.
enum { ID_SIZE = 16 };
_Static_assert((int)REQUEST_ID_SIZE == ID_SIZE && (int)TOKEN_ID_SIZE == ID_SIZE &&
                   (int)LINEAGE_ID_SIZE == ID_SIZE && (int)TRACE_ID_SIZE == ID_SIZE,
               "ids have one size");

KH_OUT_OF_LINE static void
member_id(struct buffer *out, struct name name, const uint8_t id[ID_SIZE])
{
    char *room = id ? (char *)make_member(out, name, 2 * ID_SIZE, true) : NULL;

    if (room && bytes_to_hex(bytes_of(id, ID_SIZE), room, 2 * ID_SIZE + 1))
        room[2 * ID_SIZE] = '"'; // where it put the NUL
}

KH_COLD static void
put_list(struct buffer *out, struct name name, const struct bytes *item, size_t count)
{
    put_name(out, name);
    for (size_t i = 0; i < count; i++) {
        buffer_put_byte(out, i == 0 ? '[' : ',');
        put_string(out, item[i]);
    }
    buffer_put_byte(out, ']');
}

static void
member_list(struct buffer *out, struct name name, const struct bytes *item, size_t count)
{
    if (count > 0)
        put_list(out, name, item, count);
}

KH_COLD static void
put_lineages(struct buffer *out, struct name name, const uint8_t (*id)[LINEAGE_ID_SIZE],
             size_t count)
{
    put_name(out, name);
    for (size_t i = 0; i < count; i++) {
        buffer_put_str(out, i == 0 ? "[\"" : ",\"");
        buffer_put_hex(out, bytes_of(id[i], LINEAGE_ID_SIZE));
        buffer_put_byte(out, '"');
    }
    buffer_put_byte(out, ']');
}

static void
put_value(struct buffer *out, const struct audit_value *value)
{
    buffer_put_str(out, value->quoted ? "\"\\\"" : "\"");
    put_text(out, bytes_slice(value->value, 0, AUDIT_VALUE_MAX));
    if (value->value.n > AUDIT_VALUE_MAX)
        buffer_put_str(out, "\xe2\x80\xa6");
    buffer_put_str(out, value->quoted ? "\\\"\"" : "\"");
}

static bool
same_value(const struct audit_value *a, const struct audit_value *b)
{
    return bytes_is(bytes_str(a->attribute), b->attribute) && bytes_equal(a->key, b->key);
}

// A name that occurs several times has a list, so that no member name occurs twice.
KH_OUT_OF_LINE static void
put_values(struct buffer *out, const struct audit_record *record)
{
    bool first = true;

    for (size_t i = 0; i < record->value_count; i++) {
        const struct audit_value *value = &record->value[i];
        bool seen = false;
        size_t more = 0;
        for (size_t j = 0; j < i; j++)
            seen = seen || same_value(&record->value[j], value);
        if (seen)
            continue;
        for (size_t j = i + 1; j < record->value_count; j++)
            more += same_value(&record->value[j], value);
        if (first)
            put_name(out, NAME("values"));
        buffer_put_str(out, first ? "{\"" : ",\"");
        first = false;
        buffer_put_str(out, value->attribute);
        if (!value->keyless) {
            buffer_put_byte(out, '[');
            put_text(out, value->key);
            buffer_put_byte(out, ']');
        }
        buffer_put_str(out, more ? "\":[" : "\":");
        put_value(out, value);
        for (size_t j = i + 1; more && j < record->value_count; j++) {
            if (!same_value(&record->value[j], value))
                continue;
            buffer_put_byte(out, ',');
            put_value(out, &record->value[j]);
        }
        if (more)
            buffer_put_byte(out, ']');
    }
    if (!first)
        buffer_put_byte(out, '}');
}

static void
put_request(struct buffer *out, const struct audit_record *record)
{
    member_text(out, NAME_OF_TEXT("client"), record->client);
    if (record->has_uid)
        member_number(out, NAME("uid"), record->uid);
    member_id(out, NAME_OF_TEXT("trace"), record->trace_id);
    if (record->way != WAY_UNSET)
        member_word(out, NAME_OF_TEXT("way"), bytes_str(way_name(record->way)));
    member_text(out, NAME_OF_TEXT("method"), record->method);
    member_text(out, NAME_OF_TEXT("scheme"), record->scheme);
    member_text(out, NAME_OF_TEXT("host"), record->host);
    if (record->port)
        member_number(out, NAME("port"), record->port);
    member_text(out, NAME_OF_TEXT("path"), record->path);
    if (record->value_count > 0)
        put_values(out, record);
    if (record->rejudged)
        member_word(out, NAME_OF_TEXT("rejudged"), BYTES("yes"));
}

static void
put_outcome(struct buffer *out, const struct audit_record *record)
{
    if (record->status)
        member_number(out, NAME("status"), record->status);
    member_number(out, NAME("bytes_up"), record->bytes_up);
    member_number(out, NAME("bytes_down"), record->bytes_down);
    member_number(out, NAME("duration_ms"), record->duration_ms);
}

// All that is collected in one millisecond has the same.
static struct bytes
time_text(int64_t time_ms)
{
    static int64_t printed = INT64_MIN;
    static char text[CLOCK_TEXT_SIZE];

    if (time_ms != printed)
        clock_print_ms(time_ms, text);
    printed = time_ms;
    return bytes_str(text);
}

#define UNKNOWN_HASH "0000000000000000000000000000000000000000000000000000000000000000"
#define END          "\"}"

void
audit_record_print(const struct audit_record *record, uint64_t seq, int64_t time_ms,
                   const char prev[AUDIT_HASH_HEX], struct buffer *out)
{
    member_number(out, NAME_AS("{\"seq\":"), seq);
    member_word(out, NAME_OF_TEXT("time"), time_text(time_ms));
    member_word(out, NAME_OF_TEXT("kind"), bytes_str(kind_name[record->kind]));
    member_id(out, NAME_OF_TEXT("id"), record->request_id);
    if (record->kind == AUDIT_DECISION)
        member_word(out, NAME_OF_TEXT("decision"), record->allow ? BYTES("allow") : BYTES("deny"));
    if (record->reason != KH_REASON_UNSET)
        member_word(out, NAME_OF_TEXT("reason"), bytes_str(kh_reason_code(record->reason)));
    member_text(out, NAME_OF_TEXT("detail"), record->detail);
    member_text(out, NAME_OF_TEXT("user"), record->user);
    member_text(out, NAME_OF_TEXT("credential"), record->credential);
    member_text(out, NAME_OF_TEXT("grant"), record->grant);
    member_list(out, NAME("warnings"), record->warning, record->warning_count);
    member_id(out, NAME_OF_TEXT("token"), record->token_id);
    member_id(out, NAME_OF_TEXT("lineage"), record->lineage);
    if (record->made_from_count > 0)
        put_lineages(out, NAME("made_from"), record->made_from, record->made_from_count);
    member_list(out, NAME("labels"), record->label, record->label_count);
    if (record->has_lifetime)
        member_number(out, NAME("lifetime"), (uint64_t)record->lifetime_s);
    member_list(out, NAME("holes"), record->hole, record->hole_count);
    put_request(out, record);
    if (record->has_outcome)
        put_outcome(out, record);
    member_text(out, NAME_OF_TEXT("command"), record->command);
    member_text(out, NAME_OF_TEXT("subject"), record->subject);
    put_member(out, NAME_OF_TEXT("prev"),
               prev ? bytes_of(prev, AUDIT_HASH_HEX - 1) : BYTES(UNKNOWN_HASH), true);
    buffer_put(out, BYTES("}\n"));
}

void
audit_record_link(uint8_t *line, size_t n, const char prev[AUDIT_HASH_HEX])
{
    memcpy(line + n - strlen(END) - (AUDIT_HASH_HEX - 1), prev, AUDIT_HASH_HEX - 1);
}
