/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed completion: that every command and option of the tables is in each script. */
#include "support.h"

#include "../../../broker/operator/operator.h"

static struct captured captured;

static void
every_command_and_option(void **state)
{
    (void)state;
    static const struct {
        const char *shell, *before, *behind, *repeat, *option;
    } cases[] = {
        {"bash", "    '", "') options='", "*", "--"},
        {"zsh", "    '", "')\n        _arguments", "*", "--"},
        {"fish", "__keyholed_is \"", "\"' -l help", "", "-l "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *argv[] = {(char[]){"keyholed"}, (char[]){"completion"},
                        (char *)(uintptr_t)cases[i].shell, NULL};
        capture_begin();
        int status = operator_main(3, argv);
        capture_end(&captured);
        assert_int_equal(status, EXIT_DONE);
        const struct operator_command *c;
        for (size_t n = 0; (c = operator_command_at(n)) != NULL; n++) {
            char text[128];
            snprintf(text, sizeof(text), "%s%s%s", cases[i].before, c->name, cases[i].behind);
            assert_contains(captured.out, text);
            for (const struct operator_option *o = c->option; o != NULL && o->name != NULL; o++) {
                snprintf(text, sizeof(text), "%s%s%s", o->repeat ? cases[i].repeat : "",
                         cases[i].option, o->name);
                assert_contains(captured.out, text);
            }
        }
    }
}

// What the schema names can be chosen, all of it.
static void
words_of_the_schema(void **state)
{
    (void)state;
    static const char *const words[] = {
#define KH_PRESET(name, hosts, slots, inject, basic_user, environment, path_exceptions,            \
                  token_prefix, doc, options, probe)                                               \
    name,
#include "../../../schema/presets.def"
#define KH_REASON(name, code, http_status, sentence, advice) code,
#include "../../../schema/errors.def"
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_contains(captured.out, words[i]); // of the last shell
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_and_option),
        cmocka_unit_test(words_of_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
