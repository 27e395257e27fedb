/* SPDX-License-Identifier: Apache-2.0 */
/* Where the discharger beside the broker is: ports, URL, and what the command line changes. */
#include "../scratch.h"

#include "../../../broker/log.h"
#include "../../../broker/supervisor/internal.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define TEXT(s) ((char *)(uintptr_t)(s))

static struct supervisor_discharger discharger;

static int
setup(void **state)
{
    log_init("supervisor", LOG_FORMAT_HUMAN, LOG_LEVEL_ERROR);
    discharger = (struct supervisor_discharger){.admin = {.fd = -1}};
    return directory_setup(state);
}

static int
teardown(void **state)
{
    discharger_close(&discharger);
    return directory_teardown(state);
}

static void
given(struct config *config, struct config_listener *listener, size_t count)
{
    config->discharger.set = true;
    config->discharger.listener = listener;
    config->discharger.listener_count = count;
}

static unsigned
port_of(const struct listener *listener)
{
    const char *colon = strrchr(listener->name, ':');
    assert_non_null(colon);
    return (unsigned)strtoul(colon + 1, NULL, 10);
}

static void
none_is_wanted(void **state)
{
    (void)state;
    struct config config = {.discharger.disabled = true};
    struct fault fault = {0};
    assert_int_equal(discharger_open(&discharger, &config, test_directory, &fault), KH_OK);
    assert_int_equal(discharger.listener_count, 0);
    assert_string_equal(discharger.url, "");
    assert_int_not_equal(access(test_path("discharger.sock"), F_OK), 0);
}

static void
on_a_port_of_its_own(void **state)
{
    (void)state;
    struct config config = {0};
    struct config_listener any[] = {{.address = TEXT("127.0.0.1:0")}, {.address = TEXT("[::1]:0")}};
    struct fault fault = {0};
    struct stat status;
    char url[64];
    given(&config, any, 1);
    if (discharger_open(&discharger, &config, test_directory, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    assert_int_equal(discharger.listener_count, 1);
    // The name, not the address: no browser lets a page at an address use a security key.
    (void)snprintf(url, sizeof(url), "http://localhost:%u", port_of(&discharger.listener[0]));
    assert_string_equal(discharger.url, url);
    assert_int_equal(stat(test_path("discharger.sock"), &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 0777, 0600);
    discharger_close(&discharger);
    assert_int_not_equal(access(test_path("discharger.sock"), F_OK), 0);
}

static void
behind_something_that_speaks_tls(void **state)
{
    (void)state;
    struct config config = {.discharger.url = TEXT("https://discharge.example")};
    struct config_listener any = {.address = TEXT("127.0.0.1:0")};
    struct fault fault = {0};
    given(&config, &any, 1);
    assert_int_equal(discharger_open(&discharger, &config, test_directory, &fault), KH_OK);
    assert_string_equal(discharger.url, "https://discharge.example");
}

static void
what_is_asked_for_is_not_replaced(void **state)
{
    (void)state;
    struct config config = {0};
    struct fault fault = {0};
    char address[32];
    int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    assert_int_equal(bind(taken, (struct sockaddr *)&name, size), 0);
    assert_int_equal(listen(taken, 1), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&name, &size), 0);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(name.sin_port));
    struct config_listener listener = {.address = address};
    given(&config, &listener, 1);
    assert_int_not_equal(discharger_open(&discharger, &config, test_directory, &fault), KH_OK);
    assert_says(fault, address);
    close(taken);
}

/* 8438, and another one when somebody has that: whoever has it, it is taken now. */
static void
another_port_when_its_own_is_taken(void **state)
{
    (void)state;
    struct config config = {0};
    struct fault fault = {0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(8438)};
    if (bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
        assert_int_equal(listen(fd, 1), 0);
    if (discharger_open(&discharger, &config, test_directory, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    assert_int_equal(discharger.listener_count, 1);
    assert_int_not_equal(port_of(&discharger.listener[0]), 8438);
    close(fd);
}

/* A broker on any port is one of several: they do not fight for one. */
static void
any_port_beside_a_broker_on_any_port(void **state)
{
    (void)state;
    struct config_listener brokers[] = {{.address = TEXT("127.0.0.1:0")},
                                        {.address = TEXT("[::1]:0")}};
    struct config config = {.listener = brokers, .listener_count = 2};
    struct fault fault = {0};
    if (discharger_open(&discharger, &config, test_directory, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    assert_int_not_equal(port_of(&discharger.listener[0]), 8438);
}

/* ---- the command line ---- */

static void
apply(const struct supervisor_options *options, struct config *config)
{
    struct fault fault = {0};
    if (discharger_apply_options(options, config, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
}

static void
the_command_line_goes_before_the_file(void **state)
{
    (void)state;
    static const char text[] = "discharger:\n  url: https://discharge.example\n  listen:\n"
                               "    - address: 127.0.0.1:1\n    - address: 127.0.0.1:2\n";
    struct config config = {0};
    struct fault fault = {0};
    write_file("keyholed.yaml", text, 0600);
    assert_int_equal(config_read(test_path("keyholed.yaml"), &config, &fault), KH_OK);
    apply(&(struct supervisor_options){0}, &config);
    assert_int_equal(config.discharger.listener_count, 2);
    apply(&(struct supervisor_options){.discharger = "127.0.0.1:3"}, &config);
    assert_int_equal(config.discharger.listener_count, 1);
    assert_string_equal(config.discharger.listener[0].address, "127.0.0.1:3");
    assert_string_equal(config.discharger.url, "https://discharge.example");
    apply(&(struct supervisor_options){.discharger_url = "https://Other.example/"}, &config);
    assert_string_equal(config.discharger.url, "https://other.example");
    apply(&(struct supervisor_options){.no_discharger = true}, &config);
    assert_true(config.discharger.disabled);
    // Whoever names an address wants one, and so does `keyholed discharger run`.
    apply(&(struct supervisor_options){.discharger = "127.0.0.1:4"}, &config);
    assert_false(config.discharger.disabled);
    config.discharger.disabled = true;
    apply(&(struct supervisor_options){.discharger_alone = true}, &config);
    assert_false(config.discharger.disabled);
    assert_int_not_equal(
        discharger_apply_options(&(struct supervisor_options){.discharger_url = "http://d.example"},
                                 &config, &fault),
        KH_OK);
    assert_says(fault, "plain http is for localhost");
    assert_string_equal(config.discharger.url, "https://other.example");
    config_free(&config);
}

static void
an_address_on_the_command_line_is_loopback(void **state)
{
    static const char *const good[] = {"127.0.0.1:0", "127.9.9.9:1", "[::1]:8438"};
    static const char *const bad[] = {"0.0.0.0:1", "10.0.0.1:1", "[::]:1", "localhost:1", "", "1"};
    struct fault fault = {0};
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(supervisor_check_discharger(good[i], &fault), KH_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (supervisor_check_discharger(bad[i], &fault) == KH_OK)
            fail_msg("accepted: %s", bad[i]);
}

#define DISCHARGER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DISCHARGER_TEST(none_is_wanted),
        DISCHARGER_TEST(an_address_on_the_command_line_is_loopback),
        DISCHARGER_TEST(what_is_asked_for_is_not_replaced),
        DISCHARGER_TEST(on_a_port_of_its_own),
        DISCHARGER_TEST(behind_something_that_speaks_tls),
        DISCHARGER_TEST(another_port_when_its_own_is_taken),
        DISCHARGER_TEST(any_port_beside_a_broker_on_any_port),
        DISCHARGER_TEST(the_command_line_goes_before_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
