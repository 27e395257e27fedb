/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging what a hole demands by what a discharger knows of whoever answered, and what can be told
 * before anybody did. A predicate without a fact for it fails.
 */

#include "hole_internal.h"

/* ---- factors: a stronger one fills what asks for a weaker one ---- */

static const struct factor_row {
    const char *name;
    enum hole_factor also; /* what it is too */
} factors[] = {
    [HOLE_FACTOR_UNSET] = {"", HOLE_FACTOR_UNSET},
    [HOLE_FACTOR_FIDO2] = {"fido2", HOLE_FACTOR_UNSET},
    [HOLE_FACTOR_YUBIKEY] = {"yubikey", HOLE_FACTOR_FIDO2},
    [HOLE_FACTOR_SSH] = {"ssh", HOLE_FACTOR_UNSET},
    [HOLE_FACTOR_SSH_SK] = {"ssh-sk", HOLE_FACTOR_SSH},
};
enum { FACTORS = sizeof factors / sizeof factors[0] };

static const struct factor_row *
factor_row(enum hole_factor factor)
{
    return &factors[(unsigned)factor < FACTORS ? factor : HOLE_FACTOR_UNSET];
}

const char *
hole_factor_name(enum hole_factor factor)
{
    return factor_row(factor)->name;
}

static bool
factor_matches(const struct hole_facts *facts, struct bytes value)
{
    const struct factor_row *row = factor_row(facts->factor);
    return value.n > 0 &&
           (bytes_is(value, row->name) || bytes_is(value, factor_row(row->also)->name));
}

/* ---- the other attributes ---- */

static bool
user_matches(const struct hole_facts *facts, struct bytes value)
{
    return facts->user.n > 0 && bytes_equal(facts->user, value);
}

static bool
presence_matches(const struct hole_facts *facts, struct bytes value)
{
    return facts->presence && bytes_is(value, "yes");
}

static bool
verification_matches(const struct hole_facts *facts, struct bytes value)
{
    return bytes_is(value, "none") || (facts->verified && bytes_is(value, "pin"));
}

static bool
aaguid_matches(const struct hole_facts *facts, struct bytes value)
{
    return facts->aaguid.n > 0 && bytes_equal_nocase(facts->aaguid, value);
}

static bool (*const matches[HOLE_ATTRIBUTES])(const struct hole_facts *facts,
                                              struct bytes value) = {
    [HOLE_USER] = user_matches,         [HOLE_FACTOR] = factor_matches,
    [HOLE_PRESENCE] = presence_matches, [HOLE_VERIFICATION] = verification_matches,
    [HOLE_AAGUID] = aaguid_matches,
};

static bool
order_holds(enum hole_operator op, int order)
{
    switch (op) {
    case HOLE_EQ:
    case HOLE_IN:
        return order == 0;
    case HOLE_GE:
        return order >= 0;
    case HOLE_LE:
        return order <= 0;
    case HOLE_GT:
        return order > 0;
    case HOLE_LT:
        return order < 0;
    default:
        return false;
    }
}

static bool
firmware_holds(const struct hole_facts *facts, enum hole_operator op, struct bytes value)
{
    uint32_t has[HOLE_VERSION_PARTS], wanted[HOLE_VERSION_PARTS];
    if (!hole_value_version(facts->firmware, has) || !hole_value_version(value, wanted))
        return false;
    int order = 0;
    for (size_t i = 0; order == 0 && i < HOLE_VERSION_PARTS; i++)
        order = (has[i] > wanted[i]) - (has[i] < wanted[i]);
    return order_holds(op, order);
}

static bool
predicate_holds(const struct hole_predicate *predicate, const struct hole_facts *facts)
{
    bool holds = false;
    for (size_t i = 0; !holds && i < predicate->value_count; i++)
        holds = predicate->attribute == HOLE_FIRMWARE
                    ? firmware_holds(facts, predicate->op, predicate->value[i])
                    : matches[predicate->attribute](facts, predicate->value[i]);
    return holds;
}

bool
hole_judge(struct bytes canonical, const struct hole_facts *facts, struct buffer *failing)
{
    struct hole_form form;
    /* Nobody, or nothing that is known, vouches for nothing, whatever the text asks for. */
    if (hole_form_read(canonical, &form, NULL) != KH_OK || facts->user.n == 0 ||
        factor_row(facts->factor)->name[0] == '\0')
        return false;
    for (size_t i = 0; i < form.count; i++) {
        if (predicate_holds(&form.predicate[i], facts))
            continue;
        if (failing)
            hole_predicate_print(&form.predicate[i], failing);
        return false;
    }
    return true;
}

/* ---- before anybody answered ---- */

/* The most that a factor can give: a plain SSH key has no touch, no PIN, no model. */
static bool
can_fill(enum hole_factor factor, const struct hole_predicate *predicate)
{
    struct hole_facts best = {.factor = factor};
    bool is_plain = factor == HOLE_FACTOR_SSH;
    bool has_model = factor == HOLE_FACTOR_FIDO2 || factor == HOLE_FACTOR_YUBIKEY;
    best.presence = best.verified = !is_plain;
    if (predicate->attribute == HOLE_USER)
        return true;
    if (predicate->attribute == HOLE_AAGUID || predicate->attribute == HOLE_FIRMWARE)
        return has_model;
    return predicate_holds(predicate, &best);
}

static bool
form_can_fill(const struct hole_form *form, enum hole_factor factor)
{
    bool can = true;
    for (size_t i = 0; can && i < form->count; i++)
        can = can_fill(factor, &form->predicate[i]);
    return can;
}

/* That of `verification` in which no value lets it be none. */
static bool
wants_verification(const struct hole_predicate *predicate)
{
    const struct hole_facts unverified = {.verified = false};
    return predicate->attribute == HOLE_VERIFICATION && !predicate_holds(predicate, &unverified);
}

static const struct hole_predicate *
find(const struct hole_form *form, enum hole_attribute_id attribute)
{
    for (size_t i = 0; i < form->count; i++) {
        if (form->predicate[i].attribute == attribute)
            return &form->predicate[i];
    }
    return NULL;
}

enum kh_err
hole_demand_read(struct bytes canonical, struct hole_demand *out, struct fault *fault)
{
    struct hole_form form;
    struct hole_demand demand = {.lifetime_s = 0};
    enum kh_err err = hole_form_read(canonical, &form, fault);
    if (err)
        return err;
    const struct hole_predicate *user = find(&form, HOLE_USER);
    const struct hole_predicate *verification = find(&form, HOLE_VERIFICATION);
    buffer_init(&demand.storage, HOLE_TEXT_MAX);
    for (size_t i = 0; user && i < user->value_count; i++)
        buffer_put(&demand.storage, user->value[i]);
    if (demand.storage.failed) {
        buffer_free(&demand.storage);
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    size_t at = 0;
    for (size_t i = 0; user && i < user->value_count; i++) {
        size_t n = user->value[i].n;
        demand.user[demand.user_count++] = bytes_slice(buffer_bytes(&demand.storage), at, n);
        at += n;
    }
    demand.lifetime_s = form.lifetime_s;
    demand.yubikey = form_can_fill(&form, HOLE_FACTOR_YUBIKEY);
    demand.fido2 = form_can_fill(&form, HOLE_FACTOR_FIDO2);
    demand.ssh = form_can_fill(&form, HOLE_FACTOR_SSH);
    demand.ssh_sk = form_can_fill(&form, HOLE_FACTOR_SSH_SK);
    demand.verification = verification && wants_verification(verification);
    *out = demand;
    return KH_OK;
}

void
hole_demand_free(struct hole_demand *demand)
{
    buffer_free(&demand->storage);
    *demand = (struct hole_demand){.lifetime_s = 0};
}
