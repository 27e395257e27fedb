/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/credential_option.h"

static struct store_credential
given(const char *inject)
{
    struct store_credential row = {.name = BYTES("x"), .inject = bytes_str(inject)};
    row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = BYTES("a.example");
    return row;
}

static void
option(struct store_credential *row, const char *text)
{
    row->item[STORE_LIST_OPTIONS][row->item_count[STORE_LIST_OPTIONS]++] = bytes_str(text);
}

static void
wrong_ones(void **state)
{
    static const struct {
        const char *text;
        enum kh_err err;
        const char *detail;
    } cases[] = {
        {"", KH_ERR_SYNTAX, "NAME=VALUE"},
        {"region", KH_ERR_SYNTAX, "NAME=VALUE"},
        {"=x", KH_ERR_UNKNOWN, "no such option"},
        {"regoin=x", KH_ERR_UNKNOWN, "did you mean region?"},
        {"region=", KH_ERR_RANGE, "region: it has 1 to"},
        {"region=a b", KH_ERR_SYNTAX, "region: it has letters"},
        {"client-id=a\nb", KH_ERR_SYNTAX, "client-id: it is printable"},
        {"client-id=\xc3\xa4", KH_ERR_SYNTAX, "client-id: it is printable"},
        {"timestamp-header=Host", KH_ERR_DENIED, "timestamp-header: the header host"},
        {"timestamp-header=a b", KH_ERR_SYNTAX, "timestamp-header: that is no header"},
        {"token-url=ftp://a.example/", KH_ERR_SYNTAX, "token-url: it is https://"},
        {"token-url=https://", KH_ERR_SYNTAX, "token-url: it is https://"},
        {"token-url=https:///x", KH_ERR_SYNTAX, "token-url: it is https://"},
        {"token-url=https://u:p@a.example/", KH_ERR_SYNTAX, "token-url: it is https://"},
        {"token-url=https://a.example/#x", KH_ERR_SYNTAX, "token-url: it is https://"},
        {"token-url=https://a.example?x", KH_ERR_SYNTAX, "token-url: it is https://"},
        {"token-url=https://a.example/a b", KH_ERR_SYNTAX, "token-url: it is https://"},
        {"algorithm=HS256", KH_ERR_UNKNOWN, "algorithm: it is one of: RS256 ES256 EdDSA"},
        {"algorithm=RS256 ES256", KH_ERR_UNKNOWN, "algorithm: it is one of"},
        {"lifetime=29", KH_ERR_RANGE, "lifetime: it is a number from 30 to 3600"},
        {"lifetime=3601", KH_ERR_RANGE, "lifetime: it is a number"},
        {"lifetime=060", KH_ERR_RANGE, "lifetime: it is a number"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store_credential row = given("bearer");
        struct credential *credential = NULL;
        option(&row, cases[i].text);
        assert_fault(credential_build(&row, true, &credential, fault), cases[i].err, "options: ");
        assert_fault(credential_build(&row, true, &credential, fault), cases[i].err,
                     cases[i].detail);
        assert_null(credential);
    }
}

static void
only_where_they_belong(void **state)
{
    struct store_credential row = given("bearer");
    struct credential *credential = NULL;

    (void)state;
    option(&row, "region=eu-west-1");
    assert_fault(credential_build(&row, true, &credential, fault), KH_ERR_USAGE,
                 "options: region does not belong to this injection");
    row = given("bearer");
    option(&row, "lifetime=60");
    option(&row, "lifetime=61");
    assert_fault(credential_build(&row, true, &credential, fault), KH_ERR_EXISTS,
                 "options: lifetime is given twice");
    assert_null(credential);
}

static void
good_values(void **state)
{
    static const char *const texts[] = {
        "region=eu-west-1",
        "sign={timestamp}.{body}",
        "timestamp-header=X-Timestamp",
        "token-url=https://a.example/token?x=y",
        "token-url=http://127.0.0.1:8080/token",
        "grant=client",
        "auth=post",
        "scope=read write",
        "algorithm=EdDSA",
        "lifetime=30",
        "lifetime=3600",
    };
    struct credential *credential = NULL;
    struct store_credential row = given("bearer");

    (void)state;
    assert_ok(credential_build(&row, true, &credential, fault));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bytes text = bytes_str(texts[i]);
        credential->row.item_count[STORE_LIST_OPTIONS] = 0;
        assert_ok(credential_add_option(credential, text, fault));
        assert_true(bytes_equal(credential->row.item[STORE_LIST_OPTIONS][0], text));
    }
    credential->row.item_count[STORE_LIST_OPTIONS] = 0;
    assert_ok(credential_add_option(credential, BYTES("sign=a=b"), fault));
    assert_ok(credential_add_option(credential, BYTES("lifetime=60"), fault));
    assert_true(bytes_is(credential_option(credential, "sign"), "a=b"));
    assert_true(bytes_is(credential_option(credential, "scope"), ""));
    assert_true(bytes_is(credential_option_or(credential, "scope", "all"), "all"));
    assert_int_equal(credential_option_number(credential, "lifetime", 1), 60);
    assert_int_equal(credential_option_number(credential, "installation", 1), 1);
    credential_free(&credential);
}

// What belongs to another injection is left out: it was replaced on the command line.
static void
from_a_preset(void **state)
{
    static const struct preset preset = {
        .name = "x", .options = "sign=v0:{body}\nregion=eu-west-1\nkey-encoding=hex"};
    struct store_credential row = given("hmac:sha256:hex:X-Signature");
    struct credential *credential = NULL;

    (void)state;
    row.item[STORE_LIST_SLOTS][row.item_count[STORE_LIST_SLOTS]++] = BYTES("bearer");
    option(&row, "key-encoding=base64");
    assert_ok(credential_build(&row, true, &credential, fault));
    assert_ok(credential_complete_options(credential, fault));
    assert_int_equal(credential->row.item_count[STORE_LIST_OPTIONS], 1);
    credential->preset = &preset;
    assert_ok(credential_complete_options(credential, fault));
    assert_int_equal(credential->row.item_count[STORE_LIST_OPTIONS], 2);
    assert_true(bytes_is(credential_option(credential, "sign"), "v0:{body}"));
    assert_true(bytes_is(credential_option(credential, "key-encoding"), "base64"));
    assert_ok(credential_check_options(credential, fault));
    credential_free(&credential);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_ones),
        cmocka_unit_test(only_where_they_belong),
        cmocka_unit_test(good_values),
        cmocka_unit_test(from_a_preset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
