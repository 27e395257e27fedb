/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/credential.h"

static enum kh_err
build(enum store_list list, const char *text, const char *pem, struct credential **out,
      struct fault *fault)
{
    struct store_credential row = {.name = BYTES("x"), .upstream_ca = bytes_str(pem)};

    row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = BYTES("*.a.example");
    row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = BYTES("::1");
    if (text[0])
        row.item[list][row.item_count[list]++] = bytes_str(text);
    return credential_build(&row, true, out, fault);
}

static void
bad_resolves(void **state)
{
    static const char *const wrong[] = {"x",
                                        "b.a.example:443:127.0.0.1",
                                        "b.a.example:443:127.0.0.1:",
                                        "b.a.example:443:127.0.0.1:0",
                                        "b.a.example:443:127.0.0.1:99999",
                                        "b.a.example:0:127.0.0.1:1",
                                        "b.a.example::127.0.0.1:1",
                                        ":443:127.0.0.1:1",
                                        "b.a.example:443::1",
                                        "b.a.example:443:localhost:1",
                                        "b.a.example:443:::1:1",
                                        "b.a.example:443:[::1:1",
                                        "b.a.example:443:[::1]1",
                                        "b.a.example:443:127.0.0.1:1:2",
                                        "b.a.example:443:127.0.0.1:1 ",
                                        "other.example:443:127.0.0.1:1",
                                        "a.example:443:127.0.0.1:1"};
    struct credential *credential = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct fault fault = {0};
        if (!build(STORE_LIST_RESOLVE, wrong[i], "", &credential, &fault))
            fail_msg("\"%s\" was taken", wrong[i]);
        if (strncmp(fault.detail, "resolve: ", 9))
            fail_msg("\"%s\": %s", wrong[i], fault.detail);
    }
}

static void
resolves(void **state)
{
    struct credential *c = NULL;

    (void)state;
    assert_ok(build(STORE_LIST_RESOLVE, "B.A.example:443:127.0.0.1:8443", "", &c, fault));
    assert_true(bytes_is(c->route.resolve[0].host, "b.a.example"));
    assert_int_equal(c->route.resolve[0].port, 443);
    assert_true(bytes_is(c->route.resolve[0].address, "127.0.0.1"));
    assert_int_equal(c->route.resolve[0].address_port, 8443);
    assert_true(bytes_is(c->row.item[STORE_LIST_RESOLVE][0], "b.a.example:443:127.0.0.1:8443"));
    credential_free(&c);
    assert_ok(build(STORE_LIST_RESOLVE, "[0::1]:443:[2001:DB8::0:1]:1", "", &c, fault));
    assert_true(bytes_is(c->row.item[STORE_LIST_RESOLVE][0], "[::1]:443:[2001:db8::1]:1"));
    credential_free(&c);
}

static void
networks(void **state)
{
    static const char *const wrong[] = {"127.0.0.1/8", "10.0.0.0/33", "::/129",   "x",
                                        "10.0.0.0/",   "/8",          "10.0.0/8", "1.2.3.4/-1"};
    struct credential *c = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_fault(build(STORE_LIST_NETWORKS, wrong[i], "", &c, fault), KH_ERR_SYNTAX,
                     "allow_networks:");
    assert_ok(build(STORE_LIST_NETWORKS, "10.0.0.0/8", "", &c, fault));
    assert_int_equal(c->route.network[0].prefix_bits, 104);
    assert_true(bytes_is(c->row.item[STORE_LIST_NETWORKS][0], "10.0.0.0/8"));
    credential_free(&c);
    assert_ok(build(STORE_LIST_NETWORKS, "FE80::/10", "", &c, fault));
    assert_true(bytes_is(c->row.item[STORE_LIST_NETWORKS][0], "fe80::/10"));
    credential_free(&c);
}

static void
upstream_ca(void **state)
{
    struct credential *c = NULL;
    struct buffer pem, twice;

    (void)state;
    fixture_create();
    (void)fixture_read(fixture_path("state/ca.pem"), &pem);
    buffer_init(&twice, 1 << 17);
    assert_fault(build(0, "", "no certificate", &c, fault), KH_ERR_SYNTAX, "upstream_ca:");
    assert_fault(build(0, "", "-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n",
                       &c, fault),
                 KH_ERR_SYNTAX, "upstream_ca:");
    buffer_put(&twice, buffer_bytes(&pem));
    buffer_put_str(&twice, "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n");
    assert_fault(build(0, "", buffer_text(&twice), &c, fault), KH_ERR_DENIED, "private key");

    buffer_clear(&twice);
    buffer_put_str(&twice, "a comment\n");
    buffer_put(&twice, buffer_bytes(&pem));
    buffer_put_str(&twice, "another\n");
    buffer_put(&twice, buffer_bytes(&pem));
    assert_ok(build(0, "", buffer_text(&twice), &c, fault));
    assert_int_equal(c->route.upstream_ca.n, 2 * pem.n);
    credential_free(&c);

    // A broken one among good ones is not passed over.
    buffer_put_str(&twice, "-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n");
    assert_fault(build(0, "", buffer_text(&twice), &c, fault), KH_ERR_SYNTAX, "certificate 3");
    while (twice.n < CREDENTIAL_CA_MAX + 1)
        buffer_put(&twice, buffer_bytes(&pem));
    assert_fault(build(0, "", buffer_text(&twice), &c, fault), KH_ERR_TOO_LONG, "upstream_ca:");
    buffer_free(&pem);
    buffer_free(&twice);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_resolves),
        cmocka_unit_test(resolves),
        cmocka_unit_test(networks),
        fixture_test(upstream_ca),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
