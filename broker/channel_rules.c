/* SPDX-License-Identifier: Apache-2.0 */
/* The table of who may say what to whom, and the header of a frame. */
#include "channel_internal.h"

#include <endian.h>
#include <string.h>

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

// A frame's header as it stands in a datagram: little-endian, without gaps.
struct header_bytes {
    uint32_t body;
    uint16_t type, reserved;
    uint64_t id;
};
_Static_assert(sizeof(struct header_bytes) == CHANNEL_HEADER_SIZE, "a header has no gaps");

void
channel_header_write(uint8_t *p, enum message_type type, uint64_t id, size_t body)
{
    const struct header_bytes header = {
        .body = htole32((uint32_t)body),
        .type = htole16((uint16_t)type),
        .id = htole64(id),
    };
    memcpy(p, &header, sizeof header);
}

struct channel_header
channel_header_read(const uint8_t *p)
{
    struct header_bytes header;
    memcpy(&header, p, sizeof header);
    return (struct channel_header){
        .body = le32toh(header.body),
        .type = le16toh(header.type),
        .reserved = le16toh(header.reserved),
        .id = le64toh(header.id),
    };
}
