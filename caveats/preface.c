/* SPDX-License-Identifier: Apache-2.0
 *
 * The header that a relay puts before a connection, written and read in one place.
 */
#include "preface.h"

#include "path.h"

#include <string.h>

static const uint8_t signature[PREFACE_SIGNATURE_SIZE] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                          0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

enum {
    VERSION_2_PROXY = 0x21,
    FAMILY_TCP4 = 0x11,
    ADDRESSES_SIZE = 12, // two addresses and two ports
    DESTINATION_PORT = 10,
    VALUE_HEAD_SIZE = 3,
    // 0xE0 to 0xEF are for applications (section 2.2.7).
    VALUE_KIND = 0xe0, // always there
    VALUE_RUN,
    VALUE_TOKEN,
    VALUE_HOSTS,
    VALUE_REQUIRE_TOKEN,
    VALUE_ANSWER,
};

static bool
is_zero(const uint8_t *p, size_t n)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < n; i++)
        seen |= p[i];
    return seen == 0;
}

static bool
hosts_are_patterns(struct bytes hosts)
{
    struct bytes pattern;
    while (bytes_cut(&hosts, ' ', &pattern)) {
        if (!host_pattern_check(pattern))
            return false;
    }
    return true;
}

/* ---- writing ---- */

static void
put_u16(struct buffer *out, size_t value)
{
    buffer_put_byte(out, (uint8_t)(value >> 8));
    buffer_put_byte(out, (uint8_t)value);
}

static void
put_value(struct buffer *out, uint8_t type, struct bytes value)
{
    buffer_put_byte(out, type);
    put_u16(out, value.n);
    buffer_put(out, value);
}

static void
put_values(struct buffer *out, const struct preface *preface)
{
    uint8_t kind = (uint8_t)preface->kind;
    put_value(out, VALUE_KIND, bytes_of(&kind, 1));
    if (!is_zero(preface->run, sizeof preface->run))
        put_value(out, VALUE_RUN, bytes_of(preface->run, sizeof preface->run));
    if (preface->token.n)
        put_value(out, VALUE_TOKEN, preface->token);
    if (preface->hosts.n)
        put_value(out, VALUE_HOSTS, preface->hosts);
    if (preface->require_token)
        put_value(out, VALUE_REQUIRE_TOKEN, BYTES_EMPTY);
    if (preface->kind == PREFACE_DNS)
        put_value(out, VALUE_ANSWER, bytes_of(preface->answer, sizeof preface->answer));
}

// What the reader would refuse.
static bool
is_sound(const struct preface *preface)
{
    return preface->kind < PREFACE_KIND_COUNT && preface->token.n <= PREFACE_TOKEN_MAX &&
           preface->hosts.n <= PREFACE_HOSTS_MAX && hosts_are_patterns(preface->hosts) &&
           (preface->port != 0) == (preface->kind == PREFACE_TRANSPARENT) &&
           (preface->kind == PREFACE_DNS || is_zero(preface->answer, sizeof preface->answer));
}

void
preface_write(const struct preface *preface, struct buffer *out)
{
    struct buffer values;
    buffer_init_secret(&values, PREFACE_MAX);
    put_values(&values, preface);
    if (is_sound(preface) && !values.failed) {
        static const uint8_t nowhere[DESTINATION_PORT];
        buffer_put(out, bytes_of(signature, sizeof signature));
        buffer_put_byte(out, VERSION_2_PROXY);
        buffer_put_byte(out, FAMILY_TCP4);
        put_u16(out, ADDRESSES_SIZE + values.n);
        buffer_put(out, bytes_of(nowhere, sizeof nowhere));
        put_u16(out, preface->port);
        buffer_put(out, buffer_bytes(&values));
    } else {
        out->failed = true;
    }
    buffer_free(&values);
}

/* ---- reading ---- */

static size_t
read_u16(struct bytes bytes, size_t at)
{
    return (size_t)bytes.p[at] << 8 | bytes.p[at + 1];
}

static bool
read_kind(struct bytes value, struct preface *out)
{
    if (value.n != 1 || value.p[0] >= PREFACE_KIND_COUNT)
        return false;
    out->kind = (enum preface_kind)value.p[0];
    return true;
}

static bool
read_run(struct bytes value, struct preface *out)
{
    if (value.n != sizeof out->run || is_zero(value.p, value.n))
        return false;
    memcpy(out->run, value.p, value.n);
    return true;
}

static bool
read_token(struct bytes value, struct preface *out)
{
    out->token = value;
    return value.n > 0 && value.n <= PREFACE_TOKEN_MAX;
}

static bool
read_hosts(struct bytes value, struct preface *out)
{
    out->hosts = value;
    return value.n > 0 && value.n <= PREFACE_HOSTS_MAX && hosts_are_patterns(value);
}

static bool
read_require_token(struct bytes value, struct preface *out)
{
    out->require_token = true;
    return value.n == 0;
}

static bool
read_answer(struct bytes value, struct preface *out)
{
    if (value.n != sizeof out->answer)
        return false;
    memcpy(out->answer, value.p, value.n);
    return true;
}

static bool (*const reader[])(struct bytes value, struct preface *out) = {
    [VALUE_KIND - VALUE_KIND] = read_kind,
    [VALUE_RUN - VALUE_KIND] = read_run,
    [VALUE_TOKEN - VALUE_KIND] = read_token,
    [VALUE_HOSTS - VALUE_KIND] = read_hosts,
    [VALUE_REQUIRE_TOKEN - VALUE_KIND] = read_require_token,
    [VALUE_ANSWER - VALUE_KIND] = read_answer,
};

enum { READER_COUNT = sizeof reader / sizeof *reader };

static bool
read_values(struct bytes values, struct preface *out, unsigned *seen)
{
    *seen = 0;
    while (values.n > 0) {
        if (values.n < VALUE_HEAD_SIZE)
            return false;
        unsigned which = (unsigned)values.p[0] - VALUE_KIND; // below it: a huge number
        size_t n = read_u16(values, 1);
        if (which >= READER_COUNT || (*seen & 1u << which) || n > values.n - VALUE_HEAD_SIZE)
            return false;
        if (!reader[which](bytes_slice(values, VALUE_HEAD_SIZE, n), out))
            return false;
        *seen |= 1u << which;
        values = bytes_from(values, VALUE_HEAD_SIZE + n);
    }
    return true;
}

static bool
read_whole(struct bytes whole, struct preface *out)
{
    unsigned seen;
    struct bytes body = bytes_from(whole, PREFACE_HEAD_SIZE);
    if (!read_values(bytes_from(body, ADDRESSES_SIZE), out, &seen) || !(seen & 1))
        return false;
    out->port = (uint16_t)read_u16(body, DESTINATION_PORT);
    bool has_answer = seen & 1u << (VALUE_ANSWER - VALUE_KIND);
    return (out->port != 0) == (out->kind == PREFACE_TRANSPARENT) &&
           has_answer == (out->kind == PREFACE_DNS);
}

enum preface_result
preface_read(struct bytes bytes, struct preface *out, size_t *used)
{
    size_t common = bytes.n < sizeof signature ? bytes.n : sizeof signature;
    if (memcmp(signature, common ? bytes.p : signature, common) != 0)
        return PREFACE_NONE;
    if (bytes.n < PREFACE_HEAD_SIZE)
        return PREFACE_MORE;
    size_t n = PREFACE_HEAD_SIZE + read_u16(bytes, 14);
    if (bytes.p[12] != VERSION_2_PROXY || bytes.p[13] != FAMILY_TCP4 || n > PREFACE_MAX ||
        n < PREFACE_HEAD_SIZE + ADDRESSES_SIZE)
        return PREFACE_BAD;
    if (bytes.n < n)
        return PREFACE_MORE;
    struct preface read = {.kind = PREFACE_PROXY};
    if (!read_whole(bytes_slice(bytes, 0, n), &read))
        return PREFACE_BAD;
    *out = read;
    *used = n;
    return PREFACE_READ;
}

bool
preface_allows(const struct preface *preface, struct bytes host)
{
    struct bytes rest = preface->hosts, pattern;
    if (rest.n == 0)
        return true;
    while (bytes_cut(&rest, ' ', &pattern)) {
        if (host_pattern_matches(pattern, host))
            return true;
    }
    return false;
}
