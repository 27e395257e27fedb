/* SPDX-License-Identifier: Apache-2.0 */
/* The page on which a security key is registered. */
#include "services.h"

static void
it_is_the_same_for_everybody(void **state)
{
    static const char *const parts[] = {
        "<h1>Register a security key</h1>",
        "<strong>localhost</strong>",
        "<label for=\"code\">Invitation code</label>",
        "<label for=\"name\">",
        "role=\"status\" aria-live=\"polite\"",
        "<noscript>",
        "/enroll.js\"></script>",
    };
    struct services s;
    char first[65536];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_get(&s, "/enroll");
    assert_int_equal(s.response.status, 200);
    assert_true(s.response.page);
    assert_false(s.response.cacheable);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strstr(services_body(&s), parts[i]) == NULL)
            fail_msg("no %s in: %s", parts[i], services_body(&s));
    }
    snprintf(first, sizeof first, "%s", services_body(&s));
    services_add_user(&s, "alice");
    s.client = "192.0.2.99";
    services_get(&s, "/enroll");
    assert_string_equal(services_body(&s), first);
    services_close(&s);
}

// A form that is sent by GET would put the code into addresses, and so into histories and logs.
static void
a_code_gets_into_no_address(void **state)
{
    struct services s;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_get(&s, "/enroll");
    assert_non_null(strstr(services_body(&s), "method=\"post\""));
    assert_null(strstr(services_body(&s), "method=\"get\""));
    services_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(it_is_the_same_for_everybody),
        fixture_test(a_code_gets_into_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
