/* SPDX-License-Identifier: Apache-2.0 */
/* The discharger as a whole. */
#include "../../../caveats/ticket.h"
#include "services.h"

static void
a_url_without_a_host_is_refused(void **state)
{
    static const char *const urls[] = {"", "localhost:8438", "http://", "http://:80"};
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct service *service = NULL;
        uint8_t secret[TICKET_SECRET_KEY_SIZE] = {1};
        struct service_options options = {.secret_key = secret, .roots = "roots"};
        snprintf(options.self.url, sizeof options.self.url, "%s", urls[i]);
        assert_fault(service_new(&options, &service, fault), KH_ERR_USAGE, "URL");
        assert_null(service);
        service_free(&service);
    }
}

static void
it_says_who_it_is(void **state)
{
    struct services s;
    struct discharger read;
    char address[512];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_get(&s, "/.well-known/keyhole/discharger");
    assert_answer(&s, 200);
    assert_string_equal(s.response.content_type, "application/json");
    assert_int_equal(json_integer_value(json_object_get(s.json, "version")), 1);
    snprintf(address, sizeof address, "%s#%s", services_text(&s, "url"),
             services_text(&s, "public_key"));
    assert_ok(discharger_parse(bytes_str(address), &read, fault));
    assert_string_equal(read.url, SERVICES_URL);
    assert_memory_equal(read.public_key, s.self.public_key, sizeof read.public_key);
    services_close(&s);
}

static void
the_rp_id_is_the_host(void **state)
{
    static const struct {
        const char *url, *rp_id;
    } row[] = {
        {"https://discharge.example", "discharge.example"},
        {"https://discharge.example:8443", "discharge.example"},
        {"http://localhost:8438", "localhost"},
        {"http://[::1]:8438", "[::1]"},
    };
    struct services s;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        service_free(&s.service);
        snprintf(s.self.url, sizeof s.self.url, "%s", row[i].url);
        const struct service_options options = {
            .self = s.self, .secret_key = s.secret_key, .store = s.store, .roots = ""};
        assert_ok(service_new(&options, &s.service, fault));
        services_ask(&s, "user = alice for 1h", "fido2");
        assert_answer(&s, 201);
        assert_string_equal(services_text(&s, "fido2.rp_id"), row[i].rp_id);
        assert_string_equal(services_text(&s, "fido2.origin"), row[i].url);
    }
    services_close(&s);
}

static void
what_happened_is_counted(void **state)
{
    struct services s;
    struct service_counts counts;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_ask(&s, "user = alice for 1h", "browser");
    services_get(&s, "/nowhere");
    service_count(s.service, &counts);
    assert_int_equal(counts.questions, 1);
    assert_int_equal(counts.failures, 1);
    assert_int_equal(counts.discharges, 0);
    service_tick(s.service, s.now + SERVICE_QUESTION_LIFETIME_S);
    service_count(s.service, &counts);
    assert_int_equal(counts.questions, 0);
    services_close(&s);
}

static void
rows_that_are_past_are_dropped(void **state)
{
    struct services s;
    bool declined = false;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    assert_ok(discharge_decline(s.store, stores_hash(1), s.now + 10, fault));
    service_tick(s.service, s.now);
    assert_ok(discharge_is_declined(s.store, stores_hash(1), &declined, fault));
    assert_true(declined);
    service_tick(s.service, s.now + 3600);
    assert_ok(discharge_is_declined(s.store, stores_hash(1), &declined, fault));
    assert_false(declined);
    services_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_url_without_a_host_is_refused), fixture_test(it_says_who_it_is),
        fixture_test(the_rp_id_is_the_host),           fixture_test(what_happened_is_counted),
        fixture_test(rows_that_are_past_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
