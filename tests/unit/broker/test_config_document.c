/* SPDX-License-Identifier: Apache-2.0 */
/* In which line something stands. */
#include "../../../broker/config_internal.h"
#include "support.h"

static const char text[] = "# a comment\n"    // 1
                           "workers: 2\n"     // 2
                           "timeouts:\n"      // 3
                           "  head: 10s\n"    // 4
                           "  idle: 5m\n"     // 5
                           "listen:\n"        // 6
                           "  - address: a\n" // 7
                           "    tls: true\n"  // 8
                           "\n"               // 9
                           "  - address: b\n" // 10
                           "names: [x,\n"     // 11
                           "  y]\n";          // 12

static void
load(const char *yaml, struct config_document *document)
{
    struct fault fault = {0};
    if (config_document_load("f.yaml", bytes_str(yaml), document, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
}

static void
test_syntax(void **state)
{
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"a: [\n", "f.yaml:1: this is no YAML"},
        {"a: b: c\n", "f.yaml:1: this is no YAML"},
        {"a: 1\n\n\n b: 2\n", "f.yaml:4: this is no YAML"},
        {"a: \"x\n", "f.yaml:1: this is no YAML"},
        {"a: 1\n--- \nb: 2\n", "f.yaml:2: expected one document, found a second"},
        {"a: 1\n---\n[", "f.yaml:3: this is no YAML"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_document document;
        struct fault fault = {0};
        assert_int_equal(
            config_document_load("f.yaml", bytes_str(cases[i].yaml), &document, &fault),
            KH_ERR_CONFIG);
        if (strstr(fault.detail, cases[i].says) == NULL)
            fail_msg("expected %s…, found %s", cases[i].says, fault.detail);
        assert_false(document.loaded);
        config_document_free(&document);
    }
}

static void
test_lines(void **state)
{
    static const struct {
        const char *first;
        int index;
        const char *second;
        size_t line;
    } cases[] = {
        {"workers", -1, NULL, 2},
        {"timeouts", -1, "head", 4},
        {"timeouts", -1, "idle", 5},
        {"listen", 0, "address", 7},
        {"listen", 0, "tls", 8},
        {"listen", 1, "address", 10},
        {"listen", 1, NULL, 10},
        {"names", 0, NULL, 11},
        {"names", 1, NULL, 12},
        // What is not there is told by what surrounds it.
        {"listen", 1, "tls", 10},
        {"timeouts", -1, "no", 4},
        {"nothing", -1, NULL, 2},
        {"listen", 9, "tls", 2},
        {"workers", -1, "x", 2},
        {"workers", 3, "x", 2},
    };
    struct config_document document;
    (void)state;
    load(text, &document);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t line =
            config_document_line(&document, cases[i].first, cases[i].index, cases[i].second);
        if (line != cases[i].line)
            print_error("%s[%d].%s: expected line %zu, found %zu\n", cases[i].first, cases[i].index,
                        cases[i].second != NULL ? cases[i].second : "", cases[i].line, line);
        assert_int_equal(line, cases[i].line);
    }
    config_document_free(&document);
}

static void
test_empty(void **state)
{
    static const char *const empty[] = {"", "\n", "# x\n", "---\n", "--- # x\n...\n"};
    struct config_document document;
    (void)state;
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        load(empty[i], &document);
        assert_true(config_document_is_empty(&document));
        assert_false(config_document_has(&document, "workers"));
        assert_true(config_document_line(&document, "workers", -1, NULL) >= 1);
        config_document_free(&document);
    }
    load(text, &document);
    assert_false(config_document_is_empty(&document));
    assert_true(config_document_has(&document, "listen"));
    assert_false(config_document_has(&document, "head"));
    config_document_free(&document);
}

static void
test_explains_nothing_that_is_right(void **state)
{
    struct config_schema schema;
    struct config_document document;
    struct fault fault = {0};
    (void)state;
    config_schema_init(&schema);
    load("timeouts:\n  head: 1s\nlisten:\n  - {address: a}\nnames: [a]\nlog:\n", &document);
    assert_false(config_document_explain(&document, &schema.root, &fault));
    assert_string_equal(fault.detail, "");
    config_document_free(&document);
}

// The file is the operator's own, but what is printed about it may be read on a terminal.
static void
test_odd_keys_are_printed_safely(void **state)
{
    struct config_schema schema;
    struct config_document document;
    struct fault fault = {0};
    (void)state;
    config_schema_init(&schema);
    load("\"\\e[2J\\n\": 1\n", &document);
    assert_true(config_document_explain(&document, &schema.root, &fault));
    for (const char *p = fault.detail; *p != '\0'; p++)
        assert_true(*p >= ' ' && *p < 0x7f);
    config_document_free(&document);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_explains_nothing_that_is_right),
        cmocka_unit_test(test_odd_keys_are_printed_safely),
    };
    return cmocka_run_group_tests_name("config_document", tests, NULL, NULL);
}
