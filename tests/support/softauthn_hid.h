/* SPDX-License-Identifier: Apache-2.0
 *
 * CTAPHID (CTAP 2.1, 11.2) on the authenticator's side: reports in, reports out, no I/O.
 */
#ifndef KEYHOLE_TESTS_SOFTAUTHN_HID_H
#define KEYHOLE_TESTS_SOFTAUTHN_HID_H

#include "softauthn.h"

enum { SOFTAUTHN_REPORT = 64 };

struct softauthn_hid {
    struct softauthn *authenticator;
    void (*send)(void *arg, const uint8_t report[SOFTAUTHN_REPORT]);
    void *arg;
    bool busy;         /* a command is being obeyed: only CANCEL is heard */
    bool cancelled;    /* by the client, since the command began */
    bool winked;       /* since this was last set to false */
    uint32_t channel;  /* of the command that comes in or is being obeyed */
    uint32_t channels; /* given out: 1 to this */
    bool assembling;   /* a message has begun, and not all of it is here */
    uint8_t command, sequence;
    size_t wanted, have;
    uint8_t message[SOFTAUTHN_MESSAGE_MAX];
};

void softauthn_hid_init(struct softauthn_hid *hid, struct softauthn *a,
                        void (*send)(void *arg, const uint8_t report[SOFTAUTHN_REPORT]), void *arg);
/* May be called again by the authenticator's touch(), for what arrives meanwhile. */
void softauthn_hid_receive(struct softauthn_hid *hid, const uint8_t report[SOFTAUTHN_REPORT]);
/* "I am waiting to be touched", for touch(). */
void softauthn_hid_keepalive(struct softauthn_hid *hid);
/* The rest of a message did not come. */
void softauthn_hid_expire(struct softauthn_hid *hid);

#endif
