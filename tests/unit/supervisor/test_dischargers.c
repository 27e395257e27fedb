/* SPDX-License-Identifier: Apache-2.0 */
/* The list of dischargers: who is in it, and who comes first. */
#include "../scratch.h"

#include "../../../broker/supervisor/dischargers.h"

#define KEY "#kd1_CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk"

#define TEXT(s) ((char *)(uintptr_t)(s))

static struct config_known_discharger known[] = {
    {TEXT("a"), TEXT("https://a.example" KEY)},
    {TEXT("b"), TEXT("https://b.example:8443" KEY)},
    {TEXT("c"), TEXT("http://localhost:1" KEY)},
};
static const struct discharger local = {
    .name = "local", .url = "http://localhost:8438", .public_key = {1}};

static void
names(const struct config *config, const struct discharger *beside, const char *expected)
{
    struct message_dischargers list;
    char text[256] = "";
    dischargers_list(config, beside, &list);
    for (size_t i = 0; i < list.count; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? " " : "",
                       list.discharger[i].name);
    assert_string_equal(text, expected);
}

static void
the_default_comes_first(void **state)
{
    (void)state;
    struct config config = {.known_discharger = known, .known_discharger_count = 3};
    names(&config, NULL, "a b c");
    names(&config, &local, "local a b c");
    config.default_discharger = TEXT("local");
    names(&config, &local, "local a b c");
    names(&config, NULL, "a b c"); // it was switched off on the command line
    config.default_discharger = TEXT("c");
    names(&config, &local, "c local a b");
    names(&config, NULL, "c a b");
    config.default_discharger = TEXT("b");
    names(&config, &local, "b local a c");
    config.known_discharger_count = 0;
    names(&config, NULL, "");
    names(&config, &local, "local");
}

static void
addresses_are_taken_apart(void **state)
{
    (void)state;
    const struct config config = {.known_discharger = known, .known_discharger_count = 3};
    struct message_dischargers list;
    dischargers_list(&config, &local, &list);
    assert_string_equal(list.discharger[0].url, local.url);
    assert_memory_equal(list.discharger[0].public_key, local.public_key, TICKET_PUBLIC_KEY_SIZE);
    assert_string_equal(list.discharger[2].url, "https://b.example:8443");
    for (size_t i = 0; i < TICKET_PUBLIC_KEY_SIZE; i++)
        assert_int_equal(list.discharger[2].public_key[i], 9);
}

// The configuration's own bound is one less; nothing is written past the end all the same.
static void
there_is_room_for_sixteen(void **state)
{
    (void)state;
    struct config_known_discharger many[DISCHARGERS_MAX + 4];
    struct message_dischargers list;
    for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++)
        many[i] = known[0];
    const struct config config = {.known_discharger = many,
                                  .known_discharger_count = sizeof(many) / sizeof(many[0])};
    dischargers_list(&config, &local, &list);
    assert_int_equal(list.count, DISCHARGERS_MAX);
    assert_string_equal(list.discharger[0].name, "local");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_room_for_sixteen),
        cmocka_unit_test(the_default_comes_first),
        cmocka_unit_test(addresses_are_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
