/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests are signed for AWS, and how; the signatures themselves are in test_sigv4.c. */
#include "fixture.h"

#include "../../../broker/authority/inject.h"

#define KEY        "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define SECRET_KEY "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define SESSION    "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
#define NOW        INT64_C(1440938160) /* 2015-08-30T12:36:00Z, as in AWS's test suite */
#define DATE       "20150830T123600Z"

static struct credential *
credential_with(const char *secret, const char *const *options)
{
    struct store_credential row = {.name = BYTES("x"), .inject = BYTES("sigv4"), .scrub = true};
    struct credential *credential = NULL;

    row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = BYTES("a.example");
    for (; options && *options; options++)
        row.item[STORE_LIST_OPTIONS][row.item_count[STORE_LIST_OPTIONS]++] = bytes_str(*options);
    assert_ok(credential_build(&row, true, &credential, fault));
    assert_ok(credential_check_secret(credential, bytes_str(secret), fault));
    assert_ok(secret_new(bytes_str(secret), &credential->secret, fault));
    return credential;
}

// get-vanilla of the test suite.
static struct message_decide
vanilla(void)
{
    struct message_decide request = {
        .scheme = BYTES("https"),
        .host = BYTES("example.amazonaws.com"),
        .port = 443,
        .method = BYTES("GET"),
        .path_encoded = BYTES("/"),
        .slot.kind = SLOT_AWS,
        .aws = {.scope_date = BYTES("20150830"),
                .region = BYTES("us-east-1"),
                .service = BYTES("service"),
                .signed_headers = BYTES("host;x-amz-date")},
        .body = {.has_size = true, .has_sha256 = true},
    };

    assert_true(
        bytes_from_hex(BYTES("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
                       request.body.sha256, sizeof request.body.sha256));
    request.header[request.header_count++] = (struct fact_pair){BYTES("x-amz-date"), BYTES(DATE)};
    return request;
}

static void
add(struct message_decide *request, const char *name, const char *value)
{
    request->header[request->header_count++] =
        (struct fact_pair){bytes_str(name), bytes_str(value)};
}

static enum injection_result
make(const struct credential *credential, const struct message_decide *request,
     struct injection *out)
{
    const struct injection_context context = {.request = request, .now = NOW};
    return injection_make(credential, &context, out);
}

static const struct edit *
edit_of(const struct injection *injection, const char *name)
{
    for (size_t i = 0; i < injection->edit_count; i++) {
        if (bytes_is(injection->edit[i].name, name))
            return &injection->edit[i];
    }
    return NULL;
}

static void
bad_secrets(void **state)
{
    static const char *const wrong[] = {"AKID",         "AKID:",        ":secret",
                                        "a:b:c:d",      "A/B:secret",   "A,B:secret",
                                        "AKID:se cret", "AKID:sec\nret"};
    struct credential *credential = credential_with(KEY, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (!credential_check_secret(credential, bytes_str(wrong[i]), NULL))
            fail_msg("the secret \"%s\" was taken", wrong[i]);
    }
    assert_ok(credential_check_secret(credential, BYTES("AKID:a/b+c=:tok/en=="), fault));
    credential_free(&credential);
}

static void
bad_requests(void **state)
{
    static const char *const walled[] = {"region=us-east-1", "service=service", NULL};
    static const struct {
        const char *region, *service, *name, *value, *text;
        const char *date, *expires; // presigned
    } cases[] = {
        {"eu-west-1", "service", NULL, NULL, "signed for the region eu-west-1", NULL, NULL},
        {"us-east-1", "iam", NULL, NULL, "signed for the service iam", NULL, NULL},
        {"us-east-1", "service", "x-amz-date", DATE, "more than one x-amz-date", NULL, NULL},
        {"us-east-1", "service", "x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
         "chunks", NULL, NULL},
        {"us-east-1", "service", "x-amz-content-sha256", "e3b0", "neither a hash", NULL, NULL},
        {"us-east-1", "service", NULL, NULL, "not that of a presigned", "20150830", "60"},
        {"us-east-1", "service", NULL, NULL, "not that of a presigned", DATE, "0"},
        {"us-east-1", "service", NULL, NULL, "not that of a presigned", DATE, "604801"},
        {"us-east-1", "service", NULL, NULL, "not that of a presigned", DATE, "-1"},
        {"us-east-1", "service", NULL, NULL, "has expired", "20150830T123500Z", "60"},
        {"us-east-1", "service", NULL, NULL, "not valid yet", "20150830T125101Z", "60"},
    };
    struct credential *credential = credential_with(KEY, walled);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message_decide request = vanilla();
        struct injection injection;
        request.aws.region = bytes_str(cases[i].region);
        request.aws.service = bytes_str(cases[i].service);
        if (cases[i].name)
            add(&request, cases[i].name, cases[i].value);
        if (cases[i].date) {
            request.aws.presigned = true;
            request.aws.date = bytes_str(cases[i].date);
            request.aws.expires = bytes_str(cases[i].expires);
        }
        enum injection_result result = make(credential, &request, &injection);
        if (result != INJECTION_REFUSED || strstr(injection.refusal, cases[i].text) == NULL)
            fail_msg("case %zu: %d, \"%s\", not \"%s\"", i, result, injection.refusal,
                     cases[i].text);
        assert_int_equal(injection.edit_count + injection.secret_count, 0);
        injection_free(&injection);
    }
    credential_free(&credential);

    credential = credential_with(KEY, NULL);
    struct message_decide request = vanilla();
    struct injection injection;
    request.aws = (struct message_aws){0};
    assert_int_equal(make(credential, &request, &injection), INJECTION_REFUSED);
    assert_non_null(strstr(injection.refusal, "the region is not known"));
    injection_free(&injection);
    credential_free(&credential);
}

static void
in_a_header(void **state)
{
    static const char want[] =
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    struct credential *credential = credential_with(KEY, NULL);
    struct message_decide request = vanilla();
    struct injection injection;

    (void)state;
    // What the broker writes or may change is not signed, whatever the client did.
    request.aws.signed_headers = BYTES("accept-encoding;content-length;host;x-amz-date;gone");
    add(&request, "accept-encoding", "gzip");
    add(&request, "content-length", "0");
    add(&request, "accept", "*/*");
    assert_int_equal(make(credential, &request, &injection), INJECTION_READY);
    assert_int_equal(injection.edit_count, 2);
    const struct edit *edit = edit_of(&injection, "authorization");
    assert_int_equal(edit->kind, EDIT_HEADER_SET);
    if (!bytes_is(edit->value, want))
        fail_msg("%.*s", BYTES_ARG(edit->value));
    assert_int_equal(edit_of(&injection, "x-amz-security-token")->kind, EDIT_HEADER_REMOVE);
    // The secret key is nowhere in what goes to a proxy.
    assert_true(bytes_find(buffer_bytes(&injection.text), BYTES(SECRET_KEY)) == injection.text.n);
    assert_int_equal(injection.secret_count, 2);
    injection_free(&injection);
    credential_free(&credential);
}

static void
with_a_session_token(void **state)
{
    struct credential *credential = credential_with(KEY ":" SESSION, NULL);
    struct message_decide request = vanilla();
    struct injection injection;

    (void)state;
    assert_int_equal(make(credential, &request, &injection), INJECTION_READY);
    assert_true(bytes_is(edit_of(&injection, "x-amz-security-token")->value, SESSION));
    assert_true(
        bytes_ends(edit_of(&injection, "authorization")->value,
                   BYTES("SignedHeaders=host;x-amz-date;x-amz-security-token, Signature="
                         "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8")));
    assert_int_equal(injection.secret_count, 3);
    injection_free(&injection);
    credential_free(&credential);
}

static void
presigned(void **state)
{
    static const char *const order[] = {"X-Amz-Signature",  "X-Amz-SignedHeaders",
                                        "X-Amz-Expires",    "X-Amz-Date",
                                        "X-Amz-Credential", "X-Amz-Algorithm"};
    struct credential *credential = credential_with(KEY, NULL);
    struct message_decide request = vanilla();
    struct injection injection;

    (void)state;
    request.method = BYTES("POST");
    request.header_count = 0;
    request.aws.presigned = true;
    request.aws.signed_headers = BYTES("host");
    request.aws.date = BYTES(DATE);
    request.aws.expires = BYTES("3600");
    assert_int_equal(make(credential, &request, &injection), INJECTION_READY);
    assert_int_equal(injection.edit_count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(injection.edit[i].kind, EDIT_QUERY_SET);
        assert_true(bytes_is(injection.edit[i].name, order[i]));
    }
    // post-vanilla, presigned, of the test suite
    assert_true(bytes_is(injection.edit[0].value,
                         "2ce6e6d2e0cf2f9d1b55fafec88cd20574c31dc2e7631979f71ba2310083e95b"));
    assert_true(bytes_is(edit_of(&injection, "X-Amz-Credential")->value,
                         "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"));
    injection_free(&injection);
    credential_free(&credential);
}

static void
dates(void **state)
{
    static const struct {
        const char *date;
        bool kept;
    } cases[] = {
        {"20150830T122100Z", true},  {"20150830T122059Z", false}, {"20150830T125100Z", true},
        {"20150830T125101Z", false}, {"yesterday", false},
    };
    struct credential *credential = credential_with(KEY, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message_decide request = vanilla();
        struct injection injection;
        request.header[0].value = bytes_str(cases[i].date);
        assert_int_equal(make(credential, &request, &injection), INJECTION_READY);
        const struct edit *edit = edit_of(&injection, "x-amz-date");
        if ((edit == NULL) != cases[i].kept)
            fail_msg("%s was %s", cases[i].date, edit ? "set anew" : "kept");
        if (edit)
            assert_true(bytes_is(edit->value, DATE));
        injection_free(&injection);
    }
    credential_free(&credential);
}

static void
hashes(void **state)
{
    struct credential *credential = credential_with(KEY, NULL);
    struct message_decide request = vanilla();
    struct injection_context context = {.request = &request, .now = NOW};
    struct injection injection;

    (void)state;
    assert_false(injection_needs(credential, &context).sha256); // known to be empty
    request.body = (struct facts_body){.has_size = true, .size = 5};
    assert_true(injection_needs(credential, &context).sha256);
    assert_false(injection_needs(credential, &context).content);
    assert_int_equal(make(credential, &request, &injection), INJECTION_FAILED);
    injection_free(&injection);
    // S3 takes a body that is not signed, and must be told so.
    request.aws.service = BYTES("s3");
    assert_false(injection_needs(credential, &context).sha256);
    assert_int_equal(make(credential, &request, &injection), INJECTION_READY);
    assert_true(bytes_is(edit_of(&injection, "x-amz-content-sha256")->value, "UNSIGNED-PAYLOAD"));
    assert_true(bytes_find(edit_of(&injection, "authorization")->value,
                           BYTES("host;x-amz-content-sha256;x-amz-date")) <
                edit_of(&injection, "authorization")->value.n);
    injection_free(&injection);
    // What the client declares is signed, and not set again.
    request.aws.service = BYTES("service");
    add(&request, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    assert_false(injection_needs(credential, &context).sha256);
    assert_int_equal(make(credential, &request, &injection), INJECTION_READY);
    assert_null(edit_of(&injection, "x-amz-content-sha256"));
    injection_free(&injection);
    credential_free(&credential);
}

static struct bytes
signature_of(const struct credential *credential, const struct message_decide *request,
             struct injection *injection)
{
    assert_int_equal(make(credential, request, injection), INJECTION_READY);
    struct bytes value = edit_of(injection, "authorization")->value;
    return bytes_from(value, value.n - 64);
}

// Each of these is part of what is signed.
static void
what_a_signature_is_of(void **state)
{
    struct credential *credential = credential_with(KEY, NULL);
    struct message_decide base = vanilla(), changed[8];
    struct injection a, b;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < 8; i++)
        changed[i] = base;
    changed[n++].method = BYTES("PUT");
    changed[n++].path_encoded = BYTES("/a");
    changed[n++].host = BYTES("other.amazonaws.com");
    changed[n++].port = 8443;
    changed[n].query_count = 1;
    changed[n++].query[0] = (struct fact_pair){BYTES("a"), BYTES("b")};
    add(&changed[n++], "x-amz-acl", "private");
    add(&changed[n++], "content-type", "text/plain");
    changed[n++].body.sha256[0] ^= 1;
    struct bytes signature = signature_of(credential, &base, &a);
    for (size_t i = 0; i < n; i++) {
        if (bytes_equal(signature, signature_of(credential, &changed[i], &b)))
            fail_msg("change %zu leaves the signature as it was", i);
        injection_free(&b);
    }
    injection_free(&a);
    credential_free(&credential);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_secrets), cmocka_unit_test(bad_requests),
        cmocka_unit_test(in_a_header), cmocka_unit_test(with_a_session_token),
        cmocka_unit_test(presigned),   cmocka_unit_test(dates),
        cmocka_unit_test(hashes),      cmocka_unit_test(what_a_signature_is_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
