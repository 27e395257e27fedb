/* SPDX-License-Identifier: Apache-2.0 */
/* keyhole enroll, as one runs it. */
#include "http_server.h"
#include "ssh.h"

#include <jansson.h>

static int
setup(void **state)
{
    test_clear_environment(state);
    if (test_ssh_setup(state) != 0)
        return -1;
    setenv("XDG_CONFIG_HOME", test_directory, 1);
    unsetenv("KEYHOLE_DISCHARGER");
    setsid(); // no terminal to ask at
    return 0;
}

static void
test_wrong_command_lines(void **state)
{
    (void)state;
    static const struct {
        const char *argument[10];
        const char *words;
    } row[] = {
        {{"enroll", "AAAA-BBBB-CCCC"}, "--code CODE"},
        {{"enroll", "--code", "x", "key"}, "KEYFILE with --ssh alone"},
        {{"enroll", "--ssh", "a", "b"}, "one way"},
        {{"enroll", "--ssh", "--browser"}, "one way"},
        {{"enroll", "--code", "x"}, "which discharger?"},
        {{"enroll", "--discharger", "https://d.example"}, "which invitation?"},
        {{"enroll", "--discharger", "https://d.example", "--code", ""}, "the code is empty"},
        {{"enroll", "--discharger", "https://d.example", "--code", "-"}, "the code is empty"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct test_run run = test_run_with("", row[i].argument);
        assert_status(run, CLI_USAGE);
        assert_contains(run.err, row[i].words);
        assert_string_equal(run.out, "");
        test_run_free(&run);
    }
}

#define KEY "kd1_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"

static void
test_which_discharger(void **state)
{
    (void)state;
    assert_int_equal(mkdir(test_path("keyhole"), 0700), 0);
    write_file("keyhole/dischargers", "a https://a.example#" KEY "\n", 0600);
    struct test_run run = test_run("enroll", "--browser");
    assert_status(run, CLI_DONE);
    assert_string_equal(run.out, "https://a.example/enroll\n");
    test_run_free(&run);
    write_file("keyhole/dischargers", "a https://a.example#" KEY "\nb https://b.example#" KEY "\n",
               0600);
    run = test_run("enroll", "--browser"); // either could be meant
    assert_status(run, CLI_USAGE);
    assert_contains(run.err, "say which with --discharger");
    test_run_free(&run);
    run = test_run("enroll", "--browser", "--discharger", "https://c.example");
    assert_status(run, CLI_DONE);
    assert_string_equal(run.out, "https://c.example/enroll\n");
    test_run_free(&run);
}

static void
test_first_of_the_brokers(void **state)
{
    (void)state;
    struct http_server broker = http_server_start(
        true, HTTP_ANSWER("200 OK", "application/json",
                          "{\"dischargers\":[{\"name\":\"a\",\"url\":\"https://a.example\","
                          "\"public_key\":\"" KEY "\"},{\"name\":\"b\",\"url\":"
                          "\"https://b.example\",\"public_key\":\"" KEY "\"}]}"));
    struct test_run run = test_run("enroll", "--browser", "--broker", broker.address);
    free(http_server_stop(&broker, true));
    assert_status(run, CLI_DONE);
    assert_string_equal(run.out, "https://a.example/enroll\n");
    test_run_free(&run);
    run = test_run("enroll", "--browser", "--broker", "/nonexistent/keyhole.sock");
    assert_status(run, CLI_FAILED);
    assert_contains(run.err, "The broker does not say");
    test_run_free(&run);
}

static void
test_enrolling_an_ssh_key(void **state)
{
    (void)state;
    static const char question[] = HTTP_ANSWER(
        "201 Created", "application/json",
        "{\"ssh\":{\"text\":\"discharger={self}\\nuser=alice\\nasked-by=127.0.0.1\\n"
        "authenticator=laptop\\nexpires=2099-01-01T00:00:00Z\\n\",\"nonce\":"
        "\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\",\"namespace\":\"enroll@keyhole\","
        "\"answer_url\":\"{self}/.well-known/keyhole/enroll/1\"}}");
    static const char result[] =
        HTTP_ANSWER("201 Created", "application/json",
                    "{\"user\":\"alice\",\"name\":\"laptop\\u001b\",\"kind\":\"ssh\","
                    "\"attested\":false,\"yubikey\":false}");
    char file[128];
    snprintf(file, sizeof file, "%s", test_ssh_key("k", "-t ed25519"));
    struct http_server server =
        http_server_start_all(false, NULL, (const char *const[]){question, result, NULL});
    struct test_run run =
        test_run_input("AAAA-BBBB-CCCC \r\n", "enroll", "--ssh", file, "--code", "-", "--name",
                       "laptop", "--json", "--discharger", server.address);
    char *got = http_server_stop(&server, false);
    assert_status(run, CLI_DONE);
    assert_contains(got, "{\"code\":\"AAAA-BBBB-CCCC\",\"name\":\"laptop\",\"kind\":\"ssh\"}");
    assert_contains(got, "\"public_key\":\"ssh-ed25519 AAAA");
    assert_contains(run.err, "enrolled: laptop\\x1b of alice, without an attestation");
    assert_lacks(run.err, "AAAA-BBBB-CCCC");
    json_t *object = json_loads(run.out, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(object, "kind")), "ssh");
    assert_true(json_is_false(json_object_get(object, "yubikey")));
    json_decref(object);
    free(got);
    test_run_free(&run);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wrong_command_lines, setup, test_ssh_teardown),
        cmocka_unit_test_setup_teardown(test_which_discharger, setup, test_ssh_teardown),
        cmocka_unit_test_setup_teardown(test_first_of_the_brokers, setup, test_ssh_teardown),
        cmocka_unit_test_setup_teardown(test_enrolling_an_ssh_key, setup, test_ssh_teardown),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
