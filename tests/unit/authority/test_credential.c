/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/credential.h"
#include "../../../caveats/path.h"

static struct store_credential
given(const char *name)
{
    return (struct store_credential){.name = bytes_str(name), .enabled = true, .scrub = true};
}

static void
put(struct store_credential *row, enum store_list list, const char *text)
{
    row->item[list][row->item_count[list]++] = bytes_str(text);
}

static void
refused(const struct store_credential *row, enum kh_err err, const char *text)
{
    struct credential *credential = NULL;
    assert_fault(credential_build(row, true, &credential, fault), err, text);
    assert_null(credential);
}

static void
names(void **state)
{
    static const char *const wrong[] = {"", "-a", ".a", "_a", "a b", "a/b", "a~b", "ä", "a\n"};
    char large[66];

    (void)state;
    memset(large, 'a', sizeof large);
    assert_false(credential_name_check(bytes_of(large, 65)));
    assert_true(credential_name_check(bytes_of(large, 64)));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct store_credential row = given(wrong[i]);
        assert_false(credential_name_check(bytes_str(wrong[i])));
        put(&row, STORE_LIST_HOSTS, "a.example");
        refused(&row, KH_ERR_SYNTAX, "name:");
    }
}

static void
hosts_are_a_wall(void **state)
{
    static const char *const wrong[] = {"",
                                        "*",
                                        "*.",
                                        "*.com",
                                        "*.*.a.example",
                                        "a.*.example",
                                        "https://a.example",
                                        "a.example:443",
                                        "a.example/",
                                        "a b.example",
                                        "-a.example",
                                        "*.10.0.0.1",
                                        "256.1.1.1"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct store_credential row = given("x");
        struct credential *credential = NULL;
        put(&row, STORE_LIST_HOSTS, wrong[i]);
        if (!credential_build(&row, true, &credential, NULL))
            fail_msg("the host \"%s\" was taken", wrong[i]);
    }
    struct store_credential row = given("x");
    refused(&row, KH_ERR_USAGE, "hosts:");
    put(&row, STORE_LIST_HOSTS, "A.Example.");
    put(&row, STORE_LIST_HOSTS, "a.example");
    refused(&row, KH_ERR_EXISTS, "hosts: a.example is given twice");
}

static void
hosts_are_canonical(void **state)
{
    struct store_credential row = given("x");
    struct credential *c = NULL;
    struct bytes https = BYTES("https");

    (void)state;
    put(&row, STORE_LIST_HOSTS, "API.Example.COM.");
    put(&row, STORE_LIST_HOSTS,
        "*.B\xc3\xbc"
        "cher.example");
    put(&row, STORE_LIST_HOSTS, "[2001:DB8::0:1]");
    assert_ok(credential_build(&row, true, &c, fault));
    assert_true(bytes_is(c->route.host[0], "api.example.com"));
    assert_true(bytes_is(c->route.host[1], "*.xn--bcher-kva.example"));
    assert_true(bytes_is(c->route.host[2], "2001:db8::1"));
    assert_true(credential_allows_host(c, https, BYTES("api.example.com"), 443));
    assert_true(credential_allows_host(c, https, BYTES("x.y.xn--bcher-kva.example"), 443));
    assert_false(credential_allows_host(c, https, BYTES("xn--bcher-kva.example"), 443));
    assert_false(credential_allows_host(c, https, BYTES("example.com"), 443));
    assert_false(credential_allows_host(c, https, BYTES("evil-api.example.com"), 443));
    assert_false(credential_allows_host(c, BYTES("http"), BYTES("api.example.com"), 443));
    assert_false(credential_allows_host(c, BYTES("http"), BYTES("api.example.com"), 80));
    assert_false(credential_allows_host(c, https, BYTES("api.example.com"), 8443));
    assert_false(credential_allows_host(c, https, BYTES_EMPTY, 443));
    credential_free(&c);
}

static void
ports(void **state)
{
    static const char *const wrong[] = {"0", "65536", "-1", "", "080", "99999999999999999999"};
    struct store_credential row;
    struct credential *c = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        row = given("x");
        put(&row, STORE_LIST_HOSTS, "a.example");
        put(&row, STORE_LIST_PORTS, wrong[i]);
        refused(&row, KH_ERR_RANGE, "ports:");
    }
    row = given("x");
    put(&row, STORE_LIST_HOSTS, "a.example");
    put(&row, STORE_LIST_PORTS, "8443");
    assert_ok(credential_build(&row, true, &c, fault));
    assert_true(credential_allows_host(c, BYTES("https"), BYTES("a.example"), 8443));
    assert_false(credential_allows_host(c, BYTES("https"), BYTES("a.example"), 443));
    credential_free(&c);
}

static void
plain_needs_a_network(void **state)
{
    struct store_credential row = given("x");
    struct credential *c = NULL;

    (void)state;
    row.plain = true;
    put(&row, STORE_LIST_HOSTS, "a.example");
    refused(&row, KH_ERR_USAGE, "plain:");
    put(&row, STORE_LIST_NETWORKS, "127.0.0.0/8");
    assert_ok(credential_build(&row, true, &c, fault));
    assert_true(credential_allows_host(c, BYTES("http"), BYTES("a.example"), 80));
    assert_false(credential_allows_host(c, BYTES("https"), BYTES("a.example"), 443));
    assert_false(credential_allows_host(c, BYTES("http"), BYTES("a.example"), 443));
    credential_free(&c);
}

static void
preset_and_what_replaces_it(void **state)
{
    struct store_credential row = given("gh");
    struct credential *c = NULL;

    (void)state;
    row.preset = BYTES("gihtub");
    refused(&row, KH_ERR_UNKNOWN, "preset: there is no such preset; did you mean github?");
    row.preset = BYTES("github");
    put(&row, STORE_LIST_HOSTS, "github.example.com");
    assert_ok(credential_build(&row, true, &c, fault));
    assert_int_equal(c->route.host_count, 1);
    assert_int_equal(c->route.slot_count, 2);
    assert_int_equal(c->route.path_exceptions, PATH_ALLOW_ESCAPED_SLASH);
    assert_true(bytes_is(c->row.inject, "header:Authorization: Bearer {secret}"));
    credential_free(&c);

    // A row of the database is taken as it is: a later preset adds nothing to it.
    row = given("gh");
    row.preset = BYTES("github");
    row.inject = BYTES("basic");
    put(&row, STORE_LIST_HOSTS, "github.com");
    put(&row, STORE_LIST_SLOTS, "basic");
    assert_ok(credential_build(&row, false, &c, fault));
    assert_int_equal(c->route.path_exceptions, 0);
    assert_int_equal(c->route.slot_count, 1);
    credential_free(&c);
    row.item_count[STORE_LIST_SLOTS] = 0;
    assert_fault(credential_build(&row, false, &c, fault), KH_ERR_USAGE, "slots:");
}

static void
path_exceptions(void **state)
{
    struct store_credential row = given("x");
    struct credential *c = NULL;

    (void)state;
    put(&row, STORE_LIST_HOSTS, "a.example");
    put(&row, STORE_LIST_PATH_EXCEPTIONS, "dot-segment");
    refused(&row, KH_ERR_UNKNOWN, "path_exceptions: there are");
    row.item_count[STORE_LIST_PATH_EXCEPTIONS] = 0;
    put(&row, STORE_LIST_PATH_EXCEPTIONS, "escaped-slash");
    put(&row, STORE_LIST_PATH_EXCEPTIONS, "semicolon");
    put(&row, STORE_LIST_PATH_EXCEPTIONS, "empty-segment");
    assert_ok(credential_build(&row, true, &c, fault));
    assert_int_equal(c->route.path_exceptions,
                     PATH_ALLOW_ESCAPED_SLASH | PATH_ALLOW_SEMICOLON | PATH_ALLOW_EMPTY_SEGMENT);
    credential_free(&c);
}

static void
slots_that_are_allowed(void **state)
{
    struct store_credential row = given("x");
    struct credential *c = NULL;
    struct slot slot = {.kind = SLOT_HEADER, .name = BYTES("x-api-key")};

    (void)state;
    put(&row, STORE_LIST_HOSTS, "a.example");
    put(&row, STORE_LIST_SLOTS, "header:X-Api-Key");
    assert_ok(credential_build(&row, true, &c, fault));
    assert_true(credential_allows_slot(c, &slot));
    slot.name = BYTES("x-other");
    assert_false(credential_allows_slot(c, &slot));
    slot = (struct slot){.kind = SLOT_QUERY, .name = BYTES("x-api-key")};
    assert_false(credential_allows_slot(c, &slot));
    slot = (struct slot){.kind = SLOT_BEARER};
    assert_false(credential_allows_slot(c, &slot));
    slot = (struct slot){.kind = SLOT_UNSET};
    assert_false(credential_allows_slot(c, &slot));
    slot = (struct slot){.kind = SLOT_PROXY_AUTHORIZATION};
    assert_true(credential_allows_slot(c, &slot));
    slot = (struct slot){.kind = SLOT_KEYHOLE_TOKEN};
    assert_true(credential_allows_slot(c, &slot));
    credential_free(&c);
}

// What is built from texts, and built again from its canonical texts, is the same.
static void
canonical_is_stable(void **state)
{
    struct store_credential row = given("x");
    struct credential *one = NULL, *two = NULL;
    struct buffer a, b;

    (void)state;
    row.inject = BYTES("header:X-Key:   Token {secret}  ");
    row.foreign_pass = true;
    put(&row, STORE_LIST_HOSTS, "A.example");
    put(&row, STORE_LIST_PORTS, "444");
    put(&row, STORE_LIST_SLOTS, "header:X-Key");
    put(&row, STORE_LIST_SLOTS, "query:key");
    put(&row, STORE_LIST_RESOLVE, "a.EXAMPLE:444:[::1]:5000");
    put(&row, STORE_LIST_NETWORKS, "::1/128");
    assert_ok(credential_build(&row, true, &one, fault));
    assert_ok(credential_build(&one->row, false, &two, fault));
    buffer_init(&a, 65536);
    buffer_init(&b, 65536);
    message_route_tx(&one->route, &a);
    message_route_tx(&two->route, &b);
    assert_true(bytes_equal(buffer_bytes(&a), buffer_bytes(&b)));
    assert_true(bytes_equal(one->row.inject, two->row.inject));
    assert_true(bytes_is(one->row.inject, "header:X-Key: Token {secret}"));
    buffer_free(&a);
    buffer_free(&b);
    credential_free(&one);
    credential_free(&two);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(hosts_are_a_wall),
        cmocka_unit_test(hosts_are_canonical),
        cmocka_unit_test(ports),
        cmocka_unit_test(plain_needs_a_network),
        cmocka_unit_test(preset_and_what_replaces_it),
        cmocka_unit_test(path_exceptions),
        cmocka_unit_test(slots_that_are_allowed),
        cmocka_unit_test(canonical_is_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
