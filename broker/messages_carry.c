/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: requests that the authority composes and a proxy carries. */
#include "messages.h"

#include "edit_wire.h"
#include "messages_limits.h"

void
edits_put(struct buffer *out, const struct edit *edit, size_t count)
{
    size_t n = wire_put_count(out, count, DECISION_EDITS_MAX);
    for (size_t i = 0; i < n; i++) {
        wire_put_require(out, edit[i].kind != EDIT_UNSET);
        wire_put_enum(out, edit[i].kind, EDIT_COUNT);
        wire_put_bytes(out, edit[i].name, MESSAGE_FIELD_MAX);
        wire_put_bytes(out, edit[i].value, MESSAGE_ANY_MAX);
    }
}

size_t
edits_get(struct wire_reader *reader, struct edit *edit)
{
    size_t n = wire_get_count(reader, DECISION_EDITS_MAX);
    for (size_t i = 0; i < n; i++) {
        edit[i].kind = (enum edit_kind)wire_get_enum(reader, EDIT_COUNT);
        wire_require(reader, edit[i].kind != EDIT_UNSET);
        edit[i].name = wire_get_bytes(reader, MESSAGE_FIELD_MAX);
        edit[i].value = wire_get_bytes(reader, MESSAGE_ANY_MAX);
    }
    return n;
}

static bool
carry_holds(const struct message_carry *message)
{
    return message->credential.n > 0 && message->host.n > 0 && message->port > 0 &&
           message->method.n > 0 && message->target.n > 0 && message->timeout_ms > 0;
}

void
message_carry_tx(const struct message_carry *message, struct buffer *out)
{
    wire_put_require(out, carry_holds(message));
    wire_put_bytes(out, message->credential, MESSAGE_NAME_MAX);
    wire_put_bool(out, message->plain);
    wire_put_bytes(out, message->host, MESSAGE_HOST_MAX);
    wire_put_u16(out, message->port);
    wire_put_bytes(out, message->method, MESSAGE_METHOD_MAX);
    wire_put_bytes(out, message->target, MESSAGE_ANY_MAX);
    size_t n = wire_put_count(out, message->field_count, CARRY_FIELDS_MAX);
    for (size_t i = 0; i < n; i++) {
        wire_put_bytes(out, message->field[i].name, MESSAGE_FIELD_MAX);
        wire_put_bytes(out, message->field[i].value, MESSAGE_ANY_MAX);
    }
    edits_put(out, message->edit, message->edit_count);
    wire_put_bytes(out, message->body, MESSAGE_ANY_MAX);
    wire_put_bool(out, message->status_alone);
    wire_put_u32(out, message->timeout_ms);
}

enum kh_err
message_carry_rx(struct bytes body, struct message_carry *out)
{
    struct message_carry message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.credential = wire_get_bytes(&reader, MESSAGE_NAME_MAX);
    message.plain = wire_get_bool(&reader);
    message.host = wire_get_bytes(&reader, MESSAGE_HOST_MAX);
    message.port = wire_get_u16(&reader);
    message.method = wire_get_bytes(&reader, MESSAGE_METHOD_MAX);
    message.target = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    message.field_count = wire_get_count(&reader, CARRY_FIELDS_MAX);
    for (size_t i = 0; i < message.field_count; i++) {
        message.field[i].name = wire_get_bytes(&reader, MESSAGE_FIELD_MAX);
        message.field[i].value = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    }
    message.edit_count = edits_get(&reader, message.edit);
    message.body = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    message.status_alone = wire_get_bool(&reader);
    message.timeout_ms = wire_get_u32(&reader);
    wire_require(&reader, carry_holds(&message));
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

// An answer, or a reason why there is none: never both, never neither.
static bool
carried_holds(const struct message_carried *message)
{
    if (message->answered)
        return message->status >= 200 && message->status <= 599 &&
               message->reason == KH_REASON_UNSET && message->detail.n == 0;
    return message->status == 0 && message->body.n == 0 && message->reason != KH_REASON_UNSET;
}

void
message_carried_tx(const struct message_carried *message, struct buffer *out)
{
    wire_put_require(out, carried_holds(message));
    wire_put_bool(out, message->answered);
    wire_put_u16(out, message->status);
    wire_put_bytes(out, message->body, CARRY_ANSWER_MAX);
    wire_put_enum(out, message->reason, KH_REASON_COUNT);
    wire_put_bytes(out, message->detail, MESSAGE_DETAIL_MAX);
}

enum kh_err
message_carried_rx(struct bytes body, struct message_carried *out)
{
    struct message_carried message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.answered = wire_get_bool(&reader);
    message.status = wire_get_u16(&reader);
    message.body = wire_get_bytes(&reader, CARRY_ANSWER_MAX);
    message.reason = (enum kh_reason)wire_get_enum(&reader, KH_REASON_COUNT);
    message.detail = wire_get_bytes(&reader, MESSAGE_DETAIL_MAX);
    wire_require(&reader, carried_holds(&message));
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}
