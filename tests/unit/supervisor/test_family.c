/* SPDX-License-Identifier: Apache-2.0 */
/* The children as a family: how they start, come again and stop. */
#include "families.h"

static int
setup(void **state)
{
    return setup_plan(state, &(struct family_plan){.authority = true, .proxies = 2});
}

static void
a_child_that_ends_before_it_is_ready(void **state)
{
    (void)state;
    start(PROXY_ENDS_AT_ONCE);
    assert_int_equal(start_failed, 1);
    assert_int_equal(serving, 0);
}

static void
an_authority_that_does_not_start_has_no_proxies(void **state)
{
    (void)state;
    start(AUTHORITY_ENDS_AT_ONCE);
    assert_int_equal(start_failed, 1);
    assert_string_equal(family.child[0].note, "exit status 8");
    assert_false(lives(ROLE_PROXY));
}

static void
a_program_that_cannot_be_run(void **state)
{
    (void)state;
    strcpy(family.program[ROLE_PROXY], "/nonexistent/keyhole-proxy");
    start(GOOD);
    assert_int_equal(start_failed, 1);
}

static void
all_serve(void **state)
{
    (void)state;
    start(GOOD);
    assert_int_equal(serving, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(family.child[i].state, CHILD_SERVING);
        assert_int_equal(family.child[i].restarts, 0);
    }
    assert_int_not_equal(family.child[1].life, family.child[2].life);
}

static void
each_child_comes_again(void **state)
{
    (void)state;
    start(GOOD);
    for (size_t i = 0; i < 3; i++) {
        struct family_child *child = &family.child[i];
        uint64_t life = child->life;
        kill(child->pid, SIGKILL);
        TURN_UNTIL(child->life != life && child->state == CHILD_SERVING);
        assert_int_equal(child->restarts, 1);
        assert_string_equal(child->note, "signal 9 (Killed)");
    }
    assert_int_equal(serving, 1); // told once
    assert_int_equal(start_failed, 0);
}

/* Both proxies do it, are ended, and come again. */
static void
misbehave(enum behaviour how, const char *note)
{
    config.pool_total = how;
    family_send_config(&family);
    TURN_UNTIL(family.child[1].restarts > 0 && family.child[1].state == CHILD_SERVING &&
               family.child[2].restarts > 0 && family.child[2].state == CHILD_SERVING);
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(family.child[i].restarts, 1);
        // It may have ended by itself before it was killed: the reason is the same.
        if (strstr(family.child[i].note, note) == NULL)
            fail_msg("expected \"%s\" in: %s", note, family.child[i].note);
    }
}

/* Through a pair that was made after the authority died, a fault still names the right proxy. */
static void
what_the_authority_finds_fault_with_is_ended(void **state)
{
    (void)state;
    start(GOOD);
    kill(family.child[0].pid, SIGKILL);
    TURN_UNTIL(family.child[0].restarts == 1 && family.child[0].state == CHILD_SERVING);
    misbehave(PROXY_TALKS, "broke the protocol with the authority");
    assert_int_equal(family.child[0].restarts, 1);
}

static void
ready_twice_is_ended(void **state)
{
    (void)state;
    start(GOOD);
    misbehave(PROXY_READY_TWICE, "said twice that it is ready");
}

static void
what_breaks_the_protocol_is_ended(void **state)
{
    (void)state;
    start(GOOD);
    misbehave(PROXY_SAYS_NONSENSE, "proxy may not send AUTHORITY_READY to supervisor");
}

static void
stop(void **state)
{
    (void)state;
    start(GOOD);
    family_stop(&family, ROLE_PROXY, 60000);
    TURN_UNTIL(proxies_stopped > 0);
    assert_false(lives(ROLE_PROXY));
    assert_true(lives(ROLE_AUTHORITY));
    family_stop(&family, ROLE_AUTHORITY, 60000);
    TURN_UNTIL(authority_stopped > 0);
    assert_int_equal(proxies_stopped, 1);
    assert_int_equal(authority_stopped, 1);
}

static void
what_does_not_drain_is_ended(void **state)
{
    (void)state;
    start(PROXY_NEVER_DRAINS);
    family_stop(&family, ROLE_PROXY, 50);
    TURN_UNTIL(proxies_stopped > 0);
    assert_false(lives(ROLE_PROXY));
}

static void
stop_before_anything_started(void **state)
{
    (void)state;
    family_stop(&family, ROLE_PROXY, 1000);
    assert_int_equal(proxies_stopped, 1);
    family_stop(&family, ROLE_AUTHORITY, 1000);
    assert_int_equal(authority_stopped, 1);
}

static void
stop_while_one_waits(void **state)
{
    (void)state;
    start(GOOD);
    kill(family.child[1].pid, SIGKILL);
    TURN_UNTIL(family.child[1].state == CHILD_WAITING);
    family_stop(&family, ROLE_PROXY, 60000);
    TURN_UNTIL(proxies_stopped > 0);
    assert_int_equal(family.child[1].state, CHILD_DOWN);
    assert_int_equal(family.child[1].pid, 0);
}

#define FAMILY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(int argc, char **argv)
{
    int status = fake_child_main(argc, argv);
    if (status >= 0)
        return status;
    const struct CMUnitTest tests[] = {
        FAMILY_TEST(a_child_that_ends_before_it_is_ready),
        FAMILY_TEST(an_authority_that_does_not_start_has_no_proxies),
        FAMILY_TEST(a_program_that_cannot_be_run),
        FAMILY_TEST(ready_twice_is_ended),
        FAMILY_TEST(what_breaks_the_protocol_is_ended),
        FAMILY_TEST(what_the_authority_finds_fault_with_is_ended),
        FAMILY_TEST(all_serve),
        FAMILY_TEST(each_child_comes_again),
        FAMILY_TEST(stop),
        FAMILY_TEST(what_does_not_drain_is_ended),
        FAMILY_TEST(stop_before_anything_started),
        FAMILY_TEST(stop_while_one_waits),
    };
    return cmocka_run_group_tests_name("family", tests, NULL, NULL);
}
