/* SPDX-License-Identifier: Apache-2.0 */
/* The system call filter of a room, call by call, in processes of its own. */
#include "../../../client/room_calls.h"
#include "client_test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static struct sock_fprog filter[2]; /* without and with unix sockets */

static int
make_filters(void **state)
{
    (void)state;
    for (int unix_sockets = 0; unix_sockets < 2; unix_sockets++) {
        struct fault fault = {.err = KH_OK};
        int fd = memfd_create("calls", MFD_CLOEXEC);
        if (fd < 0 || room_calls_write(unix_sockets == 1, fd, &fault) != KH_OK)
            return -1;
        size_t size = (size_t)lseek(fd, 0, SEEK_END);
        filter[unix_sockets].filter = malloc(size);
        filter[unix_sockets].len = (unsigned short)(size / sizeof(struct sock_filter));
        if (pread(fd, filter[unix_sockets].filter, size, 0) != (ssize_t)size)
            return -1;
        close(fd);
    }
    return 0;
}

static int
free_filters(void **state)
{
    (void)state;
    free(filter[0].filter);
    free(filter[1].filter);
    return 0;
}

// errno of a call behind the filter, 0 when it went through; 200 and a signal's number.
static int
call_gives(bool unix_sockets, long (*call)(long), long argument)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter[unix_sockets], 0, 0) != 0)
            _exit(199);
        _exit(call(argument) < 0 ? errno : 0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

static long
do_socket(long family)
{
    return syscall(SYS_socket, family, SOCK_STREAM, 0);
}

static void
test_families(void **state)
{
    (void)state;
    for (long family = -1; family < 80; family++)
        for (int unix_sockets = 0; unix_sockets < 2; unix_sockets++) {
            int given = call_gives(unix_sockets, do_socket, family);
            bool open =
                family == AF_INET || family == AF_INET6 || (family == AF_UNIX && unix_sockets);
            if (family == AF_NETLINK) // not as a stream, says the kernel
                assert_int_equal(given, ESOCKTNOSUPPORT);
            else if (given != (open ? 0 : EAFNOSUPPORT))
                fail_msg("family %ld, unix sockets %d: %s", family, unix_sockets, strerror(given));
        }
    // The kernel looks at the lower half alone.
    assert_int_equal(call_gives(false, do_socket, (1L << 32) | AF_UNIX), EAFNOSUPPORT);
    assert_int_equal(call_gives(false, do_socket, (1L << 32) | AF_VSOCK), EAFNOSUPPORT);
}

struct socket_row {
    int domain, type, protocol;
    int gives;
};
static const struct socket_row *row;

static long
do_row(long pair)
{
    int two[2];
    return pair != 0 ? socketpair(row->domain, row->type, row->protocol, two)
                     : socket(row->domain, row->type, row->protocol);
}

static void
test_types(void **state)
{
    (void)state;
    static const struct socket_row socket_rows[] = {
        {AF_INET, SOCK_RAW, IPPROTO_ICMP, EPERM},
        {AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP, EPERM},
        {AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 255, EPERM},
        {AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, EPERM},
        {AF_INET, SOCK_PACKET, 768, EPERM},
        {AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0},
        {AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0, 0},
        {AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE, 0},
        {AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG, EPROTONOSUPPORT},
        {AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, EPROTONOSUPPORT},
        {AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT, EPROTONOSUPPORT},
    };
    static const struct socket_row pair_rows[] = {
        {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0},
        {AF_UNIX, SOCK_SEQPACKET, 0, 0},
        // These take an address with each message: a socket of a server outside.
        {AF_UNIX, SOCK_DGRAM, 0, EACCES},
        {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, EACCES},
        {AF_UNIX, SOCK_RAW, 0, EACCES},
    };
    for (size_t i = 0; i < sizeof socket_rows / sizeof *socket_rows; i++) {
        row = &socket_rows[i];
        assert_int_equal(call_gives(false, do_row, 0), row->gives);
        assert_int_equal(call_gives(true, do_row, 0), row->gives);
    }
    for (size_t i = 0; i < sizeof pair_rows / sizeof *pair_rows; i++) {
        row = &pair_rows[i];
        assert_int_equal(call_gives(false, do_row, 1), row->gives);
        assert_int_equal(call_gives(true, do_row, 1), 0);
    }
}

static long
do_ioctl(long request)
{
    char c = 'x';
    return syscall(SYS_ioctl, 0, request, &c);
}

static long
do_unshare(long flags)
{
    return syscall(SYS_unshare, flags);
}

static long
do_clone(long flags)
{
    long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(0);
    return pid;
}

static long
do_call(long number)
{
    return syscall(number, 0, 0, 0, 0, 0, 0);
}

static void
test_refused(void **state)
{
    (void)state;
    static const long refused[] = {SYS_mount,           SYS_umount2,     SYS_pivot_root,
                                   SYS_setns,           SYS_open_tree,   SYS_move_mount,
                                   SYS_keyctl,          SYS_add_key,     SYS_bpf,
                                   SYS_perf_event_open, SYS_userfaultfd, SYS_open_by_handle_at};
    static const long unknown[] = {SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
                                   SYS_clone3};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (call_gives(true, do_call, refused[i]) != EPERM)
            fail_msg("call %ld: %s", refused[i], strerror(call_gives(true, do_call, refused[i])));
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_int_equal(call_gives(true, do_call, unknown[i]), ENOSYS);
    assert_int_equal(call_gives(true, do_ioctl, TIOCSTI), EPERM);
    assert_int_equal(call_gives(true, do_ioctl, TIOCLINUX), EPERM);
    assert_int_equal(call_gives(true, do_ioctl, (1L << 32) | TIOCSTI), EPERM);
    assert_int_equal(call_gives(true, do_unshare, CLONE_NEWUSER), EPERM);
    assert_int_equal(call_gives(true, do_unshare, CLONE_NEWUSER | CLONE_NEWNET), EPERM);
    assert_int_equal(call_gives(true, do_clone, CLONE_NEWUSER), EPERM);
    assert_int_equal(call_gives(true, do_unshare, CLONE_FILES), 0);
    assert_int_equal(call_gives(true, do_clone, 0), 0);
}

#ifdef __x86_64__
// getpid by the numbers of another architecture.
static long
do_i386(long number)
{
    __asm__ volatile("int $0x80" : "+a"(number)::"memory");
    return number;
}

static long
do_x32(long number)
{
    return syscall(0x40000000 | number);
}

static void
test_other_architectures(void **state)
{
    (void)state;
    assert_int_equal(call_gives(true, do_i386, 20), 200 + SIGSYS);
    assert_int_equal(call_gives(true, do_x32, SYS_getpid), 200 + SIGSYS);
}
#endif

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_refused),
#ifdef __x86_64__
        cmocka_unit_test(test_other_architectures),
#endif
    };
    return cmocka_run_group_tests(tests, make_filters, free_filters);
}
