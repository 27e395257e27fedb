/* SPDX-License-Identifier: Apache-2.0
 *
 * A hole is filled, with every call on the way failing once: an assertion that is not good never
 * becomes a discharge, one that was given out is counted on the disk, a ticket that was declined
 * stays so, and the next one is filled.
 */
#include "discharge_world.h"

// ---- the question ----

static void
ask_before(void *context)
{
    char text[2048];
    const struct ticket ticket = services_plain_ticket(FOR_ALICE);

    world_later();
    services_seal(&world, &ticket, text);
    world_prepare("POST", "/.well-known/macfly/3p",
                  json_pack("{s:s, s:s, s:s}", "ticket", text, "parent", SERVICES_PARENT, "prefer",
                            (const char *)context));
}

static void
ask_after(void *context, bool fired)
{
    bool browser = !strcmp(context, "browser");
    if (world_answered(201, fired))
        (void)services_text(&world, browser ? "user_interactive.user_url" : "fido2.answer_url");
    world_still_fills();
}

// ---- the answer ----

static void
fill_before(void *context)
{
    char challenge[64];
    enum softauthn_lie *lie = context;

    world_later();
    services_ask(&world, FOR_ALICE, "fido2");
    assert_answer(&world, 201);
    services_challenge(&world, "fido2", CHALLENGE_DISCHARGE, challenge);
    char url[256];
    snprintf(url, sizeof url, "%s", services_text(&world, "fido2.answer_url"));
    softauthn_set_lie(world_key, *lie);
    struct services_assertion a = services_assert(world_key, world_id, challenge, NULL);
    softauthn_set_lie(world_key, SOFTAUTHN_HONEST);
    world_prepare("POST", url,
                  json_pack("{s:s, s:o, s:o, s:o}", "credential", world_id, "client_data",
                            a.client_data, "authenticator_data", a.authenticator_data, "signature",
                            a.signature));
}

static uint32_t
counter_in(struct discharge_store *store)
{
    struct stores_seen seen = {0};
    BUFFER_AUTO raw;
    buffer_init(&raw, 256);
    services_decode(world_id, &raw);
    assert_ok(discharge_authenticator_find(store, buffer_bytes(&raw), stores_see, &seen, fault));
    assert_int_equal(seen.row.cloned_at, 0);
    return seen.row.counter;
}

static void
fill_after(void *context, bool fired)
{
    char text[1024];
    (void)context;
    if (world_answered(200, fired)) {
        services_discharge(&world, text);
        struct discharge_store *store = world_killed();
        if (counter_in(store) < counter_in(world.store))
            fail_msg("a discharge was given out, and its assertion is not counted");
        discharge_store_close(&store);
    }
    world_still_fills();
}

// Whatever fails, a lie is not believed.
static void
lie_after(void *context, bool fired)
{
    (void)context;
    (void)fired;
    if (world_answered(403, fired))
        assert_null(json_object_get(world.json, "discharge"));
    if (world.response.status < 400)
        fail_msg("A LIE WAS BELIEVED: %d %s", world.response.status, services_body(&world));
    world_still_fills();
}

// ---- the page ----

static char page[256], poll[256], ticket_text[2048];

static void
decline_before(void *context)
{
    char path[300];
    struct ticket ticket = services_plain_ticket(FOR_ALICE);

    (void)context;
    world_later();
    ticket.root_key[1] = (uint8_t)world_serial; // another ticket
    ticket.root_key[2] = (uint8_t)(world_serial >> 8);
    services_seal(&world, &ticket, ticket_text);
    services_ask_ticket(&world, ticket_text, "browser");
    assert_answer(&world, 201);
    snprintf(page, sizeof page, "%s", services_text(&world, "user_interactive.user_url"));
    snprintf(poll, sizeof poll, "%s", services_text(&world, "user_interactive.poll_url"));
    snprintf(path, sizeof path, "%s/decline", page);
    world_prepare("POST", path, NULL);
}

static void
decline_after(void *context, bool fired)
{
    (void)context;
    if (world_answered(303, fired)) {
        services_get(&world, poll);
        assert_failure(&world, 200, "declined");
        services_ask_ticket(&world, ticket_text, "fido2");
        assert_failure(&world, 403, "declined");
        // Nor has whoever starts again forgotten it.
        uint8_t hash[TICKET_HASH_SIZE];
        bool declined = false;
        BUFFER_AUTO sealed;
        buffer_init(&sealed, TOKEN_CAVEAT_MAX);
        services_decode(ticket_text, &sealed);
        assert_true(ticket_hash(buffer_bytes(&sealed), hash));
        struct discharge_store *store = world_killed();
        assert_ok(discharge_is_declined(store, hash, &declined, fault));
        discharge_store_close(&store);
        assert_true(declined);
    }
    world_still_fills();
}

static void
see_before(void *context)
{
    decline_before(context);
    world_prepare("GET", page, NULL);
}

static void
see_after(void *context, bool fired)
{
    (void)context;
    if (world_answered(200, fired) && !strstr(services_body(&world), "</html>"))
        fail_msg("half a page: %s", services_body(&world));
    world_still_fills();
}

// ----

static void
holes_are_filled_or_not(void **state)
{
    static char fido2[] = "fido2", browser[] = "browser";
    static enum softauthn_lie honest = SOFTAUTHN_HONEST, signature = SOFTAUTHN_LIE_SIGNATURE,
                              other_key = SOFTAUTHN_LIE_KEY, absent = SOFTAUTHN_LIE_NO_PRESENCE;
    const struct nth_job jobs[] = {
        {"ask-fido2", 0, ask_before, world_act, ask_after, fido2},
        {"ask-browser", 0, ask_before, world_act, ask_after, browser},
        {"fill", 0, fill_before, world_act, fill_after, &honest},
        {"fill-bad-signature", 0, fill_before, world_act, lie_after, &signature},
        {"fill-other-key", 0, fill_before, world_act, lie_after, &other_key},
        {"fill-nobody-there", 0, fill_before, world_act, lie_after, &absent},
        {"page", 0, see_before, world_act, see_after, NULL},
        {"decline", 0, decline_before, world_act, decline_after, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        nth_job_run(&jobs[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {world_test(holes_are_filled_or_not)};
    nth_init();
    json_memory_init();
    assert_true(sodium_init() >= 0);
    return nth_job_finish("discharge_fill", cmocka_run_group_tests(tests, NULL, NULL));
}
