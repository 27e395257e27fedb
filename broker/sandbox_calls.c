/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp: the system calls of each role. What is not in a table ends the process. */
#include "sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#define CALL(name) SCMP_SYS(name)

// The tables are read by topic, not a line for each call.
// clang-format off

/* ---- what all but the supervisor have in common: the event loop, memory, time ---- */

static const int common_calls[] = {
    CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(pread64), CALL(lseek), CALL(close),
    CALL(recvmsg), CALL(sendmsg), CALL(recvfrom), CALL(sendto), CALL(shutdown), CALL(accept4),
    CALL(getsockopt), CALL(setsockopt), CALL(getsockname), CALL(getpeername),
    CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_pwait2),
    CALL(poll), CALL(ppoll), CALL(select), CALL(pselect6), CALL(eventfd2), CALL(pipe2),
    CALL(timerfd_create), CALL(timerfd_settime), CALL(timerfd_gettime),
    CALL(munmap), CALL(mremap), CALL(madvise), CALL(brk), CALL(mlock), CALL(mlock2), CALL(munlock),
    CALL(futex), CALL(set_robust_list), CALL(rseq), CALL(sched_yield), CALL(sched_getaffinity),
    CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep),
    CALL(gettimeofday), CALL(time), CALL(getrandom), CALL(restart_syscall),
    CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(sigaltstack),
    CALL(fstat), CALL(newfstatat), CALL(stat), CALL(lstat), CALL(statx), CALL(access),
    CALL(faccessat), CALL(faccessat2), CALL(readlink), CALL(readlinkat), CALL(getdents64),
    CALL(getpid), CALL(gettid), CALL(getppid), CALL(getuid), CALL(geteuid), CALL(getgid),
    CALL(getegid), CALL(getrlimit), CALL(getrusage), CALL(sysinfo), CALL(uname), CALL(umask),
    CALL(exit), CALL(exit_group),
};

static const int proxy_calls[] = {
    CALL(connect), CALL(sendmmsg), CALL(recvmmsg), // the resolver sends its two questions at once
};

// Authority and discharger each keep a database; the discharger accepts on sockets that it is given.
static const int keeper_calls[] = {
    CALL(open), CALL(openat), CALL(creat), CALL(pwrite64), CALL(fsync), CALL(fdatasync),
    CALL(sync_file_range),    CALL(ftruncate), CALL(fallocate), CALL(flock), CALL(unlink), CALL(unlinkat), CALL(rename),
    CALL(renameat), CALL(renameat2), CALL(mkdir), CALL(mkdirat), CALL(rmdir), CALL(fchmod),
    CALL(fchown), CALL(getcwd), CALL(fstatfs),
};

#ifdef KH_SANITIZE
// AddressSanitizer's reports and the leak check at exit, which traces its own threads. A build with
// sanitizers is for tests and has weaker walls in just these calls.
static const int sanitizer_calls[] = {
    CALL(clone), CALL(ptrace), CALL(wait4), CALL(tgkill), CALL(tkill), CALL(kill), CALL(prctl),
    CALL(open), CALL(openat), CALL(mmap), CALL(mprotect), CALL(dup), CALL(dup2), CALL(pipe),
    CALL(getdents), CALL(personality), CALL(sched_getparam), CALL(sched_getscheduler),
    CALL(prlimit64), CALL(ioctl), CALL(fcntl), CALL(getpgrp), CALL(sched_setaffinity),
};
#endif

/* ---- calls that are allowed, or refused with an error, for some arguments alone ---- */

enum {
    FOR_PROXY = 1 << ROLE_PROXY,
    FOR_KEEPERS = 1 << ROLE_AUTHORITY | 1 << ROLE_DISCHARGER,
    FOR_ALL = FOR_PROXY | FOR_KEEPERS,
};

struct argument {
    unsigned index;
    uint64_t mask, value; /* (argument & mask) == value */
};

struct conditional_call {
    unsigned roles;
    int number;
    int refuse; /* errno, or 0: allowed */
    size_t count;
    struct argument argument[2];
};

#define WHOLE UINT32_MAX /* these arguments are ints: the upper half is not theirs */
#define SOCKET_TYPE (WHOLE & ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC))
#define OPEN_BITS (O_ACCMODE | O_CREAT | O_TRUNC)

#define ALLOW(roles, name, index, mask, value) {roles, CALL(name), 0, 1, {{index, mask, value}}}
#define REFUSE(roles, name, error, index, mask, value)                                             \
    {roles, CALL(name), error, 1, {{index, mask, value}}}
#define SOCKET(domain, type)                                                                       \
    {FOR_PROXY, CALL(socket), 0, 2, {{0, WHOLE, domain}, {1, SOCKET_TYPE, type}}}

static const struct conditional_call conditional_calls[] = {
    ALLOW(FOR_ALL, fcntl, 1, WHOLE, F_GETFD),
    ALLOW(FOR_ALL, fcntl, 1, WHOLE, F_SETFD),
    ALLOW(FOR_ALL, fcntl, 1, WHOLE, F_GETFL),
    ALLOW(FOR_ALL, fcntl, 1, WHOLE, F_SETFL),
    ALLOW(FOR_ALL, fcntl, 1, WHOLE, F_DUPFD_CLOEXEC),
    ALLOW(FOR_KEEPERS, fcntl, 1, WHOLE, F_GETLK), // sqlite's locks
    ALLOW(FOR_KEEPERS, fcntl, 1, WHOLE, F_SETLK),
    ALLOW(FOR_KEEPERS, fcntl, 1, WHOLE, F_SETLKW),
    ALLOW(FOR_KEEPERS, fcntl, 1, WHOLE, F_OFD_GETLK),
    ALLOW(FOR_KEEPERS, fcntl, 1, WHOLE, F_OFD_SETLK),
    ALLOW(FOR_KEEPERS, fcntl, 1, WHOLE, F_OFD_SETLKW),
    ALLOW(FOR_ALL, ioctl, 1, WHOLE, TCGETS), // isatty
    ALLOW(FOR_ALL, ioctl, 1, WHOLE, FIONREAD),
    ALLOW(FOR_ALL, ioctl, 1, WHOLE, FIONBIO),
    ALLOW(FOR_ALL, prctl, 0, WHOLE, PR_SET_NAME),
    ALLOW(FOR_ALL, prctl, 0, WHOLE, PR_SET_VMA), // later releases of glibc name their stacks
    // Reading limits, not setting them: the new limit is a null pointer.
    ALLOW(FOR_ALL, prlimit64, 2, UINT64_MAX, 0),

    // No memory that can be written and executed. Authority and discharger load no code any
    // more at all; the proxy may have to, for a module of the name service.
    ALLOW(FOR_ALL, mmap, 2, PROT_EXEC, 0),
    ALLOW(FOR_PROXY, mmap, 2, PROT_WRITE, 0),
    ALLOW(FOR_ALL, mprotect, 2, PROT_EXEC, 0),

    SOCKET(AF_INET, SOCK_STREAM),
    SOCKET(AF_INET, SOCK_DGRAM),
    SOCKET(AF_INET6, SOCK_STREAM),
    SOCKET(AF_INET6, SOCK_DGRAM),
    // getaddrinfo tries these (nscd, the list of interfaces) and does without.
    REFUSE(FOR_PROXY, socket, EAFNOSUPPORT, 0, WHOLE, AF_UNIX),
    REFUSE(FOR_PROXY, socket, EAFNOSUPPORT, 0, WHOLE, AF_NETLINK),

    // The proxy writes no file, also where the kernel has no Landlock.
    ALLOW(FOR_PROXY, openat, 2, OPEN_BITS, O_RDONLY),
    REFUSE(FOR_PROXY, openat, EACCES, 2, O_ACCMODE, O_WRONLY),
    REFUSE(FOR_PROXY, openat, EACCES, 2, O_ACCMODE, O_RDWR),
    ALLOW(FOR_PROXY, open, 1, OPEN_BITS, O_RDONLY),
    REFUSE(FOR_PROXY, open, EACCES, 1, O_ACCMODE, O_WRONLY),
    REFUSE(FOR_PROXY, open, EACCES, 1, O_ACCMODE, O_RDWR),

    // Threads for getaddrinfo, and no process. The flags of clone3 are out of the filter's sight:
    // glibc falls back to clone when there is none.
    ALLOW(FOR_PROXY, clone, 0, CLONE_THREAD, CLONE_THREAD),
    REFUSE(FOR_PROXY, clone3, ENOSYS, 0, 0, 0),
};

/* ---- the supervisor: everything but what breaks out, spies or changes the machine ---- */

// Inherited by its children, which put their own filter on top: an allow-list here would have to
// hold everything that a program does while it starts.
static const int supervisor_forbidden[] = {
#ifndef KH_SANITIZE
    CALL(ptrace), CALL(personality),
#endif
    CALL(process_vm_readv), CALL(process_vm_writev), CALL(kcmp), CALL(pidfd_getfd), CALL(bpf),
    CALL(perf_event_open), CALL(userfaultfd), CALL(keyctl), CALL(add_key), CALL(request_key),
    CALL(io_uring_setup), CALL(io_uring_enter), CALL(io_uring_register), CALL(mount), CALL(umount2),
    CALL(pivot_root), CALL(chroot), CALL(unshare), CALL(setns), CALL(move_mount), CALL(open_tree),
    CALL(fsopen), CALL(fsconfig), CALL(fsmount), CALL(fspick), CALL(mount_setattr),
    CALL(open_by_handle_at), CALL(name_to_handle_at), CALL(fanotify_init), CALL(init_module),
    CALL(finit_module), CALL(delete_module), CALL(kexec_load), CALL(kexec_file_load), CALL(reboot),
    CALL(swapon), CALL(swapoff), CALL(acct), CALL(quotactl), CALL(settimeofday),
    CALL(clock_settime), CALL(adjtimex), CALL(clock_adjtime), CALL(iopl), CALL(ioperm),
    CALL(modify_ldt), CALL(syslog), CALL(vhangup), CALL(sethostname), CALL(setdomainname),
    CALL(uselib), CALL(mknod), CALL(mknodat), CALL(lookup_dcookie), CALL(migrate_pages),
    CALL(move_pages), CALL(mbind), CALL(set_mempolicy),
};

// clang-format on

/* ---- the filter ---- */

bool
sandbox_calls_available(void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static int
filter_add_all(scmp_filter_ctx filter, uint32_t action, const int *call, size_t count)
{
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = seccomp_rule_add(filter, action, call[i], 0);
    return result;
}
#define FILTER_ADD(filter, action, calls)                                                          \
    filter_add_all(filter, action, calls, sizeof(calls) / sizeof((calls)[0]))

static int
filter_add_conditional(scmp_filter_ctx filter, enum role role)
{
    int result = 0;
    size_t count = sizeof(conditional_calls) / sizeof(conditional_calls[0]);
    for (size_t i = 0; i < count && result == 0; i++) {
        const struct conditional_call *call = &conditional_calls[i];
        struct scmp_arg_cmp compare[2];
        if ((call->roles & 1u << role) == 0)
            continue;
        for (size_t j = 0; j < call->count; j++)
            compare[j] = SCMP_CMP(call->argument[j].index, SCMP_CMP_MASKED_EQ,
                                  call->argument[j].mask, call->argument[j].value);
        uint32_t action =
            call->refuse != 0 ? SCMP_ACT_ERRNO((uint32_t)call->refuse) : SCMP_ACT_ALLOW;
        result =
            seccomp_rule_add_array(filter, action, call->number, (unsigned)call->count, compare);
    }
    return result;
}

// abort() ends with SIGABRT as it should; no other process can be signalled. No call of these
// roles makes another process, so the id stays right.
static int
filter_add_abort(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(tgkill), 1,
                            SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

static int
filter_fill(scmp_filter_ctx filter, enum role role)
{
    int result = 0;
    if (role == ROLE_SUPERVISOR) {
        result = FILTER_ADD(filter, SCMP_ACT_KILL_PROCESS, supervisor_forbidden);
        if (result == 0)
            result = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, CALL(clone), 1,
                                      SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
        if (result == 0)
            result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);
        return result;
    }
#ifdef KH_SANITIZE
    result = FILTER_ADD(filter, SCMP_ACT_ALLOW, sanitizer_calls);
#endif
    if (result == 0)
        result = FILTER_ADD(filter, SCMP_ACT_ALLOW, common_calls);
    if (result == 0 && role == ROLE_PROXY)
        result = FILTER_ADD(filter, SCMP_ACT_ALLOW, proxy_calls);
    if (result == 0 && (1u << role & FOR_KEEPERS) != 0)
        result = FILTER_ADD(filter, SCMP_ACT_ALLOW, keeper_calls);
    if (result == 0)
        result = filter_add_conditional(filter, role);
    return result != 0 ? result : filter_add_abort(filter);
}

enum kh_err
sandbox_calls_enter(enum role role, struct fault *fault)
{
    uint32_t standard = role == ROLE_SUPERVISOR ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS;
    scmp_filter_ctx filter = seccomp_init(standard);
    if (filter == NULL)
        return fault_set(fault, KH_ERR_PERMISSION, "seccomp: no filter could be made");
    // A tree, not a list: the filter is in the way of every call.
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (result == 0)
        result = filter_fill(filter, role);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    return result == 0 ? KH_OK
                       : fault_set(fault, KH_ERR_PERMISSION, "seccomp: %s", strerror(-result));
}
