/* SPDX-License-Identifier: Apache-2.0 */
#include "served.h"

static int requests;
static uint32_t last_uid;

static void
echo(void *context, uint32_t uid, struct bytes line, struct buffer *out)
{
    assert_ptr_equal(context, &requests);
    requests++;
    last_uid = uid;
    buffer_put(out, line);
    buffer_put_byte(out, '\n');
}

static int
setup(void **state)
{
    if (fixture_setup(state))
        return -1;
    requests = 0;
    return served_open(echo, &requests);
}

static int
teardown(void **state)
{
    served_close();
    return fixture_teardown(state);
}

static void
one_line_each_way(void **state)
{
    int fd = connect_admin();

    (void)state;
    assert_string_equal(ask(fd, "hel"), "(open)");
    assert_int_equal(requests, 0);
    assert_string_equal(ask(fd, "lo\n"), "hello\n");
    assert_int_equal(requests, 1);
    assert_int_equal(last_uid, geteuid());
    close(fd);
}

static void
one_request_for_a_connection(void **state)
{
    int fd = connect_admin();

    (void)state;
    assert_non_null(strstr(ask(fd, "one\ntwo\n"), "\"code\": \"protocol\""));
    assert_int_equal(requests, 0);
    close(fd);
}

static void
a_bounded_number_at_once(void **state)
{
    int fd[ADMIN_CONNECTIONS_MAX];

    (void)state;
    for (size_t i = 0; i < ADMIN_CONNECTIONS_MAX; i++)
        fd[i] = connect_admin();
    int more = connect_admin();
    assert_string_equal(ask(more, "x\n"), "");
    close(more);
    assert_int_equal(requests, 0);
    for (size_t i = 0; i < ADMIN_CONNECTIONS_MAX; i++)
        close(fd[i]);
    settle();
    more = connect_admin();
    assert_string_equal(ask(more, "x\n"), "x\n");
    close(more);
}

static void
others_are_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); // only root can become somebody else
    assert_int_equal(chmod(fixture_base, 0711), 0);
    assert_int_equal(chmod(address.sun_path, 0666), 0);
    assert_int_equal(seteuid(12345), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int connected = connect(fd, (struct sockaddr *)&address, sizeof address);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(connected, 0);
    assert_string_equal(ask(fd, "x\n"), "");
    assert_int_equal(requests, 0);
    close(fd);
}

// ---- answers that come later ----

static struct admin_later *later;
static int gone;

static void
on_gone(void *context)
{
    assert_ptr_equal(context, &gone);
    gone++;
    later = NULL;
}

static void
answer_later(void *context, uint32_t uid, struct bytes line, struct buffer *out)
{
    echo(context, uid, line, out); // dropped
    later = admin_server_later(server, on_gone, &gone);
    assert_non_null(later);
    assert_null(admin_server_later(server, on_gone, &gone)); // one for a request
}

static int
setup_later(void **state)
{
    if (fixture_setup(state))
        return -1;
    requests = gone = 0;
    return served_open(answer_later, &requests);
}

static void
later_is_not_now(void **state)
{
    int fd = connect_admin();

    (void)state;
    assert_null(admin_server_later(server, on_gone, &gone)); // not within a call
    assert_null(admin_server_later(NULL, on_gone, &gone));
    assert_string_equal(ask(fd, "one\n"), "(open)");
    assert_int_equal(requests, 1);
    admin_later_answer(&later, BYTES("two\n"));
    assert_null(later);
    assert_string_equal(ask(fd, ""), "two\n");
    assert_int_equal(gone, 0);
    close(fd);
}

static void
who_does_not_wait(void **state)
{
    int fd = connect_admin();

    (void)state;
    assert_string_equal(ask(fd, "one\n"), "(open)");
    close(fd);
    settle();
    assert_int_equal(gone, 1);
    fd = connect_admin(); // and who says more meanwhile
    assert_string_equal(ask(fd, "one\n"), "(open)");
    (void)ask(fd, "two\n");
    assert_int_equal(gone, 2);
    close(fd);
    fd = connect_admin(); // and the end of all
    assert_string_equal(ask(fd, "one\n"), "(open)");
    admin_server_free(&server);
    assert_int_equal(gone, 3);
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(later_is_not_now, setup_later, teardown),
        cmocka_unit_test_setup_teardown(who_does_not_wait, setup_later, teardown),
        cmocka_unit_test_setup_teardown(one_line_each_way, setup, teardown),
        cmocka_unit_test_setup_teardown(one_request_for_a_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bounded_number_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(others_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
