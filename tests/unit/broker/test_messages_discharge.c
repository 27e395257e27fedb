/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs of logins and dischargers. */
#include "../../../broker/messages.h"
#include "codec.h"

#include "../../../broker/messages_limits.h"

static struct bytes
random_text(struct random *random, struct buffer *pool, size_t least, size_t most)
{
    size_t n = least + random_below(random, most - least + 1);
    uint8_t *p = buffer_reserve(pool, n + 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)('a' + random_below(random, 26));
    buffer_advance(pool, n + 1);
    return bytes_of(p, n);
}

/* ---- login ---- */

static bool
login_ask_again(struct bytes body, struct buffer *again)
{
    struct message_login_ask message;
    if (message_login_ask_rx(body, &message) != KH_OK)
        return false;
    message_login_ask_tx(&message, again);
    return true;
}

static bool
login_done_again(struct bytes body, struct buffer *again)
{
    struct message_login_done message;
    if (message_login_done_rx(body, &message) != KH_OK)
        return false;
    message_login_done_tx(&message, again);
    return true;
}

static void
test_login_ask(void **state)
{
    struct random random = {.state = 4};
    (void)state;
    for (int i = 0; i < 100; i++) {
        BUFFER_AUTO pool, body;
        pool_init(&pool, 8192);
        buffer_init(&body, 8192);
        struct message_login_ask a = {
            .user = random_bytes(&random, &pool, MESSAGE_NAME_MAX),
            .credential_count = 1 + random_below(&random, TOKEN_CREDENTIALS_MAX),
            .lifetime_s = (int64_t)random_below(&random, INT64_MAX),
            .client = random_bytes(&random, &pool, 45),
        };
        struct message_login_ask b;
        for (size_t j = 0; j < a.credential_count; j++)
            a.credential[j] = random_bytes(&random, &pool, MESSAGE_NAME_MAX);
        message_login_ask_tx(&a, &body);
        assert_int_equal(message_login_ask_rx(buffer_bytes(&body), &b), KH_OK);
        assert_bytes_equal(a.user, b.user);
        assert_int_equal(a.credential_count, b.credential_count);
        for (size_t j = 0; j < a.credential_count; j++)
            assert_bytes_equal(a.credential[j], b.credential[j]);
        assert_true(a.lifetime_s == b.lifetime_s);
        assert_bytes_equal(a.client, b.client);
        codec_torture(&random, login_ask_again, buffer_bytes(&body));
    }
}

static void
test_login_ask_refuses(void **state)
{
    static const uint8_t long_name[MESSAGE_NAME_MAX + 1];
    const struct message_login_ask wrong[] = {
        {.user = BYTES("alice")}, // for nothing
        {.user = BYTES("alice"), .credential_count = TOKEN_CREDENTIALS_MAX + 1},
        {.user = BYTES("alice"), .credential_count = 1, .lifetime_s = -1},
        {.user = {long_name, sizeof(long_name)}, .credential_count = 1},
        {.user = BYTES("alice"),
         .credential = {{long_name, sizeof(long_name)}},
         .credential_count = 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        BUFFER_AUTO body;
        buffer_init(&body, 8192);
        message_login_ask_tx(&wrong[i], &body);
        if (!body.failed)
            fail_msg("case %zu was written", i);
    }
}

static void
test_login_done(void **state)
{
    struct random random = {.state = 5};
    (void)state;
    for (int i = 0; i < 100; i++) {
        BUFFER_AUTO pool, body;
        pool_init(&pool, 16384);
        buffer_init(&body, 16384);
        bool minted = random_below(&random, 2) == 1;
        struct message_login_done a = {.minted = minted,
                                       .retry_after_s = (uint32_t)random_next(&random)};
        struct message_login_done b;
        if (minted) {
            a.token = random_text(&random, &pool, 1, TOKEN_TEXT_MAX);
            a.expires_at = (int64_t)random_next(&random);
        } else {
            a.reason = (enum kh_reason)(1 + random_below(&random, KH_REASON_COUNT - 1));
        }
        message_login_done_tx(&a, &body);
        assert_int_equal(message_login_done_rx(buffer_bytes(&body), &b), KH_OK);
        assert_int_equal(a.minted, b.minted);
        assert_int_equal(a.reason, b.reason);
        assert_int_equal(a.retry_after_s, b.retry_after_s);
        assert_bytes_equal(a.token, b.token);
        assert_true(a.expires_at == b.expires_at);
        codec_torture(&random, login_done_again, buffer_bytes(&body));
    }
}

// A token without "minted" would be one that nobody answers for.
static void
test_login_done_refuses(void **state)
{
    const struct message_login_done wrong[] = {
        {0},
        {.minted = true},
        {.minted = true, .token = BYTES("kh1_"), .reason = KH_REASON_LOGIN_TOO_OFTEN},
        {.reason = KH_REASON_LOGIN_TOO_OFTEN, .token = BYTES("kh1_")},
        {.reason = KH_REASON_LOGIN_TOO_OFTEN, .expires_at = 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        BUFFER_AUTO body;
        buffer_init(&body, 1024);
        message_login_done_tx(&wrong[i], &body);
        if (!body.failed)
            fail_msg("case %zu was written", i);
    }
}

/* ---- dischargers ---- */

static void
random_discharger(struct random *random, struct discharger *out)
{
    BUFFER_AUTO pool;
    *out = (struct discharger){0};
    pool_init(&pool, 1024);
    struct bytes name = random_text(random, &pool, 0, DISCHARGER_NAME_MAX);
    struct bytes url = random_text(random, &pool, 1, DISCHARGER_URL_MAX);
    memcpy(out->name, name.p, name.n);
    memcpy(out->url, url.p, url.n);
    for (size_t i = 0; i < TICKET_PUBLIC_KEY_SIZE; i++)
        out->public_key[i] = (uint8_t)random_next(random);
}

static void
assert_discharger_equal(const struct discharger *a, const struct discharger *b)
{
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->url, b->url);
    assert_memory_equal(a->public_key, b->public_key, TICKET_PUBLIC_KEY_SIZE);
}

static bool
ready_again(struct bytes body, struct buffer *again)
{
    struct discharger discharger;
    if (message_discharger_ready_rx(body, &discharger) != KH_OK)
        return false;
    message_discharger_ready_tx(&discharger, again);
    return true;
}

static bool
dischargers_again(struct bytes body, struct buffer *again)
{
    struct message_dischargers message;
    if (message_dischargers_rx(body, &message) != KH_OK)
        return false;
    message_dischargers_tx(&message, again);
    return true;
}

static void
test_dischargers(void **state)
{
    struct random random = {.state = 6};
    (void)state;
    for (size_t count = 0; count <= DISCHARGERS_MAX; count++) {
        struct message_dischargers a = {.count = count}, b;
        struct discharger ready;
        BUFFER_AUTO body, one;
        buffer_init(&body, 65536);
        buffer_init(&one, 4096);
        for (size_t i = 0; i < DISCHARGERS_MAX; i++)
            random_discharger(&random, &a.discharger[i]);
        message_dischargers_tx(&a, &body);
        assert_int_equal(message_dischargers_rx(buffer_bytes(&body), &b), KH_OK);
        assert_int_equal(a.count, b.count);
        for (size_t i = 0; i < count; i++)
            assert_discharger_equal(&a.discharger[i], &b.discharger[i]);
        codec_torture(&random, dischargers_again, buffer_bytes(&body));
        message_discharger_ready_tx(&a.discharger[0], &one);
        assert_int_equal(message_discharger_ready_rx(buffer_bytes(&one), &ready), KH_OK);
        assert_discharger_equal(&a.discharger[0], &ready);
        codec_torture(&random, ready_again, buffer_bytes(&one));
    }
}

static void
test_dischargers_refuses(void **state)
{
    struct message_dischargers none = {0}, many = {.count = DISCHARGERS_MAX + 1};
    struct discharger nameless = {.url = "http://localhost:1"}, nowhere = {.name = "local"};
    struct discharger latin = {.name = "\xff", .url = "http://localhost:1"}, endless, out;
    BUFFER_AUTO body;
    (void)state;
    memset(&endless, 'x', sizeof(endless)); // its texts have no end
    const struct discharger *const wrong[] = {&nowhere, &latin, &endless};
    for (size_t i = 0; i < 3; i++) {
        BUFFER_AUTO one;
        buffer_init(&one, 4096);
        message_discharger_ready_tx(wrong[i], &one);
        if (!one.failed)
            fail_msg("case %zu was written", i);
    }
    buffer_init(&body, 65536);
    message_dischargers_tx(&none, &body);
    assert_false(body.failed);
    message_dischargers_tx(&many, &body);
    assert_true(body.failed);
    buffer_free(&body);
    message_discharger_ready_tx(&nameless, &body);
    assert_int_equal(message_discharger_ready_rx(buffer_bytes(&body), &out), KH_OK);
    // A NUL inside a text would make two readers see two URLs.
    body.p[4 + 4 + 6] = 0;
    assert_int_equal(message_discharger_ready_rx(buffer_bytes(&body), &out), KH_ERR_PROTOCOL);
}

/* ---- the discharger's configuration ---- */

static bool
config_again(struct bytes body, struct buffer *again)
{
    struct message_discharger_config message;
    if (message_discharger_config_rx(body, &message) != KH_OK)
        return false;
    message_discharger_config_tx(&message, again);
    return true;
}

static void
test_config(void **state)
{
    struct random random = {.state = 7};
    (void)state;
    for (size_t count = 0; count <= DISCHARGER_AAGUIDS_MAX; count++) {
        BUFFER_AUTO pool, body;
        pool_init(&pool, 1024);
        buffer_init(&body, 65536);
        struct message_discharger_config a = {
            .settings = {.attestation = (enum attestation_demand)random_below(&random, 2),
                         .aaguid_count = count,
                         .firmware = (uint32_t)random_next(&random)},
            .url = random_text(&random, &pool, 1, DISCHARGER_URL_MAX),
            .log_format = (uint8_t)random_below(&random, 3),
            .log_level = (uint8_t)random_below(&random, 4),
        };
        struct message_discharger_config b;
        for (size_t i = 0; i < count * 16; i++)
            a.settings.aaguid[i / 16][i % 16] = (uint8_t)random_next(&random);
        message_discharger_config_tx(&a, &body);
        assert_int_equal(message_discharger_config_rx(buffer_bytes(&body), &b), KH_OK);
        assert_int_equal(a.settings.attestation, b.settings.attestation);
        assert_int_equal(a.settings.aaguid_count, b.settings.aaguid_count);
        assert_memory_equal(a.settings.aaguid, b.settings.aaguid, count * 16);
        assert_int_equal(a.settings.firmware, b.settings.firmware);
        assert_bytes_equal(a.url, b.url);
        assert_int_equal(a.log_format, b.log_format);
        assert_int_equal(a.log_level, b.log_level);
        codec_torture(&random, config_again, buffer_bytes(&body));
    }
}

static void
test_config_refuses(void **state)
{
    const struct message_discharger_config wrong[] = {
        {0},
        {.url = BYTES("http://localhost\0")},
        {.url = BYTES("http://localhost"), .log_format = 4},
        {.url = BYTES("http://localhost"), .log_level = 4},
        {.url = BYTES("http://localhost"), .settings.attestation = 2},
        {.url = BYTES("http://localhost"), .settings.aaguid_count = DISCHARGER_AAGUIDS_MAX + 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        BUFFER_AUTO body;
        buffer_init(&body, 65536);
        message_discharger_config_tx(&wrong[i], &body);
        if (!body.failed)
            fail_msg("case %zu was written", i);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login_ask_refuses),   cmocka_unit_test(test_login_done_refuses),
        cmocka_unit_test(test_dischargers_refuses), cmocka_unit_test(test_config_refuses),
        cmocka_unit_test(test_login_ask),           cmocka_unit_test(test_login_done),
        cmocka_unit_test(test_dischargers),         cmocka_unit_test(test_config),
    };
    return cmocka_run_group_tests_name("messages_discharge", tests, NULL, NULL);
}
