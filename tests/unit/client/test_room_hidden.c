/* SPDX-License-Identifier: Apache-2.0 */
/* What no room sees: sockets, their directories, variables that lead there. */
#include "../../../client/room_hidden.h"
#include "../scratch.h"
#include "client_test.h"

#include <sys/socket.h>
#include <sys/un.h>

#define HEAD "Num       RefCount Protocol Flags    Type St Inode Path\n"
#define LINE "0000000000000000: 00000002 00000000 00010000 0001 01 12345 "

static void
names(const char *table, const char *expected, size_t size)
{
    BUFFER_AUTO out;
    buffer_init(&out, 4096);
    room_hidden_sockets(bytes_str(table), &out);
    assert_false(out.failed);
    if (!bytes_equal(buffer_bytes(&out), bytes_of(expected, size)))
        fail_msg("%zu bytes \"%.*s\" of:\n%s", out.n, (int)out.n, (const char *)out.p, table);
}
#define NAMES(table, expected) names(table, expected, sizeof(expected) - 1)

static void
test_table(void **state)
{
    (void)state;
    NAMES("", "");
    NAMES(HEAD, "");
    NAMES("/only/a/name\n", "");
    NAMES("a b /c d\n", "");
    NAMES(HEAD LINE "\n" LINE "@/abstract/one\n" LINE "relative/one\n", "");
    NAMES(HEAD LINE "/run/a.sock\n", "/run/a.sock\0");
    NAMES(HEAD LINE "/b\n" LINE "/a with  spaces /x\n" LINE "/b\n", "/a with  spaces /x\0/b\0");
    NAMES(LINE "/cut", "/cut\0"); // no newline at the end
    BUFFER_AUTO small;
    buffer_init(&small, 4);
    room_hidden_sockets(bytes_str(LINE "/too/long\n"), &small);
    assert_true(small.failed);
}

static bool
has_path(const struct room_paths *paths, const char *path)
{
    for (size_t i = 0; i < paths->count; i++)
        if (strcmp(paths->path[i], path) == 0)
            return true;
    return false;
}

static bool
covers(const struct room_hidden *hidden, const char *path)
{
    struct bytes rest = buffer_bytes(&hidden->covers), name;
    while (bytes_cut(&rest, '\0', &name))
        if (bytes_is(name, path))
            return true;
    return false;
}

static void
make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static void
test_collect(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct room_hidden hidden;
    char agent[200], bus[200], state_home[200], table[600], home[200], directory[128];
    char *real = realpath(test_directory, NULL);
    assert_non_null(real);
    snprintf(directory, sizeof directory, "%s", real);
    free(real);
    static const char *const made[] = {"agent",      "broker",      "home",     "st",
                                       "st/keyhole", "st/keyholed", "home/work"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        assert_int_equal(mkdir(test_path(made[i]), 0700), 0);
    make_socket(test_path("agent/s"));
    make_socket(test_path("home/bus"));
    write_file("broker/keyholed.db", "", 0600);
    snprintf(agent, sizeof agent, "SSH_AUTH_SOCK=%s/agent/s", directory);
    snprintf(bus, sizeof bus, "DBUS_SESSION_BUS_ADDRESS=tcp:host=x;unix:path=%s/home/bus,guid=1",
             directory);
    snprintf(state_home, sizeof state_home, "XDG_STATE_HOME=%s/st", directory);
    snprintf(table, sizeof table, HEAD LINE "%s/broker/admin.sock\n" LINE "/nowhere/x\n",
             directory);
    snprintf(home, sizeof home, "%s/home/work", directory);
    char *envp[] = {agent, bus, state_home, NULL};
    const char *const keep[] = {home, NULL};
    assert_ok(room_hidden_collect(bytes_str(table), envp, keep, &hidden, &fault));
    // Lasting: named by variables, and only what is there.
    assert_true(has_path(&hidden.lasting, test_path("st/keyhole")));
    assert_true(has_path(&hidden.lasting, test_path("st/keyholed")));
    // Passing: where an agent's socket is, and where a broker's is beside its database.
    assert_true(has_path(&hidden.passing, test_path("agent")));
    assert_true(has_path(&hidden.passing, test_path("broker")));
    assert_true(covers(&hidden, test_path("agent")) && covers(&hidden, test_path("broker")));
    // The home directory holds what is to be kept: its socket alone goes.
    assert_false(has_path(&hidden.passing, test_path("home")));
    assert_true(covers(&hidden, test_path("home/bus")));
    assert_true(covers(&hidden, test_path("agent/s")));
    assert_true(covers(&hidden, "/nowhere/x"));
    for (size_t i = 0; i < hidden.lasting.count; i++)
        assert_string_not_equal(hidden.lasting.path[i], "/");
    room_hidden_free(&hidden);
}

static void
test_environment(void **state)
{
    (void)state;
    char *envp[] = {(char[]){"PATH=/bin"},
                    (char[]){"SSH_AUTH_SOCK=/tmp/x"},
                    (char[]){"SSH_AUTH_SOCKET=kept"},
                    (char[]){"DBUS_SESSION_BUS_ADDRESS=unix:path=/x"},
                    (char[]){"DISPLAY=:0"},
                    (char[]){"XDG_RUNTIME_DIR=/run/user/1"},
                    (char[]){"KEYHOLE_BROKER=http://127.0.0.1:8437"},
                    (char[]){"DISPLAY"},
                    NULL};
    char **out = room_hidden_environment(envp);
    assert_non_null(out);
    assert_ptr_equal(out[0], envp[0]);
    assert_ptr_equal(out[1], envp[2]);
    assert_ptr_equal(out[2], envp[6]);
    assert_ptr_equal(out[3], envp[7]);
    assert_null(out[4]);
    free(out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test_setup_teardown(test_collect, directory_setup, directory_teardown),
        cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
