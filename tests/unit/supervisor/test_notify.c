/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify, against a socket of our own. */
#include "../scratch.h"

#include "../../../broker/supervisor/notify.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
receiver(const char *path, bool abstract)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    memcpy(address.sun_path + (abstract ? 1 : 0), path, n);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1)),
                     0);
    return fd;
}

static const char *
received(int fd)
{
    static char text[1024];
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void
nobody_asked(void **state)
{
    (void)state;
    struct notify notify;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(notify_init(&notify, NULL), KH_OK);
    assert_int_equal(notify.fd, -1);
    notify_ready(&notify, "x"); // goes nowhere, and does no harm
    notify_fini(&notify);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_int_equal(notify_init(&notify, NULL), KH_OK);
    assert_int_equal(notify.fd, -1);
}

static void
bad_addresses(void **state)
{
    (void)state;
    char overlong[200] = "/";
    memset(overlong + 1, 'x', sizeof(overlong) - 2);
    overlong[sizeof(overlong) - 1] = '\0';
    const char *const bad[] = {"relative",     "/",      "@",
                               "vsock:2:1234", overlong, test_path("nobody-is-here")};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct notify notify;
        struct fault fault = {0};
        setenv("NOTIFY_SOCKET", bad[i], 1);
        if (notify_init(&notify, &fault) == KH_OK)
            fail_msg("\"%s\" was accepted", bad[i]);
        assert_int_equal(notify.fd, -1);
        assert_says(fault, "NOTIFY_SOCKET");
    }
}

static void
messages(void **state)
{
    (void)state;
    struct notify notify;
    int fd = receiver(test_path("notify"), false);
    setenv("NOTIFY_SOCKET", test_path("notify"), 1);
    assert_int_equal(notify_init(&notify, NULL), KH_OK);
    notify_ready(&notify, "serving");
    assert_string_equal(received(fd), "READY=1\nSTATUS=serving");
    notify_stopping(&notify, "finishing", 45000);
    assert_string_equal(received(fd), "STOPPING=1\nEXTEND_TIMEOUT_USEC=45000000\nSTATUS=finishing");
    notify_watchdog(&notify);
    assert_string_equal(received(fd), "WATCHDOG=1");
    notify_reloading(&notify);
    const char *text = received(fd);
    long long usec;
    assert_int_equal(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%lld", &usec), 1);
    assert_true(usec > 0);
    notify_fini(&notify);
    close(fd);
}

static void
a_full_socket_does_not_stop_us(void **state)
{
    (void)state;
    struct notify notify;
    int fd = receiver(test_path("full"), false);
    setenv("NOTIFY_SOCKET", test_path("full"), 1);
    assert_int_equal(notify_init(&notify, NULL), KH_OK);
    for (int i = 0; i < 100000; i++)
        notify_watchdog(&notify); // returns although nobody reads
    close(fd);
    notify_watchdog(&notify); // and although nobody is there any more
    notify_fini(&notify);
}

static void
abstract_address(void **state)
{
    (void)state;
    struct notify notify;
    char name[64];
    snprintf(name, sizeof(name), "kh-unit-%ld", (long)getpid());
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path + 1, name, strlen(name));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))),
                     0);
    char variable[72];
    snprintf(variable, sizeof(variable), "@%s", name);
    setenv("NOTIFY_SOCKET", variable, 1);
    assert_int_equal(notify_init(&notify, NULL), KH_OK);
    notify_watchdog(&notify);
    assert_string_equal(received(fd), "WATCHDOG=1");
    notify_fini(&notify);
    close(fd);
}

static void
watchdog(void **state)
{
    (void)state;
    static const struct {
        const char *usec, *pid;
        int64_t expected;
    } rows[] = {
        {"30000000", NULL, 30000000},
        {"0", NULL, 0},
        {"-1", NULL, 0},
        {"x", NULL, 0},
        {"30000000", "1", 0}, // meant for another process
        {"99999999999999999999", NULL, 0},
    };
    int fd = receiver(test_path("watchdog"), false);
    setenv("NOTIFY_SOCKET", test_path("watchdog"), 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct notify notify;
        setenv("WATCHDOG_USEC", rows[i].usec, 1);
        if (rows[i].pid != NULL)
            setenv("WATCHDOG_PID", rows[i].pid, 1);
        else
            unsetenv("WATCHDOG_PID");
        assert_int_equal(notify_init(&notify, NULL), KH_OK);
        assert_int_equal(notify.watchdog_usec, rows[i].expected);
        notify_fini(&notify);
    }
    unsetenv("WATCHDOG_USEC");
    close(fd);
}

static void
descriptors_are_left_there(void **state)
{
    (void)state;
    struct notify notify, nobody = {.fd = -1};
    const char *path = test_path("keeper");
    int manager = receiver(path, false), ends[2], passed = -1;
    assert_false(notify_keep(&nobody, "ours", 0));
    setenv("NOTIFY_SOCKET", path, 1);
    assert_int_equal(notify_init(&notify, NULL), KH_OK);
    assert_false(notify_keep(&notify, "ours", -1));
    assert_int_equal(pipe(ends), 0);
    assert_true(notify_keep(&notify, "ours", ends[1]));

    char text[256] = {0};
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec body = {.iov_base = text, .iov_len = sizeof(text) - 1};
    struct msghdr message = {.msg_iov = &body,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    assert_true(recvmsg(manager, &message, MSG_DONTWAIT) > 0);
    assert_string_equal(text, "FDSTORE=1\nFDNAME=ours");
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    assert_non_null(header);
    assert_int_equal(header->cmsg_type, SCM_RIGHTS);
    memcpy(&passed, CMSG_DATA(header), sizeof(passed));
    assert_int_equal(write(passed, "x", 1), 1);
    assert_int_equal(read(ends[0], text, 1), 1); // the same pipe

    notify_forget(&notify, "ours");
    assert_string_equal(received(manager), "FDSTOREREMOVE=1\nFDNAME=ours");
    close(passed);
    close(ends[0]);
    close(ends[1]);
    close(manager);
    notify_fini(&notify);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_addresses),
        cmocka_unit_test(nobody_asked),
        cmocka_unit_test(messages),
        cmocka_unit_test(a_full_socket_does_not_stop_us),
        cmocka_unit_test(abstract_address),
        cmocka_unit_test(watchdog),
        cmocka_unit_test(descriptors_are_left_there),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
