/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: logins, and what the processes know of dischargers. */
#include "messages.h"

#include "messages_limits.h"
#include "wire.h"

#include <string.h>

/* ---- login ---- */

void
message_login_ask_tx(const struct message_login_ask *message, struct buffer *out)
{
    wire_put_bytes(out, message->user, MESSAGE_NAME_MAX);
    wire_put_require(out, message->credential_count > 0);
    size_t n = wire_put_count(out, message->credential_count, TOKEN_CREDENTIALS_MAX);
    for (size_t i = 0; i < n; i++)
        wire_put_bytes(out, message->credential[i], MESSAGE_NAME_MAX);
    wire_put_require(out, message->lifetime_s >= 0);
    wire_put_i64(out, message->lifetime_s);
    wire_put_bytes(out, message->client, MESSAGE_ADDRESS_MAX);
}

enum kh_err
message_login_ask_rx(struct bytes body, struct message_login_ask *out)
{
    struct message_login_ask message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.user = wire_get_bytes(&reader, MESSAGE_NAME_MAX);
    message.credential_count = wire_get_count(&reader, TOKEN_CREDENTIALS_MAX);
    wire_require(&reader, message.credential_count > 0);
    for (size_t i = 0; i < message.credential_count; i++)
        message.credential[i] = wire_get_bytes(&reader, MESSAGE_NAME_MAX);
    message.lifetime_s = wire_get_i64(&reader);
    wire_require(&reader, message.lifetime_s >= 0);
    message.client = wire_get_bytes(&reader, MESSAGE_ADDRESS_MAX);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

// There is a token when it was minted, and a reason when not: never both, never neither.
static bool
login_done_holds(const struct message_login_done *message)
{
    if (message->minted)
        return message->token.n > 0 && message->reason == KH_REASON_UNSET;
    return message->token.n == 0 && message->reason != KH_REASON_UNSET && message->expires_at == 0;
}

void
message_login_done_tx(const struct message_login_done *message, struct buffer *out)
{
    wire_put_require(out, login_done_holds(message));
    wire_put_bool(out, message->minted);
    wire_put_enum(out, message->reason, KH_REASON_COUNT);
    wire_put_u32(out, message->retry_after_s);
    wire_put_bytes(out, message->token, TOKEN_TEXT_MAX);
    wire_put_i64(out, message->expires_at);
}

enum kh_err
message_login_done_rx(struct bytes body, struct message_login_done *out)
{
    struct message_login_done message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.minted = wire_get_bool(&reader);
    message.reason = (enum kh_reason)wire_get_enum(&reader, KH_REASON_COUNT);
    message.retry_after_s = wire_get_u32(&reader);
    message.token = wire_get_bytes(&reader, TOKEN_TEXT_MAX);
    message.expires_at = wire_get_i64(&reader);
    wire_require(&reader, login_done_holds(&message));
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

/* ---- one discharger ---- */

static bool
discharger_text_holds(struct bytes text)
{
    return bytes_is_utf8(text) && bytes_index(text, 0) == text.n;
}

// Its texts are arrays, so that what does not end in them is found here.
static void
text_put(struct buffer *out, const char *text, size_t max)
{
    struct bytes value = bytes_of(text, strnlen(text, max + 1));
    wire_put_require(out, bytes_is_utf8(value));
    wire_put_bytes(out, value, max);
}

static void
text_get(struct wire_reader *reader, char *out, size_t max)
{
    struct bytes value = wire_get_bytes(reader, max);
    wire_require(reader, discharger_text_holds(value));
    if (reader->failed)
        return;
    if (value.n > 0)
        memcpy(out, value.p, value.n);
    out[value.n] = '\0';
}

static void
discharger_put(struct buffer *out, const struct discharger *discharger)
{
    wire_put_require(out, discharger->url[0] != '\0');
    text_put(out, discharger->name, DISCHARGER_NAME_MAX);
    text_put(out, discharger->url, DISCHARGER_URL_MAX);
    wire_put_fixed(out, discharger->public_key, TICKET_PUBLIC_KEY_SIZE);
}

static void
discharger_get(struct wire_reader *reader, struct discharger *out)
{
    text_get(reader, out->name, DISCHARGER_NAME_MAX);
    text_get(reader, out->url, DISCHARGER_URL_MAX);
    wire_require(reader, out->url[0] != '\0');
    wire_get_fixed(reader, out->public_key, TICKET_PUBLIC_KEY_SIZE);
}

void
message_discharger_ready_tx(const struct discharger *discharger, struct buffer *out)
{
    discharger_put(out, discharger);
}

enum kh_err
message_discharger_ready_rx(struct bytes body, struct discharger *out)
{
    struct discharger discharger = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    discharger_get(&reader, &discharger);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = discharger;
    return KH_OK;
}

/* ---- all of them ---- */

void
message_dischargers_tx(const struct message_dischargers *message, struct buffer *out)
{
    size_t n = wire_put_count(out, message->count, DISCHARGERS_MAX);
    for (size_t i = 0; i < n; i++)
        discharger_put(out, &message->discharger[i]);
}

enum kh_err
message_dischargers_rx(struct bytes body, struct message_dischargers *out)
{
    struct message_dischargers message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.count = wire_get_count(&reader, DISCHARGERS_MAX);
    for (size_t i = 0; i < message.count; i++)
        discharger_get(&reader, &message.discharger[i]);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

/* ---- what the discharger is told ---- */

void
message_discharger_config_tx(const struct message_discharger_config *message, struct buffer *out)
{
    const struct discharger_settings *settings = &message->settings;
    wire_put_require(out, message->url.n > 0 && discharger_text_holds(message->url));
    wire_put_bytes(out, message->url, DISCHARGER_URL_MAX);
    wire_put_enum(out, settings->attestation, ATTESTATION_OPTIONAL + 1);
    wire_put_u32(out, settings->firmware);
    size_t n = wire_put_count(out, settings->aaguid_count, DISCHARGER_AAGUIDS_MAX);
    for (size_t i = 0; i < n; i++)
        wire_put_fixed(out, settings->aaguid[i], sizeof(settings->aaguid[i]));
    wire_put_enum(out, message->log_format, LOG_FORMAT_JOURNALD + 1);
    wire_put_enum(out, message->log_level, LOG_LEVEL_DEBUG + 1);
}

enum kh_err
message_discharger_config_rx(struct bytes body, struct message_discharger_config *out)
{
    struct message_discharger_config message = {0};
    struct discharger_settings *settings = &message.settings;
    struct wire_reader reader;
    wire_init(&reader, body);
    message.url = wire_get_bytes(&reader, DISCHARGER_URL_MAX);
    wire_require(&reader, message.url.n > 0 && discharger_text_holds(message.url));
    settings->attestation =
        (enum attestation_demand)wire_get_enum(&reader, ATTESTATION_OPTIONAL + 1);
    settings->firmware = wire_get_u32(&reader);
    settings->aaguid_count = wire_get_count(&reader, DISCHARGER_AAGUIDS_MAX);
    for (size_t i = 0; i < settings->aaguid_count; i++)
        wire_get_fixed(&reader, settings->aaguid[i], sizeof(settings->aaguid[i]));
    message.log_format = (uint8_t)wire_get_enum(&reader, LOG_FORMAT_JOURNALD + 1);
    message.log_level = (uint8_t)wire_get_enum(&reader, LOG_LEVEL_DEBUG + 1);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}
