/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of an open hole. */
#include "tokens.h"

#include "../../../caveats/decide.h"

static uint8_t key[TOKEN_KEY_SIZE] = {1, 2, 3};

static void
says(struct builder *const *builder, size_t count, const char *expected)
{
    struct token *token = NULL;
    struct fault fault = {0};
    struct buffer text, out;
    builders_text((struct builder **)(uintptr_t)builder, count, &text);
    buffer_init(&out, 4096);
    if (token_scan(buffer_bytes(&text), &token, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    decision_hole_print(token, &out);
    assert_string_equal(out.n ? buffer_text(&out) : "", expected);
    token_free(&token);
    buffer_free(&out);
    buffer_free(&text);
}

static void
none_is_open(void **state)
{
    (void)state;
    struct builder root, discharge;
    struct builder *both[] = {&root, &discharge};
    builder_root(&root);
    builder_first_party(&root, "hole = \"factor = ssh for 1h\"");
    says(both, 1, "");
    builder_hole(&root, "ticket", key);
    builder_start(&discharge, key, BYTES("ticket"));
    says(both, 2, "");
    builder_end(&root);
    builder_end(&discharge);
}

static void
what_it_demands(void **state)
{
    (void)state;
    struct builder root;
    struct builder *one[] = {&root};
    builder_root(&root);
    builder_first_party(&root, "hole = \"user = alice and factor = yubikey for 8h\"");
    builder_hole(&root, "ticket", key);
    says(one, 1,
         "it demands user = alice and factor = yubikey for 8h, filled at "
         "https://discharger.example");
    builder_hole(&root, "another", key);
    says(one, 1,
         "it demands user = alice and factor = yubikey for 8h, filled at "
         "https://discharger.example; 1 more is open");
    builder_hole(&root, "a third", key);
    says(one, 1,
         "it demands user = alice and factor = yubikey for 8h, filled at "
         "https://discharger.example; 2 more are open");
    builder_end(&root);
}

/* Tokens of other libraries have holes that say nothing in clear. */
static void
what_says_nothing(void **state)
{
    (void)state;
    static const char *const before[] = {NULL, "method = GET", "colour = red", "\xff",
                                         "method = GET or hole = x"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        struct builder root;
        struct builder *one[] = {&root};
        builder_root(&root);
        if (before[i])
            builder_first_party(&root, before[i]);
        builder_hole(&root, "ticket", key);
        says(one, 1, "it demands what it does not say, filled at https://discharger.example");
        builder_end(&root);
    }
}

/* A hole in a discharge is open as well. */
static void
of_a_discharge(void **state)
{
    (void)state;
    struct builder root, discharge;
    struct builder *both[] = {&root, &discharge};
    builder_root(&root);
    builder_first_party(&root, "hole = \"factor = ssh for 1h\"");
    builder_hole(&root, "ticket", key);
    builder_start(&discharge, key, BYTES("ticket"));
    builder_first_party(&discharge, "hole = \"user = bob for 2h\"");
    builder_hole(&discharge, "inner", key);
    says(both, 2, "it demands user = bob for 2h, filled at https://discharger.example");
    builder_end(&root);
    builder_end(&discharge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_is_open),
        cmocka_unit_test(what_it_demands),
        cmocka_unit_test(what_says_nothing),
        cmocka_unit_test(of_a_discharge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
