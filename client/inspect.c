/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a token without a key: who it is for, what each caveat is and who put it there.
 */
#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const inspect_kind_names[] = {
    [INSPECT_UNREADABLE] = "unreadable", [INSPECT_CONDITION] = "condition",
    [INSPECT_LABEL] = "label",           [INSPECT_DEMAND] = "demand",
    [INSPECT_PARENT] = "parent",         [INSPECT_HOLE] = "hole",
};

static const char *const inspect_origin_names[] = {
    [INSPECT_HOLDER] = "holder",
    [INSPECT_MINTED] = "minted",
    [INSPECT_DISCHARGER] = "discharger",
};

const char *
inspect_kind_name(enum inspect_kind kind)
{
    return inspect_kind_names[kind];
}

const char *
inspect_origin_name(enum inspect_origin origin)
{
    return inspect_origin_names[origin];
}

// Attributes that are no condition on the request.
static const struct {
    enum attribute attribute;
    enum inspect_kind kind;
} inspect_record[] = {
    {ATTRIBUTE_LABEL, INSPECT_LABEL},
    {ATTRIBUTE_HOLE, INSPECT_DEMAND},
    {ATTRIBUTE_PARENT, INSPECT_PARENT},
};

static void
inspect_classify(struct inspect_caveat *c)
{
    const struct predicate *p = &c->parsed->predicate[0];
    c->kind = INSPECT_CONDITION;
    if (c->parsed->count != 1 || p->operator_kind != OPERATOR_EQUAL || p->count != 1)
        return;
    for (size_t i = 0; i < sizeof inspect_record / sizeof inspect_record[0]; i++) {
        if (p->attribute == inspect_record[i].attribute) {
            c->kind = inspect_record[i].kind;
            c->value = p->value[0].text;
        }
    }
}

static void
inspect_condition(struct inspection *in, struct inspect_caveat *c)
{
    struct fault fault = {.err = KH_OK};
    if (caveat_parse(c->id, &c->parsed, &fault) != KH_OK) {
        snprintf(c->why, sizeof c->why, "%.159s", fault.detail);
        c->kind = INSPECT_UNREADABLE;
        in->unreadable++;
        return;
    }
    inspect_classify(c);
    int64_t end = caveat_end(c->parsed);
    c->past = end <= in->now;
    if (end < in->ends_at) {
        in->ends_at = end;
        in->ends_by = (int)(c - in->caveat);
    }
}

static void
inspect_hole(struct inspection *in, struct inspect_caveat *c)
{
    c->kind = INSPECT_HOLE;
    c->filled_by = -1;
    in->holes++;
    for (size_t i = 1; i < in->token->macaroon_count; i++)
        if (in->token->macaroon[i].parent == (int)c->macaroon &&
            bytes_equal(in->token->macaroon[i].identifier, c->id))
            c->filled_by = (int)i;
    in->holes_open += c->filled_by < 0;
    const struct inspect_caveat *before = c->index > 0 ? c - 1 : NULL;
    if (before != NULL && before->kind == INSPECT_DEMAND)
        c->demand = before->value;
}

static void
inspect_macaroon(struct inspection *in, unsigned index)
{
    const struct macaroon_view *view = &in->token->macaroon[index];
    for (unsigned i = 0; i < view->caveat_count && in->count < TOKEN_CAVEATS_MAX; i++) {
        struct inspect_caveat *c = &in->caveat[in->count++];
        bool minted = in->identified && i < in->identity.minted_caveats;
        c->origin = index > 0 ? INSPECT_DISCHARGER : minted ? INSPECT_MINTED : INSPECT_HOLDER;
        c->macaroon = index;
        c->index = i;
        c->id = view->caveat[i].id;
        c->location = view->caveat[i].location;
        if (view->caveat[i].vid.n > 0)
            inspect_hole(in, c);
        else
            inspect_condition(in, c);
    }
}

// What a discharge says of itself; of several labels and parents the first, and the earliest end.
static void
inspect_filling(const struct inspection *in, struct inspect_caveat *hole)
{
    hole->until = INT64_MAX;
    for (size_t i = 0; i < in->count; i++) {
        const struct inspect_caveat *c = &in->caveat[i];
        if (hole->filled_by <= 0 || c->macaroon != (unsigned)hole->filled_by || c->parsed == NULL)
            continue;
        int64_t end = caveat_end(c->parsed);
        if (end < hole->until)
            hole->until = end;
        if (c->kind == INSPECT_LABEL && hole->by.n == 0)
            hole->by = c->value;
        if (c->kind == INSPECT_PARENT && hole->parent.n == 0)
            hole->parent = c->value;
    }
}

static struct inspect_step *
step_begin(struct inspection *in, enum inspect_origin origin, size_t first)
{
    struct inspect_step *step = &in->step[in->step_count++];
    *step = (struct inspect_step){.origin = origin, .first = first, .ends_at = INT64_MAX};
    return step;
}

static void
step_add(struct inspect_step *step, const struct inspect_caveat *c)
{
    step->count++;
    step->conditions += c->kind == INSPECT_CONDITION || c->kind == INSPECT_UNREADABLE;
    step->holes += c->kind == INSPECT_HOLE;
    step->holes_open += c->kind == INSPECT_HOLE && c->filled_by < 0;
    int64_t end = c->parsed != NULL ? caveat_end(c->parsed) : INT64_MAX;
    if (end < step->ends_at)
        step->ends_at = end;
}

// Without an identifier of ours nobody knows where the mint ends.
static void
inspect_steps(struct inspection *in)
{
    struct inspect_step *step = step_begin(in, INSPECT_MINTED, 0);
    for (size_t i = 0; i < in->count && in->caveat[i].macaroon == 0; i++) {
        const struct inspect_caveat *c = &in->caveat[i];
        bool label = c->kind == INSPECT_LABEL;
        if (label || (c->origin != step->origin && in->identified))
            step = step_begin(in, c->origin, i);
        if (label)
            step->name = &c->value;
        step_add(step, c);
    }
}

enum kh_err
inspect_token(const struct token *token, int64_t now, struct inspection **out, struct fault *fault)
{
    struct inspection *in = calloc(1, sizeof *in);
    if (in == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    struct fault why = {.err = KH_OK};
    in->token = token;
    in->now = now;
    in->ends_at = INT64_MAX;
    in->ends_by = -1;
    in->identified = token_identity_read(token, &in->identity, &why) == KH_OK;
    if (in->identified)
        in->ends_at = in->identity.expires_at;
    else
        snprintf(in->why_not, sizeof in->why_not, "%.159s", why.detail);
    token_lineage_last(token, in->lineage);
    for (unsigned i = 0; i < token->macaroon_count; i++)
        inspect_macaroon(in, i);
    for (size_t i = 0; i < in->count; i++)
        if (in->caveat[i].kind == INSPECT_HOLE)
            inspect_filling(in, &in->caveat[i]);
    inspect_steps(in);
    *out = in;
    return KH_OK;
}

void
inspection_free(struct inspection **inspection)
{
    if (*inspection == NULL)
        return;
    for (size_t i = 0; i < (*inspection)->count; i++)
        caveat_free(&(*inspection)->caveat[i].parsed);
    free(*inspection);
    *inspection = NULL;
}
