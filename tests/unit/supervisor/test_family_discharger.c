/* SPDX-License-Identifier: Apache-2.0 */
/* A family with a discharger, with those of others, and a discharger alone. */
#include "families.h"

static int
setup(void **state)
{
    return setup_plan(state, &(struct family_plan){.authority = true, .proxies = 2});
}

static int
setup_all(void **state)
{
    return setup_plan(state,
                      &(struct family_plan){.authority = true, .proxies = 2, .discharger = true});
}

static int
setup_alone(void **state)
{
    return setup_plan(state, &(struct family_plan){.discharger = true});
}

enum { AUTHORITY = 0, PROXY = 1, OTHER_PROXY = 2, DISCHARGER = 3 };

static void
start_discharger(enum discharger_behaviour how)
{
    config.discharger.settings.firmware = how;
    start(GOOD);
}

static const char *
told(const struct family_child *child)
{
    static char text[4096];
    char name[64];
    (void)snprintf(name, sizeof(name), "told.%ld", (long)child->pid);
    FILE *file = fopen(test_path(name), "re");
    if (file == NULL)
        return "";
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    return text;
}

static void
know(const char *name, const char *url)
{
    config.known_discharger = calloc(1, sizeof(*config.known_discharger));
    assert_non_null(config.known_discharger);
    config.known_discharger->name = strdup(name);
    assert_true(asprintf(&config.known_discharger->address,
                         "%s#kd1_CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk", url) > 0);
    config.known_discharger_count = 1;
}

static void
a_discharger_that_does_not_start(void **state)
{
    (void)state;
    start_discharger(ENDS_AT_ONCE);
    assert_int_equal(start_failed, 1);
    assert_int_equal(serving, 0);
    assert_string_equal(family.child[DISCHARGER].note, "exit status 6");
    assert_false(lives(ROLE_PROXY)); // which would not know whom to name
}

static void
a_discharger_that_says_it_is_elsewhere(void **state)
{
    (void)state;
    start_discharger(SAYS_ANOTHER_URL);
    assert_int_equal(start_failed, 1);
    assert_int_equal(serving, 0);
    assert_false(family.local_known);
}

static void
a_discharger_without_a_key(void **state)
{
    (void)state;
    start_discharger(SAYS_NO_KEY);
    assert_int_equal(start_failed, 1);
    assert_int_equal(serving, 0);
}

static void
all_learn_of_the_dischargers(void **state)
{
    (void)state;
    know("security", "https://t.example");
    start_discharger(HONEST);
    assert_int_equal(serving, 1);
    assert_int_equal(family.child[DISCHARGER].role, ROLE_DISCHARGER);
    assert_string_equal(family.local.name, "local");
    assert_int_equal(family.local.public_key[0], 7);
    static const char expected[] =
        "local " DISCHARGER_URL " 07000000\nsecurity https://t.example 09090909\n";
    assert_string_equal(told(&family.child[PROXY]), expected); // before they said they are ready
    assert_string_equal(told(&family.child[OTHER_PROXY]), expected);
    TURN_UNTIL(strcmp(told(&family.child[AUTHORITY]), expected) == 0);
    assert_string_equal(told(&family.child[DISCHARGER]), "");
    // As does whoever comes after.
    for (size_t i = AUTHORITY; i <= PROXY; i++) {
        uint64_t life = family.child[i].life;
        kill(family.child[i].pid, SIGKILL);
        TURN_UNTIL(family.child[i].life != life && family.child[i].state == CHILD_SERVING);
        assert_string_equal(told(&family.child[i]), expected);
    }
}

static void
the_default_comes_first_also_after_a_reload(void **state)
{
    (void)state;
    know("security", "https://t.example");
    config.default_discharger = strdup("security");
    start_discharger(HONEST);
    assert_string_equal(told(&family.child[PROXY]),
                        "security https://t.example 09090909\nlocal " DISCHARGER_URL " 07000000\n");
    free(config.default_discharger);
    config.default_discharger = NULL;
    family_send_config(&family);
    static const char expected[] =
        "local " DISCHARGER_URL " 07000000\nsecurity https://t.example 09090909\n";
    TURN_UNTIL(strcmp(told(&family.child[PROXY]), expected) == 0);
    TURN_UNTIL(strcmp(told(&family.child[AUTHORITY]), expected) == 0);
}

static void
those_of_others_need_no_discharger_here(void **state)
{
    (void)state;
    know("security", "https://t.example");
    start(GOOD);
    assert_string_equal(told(&family.child[PROXY]), "security https://t.example 09090909\n");
    TURN_UNTIL(*told(&family.child[AUTHORITY]) != '\0');
}

static void
a_discharger_that_dies_comes_again_and_nobody_else_ends(void **state)
{
    (void)state;
    start_discharger(NEW_KEY);
    struct family_child *discharger = &family.child[DISCHARGER];
    struct discharger first = family.local;
    uint64_t life = discharger->life, proxy_life = family.child[PROXY].life;
    kill(discharger->pid, SIGKILL);
    TURN_UNTIL(discharger->life != life && discharger->state == CHILD_SERVING);
    assert_int_equal(discharger->restarts, 1);
    assert_int_equal(serving, 1);
    assert_int_equal(start_failed, 0);
    assert_true(family.child[PROXY].life == proxy_life);
    assert_int_equal(family.child[AUTHORITY].restarts, 0);
    // Its new key is told to those who run.
    assert_memory_not_equal(first.public_key, family.local.public_key, TICKET_PUBLIC_KEY_SIZE);
    char expected[128];
    (void)snprintf(expected, sizeof(expected), "local " DISCHARGER_URL " %02x%02x%02x%02x\n",
                   family.local.public_key[0], family.local.public_key[1],
                   family.local.public_key[2], family.local.public_key[3]);
    TURN_UNTIL(strcmp(told(&family.child[PROXY]), expected) == 0);
    TURN_UNTIL(strcmp(told(&family.child[AUTHORITY]), expected) == 0);
}

static void
stop_with_a_discharger(void **state)
{
    (void)state;
    start_discharger(HONEST);
    family_stop(&family, ROLE_PROXY, 60000);
    family_stop(&family, ROLE_DISCHARGER, 60000);
    TURN_UNTIL(proxies_stopped > 0 && discharger_stopped > 0);
    assert_false(lives(ROLE_DISCHARGER));
    assert_true(lives(ROLE_AUTHORITY));
    family_stop(&family, ROLE_AUTHORITY, 60000);
    TURN_UNTIL(authority_stopped > 0);
    assert_int_equal(discharger_stopped, 1);
}

static void
a_discharger_alone(void **state)
{
    (void)state;
    start_discharger(HONEST);
    assert_int_equal(serving, 1);
    assert_int_equal(family.child_count, 1);
    struct family_child *discharger = &family.child[0];
    kill(discharger->pid, SIGKILL);
    TURN_UNTIL(discharger->restarts == 1 && discharger->state == CHILD_SERVING);
    family_stop(&family, ROLE_PROXY, 60000);
    assert_int_equal(proxies_stopped, 1); // there are none
    family_stop(&family, ROLE_DISCHARGER, 60000);
    TURN_UNTIL(discharger_stopped > 0);
    family_stop(&family, ROLE_AUTHORITY, 60000);
    assert_int_equal(authority_stopped, 1);
}

#define FAMILY_TEST(name)     cmocka_unit_test_setup_teardown(name, setup, teardown)
#define DISCHARGER_TEST(name) cmocka_unit_test_setup_teardown(name, setup_all, teardown)

int
main(int argc, char **argv)
{
    int status = fake_child_main(argc, argv);
    if (status >= 0)
        return status;
    const struct CMUnitTest tests[] = {
        DISCHARGER_TEST(a_discharger_that_does_not_start),
        DISCHARGER_TEST(a_discharger_that_says_it_is_elsewhere),
        DISCHARGER_TEST(a_discharger_without_a_key),
        DISCHARGER_TEST(all_learn_of_the_dischargers),
        DISCHARGER_TEST(the_default_comes_first_also_after_a_reload),
        FAMILY_TEST(those_of_others_need_no_discharger_here),
        DISCHARGER_TEST(a_discharger_that_dies_comes_again_and_nobody_else_ends),
        DISCHARGER_TEST(stop_with_a_discharger),
        cmocka_unit_test_setup_teardown(a_discharger_alone, setup_alone, teardown),
    };
    return cmocka_run_group_tests_name("family_discharger", tests, NULL, NULL);
}
