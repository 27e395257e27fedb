/* SPDX-License-Identifier: Apache-2.0 */
/* What brokers announce, and what dischargers say of themselves. */
#include "../../../client/dischargers.h"
#include "http_server.h"

#define KEY "kd1_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"

static enum kh_err
announce(long status, const char *body, struct dischargers *list, struct fault *fault)
{
    struct http_answer answer = {.status = status};
    buffer_init(&answer.body, HTTP_ANSWER_MAX);
    buffer_put_str(&answer.body, body);
    enum kh_err err = dischargers_read_announcement(list, &answer, fault);
    http_answer_free(&answer);
    return err;
}

static void
test_announcements_that_are_none(void **state)
{
    (void)state;
    static const struct {
        long status;
        const char *body;
    } row[] = {
        {404, "{\"dischargers\":[]}"},
        {200, ""},
        {200, "[]"},
        {200, "{}"},
        {200, "{\"dischargers\":{}}"},
        {200, "{\"dischargers\":[1]}"},
        {200, "{\"dischargers\":[{\"url\":\"https://d.example\"}]}"},
        {200, "{\"dischargers\":[{\"public_key\":\"" KEY "\"}]}"},
        {200, "{\"dischargers\":[{\"url\":\"http://d.example\",\"public_key\":\"" KEY "\"}]}"},
        {200, "{\"dischargers\":[{\"url\":\"https://d.example/x\",\"public_key\":\"" KEY "\"}]}"},
        {200, "{\"dischargers\":[{\"url\":\"https://d.example\",\"public_key\":\"kd1_\"}]}"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct dischargers list = {.count = 0};
        struct fault fault = {.err = KH_OK};
        if (announce(row[i].status, row[i].body, &list, &fault) == KH_OK || list.count != 0)
            fail_msg("taken: %s", row[i].body);
    }
}

static void
test_announcement(void **state)
{
    (void)state;
    struct dischargers list = {.count = 0};
    struct fault fault = {.err = KH_OK};
    assert_ok(announce(200,
                       "{\"dischargers\":[{\"name\":\"local\",\"url\":\"http://localhost:8438\","
                       "\"public_key\":\"" KEY "\"},{\"name\":\"x y\\n\",\"url\":"
                       "\"https://e.example\",\"public_key\":\"" KEY "\"}]}",
                       &list, &fault));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.entry[0].name, "local");
    assert_string_equal(list.entry[0].url, "http://localhost:8438");
    assert_int_equal(list.source[0], DISCHARGERS_BROKER);
    assert_string_equal(list.entry[1].name, ""); // a name that is none is no name
}

// Whoever is between us and a broker without TLS would say whom to trust.
static void
test_exposed_broker_is_not_asked(void **state)
{
    (void)state;
    struct dischargers list = {.count = 0};
    struct fault fault = {.err = KH_OK};
    struct broker_address broker;
    assert_ok(broker_address_read("http://192.0.2.1:1", &broker, &fault));
    assert_int_equal(dischargers_ask_broker(&list, &broker, NULL, &fault), KH_ERR_PERMISSION);
    broker_address_free(&broker);
}

static void
test_broker_is_asked(void **state)
{
    (void)state;
    struct dischargers list = {.count = 0};
    struct fault fault = {.err = KH_OK};
    struct broker_address broker;
    struct http_server server = http_server_start(
        true, HTTP_ANSWER("200 OK", "application/json",
                          "{\"dischargers\":[{\"name\":\"local\",\"url\":\"http://localhost\","
                          "\"public_key\":\"" KEY "\"}]}"));
    assert_ok(broker_address_read(server.address, &broker, &fault));
    assert_ok(dischargers_ask_broker(&list, &broker, NULL, &fault));
    assert_int_equal(list.count, 1);
    char *got = http_server_stop(&server, true);
    assert_contains(got, "GET /.well-known/keyhole/dischargers HTTP/1.1\r\n");
    free(got);
    broker_address_free(&broker);
}

static enum kh_err
ask_key(const char *answer, struct discharger *out, struct fault *fault)
{
    struct http_server server = http_server_start(false, answer);
    enum kh_err err = dischargers_ask_key(server.address, NULL, out, fault);
    char *got = http_server_stop(&server, true);
    assert_contains(got, "GET /.well-known/keyhole/discharger HTTP/1.1\r\n");
    free(got);
    return err;
}

static void
test_key_of_a_discharger(void **state)
{
    (void)state;
    struct discharger found = {.name = ""};
    struct fault fault = {.err = KH_OK};
    assert_ok(ask_key(HTTP_ANSWER("200 OK", "application/json",
                                  "{\"url\":\"{self}\",\"public_key\":\"" KEY "\",\"version\":1}"),
                      &found, &fault));
    assert_int_equal(found.public_key[31], 1);
    // Its own idea of its place is what stands in tokens.
    assert_int_equal(
        ask_key(HTTP_ANSWER("200 OK", "application/json",
                            "{\"url\":\"https://d.example\",\"public_key\":\"" KEY "\"}"),
                &found, &fault),
        KH_ERR_PROTOCOL);
    assert_contains(fault.detail, "https://d.example: use that URL");
    assert_int_equal(ask_key(HTTP_ANSWER("200 OK", "text/html", "<h1>hello</h1>"), &found, &fault),
                     KH_ERR_PROTOCOL);
    assert_contains(fault.detail, "no discharger of Keyhole");
    assert_int_equal(dischargers_ask_key("http://127.0.0.1:1", NULL, &found, &fault), KH_ERR_IO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_announcements_that_are_none), cmocka_unit_test(test_announcement),
        cmocka_unit_test(test_exposed_broker_is_not_asked), cmocka_unit_test(test_broker_is_asked),
        cmocka_unit_test(test_key_of_a_discharger),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
