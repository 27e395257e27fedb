/* SPDX-License-Identifier: Apache-2.0
 *
 * The system call filter of a room. Namespaces have closed the network, processes and files; what
 * is forbidden here reaches around them: unix sockets with a name in the file system, families of
 * sockets that know no namespace, input that is pushed into the terminal, keys of the user's
 * session, parts of the kernel that a program needs for nothing but breaking out.
 */
#include "room_calls.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#define CALL(name) SCMP_SYS(name)
#define WHOLE      UINT32_MAX /* these arguments are ints: the upper half is not theirs */

enum { CALLS_FAMILY_MAX = 63, SOCKET_TYPE_BITS = 15, NUMBER_OPEN_TREE_ATTR = 467 };

// Read by topic, not a line for each call.
// clang-format off

static const int calls_refused[] = {
    CALL(keyctl), CALL(add_key), CALL(request_key), // keyrings are the user's, not the namespace's
    CALL(bpf), CALL(perf_event_open), CALL(userfaultfd), CALL(lookup_dcookie),
    CALL(mount), CALL(umount2), CALL(pivot_root), CALL(chroot), CALL(setns), CALL(move_mount),
    CALL(open_tree), CALL(fsopen), CALL(fsconfig), CALL(fsmount), CALL(fspick), CALL(mount_setattr),
    NUMBER_OPEN_TREE_ATTR, CALL(open_by_handle_at), CALL(fanotify_init), CALL(quotactl),
    CALL(quotactl_fd), CALL(init_module), CALL(finit_module), CALL(delete_module),
    CALL(kexec_load), CALL(kexec_file_load), CALL(reboot), CALL(swapon), CALL(swapoff), CALL(acct),
    CALL(settimeofday), CALL(clock_settime), CALL(adjtimex), CALL(clock_adjtime), CALL(iopl),
    CALL(ioperm), CALL(syslog), CALL(vhangup), CALL(nfsservctl), CALL(uselib),
};

// Programs take these for an older kernel's, and do without. io_uring opens sockets past the filter;
// the flags of clone3 are out of its sight.
static const int calls_unknown[] = {
    CALL(io_uring_setup), CALL(io_uring_enter), CALL(io_uring_register), CALL(clone3),
};

struct calls_argument {
    unsigned index;
    enum scmp_compare compare;
    uint64_t mask, value;
};

struct calls_rule {
    int call;
    int error;
    bool unix_too; /* also where unix sockets are allowed */
    size_t count;
    struct calls_argument argument[2];
};

#define MASKED(index, mask, value) {index, SCMP_CMP_MASKED_EQ, mask, value}
#define TYPE_IS(type)              MASKED(1, SOCKET_TYPE_BITS, type)

static const struct calls_rule calls_rules[] = {
    {CALL(socket), EPERM, true, 2, {MASKED(0, WHOLE, AF_INET), TYPE_IS(SOCK_RAW)}},
    {CALL(socket), EPERM, true, 2, {MASKED(0, WHOLE, AF_INET6), TYPE_IS(SOCK_RAW)}},
    {CALL(socket), EPERM, true, 2, {MASKED(0, WHOLE, AF_INET), TYPE_IS(SOCK_PACKET)}},
    // Routes and addresses are read by C libraries; the rest of netlink is for nobody here.
    {CALL(socket), EPROTONOSUPPORT, true, 2,
     {MASKED(0, WHOLE, AF_NETLINK), {2, SCMP_CMP_GT, 0, NETLINK_ROUTE}}},
    // A datagram's sender names where it goes, also on a pair. A stream's pair leads nowhere else.
    {CALL(socketpair), EACCES, false, 1, {TYPE_IS(SOCK_DGRAM)}},
    {CALL(socketpair), EACCES, false, 1, {TYPE_IS(SOCK_RAW)}}, // AF_UNIX makes it SOCK_DGRAM

    // Input that the shell outside would read when the program has ended.
    {CALL(ioctl), EPERM, true, 1, {MASKED(1, WHOLE, TIOCSTI)}},
    {CALL(ioctl), EPERM, true, 1, {MASKED(1, WHOLE, TIOCLINUX)}},

    // In a user namespace below everybody has every capability, and half the kernel to try it on.
    {CALL(clone), EPERM, true, 1, {MASKED(0, CLONE_NEWUSER, CLONE_NEWUSER)}},
    {CALL(unshare), EPERM, true, 1, {MASKED(0, CLONE_NEWUSER, CLONE_NEWUSER)}},
};

// clang-format on

static bool
calls_family_is_allowed(int family, bool unix_sockets)
{
    return family == AF_INET || family == AF_INET6 || family == AF_NETLINK ||
           (family == AF_UNIX && unix_sockets);
}

static int
calls_add_families(scmp_filter_ctx filter, bool unix_sockets)
{
    // An int's upper half is not looked at by the kernel: what has one is beyond the last family.
    int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), CALL(socket), 1,
                                  SCMP_A0(SCMP_CMP_GT, CALLS_FAMILY_MAX));
    for (int family = 0; family <= CALLS_FAMILY_MAX && result == 0; family++)
        if (!calls_family_is_allowed(family, unix_sockets))
            result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), CALL(socket), 1,
                                      SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family));
    return result;
}

static int
calls_add_rule(scmp_filter_ctx filter, const struct calls_rule *rule)
{
    struct scmp_arg_cmp compare[2];
    for (size_t i = 0; i < rule->count; i++) {
        const struct calls_argument *a = &rule->argument[i];
        compare[i] = a->compare == SCMP_CMP_MASKED_EQ
                         ? SCMP_CMP(a->index, SCMP_CMP_MASKED_EQ, a->mask, a->value)
                         : SCMP_CMP(a->index, a->compare, a->value);
    }
    return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((uint32_t)rule->error), rule->call,
                                  (unsigned)rule->count, compare);
}

static int
calls_fill(scmp_filter_ctx filter, bool unix_sockets)
{
    // Another architecture's calls (32 bits, x32) have other numbers: none of them.
    int result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (result == 0) // a tree, not a list: the filter is in the way of every call
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; i < sizeof calls_refused / sizeof *calls_refused && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls_refused[i], 0);
    for (size_t i = 0; i < sizeof calls_unknown / sizeof *calls_unknown && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), calls_unknown[i], 0);
    for (size_t i = 0; i < sizeof calls_rules / sizeof *calls_rules && result == 0; i++)
        if (calls_rules[i].unix_too || !unix_sockets)
            result = calls_add_rule(filter, &calls_rules[i]);
    return result != 0 ? result : calls_add_families(filter, unix_sockets);
}

enum kh_err
room_calls_write(bool unix_sockets, int fd, struct fault *fault)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL)
        return fault_set(fault, KH_ERR_UNSUPPORTED, "libseccomp makes no filter for this machine");
    int result = calls_fill(filter, unix_sockets);
    if (result == 0)
        result = seccomp_export_bpf(filter, fd);
    seccomp_release(filter);
    return result == 0 ? KH_OK
                       : fault_set(fault, KH_ERR_UNSUPPORTED, "the system call filter: %s",
                                   strerror(-result));
}
