/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the policy share; nobody else includes this but its tests.
 *
 *     policy.c          memory, groups
 *     policy_schema.c   the cyaml schema (schema/policy.schema.json says the same)
 *     policy_read.c     the file into a struct policy
 *     policy_rules.c    reading grants, forbids and tests
 *     policy_judge.c    the evaluator
 *     policy_mint.c     what may be minted
 *     policy_changes.c  what one policy changes against another
 *     policy_test.c     the policy's own tests
 */
#ifndef KEYHOLE_POLICY_INTERNAL_H
#define KEYHOLE_POLICY_INTERNAL_H

#include "policy.h"
#include "yaml_text.h"

/* ---- what cyaml loads: texts, read by meaning afterwards. Groups have names of their own
 * choosing, which no schema knows: they are read from libyaml's document. ---- */

struct policy_raw_list {
    char **text;
    unsigned count;
};

struct policy_raw_grant {
    char *name, *lifetime, *mode;
    struct policy_raw_list to, credentials, caveats, holes;
};

struct policy_raw_forbid {
    char *name, *mode;
    struct policy_raw_list when;
};

struct policy_raw_test {
    char *request, *user, *credential, *client, *time, *lifetime, *body, *expect;
    struct policy_raw_list headers, holes;
};

struct policy_raw {
    char *version;
    struct policy_raw_grant *grant;
    unsigned grant_count;
    struct policy_raw_forbid *forbid;
    unsigned forbid_count;
    struct policy_raw_test *test;
    unsigned test_count;
};

extern const cyaml_schema_value_t policy_schema;

/* ---- reading ---- */

struct policy_reader {
    struct yaml_text *document;
    struct policy *policy;
    struct fault *fault;
};

#define POLICY_FAULT(reader, line, ...)                                                            \
    yaml_text_fault((reader)->document, line, (reader)->fault, __VA_ARGS__)

/* Copies live as long as the policy. KH_ERR_MEMORY. */
KH_MUST_CHECK enum kh_err policy_keep(struct policy *policy, struct bytes text, struct bytes *out,
                                      struct fault *fault);
/* 1 to POLICY_NAME_MAX letters, digits, "._@+-". */
bool policy_name_is_fine(struct bytes name);

KH_MUST_CHECK enum kh_err policy_groups_read(struct policy_reader *reader);
KH_MUST_CHECK enum kh_err policy_grants_read(struct policy_reader *reader,
                                             const struct policy_raw *raw);
KH_MUST_CHECK enum kh_err policy_forbids_read(struct policy_reader *reader,
                                              const struct policy_raw *raw);
KH_MUST_CHECK enum kh_err policy_tests_read(struct policy_reader *reader,
                                            const struct policy_raw *raw);

#endif
