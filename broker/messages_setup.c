/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: what the supervisor gives its children, and hears from them. */
#include "messages.h"

#include "channel.h"
#include "messages_limits.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

// Without a way to prove that it is one, nobody is a gateway.
static bool
gateway_is_consistent(const struct message_listener *message)
{
    const struct message_listener_gateway *gateway = &message->gateway;
    if (gateway->uid_count > LISTENER_UIDS_MAX || gateway->key_count > LISTENER_GATEWAY_KEYS_MAX)
        return false;
    if (!gateway->only)
        return gateway->uid_count == 0 && gateway->key_count == 0;
    if (message->kind == LISTENER_UNIX)
        return gateway->key_count == 0;
    return message->kind == LISTENER_TCP && gateway->uid_count == 0 && gateway->key_count > 0;
}

static void
gateway_put(struct buffer *out, const struct message_listener_gateway *gateway)
{
    wire_put_bool(out, gateway->only);
    size_t n = wire_put_count(out, gateway->uid_count, LISTENER_UIDS_MAX);
    for (size_t i = 0; i < n; i++)
        wire_put_u32(out, gateway->uid[i]);
    n = wire_put_count(out, gateway->key_count, LISTENER_GATEWAY_KEYS_MAX);
    for (size_t i = 0; i < n; i++)
        wire_put_fixed(out, gateway->key_hash[i], sizeof gateway->key_hash[i]);
}

static void
gateway_get(struct wire_reader *reader, struct message_listener_gateway *gateway)
{
    gateway->only = wire_get_bool(reader);
    gateway->uid_count = wire_get_count(reader, LISTENER_UIDS_MAX);
    for (size_t i = 0; i < gateway->uid_count; i++)
        gateway->uid[i] = wire_get_u32(reader);
    gateway->key_count = wire_get_count(reader, LISTENER_GATEWAY_KEYS_MAX);
    for (size_t i = 0; i < gateway->key_count; i++)
        wire_get_fixed(reader, gateway->key_hash[i], sizeof gateway->key_hash[i]);
}

static bool
listener_is_consistent(const struct message_listener *message)
{
    static const uint8_t none[sizeof message->answer];
    bool dns = message->kind == LISTENER_DNS_UDP || message->kind == LISTENER_DNS_TCP;
    bool may_be_transparent = message->kind == LISTENER_TCP && !message->tls;
    return message->kind != LISTENER_UNSET && gateway_is_consistent(message) &&
           !(dns && message->tls) &&
           (!message->transparent || (may_be_transparent && !message->gateway.only)) &&
           (!message->metrics || (!dns && !message->transparent && !message->gateway.only)) &&
           dns != (memcmp(message->answer, none, sizeof none) == 0);
}

void
message_listener_tx(const struct message_listener *message, struct buffer *out)
{
    wire_put_require(out, listener_is_consistent(message));
    wire_put_enum(out, message->kind, LISTENER_KIND_COUNT);
    wire_put_bool(out, message->tls);
    wire_put_bytes(out, message->name, MESSAGE_LISTENER_MAX);
    wire_put_bytes(out, message->certificate, MESSAGE_ANY_MAX);
    wire_put_bytes(out, message->key, MESSAGE_ANY_MAX);
    wire_put_fixed(out, message->answer, sizeof message->answer);
    wire_put_bool(out, message->transparent);
    wire_put_bool(out, message->metrics);
    gateway_put(out, &message->gateway);
}

enum kh_err
message_listener_rx(struct bytes body, struct message_listener *out)
{
    struct message_listener message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.kind = (enum listener_kind)wire_get_enum(&reader, LISTENER_KIND_COUNT);
    message.tls = wire_get_bool(&reader);
    message.name = wire_get_bytes(&reader, MESSAGE_LISTENER_MAX);
    message.certificate = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    message.key = wire_get_bytes(&reader, MESSAGE_ANY_MAX);
    wire_get_fixed(&reader, message.answer, sizeof message.answer);
    message.transparent = wire_get_bool(&reader);
    message.metrics = wire_get_bool(&reader);
    gateway_get(&reader, &message.gateway);
    wire_require(&reader, listener_is_consistent(&message));
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

// Every scalar is checked against its row on both sides: a child never runs with a limit that the
// configuration reader would have refused.
void
message_config_tx(const struct config *config, struct buffer *out)
{
#define KH_SETTING(field, group, key, type, default_, minimum, maximum, reload, description)       \
    wire_put_require(out, config->field >= (minimum) && config->field <= (maximum));               \
    wire_put_i64(out, config->field);
#include "../schema/config.def"
    size_t n = wire_put_count(out, config->name_count, MESSAGE_CONFIG_NAMES_MAX);
    for (size_t i = 0; i < n; i++)
        wire_put_bytes(out, bytes_str(config->name[i]), MESSAGE_HOST_MAX);
}

static void
names_free(char **name, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(name[i]);
    free(name);
}

// Owned strings; NULL with *failed set when memory is used up.
static char **
names_copy(const struct bytes *name, size_t count, bool *failed)
{
    *failed = false;
    if (count == 0)
        return NULL;
    char **copy = calloc(count, sizeof(*copy));
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = strndup((const char *)name[i].p, name[i].n);
        if (copy[i] == NULL) {
            names_free(copy, i);
            copy = NULL;
        }
    }
    *failed = copy == NULL;
    return copy;
}

enum kh_err
message_config_rx(struct bytes body, struct config *out)
{
    struct config scalars = {0};
    struct bytes name[MESSAGE_CONFIG_NAMES_MAX];
    struct wire_reader reader;
    wire_init(&reader, body);
#define KH_SETTING(field, group, key, type, default_, minimum, maximum, reload, description)       \
    scalars.field = wire_get_i64(&reader);                                                         \
    wire_require(&reader, scalars.field >= (minimum) && scalars.field <= (maximum));
#include "../schema/config.def"
    size_t count = wire_get_count(&reader, MESSAGE_CONFIG_NAMES_MAX);
    for (size_t i = 0; i < count; i++) {
        name[i] = wire_get_bytes(&reader, MESSAGE_HOST_MAX);
        wire_require(&reader, name[i].n > 0 && bytes_index(name[i], 0) == name[i].n);
    }
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    bool failed;
    char **names = names_copy(name, count, &failed);
    if (failed)
        return KH_ERR_MEMORY;
#define KH_SETTING(field, group, key, type, default_, minimum, maximum, reload, description)       \
    out->field = scalars.field;
#include "../schema/config.def"
    names_free(out->name, out->name_count);
    out->name = names;
    out->name_count = count;
    return KH_OK;
}

// Of a process that there is.
static void
put_role(uint8_t role, struct buffer *out)
{
    wire_put_require(out, role != ROLE_UNSET);
    wire_put_enum(out, role, ROLE_DISCHARGER + 1);
}

static uint8_t
get_role(struct wire_reader *reader)
{
    uint8_t role = (uint8_t)wire_get_enum(reader, ROLE_DISCHARGER + 1);
    wire_require(reader, role != ROLE_UNSET);
    return role;
}

void
message_process_state_tx(const struct message_process_state *message, struct buffer *out)
{
    put_role(message->role, out);
    wire_put_u32(out, message->index);
    wire_put_u32(out, message->pid);
    wire_put_u32(out, message->restarts);
    wire_put_bool(out, message->running);
    wire_put_bytes(out, message->note, MESSAGE_DETAIL_MAX);
}

enum kh_err
message_process_state_rx(struct bytes body, struct message_process_state *out)
{
    struct message_process_state message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.role = get_role(&reader);
    message.index = wire_get_u32(&reader);
    message.pid = wire_get_u32(&reader);
    message.restarts = wire_get_u32(&reader);
    message.running = wire_get_bool(&reader);
    message.note = wire_get_bytes(&reader, MESSAGE_DETAIL_MAX);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

void
message_metrics_page_tx(const struct message_metrics_page *message, struct buffer *out)
{
    put_role(message->role, out);
    wire_put_u32(out, message->index);
}

enum kh_err
message_metrics_page_rx(struct bytes body, struct message_metrics_page *out)
{
    struct message_metrics_page message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    message.role = get_role(&reader);
    message.index = wire_get_u32(&reader);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}

// A text is the whole body: texts end in logs and in `keyholed status`, so they are UTF-8.
void
message_text_tx(struct bytes text, struct buffer *out)
{
    wire_put_require(out, bytes_is_utf8(text));
    if (text.n > 0)
        buffer_put(out, text);
}

enum kh_err
message_text_rx(struct bytes body, struct bytes *text)
{
    if (!bytes_is_utf8(body))
        return KH_ERR_PROTOCOL;
    *text = body;
    return KH_OK;
}
