/* SPDX-License-Identifier: Apache-2.0 */
/* Which request goes where, and from which site it may come. */
#include "../../../broker/discharge/pages.h"
#include "services.h"

#define ID "AAAAAAAAAAAAAAAAAAAAAA"

static void
paths_that_are_nowhere(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "//",
        "/approve",
        "/approve/",
        "/approve/short",
        "/approve/" ID "/",
        "/approve/" ID "/more",
        "/approve/" ID "/answer/more",
        "/poll/" ID "/",
        "/poll/AAAAAAAAAAAAAAAAAAAAA%41",
        "/enroll/",
        "/ENROLL",
        "/.well-known/macfly/3p/",
        "/.well-known/macfly/3p/fido2",
        "/assets/page.css",
        "/assets//page.css",
        "/assets/0000000000000000/page.css",
        "/assets/*/page.css",
    };
    struct services s;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        services_get(&s, paths[i]);
        if (s.response.status != 404 && s.response.status != 405)
            fail_msg("%s: %d", paths[i], s.response.status);
    }
    services_close(&s);
}

static void
methods_that_are_not_taken(void **state)
{
    static const struct {
        const char *method, *path, *allow;
    } row[] = {
        {"GET", "/.well-known/macfly/3p", "POST"},
        {"PUT", "/.well-known/macfly/3p", "POST"},
        {"POST", "/.well-known/keyhole/discharger", "GET"},
        {"POST", "/poll/" ID, "GET"},
        {"DELETE", "/approve/" ID, "GET"},
        {"GET", "/approve/" ID "/decline", "POST"},
        {"HEAD", "/poll/" ID, "GET"}, // what is given once is not taken by a look
        {"HEAD", "/.well-known/macfly/3p", "POST"},
        {"get", "/enroll", "GET"},
    };
    struct services s;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        services_request(&s, row[i].method, row[i].path, BYTES_EMPTY);
        assert_failure(&s, 405, "method-not-allowed");
        assert_string_equal(s.response.allow, row[i].allow);
    }
    services_request(&s, "HEAD", "/enroll", BYTES_EMPTY);
    assert_int_equal(s.response.status, 200);
    services_close(&s);
}

// Another site's page can send requests; it must not answer, decline, ask or collect.
static void
other_sites_are_refused(void **state)
{
    static const struct {
        const char *method, *path;
        bool page;
    } row[] = {
        {"POST", "/.well-known/macfly/3p", false},
        {"POST", "/.well-known/macfly/3p/fido2/" ID, false},
        {"POST", "/.well-known/macfly/3p/ssh/" ID, false},
        {"GET", "/poll/" ID, false},
        {"POST", "/approve/" ID "/challenge", false},
        {"POST", "/approve/" ID "/answer", false},
        {"POST", "/approve/" ID "/decline", true},
        {"POST", "/.well-known/keyhole/enroll", false},
        {"POST", "/.well-known/keyhole/enroll/" ID, false},
    };
    static const struct {
        const char *origin, *fetch_site;
        bool ours;
    } from[] = {
        {"https://evil.example", "", false},
        {"http://localhost:8439", "", false},
        {"https://localhost:8438", "", false},
        {"null", "", false},
        {SERVICES_URL, "cross-site", false},
        {SERVICES_URL, "same-site", false},
        {"", "cross-site", false},
        {"", "", true},
        {"", "none", true},
        {SERVICES_URL, "same-origin", true},
    };
    struct services s;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        for (size_t j = 0; j < sizeof from / sizeof from[0]; j++) {
            s.origin = from[j].origin;
            s.fetch_site = from[j].fetch_site;
            services_request(&s, row[i].method, row[i].path, BYTES("{}"));
            bool refused = s.response.failure == FAILURE_ORIGIN_FORBIDDEN;
            if (refused == from[j].ours)
                fail_msg("%s %s from '%s' '%s': %s", row[i].method, row[i].path, from[j].origin,
                         from[j].fetch_site, services_body(&s));
            if (refused)
                assert_int_equal(s.response.status, 403);
            assert_int_equal(s.response.page, row[i].page);
        }
    }
    services_close(&s);
}

static void
a_page_may_be_opened_by_a_link(void **state)
{
    struct services s;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    s.fetch_site = "cross-site";
    services_get(&s, "/enroll");
    assert_int_equal(s.response.status, 200);
    services_get(&s, "/approve/" ID);
    assert_int_equal(s.response.failure, FAILURE_NOT_FOUND);
    services_close(&s);
}

static void
files_of_pages(void **state)
{
    struct services s;
    char path[128];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    snprintf(path, sizeof path, "/assets/%s/page.css", asset_folder);
    services_get(&s, path);
    assert_int_equal(s.response.status, 200);
    assert_string_equal(s.response.content_type, "text/css; charset=utf-8");
    assert_true(s.response.cacheable);
    snprintf(path, sizeof path, "/assets/%s/approve.js", asset_folder);
    services_get(&s, path);
    assert_int_equal(s.response.status, 200);
    assert_string_equal(s.response.content_type, "text/javascript; charset=utf-8");
    // A template is nothing for a browser.
    snprintf(path, sizeof path, "/assets/%s/approve.html", asset_folder);
    services_get(&s, path);
    assert_failure(&s, 404, "not-found");
    services_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(paths_that_are_nowhere),  fixture_test(methods_that_are_not_taken),
        fixture_test(other_sites_are_refused), fixture_test(a_page_may_be_opened_by_a_link),
        fixture_test(files_of_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
