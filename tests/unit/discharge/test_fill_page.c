/* SPDX-License-Identifier: Apache-2.0 */
/* A person answers on the page, and whoever asked polls. */
#include "services.h"

#define FOR_ALICE "user = alice and factor = fido2 for 8h"

struct world {
    struct services s;
    struct softauthn *key;
    char id[256], page[256], poll[256], ticket[2048];
};

static void
open_world(struct world *w, const char *condition)
{
    services_open(&w->s, ATTESTATION_OPTIONAL);
    services_add_user(&w->s, "alice");
    w->key = services_key();
    services_enroll(&w->s, "alice", "desk", w->key, w->id);
    struct ticket ticket = services_plain_ticket(condition);
    services_seal(&w->s, &ticket, w->ticket);
    services_ask_ticket(&w->s, w->ticket, "browser");
    assert_answer(&w->s, 201);
    snprintf(w->page, sizeof w->page, "%s", services_text(&w->s, "user_interactive.user_url"));
    snprintf(w->poll, sizeof w->poll, "%s", services_text(&w->s, "user_interactive.poll_url"));
}

static void
close_world(struct world *w)
{
    softauthn_free(&w->key);
    services_close(&w->s);
}

static const char *
below(struct world *w, const char *part)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", w->page, part);
    return path;
}

static void
challenge(struct world *w, char out[64])
{
    services_post(&w->s, below(w, "challenge"), json_object());
    assert_answer(&w->s, 200);
    snprintf(out, 64, "%s", services_text(&w->s, "publicKey.challenge"));
}

static void
answer(struct world *w, const char *over, const struct services_lies *lies)
{
    services_post(&w->s, below(w, "answer"), services_authentication(w->key, w->id, over, lies));
}

static void
decline(struct world *w)
{
    services_request(&w->s, "POST", below(w, "decline"), BYTES_EMPTY);
}

static void
an_answer_without_a_challenge(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, FOR_ALICE);
    answer(&w, "AAAA", NULL);
    assert_failure(&w.s, 403, "challenge-unknown");
    services_request(&w.s, "POST", below(&w, "answer"), BYTES("{"));
    assert_failure(&w.s, 403, "challenge-unknown");
    services_request(&w.s, "POST", below(&w, "challenge"), BYTES("{\"more\":\"x\"}"));
    assert_failure(&w.s, 400, "request-invalid");
    close_world(&w);
}

static void
what_is_asked_of_a_browser(void **state)
{
    struct world w;
    char over[64];
    (void)state;
    open_world(&w, "user = alice and verification = pin for 8h");
    w.s.now += 60;
    challenge(&w, over);
    const json_t *options = json_object_get(w.s.json, "publicKey");
    assert_int_equal(json_integer_value(json_object_get(options, "timeout")), 240000);
    assert_string_equal(services_text(&w.s, "publicKey.rpId"), "localhost");
    assert_string_equal(services_text(&w.s, "publicKey.userVerification"), "required");
    const json_t *list = json_object_get(options, "allowCredentials");
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "id")), w.id);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "type")),
                        "public-key");
    close_world(&w);
}

static void
a_touch_is_polled_for_once(void **state)
{
    struct world w;
    char over[64], caveats[1024];
    (void)state;
    open_world(&w, FOR_ALICE);
    services_get(&w.s, w.poll);
    assert_answer(&w.s, 202);
    assert_string_equal(services_body(&w.s), "{}");
    challenge(&w, over);
    answer(&w, over, NULL);
    assert_answer(&w.s, 200);
    assert_string_equal(services_body(&w.s), "{}");
    // The discharge is not the page's to have, and the page's answer is not taken twice.
    answer(&w, over, NULL);
    assert_failure(&w.s, 403, "challenge-unknown");
    services_post(&w.s, below(&w, "challenge"), json_object());
    assert_failure(&w.s, 403, "challenge-unknown");
    services_get(&w.s, w.poll);
    assert_answer(&w.s, 200);
    services_discharge(&w.s, caveats);
    assert_non_null(strstr(caveats, "parent = " SERVICES_PARENT));
    services_get(&w.s, w.poll);
    assert_failure(&w.s, 404, "not-found");
    close_world(&w);
}

static void
each_challenge_ends_the_one_before(void **state)
{
    struct world w;
    char first[64], second[64];
    (void)state;
    open_world(&w, FOR_ALICE);
    challenge(&w, first);
    challenge(&w, second);
    assert_string_not_equal(first, second);
    answer(&w, first, NULL);
    assert_failure(&w.s, 403, "client-data-challenge");
    // That answer used the second one up.
    answer(&w, second, NULL);
    assert_failure(&w.s, 403, "challenge-unknown");
    challenge(&w, first);
    answer(&w, first, NULL);
    assert_answer(&w.s, 200);
    close_world(&w);
}

static void
a_bad_answer_may_be_tried_again(void **state)
{
    static const struct services_lies elsewhere = {.origin = "https://evil.example"};
    struct world w;
    char over[64];
    (void)state;
    open_world(&w, FOR_ALICE);
    challenge(&w, over);
    answer(&w, over, &elsewhere);
    assert_failure(&w.s, 403, "client-data-origin");
    services_get(&w.s, w.poll);
    assert_answer(&w.s, 202);
    challenge(&w, over);
    services_request(&w.s, "POST", below(&w, "answer"), BYTES("{}"));
    assert_int_not_equal(w.s.response.status, 200);
    challenge(&w, over);
    answer(&w, over, NULL);
    assert_answer(&w.s, 200);
    close_world(&w);
}

static void
a_decline_is_final_for_the_ticket(void **state)
{
    struct world w;
    char over[64];
    (void)state;
    open_world(&w, FOR_ALICE);
    challenge(&w, over);
    decline(&w);
    assert_int_equal(w.s.response.status, 303);
    assert_string_equal(w.s.response.location, w.page);
    answer(&w, over, NULL);
    assert_failure(&w.s, 403, "declined");
    services_get(&w.s, w.poll);
    assert_failure(&w.s, 200, "declined");
    services_get(&w.s, w.poll);
    assert_failure(&w.s, 404, "not-found");
    services_ask_ticket(&w.s, w.ticket, "fido2");
    assert_failure(&w.s, 403, "declined");
    // Declining again leads to the page as well.
    decline(&w);
    assert_int_equal(w.s.response.status, 303);
    // A restart forgets questions, not what was declined.
    service_free(&w.s.service);
    const struct service_options options = {.self = w.s.self,
                                            .secret_key = w.s.secret_key,
                                            .store = w.s.store,
                                            .roots = fixture_path("roots")};
    assert_ok(service_new(&options, &w.s.service, fault));
    services_ask_ticket(&w.s, w.ticket, "fido2");
    assert_failure(&w.s, 403, "declined");
    services_ask(&w.s, FOR_ALICE, "fido2");
    assert_answer(&w.s, 201);
    close_world(&w);
}

// Whoever asked for that ticket elsewhere hears it at once, and nobody else.
static void
a_decline_ends_what_was_asked_before(void **state)
{
    struct world w;
    char over[64], first[256], another[256], answer_url[256];
    (void)state;
    open_world(&w, FOR_ALICE);
    challenge(&w, over);
    snprintf(first, sizeof first, "%s", w.page);
    services_ask(&w.s, FOR_ALICE, "browser");
    assert_answer(&w.s, 201);
    snprintf(another, sizeof another, "%s", services_text(&w.s, "user_interactive.poll_url"));
    services_ask_ticket(&w.s, w.ticket, "fido2");
    assert_answer(&w.s, 201);
    snprintf(answer_url, sizeof answer_url, "%s", services_text(&w.s, "fido2.answer_url"));
    services_ask_ticket(&w.s, w.ticket, "browser");
    assert_answer(&w.s, 201);
    snprintf(w.page, sizeof w.page, "%s", services_text(&w.s, "user_interactive.user_url"));
    decline(&w);
    assert_int_equal(w.s.response.status, 303);
    snprintf(w.page, sizeof w.page, "%s", first);
    answer(&w, over, NULL);
    assert_failure(&w.s, 403, "declined");
    services_get(&w.s, w.poll);
    assert_failure(&w.s, 200, "declined");
    services_post(&w.s, answer_url, json_object());
    assert_failure(&w.s, 403, "declined");
    services_get(&w.s, another);
    assert_answer(&w.s, 202);
    close_world(&w);
}

static void
what_is_approved_cannot_be_declined(void **state)
{
    struct world w;
    char over[64];
    (void)state;
    open_world(&w, FOR_ALICE);
    challenge(&w, over);
    answer(&w, over, NULL);
    assert_answer(&w.s, 200);
    decline(&w);
    assert_int_equal(w.s.response.status, 303);
    services_get(&w.s, w.poll);
    assert_answer(&w.s, 200);
    assert_non_null(json_object_get(w.s.json, "discharge"));
    close_world(&w);
}

static void
nobody_answers(void **state)
{
    struct world w;
    char over[64];
    (void)state;
    open_world(&w, FOR_ALICE);
    challenge(&w, over);
    w.s.now += SERVICE_QUESTION_LIFETIME_S;
    answer(&w, over, NULL);
    assert_failure(&w.s, 404, "question-expired");
    decline(&w);
    assert_int_equal(w.s.response.status, 303);
    services_get(&w.s, w.poll);
    assert_failure(&w.s, 200, "question-expired");
    services_get(&w.s, w.poll);
    assert_failure(&w.s, 404, "not-found");
    // It was not declined, either.
    services_ask_ticket(&w.s, w.ticket, "fido2");
    assert_answer(&w.s, 201);
    close_world(&w);
}

static void
an_answer_in_the_last_moment_is_still_delivered(void **state)
{
    struct world w;
    char over[64];
    (void)state;
    open_world(&w, FOR_ALICE);
    challenge(&w, over);
    w.s.now += SERVICE_QUESTION_LIFETIME_S - 1;
    answer(&w, over, NULL);
    assert_answer(&w.s, 200);
    w.s.now += 2;
    services_get(&w.s, w.poll);
    assert_answer(&w.s, 200);
    close_world(&w);
}

// Whoever sees the page has none of the asker's addresses, and the other way round.
static void
one_address_is_not_the_other(void **state)
{
    struct world w;
    char path[300];
    (void)state;
    open_world(&w, FOR_ALICE);
    snprintf(path, sizeof path, "/poll/%s", strrchr(w.page, '/') + 1);
    services_get(&w.s, path);
    assert_failure(&w.s, 404, "not-found");
    snprintf(path, sizeof path, "/approve/%s/challenge", strrchr(w.poll, '/') + 1);
    services_post(&w.s, path, json_object());
    assert_failure(&w.s, 404, "not-found");
    snprintf(path, sizeof path, "/.well-known/macfly/3p/fido2/%s", strrchr(w.page, '/') + 1);
    services_post(&w.s, path, json_object());
    assert_failure(&w.s, 403, "challenge-unknown");
    // A question for a program has no page.
    services_ask_ticket(&w.s, w.ticket, "fido2");
    snprintf(path, sizeof path, "/approve/%s",
             strrchr(services_text(&w.s, "fido2.answer_url"), '/') + 1);
    services_get(&w.s, path);
    assert_int_equal(w.s.response.status, 404);
    close_world(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(an_answer_without_a_challenge),
        fixture_test(what_is_asked_of_a_browser),
        fixture_test(a_touch_is_polled_for_once),
        fixture_test(each_challenge_ends_the_one_before),
        fixture_test(a_bad_answer_may_be_tried_again),
        fixture_test(a_decline_is_final_for_the_ticket),
        fixture_test(a_decline_ends_what_was_asked_before),
        fixture_test(what_is_approved_cannot_be_declined),
        fixture_test(nobody_answers),
        fixture_test(an_answer_in_the_last_moment_is_still_delivered),
        fixture_test(one_address_is_not_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
