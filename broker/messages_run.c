/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: what a broker tells a run of its token, and of what was refused. */
#include "messages.h"

#include "messages_limits.h"
#include "wire.h"

static bool
run_is_named(const uint8_t run[RUN_ID_SIZE])
{
    uint8_t seen = 0;
    for (int i = 0; i < RUN_ID_SIZE; i++)
        seen |= run[i];
    return seen != 0;
}

void
message_environment_ask_tx(const struct message_environment_ask *message, struct buffer *out)
{
    wire_put_require(out, !message->ca_alone || message->token.n == 0);
    wire_put_bool(out, message->ca_alone);
    wire_put_bytes(out, message->token, MESSAGE_ANY_MAX);
    wire_put_bytes(out, message->client, MESSAGE_ADDRESS_MAX);
}

enum kh_err
message_environment_ask_rx(struct bytes body, struct message_environment_ask *out)
{
    struct message_environment_ask message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.ca_alone = wire_get_bool(&reader);
    message.token = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    message.client = wire_get_bytes(&reader, MESSAGE_ADDRESS_MAX);
    wire_require(&reader, !message.ca_alone || message.token.n == 0);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

static bool
environment_is_consistent(const struct message_environment *message)
{
    return message->given ? message->reason == KH_REASON_UNSET
                          : message->reason != KH_REASON_UNSET && message->content.n == 0;
}

void
message_environment_tx(const struct message_environment *message, struct buffer *out)
{
    wire_put_require(out, environment_is_consistent(message));
    wire_put_bool(out, message->given);
    wire_put_enum(out, message->reason, KH_REASON_COUNT);
    wire_put_fixed(out, message->request_id, sizeof message->request_id);
    wire_put_bytes(out, message->content, MESSAGE_ANY_MAX);
}

enum kh_err
message_environment_rx(struct bytes body, struct message_environment *out)
{
    struct message_environment message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.given = wire_get_bool(&reader);
    message.reason = (enum kh_reason)wire_get_enum(&reader, KH_REASON_COUNT);
    wire_get_fixed(&reader, message.request_id, sizeof message.request_id);
    message.content = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    wire_require(&reader, environment_is_consistent(&message));
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

void
message_run_ask_tx(const uint8_t run[RUN_ID_SIZE], struct buffer *out)
{
    wire_put_require(out, run_is_named(run));
    wire_put_fixed(out, run, RUN_ID_SIZE);
}

enum kh_err
message_run_ask_rx(struct bytes body, uint8_t run[RUN_ID_SIZE])
{
    uint8_t read[RUN_ID_SIZE] = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    wire_get_fixed(&reader, read, RUN_ID_SIZE);
    wire_require(&reader, run_is_named(read));
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    for (int i = 0; i < RUN_ID_SIZE; i++)
        run[i] = read[i];
    return KH_OK;
}

void
message_run_refused_tx(const struct message_run_refused *message, struct buffer *out)
{
    wire_put_require(out, run_is_named(message->run) && message->host.n > 0);
    wire_put_fixed(out, message->run, RUN_ID_SIZE);
    wire_put_bytes(out, message->host, MESSAGE_HOST_MAX);
}

enum kh_err
message_run_refused_rx(struct bytes body, struct message_run_refused *out)
{
    struct message_run_refused message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    wire_get_fixed(&reader, message.run, RUN_ID_SIZE);
    message.host = wire_get_bytes(&reader, MESSAGE_HOST_MAX);
    wire_require(&reader, run_is_named(message.run) && message.host.n > 0);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}
