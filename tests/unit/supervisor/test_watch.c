/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners of whoever watches: looked at before, opened, and for whom their sockets are. */
#include "../scratch.h"

#include "../../../broker/supervisor/watch.h"

static struct config_metrics
socket_at(const char *path, const char *group)
{
    return (struct config_metrics){.socket = (char *)(uintptr_t)path,
                                   .group = (char *)(uintptr_t)group};
}

static void
what_cannot_be_opened(void **state)
{
    struct fault fault = {0};
    struct listener out = {.fd = 77};
    struct config_metrics config = socket_at(test_path("none/a.sock"), NULL);
    (void)state;
    assert_int_equal(watch_check(&config, &fault), KH_ERR_CONFIG);
    assert_int_not_equal(watch_open(&config, &out, &fault), KH_OK);
    config = socket_at(test_path("a.sock"), "no-such-group-here");
    assert_int_equal(watch_check(&config, &fault), KH_ERR_CONFIG);
    assert_says(fault, "metrics: there is no group ");
    assert_int_not_equal(watch_open(&config, &out, &fault), KH_OK);
    assert_int_not_equal(access(test_path("a.sock"), F_OK), 0); // and none is left behind
    config = (struct config_metrics){.listener = {.address = (char *)(uintptr_t) "nonsense"}};
    assert_int_not_equal(watch_check(&config, &fault), KH_OK);
    assert_int_not_equal(watch_open(&config, &out, &fault), KH_OK);
    assert_int_equal(out.fd, 77); // written on success alone
}

static void
a_socket_is_for_the_owner_or_a_group(void **state)
{
    struct fault fault = {0};
    struct listener out;
    struct stat status;
    char own[16];
    (void)state;
    snprintf(own, sizeof own, "%u", (unsigned)getgid());
    const char *const group[] = {NULL, own};
    for (size_t i = 0; i < 2; i++) {
        struct config_metrics config = socket_at(test_path("b.sock"), group[i]);
        assert_int_equal(watch_check(&config, &fault), KH_OK);
        assert_int_equal(watch_open(&config, &out, &fault), KH_OK);
        assert_true(out.metrics && out.fd >= 0);
        assert_int_equal(stat(test_path("b.sock"), &status), 0);
        assert_int_equal(status.st_mode & 0777, group[i] ? 0660 : 0600);
        listener_close(&out);
    }
}

static void
an_address(void **state)
{
    struct fault fault = {0};
    struct listener out;
    const struct config_metrics config = {
        .listener = {.address = (char *)(uintptr_t) "127.0.0.1:0"}};
    (void)state;
    assert_int_equal(watch_check(&config, &fault), KH_OK);
    assert_int_equal(watch_open(&config, &out, &fault), KH_OK);
    assert_true(out.metrics && out.fd >= 0);
    listener_close(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_opened),
        cmocka_unit_test(a_socket_is_for_the_owner_or_a_group),
        cmocka_unit_test(an_address),
    };
    return cmocka_run_group_tests_name("watch", tests, directory_setup, directory_teardown);
}
