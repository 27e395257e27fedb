/* SPDX-License-Identifier: Apache-2.0
 *
 * A state that was damaged while nobody looked, and a clock that jumps: the broker says so and does
 * not start, or it starts and judges; it neither crashes nor allows what it never could.
 */
#include "authority_world.h"

#include "../../broker/authority/inject.h"
#include "../../caveats/decide.h"

#include <time.h>

enum { FLIPS = 60 };

static char *good, *forged;
static uint64_t seed;

static uint64_t
next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static enum kh_reason
look(const char *text)
{
    static struct decision decision;
    static struct message_decision out;
    static struct injection injection;
    struct message_decide request = peer_request(text);

    serve_decide(&authority, &request, &decision, &injection, &out);
    injection_free(&injection);
    return out.allow ? KH_REASON_UNSET : out.reason;
}

static void
put_back(void)
{
    char command[640];

    snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s' '%s'", fixture_path("state"),
             fixture_path("kept"), fixture_path("state"));
    assert_int_equal(system(command), 0);
}

static int
setup(void **state)
{
    const char *given = getenv("KEYHOLE_TEST_SEED");

    log_init("fault", LOG_FORMAT_HUMAN, LOG_LEVEL_ERROR);
    seed = given && given[0] ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("seed %llu\n", (unsigned long long)seed);
    seed |= 1;
    if (fixture_setup(state))
        return -1;
    world_create(true);
    fixture_open(&authority);
    good = fixture_mint(&authority, "");
    forged = strdup(good);
    char *last = forged + strlen(forged) - 2;
    *last = *last == 'A' ? 'Q' : 'A';
    world_copy("kept"); // with its WAL, as a crash leaves it
    authority_close(&authority);
    return 0;
}

static int
teardown(void **state)
{
    free(good);
    free(forged);
    return fixture_teardown(state);
}

// True when it started.
static bool
start_and_judge(const char *what, unsigned long at)
{
    struct master_key_source source = fixture_source();
    struct fault why = {0};
    enum kh_err err = authority_open(&authority, &source, clock_manual(FIXTURE_NOW), &why);

    if (err && why.detail[0] == '\0')
        fail_msg("%s at %lu: it does not start, and does not say why", what, at);
    if (!err) {
        enum kh_reason reason = look(forged);
        if (reason == KH_REASON_UNSET)
            fail_msg("%s at %lu: a forged token is ALLOWED", what, at);
        (void)look(good);
    }
    authority_close(&authority);
    return !err;
}

static void
damage(const char *name, bool cut)
{
    struct buffer file;
    char path[64];

    snprintf(path, sizeof path, "state/%s", name);
    for (int i = 0; i < FLIPS; i++) {
        put_back();
        struct bytes whole = fixture_read(fixture_path(path), &file);
        assert_true(whole.n > 0);
        size_t at = (size_t)(next_random() % whole.n);
        if (!cut) // some of them are in a page's header
            at = i % 2 ? at : at / 4096 * 4096 + next_random() % 32;
        at = at < whole.n ? at : whole.n - 1;
        if (!cut)
            file.p[at] ^= (uint8_t)(1 + next_random() % 255);
        fixture_write(fixture_path(path), bytes_slice(whole, 0, cut ? at : whole.n));
        (void)start_and_judge(name, (unsigned long)at);
        buffer_free(&file);
    }
}

static void
bytes_of_the_database(void **state)
{
    (void)state;
    damage("keyholed.db", false);
    damage("keyholed.db-wal", false);
}

static void
ends_of_the_database(void **state)
{
    (void)state;
    damage("keyholed.db", true);
    damage("keyholed.db-wal", true);
    put_back();
    assert_int_equal(unlink(fixture_path("state/keyholed.db-wal")), 0);
    (void)start_and_judge("no WAL", 0);
}

// Of the log, any change is found.
static void
bytes_of_the_log(void **state)
{
    (void)state;
    for (int i = 0; i < FLIPS; i++) {
        struct buffer file;
        put_back();
        struct bytes whole = fixture_read(fixture_path("state/audit.log"), &file);
        // The last record is not yet what the head signs: only the chain holds it.
        size_t end = whole.n - 1;
        while (end > 0 && whole.p[end - 1] != '\n')
            end--;
        size_t at = (size_t)(next_random() % end);
        file.p[at] ^= (uint8_t)(1 + next_random() % 127);
        fixture_write(fixture_path("state/audit.log"), whole);
        buffer_free(&file);
        if (start_and_judge("audit.log", (unsigned long)at))
            fail_msg("a changed byte of the log, %zu, is not noticed", at);
    }
}

// ---- the clock ----

static void
a_clock_that_jumps(void **state)
{
    const int64_t day = 86400;
    char request[TOKEN_TEXT_MAX + 64];

    (void)state;
    put_back();
    fixture_open(&authority);
    char *limited = fixture_mint(&authority, ", \"caveats\": [\"uses <= 3\"]");
    char *rated = fixture_mint(&authority, ", \"caveats\": [\"rate <= 2/h\"]");
    char *gone = fixture_mint(&authority, "");
    snprintf(request, sizeof request, "{\"command\": \"revoke\", \"token\": \"%s\"}", gone);
    json_decref(fixture_do(&authority, request));
    assert_int_equal(look(limited), KH_REASON_UNSET);
    assert_int_equal(look(rated), KH_REASON_UNSET);
    assert_int_equal(look(rated), KH_REASON_UNSET);

    // Forward: everything has expired, and the hourly work is done.
    authority.clock.manual_ms += 365 * day * 1000;
    assert_int_equal(look(good), KH_REASON_EXPIRED);
    assert_int_not_equal(look(gone), KH_REASON_UNSET);
    authority_tick(&authority);
    // And back: what was counted or revoked does not come to life.
    authority.clock.manual_ms -= (365 * day - 1) * 1000;
    assert_int_not_equal(look(gone), KH_REASON_UNSET);
    assert_int_not_equal(look(rated), KH_REASON_UNSET);
    unsigned more = 0;
    while (more < 4 && look(limited) == KH_REASON_UNSET)
        more++;
    assert_true(more <= 2);

    // Another day back, and a start there: new tokens are good, old ones are not better than
    // before.
    authority.clock.manual_ms -= day * 1000;
    char *late = fixture_mint(&authority, "");
    assert_int_equal(look(late), KH_REASON_UNSET);
    assert_int_not_equal(look(gone), KH_REASON_UNSET);
    authority_close(&authority);
    assert_ok(authority_open(&authority,
                             &(struct master_key_source){.directory = fixture_source().directory},
                             clock_manual(FIXTURE_NOW - day), fault));
    assert_int_not_equal(look(gone), KH_REASON_UNSET);
    assert_int_not_equal(look(rated), KH_REASON_UNSET);
    authority_close(&authority);
    free(limited);
    free(rated);
    free(gone);
    free(late);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_of_the_database, setup, teardown),
        cmocka_unit_test_setup_teardown(ends_of_the_database, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_of_the_log, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_jumps, setup, teardown),
    };
    nth_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    printf("fault: authority_damage: %d changed files\n", 5 * FLIPS + 1);
    return failed;
}
