/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of the service manager, found by address. */
#include "../scratch.h"

#include "../../../broker/supervisor/inherit.h"
#include "../../../broker/supervisor/listener.h"

#include <netinet/in.h>
#include <sys/un.h>

enum { HIGHEST = 16 }; // descriptors that these tests pass on

static int
bound(int family, int type, bool listening, struct sockaddr_storage *address)
{
    struct sockaddr_storage any = {.ss_family = (sa_family_t)family};
    socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(family, type, 0);
    if (family == AF_INET)
        ((struct sockaddr_in *)&any)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)&any)->sin6_addr = in6addr_any; // of both families, unless told
    assert_int_equal(bind(fd, (struct sockaddr *)&any, size), 0);
    if (listening)
        assert_int_equal(listen(fd, 1), 0);
    size = sizeof(*address);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

static int
bound_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

// As the service manager does it: from descriptor 3 on. They are moved up first, out of the way.
static void
pass(const int *fd, int count, const char *names)
{
    char text[32];
    int raised[HIGHEST];
    for (int i = 0; i < count; i++) {
        raised[i] = fcntl(fd[i], F_DUPFD, INHERIT_FIRST_FD + HIGHEST);
        close(fd[i]);
    }
    for (int i = 0; i < count; i++) {
        assert_int_equal(dup2(raised[i], INHERIT_FIRST_FD + i), INHERIT_FIRST_FD + i);
        close(raised[i]);
    }
    (void)snprintf(text, sizeof(text), "%d", count);
    setenv("LISTEN_FDS", text, 1);
    (void)snprintf(text, sizeof(text), "%ld", (long)getpid());
    setenv("LISTEN_PID", text, 1);
    if (names != NULL)
        setenv("LISTEN_FDNAMES", names, 1);
    else
        unsetenv("LISTEN_FDNAMES");
}

static struct inherited
take(const struct sockaddr_storage *address, int type)
{
    return inherit_take((const struct sockaddr *)address, type);
}

static void
bad_environments(void **state)
{
    static const char *const bad[][2] = {
        {NULL, NULL}, {"1", NULL}, {"x", "own"},  {"-1", "own"}, {"", "own"},
        {"0", "own"}, {"1", "1"},  {"1", "self"}, {"1", ""},     {" 1", "own"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char own[32];
        bool left = true;
        (void)snprintf(own, sizeof(own), "%ld", (long)getpid());
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_PID");
        if (bad[i][0] != NULL)
            setenv("LISTEN_FDS", bad[i][0], 1);
        if (bad[i][1] != NULL)
            setenv("LISTEN_PID", strcmp(bad[i][1], "own") == 0 ? own : bad[i][1], 1);
        assert_int_equal(inherit_init(NULL), KH_OK);
        assert_null(getenv("LISTEN_FDS"));
        assert_null(getenv("LISTEN_PID"));
        assert_int_equal(inherit_finish(&left, NULL), KH_OK);
        assert_false(left);
    }
    struct fault fault = {0};
    pass(NULL, 0, NULL);
    setenv("LISTEN_FDS", "129", 1);
    assert_int_equal(inherit_init(&fault), KH_ERR_RANGE);
    assert_non_null(strstr(fault.detail, "at most 128"));
    inherit_fini();
}

static void
refused(int fd, const char *says)
{
    struct fault fault = {0};
    pass(&fd, 1, NULL);
    enum kh_err err = inherit_init(&fault);
    if (err != KH_ERR_CONFIG || strstr(fault.detail, says) == NULL)
        fail_msg("error %d, \"%s\", does not say \"%s\"", (int)err, fault.detail, says);
    inherit_fini();
    close(INHERIT_FIRST_FD);
}

static void
hostile_descriptors(void **state)
{
    struct sockaddr_storage address;
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    refused(ends[0], "is no socket");
    refused(open("/dev/null", O_RDWR), "is no socket");
    refused(bound(AF_INET, SOCK_STREAM, false, &address), "Accept=no");
    refused(socket(AF_UNIX, SOCK_SEQPACKET, 0), "no ListenStream");
    refused(socket(AF_UNIX, SOCK_DGRAM, 0), "no ListenStream");
    refused(bound(AF_INET6, SOCK_STREAM, true, &address), "BindIPv6Only=ipv6-only");
}

static void
found_by_address(void **state)
{
    struct sockaddr_storage first, second, datagram, other = {0};
    const int fd[] = {
        bound(AF_INET, SOCK_STREAM, true, &first),
        bound(AF_INET, SOCK_STREAM, true, &second),
        bound(AF_INET, SOCK_DGRAM, false, &datagram),
    };
    bool left;
    (void)state;
    pass(fd, 3, "web:" INHERIT_KEPT);
    assert_int_equal(inherit_init(NULL), KH_OK);
    other = second;
    ((struct sockaddr_in *)&other)->sin_addr.s_addr = htonl(INADDR_ANY);
    assert_int_equal(take(&other, SOCK_STREAM).fd, -1);
    assert_int_equal(take(&second, SOCK_DGRAM).fd, -1);
    ((struct sockaddr_in *)&other)->sin_port = 0;
    assert_int_equal(take(&other, SOCK_STREAM).fd, -1);

    struct inherited found = take(&second, SOCK_STREAM);
    assert_int_equal(found.fd, INHERIT_FIRST_FD + 1);
    assert_true(found.kept);
    assert_int_equal(fcntl(found.fd, F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(found.fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(take(&second, SOCK_STREAM).fd, -1); // once
    close(found.fd);
    found = take(&first, SOCK_STREAM);
    assert_int_equal(found.fd, INHERIT_FIRST_FD);
    assert_false(found.kept);
    close(found.fd);
    found = take(&datagram, SOCK_DGRAM);
    assert_int_equal(found.fd, INHERIT_FIRST_FD + 2);
    close(found.fd);
    assert_int_equal(inherit_finish(&left, NULL), KH_OK);
    assert_false(left);
}

static void
found_by_path(void **state)
{
    const char *path = test_path("proxy.sock"), *alias = test_path("alias.sock");
    int fd = bound_path(path);
    (void)state;
    pass(&fd, 1, NULL);
    assert_int_equal(inherit_init(NULL), KH_OK);
    assert_int_equal(inherit_take_path(alias).fd, -1);
    assert_int_equal(symlink(path, alias), 0);
    struct inherited found = inherit_take_path(alias);
    assert_int_equal(found.fd, INHERIT_FIRST_FD);
    assert_int_equal(inherit_take_path(path).fd, -1);
    close(found.fd);
    inherit_fini();
}

static void
what_nobody_wanted(void **state)
{
    struct sockaddr_storage address;
    struct fault fault = {0};
    bool left = false;
    int fd = bound(AF_INET, SOCK_STREAM, true, &address);
    (void)state;
    pass(&fd, 1, INHERIT_KEPT);
    assert_int_equal(inherit_init(NULL), KH_OK);
    assert_int_equal(inherit_finish(&left, NULL), KH_OK);
    assert_true(left);
    assert_int_equal(fcntl(INHERIT_FIRST_FD, F_GETFD), -1); // closed

    fd = bound(AF_INET, SOCK_STREAM, true, &address);
    pass(&fd, 1, "web");
    assert_int_equal(inherit_init(NULL), KH_OK);
    assert_int_equal(inherit_finish(&left, &fault), KH_ERR_CONFIG);
    assert_non_null(strstr(fault.detail, "127.0.0.1:"));
    inherit_fini();
}

// Where listeners are opened it goes by itself.
static void
listeners_take_them(void **state)
{
    struct sockaddr_storage address;
    struct listener listener;
    char text[64];
    const char *path = test_path("admin.sock");
    const int fd[] = {bound(AF_INET, SOCK_STREAM, true, &address), bound_path(path)};
    (void)state;
    pass(fd, 2, INHERIT_KEPT ":" INHERIT_KEPT);
    assert_int_equal(inherit_init(NULL), KH_OK);
    (void)snprintf(text, sizeof(text), "127.0.0.1:%u",
                   ntohs(((const struct sockaddr_in *)&address)->sin_port));
    const struct config_listener wanted = {.address = text};
    assert_int_equal(listener_open_tcp(&wanted, &listener, NULL), KH_OK);
    assert_int_equal(listener.fd, INHERIT_FIRST_FD);
    assert_true(listener.held);
    assert_false(listener.of_unit);
    listener_close(&listener);
    assert_int_equal(listener_open_unix(path, &listener, NULL), KH_OK);
    assert_int_equal(listener.fd, INHERIT_FIRST_FD + 1);
    listener_close(&listener);
    assert_int_equal(access(path, F_OK), 0); // the service manager has it still
    inherit_fini();
}

static void
a_units_path_is_for_its_owner(void **state)
{
    struct listener listener = {.fd = -1};
    struct fault fault = {0};
    const char *path = test_path("open.sock");
    int fd = bound_path(path);
    (void)state;
    assert_int_equal(chmod(path, 0660), 0);
    pass(&fd, 1, "unit");
    assert_int_equal(inherit_init(NULL), KH_OK);
    assert_int_equal(listener_open_unix(path, &listener, &fault), KH_ERR_PERMISSION);
    assert_non_null(strstr(fault.detail, "SocketMode=0600"));
    assert_int_equal(access(path, F_OK), 0);
    inherit_fini();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_environments),
        cmocka_unit_test(hostile_descriptors),
        cmocka_unit_test(found_by_address),
        cmocka_unit_test(found_by_path),
        cmocka_unit_test(what_nobody_wanted),
        cmocka_unit_test(listeners_take_them),
        cmocka_unit_test(a_units_path_is_for_its_owner),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
