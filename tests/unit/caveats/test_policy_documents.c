/* SPDX-License-Identifier: Apache-2.0 */
/* docs/POLICY.md says what is so: every policy on it reads, and passes its own tests. Tests run in
 * the top directory. */
#include "../../../caveats/policy_internal.h"
#include "policies.h"

static char page[1 << 17];

static int
read_page(void **state)
{
    (void)state;
    FILE *file = fopen("docs/POLICY.md", "r");
    if (file == NULL)
        return -1;
    size_t n = fread(page, 1, sizeof page - 1, file);
    fclose(file);
    return n > 0 ? 0 : -1;
}

/* The next box of that kind; `*rest` is moved behind it. */
static bool
next_box(struct bytes *rest, struct bytes *box)
{
    struct bytes opening = BYTES("\n```yaml policy\n"), closing = BYTES("\n```\n");
    size_t start = bytes_find(*rest, opening);
    if (start == rest->n)
        return false;
    *rest = bytes_from(*rest, start + opening.n);
    size_t end = bytes_find(*rest, closing);
    *box = bytes_slice(*rest, 0, end + 1);
    *rest = bytes_from(*rest, end);
    return true;
}

static void
examples(void **state)
{
    (void)state;
    struct bytes rest = bytes_str(page), box;
    size_t boxes = 0, tests = 0;
    while (next_box(&rest, &box)) {
        struct policy *policy = NULL;
        struct fault fault = {0};
        size_t passed;
        enum kh_err err = policy_read("box", box, &policy, &fault);
        if (!err)
            err = policy_tests_run(policy, "box", &passed, &fault);
        if (err)
            FAIL_WITH("%s\n%.*s", fault.detail, BYTES_ARG(box));
        boxes++;
        tests += passed;
        policy_free(&policy);
    }
    assert_true(boxes >= 5);
    assert_true(tests >= 15);
}

/* Every key that the reader takes is spoken of. */
static void
every_key(void **state)
{
    (void)state;
    for (const cyaml_schema_field_t *f = policy_schema.mapping.fields; f->key; f++) {
        if (!strstr(page, f->key))
            FAIL_WITH("docs/POLICY.md does not have %s", f->key);
        if (f->value.type != CYAML_SEQUENCE)
            continue;
        const cyaml_schema_field_t *inner = f->value.sequence.entry->mapping.fields;
        for (; inner->key; inner++) {
            char text[64];
            snprintf(text, sizeof text, "`%s`", inner->key);
            if (!strstr(page, text))
                FAIL_WITH("docs/POLICY.md does not have %s of %s", text, f->key);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples),
        cmocka_unit_test(every_key),
    };
    return cmocka_run_group_tests(tests, read_page, NULL);
}
