/* SPDX-License-Identifier: Apache-2.0 */
/* The state table of a child: nothing that happens may leave a hole in it, or start two. */
#include "../scratch.h"

#include "../../../broker/supervisor/child.h"

#include <signal.h>
#include <sys/wait.h>

static void
bad_values_end_the_child(void **state)
{
    (void)state;
    struct child_step step = child_step(CHILD_STATES, CHILD_READY);
    assert_int_equal(step.action, CHILD_KILL);
    step = child_step(CHILD_SERVING, CHILD_EVENTS);
    assert_int_equal(step.action, CHILD_KILL);
    assert_string_equal(child_state_name(CHILD_STATES), "unknown");
}

static const struct {
    enum child_state state;
    enum child_event event;
    enum child_state next;
    enum child_action action;
} rules[] = {
    {CHILD_DOWN, CHILD_START, CHILD_STARTING, CHILD_SPAWN},
    {CHILD_DOWN, CHILD_EXITED, CHILD_DOWN, CHILD_NOTHING},
    {CHILD_STARTING, CHILD_READY, CHILD_SERVING, CHILD_SERVE},
    {CHILD_STARTING, CHILD_EXITED, CHILD_WAITING, CHILD_RESTART_LATER},
    {CHILD_STARTING, CHILD_TIMER, CHILD_KILLED, CHILD_KILL},
    {CHILD_STARTING, CHILD_FAULT, CHILD_KILLED, CHILD_KILL},
    {CHILD_STARTING, CHILD_STOP, CHILD_STOPPING, CHILD_ASK_TO_STOP},
    {CHILD_SERVING, CHILD_EXITED, CHILD_WAITING, CHILD_RESTART_LATER},
    {CHILD_SERVING, CHILD_FAULT, CHILD_KILLED, CHILD_KILL},
    {CHILD_SERVING, CHILD_READY, CHILD_KILLED, CHILD_KILL},
    {CHILD_SERVING, CHILD_STOP, CHILD_STOPPING, CHILD_ASK_TO_STOP},
    {CHILD_STARTING, CHILD_CLOSED, CHILD_LEAVING, CHILD_WAIT_FOR_EXIT},
    {CHILD_SERVING, CHILD_CLOSED, CHILD_LEAVING, CHILD_WAIT_FOR_EXIT},
    {CHILD_LEAVING, CHILD_READY, CHILD_LEAVING, CHILD_NOTHING},
    {CHILD_LEAVING, CHILD_EXITED, CHILD_WAITING, CHILD_RESTART_LATER},
    {CHILD_LEAVING, CHILD_TIMER, CHILD_KILLED, CHILD_KILL},
    {CHILD_LEAVING, CHILD_STOP, CHILD_STOPPING, CHILD_WAIT_FOR_EXIT},
    {CHILD_KILLED, CHILD_READY, CHILD_KILLED, CHILD_NOTHING},
    {CHILD_KILLED, CHILD_EXITED, CHILD_WAITING, CHILD_RESTART_LATER},
    {CHILD_KILLED, CHILD_STOP, CHILD_STOPPING, CHILD_NOTHING},
    {CHILD_WAITING, CHILD_TIMER, CHILD_STARTING, CHILD_SPAWN},
    {CHILD_WAITING, CHILD_STOP, CHILD_DOWN, CHILD_GONE},
    {CHILD_STOPPING, CHILD_CLOSED, CHILD_STOPPING, CHILD_NOTHING},
    {CHILD_STOPPING, CHILD_FAULT, CHILD_STOPPING, CHILD_KILL},
    {CHILD_STOPPING, CHILD_TIMER, CHILD_STOPPING, CHILD_KILL},
    {CHILD_STOPPING, CHILD_STOP, CHILD_STOPPING, CHILD_KILL},
    {CHILD_STOPPING, CHILD_EXITED, CHILD_DOWN, CHILD_GONE},
};

static void
each_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct child_step step = child_step(rules[i].state, rules[i].event);
        if (step.next != rules[i].next || step.action != rules[i].action)
            fail_msg("%s, event %d: goes to %s with action %d", child_state_name(rules[i].state),
                     rules[i].event, child_state_name(step.next), step.action);
    }
}

static bool
has_process(enum child_state state)
{
    return state == CHILD_STARTING || state == CHILD_SERVING || state == CHILD_KILLED ||
           state == CHILD_LEAVING || state == CHILD_STOPPING;
}

/* Whatever happens, in any order: a process is started only where there is none, killed only where
 * there is one, and a state without a process is entered by its exit or by there being none. */
static void
invariants_of_every_cell(void **state)
{
    (void)state;
    for (int s = 0; s < CHILD_STATES; s++)
        for (int e = 0; e < CHILD_EVENTS; e++) {
            struct child_step step = child_step((enum child_state)s, (enum child_event)e);
            bool spawns = step.action == CHILD_SPAWN;
            bool before = has_process((enum child_state)s), after = has_process(step.next);
            bool exited = before && e == CHILD_EXITED;
            if (spawns && (before || step.next != CHILD_STARTING))
                fail_msg("state %d, event %d starts a second process", s, e);
            if ((step.action == CHILD_KILL || step.action == CHILD_ASK_TO_STOP) && !before)
                fail_msg("state %d, event %d ends a process that is not there", s, e);
            if (after != (spawns || (before && !exited)))
                fail_msg("state %d, event %d loses or invents a process", s, e);
            if (s == CHILD_STOPPING && (spawns || step.action == CHILD_RESTART_LATER))
                fail_msg("event %d restarts what was told to stop", e);
        }
}

static void
only_a_ready_child_serves(void **state)
{
    (void)state;
    for (int s = 0; s < CHILD_STATES; s++)
        for (int e = 0; e < CHILD_EVENTS; e++) {
            struct child_step step = child_step((enum child_state)s, (enum child_event)e);
            if (step.action == CHILD_SERVE || (step.next == CHILD_SERVING && s != CHILD_SERVING)) {
                assert_int_equal(s, CHILD_STARTING);
                assert_int_equal(e, CHILD_READY);
            }
        }
}

static void
backoff_doubles_to_its_limit(void **state)
{
    (void)state;
    static const uint32_t expected[] = {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000, 10000};
    uint32_t memory = 0;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_int_equal(child_backoff_ms(&memory, 5), expected[i]);
}

static void
backoff_forgets_after_a_minute_of_life(void **state)
{
    (void)state;
    uint32_t memory = 0;
    for (int i = 0; i < 5; i++)
        (void)child_backoff_ms(&memory, 0);
    assert_int_equal(child_backoff_ms(&memory, CHILD_BACKOFF_FORGET_MS - 1), 3200);
    assert_int_equal(child_backoff_ms(&memory, CHILD_BACKOFF_FORGET_MS), 100);
    assert_int_equal(child_backoff_ms(&memory, 0), 200);
}

static void
status_in_words(void **state)
{
    (void)state;
    char text[64];
    child_status_text(1 << 8, text, sizeof(text));
    assert_string_equal(text, "exit status 1");
    child_status_text(SIGKILL, text, sizeof(text));
    assert_string_equal(text, "signal 9 (Killed)");
    child_status_text(SIGSYS, text, sizeof(text));
    assert_string_equal(text, "signal 31 (Bad system call)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_values_end_the_child),
        cmocka_unit_test(each_rule),
        cmocka_unit_test(invariants_of_every_cell),
        cmocka_unit_test(only_a_ready_child_serves),
        cmocka_unit_test(backoff_doubles_to_its_limit),
        cmocka_unit_test(backoff_forgets_after_a_minute_of_life),
        cmocka_unit_test(status_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
