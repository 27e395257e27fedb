/* SPDX-License-Identifier: Apache-2.0 */
/* The walls of each role: what must be stopped, and what must go on working. Every attempt is made
 * by a child of its own that has entered the sandbox. */
#include "../../../broker/sandbox_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <sodium.h>
#include <sqlite3.h>

#include "../../../broker/log.h"

enum outcome { DONE, REFUSED, FAILED, KILLED, ABORTED, NO_SANDBOX };
static const char *const outcome_names[] = {"done",   "refused", "failed",
                                            "killed", "aborted", "the sandbox was not entered"};

static char directory[64];  // the state directory
static char database[96];   // a file in it
static char discharger[96]; // the discharger's directory, also in it
static char outside[64];    // a directory that is not the state directory
static int listener = -1;   // TCP, loopback
static struct sockaddr_in listener_address;
static int spare_socket = -1; // TCP, not connected, made before the sandbox
static bool landlock, seccomp_available;

/* ---- one attempt ---- */

// 0 worked, 1 refused by a wall, 2 failed otherwise
static int
verdict(long result)
{
    if (result >= 0)
        return 0;
    return errno == EACCES || errno == EPERM || errno == EAFNOSUPPORT ? 1 : 2;
}

static enum outcome
outcome_of(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child)
        return FAILED;
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? KILLED : WTERMSIG(status) == SIGABRT ? ABORTED : FAILED;
    int code = WEXITSTATUS(status);
    return code == 0 ? DONE : code == 1 ? REFUSED : code == 99 ? NO_SANDBOX : FAILED;
}

static const char *own_directory = directory; // of whoever makes the attempt

static const char *
directory_of(enum role role)
{
    return role == ROLE_PROXY ? NULL : role == ROLE_DISCHARGER ? discharger : directory;
}

static enum outcome
attempt_as(enum role role, int (*attempt)(void))
{
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct fault fault = {0};
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        if (sandbox_enter(role, directory_of(role), &fault) != KH_OK) {
            (void)fprintf(stderr, "%s: %s\n", role_name(role), fault.detail);
            _exit(99);
        }
        own_directory = role == ROLE_DISCHARGER ? discharger : directory;
        _exit(attempt());
    }
    return outcome_of(child);
}

/* ---- what must be stopped ---- */

static int
open_database(void)
{
    return verdict(open(database, O_RDONLY));
}
static int
read_passwd(void)
{
    return verdict(open("/etc/passwd", O_RDONLY));
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

enum {
    PROXY = 1 << ROLE_PROXY,
    AUTHORITY = 1 << ROLE_AUTHORITY,
    DISCHARGER = 1 << ROLE_DISCHARGER,
    SUPERVISOR = 1 << ROLE_SUPERVISOR,
    KEEPERS = AUTHORITY | DISCHARGER, // of a database
    CHILDREN = PROXY | KEEPERS,
    EVERY = CHILDREN | SUPERVISOR,
};
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

/* ---- what must work ---- */

static int
resolve_localhost(void)
{
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int result = getaddrinfo("localhost", "443", &hints, &found);
    if (result == 0)
        freeaddrinfo(found);
    return result == 0 ? 0 : 2;
}
static void *
resolve_in_thread(void *result)
{
    *(int *)result = resolve_localhost();
    return NULL;
}
static int
resolve_in_threads(void)
{
    pthread_t thread[3];
    int result[3] = {9, 9, 9};
    for (int i = 0; i < 3; i++) {
        if (pthread_create(&thread[i], NULL, resolve_in_thread, &result[i]) != 0)
            return 2;
    }
    for (int i = 0; i < 3; i++)
        (void)pthread_join(thread[i], NULL);
    return result[0] | result[1] | result[2];
}
static int
connect_loopback(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, 1, &one, sizeof(one)) != 0)
        return 2;
    int result = connect(fd, (const struct sockaddr *)&listener_address, sizeof(listener_address));
    return result == 0 || errno == EINPROGRESS ? 0 : verdict(-1);
}
static int
accept_connection(void)
{
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return client >= 0 || errno == EAGAIN ? 0 : verdict(-1);
}
static int
read_roots(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    bool ok = context != NULL && SSL_CTX_set_default_verify_paths(context) == 1;
    SSL_CTX_free(context);
    return ok ? 0 : 2;
}
static int
secret_memory(void)
{
    uint8_t seed[32];
    uint8_t *p = sodium_malloc(32);
    if (p == NULL || sodium_mprotect_readonly(p) != 0 || RAND_bytes(seed, sizeof(seed)) != 1)
        return 2;
    sodium_free(p);
    return 0;
}
static int
write_log(void)
{
    log_init("test", LOG_FORMAT_AUTO, LOG_LEVEL_ERROR);
    log_warning("not-seen", "not seen");
    (void)isatty(STDERR_FILENO);
    return 0;
}
static void
loop_fired(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    *(bool *)context = true;
}
static int
run_loop(void)
{
    bool fired = false;
    const struct timeval soon = {0, 1000};
    struct event_base *base = event_base_new();
    if (base == NULL || event_base_priority_init(base, 2) != 0 ||
        event_base_once(base, -1, EV_TIMEOUT, loop_fired, &fired, &soon) != 0)
        return 2;
    (void)event_base_dispatch(base);
    event_base_free(base);
    return fired ? 0 : 2;
}
static int
own_abort(void)
{
    abort();
}
static int
write_database(void)
{
    sqlite3 *db = NULL;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/wal.db", own_directory);
    int result = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    const char *statements[] = {
        "PRAGMA journal_mode = WAL",
        "CREATE TABLE IF NOT EXISTS t (a INTEGER) STRICT",
        "BEGIN IMMEDIATE",
        "INSERT INTO t VALUES (1)",
        "COMMIT",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "VACUUM",
    };
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]) && result == SQLITE_OK; i++) {
        result = sqlite3_exec(db, statements[i], NULL, NULL, NULL);
        if (result != SQLITE_OK)
            print_error("%s: %s\n", statements[i], sqlite3_errmsg(db));
    }
    if (sqlite3_close(db) != SQLITE_OK || result != SQLITE_OK)
        return 2;
    return 0;
}
static int
append_file(void)
{
    char path[128], moved[128];
    (void)snprintf(path, sizeof(path), "%s/audit.log", own_directory);
    (void)snprintf(moved, sizeof(moved), "%s/audit.head", own_directory);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "line\n", 5) != 5 || fsync(fd) != 0 || fdatasync(fd) != 0 ||
        ftruncate(fd, 0) != 0 || close(fd) != 0)
        return verdict(-1);
    return verdict(rename(path, moved) == 0 ? unlink(moved) : -1);
}
static int
start_program(void)
{
    pid_t child = fork();
    char *const arguments[] = {(char[]){"true"}, NULL};
    if (child == 0) {
        (void)execve("/bin/true", arguments, arguments + 1);
        _exit(9);
    }
    return outcome_of(child) == DONE ? 0 : 2;
}
static int
end_program(void)
{
    pid_t child = fork();
    if (child == 0) {
        for (;;)
            (void)pause();
    }
    int status;
    if (kill(child, SIGTERM) != 0 || waitpid(child, &status, 0) != child)
        return verdict(-1);
    return WIFSIGNALED(status) ? 0 : 2;
}
// A child that was started before the walls went up.
static pid_t older_child;
static int
end_older_program(void)
{
    return verdict(kill(older_child, SIGTERM));
}
static void
test_supervisor_ends_older_children(void **state)
{
    int status;
    (void)state;
    older_child = fork();
    if (older_child == 0) {
        for (;;)
            (void)pause();
    }
    enum outcome outcome = attempt_as(ROLE_SUPERVISOR, end_older_program);
    if (outcome != DONE)
        (void)kill(older_child, SIGKILL);
    assert_int_equal(waitpid(older_child, &status, 0), older_child);
    assert_int_equal(outcome, DONE);
}
static int
listen_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        return verdict(-1);
    return verdict(listen(fd, 1));
}
static int
listen_unix(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), pair[2];
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        chmod(address.sun_path, 0600) != 0 || unlink(address.sun_path) != 0)
        return verdict(-1);
    struct fault fault;
    return channel_pair(pair, &fault) == KH_OK ? verdict(listen(fd, 1)) : 2;
}

// The supervisor's children put their walls up inside its own.
static int
nested(enum role role, int (*attempt)(void))
{
    enum outcome outcome = attempt_as(role, attempt);
    if (outcome != DONE)
        print_error("%s inside supervisor: %s\n", role_name(role), outcome_names[outcome]);
    return outcome == DONE ? 0 : 2;
}
static int
nested_proxy_resolves(void)
{
    return nested(ROLE_PROXY, resolve_in_threads);
}
static int
nested_proxy_connects(void)
{
    return nested(ROLE_PROXY, connect_loopback);
}
static int
nested_authority_writes(void)
{
    return nested(ROLE_AUTHORITY, write_database);
}
static int
nested_discharger_writes(void)
{
    return nested(ROLE_DISCHARGER, write_database);
}

// timegm and OpenSSL's times look there.
static int
read_time_zone(void)
{
    return access("/etc/localtime", F_OK) != 0 ? 0 : verdict(open("/etc/localtime", O_RDONLY));
}

static const struct {
    const char *what;
    int (*attempt)(void);
    unsigned roles;
    bool network; // not judged where this machine cannot do it either
} allowed[] = {
    {"resolve localhost", resolve_localhost, PROXY, true},
    {"resolve in threads", resolve_in_threads, PROXY, true},
    {"connect to loopback", connect_loopback, PROXY, true},
    {"accept", accept_connection, CHILDREN, false},
    {"read the system's roots", read_roots, PROXY, false},
    {"read the time zone", read_time_zone, EVERY, false},
    {"keep a secret in memory", secret_memory, EVERY, false},
    {"write to the log", write_log, EVERY, false},
    {"run an event loop", run_loop, EVERY, false},
    {"write the database", write_database, KEEPERS | SUPERVISOR, false},
    {"append to a file", append_file, KEEPERS | SUPERVISOR, false},
    {"start a program", start_program, SUPERVISOR, false},
    {"end a program", end_program, SUPERVISOR, false},
    {"listen", listen_tcp, SUPERVISOR, false},
    {"listen on a unix socket", listen_unix, SUPERVISOR, false},
    {"read /etc/passwd", read_passwd, SUPERVISOR, false},
    {"start a proxy that resolves", nested_proxy_resolves, SUPERVISOR, true},
    {"start a proxy that connects", nested_proxy_connects, SUPERVISOR, true},
    {"start an authority that writes", nested_authority_writes, SUPERVISOR, false},
    {"start a discharger that writes", nested_discharger_writes, SUPERVISOR, false},
};

static bool
machine_has_network(void)
{
    return resolve_localhost() == 0 && connect_loopback() == 0;
}

static void
test_allowed(void **state)
{
    bool network = machine_has_network();
    int wrong = 0;
    (void)state;
    if (!network)
        print_message("this machine has no loopback network: what needs it is not tested\n");
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        for (enum role role = ROLE_SUPERVISOR; role <= ROLE_DISCHARGER; role++) {
            if ((allowed[i].roles & 1u << role) == 0 || (allowed[i].network && !network))
                continue;
            enum outcome outcome = attempt_as(role, allowed[i].attempt);
            if (outcome == DONE)
                continue;
            print_error("%s could not %s: %s\n", role_name(role), allowed[i].what,
                        outcome_names[outcome]);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int (*attempt)(void);
    int result;
    bool made, go;
} worker = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static void *
work(void *context)
{
    (void)context;
    pthread_mutex_lock(&worker.lock);
    while (!worker.go)
        pthread_cond_wait(&worker.wake, &worker.lock);
    pthread_mutex_unlock(&worker.lock);
    worker.result = worker.attempt();
    return NULL;
}

static void
make_worker(void *context)
{
    (void)context;
    worker.made = pthread_create(&worker.thread, NULL, work, NULL) == 0;
}

// The attempt by a thread that was made between the walls.
static enum outcome
attempt_in_thread(int (*attempt)(void))
{
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct fault fault = {0};
        worker.attempt = attempt;
        if (sandbox_enter_between(ROLE_AUTHORITY, directory, make_worker, NULL, &fault) != KH_OK ||
            !worker.made)
            _exit(99);
        pthread_mutex_lock(&worker.lock);
        worker.go = true;
        pthread_cond_signal(&worker.wake);
        pthread_mutex_unlock(&worker.lock);
        (void)pthread_join(worker.thread, NULL);
        _exit(worker.result);
    }
    return outcome_of(child);
}

static void
test_a_thread_made_between_the_walls_is_behind_both(void **state)
{
    (void)state;
    assert_int_equal(attempt_in_thread(append_file), DONE);
    if (landlock)
        assert_int_equal(attempt_in_thread(read_passwd), REFUSED);
    if (seccomp_available)
        assert_int_equal(attempt_in_thread(connect_loopback), KILLED);
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

/* ---- */

static void
make_listener(void)
{
    socklen_t length = sizeof(listener_address);
    listener_address.sin_family = AF_INET;
    listener_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&listener_address, length), 0);
    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&listener_address, &length), 0);
    spare_socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(spare_socket >= 0);
}

static int
group_setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/keyhole-sandbox-XXXXXX");
    (void)snprintf(outside, sizeof(outside), "/tmp/keyhole-outside-XXXXXX");
    if (mkdtemp(directory) == NULL || mkdtemp(outside) == NULL || sodium_init() < 0)
        return -1;
    (void)snprintf(discharger, sizeof(discharger), "%s/discharger", directory);
    if (mkdir(discharger, 0700) != 0)
        return -1;
    (void)snprintf(database, sizeof(database), "%s/keyhole.db", directory);
    int fd = open(database, O_WRONLY | O_CREAT, 0600);
    if (fd < 0 || close(fd) != 0)
        return -1;
    make_listener();
    landlock = sandbox_files_abi() > 0;
    seccomp_available = sandbox_calls_available();
    if (!landlock || !seccomp_available)
        print_message("this kernel lacks %s%s: those walls are not tested\n",
                      landlock ? "" : "Landlock ", seccomp_available ? "" : "seccomp");
    log_init("test", LOG_FORMAT_AUTO, LOG_LEVEL_ERROR);
    return 0;
}

static int
group_teardown(void **state)
{
    static const char *const names[] = {"keyhole.db", "wal.db", "wal.db-wal",
                                        "wal.db-shm", "socket", "discharger/wal.db",
                                        "discharger"};
    char path[96];
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        (void)remove(path);
    }
    return rmdir(directory) | rmdir(outside);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_role_is_refused),
        cmocka_unit_test(test_missing_directory_is_a_fault),
        cmocka_unit_test(test_forbidden),
        cmocka_unit_test(test_forbidden_is_fatal),
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_supervisor_ends_older_children),
        cmocka_unit_test(test_a_thread_made_between_the_walls_is_behind_both),
        cmocka_unit_test(test_abort_ends_with_its_own_signal),
        cmocka_unit_test(test_harden),
    };
    return cmocka_run_group_tests_name("sandbox", tests, group_setup, group_teardown);
}
