/* SPDX-License-Identifier: Apache-2.0
 *
 * init and start with every call failing once: nothing half-made is left behind, nothing is lost,
 * and the next start is as good as ever.
 */
#include "authority_world.h"

#include "../../broker/authority/inject.h"
#include "../../caveats/decide.h"

static char *good, *revoked;
static struct authority opened;
static enum kh_err result;
static struct fault why;

static enum kh_reason
look(struct authority *at, const char *text)
{
    static struct decision decision;
    static struct message_decision out;
    static struct injection injection;
    struct message_decide request = peer_request(text);

    serve_decide(at, &request, &decision, &injection, &out);
    injection_free(&injection);
    assert_ok(authority_flush_audit(at, fault));
    return out.allow ? KH_REASON_UNSET : out.reason;
}

static void
prepare(void)
{
    char request[TOKEN_TEXT_MAX + 64];

    fixture_open(&opened);
    good = fixture_mint(&opened, "");
    revoked = fixture_mint(&opened, "");
    snprintf(request, sizeof request, "{\"command\": \"revoke\", \"token\": \"%s\"}", revoked);
    json_decref(fixture_do(&opened, request));
    // Killed here: the next start finds a log that is ahead of its head, and a WAL.
    world_copy("killed");
    authority_close(&opened);
    assert_int_equal(nftw(fixture_path("state"), fixture_remove_entry, 16, FTW_DEPTH | FTW_PHYS),
                     0);
}

static void
start_before(void *context)
{
    char command[640];

    (void)context;
    why = (struct fault){0};
    snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s' '%s'", fixture_path("state"),
             fixture_path("killed"), fixture_path("state"));
    assert_int_equal(system(command), 0);
}

static void
start(void *context)
{
    struct master_key_source source = fixture_source();

    (void)context;
    result = authority_open(&opened, &source, clock_manual(FIXTURE_NOW), &why);
    if (result)
        authority_close(&opened); // as main does
}

static void
start_after(void *context, bool fired)
{
    (void)context;
    assert_true(fired || result == KH_OK);
    if (result == KH_OK) {
        assert_int_equal(look(&opened, good), KH_REASON_UNSET);
        assert_int_equal(look(&opened, revoked), KH_REASON_REVOKED);
        authority_close(&opened);
    } else if (why.detail[0] == '\0') {
        fail_msg("the broker does not start, and does not say why");
    }
    fixture_open(&opened);
    assert_int_equal(look(&opened, good), KH_REASON_UNSET);
    assert_int_equal(look(&opened, revoked), KH_REASON_REVOKED);
    authority_close(&opened);
}

static void
a_start_that_fails_loses_nothing(void **state)
{
    const struct nth_job job = {
        .name = "start", .before = start_before, .act = start, .after = start_after};

    (void)state;
    prepare();
    nth_job_run(&job);
    free(good);
    free(revoked);
}

static void
init_before(void *context)
{
    (void)context;
    why = (struct fault){0};
    (void)nftw(fixture_path("state"), fixture_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void
init(void *context)
{
    struct master_key_source source = fixture_source();
    struct wall_clock clock = clock_manual(FIXTURE_NOW);

    (void)context;
    result = state_create(&source, fixture_cost, &clock, &why);
}

// Nothing half-made either.
static void
nothing_beside(void)
{
    char command[320];

    snprintf(command, sizeof command, "ls -la '%s'/state.init-* 2>/dev/null", fixture_base);
    if (system(command) == 0)
        fail_msg("that is left behind");
}

static void
init_after(void *context, bool fired)
{
    (void)context;
    assert_true(fired || result == KH_OK);
    if (result && why.detail[0] == '\0')
        fail_msg("init fails, and does not say why");
    if (result && access(fixture_path("state"), F_OK) == 0)
        fail_msg("something is left behind: %s", why.detail);
    nothing_beside();
    if (result) {
        struct master_key_source source = fixture_source();
        struct wall_clock clock = clock_manual(FIXTURE_NOW);
        assert_ok(state_create(&source, fixture_cost, &clock, fault));
    }
    fixture_open(&opened);
    fixture_add_openai(&opened);
    char *token = fixture_mint(&opened, "");
    assert_int_equal(look(&opened, token), KH_REASON_UNSET);
    free(token);
    authority_close(&opened);
}

static void
an_init_that_fails_leaves_nothing(void **state)
{
    const struct nth_job job = {
        .name = "init",
        .kinds = NTH_ALL & ~(unsigned)NTH_UNDO, // what cannot be undone stays behind
        .before = init_before,
        .act = init,
        .after = init_after,
    };

    (void)state;
    nth_job_run(&job);
}

static int
setup(void **state)
{
    log_init("fault", LOG_FORMAT_HUMAN, LOG_LEVEL_ERROR);
    if (nth_job_setup(state) || fixture_setup(state))
        return -1;
    world_create(true);
    return 0;
}

static int
teardown(void **state)
{
    (void)nth_job_teardown(state);
    return fixture_teardown(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_start_that_fails_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_init_that_fails_leaves_nothing, setup, teardown),
    };
    nth_init();
    return nth_job_finish("authority_start", cmocka_run_group_tests(tests, NULL, NULL));
}
