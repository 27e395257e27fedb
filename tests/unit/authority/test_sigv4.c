/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signatures that AWS published: its Signature Version 4 test suite (as in awslabs/aws-c-auth,
 * tests/aws-signing-test-suite/v4), and the examples of the S3 API reference, "Authenticating
 * Requests".
 */
#include "fixture.h"

#include "../../../broker/authority/sigv4.h"

#define SUITE_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define S3_SECRET    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define EMPTY        SIGV4_EMPTY_PAYLOAD
#define FORM         "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
#define UNRESERVED   "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define SESSION      "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
#define HOST                                                                                       \
    {                                                                                              \
        "host", "example.amazonaws.com"                                                            \
    }
#define DATE                                                                                       \
    {                                                                                              \
        "x-amz-date", "20150830T123600Z"                                                           \
    }
#define PRESIGNED(headers)                                                                         \
    {"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},                                                       \
        {"X-Amz-Credential", "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"},               \
        {"X-Amz-Date", "20150830T123600Z"}, {"X-Amz-SignedHeaders", headers},                      \
    {                                                                                              \
        "X-Amz-Expires", "3600"                                                                    \
    }
#define S3_HOST                                                                                    \
    {                                                                                              \
        "host", "examplebucket.s3.amazonaws.com"                                                   \
    }
#define S3_DATE                                                                                    \
    {                                                                                              \
        "x-amz-date", "20130524T000000Z"                                                           \
    }

struct given {
    const char *name, *value;
};

static const struct suite_case {
    const char *name, *method, *path;
    struct given query[8], header[8];
    const char *payload, *signature;
    enum sigv4_path path_form;
} suite[] = {
    {"get-vanilla",
     "GET",
     "/",
     {{0}},
     {HOST, DATE},
     EMPTY,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
     SIGV4_PATH_TWICE},
    {"get-vanilla-empty-query-key",
     "GET",
     "/",
     {{"Param1", "value1"}},
     {HOST, DATE},
     EMPTY,
     "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
     SIGV4_PATH_TWICE},
    {"get-vanilla-query-order-key-case",
     "GET",
     "/",
     {{"Param2", "value2"}, {"Param1", "value1"}},
     {HOST, DATE},
     EMPTY,
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
     SIGV4_PATH_TWICE},
    {"get-vanilla-query-order-encoded",
     "GET",
     "/",
     {{"Param-3", "Value3"}, {"Param", "Value2"}, {"\xe1\x88\xb4", "Value1"}},
     {HOST, DATE},
     EMPTY,
     "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
     SIGV4_PATH_TWICE},
    {"get-vanilla-query-unreserved",
     "GET",
     "/",
     {{UNRESERVED, UNRESERVED}},
     {HOST, DATE},
     EMPTY,
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
     SIGV4_PATH_TWICE},
    {"get-vanilla-utf8-query",
     "GET",
     "/",
     {{"\xe1\x88\xb4", "bar"}},
     {HOST, DATE},
     EMPTY,
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
     SIGV4_PATH_TWICE},
    {"get-unreserved",
     "GET",
     "/" UNRESERVED,
     {{0}},
     {HOST, DATE},
     EMPTY,
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
     SIGV4_PATH_TWICE},
    {"get-utf8",
     "GET",
     "/\xe1\x88\xb4",
     {{0}},
     {HOST, DATE},
     EMPTY,
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
     SIGV4_PATH_TWICE},
    {"get-space-normalized",
     "GET",
     "/example space/",
     {{0}},
     {HOST, DATE},
     EMPTY,
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
     SIGV4_PATH_TWICE},
    {"get-relative-relative-normalized",
     "GET",
     "/example1/example2/../..",
     {{0}},
     {HOST, DATE},
     EMPTY,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
     SIGV4_PATH_TWICE},
    {"get-slash-pointless-dot-normalized",
     "GET",
     "/./example",
     {{0}},
     {HOST, DATE},
     EMPTY,
     "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
     SIGV4_PATH_TWICE},
    {"get-slashes-normalized",
     "GET",
     "//example//",
     {{0}},
     {HOST, DATE},
     EMPTY,
     "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
     SIGV4_PATH_TWICE},
    {"get-slashes-unnormalized",
     "GET",
     "//example//",
     {{0}},
     {HOST, DATE},
     EMPTY,
     "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5",
     SIGV4_PATH_ONCE},
    {"get-slash-dot-slash-unnormalized",
     "GET",
     "/./",
     {{0}},
     {HOST, DATE},
     EMPTY,
     "68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145",
     SIGV4_PATH_ONCE},
    {"get-header-key-duplicate",
     "GET",
     "/",
     {{0}},
     {HOST, {"my-header1", "value2"}, {"my-header1", "value2"}, {"my-header1", "value1"}, DATE},
     EMPTY,
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
     SIGV4_PATH_TWICE},
    {"get-header-value-order",
     "GET",
     "/",
     {{0}},
     {HOST,
      {"my-header1", "value4"},
      {"my-header1", "value1"},
      {"my-header1", "value3"},
      {"my-header1", "value2"},
      DATE},
     EMPTY,
     "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
     SIGV4_PATH_TWICE},
    {"get-header-value-trim",
     "GET",
     "/",
     {{0}},
     {HOST, {"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}, DATE},
     EMPTY,
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
     SIGV4_PATH_TWICE},
    {"get-vanilla-with-session-token",
     "GET",
     "/",
     {{0}},
     {DATE, {"x-amz-security-token", SESSION}, HOST},
     EMPTY,
     "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
     SIGV4_PATH_TWICE},
    {"post-vanilla",
     "POST",
     "/",
     {{0}},
     {HOST, DATE},
     EMPTY,
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
     SIGV4_PATH_TWICE},
    {"post-vanilla-query",
     "POST",
     "/",
     {{"Param1", "value1"}},
     {HOST, DATE},
     EMPTY,
     "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
     SIGV4_PATH_TWICE},
    {"post-header-key-sort",
     "POST",
     "/",
     {{0}},
     {HOST, {"my-header1", "value1"}, DATE},
     EMPTY,
     "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
     SIGV4_PATH_TWICE},
    {"post-header-value-case",
     "POST",
     "/",
     {{0}},
     {HOST, {"my-header1", "VALUE1"}, DATE},
     EMPTY,
     "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
     SIGV4_PATH_TWICE},
    {"post-x-www-form-urlencoded",
     "POST",
     "/",
     {{0}},
     {{"content-type", "application/x-www-form-urlencoded"},
      HOST,
      {"content-length", "13"},
      {"x-amz-content-sha256", FORM},
      DATE},
     FORM,
     "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
     SIGV4_PATH_TWICE},
    {"post-x-www-form-urlencoded-parameters",
     "POST",
     "/",
     {{0}},
     {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
      HOST,
      {"content-length", "13"},
      {"x-amz-content-sha256", FORM},
      DATE},
     FORM,
     "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
     SIGV4_PATH_TWICE},
    /* presigned */
    {"post-vanilla, presigned",
     "POST",
     "/",
     {PRESIGNED("host")},
     {HOST},
     EMPTY,
     "2ce6e6d2e0cf2f9d1b55fafec88cd20574c31dc2e7631979f71ba2310083e95b",
     SIGV4_PATH_TWICE},
    {"get-vanilla-with-session-token, presigned",
     "GET",
     "/",
     {PRESIGNED("host"), {"X-Amz-Security-Token", SESSION}},
     {HOST},
     EMPTY,
     "7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c",
     SIGV4_PATH_TWICE},
    {"get-header-value-trim, presigned",
     "GET",
     "/",
     {PRESIGNED("host;my-header1;my-header2")},
     {HOST, {"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}},
     EMPTY,
     "e7bb0fd515e125e1aec2ecc4c0c17484fb06f6846b927c35e46005dd3df3acd4",
     SIGV4_PATH_TWICE},
};

static const struct suite_case s3[] = {
    {"GET Object",
     "GET",
     "/test.txt",
     {{0}},
     {S3_HOST, {"range", "bytes=0-9"}, {"x-amz-content-sha256", EMPTY}, S3_DATE},
     EMPTY,
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
     SIGV4_PATH_ONCE},
    {"PUT Object",
     "PUT",
     "/test$file.text",
     {{0}},
     {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
      S3_HOST,
      {"x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
      S3_DATE,
      {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
     "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
     SIGV4_PATH_ONCE},
    {"GET Bucket Lifecycle",
     "GET",
     "/",
     {{"lifecycle", ""}},
     {S3_HOST, {"x-amz-content-sha256", EMPTY}, S3_DATE},
     EMPTY,
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
     SIGV4_PATH_ONCE},
    {"Get Bucket (List Objects)",
     "GET",
     "/",
     {{"max-keys", "2"}, {"prefix", "J"}},
     {S3_HOST, {"x-amz-content-sha256", EMPTY}, S3_DATE},
     EMPTY,
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
     SIGV4_PATH_ONCE},
    {"presigned",
     "GET",
     "/test.txt",
     {{"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
      {"X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"},
      {"X-Amz-Date", "20130524T000000Z"},
      {"X-Amz-Expires", "86400"},
      {"X-Amz-SignedHeaders", "host"}},
     {S3_HOST},
     "UNSIGNED-PAYLOAD",
     "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
     SIGV4_PATH_ONCE},
};

static size_t
pairs(const struct given *given, struct fact_pair *out)
{
    size_t n = 0;

    for (; n < 8 && given[n].name; n++)
        out[n] = (struct fact_pair){bytes_str(given[n].name), bytes_str(given[n].value)};
    return n;
}

static void
sign(const struct suite_case *c, const struct sigv4_scope *scope, const char *secret)
{
    struct fact_pair query[8], header[8];
    char signature[SIGV4_HEX_SIZE] = "";
    struct sigv4_request request = {
        .method = bytes_str(c->method),
        .path = bytes_str(c->path),
        .path_form = c->path_form,
        .query = query,
        .query_count = pairs(c->query, query),
        .header = header,
        .header_count = pairs(c->header, header),
        .payload = bytes_str(c->payload),
    };

    assert_int_equal(sigv4_sign(&request, scope, bytes_str(secret), signature), KH_OK);
    if (strcmp(signature, c->signature) != 0) {
        struct buffer text;
        buffer_init(&text, 65536);
        sigv4_put_canonical(&request, &text);
        fail_msg("%s: %s, not %s; canonical:\n%s", c->name, signature, c->signature,
                 buffer_text(&text));
    }
}

static void
published_signatures(void **state)
{
    const struct sigv4_scope scope = {"20150830T123600Z", BYTES("us-east-1"), BYTES("service")};
    const struct sigv4_scope s3_scope = {"20130524T000000Z", BYTES("us-east-1"), BYTES("s3")};

    (void)state;
    for (size_t i = 0; i < sizeof suite / sizeof suite[0]; i++)
        sign(&suite[i], &scope, SUITE_SECRET);
    for (size_t i = 0; i < sizeof s3 / sizeof s3[0]; i++)
        sign(&s3[i], &s3_scope, S3_SECRET);
}

static void
canonical_paths(void **state)
{
    static const struct {
        const char *path;
        enum sigv4_path form;
        const char *want;
    } cases[] = {
        {"/", SIGV4_PATH_TWICE, "/"},
        {"", SIGV4_PATH_TWICE, "/"},
        {"/a/b", SIGV4_PATH_TWICE, "/a/b"},
        {"/a/b/", SIGV4_PATH_TWICE, "/a/b/"},
        {"/a/..", SIGV4_PATH_TWICE, "/"},
        {"/a/b/..", SIGV4_PATH_TWICE, "/a/"},
        {"/../../a", SIGV4_PATH_TWICE, "/a"},
        {"/a/./b/.", SIGV4_PATH_TWICE, "/a/b/"},
        {"/a%20b/c:d", SIGV4_PATH_TWICE, "/a%2520b/c%3Ad"},
        {"/a%2Fb", SIGV4_PATH_TWICE, "/a%252Fb"},
        {"/a%20b/c:d=e+f", SIGV4_PATH_ONCE, "/a%20b/c%3Ad%3De%2Bf"},
        {"/a//b/../c/", SIGV4_PATH_ONCE, "/a//b/../c/"},
        {"/%e1%88%B4", SIGV4_PATH_ONCE, "/%E1%88%B4"},
        {"/100%", SIGV4_PATH_ONCE, "/100%25"},
        {"/%zz%4", SIGV4_PATH_ONCE, "/%25zz%254"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sigv4_request request = {.method = BYTES("M"),
                                              .path = bytes_str(cases[i].path),
                                              .path_form = cases[i].form,
                                              .payload = BYTES("P")};
        char want[256];
        BUFFER_AUTO text;
        buffer_init(&text, 65536);
        sigv4_put_canonical(&request, &text);
        snprintf(want, sizeof want, "M\n%s\n\n\n\nP", cases[i].want);
        if (strcmp(buffer_text(&text), want) != 0)
            fail_msg("%s: %s, not %s", cases[i].path, buffer_text(&text), want);
    }
}

static void
too_many_are_no_signature(void **state)
{
    static struct fact_pair pair[SIGV4_PAIRS_MAX + 1];
    const struct sigv4_scope scope = {"20150830T123600Z", BYTES("r"), BYTES("s")};
    struct sigv4_request request = {.method = BYTES("GET"), .path = BYTES("/"), .query = pair};
    char signature[SIGV4_HEX_SIZE] = "untouched";

    (void)state;
    for (size_t i = 0; i <= SIGV4_PAIRS_MAX; i++)
        pair[i] = (struct fact_pair){BYTES("a"), BYTES("b")};
    request.query_count = SIGV4_PAIRS_MAX + 1;
    assert_int_equal(sigv4_sign(&request, &scope, BYTES("k"), signature), KH_ERR_MEMORY);
    request.query_count = SIGV4_PAIRS_MAX;
    request.header = pair;
    request.header_count = SIGV4_PAIRS_MAX + 1;
    assert_int_equal(sigv4_sign(&request, &scope, BYTES("k"), signature), KH_ERR_MEMORY);
    assert_string_equal(signature, "untouched");
    request.header_count = SIGV4_PAIRS_MAX;
    assert_int_equal(sigv4_sign(&request, &scope, BYTES("k"), signature), KH_OK);
}

static void
times(void **state)
{
    static const char *const wrong[] = {"",
                                        "20150830",
                                        "2015-08-30T12:36:00Z",
                                        "20150830T123600",
                                        "20150830T123600z",
                                        "20150830 123600Z",
                                        "20151330T123600Z",
                                        "20150230T123600Z",
                                        "20150830T243600Z",
                                        "2015083aT123600Z",
                                        "20150830T123600ZZ"};
    int64_t at = -1;
    char text[SIGV4_TIME_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(sigv4_time_parse(bytes_str(wrong[i]), &at));
    assert_int_equal(at, -1);
    assert_true(sigv4_time_parse(BYTES("20150830T123600Z"), &at));
    assert_int_equal(at, 1440938160);
    sigv4_time_print(at, text);
    assert_string_equal(text, "20150830T123600Z");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_signatures),
        cmocka_unit_test(canonical_paths),
        cmocka_unit_test(too_many_are_no_signature),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
