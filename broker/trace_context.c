/* SPDX-License-Identifier: Apache-2.0 */
/* W3C Trace Context, sections 3.2 and 3.3. */
#include "trace_context.h"

enum {
    VERSION_SIZE = 2,
    TRACE_AT = 3,
    PARENT_AT = 36,
    PARENT_SIZE = 8,
    FLAGS_AT = 53,
    PARENT_LENGTH = 55,
    MEMBERS_MAX = 32,
    KEY_MAX = 256,
    TENANT_MAX = 241,
    SYSTEM_MAX = 14,
    VALUE_MAX = 256,
};

// Capital letters are not allowed, which bytes_from_hex takes.
static bool
read_hex(struct bytes text, size_t at, uint8_t *out, size_t n)
{
    struct bytes hex = bytes_slice(text, at, 2 * n);
    for (size_t i = 0; i < hex.n; i++)
        if (hex.p[i] >= 'A' && hex.p[i] <= 'F')
            return false;
    return bytes_from_hex(hex, out, n);
}

static bool
is_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= p[i];
    return any == 0;
}

bool
trace_parent_parse(struct bytes value, uint8_t id[TRACE_ID_SIZE])
{
    uint8_t version, flags, trace[TRACE_ID_SIZE], parent[PARENT_SIZE];
    if (value.n < PARENT_LENGTH || value.p[VERSION_SIZE] != '-' || value.p[PARENT_AT - 1] != '-' ||
        value.p[FLAGS_AT - 1] != '-' || !read_hex(value, 0, &version, 1) ||
        !read_hex(value, TRACE_AT, trace, sizeof trace) ||
        !read_hex(value, PARENT_AT, parent, sizeof parent) || !read_hex(value, FLAGS_AT, &flags, 1))
        return false;
    // A later version may have more behind it, and 255 is none.
    if (version == 0xff || (version == 0 && value.n != PARENT_LENGTH) ||
        (value.n > PARENT_LENGTH && value.p[PARENT_LENGTH] != '-') ||
        is_zero(trace, sizeof trace) || is_zero(parent, sizeof parent))
        return false;
    if (id)
        memcpy(id, trace, sizeof trace);
    return true;
}

static bool
is_key_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' ||
           c == '/';
}

static bool
is_word(struct bytes word, size_t max, bool may_begin_with_digit)
{
    if (word.n == 0 || word.n > max)
        return false;
    for (size_t i = 0; i < word.n; i++)
        if (!is_key_char(word.p[i]))
            return false;
    return (word.p[0] >= 'a' && word.p[0] <= 'z') ||
           (may_begin_with_digit && word.p[0] >= '0' && word.p[0] <= '9');
}

// One word, or that of a tenant and that of its system.
static bool
is_key(struct bytes key)
{
    size_t at = bytes_index(key, '@');
    if (at == key.n)
        return is_word(key, KEY_MAX, true);
    return is_word(bytes_slice(key, 0, at), TENANT_MAX, true) &&
           is_word(bytes_from(key, at + 1), SYSTEM_MAX, false);
}

static bool
is_value(struct bytes value)
{
    if (value.n == 0 || value.n > VALUE_MAX || value.p[value.n - 1] == ' ')
        return false;
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < 0x20 || value.p[i] > 0x7e || value.p[i] == ',' || value.p[i] == '=')
            return false;
    return true;
}

bool
trace_state_check(struct bytes value, unsigned *members)
{
    struct bytes member;
    while (bytes_cut(&value, ',', &member)) {
        member = bytes_trim(member);
        size_t sign = bytes_index(member, '=');
        if (member.n == 0)
            continue;
        if (++*members > MEMBERS_MAX || sign == member.n || !is_key(bytes_slice(member, 0, sign)) ||
            !is_value(bytes_from(member, sign + 1)))
            return false;
    }
    return true;
}
