/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy_peer.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct authority authority;
static struct admin_server *admin;
static struct sockaddr_un address;

static int
setup(void **state)
{
    struct fault fault = {0};

    if (fixture_setup(state))
        return -1;
    admin_init();
    fixture_create();
    fixture_open(&authority);
    authority.base = peer_base();
    address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/admin.sock", fixture_base);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 16) ||
           admin_new(&authority, fd, &admin, &fault);
}

static int
teardown(void **state)
{
    admin_server_free(&admin);
    event_base_free(authority.base);
    authority_close(&authority);
    return fixture_teardown(state);
}

static int
connect_admin(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Send, and let the loop run. False when the other side is gone. */
static bool
say(int fd, struct bytes text)
{
    while (text.n > 0) {
        ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return false;
        text = bytes_from(text, n > 0 ? (size_t)n : 0);
        peer_settle(authority.base);
    }
    return true;
}

/* What was answered until the end of the connection; empty when it is still open. */
static const char *
answer(int fd, struct buffer *out)
{
    buffer_init(out, 1 << 22);
    for (int i = 0; i < 100; i++) {
        uint8_t *room = buffer_reserve(out, 65536);
        ssize_t n = recv(fd, room, 65536, 0);
        if (n == 0)
            return buffer_text(out);
        if (n > 0)
            buffer_advance(out, (size_t)n);
        else
            peer_settle(authority.base);
    }
    return "";
}

static void
one_line_each_way(void **state)
{
    int fd = connect_admin();
    struct buffer out;

    (void)state;
    assert_true(say(fd, BYTES("{\"command\": ")));
    assert_true(say(fd, BYTES("\"audit.head\"}")));
    assert_true(say(fd, BYTES("\n")));
    const char *text = answer(fd, &out);
    assert_non_null(strstr(text, "{\"ok\": true, \"result\": {\"seq\": 1, \"hash\""));
    assert_int_equal(text[strlen(text) - 1], '\n');
    buffer_free(&out);
    close(fd);
}

static void
no_second_request(void **state)
{
    int fd = connect_admin();
    struct buffer out;

    (void)state;
    assert_true(say(fd, BYTES("{\"command\": \"key.rotate\"}\n{\"command\": \"key.rotate\"}\n")));
    assert_non_null(strstr(answer(fd, &out), "\"code\": \"protocol\""));
    assert_int_equal(authority.keys.count, 1);
    buffer_free(&out);
    close(fd);
}

static void
half_a_request_does_nothing(void **state)
{
    int fd = connect_admin();
    struct buffer out;

    (void)state;
    assert_true(say(fd, BYTES("{\"command\": \"key.rotate\"}")));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    peer_settle(authority.base);
    assert_string_equal(answer(fd, &out), "");
    assert_int_equal(authority.keys.count, 1);
    buffer_free(&out);
    close(fd);
}

static void
at_most_a_mebibyte(void **state)
{
    int fd = connect_admin();
    struct buffer out, large;

    (void)state;
    buffer_init(&large, 1 << 22);
    while (large.n < ADMIN_LINE_MAX + 70000)
        buffer_put_byte(&large, ' ');
    (void)say(fd, buffer_bytes(&large));
    assert_non_null(strstr(answer(fd, &out), "\"code\": \"too-long\""));
    buffer_free(&out);
    close(fd);

    // Just at the limit it is read.
    fd = connect_admin();
    large.n = ADMIN_LINE_MAX;
    memcpy(large.p, "{\"command\": \"audit.head\"}", 25);
    large.p[ADMIN_LINE_MAX - 1] = ' ';
    buffer_put_byte(&large, '\n');
    assert_true(say(fd, buffer_bytes(&large)));
    assert_non_null(strstr(answer(fd, &out), "\"ok\": true"));
    buffer_free(&out);
    buffer_free(&large);
    close(fd);
}

static void
many_at_once(void **state)
{
    int fd[ADMIN_CONNECTIONS_MAX + 8];
    struct buffer out;
    size_t answered = 0;

    (void)state;
    for (int i = 0; i < ADMIN_CONNECTIONS_MAX + 8; i++) {
        fd[i] = connect_admin();
        peer_settle(authority.base);
    }
    for (int i = 0; i < ADMIN_CONNECTIONS_MAX + 8; i++) {
        if (say(fd[i], BYTES("{\"command\": \"audit.head\"}\n")))
            answered += strstr(answer(fd[i], &out), "\"ok\": true") != NULL;
        else
            buffer_init(&out, 1);
        buffer_free(&out);
        close(fd[i]);
    }
    assert_int_equal(answered, ADMIN_CONNECTIONS_MAX);
    int after = connect_admin();
    assert_true(say(after, BYTES("{\"command\": \"audit.head\"}\n")));
    assert_non_null(strstr(answer(after, &out), "\"ok\": true"));
    buffer_free(&out);
    close(after);
}

static void
who_did_it_is_recorded(void **state)
{
    int fd = connect_admin();
    struct buffer out, log;
    char uid[32];

    (void)state;
    assert_true(say(fd, BYTES("{\"command\": \"key.rotate\"}\n")));
    assert_non_null(strstr(answer(fd, &out), "\"id\": 2"));
    struct bytes whole = fixture_read(fixture_path("state/audit.log"), &log);
    snprintf(uid, sizeof uid, "\"uid\":%u,", (unsigned)geteuid());
    assert_true(bytes_find(whole, bytes_str(uid)) < whole.n);
    assert_int_equal(authority.actor_uid, UINT32_MAX);
    buffer_free(&out);
    buffer_free(&log);
    close(fd);
}

// Another user, who got at the socket although its rights forbid it.
static void
others_are_refused(void **state)
{
    struct buffer out;

    (void)state;
    if (geteuid() != 0)
        skip(); // only root can become somebody else
    assert_int_equal(chmod(fixture_base, 0711), 0);
    assert_int_equal(chmod(address.sun_path, 0666), 0);
    assert_int_equal(seteuid(12345), 0);
    int fd = connect_admin();
    assert_int_equal(seteuid(0), 0);
    (void)say(fd, BYTES("{\"command\": \"key.rotate\"}\n"));
    assert_string_equal(answer(fd, &out), "");
    assert_int_equal(authority.keys.count, 1);
    buffer_free(&out);
    close(fd);
    assert_int_equal(chmod(fixture_base, 0700), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_line_each_way, setup, teardown),
        cmocka_unit_test_setup_teardown(no_second_request, setup, teardown),
        cmocka_unit_test_setup_teardown(half_a_request_does_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(at_most_a_mebibyte, setup, teardown),
        cmocka_unit_test_setup_teardown(many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(who_did_it_is_recorded, setup, teardown),
        cmocka_unit_test_setup_teardown(others_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
