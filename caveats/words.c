/* SPDX-License-Identifier: Apache-2.0
 *
 * Caveats in plain words: a table of verbs, and a subject for each attribute.
 */
#include "words.h"

#include "moment.h"
#include "predicate_value.h"
#include "text.h"

// Attributes whose own name does not read well in a sentence.
static const struct {
    enum attribute attribute;
    const char *subject; /* the key follows */
} words_subject[] = {
    {ATTRIBUTE_QUERY, "the query parameter "},     {ATTRIBUTE_HEADER, "the header "},
    {ATTRIBUTE_CONTENT_TYPE, "the media type"},    {ATTRIBUTE_CLIENT, "the client's address"},
    {ATTRIBUTE_BODY, "the body's value at "},      {ATTRIBUTE_BODY_SIZE, "the body's size"},
    {ATTRIBUTE_BODY_SHA256, "the body's SHA-256"}, {ATTRIBUTE_UPGRADE, "the upgrade"},
    {ATTRIBUTE_LABEL, "the holder's name"},
};

static const char *const words_verb[] = {
    [OPERATOR_EQUAL] = "is",
    [OPERATOR_NOT_EQUAL] = "is not",
    [OPERATOR_IN] = "is",
    [OPERATOR_NOT_IN] = "is not",
    [OPERATOR_MATCHES] = "matches",
    [OPERATOR_NOT_MATCHES] = "does not match",
    [OPERATOR_LESS] = "is below",
    [OPERATOR_LESS_EQUAL] = "is at most",
    [OPERATOR_GREATER] = "is above",
    [OPERATOR_GREATER_EQUAL] = "is at least",
    [OPERATOR_PRESENT] = "is present",
    [OPERATOR_ABSENT] = "is absent",
};

static const char *const words_time_verb[] = {
    [OPERATOR_LESS] = "before",
    [OPERATOR_LESS_EQUAL] = "until",
    [OPERATOR_GREATER] = "after",
    [OPERATOR_GREATER_EQUAL] = "from",
};

static const char *
words_lookup(const char *const *table, size_t n, enum operator_kind kind)
{
    return (size_t)kind < n ? table[kind] : NULL;
}
#define WORDS_LOOKUP(table, kind) words_lookup(table, sizeof table / sizeof table[0], kind)

static void
words_put_subject(struct buffer *out, const struct predicate *predicate)
{
    for (size_t i = 0; i < sizeof words_subject / sizeof words_subject[0]; i++) {
        if (words_subject[i].attribute == predicate->attribute) {
            buffer_put_str(out, words_subject[i].subject);
            if (predicate->attribute == ATTRIBUTE_BODY && predicate->key.n == 0)
                buffer_put_str(out, "its top");
            text_put_safe(out, predicate->key);
            return;
        }
    }
    buffer_printf(out, "the %s", attribute_info(predicate->attribute)->text);
}

static void
words_put_values(struct buffer *out, const struct predicate *predicate)
{
    bool negative = predicate->operator_kind == OPERATOR_NOT_EQUAL ||
                    predicate->operator_kind == OPERATOR_NOT_IN ||
                    predicate->operator_kind == OPERATOR_NOT_MATCHES;
    for (size_t i = 0; i < predicate->count; i++) {
        if (i > 0)
            buffer_put_str(out, i + 1 < predicate->count ? ", " : negative ? " nor " : " or ");
        bool quotes = predicate_value_needs_quotes(predicate, &predicate->value[i]);
        buffer_put_str(out, quotes ? "\"" : "");
        text_put_safe(out, predicate->value[i].text);
        buffer_put_str(out, quotes ? "\"" : "");
    }
}

static const struct {
    uint32_t window_s;
    const char *words;
} words_window[] = {{1, " a second"}, {60, " a minute"}, {3600, " an hour"}, {86400, " a day"}};

// "at most 60 uses a minute"
static void
words_put_counter(struct buffer *out, const struct predicate *predicate)
{
    const struct predicate_value *value = &predicate->value[0];
    bool below = predicate->operator_kind == OPERATOR_LESS;
    buffer_printf(out, "%s %lld use%s", below ? "fewer than" : "at most", (long long)value->number,
                  value->number == 1 ? "" : "s");
    for (size_t i = 0; i < sizeof words_window / sizeof words_window[0]; i++) {
        if (words_window[i].window_s == value->window_s)
            buffer_put_str(out, words_window[i].words);
    }
    buffer_put_str(out, ", counted with all made from this token");
}

static void
words_put_predicate(struct buffer *out, const struct predicate *predicate, int64_t now)
{
    enum operator_kind kind = predicate->operator_kind;
    const char *when = WORDS_LOOKUP(words_time_verb, kind);
    if (predicate->attribute == ATTRIBUTE_TIME && when != NULL && predicate->count == 1) {
        buffer_printf(out, "%s ", when);
        moment_put(out, predicate->value[0].number);
        buffer_put_str(out, ", ");
        moment_put_relative(out, predicate->value[0].number, now);
        return;
    }
    if (attribute_info(predicate->attribute)->place == PLACE_COUNTER && predicate->count == 1) {
        words_put_counter(out, predicate);
        return;
    }
    const char *verb = WORDS_LOOKUP(words_verb, kind);
    words_put_subject(out, predicate);
    buffer_printf(out, " %s", verb != NULL ? verb : "?");
    if (predicate->count > 0)
        buffer_put_byte(out, ' ');
    words_put_values(out, predicate);
}

void
words_put_caveat(struct buffer *out, const struct caveat *caveat, int64_t now)
{
    for (size_t i = 0; i < caveat->count; i++) {
        if (i > 0)
            buffer_put_str(out, ", or ");
        words_put_predicate(out, &caveat->predicate[i], now);
    }
}
