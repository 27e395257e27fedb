/* SPDX-License-Identifier: Apache-2.0 */
#include "../files.h"

#include "../../../broker/discharge/admission.h"

static const struct bytes authority = {(const uint8_t *)"localhost:8438", 14};

static struct http1_head head;
static struct service_request request;
static struct refusal refusal;
static char type[ADMISSION_TYPE_MAX + 1];

static bool
judge(const char *text)
{
    size_t scanned = 0;
    const char *why = "";
    enum http1_result result = http1_parse_request(bytes_str(text), &head, &scanned, &why);

    if (result != HTTP1_DONE)
        print_error("%s: %s\n", why, text);
    assert_int_equal(result, HTTP1_DONE);
    request = (struct service_request){.now = 7};
    refusal = (struct refusal){0};
    return admission_judge(&head, authority, type, &request, &refusal);
}

static void
refuses_what_is_not_for_it(void **state)
{
    static const struct {
        const char *text;
        int status;
        enum failure failure;
    } wrong[] = {
        // another name that leads here, and this one spelt otherwise
        {"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, FAILURE_REQUEST_INVALID},
        {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 421, FAILURE_REQUEST_INVALID},
        {"GET / HTTP/1.1\r\nHost: localhost:8439\r\n\r\n", 421, FAILURE_REQUEST_INVALID},
        {"GET / HTTP/1.1\r\nHost: 127.0.0.1:8438\r\n\r\n", 421, FAILURE_REQUEST_INVALID},
        {"GET / HTTP/1.1\r\nHost: LOCALHOST:8438\r\n\r\n", 421, FAILURE_REQUEST_INVALID},
        {"GET / HTTP/1.1\r\nHost: localhost:08438\r\n\r\n", 421, FAILURE_REQUEST_INVALID},
        // no proxy
        {"GET http://localhost:8438/enroll HTTP/1.1\r\nHost: localhost:8438\r\n\r\n", 400,
         FAILURE_REQUEST_INVALID},
        {"CONNECT localhost:8438 HTTP/1.1\r\nHost: localhost:8438\r\n\r\n", 405,
         FAILURE_METHOD_NOT_ALLOWED},
        // other methods
        {"OPTIONS * HTTP/1.1\r\nHost: localhost:8438\r\n\r\n", 405, FAILURE_METHOD_NOT_ALLOWED},
        {"OPTIONS /enroll HTTP/1.1\r\nHost: localhost:8438\r\n\r\n", 405,
         FAILURE_METHOD_NOT_ALLOWED},
        {"TRACE / HTTP/1.1\r\nHost: localhost:8438\r\n\r\n", 405, FAILURE_METHOD_NOT_ALLOWED},
        {"PUT / HTTP/1.1\r\nHost: localhost:8438\r\nContent-Length: 0\r\n\r\n", 405,
         FAILURE_METHOD_NOT_ALLOWED},
        // paths that have no second spelling
        {"GET /enroll? HTTP/1.1\r\nHost: localhost:8438\r\n\r\n", 404, FAILURE_NOT_FOUND},
        {"GET /enroll?code=x HTTP/1.1\r\nHost: localhost:8438\r\n\r\n", 404, FAILURE_NOT_FOUND},
        {"GET /%65nroll HTTP/1.1\r\nHost: localhost:8438\r\n\r\n", 404, FAILURE_NOT_FOUND},
        {"GET /a/../enroll HTTP/1.1\r\nHost: localhost:8438\r\n\r\n", 404, FAILURE_NOT_FOUND},
        {"GET //enroll HTTP/1.1\r\nHost: localhost:8438\r\n\r\n", 404, FAILURE_NOT_FOUND},
        {"GET /enroll%2f HTTP/1.1\r\nHost: localhost:8438\r\n\r\n", 404, FAILURE_NOT_FOUND},
        {"GET /enroll%20 HTTP/1.1\r\nHost: localhost:8438\r\n\r\n", 404, FAILURE_NOT_FOUND},
        // bodies
        {"POST / HTTP/1.1\r\nHost: localhost:8438\r\nContent-Length: 65537\r\n\r\n", 413,
         FAILURE_REQUEST_INVALID},
        {"GET / HTTP/1.1\r\nHost: localhost:8438\r\nContent-Length: 1\r\n\r\n", 400,
         FAILURE_REQUEST_INVALID},
        {"GET / HTTP/1.1\r\nHost: localhost:8438\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
         FAILURE_REQUEST_INVALID},
        {"POST / HTTP/1.1\r\nHost: localhost:8438\r\nContent-Length: 2\r\n"
         "Content-Encoding: gzip\r\n\r\n",
         400, FAILURE_REQUEST_INVALID},
        {"POST / HTTP/1.1\r\nHost: localhost:8438\r\nContent-Length: 2\r\nExpect: a\r\n\r\n", 417,
         FAILURE_REQUEST_INVALID},
        // headers on which the service relies
        {"POST / HTTP/1.1\r\nHost: localhost:8438\r\nContent-Length: 2\r\n"
         "Origin: http://localhost:8438\r\norigin: https://evil.example\r\n\r\n",
         400, FAILURE_REQUEST_INVALID},
        {"POST / HTTP/1.1\r\nHost: localhost:8438\r\nContent-Length: 2\r\n"
         "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n\r\n",
         400, FAILURE_REQUEST_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (judge(wrong[i].text) || refusal.status != wrong[i].status)
            print_error("%s\n  gave %d, not %d\n", wrong[i].text, refusal.status, wrong[i].status);
        assert_int_equal(refusal.status, wrong[i].status);
        assert_int_equal(refusal.failure, wrong[i].failure);
        assert_true((refusal.allow != NULL) == (refusal.status == 405));
        assert_int_equal(request.path.n, 0);
    }
}

static void
reads_what_the_service_needs(void **state)
{
    (void)state;
    assert_true(judge("POST /.well-known/macfly/3p HTTP/1.1\r\nHost: localhost:8438\r\n"
                      "Content-Length: 65536\r\nContent-Type: Application/JSON ; charset=utf-8\r\n"
                      "Origin: http://localhost:8438\r\nSec-Fetch-Site: same-origin\r\n\r\n"));
    assert_true(bytes_is(request.method, "POST"));
    assert_true(bytes_is(request.path, "/.well-known/macfly/3p"));
    assert_true(bytes_is(request.content_type, "application/json"));
    assert_true(bytes_is(request.origin, "http://localhost:8438"));
    assert_true(bytes_is(request.fetch_site, "same-origin"));
    assert_int_equal(request.now, 7); // what it does not know, it leaves
    assert_true(judge("HEAD /enroll HTTP/1.1\r\nHost: localhost:8438\r\n\r\n"));
    assert_true(bytes_is(request.method, "HEAD"));
    assert_int_equal(request.content_type.n, 0);
    assert_int_equal(request.origin.n, 0);
    assert_true(judge("GET /enroll HTTP/1.1\r\nHost: localhost:8438\r\nConnection: upgrade\r\n"
                      "Upgrade: h2c\r\n\r\n"));
    assert_true(judge("POST / HTTP/1.1\r\nHost: localhost:8438\r\nTransfer-Encoding: chunked\r\n"
                      "Expect: 100-continue\r\n\r\n"));
}

static void
a_type_is_bounded(void **state)
{
    char text[1024], media[200];

    (void)state;
    memset(media, 'a', sizeof media);
    for (int n = ADMISSION_TYPE_MAX; n <= ADMISSION_TYPE_MAX + 1; n++) {
        snprintf(text, sizeof text,
                 "POST / HTTP/1.1\r\nHost: localhost:8438\r\nContent-Length: 2\r\n"
                 "Content-Type: %.*s\r\n\r\n",
                 n, media);
        assert_int_equal(judge(text), n == ADMISSION_TYPE_MAX);
    }
    assert_int_equal(refusal.status, 400);
}

static void
an_origin_has_an_authority(void **state)
{
    (void)state;
    assert_true(bytes_is(admission_authority(BYTES("http://localhost:8438")), "localhost:8438"));
    assert_true(bytes_is(admission_authority(BYTES("https://a.example")), "a.example"));
    assert_true(bytes_is(admission_authority(BYTES("http://[::1]:80")), "[::1]:80"));
    assert_int_equal(admission_authority(BYTES("localhost")).n, 0);
    assert_int_equal(admission_authority(BYTES_EMPTY).n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_for_it),
        cmocka_unit_test(reads_what_the_service_needs),
        cmocka_unit_test(a_type_is_bounded),
        cmocka_unit_test(an_origin_has_an_authority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
