/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/grace.h"
#include "../../../broker/authority/inject.h"

static struct credential *
credential_of(const char *name, const char *slot, const char *inject, const char *host,
              const char *secret)
{
    struct store_credential row = {
        .name = bytes_str(name), .inject = bytes_str(inject), .scrub = true, .enabled = true};
    struct credential *credential = NULL;

    row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = bytes_str(host);
    row.item[STORE_LIST_SLOTS][row.item_count[STORE_LIST_SLOTS]++] = bytes_str(slot);
    assert_ok(credential_build(&row, true, &credential, fault));
    assert_ok(credential_check_secret(credential, bytes_str(secret), fault));
    assert_ok(secret_new(bytes_str(secret), &credential->secret, fault));
    return credential;
}

static void
texts(void **state)
{
    static const char *const wrong[] = {
        "several",     "several:",      "several:a",  "several:a,",
        "several:a,a", "several:a,b c", "several:,a", "several:a,b,c,d,e,f,g,h,i"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct store_credential row = {.name = BYTES("x"), .inject = bytes_str(wrong[i])};
        struct credential *credential = NULL;
        struct fault fault = {0};
        row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = BYTES("a.example");
        row.item[STORE_LIST_SLOTS][row.item_count[STORE_LIST_SLOTS]++] = BYTES("bearer");
        if (credential_build(&row, true, &credential, &fault) == KH_OK)
            fail_msg("%s was taken", wrong[i]);
    }
    struct credential *set = credential_of("set", "bearer", "several:a,b", "a.example", "-");
    assert_fault(credential_check_secret(set, BYTES("key"), fault), KH_ERR_USAGE, "members");
    credential_free(&set);
}

static const struct message_decide request = {
    .scheme = BYTES("https"), .host = BYTES("a.example"), .port = 443, .slot.kind = SLOT_BEARER};

static enum injection_result
make(struct credentials *all, const char *inject, struct injection *out)
{
    struct injection_context context = {.request = &request, .credentials = all};
    struct credential *set = credential_of("set", "bearer", inject, "a.example", "-");
    enum injection_result result = injection_make(set, &context, out);

    credential_free(&set); // what was made does not point into it
    return result;
}

static void
members(void **state)
{
    struct credential *item[] = {
        credential_of("a", "bearer", "header:X-A: <{secret}>", "a.example", "secret-a"),
        credential_of("away", "bearer", "query:k", "b.example", "secret-b"),
        credential_of("b", "bearer", "query:k", "a.example", "secret-c"),
        credential_of("off", "bearer", "query:l", "a.example", "secret-d"),
        credential_of("same", "bearer", "header:x-a: {secret}", "a.example", "secret-e"),
        credential_of("sets", "bearer", "several:a,b", "a.example", "-"),
    };
    struct credentials all = {.item = item, .count = 6, .capacity = 6};
    struct injection injection;
    static const struct {
        const char *inject;
        enum injection_result result;
        enum kh_reason reason;
    } row[] = {
        {"several:a,nobody", INJECTION_UNAVAILABLE, KH_REASON_CREDENTIAL_UNKNOWN},
        {"several:a,off", INJECTION_UNAVAILABLE, KH_REASON_CREDENTIAL_DISABLED},
        {"several:a,away", INJECTION_UNAVAILABLE, KH_REASON_HOST_NOT_ALLOWED},
        {"several:a,sets", INJECTION_UNAVAILABLE, KH_REASON_INTERNAL},
        {"several:a,same", INJECTION_REFUSED, KH_REASON_UNSET},
    };

    (void)state;
    item[3]->row.enabled = false;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        assert_int_equal(make(&all, row[i].inject, &injection), row[i].result);
        assert_int_equal(injection.reason, row[i].reason);
        assert_int_equal(injection.edit_count, 0);
        injection_free(&injection);
    }
    assert_int_equal(make(NULL, "several:a,b", &injection), INJECTION_UNAVAILABLE);
    injection_free(&injection);
    assert_int_equal(make(&all, "several:a,b", &injection), INJECTION_READY);
    assert_int_equal(injection.edit_count, 2);
    assert_true(bytes_is(injection.edit[0].value, "<secret-a>"));
    assert_true(bytes_is(injection.edit[1].value, "secret-c"));
    assert_int_equal(injection.secret_count, 2);
    injection_free(&injection);
    for (size_t i = 0; i < 6; i++)
        credential_free(&item[i]);
}

// In the grace of a member its secret before may still come back.
static void
secrets_before(void **state)
{
    struct credential *item[] = {
        credential_of("a", "bearer", "header:X-A: {secret}", "a.example", "secret-a"),
        credential_of("b", "bearer", "query:k", "a.example", "secret-b"),
    };
    struct credentials all = {.item = item, .count = 2, .capacity = 2};
    struct secret *before = NULL;
    struct injection injection;

    (void)state;
    assert_int_equal(secret_new(BYTES("secret-before"), &before, NULL), KH_OK);
    grace_take(item[0], before, 1);
    assert_int_equal(make(&all, "several:a,b", &injection), INJECTION_READY);
    assert_int_equal(injection.edit_count, 2);
    assert_int_equal(injection.secret_count, 3);
    assert_true(bytes_is(injection.secret[1], "secret-before"));
    injection_free(&injection);
    credential_free(&item[0]);
    credential_free(&item[1]);
}

// What is signed is what was judged: a member's key is not in it.
static void
signatures(void **state)
{
    static const char hmac[] = "hmac:sha256:hex:X-S: {signature}", key[] = "AKIAKEY:secret-key";
    struct credential *item[] = {
        credential_of("aws", "aws", "sigv4", "a.example", key), // in order
        credential_of("body", "bearer", hmac, "a.example", "secret-1"),
        credential_of("field", "field:k", "field:k", "a.example", "secret-2"),
        credential_of("head", "bearer", hmac, "a.example", "secret-3"),
        credential_of("header", "bearer", "header:X-K: {secret}", "a.example", "secret-4"),
        credential_of("path", "path", "path", "a.example", "secret-5"),
        credential_of("query", "bearer", "query:k", "a.example", "secret-6"),
    };
    struct credentials all = {.item = item, .count = 7, .capacity = 7};
    static const struct {
        const char *inject, *says;
    } row[] = {
        {"several:aws,path", "aws signs the path, and path"},
        {"several:field,aws", "aws signs the body, and field"},
        {"several:aws,query", "aws signs the query, and query"},
        {"several:header,field,body", "body signs the body, and field"},
        {"several:head,path", "head signs the path, and path"},
        {"several:aws,header", NULL},
        {"several:body,path", NULL},
        {"several:head,field", NULL},
        {"several:body,query", NULL},
        {"several:path,query,field,header", NULL},
        {"several:aws,nobody", NULL}, // yet
    };

    (void)state;
    item[3]->row.item[STORE_LIST_OPTIONS][item[3]->row.item_count[STORE_LIST_OPTIONS]++] =
        BYTES("sign={method} {path}");
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct credential *set = credential_of("set", "bearer", row[i].inject, "a.example", "-");
        struct injection injection;
        struct fault fault = {0};
        enum kh_err err = injection_check_members(set, &all, &fault);
        if ((err != KH_OK) != (row[i].says != NULL) ||
            (row[i].says && strstr(fault.detail, row[i].says) == NULL))
            fail_msg("%s: %s", row[i].inject, fault.detail);
        // It may have been made before its members were.
        if (row[i].says) {
            assert_int_equal(make(&all, row[i].inject, &injection), INJECTION_REFUSED);
            assert_non_null(strstr(injection.refusal, row[i].says));
            assert_int_equal(injection.edit_count, 0);
            injection_free(&injection);
        }
        credential_free(&set);
    }
    assert_ok(injection_check_members(item[0], &all, NULL)); // no set
    for (size_t i = 0; i < 7; i++)
        credential_free(&item[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(members),
        cmocka_unit_test(secrets_before),
        cmocka_unit_test(signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
