/* SPDX-License-Identifier: Apache-2.0 */
/* What nft is told in a room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../client/room/inside.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of keyhole-room's own program, which is not linked here. */
void
inside_report(enum room_report_kind kind, int value, const char *text)
{
    (void)kind;
    (void)value;
    (void)text;
}

_Noreturn void
inside_fail(const char *what)
{
    (void)what;
    abort();
}

static void
test_redirection(void **state)
{
    (void)state;
    static const uint16_t port[] = {80, 443, 65535};
    char text[512], small[8];
    assert_true(inside_redirection(port, 3, 40000, text, sizeof text));
    // The sockets that are there, and the resolver's port, are not redirected: nor is any address
    // but the room's.
    assert_non_null(strstr(text,
                           "ip daddr " ROOM_ADDRESS " tcp dport != { 53, 80, 443, 65535 } dnat "
                           "to " ROOM_ADDRESS ":40000"));
    assert_non_null(strstr(text, "hook output"));
    assert_false(inside_redirection(port, 3, 40000, small, sizeof small));
    for (size_t cap = 1; cap <= strlen(text); cap++)
        assert_false(inside_redirection(port, 3, 40000, text, cap) && text[cap - 1] != '\0');
}

static void
test_longest(void **state)
{
    (void)state;
    uint16_t port[ROOM_PORTS_MAX + 2];
    char text[1024]; // what the caller has
    for (size_t i = 0; i < ROOM_PORTS_MAX + 2; i++)
        port[i] = (uint16_t)(60000 + i);
    assert_true(inside_redirection(port, ROOM_PORTS_MAX + 2, 65535, text, sizeof text));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redirection),
        cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
