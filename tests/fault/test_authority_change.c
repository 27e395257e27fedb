/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that the authority acknowledges, with every call on its way failing once: what was
 * acknowledged holds at once, and still after a kill -9 at that moment; what was not left either
 * the old state or the new one, and the broker opens again.
 */
#include "authority_world.h"

#include "../../broker/authority/inject.h"
#include "../../caveats/decide.h"

static char *token, *other;
static unsigned serial;
static bool acknowledged;

// ---- looking at a broker ----

struct seen {
    bool allow;
    enum kh_reason reason;
    char value[128]; // of the edit
};

static struct seen
look(struct authority *at, const char *text)
{
    static struct decision decision;
    static struct message_decision out;
    static struct injection injection;
    struct message_decide request = peer_request(text);
    struct seen seen = {0};

    serve_decide(at, &request, &decision, &injection, &out);
    seen.allow = out.allow;
    seen.reason = out.reason;
    if (out.allow && out.edit_count == 1)
        snprintf(seen.value, sizeof seen.value, "%.*s", BYTES_ARG(out.edit[0].value));
    injection_free(&injection);
    assert_ok(authority_flush_audit(at, fault));
    return seen;
}

// What a kill -9 now would leave, opened.
static struct authority killed;

static void
kill_and_open(void)
{
    static char directory[256];
    const struct master_key_source source = {.directory = directory};

    world_copy("copy");
    snprintf(directory, sizeof directory, "%s", fixture_path("copy"));
    struct wall_clock clock = authority.clock;
    assert_ok(authority_open(&killed, &source, clock, fault));
    fixture_dischargers(&killed);
}

// ---- commands ----

static char command[TOKEN_TEXT_MAX + 1024];
static struct buffer answer;

static void
ask(void *context)
{
    (void)context;
    admin_answer(&authority, bytes_str(command), &answer);
    world_turn();
}

// The result when it was acknowledged; json_decref.
static json_t *
result_of(bool fired)
{
    json_error_t error;
    json_t *json = answer.failed ? NULL
                                 : json_loadb((const char *)answer.p, answer.n,
                                              JSON_REJECT_DUPLICATES, &error);
    acknowledged = json && json_is_true(json_object_get(json, "ok"));
    if (!fired && !acknowledged)
        fail_msg("%s\n-> %.*s", command, (int)answer.n, (const char *)answer.p);
    json_t *result = json_incref(json_object_get(json, "result"));
    json_decref(json);
    buffer_free(&answer);
    return result;
}

static void
expect(const char *where, bool right)
{
    if (!right)
        fail_msg("%s: acknowledged, and not so %s", command, where);
}

static void
done(void)
{
    authority_close(&killed);
    free(token);
    token = NULL;
    free(other);
    other = NULL;
    world_settle();
}

// ---- mint ----

static void
mint_before(void *context)
{
    (void)context;
    buffer_init_secret(&answer, 1 << 20);
    snprintf(command, sizeof command,
             "{\"command\": \"mint\", \"credentials\": [\"openai\"], \"user\": \"alice\", "
             "\"lifetime_s\": 3600, \"caveats\": [\"method = GET\", \"label = n%u\"]}",
             serial++);
}

static void
mint_after(void *context, bool fired)
{
    (void)context;
    json_t *result = result_of(fired);
    kill_and_open();
    if (acknowledged) {
        const char *text = json_string_value(json_object_get(result, "token"));
        struct bytes hex = bytes_str(json_string_value(json_object_get(result, "token_id")));
        uint8_t id[TOKEN_ID_SIZE];
        int64_t expires_at;
        expect("in memory", look(&authority, text).allow);
        expect("after a crash", look(&killed, text).allow);
        assert_true(bytes_from_hex(hex, id, sizeof id));
        assert_ok(store_token_expiry(killed.store, bytes_of(id, sizeof id), &expires_at, fault));
        expect("in the log", world_recorded(json_string_value(json_object_get(result, "token_id")),
                                            "\"command\":\"mint\"") >= 1);
    }
    json_decref(result);
    done();
}

// ---- revoke ----

static void
revoke_before(void *context)
{
    const char *how = context;

    buffer_init_secret(&answer, 1 << 20);
    // A moment later: users and credentials are revoked as of now.
    authority.clock.manual_ms += 2000;
    token = fixture_mint(&authority, ", \"user\": \"alice\"");
    if (!strcmp(how, "token"))
        snprintf(command, sizeof command, "{\"command\": \"revoke\", \"token\": \"%s\"}", token);
    else if (!strcmp(how, "lineage"))
        snprintf(command, sizeof command,
                 "{\"command\": \"revoke\", \"token\": \"%s\", \"lineage\": true}", token);
    else
        snprintf(command, sizeof command, "{\"command\": \"revoke\", \"%s\": \"%s\"}", how,
                 !strcmp(how, "user") ? "alice" : "openai");
}

static void
revoke_after(void *context, bool fired)
{
    (void)context;
    json_decref(result_of(fired));
    kill_and_open();
    if (acknowledged) {
        expect("in memory", look(&authority, token).reason == KH_REASON_REVOKED);
        expect("after a crash", look(&killed, token).reason == KH_REASON_REVOKED);
    }
    done();
}

// The holder's own way: a message of a proxy.
static void
give_back_before(void *context)
{
    BUFFER_AUTO body;
    struct message_revoke_ask message = {.client = BYTES("127.0.0.1")};

    (void)context;
    snprintf(command, sizeof command, "a holder's revocation");
    token = fixture_mint(&authority, "");
    message.token = bytes_str(token);
    buffer_init(&body, 65536);
    message_revoke_ask_tx(&message, &body);
    world_send(MESSAGE_REVOKE_ASK, ++serial, buffer_bytes(&body));
}

static void
turn(void *context)
{
    (void)context;
    world_turn();
}

static void
give_back_after(void *context, bool fired)
{
    struct bytes body;
    struct message_revoke_done message = {0};

    (void)context;
    bool answered = world_answer(MESSAGE_REVOKE_DONE, serial, &body);
    if (answered)
        assert_int_equal(message_revoke_done_rx(body, &message), KH_OK);
    assert_true(fired || message.revoked);
    world_settle();
    kill_and_open();
    if (message.revoked) {
        expect("in memory", look(&authority, token).reason == KH_REASON_REVOKED);
        expect("after a crash", look(&killed, token).reason == KH_REASON_REVOKED);
    } else if (answered && message.reason != KH_REASON_BROKER_UNAVAILABLE &&
               message.reason != KH_REASON_INTERNAL) {
        fail_msg("a good token is refused with %s", kh_reason_code(message.reason));
    }
    done();
}

// ---- rotate ----

static char old_value[128], new_value[128];

static void
rotate_before(void *context)
{
    const char *more = context;

    buffer_init_secret(&answer, 1 << 20);
    token = fixture_mint(&authority, "");
    snprintf(old_value, sizeof old_value, "%s", look(&authority, token).value);
    snprintf(new_value, sizeof new_value, "Bearer sk-canary-new-%u", ++serial);
    snprintf(command, sizeof command,
             "{\"command\": \"credential.rotate\", \"name\": \"openai\", \"secret\": \"%s\"%s}",
             new_value + strlen("Bearer "), more);
}

static void
rotate_after(void *context, bool fired)
{
    (void)context;
    json_decref(result_of(fired));
    kill_and_open();
    struct authority *const both[] = {&authority, &killed};
    for (size_t i = 0; i < 2; i++) {
        struct seen seen = look(both[i], token);
        bool is_new = !strcmp(seen.value, new_value), is_old = !strcmp(seen.value, old_value);
        if (!is_new && !is_old)
            fail_msg("%s: %s, neither the old key nor the new one", command,
                     kh_reason_code(seen.reason));
        if (acknowledged)
            expect(i ? "after a crash" : "in memory", is_new);
    }
    done();
}

// ---- root keys ----

static void
key_rotate_before(void *context)
{
    (void)context;
    buffer_init_secret(&answer, 1 << 20);
    token = fixture_mint(&authority, "");
    snprintf(command, sizeof command, "{\"command\": \"key.rotate\"}");
}

static void
key_rotate_after(void *context, bool fired)
{
    (void)context;
    json_decref(result_of(fired));
    kill_and_open();
    expect("for the old token", look(&authority, token).allow && look(&killed, token).allow);
    // One made with the key in memory is good for the broker after a crash.
    char *made = fixture_mint(&authority, "");
    authority_close(&killed);
    kill_and_open();
    expect("for a new token", look(&authority, made).allow && look(&killed, made).allow);
    free(made);
    if (acknowledged)
        assert_int_equal(root_keys_active(&killed.keys)->id, root_keys_active(&authority.keys)->id);
    done();
}

static void
key_retire_before(void *context)
{
    (void)context;
    buffer_init_secret(&answer, 1 << 20);
    token = fixture_mint(&authority, "");
    snprintf(command, sizeof command, "{\"command\": \"key.retire\", \"id\": %u}",
             root_keys_active(&authority.keys)->id);
    json_decref(fixture_do(&authority, "{\"command\": \"key.rotate\"}"));
    other = fixture_mint(&authority, "");
}

static void
key_retire_after(void *context, bool fired)
{
    (void)context;
    json_decref(result_of(fired));
    kill_and_open();
    if (acknowledged) {
        expect("in memory", !look(&authority, token).allow);
        expect("after a crash", !look(&killed, token).allow);
    }
    expect("for other tokens", look(&authority, other).allow && look(&killed, other).allow);
    done();
}

// ---- credentials ----

static void
enable_before(void *context)
{
    buffer_init_secret(&answer, 1 << 20);
    token = fixture_mint(&authority, "");
    snprintf(command, sizeof command, "{\"command\": \"credential.%s\", \"name\": \"openai\"}",
             !strcmp(context, "enable") ? "disable" : "enable");
    json_decref(fixture_do(&authority, command));
    snprintf(command, sizeof command, "{\"command\": \"credential.%s\", \"name\": \"openai\"}",
             (const char *)context);
}

static void
enable_after(void *context, bool fired)
{
    bool on = !strcmp(context, "enable");

    json_decref(result_of(fired));
    kill_and_open();
    if (acknowledged) {
        expect("in memory", look(&authority, token).allow == on);
        expect("after a crash", look(&killed, token).allow == on);
    }
    done();
    json_decref(
        fixture_do(&authority, "{\"command\": \"credential.enable\", \"name\": \"openai\"}"));
}

static void
add_before(void *context)
{
    (void)context;
    buffer_init_secret(&answer, 1 << 20);
    snprintf(command, sizeof command,
             "{\"command\": \"credential.add\", \"name\": \"c%u\", \"preset\": \"github\", "
             "\"secret\": \"ghp_canary\"}",
             ++serial);
}

static void
add_after(void *context, bool fired)
{
    char name[32];

    (void)context;
    json_decref(result_of(fired));
    kill_and_open();
    snprintf(name, sizeof name, "c%u", serial);
    bool in_memory = credentials_find(&authority.credentials, bytes_str(name)) != NULL;
    if (acknowledged) {
        expect("in memory", in_memory);
        expect("after a crash", credentials_find(&killed.credentials, bytes_str(name)) != NULL);
    }
    done();
    if (in_memory) {
        char text[128];
        snprintf(text, sizeof text, "{\"command\": \"credential.remove\", \"name\": \"%s\"}", name);
        json_decref(fixture_do(&authority, text));
    }
}

static void
remove_before(void *context)
{
    char text[160];

    (void)context;
    buffer_init_secret(&answer, 1 << 20);
    snprintf(text, sizeof text,
             "{\"command\": \"credential.add\", \"name\": \"c%u\", \"preset\": \"github\", "
             "\"secret\": \"ghp_canary\"}",
             ++serial);
    json_decref(fixture_do(&authority, text));
    snprintf(command, sizeof command, "{\"command\": \"credential.remove\", \"name\": \"c%u\"}",
             serial);
}

static void
remove_after(void *context, bool fired)
{
    char name[32];

    (void)context;
    json_decref(result_of(fired));
    kill_and_open();
    snprintf(name, sizeof name, "c%u", serial);
    if (acknowledged) {
        expect("in memory", credentials_find(&authority.credentials, bytes_str(name)) == NULL);
        expect("after a crash", credentials_find(&killed.credentials, bytes_str(name)) == NULL);
    }
    done();
}

// ---- policy ----

#define POLICY(path)                                                                               \
    "{\"command\": \"policy.apply\", \"text\": \"version: 1\\ngrants:\\n  - name: all\\n    to: "  \
    "[user operator]\\n    credentials: [openai]\\n    caveats: [path ~ " path "]\\n\"}"

static void
policy_before(void *context)
{
    (void)context;
    buffer_init_secret(&answer, 1 << 20);
    json_decref(fixture_do(&authority, POLICY("/v1/**")));
    token = fixture_mint(&authority, "");
    snprintf(command, sizeof command, "%s", POLICY("/other/**"));
}

static void
policy_after(void *context, bool fired)
{
    (void)context;
    json_decref(result_of(fired));
    kill_and_open();
    if (acknowledged) {
        expect("in memory", look(&authority, token).reason == KH_REASON_NO_GRANT);
        expect("after a crash", look(&killed, token).reason == KH_REASON_NO_GRANT);
    }
    done();
}

// ---- counters ----

enum { LIMIT = 40, BEFORE_CRASH = 3 };

static void
count_before(void *context)
{
    (void)context;
    snprintf(command, sizeof command, "uses <= %d", LIMIT);
    token = fixture_mint(&authority, ", \"caveats\": [\"uses <= 40\"]");
    struct message_decide request = peer_request(token);
    for (int i = 0; i < BEFORE_CRASH; i++)
        world_send_decide(++serial, &request);
}

static unsigned
allows_of(struct authority *at)
{
    unsigned n = 0;
    while (n <= LIMIT && look(at, token).allow)
        n++;
    return n;
}

static void
count_after(void *context, bool fired)
{
    unsigned given = world_allows();

    (void)context;
    assert_true(fired || given == BEFORE_CRASH);
    world_settle();
    kill_and_open();
    unsigned after_crash = allows_of(&killed), live = allows_of(&authority);
    if (after_crash + given > LIMIT || live + given > LIMIT)
        fail_msg("%u given, then %u, or %u after a crash: of %d", given, live, after_crash, LIMIT);
    if (!fired && (live != LIMIT - BEFORE_CRASH || after_crash > live))
        fail_msg("%u, and %u after a crash: of %d", live, after_crash, LIMIT - BEFORE_CRASH);
    done();
}

// ---- each second, and the end ----

static void
tick_before(void *context)
{
    (void)context;
    snprintf(command, sizeof command, "a tick");
    token = fixture_mint(&authority, "");
    authority.clock.manual_ms += INT64_C(3601) * 1000;
}

static void
tick(void *context)
{
    (void)context;
    authority_tick(&authority);
    serve_tick(&authority);
}

static void
tick_after(void *context, bool fired)
{
    (void)context;
    (void)fired;
    // That token has expired: another one.
    free(token);
    token = fixture_mint(&authority, "");
    kill_and_open();
    expect("in memory", look(&authority, token).allow);
    expect("after a crash", look(&killed, token).allow);
    done();
}

static void
stop_before(void *context)
{
    (void)context;
    snprintf(command, sizeof command, "the end");
    token = fixture_mint(&authority, ", \"caveats\": [\"uses <= 40\"]");
    assert_true(look(&authority, token).allow);
}

static void
stop(void *context)
{
    (void)context;
    world_close();
}

static void
stop_after(void *context, bool fired)
{
    (void)context;
    world_open();
    unsigned left = allows_of(&authority);
    if (left > LIMIT - 1 || (!fired && left != LIMIT - 1))
        fail_msg("%u are left of %d", left, LIMIT - 1);
    kill_and_open();
    done();
}

// ---- the jobs ----

static const struct {
    struct nth_job job;
    const char *how;
} jobs[] = {
    {{"mint", 0, mint_before, ask, mint_after, NULL}, ""},
    {{"revoke-token", 0, revoke_before, ask, revoke_after, NULL}, "token"},
    {{"revoke-lineage", 0, revoke_before, ask, revoke_after, NULL}, "lineage"},
    {{"revoke-user", 0, revoke_before, ask, revoke_after, NULL}, "user"},
    {{"revoke-credential", 0, revoke_before, ask, revoke_after, NULL}, "credential"},
    {{"revoke-by-holder", 0, give_back_before, turn, give_back_after, NULL}, ""},
    {{"rotate", 0, rotate_before, ask, rotate_after, NULL}, ""},
    {{"rotate-with-grace", 0, rotate_before, ask, rotate_after, NULL}, ", \"grace_s\": 60"},
    {{"key-rotate", 0, key_rotate_before, ask, key_rotate_after, NULL}, ""},
    {{"key-retire", 0, key_retire_before, ask, key_retire_after, NULL}, ""},
    {{"disable", 0, enable_before, ask, enable_after, NULL}, "disable"},
    {{"enable", 0, enable_before, ask, enable_after, NULL}, "enable"},
    {{"add", 0, add_before, ask, add_after, NULL}, ""},
    {{"remove", 0, remove_before, ask, remove_after, NULL}, ""},
    {{"policy", 0, policy_before, ask, policy_after, NULL}, ""},
    {{"counter", 0, count_before, turn, count_after, NULL}, ""},
    {{"tick", 0, tick_before, tick, tick_after, NULL}, ""},
    {{"stop", 0, stop_before, stop, stop_after, NULL}, ""},
};

static void
nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        struct nth_job job = jobs[i].job;
        union {
            const char *how;
            void *context;
        } of = {jobs[i].how};
        job.context = of.context;
        nth_job_run(&job);
        // The logs of the next ones begin small.
        world_close();
        assert_int_equal(
            nftw(fixture_path("state"), fixture_remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
        world_create(true);
        world_open();
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {world_test(nothing_acknowledged_is_lost)};
    nth_init();
    return nth_job_finish("authority_change", cmocka_run_group_tests(tests, NULL, NULL));
}
