/* SPDX-License-Identifier: Apache-2.0 */
/* The table of who may say what to whom, and the header of a frame. */
#include "channel_internal.h"

// By number; those that no message has are empty.
static const struct channel_rule rules[] = {
#define KH_MESSAGE(name, number, sender, receiver, body_max, carries_fd)                           \
    [MESSAGE_##                                                                                    \
        name] = {MESSAGE_##name, #name, ROLE_##sender, ROLE_##receiver, body_max, carries_fd},
#include "../schema/messages.def"
};

#define KH_MESSAGE(name, number, sender, receiver, body_max, carries_fd)                           \
    _Static_assert((body_max) <= CHANNEL_BODY_MAX, #name " fits no datagram");
#include "../schema/messages.def"

const struct channel_rule *
channel_rule(unsigned type)
{
    bool is_known = type < sizeof(rules) / sizeof(rules[0]) && rules[type].name != NULL;
    return is_known ? &rules[type] : NULL;
}

const char *
message_name(enum message_type type)
{
    const struct channel_rule *rule = channel_rule(type);
    return rule == NULL ? "unknown" : rule->name;
}

static const char *const role_names[] = {
    [ROLE_UNSET] = "unset",         [ROLE_SUPERVISOR] = "supervisor", [ROLE_PROXY] = "proxy",
    [ROLE_AUTHORITY] = "authority", [ROLE_DISCHARGER] = "discharger",
};

const char *
role_name(enum role role)
{
    return (unsigned)role < sizeof(role_names) / sizeof(role_names[0]) ? role_names[role] : "unset";
}

static void
little_write(uint8_t *p, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t
little_read(const uint8_t *p, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

void
channel_header_write(uint8_t *p, enum message_type type, uint64_t id, size_t body)
{
    little_write(p, body, 4);
    little_write(p + 4, (uint64_t)type, 2);
    little_write(p + 6, 0, 2);
    little_write(p + 8, id, 8);
}

struct channel_header
channel_header_read(const uint8_t *p)
{
    return (struct channel_header){
        .body = (uint32_t)little_read(p, 4),
        .type = (uint16_t)little_read(p + 4, 2),
        .reserved = (uint16_t)little_read(p + 6, 2),
        .id = little_read(p + 8, 8),
    };
}
