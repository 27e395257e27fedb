/* SPDX-License-Identifier: Apache-2.0 */
/* Why there is no room, in words that lead on. */
#include "../../../client/room_explain.h"
#include "client_test.h"

#include <unistd.h>

static const struct room_switches none = {-1, -1, -1, false};

static void
explains(const char *said, struct room_switches switches, enum kh_err err, const char *words)
{
    struct fault fault = {.err = KH_OK};
    assert_int_equal(room_explain(said, &switches, &fault), err);
    assert_int_equal(fault.err, err);
    assert_contains(fault.detail, words);
    assert_contains(fault.detail, said[0] != '\0' ? "bwrap" : "room");
}

static void
test_switches(void **state)
{
    (void)state;
    static const char said[] = "bwrap: No permissions to creating new namespace";
    explains(said, (struct room_switches){0, -1, -1, true}, KH_ERR_UNSUPPORTED,
             "user.max_user_namespaces");
    explains(said, (struct room_switches){9, 0, -1, false}, KH_ERR_UNSUPPORTED,
             "kernel.unprivileged_userns_clone to 1");
    explains(said, (struct room_switches){9, 1, 1, false}, KH_ERR_UNSUPPORTED, "AppArmor");
    // These two are about other users than root.
    explains(said, (struct room_switches){9, 0, 1, true}, KH_ERR_UNSUPPORTED, "seccomp profile");
}

static void
test_words(void **state)
{
    (void)state;
    explains("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", none,
             KH_ERR_UNSUPPORTED, "masked");
    explains("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", none,
             KH_ERR_UNSUPPORTED, "security module");
    explains("bwrap: something new\nand more", none, KH_ERR_UNSUPPORTED, "forbids it");
    explains("", none, KH_ERR_UNSUPPORTED, "forbids it");
    explains("bwrap: Can't find source path /x: Permission denied", none, KH_ERR_IO, "/x");
}

static void
test_read(void **state)
{
    (void)state;
    struct room_switches switches = {-7, -7, -7, false};
    room_switches_read(&switches);
    assert_int_equal(switches.is_root, geteuid() == 0);
    assert_true(switches.max_user_namespaces >= -1 && switches.userns_clone >= -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
