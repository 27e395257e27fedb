/* SPDX-License-Identifier: Apache-2.0 */
/* What a room looks like: settings in, bubblewrap's arguments out. */
#include "../../../client/room/wire.h"
#include "../../../client/room_layout.h"
#include "client_test.h"

static const char *const nothing[] = {NULL};
static const char *const run_hidden[] = {"/run", NULL};
static const char *const links[] = {"/bin", "usr/bin", NULL};
static char program[] = "true", argument[] = "--a b";
static char *const program_argv[] = {program, argument, NULL};

static struct room_facts
usual_facts(void)
{
    return (struct room_facts){.directory = "/home/alice/project",
                               .resolv_conf = "/run/systemd/resolve/stub-resolv.conf",
                               .hosts = "/etc/hosts",
                               .nsswitch = "/etc/nsswitch.conf",
                               .nsswitch_text =
                                   "passwd: files systemd\nhosts: mymachines resolve dns\n",
                               .roots = nothing,
                               .hostname = "desk",
                               .namespaces = "1,2,3,4,5,6",
                               .hidden = run_hidden,
                               .link = links,
                               .file = nothing,
                               .uid = 1000,
                               .gid = 100};
}

// The arguments with a space before each, so that a part of them can be looked for.
static const char *
laid_out(const struct room_settings *settings, const struct room_facts *facts,
         struct room_layout *layout)
{
    static char text[8192];
    struct fault fault = {.err = KH_OK};
    size_t n = 0;
    assert_ok(room_layout_make(settings, facts, program_argv, layout, &fault));
    for (size_t i = 0; i < layout->arg_count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, " %s", layout->arg[i]);
    assert_null(layout->arg[layout->arg_count]);
    return text;
}

#define EXPECT(...)                                                                                \
    do {                                                                                           \
        static const char *const expected_[] = {__VA_ARGS__};                                      \
        for (size_t i_ = 0; i_ < sizeof expected_ / sizeof *expected_; i_++)                       \
            assert_contains(text, expected_[i_]);                                                  \
    } while (0)

static void
assert_order(const char *text, const char *first, const char *second)
{
    const char *a = strstr(text, first), *b = strstr(text, second);
    if (a == NULL || b == NULL || a > b)
        fail_msg("expected \"%s\" before \"%s\" in:\n%s", first, second, text);
}

static void
test_refused(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct room_layout layout;
    struct room_facts facts = usual_facts();
    const struct room_settings twice = {
        .ro = {"/a"}, .ro_count = 1, .hide = {"/a"}, .hide_count = 1};
    assert_int_equal(room_layout_make(&twice, &facts, program_argv, &layout, &fault), KH_ERR_USAGE);
    assert_contains(fault.detail, "/a is given as two");
    room_layout_free(&layout);
    const struct room_settings opened = {.rw = {"/run"}, .rw_count = 1};
    assert_int_equal(room_layout_make(&opened, &facts, program_argv, &layout, &fault),
                     KH_ERR_USAGE);
    assert_contains(fault.detail, "/run is hidden in every room");
    room_layout_free(&layout);
    static const char *const own[] = {"/proc", "/proc/sys/kernel", "/sys", "/dev/shm"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        const struct room_settings rw = {.rw = {own[i]}, .rw_count = 1},
                                   ro = {.ro = {own[i]}, .ro_count = 1},
                                   hide = {.hide = {own[i]}, .hide_count = 1};
        const struct room_settings *const each[] = {&rw, &ro, &hide};
        for (size_t j = 0; j < 3; j++) {
            assert_int_equal(room_layout_make(each[j], &facts, program_argv, &layout, &fault),
                             KH_ERR_USAGE);
            assert_contains(fault.detail, "of its own");
            room_layout_free(&layout);
        }
    }
    const struct room_settings away = {.hide = {"/home"}, .hide_count = 1};
    assert_int_equal(room_layout_make(&away, &facts, program_argv, &layout, &fault), KH_ERR_USAGE);
    assert_contains(fault.detail, "/home/alice/project");
    room_layout_free(&layout);
    static const char *many[ROOM_PATHS_MAX * 8 + 1];
    for (size_t i = 0; i + 1 < sizeof many / sizeof *many; i++) {
        char *path = malloc(16);
        assert_non_null(path);
        snprintf(path, 16, "/h%zu", i);
        many[i] = path;
    }
    const struct room_settings none = {.ro_count = 0};
    facts.hidden = many;
    assert_int_equal(room_layout_make(&none, &facts, program_argv, &layout, &fault),
                     KH_ERR_TOO_LONG);
    room_layout_free(&layout);
    for (size_t i = 0; many[i] != NULL; i++) {
        union {
            const char *read;
            char *freed;
        } path = {.read = many[i]};
        free(path.freed);
    }
}

static void
test_usual(void **state)
{
    (void)state;
    struct room_layout layout;
    struct room_facts facts = usual_facts();
    const struct room_settings settings = {.bundle = "/run/user/1000/kh/ca.pem"};
    const char *text = laid_out(&settings, &facts, &layout);
    // Each of these closes something: none may get lost.
    EXPECT(" bwrap", " --unshare-user", " --unshare-net", " --unshare-pid", " --unshare-ipc",
           " --unshare-uts", " --unshare-cgroup-try", " --die-with-parent", " --as-pid-1",
           " --new-session", " --bind / /", " --proc /proc", " --dev /dev", " --tmpfs /sys",
           " --tmpfs /run", " --ro-bind /run/user/1000/kh/ca.pem /run/user/1000/kh/ca.pem",
           " --chdir /home/alice/project",
           " -- /proc/self/fd/7 1000 100 1,2,3,4,5,6 80,443 true --a b");
    assert_lacks(text, "--share");
    assert_order(text, "--tmpfs /run", "/run/systemd/resolve/stub-resolv.conf");
    assert_order(text, "--tmpfs /run", "--ro-bind /run/user/1000");
    assert_int_equal(layout.data_count, 3);
    assert_string_equal(layout.data[0], "nameserver " ROOM_ADDRESS "\n");
    assert_contains(layout.data[1], "127.0.0.1 localhost desk\n");
    assert_string_equal(layout.data[2], "passwd: files systemd\nhosts: files dns\n");
    assert_contains(text, "--ro-bind-data 8 /run/systemd/resolve/stub-resolv.conf");
    room_layout_free(&layout);
    facts.terminal = true;
    assert_lacks(laid_out(&settings, &facts, &layout), "--new-session");
    room_layout_free(&layout);
}

static void
test_roots(void **state)
{
    (void)state;
    static const char *const roots[] = {"/etc/ssl/certs/all.crt", "/etc/pki/all.pem", NULL};
    struct room_layout layout;
    struct room_facts facts = usual_facts();
    const struct room_settings settings = {
        .roots = "/run/kh/bundle.pem", .ro = {"/etc"}, .ro_count = 1};
    facts.roots = roots;
    const char *text = laid_out(&settings, &facts, &layout);
    EXPECT(" --ro-bind /run/kh/bundle.pem /etc/ssl/certs/all.crt",
           " --ro-bind /run/kh/bundle.pem /etc/pki/all.pem");
    assert_order(text, "--ro-bind /etc /etc", "/etc/ssl/certs/all.crt");
    room_layout_free(&layout);
    const struct room_settings none = {.ro_count = 0};
    assert_lacks(laid_out(&none, &facts, &layout), "all.crt");
    room_layout_free(&layout);
}

static void
test_no_such_files(void **state)
{
    (void)state;
    struct room_layout layout;
    struct room_facts facts = usual_facts();
    const struct room_settings settings = {.ro_count = 0};
    facts.resolv_conf = facts.hosts = facts.nsswitch = facts.nsswitch_text = NULL;
    const char *text = laid_out(&settings, &facts, &layout);
    // bubblewrap would make them, on the user's disk.
    assert_lacks(text, "/etc/");
    assert_int_equal(layout.data_count, 0);
    room_layout_free(&layout);
}

static void
test_longest_path_decides(void **state)
{
    (void)state;
    struct room_layout layout;
    struct room_facts facts = usual_facts();
    const struct room_settings settings = {
        .rw = {"/home/alice/project"},
        .rw_count = 1,
        .hide = {"/home", "/home/alice/project/.env"},
        .hide_count = 2,
        .ro = {"/home/alice/project/.git"},
        .ro_count = 1,
    };
    static const char *const file[] = {"/home/alice/project/.env", NULL};
    facts.file = file;
    const char *text = laid_out(&settings, &facts, &layout);
    assert_order(text, "--tmpfs /home", "--bind /home/alice/project /home/alice/project");
    assert_order(text, "--bind /home/alice/project ", "--ro-bind /home/alice/project/.git");
    assert_order(text, "--bind /home/alice/project ", "--ro-bind-data 8 /home/alice/project/.env");
    assert_string_equal(layout.data[0], "");
    // Whoever says what may be written means that the rest may not.
    EXPECT(" --ro-bind / /", " --bind-try /tmp /tmp", " --bind-try /var/tmp /var/tmp");
    room_layout_free(&layout);
    const struct room_settings readable = {.ro = {"/srv"}, .ro_count = 1};
    text = laid_out(&readable, &facts, &layout);
    EXPECT(" --bind / /", " --ro-bind /srv /srv");
    assert_lacks(text, "/var/tmp");
    room_layout_free(&layout);
}

static void
test_nothing_but(void **state)
{
    (void)state;
    struct room_layout layout;
    struct room_facts facts = usual_facts();
    const struct room_settings settings = {.hide = {"/"},
                                           .hide_count = 1,
                                           .ro = {"/usr"},
                                           .ro_count = 1,
                                           .rw = {"/home/alice/project"},
                                           .rw_count = 1};
    const char *text = laid_out(&settings, &facts, &layout);
    assert_lacks(text, "bind / /");
    EXPECT(" --symlink usr/bin /bin", " --ro-bind /usr /usr", " --tmpfs /tmp",
           " --bind /home/alice/project /home/alice/project", " /etc/resolv.conf",
           " /etc/nsswitch.conf");
    // What is hidden with all the rest needs no directory of its own.
    assert_lacks(text, "--tmpfs /run");
    assert_lacks(text, "stub-resolv");
    room_layout_free(&layout);
}

static void
test_ports(void **state)
{
    (void)state;
    uint16_t port[ROOM_PORTS_MAX + 2];
    const struct room_settings settings = {.port = {443, 8443, 53, 0, 8443, 22}, .port_count = 6};
    assert_int_equal(room_layout_ports(&settings, port), 4);
    assert_int_equal(port[0], 80);
    assert_int_equal(port[1], 443);
    assert_int_equal(port[2], 8443);
    assert_int_equal(port[3], 22);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_usual),
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_no_such_files),
        cmocka_unit_test(test_longest_path_decides),
        cmocka_unit_test(test_nothing_but),
        cmocka_unit_test(test_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
