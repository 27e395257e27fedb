/* SPDX-License-Identifier: Apache-2.0 */
/* What of a credential a gateway can do. */
#include "support.h"

#include "../../../broker/operator/gateway_plan.h"

static void
test_injections(void **state)
{
    static const struct {
        const char *inject, *name; // NULL: no gateway can
    } cases[] = {
        {"header:Authorization: Bearer {secret}", "authorization"},
        {"header:X-Api-Key: {secret}", "x-api-key"},
        {"basic", "authorization"},
        {"cookie:session", "cookie"},
        {"oauth2", "authorization"},
        {"jwt", "authorization"},
        {"hmac:sha256:hex:X-Signature: {signature}", "x-signature"},
        {"header:X_Api_Key: {secret}", NULL}, // nginx drops such names
        {"header:X.Key: {secret}", NULL},
        {"query:key", NULL},
        {"path", NULL},
        {"path:bot{secret}", NULL},
        {"field:/key", NULL},
        {"subprotocol", NULL},
        {"sigv4", NULL},
        {"mtls", NULL},
        {"", NULL},
        {"something-new", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gateway_fields fields = {0};
        struct fault fault = {0};
        const char *members = NULL;
        enum kh_err err = gateway_read_inject(cases[i].inject, &fields, &members, &fault);
        if ((err == KH_OK) != (cases[i].name != NULL))
            fail_msg("%s: %d, %s", cases[i].inject, (int)err, fault.detail);
        assert_int_equal(fields.count, cases[i].name != NULL);
        if (cases[i].name != NULL)
            assert_string_equal(fields.name[0], cases[i].name);
        assert_null(members);
    }
    struct gateway_fields fields = {0};
    const char *members = NULL;
    assert_int_equal(gateway_read_inject("several:a,b", &fields, &members, NULL), KH_OK);
    assert_string_equal(members, "a,b");
}

static enum kh_err
read_json(const char *text, const char *host, struct gateway_upstream *out, struct fault *fault)
{
    const char *members;
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    *out = (struct gateway_upstream){0};
    enum kh_err err = gateway_read_credential(json, host, out, &members, fault);
    json_decref(json);
    return err;
}

#define WEB(more)                                                                                  \
    "{\"name\":\"web\",\"hosts\":[\"*.w.example\",\"w.example\"],\"slots\":[\"bearer\","           \
    "\"header:X-Key\",\"cookie:c\",\"query:k\"],\"inject\":\"basic\"" more "}"

static void
test_a_credential(void **state)
{
    struct gateway_upstream u;
    struct fault fault = {0};
    (void)state;
    assert_int_equal(
        read_json(WEB(",\"resolve\":[\"w.example:443:[::1]:8443\"]"), NULL, &u, &fault), KH_OK);
    assert_string_equal(u.host, "w.example");
    assert_int_equal(u.port, 443);
    assert_string_equal(u.address, "::1");
    assert_int_equal(u.address_port, 8443);
    assert_true(gateway_fields_have(&u.set, "authorization"));
    assert_int_equal(u.slots.count, 3);
    assert_true(u.token_in_query);
    assert_true(gateway_fields_have(&u.slots, "X-KEY") && gateway_fields_have(&u.slots, "cookie"));
    assert_int_equal(read_json(WEB(""), "a.w.example", &u, &fault), KH_OK);
    assert_string_equal(u.host, "a.w.example");
    assert_int_equal(read_json(WEB(",\"options\":[\"max-answer=1\",\"request-id-header=X-Req\"]"),
                               NULL, &u, &fault),
                     KH_OK);
    assert_int_equal(u.set.count, 2); // and nothing of another option
    assert_true(gateway_fields_have(&u.set, "x-req"));
    assert_int_equal(read_json(WEB(",\"options\":[\"request-id-header=X_Req\"]"), NULL, &u, &fault),
                     KH_ERR_UNSUPPORTED);
    static const char *const wrong[] = {"other.example", ".w.example",    "xw.example",
                                        "*.w.example",   "a;b.w.example", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (read_json(WEB(""), wrong[i], &u, &fault) == KH_OK)
            fail_msg("%s was taken", wrong[i]);
    }
    assert_int_equal(read_json(WEB(",\"plain\":true"), NULL, &u, &fault), KH_ERR_UNSUPPORTED);
    assert_int_equal(read_json("{\"name\":\"x\",\"hosts\":[\"*.w.example\"],\"inject\":\"basic\"}",
                               NULL, &u, &fault),
                     KH_ERR_USAGE);
    assert_int_equal(read_json("{\"name\":\"x\",\"hosts\":[\"w.example\"],\"slots\":[\"bearer\"],"
                               "\"inject\":\"basic\"}",
                               NULL, &u, &fault),
                     KH_OK);
    assert_false(u.token_in_query);
}

static void
test_what_is_plain(void **state)
{
    static const char *const bad[] = {"",    "a b",  "a;b", "a\"b", "a'b", "$a",      "a{b",
                                      "a}b", "a\\b", "a#b", "a\nb", "a%b", "\xc3\xa4"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(gateway_is_plain(bad[i]));
    assert_true(gateway_is_plain("/etc/ssl/certs/ca-certificates.crt"));
    assert_true(gateway_is_plain("[::1]:8439"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_injections),
        cmocka_unit_test(test_a_credential),
        cmocka_unit_test(test_what_is_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
