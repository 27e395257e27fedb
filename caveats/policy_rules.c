/* SPDX-License-Identifier: Apache-2.0 */
/* Reading grants, forbids and tests: each fault names file, line, and what was expected. */

#include "policy_internal.h"

#include "duration.h"
#include "hole.h"
#include "request_text.h"
#include "timestamp.h"

#include <stdlib.h>

/* Tests that say no time are run at this one: the same result on every day. */
#define TEST_TIME INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

/* Where the rule stands that is read. */
struct place {
    struct policy_reader *r;
    const char *list; /* "grants" */
    unsigned index;
};

#define LINE_OF(place, key)                                                                        \
    yaml_text_line((place)->r->document, "%s[%u].%s", (place)->list, (place)->index, key)
#define ITEM_LINE(place, key, item)                                                                \
    yaml_text_line((place)->r->document, "%s[%u].%s[%u]", (place)->list, (place)->index, key, item)

static enum kh_err
no_memory(struct policy_reader *r)
{
    return fault_set(r->fault, KH_ERR_MEMORY, "memory is used up");
}

// Put "PATH:LINE: list[n].key: " before what a parser of its own said.
static enum kh_err
at_line(const struct place *place, size_t line, const char *key)
{
    struct fault *fault = place->r->fault;
    if (fault->err == KH_ERR_MEMORY)
        return fault->err;
    fault_prefix(fault, "%s:%zu: %s[%u].%s: ", place->r->document->path, line, place->list,
                 place->index + 1, key);
    return fault->err = KH_ERR_CONFIG;
}

/* ---- what rules have in common ---- */

static bool
name_is_taken(const struct policy *policy, struct bytes name)
{
    size_t taken = 0;
    for (size_t i = 0; i < policy->grant_count; i++)
        taken += bytes_equal(policy->grant[i].name, name);
    for (size_t i = 0; i < policy->forbid_count; i++)
        taken += bytes_equal(policy->forbid[i].name, name);
    return taken > 0;
}

static enum kh_err
read_name(const struct place *place, const char *text, struct bytes *out)
{
    struct policy_reader *r = place->r;
    struct bytes name = bytes_str(text);
    if (!policy_name_is_fine(name))
        return POLICY_FAULT(r, LINE_OF(place, "name"),
                            "%s[%u].name: expected 1 to %d letters, digits or \"._@+-\"",
                            place->list, place->index + 1, POLICY_NAME_MAX);
    if (name_is_taken(r->policy, name))
        return POLICY_FAULT(r, LINE_OF(place, "name"),
                            "%s[%u].name: there is already a rule of the name %s", place->list,
                            place->index + 1, text);
    return policy_keep(r->policy, name, out, r->fault);
}

static enum kh_err
read_mode(const struct place *place, const char *text, enum policy_mode *out)
{
    struct bytes mode = bytes_str(text);
    if (text != NULL && !bytes_is(mode, "enforce") && !bytes_is(mode, "warn"))
        return POLICY_FAULT(place->r, LINE_OF(place, "mode"),
                            "%s[%u].mode: expected enforce or warn, found \"%.40s\"", place->list,
                            place->index + 1, text);
    *out = bytes_is(mode, "warn") ? POLICY_WARN : POLICY_ENFORCE;
    return KH_OK;
}

static enum kh_err
read_lifetime(const struct place *place, const char *text, int64_t *out)
{
    if (text == NULL)
        return KH_OK;
    if (duration_parse(bytes_str(text), out, place->r->fault) != KH_OK)
        return at_line(place, LINE_OF(place, "lifetime"), "lifetime");
    return KH_OK;
}

// Labels and holes always hold, a parent is a discharge's, counters belong to a token.
static enum kh_err
check_caveat(const struct place *place, size_t line, const char *key, const struct caveat *caveat)
{
    for (size_t i = 0; i < caveat->count; i++) {
        const struct attribute_info *info = attribute_info(caveat->predicate[i].attribute);
        if (info->place != PLACE_REQUEST)
            return POLICY_FAULT(place->r, line,
                                "%s[%u].%s: %s speaks of a token, not of a request: it has no "
                                "meaning in a policy",
                                place->list, place->index + 1, key, info->text);
    }
    return KH_OK;
}

static enum kh_err
read_caveats(const struct place *place, const char *key, const struct policy_raw_list *list,
             struct policy_caveat **out, size_t *count)
{
    struct policy_reader *r = place->r;
    *out = calloc(list->count + 1U, sizeof **out);
    if (*out == NULL)
        return no_memory(r);
    for (unsigned i = 0; i < list->count; i++) {
        struct policy_caveat *c = &(*out)[i];
        size_t line = ITEM_LINE(place, key, i);
        enum kh_err err = policy_keep(r->policy, bytes_str(list->text[i]), &c->text, r->fault);
        if (err)
            return err;
        if (caveat_parse(c->text, &c->caveat, r->fault) != KH_OK)
            return at_line(place, line, key);
        *count = i + 1U;
        err = check_caveat(place, line, key, c->caveat);
        if (err)
            return err;
    }
    return KH_OK;
}

static enum kh_err
read_hole(const struct place *place, unsigned index, const char *text, struct policy_hole *out)
{
    struct policy_reader *r = place->r;
    struct hole hole;
    BUFFER_AUTO canonical;
    buffer_init(&canonical, HOLE_TEXT_MAX);
    if (hole_parse(bytes_str(text), &canonical, &hole, r->fault) != KH_OK)
        return at_line(place, ITEM_LINE(place, "holes", index), "holes");
    out->names_user = hole.names_user;
    return policy_keep(r->policy, buffer_bytes(&canonical), &out->text, r->fault);
}

/* ---- grants ---- */

static bool
has_group(const struct policy *policy, struct bytes name)
{
    for (size_t i = 0; i < policy->group_count; i++) {
        if (bytes_equal(policy->group[i].name, name))
            return true;
    }
    return false;
}

static enum kh_err
read_principal(const struct place *place, unsigned index, const char *text,
               struct policy_principal *out)
{
    struct policy_reader *r = place->r;
    size_t line = ITEM_LINE(place, "to", index);
    struct bytes whole = bytes_str(text), rest = whole, kind;
    (void)bytes_cut(&rest, ' ', &kind);
    bool is_user = bytes_is(kind, "user"), is_group = bytes_is(kind, "group");
    if (bytes_is(whole, "everyone")) {
        out->kind = PRINCIPAL_EVERYONE;
        return KH_OK;
    }
    if ((!is_user && !is_group) || !policy_name_is_fine(rest))
        return POLICY_FAULT(
            r, line,
            "grants[%u].to: expected \"user NAME\", \"group NAME\" or \"everyone\", "
            "found \"%.80s\"",
            place->index + 1, text);
    if (is_group && !has_group(r->policy, rest))
        return POLICY_FAULT(r, line, "grants[%u].to: there is no group %.*s in groups",
                            place->index + 1, BYTES_ARG(rest));
    out->kind = is_user ? PRINCIPAL_USER : PRINCIPAL_GROUP;
    return policy_keep(r->policy, rest, &out->name, r->fault);
}

static enum kh_err
read_principals(const struct place *place, const struct policy_raw_list *list,
                struct policy_grant *grant)
{
    if (list->count == 0)
        return POLICY_FAULT(place->r, LINE_OF(place, "to"), "grants[%u].to: a grant is to somebody",
                            place->index + 1);
    grant->to = calloc(list->count, sizeof *grant->to);
    if (grant->to == NULL)
        return no_memory(place->r);
    for (unsigned i = 0; i < list->count; i++) {
        enum kh_err err = read_principal(place, i, list->text[i], &grant->to[i]);
        if (err)
            return err;
        grant->to_count = i + 1U;
    }
    return KH_OK;
}

static enum kh_err
read_credentials(const struct place *place, const struct policy_raw_list *list,
                 struct policy_grant *grant)
{
    struct policy_reader *r = place->r;
    if (list->count == 0)
        return POLICY_FAULT(r, LINE_OF(place, "credentials"),
                            "grants[%u].credentials: a grant is for at least one",
                            place->index + 1);
    grant->credential = calloc(list->count, sizeof *grant->credential);
    if (grant->credential == NULL)
        return no_memory(r);
    for (unsigned i = 0; i < list->count; i++) {
        struct bytes name = bytes_str(list->text[i]);
        if (!policy_name_is_fine(name))
            return POLICY_FAULT(r, ITEM_LINE(place, "credentials", i),
                                "grants[%u].credentials: expected the name of a credential",
                                place->index + 1);
        enum kh_err err = policy_keep(r->policy, name, &grant->credential[i], r->fault);
        if (err)
            return err;
        grant->credential_count = i + 1U;
    }
    return KH_OK;
}

static enum kh_err
read_holes(const struct place *place, const struct policy_raw_list *list,
           struct policy_grant *grant)
{
    grant->hole = calloc(list->count + 1U, sizeof *grant->hole);
    if (grant->hole == NULL)
        return no_memory(place->r);
    for (unsigned i = 0; i < list->count; i++) {
        enum kh_err err = read_hole(place, i, list->text[i], &grant->hole[i]);
        if (err)
            return err;
        grant->hole_count = i + 1U;
    }
    return KH_OK;
}

static enum kh_err
read_grant(const struct place *place, const struct policy_raw_grant *raw,
           struct policy_grant *grant)
{
    grant->line = yaml_text_line(place->r->document, "grants[%u]", place->index);
    enum kh_err err = read_name(place, raw->name, &grant->name);
    if (!err)
        err = read_mode(place, raw->mode, &grant->mode);
    if (!err)
        err = read_principals(place, &raw->to, grant);
    if (!err)
        err = read_credentials(place, &raw->credentials, grant);
    if (!err)
        err = read_lifetime(place, raw->lifetime, &grant->lifetime_s);
    if (!err)
        err = read_holes(place, &raw->holes, grant);
    return err ? err
               : read_caveats(place, "caveats", &raw->caveats, &grant->caveat,
                              &grant->caveat_count);
}

enum kh_err
policy_grants_read(struct policy_reader *r, const struct policy_raw *raw)
{
    r->policy->grant = calloc(raw->grant_count + 1U, sizeof *r->policy->grant);
    if (r->policy->grant == NULL)
        return no_memory(r);
    for (unsigned i = 0; i < raw->grant_count; i++) {
        const struct place place = {r, "grants", i};
        struct policy_grant *grant = &r->policy->grant[i];
        enum kh_err err = read_grant(&place, &raw->grant[i], grant);
        r->policy->grant_count = i + 1U;
        if (err)
            return err;
    }
    return KH_OK;
}

/* ---- forbids ---- */

static enum kh_err
read_forbid(const struct place *place, const struct policy_raw_forbid *raw,
            struct policy_forbid *forbid)
{
    forbid->line = yaml_text_line(place->r->document, "forbid[%u]", place->index);
    enum kh_err err = read_name(place, raw->name, &forbid->name);
    if (!err)
        err = read_mode(place, raw->mode, &forbid->mode);
    if (!err && raw->when.count == 0)
        return POLICY_FAULT(place->r, LINE_OF(place, "when"),
                            "forbid[%u].when: without a caveat it would forbid everything",
                            place->index + 1);
    return err ? err : read_caveats(place, "when", &raw->when, &forbid->when, &forbid->when_count);
}

enum kh_err
policy_forbids_read(struct policy_reader *r, const struct policy_raw *raw)
{
    r->policy->forbid = calloc(raw->forbid_count + 1U, sizeof *r->policy->forbid);
    if (r->policy->forbid == NULL)
        return no_memory(r);
    for (unsigned i = 0; i < raw->forbid_count; i++) {
        const struct place place = {r, "forbid", i};
        struct policy_forbid *forbid = &r->policy->forbid[i];
        enum kh_err err = read_forbid(&place, &raw->forbid[i], forbid);
        r->policy->forbid_count = i + 1U;
        if (err)
            return err;
    }
    return KH_OK;
}

/* ---- tests ---- */

static enum kh_err
read_expectation(const struct place *place, const char *text, struct policy_test *test)
{
    struct policy_reader *r = place->r;
    struct bytes rest = bytes_str(text), verdict;
    (void)bytes_cut(&rest, ' ', &verdict);
    test->allow = bytes_is(verdict, "allow");
    bool is_code = !test->allow && (bytes_is(rest, "no-grant") || bytes_is(rest, "forbidden"));
    if (!test->allow && !bytes_is(verdict, "deny"))
        return POLICY_FAULT(r, LINE_OF(place, "expect"),
                            "tests[%u].expect: expected allow or deny, and perhaps the rule that "
                            "says so, found \"%.80s\"",
                            place->index + 1, text);
    if (rest.n > 0 && !is_code && !name_is_taken(r->policy, rest))
        return POLICY_FAULT(r, LINE_OF(place, "expect"),
                            "tests[%u].expect: there is no rule of the name %.80s",
                            place->index + 1, (const char *)rest.p);
    enum kh_err err = policy_keep(r->policy, rest, &test->because, r->fault);
    return err ? err : policy_keep(r->policy, bytes_str(text), &test->expect, r->fault);
}

// The request is read when the test is run; here it is to be found wrong with its line.
static enum kh_err
read_request(const struct place *place, const struct policy_raw_test *raw, struct policy_test *test)
{
    struct policy_reader *r = place->r;
    struct request_text request;
    const char *key = "request";
    size_t line = LINE_OF(place, "request");
    enum kh_err err =
        request_text_read(bytes_str(raw->request), REQUEST_TEXT_LENIENT, &request, r->fault);
    test->header = calloc(raw->headers.count + 1U, sizeof *test->header);
    for (unsigned i = 0; !err && test->header && i < raw->headers.count; i++) {
        key = "headers";
        line = ITEM_LINE(place, "headers", i);
        err = request_text_header(&request, bytes_str(raw->headers.text[i]), r->fault);
        if (!err)
            err =
                policy_keep(r->policy, bytes_str(raw->headers.text[i]), &test->header[i], r->fault);
        test->header_count = i + 1U;
    }
    request_text_free(&request);
    if (test->header == NULL)
        return no_memory(r);
    return err ? at_line(place, line, key)
               : policy_keep(r->policy, bytes_str(raw->request), &test->request, r->fault);
}

static enum kh_err
read_who(const struct place *place, const struct policy_raw_test *raw, struct policy_test *test)
{
    const struct {
        const char *key, *text;
        struct bytes *out;
    } names[] = {{"user", raw->user, &test->user},
                 {"credential", raw->credential, &test->credential}};
    struct policy_reader *r = place->r;
    for (size_t i = 0; i < 2; i++) {
        if (!policy_name_is_fine(bytes_str(names[i].text)))
            return POLICY_FAULT(r, LINE_OF(place, names[i].key), "tests[%u].%s: expected a name",
                                place->index + 1, names[i].key);
        enum kh_err err = policy_keep(r->policy, bytes_str(names[i].text), names[i].out, r->fault);
        if (err)
            return err;
    }
    test->time = TEST_TIME;
    if (raw->time != NULL && !timestamp_parse(bytes_str(raw->time), &test->time))
        return POLICY_FAULT(r, LINE_OF(place, "time"),
                            "tests[%u].time: expected a time as 2026-12-01T00:00:00Z",
                            place->index + 1);
    enum kh_err err = policy_keep(r->policy, bytes_str(raw->client), &test->client, r->fault);
    return err ? err : policy_keep(r->policy, bytes_str(raw->body), &test->body, r->fault);
}

static enum kh_err
read_test_holes(const struct place *place, const struct policy_raw_list *list,
                struct policy_test *test)
{
    test->hole = calloc(list->count + 1U, sizeof *test->hole);
    if (test->hole == NULL)
        return no_memory(place->r);
    for (unsigned i = 0; i < list->count; i++) {
        struct policy_hole hole;
        enum kh_err err = read_hole(place, i, list->text[i], &hole);
        if (err)
            return err;
        test->hole[test->hole_count++] = hole.text;
    }
    return KH_OK;
}

static enum kh_err
read_test(const struct place *place, const struct policy_raw_test *raw, struct policy_test *test)
{
    test->line = yaml_text_line(place->r->document, "tests[%u]", place->index);
    test->lifetime_s = 1;
    enum kh_err err = read_request(place, raw, test);
    if (!err)
        err = read_who(place, raw, test);
    if (!err)
        err = read_lifetime(place, raw->lifetime, &test->lifetime_s);
    if (!err)
        err = read_test_holes(place, &raw->holes, test);
    return err ? err : read_expectation(place, raw->expect, test);
}

enum kh_err
policy_tests_read(struct policy_reader *r, const struct policy_raw *raw)
{
    r->policy->test = calloc(raw->test_count + 1U, sizeof *r->policy->test);
    if (r->policy->test == NULL)
        return no_memory(r);
    for (unsigned i = 0; i < raw->test_count; i++) {
        const struct place place = {r, "tests", i};
        r->policy->test_count = i + 1U;
        enum kh_err err = read_test(&place, &raw->test[i], &r->policy->test[i]);
        if (err)
            return err;
    }
    return KH_OK;
}
