/* SPDX-License-Identifier: Apache-2.0 */
/* The token as the access key id of an AWS signature. */

#include "request_test.h"

#define T          "kh1_abc"
#define SCOPE      "/20261121/eu-west-1/s3/aws4_request"
#define SIG        "Signature=00ff"
#define GET        "GET /b/k HTTP/1.1\r\nHost: h\r\n"
#define AUTH       GET "Authorization: "
#define HMAC       AUTH "AWS4-HMAC-SHA256 "
#define END        "\r\n\r\n"
#define URL(query) "GET /b/k?" query " HTTP/1.1\r\nHost: h\r\n\r\n"
#define PRESIGNED(key)                                                                             \
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" key                                       \
    "%2F20261121%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20261121T100000Z&X-Amz-Expires=900"    \
    "&X-Amz-SignedHeaders=host%3Bx-amz-acl&X-Amz-Signature=00ff"

static const struct route aws = {.slot = {{.kind = SLOT_AWS}}, .slot_count = 1};
static const struct route bearer = {.slot = {{.kind = SLOT_BEARER}}, .slot_count = 1};

static enum kh_reason
take(const char *text, const struct route *const route, struct parsed *parsed,
     struct request_token *token)
{
    build_ok(text, parsed);
    return request_take_token(&parsed->request, &parsed->head, &route, 1, token, &parsed->fault);
}

static const struct {
    const char *text;
    const struct route *route;
    enum kh_reason reason;
    const char *detail;
} refused[] = {
    {HMAC "Credential=AKIDEXAMPLE" SCOPE ", SignedHeaders=host, " SIG END, &aws,
     KH_REASON_FOREIGN_KEY, ""},
    {AUTH "AWS AKIDEXAMPLE:frJIUN8DYpKDtOLCwo" END, &aws, KH_REASON_FOREIGN_KEY, ""},
    {AUTH "Bearer sk-real" END, &aws, KH_REASON_FOREIGN_KEY, ""},
    {AUTH "AWS " T ":frJIUN8DYpKDtOLCwo" END, &aws, KH_REASON_NOT_SIGNABLE, "SigV2"},
    {URL("AWSAccessKeyId=" T "&Signature=x&Expires=1"), &aws, KH_REASON_NOT_SIGNABLE, "SigV2"},
    {URL("AWSAccessKeyId=AKIDEXAMPLE&Signature=x&Expires=1"), &aws, KH_REASON_TOKEN_MISSING, ""},
    {AUTH "Bearer " T END, &aws, KH_REASON_TOKEN_MISPLACED, "form"},
    {AUTH "aws4-hmac-sha256 Credential=" T SCOPE ", SignedHeaders=host, " SIG END, &aws,
     KH_REASON_TOKEN_MISPLACED, "form"},
    {HMAC "Credential=" T SCOPE ", Credential=" T SCOPE ", SignedHeaders=host, " SIG END, &aws,
     KH_REASON_TOKEN_MISPLACED, "form"},
    {HMAC "Credential=" T SCOPE ", SignedHeaders=host, " SIG ", X=y" END, &aws,
     KH_REASON_TOKEN_MISPLACED, "form"},
    {HMAC "Credential=" T SCOPE ", SignedHeaders=ho st, " SIG END, &aws, KH_REASON_TOKEN_MISPLACED,
     "form"},
    // Not the scope of a signature: what stands there is nobody's token.
    {HMAC "Credential=" T "/20261121/eu-west-1/s3, SignedHeaders=host, " SIG END, &aws,
     KH_REASON_FOREIGN_KEY, ""},
    {HMAC "Credential=" T "/20261121/eu west/s3/aws4_request, SignedHeaders=host, " SIG END, &aws,
     KH_REASON_FOREIGN_KEY, ""},
    {HMAC "Credential=" T "/20261121//s3/aws4_request, SignedHeaders=host, " SIG END, &aws,
     KH_REASON_FOREIGN_KEY, ""},
    {HMAC "SignedHeaders=host, " SIG END, &aws, KH_REASON_TOKEN_MISSING, ""},
    {GET "\r\n", &aws, KH_REASON_TOKEN_MISSING, ""},
    {HMAC "Credential=" T SCOPE ", SignedHeaders=host, " SIG END, &bearer,
     KH_REASON_TOKEN_MISPLACED, ""},
    {AUTH "AWS4-ECDSA-P256-SHA256 Credential=" T
          "/20261121/s3/aws4_request, SignedHeaders=host, " SIG END,
     &aws, KH_REASON_NOT_SIGNABLE, "SigV4a"},
    /* presigned */
    {URL(PRESIGNED("AKIDEXAMPLE")), &aws, KH_REASON_FOREIGN_KEY, ""},
    {URL(PRESIGNED(T)), &bearer, KH_REASON_TOKEN_MISPLACED, "presigned"},
    {URL(PRESIGNED(T) "&x-amz-date=20261121T100000Z"), &aws, KH_REASON_NOT_SIGNABLE, "twice"},
    {URL(PRESIGNED(T) "&X-Amz-Credential=AKIDEXAMPLE"), &aws, KH_REASON_NOT_SIGNABLE, "twice"},
    {URL("X-Amz-Credential=" T "%2F20261121%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=0"),
     &aws, KH_REASON_NOT_SIGNABLE, "presigned"},
    {URL("X-Amz-Signature=0"), &aws, KH_REASON_TOKEN_MISSING, ""},
    {"GET /b/k?" PRESIGNED(
         T) " HTTP/1.1\r\nHost: h\r\nAuthorization: AWS4-HMAC-SHA256 Credential=" T SCOPE
            ", SignedHeaders=host, " SIG END,
     &aws, KH_REASON_TOKEN_MISPLACED, "presigned query and in another"},
};

static void
what_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct parsed parsed;
        struct request_token token = {0};
        enum kh_reason reason = take(refused[i].text, refused[i].route, &parsed, &token);

        if (reason != refused[i].reason || strstr(parsed.fault.detail, refused[i].detail) == NULL)
            fail_msg("%s%s: %s", refused[i].text, reason ? kh_reason_code(reason) : "allowed",
                     parsed.fault.detail);
        assert_null(token.text.p);
        request_free(&parsed.request);
    }
}

static void
in_a_field(void **state)
{
    static const char *const texts[] = {
        HMAC "Credential=" T SCOPE ", SignedHeaders=host;x-amz-date, " SIG,
        HMAC "Credential=" T SCOPE ",SignedHeaders=host;x-amz-date," SIG,
        HMAC "SignedHeaders=host;x-amz-date,  " SIG ", Credential=" T SCOPE,
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct parsed parsed;
        struct request_token token;
        char text[1024];

        snprintf(text, sizeof text, "%s\r\nx-amz-security-token: dummy\r\nx-amz-date: d\r\n\r\n",
                 texts[i]);
        assert_reason(take(text, &aws, &parsed, &token), KH_REASON_UNSET);
        assert_text(token.text, T);
        assert_int_equal(token.slot.kind, SLOT_AWS);
        assert_false(token.aws.presigned);
        assert_text(token.aws.scope_date, "20261121");
        assert_text(token.aws.region, "eu-west-1");
        assert_text(token.aws.service, "s3");
        assert_text(token.aws.signed_headers, "host;x-amz-date");
        // The signature is gone, and so is the session token of a key that is none.
        assert_int_equal(parsed.request.field_count, 1);
        assert_text(parsed.request.field[0].name, "x-amz-date");
        request_free(&parsed.request);
    }
}

static void
in_a_query(void **state)
{
    struct parsed parsed;
    struct request_token token;

    (void)state;
    assert_reason(
        take(URL("a=b&" PRESIGNED(T) "&X-Amz-Security-Token=dummy&c=d"), &aws, &parsed, &token),
        KH_REASON_UNSET);
    assert_text(token.text, T);
    assert_int_equal(token.slot.kind, SLOT_AWS);
    assert_true(token.aws.presigned);
    assert_text(token.aws.scope_date, "20261121");
    assert_text(token.aws.region, "eu-west-1");
    assert_text(token.aws.service, "s3");
    assert_text(token.aws.signed_headers, "host;x-amz-acl");
    assert_text(token.aws.date, "20261121T100000Z");
    assert_text(token.aws.expires, "900");
    assert_int_equal(parsed.request.query_count, 2);
    assert_text(parsed.request.query[0].name, "a");
    assert_text(parsed.request.query[1].name, "c");
    assert_int_equal(parsed.request.query_token_place, 1);
    request_free(&parsed.request);
}

/* A date alone does not make a presigned URL: it is the client's own parameter. */
static void
other_parameters_stay(void **state)
{
    struct parsed parsed;
    struct request_token token;

    (void)state;
    assert_reason(take("GET /?X-Amz-Date=1 HTTP/1.1\r\nHost: h\r\nAuthorization: AWS4-HMAC-SHA256 "
                       "Credential=" T SCOPE ", SignedHeaders=host, " SIG END,
                       &aws, &parsed, &token),
                  KH_REASON_UNSET);
    assert_int_equal(parsed.request.query_count, 1);
    request_free(&parsed.request);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(in_a_field),
        cmocka_unit_test(in_a_query),
        cmocka_unit_test(other_parameters_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
