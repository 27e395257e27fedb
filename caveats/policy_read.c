/* SPDX-License-Identifier: Apache-2.0 */
/* A policy file, whole or not at all: syntax, shape, groups, then rule by rule. */

#include "policy_internal.h"

#include "body_need.h"

#include <stdlib.h>

/* ---- groups ---- */

static int
compare_members(const void *a, const void *b)
{
    const struct bytes *x = a, *y = b;
    return bytes_compare(*x, *y);
}

static const yaml_node_t *
node_at(struct policy_reader *r, int index)
{
    return yaml_document_get_node(&r->document->yaml, index);
}

static enum kh_err
read_member(struct policy_reader *r, struct policy_group *group, const yaml_node_t *node)
{
    struct bytes name = yaml_text_scalar(node);
    if (!policy_name_is_fine(name))
        return POLICY_FAULT(r, yaml_text_node_line(node),
                            "groups.%.*s: expected a user: 1 to %d letters, digits or \"._@+-\"",
                            BYTES_ARG(group->name), POLICY_NAME_MAX);
    enum kh_err err = policy_keep(r->policy, name, &group->member[group->member_count], r->fault);
    group->member_count += !err;
    return err;
}

static enum kh_err
read_members(struct policy_reader *r, struct policy_group *group, const yaml_node_t *list)
{
    size_t line = yaml_text_node_line(list);
    if (list->type != YAML_SEQUENCE_NODE)
        return POLICY_FAULT(r, line, "groups.%.*s: expected a list of users",
                            BYTES_ARG(group->name));
    const yaml_node_item_t *item = list->data.sequence.items.start;
    size_t count = (size_t)(list->data.sequence.items.top - item);
    if (count > POLICY_MEMBERS_MAX)
        return POLICY_FAULT(r, line, "groups.%.*s: expected at most %d users, found %zu",
                            BYTES_ARG(group->name), POLICY_MEMBERS_MAX, count);
    group->member = calloc(count + 1, sizeof *group->member);
    if (group->member == NULL)
        return fault_set(r->fault, KH_ERR_MEMORY, "memory is used up");
    for (size_t i = 0; i < count; i++) {
        enum kh_err err = read_member(r, group, node_at(r, item[i]));
        if (err)
            return err;
    }
    qsort(group->member, count, sizeof *group->member, compare_members);
    for (size_t i = 1; i < count; i++) {
        if (bytes_equal(group->member[i - 1], group->member[i]))
            return POLICY_FAULT(r, line, "groups.%.*s: %.*s is given a second time",
                                BYTES_ARG(group->name), BYTES_ARG(group->member[i]));
    }
    return KH_OK;
}

static enum kh_err
read_group(struct policy_reader *r, const yaml_node_t *key, const yaml_node_t *list)
{
    struct policy *policy = r->policy;
    struct bytes name = yaml_text_scalar(key);
    size_t line = yaml_text_node_line(key);
    if (!policy_name_is_fine(name))
        return POLICY_FAULT(r, line,
                            "groups: a group's name is 1 to %d letters, digits or \"._@+-\"",
                            POLICY_NAME_MAX);
    for (size_t i = 0; i < policy->group_count; i++) {
        if (bytes_equal(policy->group[i].name, name))
            return POLICY_FAULT(r, line, "groups.%.*s: given a second time", BYTES_ARG(name));
    }
    struct policy_group *group = &policy->group[policy->group_count++];
    enum kh_err err = policy_keep(policy, name, &group->name, r->fault);
    return err ? err : read_members(r, group, list);
}

enum kh_err
policy_groups_read(struct policy_reader *r)
{
    const yaml_node_t *groups = yaml_text_find(r->document, "groups");
    if (groups == NULL || (groups->type == YAML_SCALAR_NODE && yaml_text_scalar(groups).n == 0))
        return KH_OK;
    size_t line = yaml_text_node_line(groups);
    if (groups->type != YAML_MAPPING_NODE)
        return POLICY_FAULT(r, line, "groups: expected a mapping of names to lists of users");
    const yaml_node_pair_t *pair = groups->data.mapping.pairs.start;
    size_t count = (size_t)(groups->data.mapping.pairs.top - pair);
    if (count > POLICY_GROUPS_MAX)
        return POLICY_FAULT(r, line, "groups: expected at most %d, found %zu", POLICY_GROUPS_MAX,
                            count);
    r->policy->group = calloc(count + 1, sizeof *r->policy->group);
    if (r->policy->group == NULL)
        return fault_set(r->fault, KH_ERR_MEMORY, "memory is used up");
    for (size_t i = 0; i < count; i++) {
        enum kh_err err = read_group(r, node_at(r, pair[i].key), node_at(r, pair[i].value));
        if (err)
            return err;
    }
    return KH_OK;
}

/* ---- the file ---- */

static enum kh_err
read_raw(struct policy_reader *r, const struct policy_raw *raw)
{
    if (!bytes_is(bytes_str(raw->version), "1"))
        return POLICY_FAULT(r, yaml_text_line(r->document, "version"),
                            "version: this broker knows version 1, found \"%.40s\"",
                            raw->version ? raw->version : "");
    enum kh_err err = policy_groups_read(r);
    if (!err)
        err = policy_grants_read(r, raw);
    if (!err)
        err = policy_forbids_read(r, raw);
    return err ? err : policy_tests_read(r, raw);
}

// A body is read once, for a token's caveats and for all rules that may be judged by it.
static enum kh_err
check_pointers(struct policy_reader *r)
{
    const struct policy *policy = r->policy;
    struct body_need need = {.count = 0};
    bool fits = true;
    for (size_t i = 0; i < policy->grant_count; i++) {
        for (size_t k = 0; k < policy->grant[i].caveat_count; k++)
            fits = fits && body_need_add(&need, policy->grant[i].caveat[k].caveat);
    }
    for (size_t i = 0; i < policy->forbid_count; i++) {
        for (size_t k = 0; k < policy->forbid[i].when_count; k++)
            fits = fits && body_need_add(&need, policy->forbid[i].when[k].caveat);
    }
    if (fits && need.count <= POLICY_POINTERS_MAX && need.text_used <= BODY_POINTERS_TEXT_MAX / 2)
        return KH_OK;
    return POLICY_FAULT(r, 1, "the rules look at more than %d places of a body, all together",
                        POLICY_POINTERS_MAX);
}

static bool
any_on_record(const struct policy_caveat *caveat, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (caveat[i].caveat->on_record)
            return true;
    }
    return false;
}

// Of each request it would be found again that nothing is to be put on record for the rules.
static void
note_on_record(struct policy *policy)
{
    for (size_t i = 0; i < policy->grant_count; i++)
        policy->on_record |= any_on_record(policy->grant[i].caveat, policy->grant[i].caveat_count);
    for (size_t i = 0; i < policy->forbid_count; i++)
        policy->on_record |= any_on_record(policy->forbid[i].when, policy->forbid[i].when_count);
}

static enum kh_err
read_document(struct policy_reader *r, struct bytes text)
{
    void *data = NULL;
    const struct policy_raw nothing = {0};
    // Nothing at all would be "nobody may do anything", which nobody means by an empty file.
    if (yaml_text_is_empty(r->document))
        return POLICY_FAULT(r, 1, "the policy is empty; it begins with: version: 1");
    enum kh_err err = yaml_text_read(r->document, text, &policy_schema, &data, r->fault);
    if (err)
        return err;
    err = read_raw(r, data ? data : &nothing);
    yaml_text_release(&policy_schema, data);
    if (err)
        return err;
    note_on_record(r->policy);
    return check_pointers(r);
}

enum kh_err
policy_read(const char *path, struct bytes text, struct policy **out, struct fault *fault)
{
    struct yaml_text document;
    struct fault own = {0};
    struct policy_reader reader = {.document = &document, .fault = fault ? fault : &own};
    if (text.n > POLICY_TEXT_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: a policy has at most %d KiB", path,
                         POLICY_TEXT_MAX / 1024);
    if (bytes_find(text, BYTES("\0")) < text.n || !bytes_is_utf8(text))
        return fault_set(fault, KH_ERR_CONFIG, "%s: it is no UTF-8 text", path);
    enum kh_err err = yaml_text_load(path, text, &document, reader.fault);
    if (err)
        return err;
    reader.policy = calloc(1, sizeof *reader.policy);
    err = reader.policy ? read_document(&reader, text)
                        : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    yaml_text_free(&document);
    if (err)
        policy_free(&reader.policy);
    else
        *out = reader.policy;
    return err;
}
