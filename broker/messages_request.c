/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: one request, its decision and what became of it. */
#include "messages.h"

#include "edit_wire.h"
#include "messages_limits.h"
#include "slot_wire.h"
#include "wire.h"

#include <string.h>

static const char *const way_names[] = {
    [WAY_UNSET] = "unset",           [WAY_BASE_URL] = "base-url",       [WAY_HOST] = "host",
    [WAY_HTTP_PROXY] = "http-proxy", [WAY_CONNECT] = "connect",         [WAY_OWN] = "own",
    [WAY_TUNNEL] = "tunnel",         [WAY_TRANSPARENT] = "transparent", [WAY_CHECK] = "check",
};

const char *
way_name(enum way way)
{
    return (unsigned)way < sizeof(way_names) / sizeof(way_names[0]) ? way_names[way] : "unset";
}

static void
pairs_put(struct buffer *out, const struct fact_pair *pair, size_t count)
{
    size_t n = wire_put_count(out, count, DECIDE_PAIRS_MAX);
    for (size_t i = 0; i < n; i++) {
        wire_put_bytes(out, pair[i].name, MESSAGE_ANY_MAX);
        wire_put_bytes(out, pair[i].value, MESSAGE_ANY_MAX);
    }
}

static size_t
pairs_get(struct wire_reader *reader, struct fact_pair *pair)
{
    size_t n = wire_get_count(reader, DECIDE_PAIRS_MAX);
    for (size_t i = 0; i < n; i++) {
        pair[i].name = wire_get_bytes(reader, MESSAGE_ANY_MAX);
        pair[i].value = wire_get_bytes(reader, MESSAGE_ANY_MAX);
    }
    return n;
}

static bool
body_is_consistent(const struct facts_body *body)
{
    return body->is_json ? body->is_read : body->value_count == 0;
}

static void
body_put(struct buffer *out, const struct facts_body *body)
{
    wire_put_require(out, body_is_consistent(body));
    wire_put_bool(out, body->has_size);
    wire_put_u64(out, body->size);
    wire_put_bool(out, body->has_sha256);
    wire_put_fixed(out, body->sha256, sizeof body->sha256);
    wire_put_bool(out, body->is_read);
    wire_put_bool(out, body->is_json);
    size_t n = wire_put_count(out, body->value_count, BODY_POINTERS_MAX);
    for (size_t i = 0; i < n; i++) {
        wire_put_bytes(out, body->value[i].pointer, MESSAGE_POINTER_MAX);
        wire_put_enum(out, body->value[i].value.type, BODY_TYPE_COUNT);
        wire_put_bytes(out, body->value[i].value.text, BODY_VALUE_MAX);
    }
}

static void
body_get(struct wire_reader *reader, struct facts_body *body, struct fact_body_value *value)
{
    body->has_size = wire_get_bool(reader);
    body->size = wire_get_u64(reader);
    body->has_sha256 = wire_get_bool(reader);
    wire_get_fixed(reader, body->sha256, sizeof body->sha256);
    body->is_read = wire_get_bool(reader);
    body->is_json = wire_get_bool(reader);
    body->value_count = wire_get_count(reader, BODY_POINTERS_MAX);
    for (size_t i = 0; i < body->value_count; i++) {
        value[i].pointer = wire_get_bytes(reader, MESSAGE_POINTER_MAX);
        value[i].value.type = (enum body_type)wire_get_enum(reader, BODY_TYPE_COUNT);
        value[i].value.text = wire_get_bytes(reader, BODY_VALUE_MAX);
    }
    wire_require(reader, body_is_consistent(body));
}

static void
aws_put(struct buffer *out, const struct message_aws *aws)
{
    wire_put_bool(out, aws->presigned);
    wire_put_bytes(out, aws->scope_date, AWS_SCOPE_WORD_MAX);
    wire_put_bytes(out, aws->region, AWS_SCOPE_WORD_MAX);
    wire_put_bytes(out, aws->service, AWS_SCOPE_WORD_MAX);
    wire_put_bytes(out, aws->signed_headers, AWS_SIGNED_HEADERS_MAX);
    wire_put_bytes(out, aws->date, AWS_SCOPE_WORD_MAX);
    wire_put_bytes(out, aws->expires, AWS_SCOPE_WORD_MAX);
}

static void
aws_get(struct wire_reader *reader, struct message_aws *aws)
{
    aws->presigned = wire_get_bool(reader);
    aws->scope_date = wire_get_bytes(reader, AWS_SCOPE_WORD_MAX);
    aws->region = wire_get_bytes(reader, AWS_SCOPE_WORD_MAX);
    aws->service = wire_get_bytes(reader, AWS_SCOPE_WORD_MAX);
    aws->signed_headers = wire_get_bytes(reader, AWS_SIGNED_HEADERS_MAX);
    aws->date = wire_get_bytes(reader, AWS_SCOPE_WORD_MAX);
    aws->expires = wire_get_bytes(reader, AWS_SCOPE_WORD_MAX);
}

// What is passed through is no credential's.
static bool
decide_is_consistent(const struct message_decide *message)
{
    return !message->pass_through || message->wanted.n == 0;
}

void
message_decide_init(struct message_decide *message)
{
    memset(message, 0, offsetof(struct message_decide, query));
}

static void
decide_copy(struct message_decide *to, const struct message_decide *from)
{
    memcpy(to, from, offsetof(struct message_decide, query));
    memcpy(to->query, from->query, from->query_count * sizeof *from->query);
    memcpy(to->header, from->header, from->header_count * sizeof *from->header);
    memcpy(to->body_value, from->body_value, from->body.value_count * sizeof *from->body_value);
    to->body.value = to->body_value;
}

void
message_decide_tx(const struct message_decide *message, struct buffer *out)
{
    wire_put_require(out, decide_is_consistent(message));
    wire_put_enum(out, message->way, WAYS_COUNT);
    wire_put_fixed(out, message->request_id, REQUEST_ID_SIZE);
    wire_put_bool(out, message->rejudge);
    wire_put_enum(out, message->refused, KH_REASON_COUNT);
    wire_put_bytes(out, message->refused_detail, MESSAGE_DETAIL_MAX);
    wire_put_bytes(out, message->wanted, MESSAGE_ANY_MAX);
    wire_put_bool(out, message->pass_through);
    wire_put_bool(out, message->token_required);
    wire_put_bytes(out, message->scheme, MESSAGE_ANY_MAX);
    wire_put_bytes(out, message->host, MESSAGE_ANY_MAX);
    wire_put_u16(out, message->port);
    wire_put_bytes(out, message->method, MESSAGE_METHOD_MAX);
    wire_put_bytes(out, message->path, MESSAGE_ANY_MAX);
    wire_put_bytes(out, message->path_encoded, MESSAGE_ANY_MAX);
    pairs_put(out, message->query, message->query_count);
    pairs_put(out, message->header, message->header_count);
    body_put(out, &message->body);
    wire_put_bytes(out, message->upgrade, MESSAGE_FIELD_MAX);
    wire_put_bytes(out, message->client, MESSAGE_ADDRESS_MAX);
    wire_put_u32(out, message->client_uid);
    slot_put(out, &message->slot);
    wire_put_bool(out, message->slot_in_user);
    wire_put_bytes(out, message->token, MESSAGE_ANY_MAX);
    if (message->slot.kind == SLOT_AWS)
        aws_put(out, &message->aws);
    wire_put_fixed(out, message->run, RUN_ID_SIZE);
}

enum kh_err
message_decide_rx(struct bytes body, struct message_decide *out)
{
    KH_UNFILLED struct message_decide message;
    struct wire_reader reader;
    message_decide_init(&message);
    wire_init(&reader, body);
    message.way = (enum way)wire_get_enum(&reader, WAYS_COUNT);
    wire_get_fixed(&reader, message.request_id, REQUEST_ID_SIZE);
    message.rejudge = wire_get_bool(&reader);
    message.refused = (enum kh_reason)wire_get_enum(&reader, KH_REASON_COUNT);
    message.refused_detail = wire_get_bytes(&reader, MESSAGE_DETAIL_MAX);
    message.wanted = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    message.pass_through = wire_get_bool(&reader);
    message.token_required = wire_get_bool(&reader);
    message.scheme = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    message.host = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    message.port = wire_get_u16(&reader);
    message.method = wire_get_bytes(&reader, MESSAGE_METHOD_MAX);
    message.path = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    message.path_encoded = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    message.query_count = pairs_get(&reader, message.query);
    message.header_count = pairs_get(&reader, message.header);
    body_get(&reader, &message.body, message.body_value);
    message.upgrade = wire_get_bytes(&reader, MESSAGE_FIELD_MAX);
    message.client = wire_get_bytes(&reader, MESSAGE_ADDRESS_MAX);
    message.client_uid = wire_get_u32(&reader);
    slot_get(&reader, &message.slot);
    message.slot_in_user = wire_get_bool(&reader);
    message.token = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    if (message.slot.kind == SLOT_AWS)
        aws_get(&reader, &message.aws);
    wire_get_fixed(&reader, message.run, RUN_ID_SIZE);
    wire_require(&reader, decide_is_consistent(&message));
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    decide_copy(out, &message);
    return KH_OK;
}

// An allow has no reason to deny, and a denial has nothing that belongs on a request: a body that
// says both is refused by either side rather than read one way or the other.
static bool
decision_is_consistent(const struct message_decision *message)
{
    if (message->allow)
        return message->reason == KH_REASON_UNSET && !message->need_body;
    if (!message->need_body &&
        (message->need_sha256 || message->need_content || message->pointer_count > 0))
        return false;
    return message->edit_count == 0 && message->secret_count == 0;
}

static void
decision_edits_tx(const struct message_decision *message, struct buffer *out)
{
    edits_put(out, message->edit, message->edit_count);
    size_t n = wire_put_count(out, message->secret_count, DECISION_SECRETS_MAX);
    for (size_t i = 0; i < n; i++)
        wire_put_bytes(out, message->secret[i], MESSAGE_ANY_MAX);
}

static void
decision_edits_rx(struct wire_reader *reader, struct message_decision *message)
{
    message->edit_count = edits_get(reader, message->edit);
    message->secret_count = wire_get_count(reader, DECISION_SECRETS_MAX);
    for (size_t i = 0; i < message->secret_count; i++)
        message->secret[i] = wire_get_bytes(reader, MESSAGE_ANY_MAX);
}

static void
decision_need_tx(const struct message_decision *message, struct buffer *out)
{
    wire_put_bool(out, message->need_body);
    wire_put_bool(out, message->need_sha256);
    wire_put_bool(out, message->need_content);
    size_t n = wire_put_count(out, message->pointer_count, BODY_POINTERS_MAX);
    for (size_t i = 0; i < n; i++)
        wire_put_bytes(out, message->pointer[i], MESSAGE_POINTER_MAX);
}

static void
decision_need_rx(struct wire_reader *reader, struct message_decision *message)
{
    message->need_body = wire_get_bool(reader);
    message->need_sha256 = wire_get_bool(reader);
    message->need_content = wire_get_bool(reader);
    message->pointer_count = wire_get_count(reader, BODY_POINTERS_MAX);
    for (size_t i = 0; i < message->pointer_count; i++) {
        message->pointer[i] = wire_get_bytes(reader, MESSAGE_POINTER_MAX);
        wire_require(reader, body_pointer_is_valid(message->pointer[i]));
    }
}

void
message_decision_init(struct message_decision *message)
{
    memset(message, 0, offsetof(struct message_decision, edit));
}

void
message_decision_tx(const struct message_decision *message, struct buffer *out)
{
    wire_put_require(out, decision_is_consistent(message));
    wire_put_bool(out, message->allow);
    wire_put_enum(out, message->reason, KH_REASON_COUNT);
    wire_put_bytes(out, message->detail, MESSAGE_DETAIL_MAX);
    wire_put_u32(out, message->retry_after_s);
    wire_put_fixed(out, message->request_id, REQUEST_ID_SIZE);
    wire_put_bytes(out, message->credential, MESSAGE_NAME_MAX);
    wire_put_i64(out, message->recheck_at);
    decision_edits_tx(message, out);
    decision_need_tx(message, out);
}

static void
decision_copy(struct message_decision *to, const struct message_decision *from)
{
    memcpy(to, from, offsetof(struct message_decision, edit));
    memcpy(to->edit, from->edit, from->edit_count * sizeof *from->edit);
    memcpy(to->secret, from->secret, from->secret_count * sizeof *from->secret);
    memcpy(to->pointer, from->pointer, from->pointer_count * sizeof *from->pointer);
}

enum kh_err
message_decision_rx(struct bytes body, struct message_decision *out)
{
    KH_UNFILLED struct message_decision message;
    struct wire_reader reader;
    message_decision_init(&message);
    wire_init(&reader, body);
    message.allow = wire_get_bool(&reader);
    message.reason = (enum kh_reason)wire_get_enum(&reader, KH_REASON_COUNT);
    message.detail = wire_get_bytes(&reader, MESSAGE_DETAIL_MAX);
    message.retry_after_s = wire_get_u32(&reader);
    wire_get_fixed(&reader, message.request_id, REQUEST_ID_SIZE);
    message.credential = wire_get_bytes(&reader, MESSAGE_NAME_MAX);
    message.recheck_at = wire_get_i64(&reader);
    decision_edits_rx(&reader, &message);
    decision_need_rx(&reader, &message);
    wire_require(&reader, decision_is_consistent(&message));
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    decision_copy(out, &message);
    return KH_OK;
}

void
message_finished_tx(const struct message_finished *message, struct buffer *out)
{
    wire_put_fixed(out, message->request_id, REQUEST_ID_SIZE);
    wire_put_u16(out, message->upstream_status);
    wire_put_enum(out, message->reason, KH_REASON_COUNT);
    wire_put_bool(out, message->cut);
    wire_put_u64(out, message->bytes_up);
    wire_put_u64(out, message->bytes_down);
    wire_put_u32(out, message->duration_ms);
    wire_put_bytes(out, message->credential, MESSAGE_NAME_MAX);
}

enum kh_err
message_finished_rx(struct bytes body, struct message_finished *out)
{
    struct message_finished message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    wire_get_fixed(&reader, message.request_id, REQUEST_ID_SIZE);
    message.upstream_status = wire_get_u16(&reader);
    message.reason = (enum kh_reason)wire_get_enum(&reader, KH_REASON_COUNT);
    message.cut = wire_get_bool(&reader);
    message.bytes_up = wire_get_u64(&reader);
    message.bytes_down = wire_get_u64(&reader);
    message.duration_ms = wire_get_u32(&reader);
    message.credential = wire_get_bytes(&reader, MESSAGE_NAME_MAX);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

void
message_leaf_ask_tx(const struct message_leaf_ask *message, struct buffer *out)
{
    wire_put_bytes(out, message->host, MESSAGE_HOST_MAX);
    wire_put_bytes(out, message->public_key, MESSAGE_KEY_MAX);
}

enum kh_err
message_leaf_ask_rx(struct bytes body, struct message_leaf_ask *out)
{
    struct message_leaf_ask message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.host = wire_get_bytes(&reader, MESSAGE_HOST_MAX);
    message.public_key = wire_get_bytes(&reader, MESSAGE_KEY_MAX);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

void
message_leaf_tx(const struct message_leaf *message, struct buffer *out)
{
    wire_put_require(out, message->issued || message->cert.n == 0);
    wire_put_bool(out, message->issued);
    wire_put_bytes(out, message->cert, MESSAGE_ANY_MAX);
    wire_put_i64(out, message->expires_at);
}

enum kh_err
message_leaf_rx(struct bytes body, struct message_leaf *out)
{
    struct message_leaf message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.issued = wire_get_bool(&reader);
    message.cert = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    message.expires_at = wire_get_i64(&reader);
    wire_require(&reader, message.issued || message.cert.n == 0);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

void
message_revoke_ask_tx(const struct message_revoke_ask *message, struct buffer *out)
{
    wire_put_bytes(out, message->token, MESSAGE_ANY_MAX);
    wire_put_bytes(out, message->client, MESSAGE_ADDRESS_MAX);
}

enum kh_err
message_revoke_ask_rx(struct bytes body, struct message_revoke_ask *out)
{
    struct message_revoke_ask message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.token = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    message.client = wire_get_bytes(&reader, MESSAGE_ADDRESS_MAX);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

void
message_revoke_done_tx(const struct message_revoke_done *message, struct buffer *out)
{
    wire_put_bool(out, message->revoked);
    wire_put_enum(out, message->reason, KH_REASON_COUNT);
    wire_put_fixed(out, message->request_id, sizeof message->request_id);
    wire_put_fixed(out, message->lineage, LINEAGE_ID_SIZE);
}

enum kh_err
message_revoke_done_rx(struct bytes body, struct message_revoke_done *out)
{
    struct message_revoke_done message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.revoked = wire_get_bool(&reader);
    message.reason = (enum kh_reason)wire_get_enum(&reader, KH_REASON_COUNT);
    wire_get_fixed(&reader, message.request_id, sizeof message.request_id);
    wire_get_fixed(&reader, message.lineage, LINEAGE_ID_SIZE);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}
