/* SPDX-License-Identifier: Apache-2.0 */
/* What a new policy changes against the one before: rule by rule. */

#include "policy.h"

static bool
same_caveats(const struct policy_caveat *a, size_t a_count, const struct policy_caveat *b,
             size_t b_count)
{
    for (size_t i = 0; i < a_count && a_count == b_count; i++) {
        if (!bytes_equal(a[i].text, b[i].text))
            return false;
    }
    return a_count == b_count;
}

static bool
same_texts(const struct bytes *a, size_t a_count, const struct bytes *b, size_t b_count)
{
    for (size_t i = 0; i < a_count && a_count == b_count; i++) {
        if (!bytes_equal(a[i], b[i]))
            return false;
    }
    return a_count == b_count;
}

static bool
same_principals(const struct policy_grant *a, const struct policy_grant *b)
{
    for (size_t i = 0; i < a->to_count && a->to_count == b->to_count; i++) {
        if (a->to[i].kind != b->to[i].kind || !bytes_equal(a->to[i].name, b->to[i].name))
            return false;
    }
    return a->to_count == b->to_count;
}

static bool
same_holes(const struct policy_grant *a, const struct policy_grant *b)
{
    for (size_t i = 0; i < a->hole_count && a->hole_count == b->hole_count; i++) {
        if (!bytes_equal(a->hole[i].text, b->hole[i].text))
            return false;
    }
    return a->hole_count == b->hole_count;
}

/* ---- the three kinds of rules: how many, their names, whether two are the same ---- */

static size_t
group_count(const struct policy *p)
{
    return p ? p->group_count : 0;
}

static struct bytes
group_name(const struct policy *p, size_t i)
{
    return p->group[i].name;
}

static bool
group_same(const struct policy *a, size_t i, const struct policy *b, size_t k)
{
    return same_texts(a->group[i].member, a->group[i].member_count, b->group[k].member,
                      b->group[k].member_count);
}

static size_t
grant_count(const struct policy *p)
{
    return p ? p->grant_count : 0;
}

static struct bytes
grant_name(const struct policy *p, size_t i)
{
    return p->grant[i].name;
}

static bool
grant_same(const struct policy *a, size_t i, const struct policy *b, size_t k)
{
    const struct policy_grant *x = &a->grant[i], *y = &b->grant[k];
    return x->mode == y->mode && x->lifetime_s == y->lifetime_s && same_principals(x, y) &&
           same_texts(x->credential, x->credential_count, y->credential, y->credential_count) &&
           same_caveats(x->caveat, x->caveat_count, y->caveat, y->caveat_count) && same_holes(x, y);
}

static size_t
forbid_count(const struct policy *p)
{
    return p ? p->forbid_count : 0;
}

static struct bytes
forbid_name(const struct policy *p, size_t i)
{
    return p->forbid[i].name;
}

static bool
forbid_same(const struct policy *a, size_t i, const struct policy *b, size_t k)
{
    const struct policy_forbid *x = &a->forbid[i], *y = &b->forbid[k];
    return x->mode == y->mode && same_caveats(x->when, x->when_count, y->when, y->when_count);
}

static const struct kind {
    const char *name;
    size_t (*count)(const struct policy *);
    struct bytes (*name_of)(const struct policy *, size_t);
    bool (*same)(const struct policy *, size_t, const struct policy *, size_t);
} kinds[] = {
    {"group", group_count, group_name, group_same},
    {"grant", grant_count, grant_name, grant_same},
    {"forbid", forbid_count, forbid_name, forbid_same},
};

static size_t
find(const struct kind *kind, const struct policy *policy, struct bytes name)
{
    size_t i = 0;
    while (i < kind->count(policy) && !bytes_equal(kind->name_of(policy, i), name))
        i++;
    return i;
}

static void
put(struct buffer *out, const struct kind *kind, struct bytes name, const char *what)
{
    buffer_printf(out, "%s %.*s: %s\n", kind->name, BYTES_ARG(name), what);
}

static void
compare(const struct kind *kind, const struct policy *before, const struct policy *after,
        struct buffer *out)
{
    for (size_t i = 0; i < kind->count(before); i++) {
        struct bytes name = kind->name_of(before, i);
        size_t k = find(kind, after, name);
        if (k == kind->count(after))
            put(out, kind, name, "removed");
        else if (!kind->same(before, i, after, k))
            put(out, kind, name, "changed");
    }
    for (size_t i = 0; i < kind->count(after); i++) {
        struct bytes name = kind->name_of(after, i);
        if (find(kind, before, name) == kind->count(before))
            put(out, kind, name, "added");
    }
}

void
policy_print_changes(const struct policy *before, const struct policy *after, struct buffer *out)
{
    if (before && !after)
        buffer_put_str(out, "no policy any more: whatever was minted is granted\n");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        compare(&kinds[i], before, after, out);
}
