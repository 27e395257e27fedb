/* SPDX-License-Identifier: Apache-2.0 */
/* The walls of each role: what must be stopped, and how. */
#include "sandbox_attempts.h"

static int
open_database(void)
{
    return verdict(open(database, O_RDONLY));
}
static int
write_passwd(void)
{
    return verdict(open("/etc/passwd", O_WRONLY));
}
static int
list_root(void)
{
    return verdict(open("/", O_RDONLY | O_DIRECTORY));
}
static int
create_outside(void)
{
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/made", outside);
    return verdict(open(path, O_WRONLY | O_CREAT, 0600));
}
static int
create_in_state(void)
{
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/made", directory);
    return verdict(open(path, O_WRONLY | O_CREAT, 0600));
}
static int
make_socket(void)
{
    return verdict(socket(AF_INET, SOCK_STREAM, 0));
}
static int
make_unix_socket(void)
{
    return verdict(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int
make_packet_socket(void)
{
    return verdict(socket(AF_PACKET, SOCK_RAW, 0));
}
static int
make_raw_socket(void)
{
    return verdict(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}
static int
connect_tcp(void)
{
    return verdict(connect(spare_socket, (const struct sockaddr *)&listener_address,
                           sizeof(listener_address)));
}
static int
bind_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return verdict(bind(spare_socket, (const struct sockaddr *)&address, sizeof(address)));
}
static int
make_process(void)
{
    long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(0);
    return verdict(child);
}
static int
make_process_vfork(void)
{
    pid_t child = vfork();
    if (child == 0)
        _exit(0);
    return verdict(child);
}
static int
execute(void)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    (void)execve("/bin/true", arguments, arguments + 1);
    return verdict(-1);
}
static int
execute_descriptor(void)
{
    char *const none[] = {NULL};
    return verdict(syscall(SYS_execveat, 0, "/bin/true", none, none, 0));
}
static int
trace_parent(void)
{
    return verdict(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}
static int
read_parent(void)
{
    static char here[16];
    struct iovec local = {here, sizeof(here)}, remote = {here, sizeof(here)};
    return verdict(process_vm_readv(getppid(), &local, 1, &remote, 1, 0));
}
static int
open_memory_of_parent(void)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)getppid());
    return verdict(open(path, O_RDONLY));
}
static int
signal_parent(void)
{
    return verdict(kill(getppid(), 0));
}
static int
signal_parent_thread(void)
{
    return verdict(syscall(SYS_tgkill, getppid(), getppid(), 0));
}
static int
use_io_uring(void)
{
    char parameters[120] = {0};
    return verdict(syscall(SYS_io_uring_setup, 1, parameters));
}
static int
use_bpf(void)
{
    char attributes[128] = {0};
    return verdict(syscall(SYS_bpf, 0, attributes, sizeof(attributes)));
}
static int
use_keyctl(void)
{
    return verdict(syscall(SYS_keyctl, 0, -3, 0));
}
static int
use_userfaultfd(void)
{
    return verdict(syscall(SYS_userfaultfd, 0));
}
static int
use_mount(void)
{
    return verdict(syscall(SYS_mount, "none", outside, "tmpfs", 0, NULL));
}
static int
use_unshare(void)
{
    return verdict(unshare(CLONE_NEWUSER));
}
static int
use_setns(void)
{
    return verdict(syscall(SYS_setns, 0, 0));
}
static int
execute_memory(void)
{
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return verdict(p == MAP_FAILED ? -1 : 0);
}
static int
execute_memory_later(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? 2 : verdict(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}
static int
be_dumpable(void)
{
    return verdict(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
static int
raise_core_limit(void)
{
    const struct rlimit limit = {0, 0};
    return verdict(setrlimit(RLIMIT_CORE, &limit));
}
static int
lock_file(void)
{
    struct flock lock = {.l_type = F_WRLCK};
    return verdict(fcntl(spare_socket, F_SETLK, &lock));
}
static int
make_thread_with_clone(void)
{
    const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
    return verdict(syscall(SYS_clone, flags, 0, 0, 0, 0) < 0 ? -1 : 0);
}

enum wall { SECCOMP, LANDLOCK, SECCOMP_NO_SANITIZER };

static const struct {
    const char *what;
    int (*attempt)(void);
    unsigned roles;
    enum wall wall; // that stops it
} forbidden[] = {
    {"read the database", open_database, PROXY | DISCHARGER, LANDLOCK},
    {"write into the state directory", create_in_state, DISCHARGER, LANDLOCK},
    {"read /etc/passwd", read_passwd, CHILDREN, LANDLOCK},
    {"write /etc/passwd", write_passwd, PROXY, SECCOMP},
    {"write /etc/passwd", write_passwd, KEEPERS | SUPERVISOR, LANDLOCK},
    {"list /", list_root, CHILDREN, LANDLOCK},
    {"open another process's memory", open_memory_of_parent, CHILDREN, LANDLOCK},
    {"create a file outside", create_outside, PROXY, SECCOMP},
    {"create a file outside", create_outside, KEEPERS | SUPERVISOR, LANDLOCK},
    {"socket", make_socket, KEEPERS, SECCOMP},
    {"unix socket", make_unix_socket, CHILDREN, SECCOMP},
    {"packet socket", make_packet_socket, CHILDREN, SECCOMP},
    {"raw socket", make_raw_socket, CHILDREN, SECCOMP},
    {"connect", connect_tcp, KEEPERS, SECCOMP},
    {"bind", bind_tcp, CHILDREN, SECCOMP},
    {"fork", make_process, CHILDREN, SECCOMP_NO_SANITIZER},
    {"vfork", make_process_vfork, CHILDREN, SECCOMP},
    {"thread", make_thread_with_clone, KEEPERS, SECCOMP_NO_SANITIZER},
    {"execve", execute, CHILDREN, SECCOMP},
    {"execveat", execute_descriptor, CHILDREN, SECCOMP},
    {"ptrace", trace_parent, EVERY, SECCOMP_NO_SANITIZER},
    {"process_vm_readv", read_parent, EVERY, SECCOMP},
    {"kill", signal_parent, CHILDREN, SECCOMP_NO_SANITIZER},
    {"tgkill", signal_parent_thread, CHILDREN, SECCOMP_NO_SANITIZER},
    {"io_uring_setup", use_io_uring, EVERY, SECCOMP},
    {"bpf", use_bpf, EVERY, SECCOMP},
    {"keyctl", use_keyctl, EVERY, SECCOMP},
    {"userfaultfd", use_userfaultfd, EVERY, SECCOMP},
    {"mount", use_mount, EVERY, SECCOMP},
    {"unshare", use_unshare, EVERY, SECCOMP},
    {"setns", use_setns, EVERY, SECCOMP},
    {"memory to write and execute", execute_memory, CHILDREN, SECCOMP_NO_SANITIZER},
    {"memory to execute", execute_memory_later, CHILDREN, SECCOMP_NO_SANITIZER},
    {"be dumpable", be_dumpable, CHILDREN, SECCOMP_NO_SANITIZER},
    {"set a limit", raise_core_limit, CHILDREN, SECCOMP_NO_SANITIZER},
    {"lock a file", lock_file, PROXY, SECCOMP_NO_SANITIZER},
};

static bool
wall_stands(enum wall wall)
{
#ifdef KH_SANITIZE
    if (wall == SECCOMP_NO_SANITIZER)
        return false;
#endif
    return wall == LANDLOCK ? landlock : seccomp_available;
}

static void
test_forbidden(void **state)
{
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
        for (enum role role = ROLE_SUPERVISOR; role <= ROLE_DISCHARGER; role++) {
            if ((forbidden[i].roles & 1u << role) == 0 || !wall_stands(forbidden[i].wall))
                continue;
            enum outcome outcome = attempt_as(role, forbidden[i].attempt);
            bool refused_late = outcome == REFUSED || outcome == KILLED;
            // What seccomp forbids is never a mere failure of the call: it must not reach the
            // kernel.
            if (refused_late)
                continue;
            print_error("%s could %s: %s\n", role_name(role), forbidden[i].what,
                        outcome_names[outcome]);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

// Some calls fail for any ordinary user: only SIGSYS shows that the wall is there.
static void
test_forbidden_is_fatal(void **state)
{
    static const struct {
        const char *what;
        int (*attempt)(void);
        unsigned roles;
    } fatal[] = {
        {"process_vm_readv", read_parent, EVERY},
        {"io_uring_setup", use_io_uring, EVERY},
        {"bpf", use_bpf, EVERY},
        {"keyctl", use_keyctl, EVERY},
        {"userfaultfd", use_userfaultfd, EVERY},
        {"mount", use_mount, EVERY},
        {"unshare", use_unshare, EVERY},
        {"setns", use_setns, EVERY},
        {"execve", execute, CHILDREN},
        {"socket", make_socket, KEEPERS},
        {"bind", bind_tcp, CHILDREN},
        {"connect", connect_tcp, KEEPERS},
        {"vfork", make_process_vfork, CHILDREN},
        {"raw socket", make_raw_socket, CHILDREN},
    };
    int wrong = 0;
    (void)state;
    if (!seccomp_available)
        skip();
    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
        for (enum role role = ROLE_SUPERVISOR; role <= ROLE_DISCHARGER; role++) {
            if ((fatal[i].roles & 1u << role) == 0)
                continue;
            enum outcome outcome = attempt_as(role, fatal[i].attempt);
            if (outcome == KILLED)
                continue;
            print_error("%s, %s: expected killed, found %s\n", role_name(role), fatal[i].what,
                        outcome_names[outcome]);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- roles, faults, hardening ---- */

static int
own_abort(void)
{
    abort();
}

static void
test_abort_ends_with_its_own_signal(void **state)
{
    (void)state;
    assert_int_equal(attempt_as(ROLE_PROXY, own_abort), ABORTED);
    assert_int_equal(attempt_as(ROLE_AUTHORITY, own_abort), ABORTED);
    assert_int_equal(attempt_as(ROLE_DISCHARGER, own_abort), ABORTED);
}

static void
test_unknown_role_is_refused(void **state)
{
    struct fault fault = {0};
    (void)state;
    assert_int_equal(sandbox_enter(ROLE_UNSET, directory, &fault), KH_ERR_USAGE);
    assert_int_equal(sandbox_enter((enum role)77, directory, &fault), KH_ERR_USAGE);
    assert_int_equal(sandbox_enter(ROLE_AUTHORITY, NULL, &fault), KH_ERR_USAGE);
    assert_int_equal(sandbox_enter(ROLE_SUPERVISOR, NULL, &fault), KH_ERR_USAGE);
    assert_int_equal(sandbox_enter(ROLE_DISCHARGER, NULL, &fault), KH_ERR_USAGE);
}

static int
enter_without_directory(void)
{
    struct fault fault = {0};
    enum kh_err err = sandbox_enter(ROLE_AUTHORITY, "/nowhere/at/all", &fault);
    return err == KH_ERR_PERMISSION && strstr(fault.detail, "/nowhere/at/all") != NULL ? 0 : 2;
}

static void
test_missing_directory_is_a_fault(void **state)
{
    (void)state;
    if (!landlock)
        skip();
    pid_t child = fork();
    if (child == 0)
        _exit(enter_without_directory());
    assert_int_equal(outcome_of(child), DONE);
}

static int
harden_and_look(void)
{
    struct rlimit core;
    sandbox_harden();
    mode_t mask = umask(0);
    if (getrlimit(RLIMIT_CORE, &core) != 0)
        return 2;
    return core.rlim_cur == 0 && core.rlim_max == 0 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
                   mask == 077
               ? 0
               : 2;
}

// threat 18
static void
test_harden(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(harden_and_look());
    assert_int_equal(outcome_of(child), DONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_role_is_refused),
        cmocka_unit_test(test_missing_directory_is_a_fault),
        cmocka_unit_test(test_forbidden),
        cmocka_unit_test(test_forbidden_is_fatal),
        cmocka_unit_test(test_abort_ends_with_its_own_signal),
        cmocka_unit_test(test_harden),
    };
    return cmocka_run_group_tests_name("sandbox", tests, group_setup, group_teardown);
}
