/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs of what the supervisor gives its children. */
#include "../../../broker/messages.h"
#include "codec.h"

#include "../../../broker/channel.h"
#include "../../../broker/config_internal.h"
#include "../../../broker/messages_limits.h"

/* ---- configuration ---- */

static void
random_config(struct random *random, struct config *out)
{
    config_init(out);
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        const struct config_setting *setting = &config_setting[i];
        size_t span = (size_t)(setting->maximum - setting->minimum) + 1;
        config_set(out, setting, setting->minimum + (int64_t)random_below(random, span));
    }
    out->name_count = random_below(random, MESSAGE_CONFIG_NAMES_MAX + 1);
    out->name = calloc(out->name_count + 1, sizeof(*out->name));
    assert_non_null(out->name);
    for (size_t i = 0; i < out->name_count; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "n%u.example", (unsigned)random_next(random));
        out->name[i] = strdup(name);
    }
}

static bool
config_again(struct bytes body, struct buffer *again)
{
    struct config config;
    config_init(&config);
    bool taken = message_config_rx(body, &config) == KH_OK;
    if (taken)
        message_config_tx(&config, again);
    config_free(&config);
    return taken;
}

static void
test_config(void **state)
{
    struct random random = {.state = 1};
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct config a, b;
        BUFFER_AUTO body;
        buffer_init(&body, 65536);
        random_config(&random, &a);
        config_init(&b);
        message_config_tx(&a, &body);
        assert_false(body.failed);
        assert_int_equal(message_config_rx(buffer_bytes(&body), &b), KH_OK);
        for (size_t j = 0; j < CONFIG_SETTINGS; j++)
            assert_true(config_get(&a, &config_setting[j]) == config_get(&b, &config_setting[j]));
        assert_int_equal(a.name_count, b.name_count);
        for (size_t j = 0; j < a.name_count; j++)
            assert_string_equal(a.name[j], b.name[j]);
        if (i % 10 == 0)
            codec_torture(&random, config_again, buffer_bytes(&body));
        config_free(&a);
        config_free(&b);
    }
}

static void
test_config_again_replaces_names(void **state)
{
    struct random random = {.state = 9};
    struct config a, b;
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 65536);
    random_config(&random, &a);
    random_config(&random, &b);
    message_config_tx(&a, &body);
    assert_int_equal(message_config_rx(buffer_bytes(&body), &b), KH_OK);
    assert_int_equal(a.name_count, b.name_count);
    config_free(&a);
    config_free(&b);
}

static void
test_config_out_of_range(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        const struct config_setting *setting = &config_setting[i];
        const int64_t wrong[] = {setting->minimum - 1, setting->maximum + 1, INT64_MIN, INT64_MAX};
        for (size_t j = 0; j < 4; j++) {
            struct config config, out = {.workers = 55};
            BUFFER_AUTO body;
            buffer_init(&body, 65536);
            config_init(&config);
            message_config_tx(&config, &body);
            for (size_t k = 0; k < 8; k++) // scalars come first, eight bytes each, in order
                body.p[8 * i + k] = (uint8_t)((uint64_t)wrong[j] >> (8 * k));
            assert_int_equal(message_config_rx(buffer_bytes(&body), &out), KH_ERR_PROTOCOL);
            assert_int_equal(out.workers, 55);
            buffer_free(&body);
            config_set(&config, setting, wrong[j]);
            message_config_tx(&config, &body);
            assert_true(body.failed);
            config_free(&config);
        }
    }
}

static void
test_config_names(void **state)
{
    static const struct bytes wrong[] = {BYTES(""), BYTES("a\0b")};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct config config;
        BUFFER_AUTO body;
        buffer_init(&body, 65536);
        config_init(&config);
        message_config_tx(&config, &body);
        body.n -= 2; // the number of names
        buffer_put(&body, BYTES("\1\0"));
        buffer_put(&body, bytes_of((const uint8_t[]){(uint8_t)wrong[i].n, 0, 0, 0}, 4));
        buffer_put(&body, wrong[i]);
        assert_int_equal(message_config_rx(buffer_bytes(&body), &config), KH_ERR_PROTOCOL);
        config_free(&config);
    }
}

/* ---- listeners ---- */

static bool
listener_again(struct bytes body, struct buffer *again)
{
    struct message_listener message;
    if (message_listener_rx(body, &message) != KH_OK)
        return false;
    message_listener_tx(&message, again);
    return true;
}

static void
random_gateway(struct random *random, enum listener_kind kind,
               struct message_listener_gateway *gateway)
{
    gateway->only = random_below(random, 2) == 1;
    if (gateway->only && kind == LISTENER_UNIX)
        gateway->uid_count = random_below(random, LISTENER_UIDS_MAX + 1);
    else if (gateway->only)
        gateway->key_count = 1 + random_below(random, LISTENER_GATEWAY_KEYS_MAX);
    for (size_t i = 0; i < gateway->uid_count; i++)
        gateway->uid[i] = (uint32_t)random_below(random, UINT32_MAX);
    for (size_t i = 0; i < gateway->key_count; i++)
        memset(gateway->key_hash[i], (int)(1 + random_below(random, 255)), GATEWAY_KEY_HASH_SIZE);
}

static void
test_listener(void **state)
{
    struct random random = {.state = 2};
    (void)state;
    for (int i = 0; i < 100; i++) {
        BUFFER_AUTO pool, body;
        pool_init(&pool, 1 << 17);
        buffer_init_secret(&body, 131072);
        struct message_listener a = {
            .kind = (enum listener_kind)(1 + random_below(&random, LISTENER_KIND_COUNT - 1)),
            .name = random_bytes(&random, &pool, MESSAGE_LISTENER_MAX),
            .certificate = random_bytes(&random, &pool, 30000),
            .key = random_bytes(&random, &pool, 5000),
        };
        struct message_listener b;
        if (a.kind >= LISTENER_DNS_UDP)
            a.answer[random_below(&random, 4)] = 1;
        else
            a.tls = random_below(&random, 2) == 1;
        a.transparent = a.kind == LISTENER_TCP && !a.tls && random_below(&random, 2) == 1;
        if (a.kind < LISTENER_DNS_UDP && !a.transparent)
            random_gateway(&random, a.kind, &a.gateway);
        message_listener_tx(&a, &body);
        assert_int_equal(message_listener_rx(buffer_bytes(&body), &b), KH_OK);
        assert_int_equal(a.kind, b.kind);
        assert_int_equal(a.tls, b.tls);
        assert_bytes_equal(a.name, b.name);
        assert_bytes_equal(a.certificate, b.certificate);
        assert_bytes_equal(a.key, b.key);
        assert_memory_equal(a.answer, b.answer, sizeof a.answer);
        assert_int_equal(a.transparent, b.transparent);
        assert_memory_equal(&a.gateway, &b.gateway, sizeof a.gateway);
        if (i % 10 == 0)
            codec_torture(&random, listener_again, buffer_bytes(&body));
    }
}

static void
test_listener_of_no_kind(void **state)
{
    static const struct message_listener wrong[] = {
        {0},
        {.kind = LISTENER_DNS_UDP}, // without an answer
        {.kind = LISTENER_DNS_TCP, .tls = true, .answer = {192, 0, 2, 1}},
        {.kind = LISTENER_TCP, .answer = {192, 0, 2, 1}},
        {.kind = LISTENER_TCP, .tls = true, .transparent = true},
        {.kind = LISTENER_UNIX, .transparent = true},
        {.kind = LISTENER_TCP, .gateway = {.only = true}}, // and no way to prove it
        {.kind = LISTENER_TCP, .gateway = {.only = true, .uid_count = 1, .key_count = 1}},
        {.kind = LISTENER_TCP, .gateway = {.key_count = 1}},
        {.kind = LISTENER_TCP, .gateway = {.only = true, .key_count = 3}},
        {.kind = LISTENER_UNIX, .gateway = {.only = true, .key_count = 1}},
        {.kind = LISTENER_UNIX, .gateway = {.uid_count = 1}},
        {.kind = LISTENER_UNIX, .gateway = {.only = true, .uid_count = LISTENER_UIDS_MAX + 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        BUFFER_AUTO body;
        buffer_init(&body, 1024);
        message_listener_tx(&wrong[i], &body);
        assert_true(body.failed);
    }
}

// A chain and its key fit the message that carries them.
static void
test_listener_fits_its_message(void **state)
{
    static uint8_t chain[100000], key[10000];
    const struct message_listener listener = {.kind = LISTENER_TCP,
                                              .name = BYTES("0.0.0.0:8443"),
                                              .certificate = {chain, sizeof(chain)},
                                              .key = {key, sizeof(key)}};
    BUFFER_AUTO body;
    (void)state;
#define KH_MESSAGE(label, number, from, to, size, with_fd)                                         \
    if (number == MESSAGE_LISTENER)                                                                \
        buffer_init(&body, size);
#include "../../../schema/messages.def"
    message_listener_tx(&listener, &body);
    assert_false(body.failed);
}

/* ---- states and texts ---- */

static bool
process_state_again(struct bytes body, struct buffer *again)
{
    struct message_process_state message;
    if (message_process_state_rx(body, &message) != KH_OK)
        return false;
    message_process_state_tx(&message, again);
    return true;
}

static void
test_process_state(void **state)
{
    struct random random = {.state = 3};
    (void)state;
    for (int i = 0; i < 100; i++) {
        BUFFER_AUTO pool, body;
        pool_init(&pool, 4096);
        buffer_init(&body, 1024);
        struct message_process_state a = {
            .role = (uint8_t)(1 + random_below(&random, ROLE_DISCHARGER)),
            .index = (uint32_t)random_next(&random),
            .pid = (uint32_t)random_next(&random),
            .restarts = (uint32_t)random_next(&random),
            .running = random_below(&random, 2) == 1,
            .note = random_bytes(&random, &pool, 100),
        };
        struct message_process_state b;
        message_process_state_tx(&a, &body);
        assert_int_equal(message_process_state_rx(buffer_bytes(&body), &b), KH_OK);
        assert_int_equal(a.role, b.role);
        assert_int_equal(a.index, b.index);
        assert_int_equal(a.pid, b.pid);
        assert_int_equal(a.restarts, b.restarts);
        assert_int_equal(a.running, b.running);
        assert_bytes_equal(a.note, b.note);
        codec_torture(&random, process_state_again, buffer_bytes(&body));
    }
}

static void
test_process_state_needs_a_role(void **state)
{
    const struct message_process_state wrong[] = {{.role = ROLE_UNSET}, {.role = 99}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        BUFFER_AUTO body;
        buffer_init(&body, 1024);
        message_process_state_tx(&wrong[i], &body);
        assert_true(body.failed);
    }
}

static void
test_text(void **state)
{
    struct bytes text = BYTES("untouched");
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 1024);
    message_text_tx(BYTES("\xff"), &body);
    assert_true(body.failed);
    assert_int_equal(message_text_rx(BYTES("\xc3"), &text), KH_ERR_PROTOCOL);
    assert_bytes_equal(text, BYTES("untouched"));
    buffer_free(&body);
    message_text_tx(BYTES("why \xe2\x80\x94 because"), &body);
    assert_int_equal(message_text_rx(buffer_bytes(&body), &text), KH_OK);
    assert_bytes_equal(text, BYTES("why \xe2\x80\x94 because"));
    buffer_free(&body);
    message_text_tx(BYTES_EMPTY, &body);
    assert_false(body.failed);
    assert_int_equal(message_text_rx(buffer_bytes(&body), &text), KH_OK);
    assert_int_equal(text.n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_out_of_range),
        cmocka_unit_test(test_config_names),
        cmocka_unit_test(test_listener_of_no_kind),
        cmocka_unit_test(test_process_state_needs_a_role),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_config_again_replaces_names),
        cmocka_unit_test(test_listener),
        cmocka_unit_test(test_listener_fits_its_message),
        cmocka_unit_test(test_process_state),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests_name("messages_setup", tests, NULL, NULL);
}
