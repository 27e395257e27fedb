/* SPDX-License-Identifier: Apache-2.0 */
/* The text that a person vouches for: printing, strict reading, and what is signed. */

#include "challenge.h"

#include <sodium.h>
#include <string.h>

#include "quoted.h"

_Static_assert(CHALLENGE_SIZE == crypto_hash_sha256_BYTES, "a challenge is a SHA-256");

static const struct purpose_row {
    const char *name, *ssh_namespace;
} purposes[] = {
    [CHALLENGE_UNSET] = {"", ""},
    [CHALLENGE_DISCHARGE] = {"keyhole-discharge-v1", "discharge@keyhole"},
    [CHALLENGE_ENROLL] = {"keyhole-enroll-v1", "enroll@keyhole"},
};

static const struct key_row {
    const char *text, *label;
    bool many;
} keys[CHALLENGE_KEY_COUNT] = {
    [CHALLENGE_KEY_UNSET] = {"", "", false},
#define KH_CHALLENGE(name, text, many, label) [CHALLENGE_##name] = {text, label, many},
#include "../schema/challenge.def"
};

static const struct purpose_row *
purpose_row(enum challenge_purpose purpose)
{
    bool known = purpose == CHALLENGE_DISCHARGE || purpose == CHALLENGE_ENROLL;
    return &purposes[known ? purpose : CHALLENGE_UNSET];
}

const char *
challenge_purpose_name(enum challenge_purpose purpose)
{
    return purpose_row(purpose)->name;
}

const char *
challenge_ssh_namespace(enum challenge_purpose purpose)
{
    return purpose_row(purpose)->ssh_namespace;
}

static const struct key_row *
key_row(enum challenge_key key)
{
    return &keys[(unsigned)key < CHALLENGE_KEY_COUNT ? key : CHALLENGE_KEY_UNSET];
}

const char *
challenge_key_label(enum challenge_key key)
{
    return key_row(key)->label;
}

/* ---- escapes ---- */

void
challenge_escape(struct bytes text, struct buffer *out)
{
    bool is_utf8 = bytes_is_utf8(text);
    for (size_t i = 0; i < text.n;) {
        size_t start = i;
        uint32_t c = is_utf8 ? quoted_code_point(text, &i) : text.p[i++];
        if (c == '\\')
            buffer_put_str(out, "\\\\");
        else if (!is_utf8 && c >= 0x80)
            buffer_printf(out, "\\x{%x}", (unsigned)c);
        else if (quoted_is_hidden(c))
            buffer_printf(out, "\\u{%x}", (unsigned)c);
        else
            buffer_put(out, bytes_slice(text, start, i - start));
    }
}

/* "{202e}" at `*rest`. Whether it had to be escaped is found when it is escaped again. */
static bool
unescape_code_point(struct bytes *rest, struct buffer *out)
{
    uint32_t c = 0;
    size_t end = bytes_index(*rest, '}');
    if (end == rest->n || end < 2 || end > 5 || rest->p[0] != '{')
        return false;
    for (size_t i = 1; i < end; i++) {
        uint8_t digit = 0, pair[2] = {'0', rest->p[i]};
        if (!bytes_from_hex(bytes_of(pair, sizeof pair), &digit, 1))
            return false;
        c = c << 4 | digit;
    }
    quoted_put_code_point(c, out);
    *rest = bytes_from(*rest, end + 1);
    return true;
}

static bool
unescape(struct bytes text, struct buffer *out)
{
    struct bytes rest = text;
    while (rest.n) {
        size_t plain = bytes_index(rest, '\\');
        buffer_put(out, bytes_slice(rest, 0, plain));
        rest = bytes_from(rest, plain);
        if (rest.n == 0)
            break;
        uint8_t kind = rest.n > 1 ? rest.p[1] : 0;
        rest = bytes_from(rest, 2);
        if (kind == '\\')
            buffer_put_byte(out, '\\');
        else if (kind != 'u' || !unescape_code_point(&rest, out))
            return false;
    }
    return true;
}

/* ---- the text ---- */

/* Whether `key` may stand after `before`: the order is the table's. */
static bool
is_in_order(enum challenge_key before, enum challenge_key key)
{
    return key > before || (key == before && key_row(key)->many);
}

enum kh_err
challenge_text_print(const struct challenge_line *line, size_t count, struct buffer *out,
                     struct fault *fault)
{
    BUFFER_AUTO text;
    buffer_init(&text, CHALLENGE_TEXT_MAX);
    enum challenge_key before = CHALLENGE_KEY_UNSET;
    if (count > CHALLENGE_LINES_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "a challenge has at most %d lines",
                         CHALLENGE_LINES_MAX);
    for (size_t i = 0; i < count; i++) {
        enum challenge_key key = line[i].key;
        if ((unsigned)key >= CHALLENGE_KEY_COUNT || !is_in_order(before, key))
            return fault_set(fault, KH_ERR_SYNTAX,
                             "line %zu of a challenge is out of order, unknown, or there twice",
                             i + 1);
        if (!bytes_is_utf8(line[i].value))
            return fault_set(fault, KH_ERR_SYNTAX, "a challenge's %s is not UTF-8",
                             key_row(key)->text);
        before = key;
        buffer_printf(&text, "%s=", key_row(key)->text);
        challenge_escape(line[i].value, &text);
        buffer_put_byte(&text, '\n');
    }
    if (!text.failed)
        buffer_put(out, buffer_bytes(&text));
    return text.failed || out->failed
               ? fault_set(fault, KH_ERR_TOO_LONG, "a challenge is at most %d bytes long",
                           CHALLENGE_TEXT_MAX)
               : KH_OK;
}

static enum challenge_key
key_find(struct bytes text)
{
    for (int i = CHALLENGE_KEY_UNSET + 1; i < CHALLENGE_KEY_COUNT; i++) {
        if (bytes_is(text, keys[i].text))
            return (enum challenge_key)i;
    }
    return CHALLENGE_KEY_UNSET;
}

/* One escape for each character and one character for each escape: escaped again, it is the same.
 */
static bool
read_value(struct bytes escaped, struct buffer *storage)
{
    BUFFER_AUTO again;
    buffer_init(&again, CHALLENGE_TEXT_MAX);
    size_t start = storage->n;
    if (!bytes_is_utf8(escaped) || !unescape(escaped, storage))
        return false;
    challenge_escape(bytes_from(buffer_bytes(storage), start), &again);
    return !storage->failed && !again.failed && bytes_equal(buffer_bytes(&again), escaped);
}

static enum kh_err
line_fault(struct fault *fault, size_t i, const char *what)
{
    return fault_set(fault, KH_ERR_SYNTAX, "line %zu of the challenge %s", i + 1, what);
}

/* Values are found by their lengths when the storage does not move any more. */
static enum kh_err
parse_lines(struct bytes text, struct buffer *storage, struct challenge_line *line, size_t *count,
            struct fault *fault)
{
    enum challenge_key before = CHALLENGE_KEY_UNSET;
    struct bytes rest = text;
    size_t n = 0;
    for (; rest.n; n++) {
        size_t end = bytes_index(rest, '\n');
        struct bytes whole = bytes_slice(rest, 0, end);
        size_t equals = bytes_index(whole, '=');
        if (n == CHALLENGE_LINES_MAX)
            return line_fault(fault, n, "is one too many");
        if (end == rest.n || equals == whole.n)
            return line_fault(fault, n, "is not key=value and a newline");
        enum challenge_key key = key_find(bytes_slice(whole, 0, equals));
        if (key == CHALLENGE_KEY_UNSET || !is_in_order(before, key))
            return line_fault(fault, n, "has a key that is unknown, out of order, or there twice");
        size_t start = storage->n;
        if (!read_value(bytes_from(whole, equals + 1), storage))
            return line_fault(fault, n, "is not escaped as it must be");
        line[n] = (struct challenge_line){.key = key, .value = {NULL, storage->n - start}};
        before = key;
        rest = bytes_from(rest, end + 1);
    }
    *count = n;
    return KH_OK;
}

enum kh_err
challenge_text_parse(struct bytes text, struct buffer *storage,
                     struct challenge_line line[CHALLENGE_LINES_MAX], size_t *count,
                     struct fault *fault)
{
    size_t n = 0, at = storage->n;
    struct challenge_line found[CHALLENGE_LINES_MAX];
    if (text.n > CHALLENGE_TEXT_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "a challenge is at most %d bytes long",
                         CHALLENGE_TEXT_MAX);
    enum kh_err err = parse_lines(text, storage, found, &n, fault);
    if (err) {
        storage->n = at;
        return err;
    }
    for (size_t i = 0; i < n; i++) {
        line[i].key = found[i].key;
        line[i].value = bytes_slice(buffer_bytes(storage), at, found[i].value.n);
        at += found[i].value.n;
    }
    *count = n;
    return KH_OK;
}

struct bytes
challenge_find(const struct challenge_line *line, size_t count, enum challenge_key key)
{
    for (size_t i = 0; i < count; i++) {
        if (line[i].key == key)
            return line[i].value;
    }
    return BYTES_EMPTY;
}

bool
challenge_digest(enum challenge_purpose purpose, struct bytes text,
                 const uint8_t nonce[CHALLENGE_NONCE_SIZE], uint8_t out[CHALLENGE_SIZE])
{
    crypto_hash_sha256_state state;
    struct bytes name = bytes_str(challenge_purpose_name(purpose));
    return name.n > 0 && crypto_hash_sha256_init(&state) == 0 &&
           crypto_hash_sha256_update(&state, name.p, name.n) == 0 &&
           crypto_hash_sha256_update(&state, text.p, text.n) == 0 &&
           crypto_hash_sha256_update(&state, nonce, CHALLENGE_NONCE_SIZE) == 0 &&
           crypto_hash_sha256_final(&state, out) == 0;
}
