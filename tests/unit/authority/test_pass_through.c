/* SPDX-License-Identifier: Apache-2.0 */
/* The list of hosts that are passed through, and what the authority makes of it itself. */
#include "fixture.h"

#include "../../../broker/authority/pass_through.h"
#include "../../../caveats/decide.h"

static const struct route listed = {
    .credential = BYTES(PASS_THROUGH_NAME),
    .host = {BYTES("*.files.test")},
    .host_count = 1,
    .port = {443, 8443},
    .port_count = 2,
    .enabled = true,
    .pass_through = true,
};

static enum kh_err
receive(struct pass_through *list, const struct route *route)
{
    BUFFER_AUTO body;
    buffer_init(&body, 131072);
    message_route_tx(route, &body);
    assert_false(body.failed);
    return pass_through_receive(list, buffer_bytes(&body));
}

static struct message_decide
asked(const char *host, uint16_t port, const char *method)
{
    return (struct message_decide){.pass_through = true,
                                   .scheme = BYTES("https"),
                                   .host = bytes_str(host),
                                   .port = port,
                                   .method = bytes_str(method)};
}

static bool
allows(const struct pass_through *list, const struct credentials *credentials,
       struct message_decide request)
{
    return pass_through_allows(list, credentials, &request);
}

static void
what_is_no_item(void **state)
{
    struct pass_through list = {0};
    struct route credential = {.credential = BYTES("openai"), .enabled = true};
    (void)state;
    assert_int_equal(pass_through_receive(&list, BYTES_EMPTY), KH_ERR_PROTOCOL);
    assert_int_equal(pass_through_receive(&list, BYTES("garbage")), KH_ERR_PROTOCOL);
    assert_int_equal(receive(&list, &credential), KH_ERR_PROTOCOL);
    pass_through_adopt(&list);
    assert_int_equal(pass_through_count(&list), 0);
    pass_through_free(&list);
}

static void
it_holds_from_its_end_on(void **state)
{
    struct pass_through list = {0};
    const struct credentials none = {0};
    (void)state;
    assert_int_equal(receive(&list, &listed), KH_OK);
    assert_false(allows(&list, &none, asked("a.files.test", 443, "CONNECT")));
    pass_through_adopt(&list);
    assert_true(allows(&list, &none, asked("a.files.test", 443, "CONNECT")));
    struct route other = listed;
    other.host[0] = BYTES("other.test");
    assert_int_equal(receive(&list, &other), KH_OK);
    assert_false(allows(&list, &none, asked("other.test", 443, "CONNECT")));
    pass_through_adopt(&list);
    assert_true(allows(&list, &none, asked("other.test", 443, "CONNECT")));
    assert_false(allows(&list, &none, asked("a.files.test", 443, "CONNECT")));
    assert_int_equal(pass_through_count(&list), 1);
    pass_through_adopt(&list); // an empty one
    assert_false(allows(&list, &none, asked("other.test", 443, "CONNECT")));
    pass_through_free(&list);
}

static void
hosts_ports_and_schemes(void **state)
{
    struct pass_through list = {0};
    const struct credentials none = {0};
    struct route plain = listed;
    (void)state;
    plain.host[0] = BYTES("plain.test");
    plain.plain = true;
    assert_int_equal(receive(&list, &listed), KH_OK);
    assert_int_equal(receive(&list, &plain), KH_OK);
    pass_through_adopt(&list);
    assert_true(allows(&list, &none, asked("a.b.files.test", 8443, "GET")));
    assert_false(allows(&list, &none, asked("files.test", 443, "GET")));
    assert_false(allows(&list, &none, asked("a.files.test", 22, "CONNECT")));
    assert_false(allows(&list, &none, asked("", 443, "CONNECT")));
    struct message_decide request = asked("a.files.test", 443, "GET");
    request.scheme = BYTES("http");
    assert_false(allows(&list, &none, request));
    request = asked("plain.test", 443, "GET");
    assert_false(allows(&list, &none, request));
    request.scheme = BYTES("http");
    assert_true(allows(&list, &none, request));
    request.method = BYTES("CONNECT"); // a tunnel carries TLS
    assert_false(allows(&list, &none, request));
    assert_true(allows(&list, &none, asked("plain.test", 443, "CONNECT")));
    pass_through_free(&list);
}

static void
what_is_a_tunnel(void **state)
{
    struct message_decide request = asked("a.test", 443, "CONNECT");
    (void)state;
    assert_true(pass_through_is_tunnel(&request));
    request.method = BYTES("connect");
    assert_false(pass_through_is_tunnel(&request));
    request = asked("a.test", 443, "CONNECT");
    request.pass_through = false;
    assert_false(pass_through_is_tunnel(&request));
}

static void
not_a_credentials(void **state)
{
    struct authority authority;
    struct route all = listed;
    (void)state;
    fixture_create();
    fixture_open(&authority);
    all.host[0] = BYTES("*.openai.com");
    assert_int_equal(receive(&authority.pass_through, &all), KH_OK);
    pass_through_adopt(&authority.pass_through);
    struct message_decide request = asked("api.openai.com", 443, "CONNECT");
    assert_true(pass_through_allows(&authority.pass_through, &authority.credentials, &request));
    fixture_add_openai(&authority);
    assert_false(pass_through_allows(&authority.pass_through, &authority.credentials, &request));
    request.port = 8443; // not even where the credential does not go
    assert_false(pass_through_allows(&authority.pass_through, &authority.credentials, &request));
    json_decref(
        fixture_do(&authority, "{\"command\": \"credential.disable\", \"name\": \"openai\"}"));
    assert_false(pass_through_allows(&authority.pass_through, &authority.credentials, &request));
    request = asked("files.openai.com", 443, "CONNECT");
    assert_true(pass_through_allows(&authority.pass_through, &authority.credentials, &request));
    authority_close(&authority);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_item),         cmocka_unit_test(it_holds_from_its_end_on),
        cmocka_unit_test(hosts_ports_and_schemes), cmocka_unit_test(what_is_a_tunnel),
        fixture_test(not_a_credentials),
    };
    return cmocka_run_group_tests_name("authority/pass_through", tests, NULL, NULL);
}
