/* SPDX-License-Identifier: Apache-2.0
 *
 * Building the caveats of an attenuation. Text goes through the parser and the canonical printer
 * whatever it came from, so that nothing is ever appended that a broker could read otherwise.
 */
#include "attenuate.h"

#include "../caveats/path.h"
#include "../caveats/quoted.h"
#include "moment.h"

void
attenuation_init(struct attenuation *a)
{
    *a = (struct attenuation){0};
    for (size_t i = 0; i < TOKEN_CAVEATS_MAX; i++)
        buffer_init(&a->storage[i], CAVEAT_TEXT_MAX);
    buffer_init(&a->refused, CAVEAT_TEXT_MAX * 8);
}

void
attenuation_free(struct attenuation *a)
{
    for (size_t i = 0; i < TOKEN_CAVEATS_MAX; i++) {
        caveat_free(&a->caveat[i]);
        buffer_free(&a->storage[i]);
    }
    buffer_free(&a->refused);
    a->count = 0;
}

static enum kh_err
attenuation_check(const struct caveat *caveat, struct fault *fault)
{
    for (size_t i = 0; i < caveat->count; i++) {
        const struct attribute_info *info = attribute_info(caveat->predicate[i].attribute);
        if (info->place == PLACE_DISCHARGE)
            return fault_set(fault, KH_ERR_USAGE,
                             "'%s' belongs in discharges; in a token it would make every request "
                             "fail",
                             info->text);
        if (caveat->predicate[i].attribute == ATTRIBUTE_HOLE)
            return fault_set(fault, KH_ERR_USAGE,
                             "'%s' says what the third-party caveat after it demands, and limits "
                             "nothing by itself: give --hole",
                             info->text);
    }
    return KH_OK;
}

enum kh_err
attenuation_add(struct attenuation *a, struct bytes text, struct fault *fault)
{
    struct caveat *caveat = NULL;
    buffer_clear(&a->refused);
    if (a->count == TOKEN_CAVEATS_MAX)
        return fault_set(fault, KH_ERR_RANGE, "a token has at most %d caveats", TOKEN_CAVEATS_MAX);
    enum kh_err err = caveat_parse(text, &caveat, fault);
    if (err != KH_OK) {
        buffer_put(&a->refused, text);
        return err;
    }
    struct buffer *storage = &a->storage[a->count];
    buffer_clear(storage);
    err = attenuation_check(caveat, fault);
    if (err == KH_OK) {
        caveat_print(caveat, storage);
        if (storage->failed)
            err = fault_set(fault, KH_ERR_TOO_LONG, "a caveat is at most %d bytes long",
                            CAVEAT_TEXT_MAX);
    }
    if (err != KH_OK) {
        caveat_free(&caveat);
        return err;
    }
    a->caveat[a->count] = caveat;
    a->text[a->count++] = buffer_bytes(storage);
    return KH_OK;
}

static bool
attenuation_is_pattern(struct bytes value)
{
    return bytes_index(value, '*') < value.n;
}

// A host is written as people do; a caveat holds its canonical name. What has none is left as it
// is, for the parser to refuse with its sentence.
static void
attenuation_put_value(enum attribute attribute, struct bytes value, struct buffer *out)
{
    BUFFER_AUTO host;
    buffer_init(&host, CAVEAT_TEXT_MAX);
    if (attribute == ATTRIBUTE_HOST && host_canonical(value, &host) == KH_OK && !host.failed)
        value = buffer_bytes(&host);
    quoted_print(value, false, out);
}

// One "attribute = v" or "attribute in v, w" of the plain values.
static size_t
attenuation_put_plain(enum attribute attribute, const struct bytes *value, size_t count,
                      struct buffer *out)
{
    size_t plain = 0, put = 0;
    for (size_t i = 0; i < count; i++)
        plain += !attenuation_is_pattern(value[i]);
    for (size_t i = 0; i < count; i++) {
        if (attenuation_is_pattern(value[i]))
            continue;
        if (put++ == 0)
            buffer_printf(out, "%s %s ", attribute_info(attribute)->text, plain == 1 ? "=" : "in");
        else
            buffer_put_str(out, ", ");
        attenuation_put_value(attribute, value[i], out);
    }
    return plain;
}

// What the language would take and nobody can mean.
static enum kh_err
attenuation_check_spelling(enum attribute attribute, const struct bytes *value, size_t count,
                           struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        if (value[i].n == 0)
            return fault_set(fault, KH_ERR_USAGE, "%s needs a value, and got an empty one",
                             attribute_info(attribute)->text);
        for (size_t k = 0; attribute == ATTRIBUTE_METHOD && k < value[i].n; k++)
            if (value[i].p[k] >= 'a' && value[i].p[k] <= 'z')
                return fault_set(
                    fault, KH_ERR_USAGE,
                    "method: methods are written in capitals, and compared as they are: GET, "
                    "not get");
        if (attribute == ATTRIBUTE_PATH && value[i].p[0] != '/' && value[i].p[0] != '*')
            return fault_set(fault, KH_ERR_USAGE, "path: a path begins with /");
    }
    return KH_OK;
}

enum kh_err
attenuation_add_any(struct attenuation *a, enum attribute attribute, const struct bytes *value,
                    size_t count, struct fault *fault)
{
    if (count == 0)
        return KH_OK;
    const char *name = attribute_info(attribute)->text;
    enum kh_err err = attenuation_check_spelling(attribute, value, count, fault);
    if (err != KH_OK)
        return err;
    BUFFER_AUTO text;
    buffer_init(&text, CAVEAT_TEXT_MAX * 8);
    size_t predicates = attenuation_put_plain(attribute, value, count, &text) > 0;
    for (size_t i = 0; i < count; i++) {
        if (!attenuation_is_pattern(value[i]))
            continue;
        buffer_printf(&text, "%s%s ~ ", predicates++ > 0 ? " or " : "", name);
        quoted_print(value[i], false, &text);
    }
    if (text.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "a caveat is at most %d bytes long",
                         CAVEAT_TEXT_MAX);
    return attenuation_add(a, buffer_bytes(&text), fault);
}

enum kh_err
attenuation_add_label(struct attenuation *a, struct bytes label, struct fault *fault)
{
    if (label.n == 0)
        return fault_set(fault, KH_ERR_USAGE, "a label must not be empty");
    BUFFER_AUTO text;
    buffer_init(&text, CAVEAT_TEXT_MAX * 8);
    buffer_put_str(&text, "label = ");
    quoted_print(label, false, &text);
    if (text.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "a caveat is at most %d bytes long",
                         CAVEAT_TEXT_MAX);
    return attenuation_add(a, buffer_bytes(&text), fault);
}

enum kh_err
attenuation_add_lifetime(struct attenuation *a, int64_t now, int64_t seconds, struct fault *fault)
{
    BUFFER_AUTO text;
    buffer_init(&text, 64);
    buffer_put_str(&text, "time < ");
    moment_put(&text, now + seconds);
    return attenuation_add(a, buffer_bytes(&text), fault);
}

// Clients and servers split at white space, commas and quotes; and the mark must come first where
// it comes.
enum kh_err
attenuation_check_prefix(struct bytes prefix, struct fault *fault)
{
    static const char marks[] = "-_.:/+~@";
    BUFFER_AUTO whole;
    buffer_init(&whole, TOKEN_PREFIX_MAX + sizeof TOKEN_MARK);
    buffer_put(&whole, prefix);
    buffer_put_str(&whole, TOKEN_MARK);
    if (whole.failed || prefix.n > TOKEN_PREFIX_MAX)
        return fault_set(fault, KH_ERR_USAGE, "a prefix is at most %d characters long",
                         TOKEN_PREFIX_MAX);
    for (size_t i = 0; i < prefix.n; i++) {
        uint8_t c = prefix.p[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool digit = c >= '0' && c <= '9';
        if (!letter && !digit && bytes_index(bytes_str(marks), c) == sizeof marks - 1)
            return fault_set(fault, KH_ERR_USAGE, "a prefix consists of letters, digits and %s",
                             marks);
    }
    if (bytes_find(buffer_bytes(&whole), BYTES(TOKEN_MARK)) != prefix.n)
        return fault_set(fault, KH_ERR_USAGE, "a prefix must not contain %s", TOKEN_MARK);
    return KH_OK;
}

static enum kh_err
attenuation_print(const struct buffer *text, const struct bytes *prefix, struct buffer *out,
                  struct fault *fault)
{
    struct token *token = NULL;
    enum kh_err err = token_scan(buffer_bytes(text), &token, fault);
    if (err != KH_OK)
        return err;
    BUFFER_AUTO whole;
    buffer_init_secret(&whole, TOKEN_TEXT_MAX);
    token_print(token, prefix != NULL ? *prefix : token->prefix, &whole);
    token_free(&token);
    if (whole.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "the token would be longer than %d characters",
                         TOKEN_TEXT_MAX);
    buffer_put(out, buffer_bytes(&whole));
    return out->failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up") : KH_OK;
}

enum kh_err
attenuation_apply(const struct attenuation *a, const struct token *token,
                  const struct bytes *prefix, struct buffer *out, struct fault *fault)
{
    enum kh_err err = prefix != NULL ? attenuation_check_prefix(*prefix, fault) : KH_OK;
    if (err != KH_OK)
        return err;
    if (token->caveat_count + a->count > TOKEN_CAVEATS_MAX)
        return fault_set(fault, KH_ERR_RANGE,
                         "a token has at most %d caveats; this one has %zu, and %zu were to come",
                         TOKEN_CAVEATS_MAX, token->caveat_count, a->count);
    BUFFER_AUTO text;
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    if (a->count > 0) {
        err = token_attenuate(token, a->text, a->count, &text, fault);
    } else {
        token_print(token, token->prefix, &text);
        if (text.failed)
            err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    return err == KH_OK ? attenuation_print(&text, prefix, out, fault) : err;
}
