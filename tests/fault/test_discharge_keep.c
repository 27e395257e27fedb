/* SPDX-License-Identifier: Apache-2.0
 *
 * What the discharger acknowledges to keep, with every call on the way failing once: invitations,
 * security keys, their removal. It is there after a kill -9 at that moment; what was not
 * acknowledged is done whole or not at all; and the database opens again.
 */
#include "discharge_world.h"

#include "../../broker/discharge/enroll.h"
#include "../../broker/discharge/key.h"

static char code[32], new_id[256];
static struct softauthn *new_key;

static bool
is_enrolled(struct discharge_store *store, const char *id)
{
    struct stores_seen seen = {0};
    struct fault why = {0};
    BUFFER_AUTO raw;
    buffer_init(&raw, 256);
    services_decode(id, &raw);
    enum kh_err err =
        discharge_authenticator_find(store, buffer_bytes(&raw), stores_see, &seen, &why);
    if (err != KH_OK && err != KH_ERR_NOT_FOUND)
        fail_msg("%s", why.detail);
    return err == KH_OK;
}

static size_t
count_of_alice(struct discharge_store *store)
{
    struct stores_seen seen = {0};
    assert_ok(discharge_authenticator_each(store, BYTES("alice"), stores_see, &seen, fault));
    return seen.count;
}

// ---- an invitation ----

static enum kh_err invited;
static struct buffer invitation;

static void
invite_before(void *context)
{
    (void)context;
    world_later();
    buffer_init(&invitation, 31);
}

static void
invite_act(void *context)
{
    struct fault why = {0};
    (void)context;
    invited = service_invite(world.service, BYTES("alice"), world.now, &invitation, &why);
}

static void
invite_after(void *context, bool fired)
{
    (void)context;
    if (!fired)
        assert_int_equal(invited, KH_OK);
    if (invited == KH_OK && !invitation.failed) {
        // It is good, there and after a crash.
        snprintf(code, sizeof code, "%s", buffer_text(&invitation));
        services_ask_to_enroll(&world, code, "spare", "fido2");
        assert_answer(&world, 201);
    }
    buffer_free(&invitation);
    world_still_fills();
}

// ---- enrolment ----

static void
begin_before(void *context)
{
    (void)context;
    world_later();
    services_invite(&world, "alice", code);
    world_prepare("POST", "/.well-known/keyhole/enroll",
                  json_pack("{s:s, s:s, s:s}", "code", code, "name", "spare", "kind", "fido2"));
}

static void
begin_after(void *context, bool fired)
{
    (void)context;
    (void)world_answered(201, fired);
    // The code is used up by an answer, and by no question.
    world_later();
    services_ask_to_enroll(&world, code, "spare", "fido2");
    assert_answer(&world, 201);
    world_still_fills();
}

static void
enroll_before(void *context)
{
    char challenge[64], url[256];
    const struct services_lies *lies = context;
    const struct services_lies honest = {0};

    world_later();
    services_invite(&world, "alice", code);
    services_ask_to_enroll(&world, code, "spare", "fido2");
    assert_answer(&world, 201);
    services_challenge(&world, "fido2", CHALLENGE_ENROLL, challenge);
    snprintf(url, sizeof url, "%s", services_text(&world, "fido2.answer_url"));
    new_key = services_key();
    json_t *body = services_registration(new_key, challenge, lies ? lies : &honest);
    snprintf(new_id, sizeof new_id, "%s", json_string_value(json_object_get(body, "id")));
    world_prepare("POST", url, body);
}

static void
enroll_after(void *context, bool fired)
{
    struct stores_seen seen = {0};
    bool lie = context != NULL;
    bool acknowledged = world_answered(lie ? 403 : 201, fired) && !lie;
    struct discharge_store *store = world_killed();

    if (acknowledged && !is_enrolled(store, new_id))
        fail_msg("enrolled, and gone after a crash");
    if (lie && is_enrolled(world.store, new_id))
        fail_msg("A LIE WAS ENROLLED");
    // What was not acknowledged may be on the disk all the same, but whole: with it the code is
    // gone.
    BUFFER_AUTO user;
    uint8_t hash[32];
    buffer_init(&user, DISCHARGE_USER_MAX);
    assert_true(invitation_hash(bytes_str(code), hash));
    struct fault why = {0};
    enum kh_err found = discharge_invitation_find(store, hash, world.now, &user, &why);
    if ((found == KH_OK) == is_enrolled(store, new_id))
        fail_msg("enrolled by half: the code is%s used up", found == KH_OK ? " not" : "");
    discharge_store_close(&store);
    bool enrolled = is_enrolled(world.store, new_id);
    assert_ok(discharge_authenticator_each(world.store, BYTES("alice"), stores_see, &seen, fault));
    assert_int_equal(seen.count, 1 + enrolled);
    if (enrolled) {
        // Its code is not good for another one.
        world_later();
        services_ask_to_enroll(&world, code, "third", "fido2");
        assert_failure(&world, 403, "code-invalid");
        assert_ok(
            discharge_authenticator_remove(world.store, BYTES("alice"), BYTES("spare"), fault));
    }
    softauthn_free(&new_key);
    world_still_fills();
}

// ---- removal ----

static enum kh_err removed;

static void
remove_before(void *context)
{
    bool name_taken;
    struct discharge_authenticator row = stores_row("alice", "lost", "a lost key");
    (void)context;
    world_later();
    if (count_of_alice(world.store) < 2)
        assert_ok(stores_enroll(world.store, &row, &name_taken, fault));
}

static void
remove_act(void *context)
{
    struct fault why = {0};
    (void)context;
    removed = discharge_authenticator_remove(world.store, BYTES("alice"), BYTES("lost"), &why);
}

static void
remove_after(void *context, bool fired)
{
    (void)context;
    struct discharge_store *store = world_killed();
    if (!fired)
        assert_int_equal(removed, KH_OK);
    if (removed == KH_OK) {
        assert_int_equal(count_of_alice(world.store), 1);
        if (count_of_alice(store) != 1)
            fail_msg("a key was removed, and is there again after a crash");
    }
    discharge_store_close(&store);
    world_still_fills();
}

static void
what_was_acknowledged_is_kept(void **state)
{
    static struct services_lies elsewhere = {.origin = "https://evil.example"};
    const struct nth_job jobs[] = {
        {"invite", 0, invite_before, invite_act, invite_after, NULL},
        {"enroll-begin", 0, begin_before, world_act, begin_after, NULL},
        {"enroll", 0, enroll_before, world_act, enroll_after, NULL},
        {"enroll-elsewhere", 0, enroll_before, world_act, enroll_after, &elsewhere},
        {"remove", 0, remove_before, remove_act, remove_after, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        nth_job_run(&jobs[i]);
}

// ---- start ----

static struct {
    struct discharge_store *store;
    struct discharge_key key;
    struct service *service;
    enum kh_err err;
} started;

static void
start_before(void *context)
{
    char command[640];
    const char *directory = fixture_path("start");
    bool fresh = context != NULL;

    snprintf(command, sizeof command, "rm -rf '%s' && mkdir -m 700 '%s'", directory, directory);
    assert_int_equal(system(command), 0);
    if (!fresh) {
        snprintf(command, sizeof command, "cp -a '%s'* '%s'", fixture_path("discharger.db"),
                 directory);
        assert_int_equal(system(command), 0);
    }
}

static enum kh_err
start_once(struct fault *why)
{
    enum kh_err err =
        discharge_store_open(fixture_path("start/discharger.db"), &started.store, why);
    if (err == KH_OK)
        err = discharge_key_load(fixture_path("start"), NULL, &started.key, why);
    if (err != KH_OK)
        return err;
    struct service_options options = {.secret_key = started.key.secret_key,
                                      .store = started.store,
                                      .roots = fixture_path("roots"),
                                      .settings = {.attestation = ATTESTATION_OPTIONAL}};
    snprintf(options.self.url, sizeof options.self.url, "%s", SERVICES_URL);
    memcpy(options.self.public_key, started.key.public_key, sizeof options.self.public_key);
    return service_new(&options, &started.service, why);
}

static void
start_act(void *context)
{
    struct fault why = {0};
    (void)context;
    started.err = start_once(&why);
}

static void
start_end(void)
{
    service_free(&started.service);
    discharge_store_close(&started.store);
    discharge_key_free(&started.key);
    memset(&started, 0, sizeof started);
}

static void
start_after(void *context, bool fired)
{
    uint8_t public_key[TICKET_PUBLIC_KEY_SIZE];
    bool fresh = context != NULL, had_key = started.key.secret_key != NULL;

    if (!fired)
        assert_int_equal(started.err, KH_OK);
    memcpy(public_key, started.key.public_key, sizeof public_key);
    start_end();
    // In peace, on what is there now: a key that was in use is in use again, nobody is forgotten.
    assert_ok(start_once(fault));
    if (had_key)
        assert_memory_equal(started.key.public_key, public_key, sizeof public_key);
    struct stores_seen seen = {0};
    assert_ok(
        discharge_authenticator_each(started.store, BYTES("alice"), stores_see, &seen, fault));
    assert_int_equal(seen.count, fresh ? 0 : 1);
    start_end();
}

static void
it_starts_or_says_why(void **state)
{
    static char fresh[] = "fresh";
    const struct nth_job jobs[] = {
        {"start-fresh", 0, start_before, start_act, start_after, fresh},
        {"start-again", 0, start_before, start_act, start_after, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        nth_job_run(&jobs[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(what_was_acknowledged_is_kept),
        world_test(it_starts_or_says_why),
    };
    nth_init();
    json_memory_init();
    assert_true(sodium_init() >= 0);
    return nth_job_finish("discharge_keep", cmocka_run_group_tests(tests, NULL, NULL));
}
