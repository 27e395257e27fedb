/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/messages_request.c broker/messages_route.c broker/messages_setup.c
 * broker/messages_carry.c broker/messages_discharge.c broker/messages_run.c broker/messages_seal.c
 * broker/messages_body.c broker/wire.c
 *
 * One body for one value: what a codec takes it writes again byte for byte, and every message of
 * schema/messages.def has a codec here.
 *
 * Input: the body of a message, tried as each of them.
 */

#include "../../../broker/channel.h"
#include "../../../broker/messages.h"
#include "../fuzz.h"

typedef bool codec_fn(struct bytes body, struct buffer *out);

#define CODEC(name, type)                                                                          \
    static bool name##_again(struct bytes body, struct buffer *out)                                \
    {                                                                                              \
        static type message;                                                                       \
        memset(&message, 0xa5, sizeof message);                                                    \
        if (message_##name##_rx(body, &message) != KH_OK)                                          \
            return false;                                                                          \
        message_##name##_tx(&message, out);                                                        \
        return true;                                                                               \
    }

CODEC(route, struct route)
CODEC(decide, struct message_decide)
CODEC(decision, struct message_decision)
CODEC(body_part, struct message_body_part)
CODEC(finished, struct message_finished)
CODEC(carry, struct message_carry)
CODEC(carried, struct message_carried)
CODEC(seal_token, struct message_seal_token)
CODEC(token_sealed, struct message_token_sealed)
CODEC(leaf_ask, struct message_leaf_ask)
CODEC(leaf, struct message_leaf)
CODEC(revoke_ask, struct message_revoke_ask)
CODEC(revoke_done, struct message_revoke_done)
CODEC(login_ask, struct message_login_ask)
CODEC(login_done, struct message_login_done)
CODEC(environment_ask, struct message_environment_ask)
CODEC(environment, struct message_environment)
CODEC(run_refused, struct message_run_refused)
CODEC(dischargers, struct message_dischargers)
CODEC(discharger_config, struct message_discharger_config)
CODEC(discharger_ready, struct discharger)
CODEC(listener, struct message_listener)
CODEC(process_state, struct message_process_state)
CODEC(metrics_page, struct message_metrics_page)

static bool
config_again(struct bytes body, struct buffer *out)
{
    struct config config;
    memset(&config, 0, sizeof config);
    bool taken = message_config_rx(body, &config) == KH_OK;
    if (taken)
        message_config_tx(&config, out);
    config_free(&config);
    return taken;
}

static bool
run_ask_again(struct bytes body, struct buffer *out)
{
    uint8_t run[RUN_ID_SIZE];
    if (message_run_ask_rx(body, run) != KH_OK)
        return false;
    message_run_ask_tx(run, out);
    return true;
}

static bool
text_again(struct bytes body, struct buffer *out)
{
    struct bytes text;
    if (message_text_rx(body, &text) != KH_OK)
        return false;
    message_text_tx(text, out);
    return true;
}

/* The codec of each message; NULL: nobody reads its body, which is empty. */
#define CODEC_CONFIG                 config_again
#define CODEC_CONFIG_AUTHORITY       config_again
#define CODEC_LISTENER               listener_again
#define CODEC_ADMIN_LISTENER         NULL
#define CODEC_AUTHORITY_CHANNEL      NULL
#define CODEC_PROXY_CHANNEL          NULL
#define CODEC_PROXY_READY            NULL
#define CODEC_AUTHORITY_READY        NULL
#define CODEC_PROXY_DRAIN            NULL
#define CODEC_AUTHORITY_STOP         NULL
#define CODEC_PROCESS_STATE          process_state_again
#define CODEC_PEER_FAULT             text_again
#define CODEC_SUPERVISOR_LISTENERS   text_again
#define CODEC_DISCHARGER_CONFIG      discharger_config_again
#define CODEC_DISCHARGER_LISTENER    listener_again
#define CODEC_DISCHARGER_ADMIN       NULL
#define CODEC_DISCHARGER_READY       discharger_ready_again
#define CODEC_DISCHARGER_DRAIN       NULL
#define CODEC_AUTHORITY_DISCHARGERS  dischargers_again
#define CODEC_PROXY_DISCHARGERS      dischargers_again
#define CODEC_METRICS_PAGE           metrics_page_again
#define CODEC_ROUTES_BEGIN           NULL
#define CODEC_ROUTE                  route_again
#define CODEC_ROUTES_END             NULL
#define CODEC_REJUDGE                NULL
#define CODEC_DECIDE                 decide_again
#define CODEC_DECISION               decision_again
#define CODEC_FINISHED               finished_again
#define CODEC_LEAF_ASK               leaf_ask_again
#define CODEC_LEAF                   leaf_again
#define CODEC_REVOKE_ASK             revoke_ask_again
#define CODEC_REVOKE_DONE            revoke_done_again
#define CODEC_LOGIN_ASK              login_ask_again
#define CODEC_LOGIN_DONE             login_done_again
#define CODEC_CARRY                  carry_again
#define CODEC_CARRIED                carried_again
#define CODEC_BODY_PART              body_part_again
#define CODEC_DECISION_LATER         NULL
#define CODEC_SEAL_TOKEN             seal_token_again
#define CODEC_TOKEN_SEALED           token_sealed_again
#define CODEC_ENVIRONMENT_ASK        environment_ask_again
#define CODEC_ENVIRONMENT            environment_again
#define CODEC_RUN_ASK                run_ask_again
#define CODEC_RUN                    text_again
#define CODEC_RUN_REFUSED            run_refused_again
#define CODEC_RELOAD_ASK             NULL
#define CODEC_RELOAD_DONE            text_again
#define CODEC_DISCHARGER_RELOAD_ASK  NULL
#define CODEC_DISCHARGER_RELOAD_DONE text_again
#define CODEC_PASS_THROUGH           route_again
#define CODEC_PASS_THROUGH_END       NULL

static const struct {
    codec_fn *again;
    size_t body_max;
} codecs[] = {
#define KH_MESSAGE(name, number, sender, receiver, body_max, carries_fd) {CODEC_##name, body_max},
#include "../../../schema/messages.def"
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes body = bytes_of(data, size);
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        BUFFER_AUTO out = {0};
        buffer_init(&out, 1 << 20);
        if (codecs[i].again == NULL || size > codecs[i].body_max || !codecs[i].again(body, &out))
            continue;
        FUZZ_CHECK(!out.failed);
        FUZZ_SAME(buffer_bytes(&out), body);
    }
    return 0;
}
