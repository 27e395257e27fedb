/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The explanation as one object. Texts of a token may be any bytes: what is no UTF-8 is shown with
 * escapes, and a token inside of a text is not shown at all.
 */

#include "explain_internal.h"

#include "timestamp.h"

#include <stdio.h>
#include <string.h>

static const char *const judgement_name[] = {
    [JUDGEMENT_NOT_JUDGED] = "not-judged", [JUDGEMENT_HOLDS] = "holds",
    [JUDGEMENT_FAILS] = "fails",           [JUDGEMENT_UNKNOWN] = "unknown",
    [JUDGEMENT_NEEDS_BODY] = "not-judged",
};

/* ---- jansson, with what failed remembered ---- */

void
explain_put(struct explain_maker *m, json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value))
        m->failed = true;
}

void
explain_append(struct explain_maker *m, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value))
        m->failed = true;
}

json_t *
explain_string(struct bytes text)
{
    BUFFER_AUTO shown;
    buffer_init(&shown, 4 * TOKEN_CAVEAT_MAX + 64);
    size_t mark = bytes_find(text, BYTES(TOKEN_MARK));
    struct bytes before = bytes_slice(text, 0, mark);
    bool is_utf8 = bytes_is_utf8(before);
    for (size_t i = 0; i < before.n; i++) {
        uint8_t c = before.p[i];
        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !is_utf8))
            buffer_printf(&shown, "\\x%02x", c);
        else
            buffer_put_byte(&shown, c);
    }
    buffer_put_str(&shown, mark < text.n ? "..." : "");
    return json_string(buffer_text(&shown));
}

static json_t *
hex_of(const uint8_t *p, size_t n)
{
    char hex[2 * TOKEN_KEY_SIZE + 1];
    return bytes_to_hex(bytes_of(p, n), hex, sizeof hex) ? json_string(hex) : NULL;
}

static json_t *
time_of(int64_t time)
{
    char text[TIMESTAMP_SIZE];
    timestamp_print(time, text);
    return json_string(text);
}

void
explain_put_judgement(struct explain_maker *m, json_t *object, enum judgement judgement)
{
    explain_put(m, object, "judgement", json_string(judgement_name[judgement]));
}

static void
put_change(struct explain_maker *m, json_t *object, const struct caveat *caveat,
           enum judgement judgement)
{
    if (judgement != JUDGEMENT_FAILS)
        return;
    BUFFER_AUTO change;
    buffer_init(&change, 8192);
    explain_caveat(caveat, m->in->facts, &change);
    explain_put(m, object, "change", explain_string(buffer_bytes(&change)));
}

json_t *
explain_caveat_json(struct explain_maker *m, struct bytes text, const struct caveat *caveat,
                    enum judgement judgement)
{
    json_t *object = json_object();
    explain_put(m, object, "text", explain_string(text));
    explain_put_judgement(m, object, judgement);
    if (caveat)
        put_change(m, object, caveat, judgement);
    return object;
}

/* ---- the token ---- */

static bool
is_verified(const struct explain_maker *m)
{
    return m->in->decision && m->in->decision->identified;
}

static json_t *
token_of(struct explain_maker *m)
{
    struct token_identity identity;
    uint8_t lineage[LINEAGE_ID_SIZE];
    if (!m->in->token || token_identity_read(m->in->token, &identity, NULL) != KH_OK)
        return json_null();
    json_t *object = json_object(), *credentials = json_array(), *groups = json_array();
    explain_put(m, object, "verified", json_boolean(is_verified(m)));
    explain_put(m, object, "token_id", hex_of(identity.token_id, TOKEN_ID_SIZE));
    token_lineage_last(m->in->token, lineage);
    explain_put(m, object, "lineage", hex_of(lineage, LINEAGE_ID_SIZE));
    explain_put(m, object, "user", explain_string(identity.principal));
    for (size_t i = 0; is_verified(m) && i < m->in->facts->group_count; i++)
        explain_append(m, groups, explain_string(m->in->facts->group[i]));
    explain_put(m, object, "groups", groups);
    for (size_t i = 0; i < identity.credential_count; i++)
        explain_append(m, credentials, explain_string(identity.credential[i]));
    explain_put(m, object, "credentials", credentials);
    explain_put(m, object, "issued_at", time_of(identity.issued_at));
    explain_put(m, object, "expires_at", time_of(identity.expires_at));
    return object;
}

/* ---- the checks, in the order of decide() ---- */

#define BIT(reason) (UINT64_C(1) << KH_REASON_##reason)
_Static_assert(KH_REASON_COUNT <= 64, "a set of reasons is 64 bits");

static const struct check {
    const char *name;
    uint64_t reasons;
} steps[] = {
    {"well-formed", BIT(TOKEN_MISSING) | BIT(TOKEN_MALFORMED)},
    {"signature", BIT(SIGNATURE_INVALID)},
    {"holes", BIT(HOLE_OPEN) | BIT(DISCHARGE_INVALID) | BIT(DISCHARGE_EXPIRED)},
    {"understood", BIT(CAVEAT_UNKNOWN)},
    {"lifetime", BIT(EXPIRED)},
    {"revocation", BIT(REVOKED)},
    {"credential", BIT(CREDENTIAL_UNKNOWN) | BIT(CREDENTIAL_DISABLED) | BIT(HOST_NOT_ALLOWED) |
                       BIT(TOKEN_MISPLACED)},
};
enum { STEPS = sizeof steps / sizeof steps[0] };

/* A caveat on time that has passed says "expired" as well. */
static bool
caveat_failed(const struct explain_maker *m)
{
    const struct decision_trace *trace = &m->in->details->trace;
    for (size_t i = 0; i < TOKEN_CAVEATS_MAX; i++) {
        if (trace->caveat[i] == JUDGEMENT_FAILS)
            return true;
    }
    return false;
}

/* What a holder can see of the text: that it is a token, and what it says of its own end. */
static enum judgement
claimed(const struct explain_maker *m, const struct check *check)
{
    struct token_identity identity;
    bool is_ours = m->in->token && token_identity_read(m->in->token, &identity, NULL) == KH_OK;
    if (check->reasons & BIT(TOKEN_MALFORMED))
        return is_ours ? JUDGEMENT_HOLDS : JUDGEMENT_FAILS;
    if (is_ours && (check->reasons & BIT(EXPIRED)))
        return m->in->facts->time < identity.expires_at ? JUDGEMENT_HOLDS : JUDGEMENT_FAILS;
    return JUDGEMENT_NOT_JUDGED;
}

static enum judgement
check_judgement(const struct explain_maker *m, size_t index, bool *is_over)
{
    const struct decision *d = m->in->decision;
    if (!d)
        return claimed(m, &steps[index]);
    if (*is_over)
        return JUDGEMENT_NOT_JUDGED;
    bool fails = d->verdict != DECISION_ALLOW && (steps[index].reasons >> d->reason & 1) &&
                 !(d->reason == KH_REASON_EXPIRED && caveat_failed(m));
    *is_over = fails;
    return fails ? JUDGEMENT_FAILS : JUDGEMENT_HOLDS;
}

static json_t *
checks_of(struct explain_maker *m)
{
    json_t *array = json_array();
    bool is_over = false;
    for (size_t i = 0; i < STEPS; i++) {
        json_t *object = json_object();
        enum judgement judgement = check_judgement(m, i, &is_over);
        explain_put(m, object, "name", json_string(steps[i].name));
        explain_put_judgement(m, object, judgement);
        if (judgement == JUDGEMENT_FAILS && m->in->decision && m->in->decision->detail[0])
            explain_put(m, object, "note", explain_string(bytes_str(m->in->decision->detail)));
        explain_append(m, array, object);
    }
    return array;
}

/* ---- caveats, and who added them ---- */

struct adder {
    unsigned minted; /* how many are the mint's */
    unsigned holder; /* counted from 1; 0: the mint */
    char label[256];
    bool named;
};

/* A label begins a new holder, unless the present one has said nothing yet. */
static void
next_adder(struct adder *a, unsigned index, const struct caveat *caveat, bool is_first)
{
    bool is_label = caveat && caveat->count == 1 && caveat->predicate[0].count == 1 &&
                    caveat->predicate[0].attribute == ATTRIBUTE_LABEL;
    if (index >= a->minted && (a->holder == 0 || (is_label && !is_first))) {
        a->holder++;
        a->named = false;
    }
    if (is_label) {
        struct bytes label = caveat->predicate[0].value[0].text;
        snprintf(a->label, sizeof a->label, "%.*s", BYTES_ARG(label));
        a->named = true;
    }
}

static void
put_adder(struct explain_maker *m, json_t *object, unsigned macaroon, const struct adder *a)
{
    char by[32];
    if (macaroon > 0)
        snprintf(by, sizeof by, "discharge %u", macaroon);
    else if (a->holder > 0)
        snprintf(by, sizeof by, "holder %u", a->holder);
    else
        snprintf(by, sizeof by, "mint");
    explain_put(m, object, "by", json_string(by));
    if (macaroon == 0 && a->named)
        explain_put(m, object, "label", explain_string(bytes_str(a->label)));
}

/* What decide() found, or what a holder finds. */
static enum judgement
caveat_judgement(const struct explain_maker *m, unsigned macaroon, unsigned index,
                 const struct caveat *caveat)
{
    const struct explain *in = m->in;
    if (!in->decision && !caveat)
        return JUDGEMENT_UNKNOWN;
    if (!in->decision) {
        enum judgement found = caveat_judge_hidden(caveat, in->facts, in->hidden, in->context);
        return found == JUDGEMENT_UNKNOWN ? JUDGEMENT_NOT_JUDGED : found; // the broker's to know
    }
    const struct token_verified *v = in->details->chain ? &in->details->chain->verified : NULL;
    for (size_t i = 0; v && i < v->condition_count; i++) {
        if (v->condition[i].macaroon == macaroon && v->condition[i].index == index)
            return in->details->trace.caveat[i];
    }
    return JUDGEMENT_NOT_JUDGED;
}

static bool
is_filled(const struct token *token, unsigned macaroon, struct bytes ticket)
{
    for (size_t i = 1; i < token->macaroon_count; i++) {
        if (token->macaroon[i].parent == (int)macaroon &&
            bytes_equal(token->macaroon[i].identifier, ticket))
            return true;
    }
    return false;
}

static json_t *
hole_of(struct explain_maker *m, unsigned macaroon, const struct token_caveat *c)
{
    json_t *object = json_object();
    bool filled = is_filled(m->in->token, macaroon, c->id);
    bool is_known = !m->in->decision || is_verified(m);
    explain_put(m, object, "text", json_string(filled ? "hole, filled" : "hole, open"));
    explain_put_judgement(m, object,
                          !filled    ? JUDGEMENT_FAILS
                          : is_known ? JUDGEMENT_HOLDS
                                     : JUDGEMENT_NOT_JUDGED);
    if (!filled)
        explain_put(m, object, "change",
                    json_string("somebody would have to fill it: keyhole discharge"));
    if (c->location.n > 0)
        explain_put(m, object, "location", explain_string(c->location));
    return object;
}

/* Of a holder's `parent`: it binds to the chain, which only the broker computes. */
static bool
is_parent(const struct caveat *caveat)
{
    return caveat && caveat->predicate[0].attribute == ATTRIBUTE_PARENT;
}

static void
append_caveats(struct explain_maker *m, unsigned macaroon, struct adder *a, json_t *array)
{
    const struct macaroon_view *view = &m->in->token->macaroon[macaroon];
    for (unsigned i = 0; i < view->caveat_count; i++) {
        const struct token_caveat *c = &view->caveat[i];
        struct caveat *caveat = NULL;
        json_t *object;
        if (c->vid.n > 0) {
            object = hole_of(m, macaroon, c);
        } else {
            // A text that is none is judged unknown.
            bool parses = caveat_parse(c->id, &caveat, NULL) == KH_OK;
            enum judgement judgement = caveat_judgement(m, macaroon, i, caveat);
            if (!m->in->decision && is_parent(caveat) && macaroon > 0)
                judgement = JUDGEMENT_NOT_JUDGED;
            object = explain_caveat_json(m, c->id, parses ? caveat : NULL, judgement);
        }
        if (macaroon == 0)
            next_adder(a, i, caveat, i == a->minted);
        put_adder(m, object, macaroon, a);
        explain_append(m, array, object);
        caveat_free(&caveat);
    }
}

static json_t *
caveats_of(struct explain_maker *m)
{
    json_t *array = json_array();
    struct token_identity identity;
    struct adder adder = {.minted = 0};
    if (!m->in->token)
        return array;
    if (token_identity_read(m->in->token, &identity, NULL) == KH_OK)
        adder.minted = identity.minted_caveats;
    for (unsigned i = 0; i < m->in->token->macaroon_count; i++)
        append_caveats(m, i, &adder, array);
    return array;
}

/* ---- the whole ---- */

static bool
any_fails(const json_t *list)
{
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "judgement"));
        if (name && (!strcmp(name, "fails") || !strcmp(name, "unknown")))
            return true;
    }
    return false;
}

static void
put_denial(struct explain_maker *m, json_t *object)
{
    const struct decision *d = m->in->decision;
    explain_put(m, object, "reason", json_string(kh_reason_code(d->reason)));
    explain_put(m, object, "status", json_integer(kh_reason_status(d->reason)));
    explain_put(m, object, "detail", explain_string(bytes_str(d->detail)));
    explain_put(m, object, "sentence", json_string(kh_reason_sentence(d->reason)));
    explain_put(m, object, "advice", json_string(kh_reason_advice(d->reason)));
}

json_t *
explain_json(const struct explain *explain)
{
    struct explain_maker m = {.in = explain};
    json_t *object = json_object(), *checks = checks_of(&m), *caveats = caveats_of(&m);
    bool allow = explain->decision && explain->decision->verdict == DECISION_ALLOW;
    bool unknown = !explain->decision && !any_fails(checks) && !any_fails(caveats);
    explain_put(&m, object, "verdict", json_string(allow ? "allow" : unknown ? "unknown" : "deny"));
    if (explain->decision && !allow)
        put_denial(&m, object);
    explain_put(&m, object, "token", token_of(&m));
    explain_put(&m, object, "credential",
                explain->facts->credential.n > 0 ? explain_string(explain->facts->credential)
                                                 : json_null());
    explain_put(&m, object, "checks", checks);
    explain_put(&m, object, "caveats", caveats);
    explain_put(&m, object, "policy", explain_policy(&m));
    if (m.failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}
