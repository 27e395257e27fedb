/* SPDX-License-Identifier: Apache-2.0 */
/* In which line something stands, and what a schema does not allow. */
#include "../../../caveats/yaml_text.h"
#include "unit.h"

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
load(const char *yaml, struct yaml_text *document)
{
    struct fault fault = {0};
    if (yaml_text_load("f.yaml", bytes_str(yaml), document, &fault) != KH_OK)
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
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct yaml_text document;
        struct fault fault = {0};
        assert_int_equal(yaml_text_load("f.yaml", bytes_str(cases[i].yaml), &document, &fault),
                         KH_ERR_CONFIG);
        if (strstr(fault.detail, cases[i].says) == NULL)
            fail_msg("expected %s…, found %s", cases[i].says, fault.detail);
        assert_false(document.loaded);
        yaml_text_free(&document);
    }
}

static enum kh_err
load_nested(const char *step, size_t depth, struct fault *fault)
{
    struct yaml_text document;
    BUFFER_AUTO yaml;
    buffer_init(&yaml, 1 << 20);
    buffer_put_str(&yaml, "a: 1\nb:\n  ");
    for (size_t i = 0; i < depth; i++)
        buffer_put_str(&yaml, step);
    buffer_put_str(&yaml, step[0] == '-' ? "x\n" : "");
    assert_false(yaml.failed);
    enum kh_err err = yaml_text_load("f.yaml", buffer_bytes(&yaml), &document, fault);
    yaml_text_free(&document);
    return err;
}

/* libyaml would take minutes for the long ones. */
static void
test_nesting(void **state)
{
    static const char *const steps[] = {"[", "{a: ", "- ", "? "};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        for (size_t depth = 32; depth <= 200000; depth *= depth == 32 ? 6250 : 2) {
            struct fault fault = {0};
            assert_int_equal(load_nested(steps[i], depth, &fault), KH_ERR_CONFIG);
            if (strcmp(fault.detail, "f.yaml:3: this is nested more than 32 levels deep") != 0)
                fail_msg("%s, %zu times: %s", steps[i], depth, fault.detail);
        }
    }
    struct fault fault = {0};
    assert_int_equal(load_nested("- ", 31, &fault), KH_OK);
}

static void
test_lines(void **state)
{
    static const struct {
        const char *place;
        size_t line;
    } cases[] = {
        {"workers", 2},
        {"timeouts.head", 4},
        {"timeouts.idle", 5},
        {"listen[0].address", 7},
        {"listen[0].tls", 8},
        {"listen[1].address", 10},
        {"listen[1]", 10},
        {"names[0]", 11},
        {"names[1]", 12},
        // What is not there is told by what surrounds it.
        {"listen[1].tls", 10},
        {"timeouts.no", 4},
        {"nothing", 2},
        {"", 2},
        {"listen[9].tls", 7},
        {"listen[99999999999999999999].tls", 7},
        {"listen[", 7},
        {"listen[].tls", 7},
        {"listen.", 7},
        {"workers.x", 2},
        {"workers[3].x", 2},
    };
    struct yaml_text document;
    (void)state;
    load(text, &document);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t line = yaml_text_line(&document, "%s", cases[i].place);
        if (line != cases[i].line)
            FAIL_WITH("%s: expected line %zu, found %zu", cases[i].place, cases[i].line, line);
    }
    assert_int_equal(yaml_text_line(&document, "listen[%d].%s", 1, "address"), 10);
    assert_int_equal(yaml_text_node_line(yaml_text_find(&document, "names")), 11);
    expect_text("a scalar", yaml_text_scalar(yaml_text_find(&document, "workers")), "2");
    expect_text("no scalar", yaml_text_scalar(yaml_text_find(&document, "names")), "");
    assert_null(yaml_text_find(&document, "head"));
    yaml_text_free(&document);
    assert_int_equal(yaml_text_line(&document, "workers"), 1);
}

static void
test_empty(void **state)
{
    static const char *const empty[] = {"", "\n", "# x\n", "---\n", "--- # x\n...\n"};
    struct yaml_text document;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(empty); i++) {
        load(empty[i], &document);
        assert_true(yaml_text_is_empty(&document));
        assert_false(yaml_text_has(&document, "workers"));
        assert_true(yaml_text_line(&document, "workers") >= 1);
        yaml_text_free(&document);
    }
    load(text, &document);
    assert_false(yaml_text_is_empty(&document));
    assert_true(yaml_text_has(&document, "listen"));
    assert_false(yaml_text_has(&document, "head"));
    yaml_text_free(&document);
}

/* ---- by a schema ---- */

struct item {
    char *address, *tls;
};

struct sample {
    char *workers;
    struct item *listen;
    unsigned listen_count;
    struct item *log;
};

static const cyaml_schema_field_t item_fields[] = {
    CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_POINTER, struct item, address, 0, 8),
    CYAML_FIELD_STRING_PTR("tls", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct item, tls, 0, 8),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t item_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct item, item_fields),
};
static const cyaml_schema_field_t sample_fields[] = {
    CYAML_FIELD_STRING_PTR("workers", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sample,
                           workers, 0, 8),
    CYAML_FIELD_SEQUENCE_COUNT("listen", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sample,
                               listen, listen_count, &item_value, 0, 2),
    CYAML_FIELD_MAPPING_PTR("log", CYAML_FLAG_POINTER_NULL | CYAML_FLAG_OPTIONAL, struct sample,
                            log, item_fields),
    CYAML_FIELD_IGNORE("any", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t sample_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct sample, sample_fields),
};

static enum kh_err
read_sample(const char *yaml, struct yaml_text_words words, struct sample **out,
            struct fault *fault)
{
    struct yaml_text document;
    void *data = NULL;
    load(yaml, &document);
    document.words = words;
    enum kh_err err = yaml_text_read(&document, bytes_str(yaml), &sample_schema, &data, fault);
    yaml_text_free(&document);
    *out = data;
    return err;
}

static void
test_reads(void **state)
{
    (void)state;
    struct yaml_text_words words = {NULL, NULL};
    struct fault fault = {0};
    struct sample *sample = NULL;
    enum kh_err err = read_sample("workers: 2\nlisten:\n  - {address: a, tls: b}\n"
                                  "any: {x: [1, {y: 2}]}\nlog:\n",
                                  words, &sample, &fault);
    expect_err(fault.detail, err, KH_OK);
    assert_string_equal(sample->workers, "2");
    assert_int_equal(sample->listen_count, 1);
    assert_string_equal(sample->listen[0].tls, "b");
    assert_null(sample->log);
    yaml_text_release(&sample_schema, sample);
    yaml_text_release(&sample_schema, NULL);
}

static void
test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"worker: 1\n", "f.yaml:1: unknown setting \"worker\"; expected one of workers, listen"},
        {"workers: 1\nlisten:\n- {address: a, x: 1}\n",
         "f.yaml:3: listen[1]: unknown setting \"x\"; expected one of address, tls"},
        {"listen:\n- {tls: a}\n", "f.yaml:2: listen[1]: address is missing"},
        {"listen:\n- a\n", "f.yaml:2: listen[1]: expected a group, found a single value"},
        {"listen: a\n", "f.yaml:1: listen: expected a list, found a single value"},
        {"listen:\n", "f.yaml:1: listen: expected a list, found nothing"},
        {"workers: [1]\n", "f.yaml:1: workers: expected a single value, found a list"},
        {"workers: {}\n", "f.yaml:1: workers: expected a single value, found a group"},
        {"workers: 123456789\n", "f.yaml:1: workers: expected at most 8 bytes, found 9"},
        {"listen:\n- {address: a}\n- {address: a}\n- {address: a}\n",
         "f.yaml:2: listen: expected at most 2 items, found 3"},
        {"workers: 1\nworkers: 2\n", "f.yaml:2: workers: given a second time"},
        {"workers: &a 1\nlog: {address: *a}\n", "aliases are not taken"},
        {"- a\n", "f.yaml:1: expected a group, found a list"},
        {"workers: 1\nlisten:\n- address: \"a\\0b\"\n", "f.yaml:3: a NUL character"},
        {"\"\\e[2J\\n\": 1\n", "f.yaml:1: unknown setting \"?[2J?\""},
    };
    const struct yaml_text_words words = {"setting", "a group"};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault = {0};
        struct sample *sample = NULL;
        expect_err(cases[i].yaml, read_sample(cases[i].yaml, words, &sample, &fault),
                   KH_ERR_CONFIG);
        if (strstr(fault.detail, cases[i].says) == NULL)
            FAIL_WITH("%s: expected %s, found %s", cases[i].yaml, cases[i].says, fault.detail);
        for (const char *p = fault.detail; *p != '\0'; p++)
            assert_true(*p >= ' ' && *p < 0x7f);
    }
    struct fault fault = {0};
    struct sample *sample = NULL;
    expect_err("plain words", read_sample("x: 1\n", (struct yaml_text_words){0}, &sample, &fault),
               KH_ERR_CONFIG);
    assert_non_null(strstr(fault.detail, "unknown key \"x\""));
}

static void
test_explains_nothing_that_is_right(void **state)
{
    struct yaml_text document;
    struct fault fault = {0};
    (void)state;
    load("workers: 1\nlisten:\n  - {address: a}\nlog:\nany: [a]\n", &document);
    assert_false(yaml_text_explain(&document, &sample_schema, &fault));
    assert_string_equal(fault.detail, "");
    yaml_text_free(&document);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_explains_nothing_that_is_right),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests_name("yaml_text", tests, NULL, NULL);
}
