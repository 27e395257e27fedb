/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: access tokens that stand in an upstream's answer, and are kept for it. */
#include "messages.h"

#include "messages_limits.h"
#include "wire.h"

void
message_seal_token_tx(const struct message_seal_token *message, struct buffer *out)
{
    wire_put_require(out, message->token.n > 0);
    wire_put_fixed(out, message->request_id, REQUEST_ID_SIZE);
    wire_put_bytes(out, message->token, SEAL_TOKEN_MAX);
}

enum kh_err
message_seal_token_rx(struct bytes body, struct message_seal_token *out)
{
    struct message_seal_token message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    wire_get_fixed(&reader, message.request_id, REQUEST_ID_SIZE);
    message.token = wire_get_bytes(&reader, SEAL_TOKEN_MAX);
    wire_require(&reader, message.token.n > 0);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

static bool
sealed_holds(const struct message_token_sealed *message)
{
    return !message->sealed || message->detail.n == 0;
}

void
message_token_sealed_tx(const struct message_token_sealed *message, struct buffer *out)
{
    wire_put_require(out, sealed_holds(message));
    wire_put_bool(out, message->sealed);
    wire_put_bytes(out, message->detail, MESSAGE_DETAIL_MAX);
}

enum kh_err
message_token_sealed_rx(struct bytes body, struct message_token_sealed *out)
{
    struct message_token_sealed message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.sealed = wire_get_bool(&reader);
    message.detail = wire_get_bytes(&reader, MESSAGE_DETAIL_MAX);
    wire_require(&reader, sealed_holds(&message));
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}
