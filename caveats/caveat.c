/* SPDX-License-Identifier: Apache-2.0 */
/* A caveat: predicates joined by "or", in one block of memory with all that they point to. */

#include "caveat.h"

#include <stdlib.h>
#include <string.h>

#include "quoted.h"

/* No more than these can be in the text: commas and "or" inside of strings count too. */
static void
count_parts(struct bytes text, size_t *predicates, size_t *values)
{
    *predicates = 1;
    *values = 1;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == ',')
            ++*values;
        if (bytes_starts(bytes_from(text, i), BYTES(" or ")))
            ++*predicates;
    }
    *values += *predicates;
}

static struct caveat *
caveat_new(struct bytes text, struct predicate_arena *arena)
{
    size_t predicates, values;
    count_parts(text, &predicates, &values);
    size_t size = sizeof(struct caveat) + predicates * sizeof(struct predicate) +
                  values * sizeof(struct predicate_value) + text.n;
    struct caveat *caveat = malloc(size);
    if (!caveat)
        return NULL;
    caveat->predicate = (struct predicate *)(caveat + 1);
    caveat->count = 0;
    caveat->on_record = false;
    *arena = (struct predicate_arena){
        .value = (struct predicate_value *)(caveat->predicate + predicates),
        .value_cap = values,
        .text_cap = text.n,
    };
    arena->text = (uint8_t *)(arena->value + values);
    return caveat;
}

static enum kh_err
check_text(struct bytes text, struct fault *fault)
{
    if (text.n == 0)
        return fault_set(fault, KH_ERR_SYNTAX, "the caveat is empty");
    if (text.n > CAVEAT_TEXT_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the caveat is longer than %d bytes",
                         CAVEAT_TEXT_MAX);
    if (!quoted_text_is_clean(text))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "the caveat is not UTF-8, or has a control character in it");
    return KH_OK;
}

/* A record in an "or" would make the rest void, a `parent` there would bind to nothing, and nobody
 * could say whether a request was one of the uses. */
static enum kh_err
check_alone(const struct caveat *caveat, struct fault *fault)
{
    for (size_t i = 0; i < caveat->count && caveat->count > 1; i++) {
        const struct attribute_info *info = attribute_info(caveat->predicate[i].attribute);
        if (info->place != PLACE_REQUEST)
            return fault_set(fault, KH_ERR_SYNTAX, "%s stands alone in its caveat", info->text);
    }
    return KH_OK;
}

/* The canonical form must be a caveat too: it has spaces that the text may lack. */
static enum kh_err
check_canonical_size(struct bytes text, const struct caveat *caveat, struct fault *fault)
{
    if (text.n <= CAVEAT_TEXT_MAX / 2)
        return KH_OK; /* nothing is printed at more than twice its size */
    BUFFER_AUTO canonical;
    buffer_init(&canonical, CAVEAT_TEXT_MAX);
    caveat_print(caveat, &canonical);
    return canonical.failed
               ? fault_set(fault, KH_ERR_TOO_LONG,
                           "in canonical form the caveat is longer than %d bytes", CAVEAT_TEXT_MAX)
               : KH_OK;
}

const struct predicate *
caveat_counter(const struct caveat *caveat)
{
    const struct attribute_info *info = attribute_info(caveat->predicate[0].attribute);
    return info && info->place == PLACE_COUNTER ? &caveat->predicate[0] : NULL;
}

static bool
is_on_record(enum attribute attribute)
{
    switch (attribute) {
    case ATTRIBUTE_QUERY:
    case ATTRIBUTE_HEADER:
    case ATTRIBUTE_BODY:
    case ATTRIBUTE_BODY_SIZE:
    case ATTRIBUTE_BODY_SHA256:
    case ATTRIBUTE_LABEL:
        return true;
    default:
        return false;
    }
}

static enum kh_err
read_predicates(struct bytes text, struct predicate_arena *arena, struct caveat *caveat,
                struct fault *fault)
{
    size_t at = 0;
    for (;;) {
        enum kh_err err =
            predicate_parse(text, &at, arena, &caveat->predicate[caveat->count], fault);
        if (err)
            return err;
        caveat->on_record |= is_on_record(caveat->predicate[caveat->count].attribute);
        caveat->count++;
        if (at == text.n)
            return KH_OK;
        if (!bytes_starts(bytes_from(text, at), BYTES(" or ")))
            return fault_set(fault, KH_ERR_SYNTAX,
                             "at byte %zu: expected the end, or another predicate after \" or \"",
                             at + 1);
        at += strlen(" or ");
    }
}

enum kh_err
caveat_parse(struct bytes text, struct caveat **out, struct fault *fault)
{
    struct predicate_arena arena;
    enum kh_err err = check_text(text, fault);
    if (err)
        return err;
    struct caveat *caveat = caveat_new(text, &arena);
    if (!caveat)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    err = read_predicates(text, &arena, caveat, fault);
    if (!err)
        err = check_alone(caveat, fault);
    if (!err)
        err = check_canonical_size(text, caveat, fault);
    if (err)
        caveat_free(&caveat);
    else
        *out = caveat;
    return err;
}

void
caveat_free(struct caveat **caveat)
{
    free(*caveat);
    *caveat = NULL;
}

void
caveat_print(const struct caveat *caveat, struct buffer *out)
{
    for (size_t i = 0; i < caveat->count; i++) {
        if (i > 0)
            buffer_put_str(out, " or ");
        predicate_print(&caveat->predicate[i], out);
    }
}

bool
caveat_holds(const struct caveat *caveat, const struct facts *facts)
{
    for (size_t i = 0; i < caveat->count; i++) {
        if (predicate_holds(&caveat->predicate[i], facts))
            return true;
    }
    return false;
}

enum caveat_verdict
caveat_judge(const struct caveat *caveat, const struct facts *facts)
{
    if (caveat_holds(caveat, facts))
        return CAVEAT_HOLDS;
    for (size_t i = 0; i < caveat->count; i++) {
        if (predicate_needs_body(&caveat->predicate[i], facts))
            return CAVEAT_NEEDS_BODY;
    }
    return CAVEAT_FAILS;
}

typedef bool predicate_fn(const struct predicate *predicate, const struct facts *facts);

static enum judgement
judge_by(const struct caveat *caveat, const struct facts *facts, predicate_fn *holds,
         caveat_hidden_fn *hidden, void *context)
{
    bool is_hidden = false, needs_body = false;
    for (size_t i = 0; i < caveat->count; i++) {
        const struct predicate *p = &caveat->predicate[i];
        if (hidden && hidden(context, p))
            is_hidden = true;
        else if (predicate_needs_body(p, facts))
            needs_body = true;
        else if (holds(p, facts))
            return JUDGEMENT_HOLDS;
    }
    return is_hidden ? JUDGEMENT_UNKNOWN : needs_body ? JUDGEMENT_NEEDS_BODY : JUDGEMENT_FAILS;
}

enum judgement
caveat_judge_hidden(const struct caveat *caveat, const struct facts *facts,
                    caveat_hidden_fn *hidden, void *context)
{
    return judge_by(caveat, facts, predicate_holds, hidden, context);
}

enum judgement
caveat_judge_any_reading(const struct caveat *caveat, const struct facts *facts,
                         caveat_hidden_fn *hidden, void *context)
{
    return judge_by(caveat, facts, predicate_may_hold, hidden, context);
}

/* The first second at which a bound on `time` has the other answer. */
static int64_t
bound_change(const struct predicate *p)
{
    if (p->attribute != ATTRIBUTE_TIME || p->count != 1)
        return INT64_MAX;
    bool is_after = p->operator_kind == OPERATOR_LESS_EQUAL || p->operator_kind == OPERATOR_GREATER;
    return p->value[0].number + (is_after ? 1 : 0);
}

int64_t
caveat_next_change(const struct caveat *caveat, int64_t now)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < caveat->count; i++) {
        int64_t change = bound_change(&caveat->predicate[i]);
        if (change > now && change < next)
            next = change;
    }
    return next;
}

int64_t
caveat_end(const struct caveat *caveat)
{
    int64_t end = INT64_MIN;
    for (size_t i = 0; i < caveat->count; i++) {
        const struct predicate *p = &caveat->predicate[i];
        bool is_until = p->operator_kind == OPERATOR_LESS_EQUAL;
        if (p->attribute != ATTRIBUTE_TIME || p->count != 1 ||
            (p->operator_kind != OPERATOR_LESS && !is_until))
            return INT64_MAX;
        int64_t at = p->value[0].number + (is_until ? 1 : 0);
        end = at > end ? at : end;
    }
    return end;
}
