/* SPDX-License-Identifier: Apache-2.0 */
/* CTAPHID of the software authenticator: channels, messages made of reports, errors, keepalive. */

#include "softauthn_hid.h"

#include <string.h>

enum {
    BROADCAST = 0xffffffff,
    CHANNELS_MAX = 1000,

    INIT = 0x06,
    WINK = 0x08,
    CBOR = 0x10,
    CANCEL = 0x11,
    KEEPALIVE = 0x3b,
    ERROR = 0x3f,

    FIRST_HEAD = 7, /* channel, command, length */
    NEXT_HEAD = 5,  /* channel, sequence */
    FIRST_REPORT = 0x80,

    INVALID_COMMAND = 0x01,
    INVALID_LENGTH = 0x03,
    INVALID_SEQUENCE = 0x04,
    TIMEOUT = 0x05,
    CHANNEL_BUSY = 0x06,
    INVALID_CHANNEL = 0x0b,

    UP_NEEDED = 2,
};

static void
put_u32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t
get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
reply(struct softauthn_hid *hid, uint32_t channel, uint8_t command, struct bytes data)
{
    uint8_t report[SOFTAUTHN_REPORT] = {0};
    put_u32(report, channel);
    report[4] = command | FIRST_REPORT;
    report[5] = (uint8_t)(data.n >> 8);
    report[6] = (uint8_t)data.n;
    struct bytes part = bytes_slice(data, 0, SOFTAUTHN_REPORT - FIRST_HEAD);
    if (part.n)
        memcpy(report + FIRST_HEAD, part.p, part.n);
    hid->send(hid->arg, report);
    data = bytes_from(data, part.n);
    for (uint8_t sequence = 0; data.n > 0; sequence++) {
        memset(report + 4, 0, sizeof(report) - 4);
        report[4] = sequence;
        part = bytes_slice(data, 0, SOFTAUTHN_REPORT - NEXT_HEAD);
        memcpy(report + NEXT_HEAD, part.p, part.n);
        hid->send(hid->arg, report);
        data = bytes_from(data, part.n);
    }
}

static void
reply_error(struct softauthn_hid *hid, uint32_t channel, uint8_t code)
{
    reply(hid, channel, ERROR, bytes_of(&code, 1));
}

void
softauthn_hid_init(struct softauthn_hid *hid, struct softauthn *a,
                   void (*send)(void *arg, const uint8_t report[SOFTAUTHN_REPORT]), void *arg)
{
    *hid = (struct softauthn_hid){.authenticator = a, .send = send, .arg = arg};
}

void
softauthn_hid_keepalive(struct softauthn_hid *hid)
{
    uint8_t status = UP_NEEDED;
    // U2F's clients ask again themselves, and do not know this command
    if (hid->busy && hid->command == CBOR)
        reply(hid, hid->channel, KEEPALIVE, bytes_of(&status, 1));
}

void
softauthn_hid_expire(struct softauthn_hid *hid)
{
    if (!hid->assembling)
        return;
    hid->assembling = false;
    reply_error(hid, hid->channel, TIMEOUT);
}

static void
give_channel(struct softauthn_hid *hid, uint32_t asking, struct bytes nonce)
{
    BUFFER_AUTO answer;
    buffer_init(&answer, 64);
    if (!softauthn_message(hid->authenticator, INIT, nonce, &answer)) {
        reply_error(hid, asking, INVALID_LENGTH);
        return;
    }
    uint32_t given = asking;
    if (asking == BROADCAST) {
        if (hid->channels == CHANNELS_MAX) {
            reply_error(hid, asking, CHANNEL_BUSY);
            return;
        }
        given = ++hid->channels;
    }
    put_u32(answer.p + 8, given);
    reply(hid, asking, INIT, buffer_bytes(&answer));
}

static void
obey(struct softauthn_hid *hid)
{
    struct bytes message = bytes_of(hid->message, hid->have);
    hid->assembling = false;
    if (hid->command == INIT) {
        give_channel(hid, hid->channel, message);
        return;
    }
    if (hid->command == CANCEL)
        return; // nothing is being done that could be cancelled
    if (hid->command == WINK)
        hid->winked = true;
    BUFFER_AUTO answer;
    buffer_init(&answer, SOFTAUTHN_MESSAGE_MAX);
    hid->cancelled = false;
    hid->busy = true;
    bool known = softauthn_message(hid->authenticator, hid->command, message, &answer);
    hid->busy = false;
    if (!known || answer.failed)
        reply_error(hid, hid->channel, known ? INVALID_LENGTH : INVALID_COMMAND);
    else
        reply(hid, hid->channel, hid->command, buffer_bytes(&answer));
}

static void
begin(struct softauthn_hid *hid, uint32_t channel, const uint8_t *report)
{
    size_t wanted = (size_t)report[5] << 8 | report[6];
    if (wanted > sizeof(hid->message)) {
        reply_error(hid, channel, INVALID_LENGTH);
        return;
    }
    size_t part = wanted < SOFTAUTHN_REPORT - FIRST_HEAD ? wanted : SOFTAUTHN_REPORT - FIRST_HEAD;
    hid->channel = channel;
    hid->command = report[4] & (uint8_t)~FIRST_REPORT;
    hid->sequence = 0;
    hid->wanted = wanted;
    hid->have = part;
    hid->assembling = true;
    memcpy(hid->message, report + FIRST_HEAD, part);
    if (hid->have == hid->wanted)
        obey(hid);
}

static void
go_on(struct softauthn_hid *hid, const uint8_t *report)
{
    if (report[4] != hid->sequence++) {
        hid->assembling = false;
        reply_error(hid, hid->channel, INVALID_SEQUENCE);
        return;
    }
    size_t part = hid->wanted - hid->have;
    if (part > SOFTAUTHN_REPORT - NEXT_HEAD)
        part = SOFTAUTHN_REPORT - NEXT_HEAD;
    memcpy(hid->message + hid->have, report + NEXT_HEAD, part);
    hid->have += part;
    if (hid->have == hid->wanted)
        obey(hid);
}

/* While a command is being obeyed: its own channel may cancel, nobody else gets anywhere. */
static void
hear_while_busy(struct softauthn_hid *hid, uint32_t channel, uint8_t command)
{
    if (channel == hid->channel && (command == CANCEL || command == INIT))
        hid->cancelled = true;
    else
        reply_error(hid, channel, CHANNEL_BUSY);
}

void
softauthn_hid_receive(struct softauthn_hid *hid, const uint8_t report[SOFTAUTHN_REPORT])
{
    uint32_t channel = get_u32(report);
    bool first = (report[4] & FIRST_REPORT) != 0;
    uint8_t command = report[4] & (uint8_t)~FIRST_REPORT;
    bool known = channel != 0 && channel <= hid->channels;
    if (hid->busy) {
        if (first)
            hear_while_busy(hid, channel, command);
        return;
    }
    if (hid->assembling && channel != hid->channel) {
        if (first)
            reply_error(hid, channel, CHANNEL_BUSY);
        return;
    }
    if (!first) {
        if (hid->assembling)
            go_on(hid, report); // else a stray report: ignored (11.2.4)
        return;
    }
    if (hid->assembling && command != INIT) {
        hid->assembling = false;
        reply_error(hid, channel, INVALID_SEQUENCE);
        return;
    }
    if (known || (channel == BROADCAST && command == INIT))
        begin(hid, channel, report);
    else
        reply_error(hid, channel, INVALID_CHANNEL);
}
