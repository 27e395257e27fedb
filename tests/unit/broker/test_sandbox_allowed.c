/* SPDX-License-Identifier: Apache-2.0 */
/* Behind the walls of each role: what must go on working. */
#include "sandbox_attempts.h"

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
    if (base == NULL || event_base_once(base, -1, EV_TIMEOUT, loop_fired, &fired, &soon) != 0)
        return 2;
    (void)event_base_dispatch(base);
    event_base_free(base);
    return fired ? 0 : 2;
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
        sync_file_range(fd, 0, 5, SYNC_FILE_RANGE_WRITE) != 0 || ftruncate(fd, 0) != 0 ||
        close(fd) != 0)
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_supervisor_ends_older_children),
        cmocka_unit_test(test_a_thread_made_between_the_walls_is_behind_both),
    };
    return cmocka_run_group_tests_name("sandbox_allowed", tests, group_setup, group_teardown);
}
