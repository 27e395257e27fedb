/* SPDX-License-Identifier: Apache-2.0
 *
 * Open questions: tickets that wait for a person, enrolments that wait for an authenticator. They
 * live in memory alone, and what may happen to one is a table of states and events.
 *
 * Page, poll and answer of a question have ids of their own, 128 random bits each: whoever may look
 * at the page cannot fetch the discharge, and the other way round.
 */
#ifndef KEYHOLE_DISCHARGE_QUESTION_H
#define KEYHOLE_DISCHARGE_QUESTION_H

#include "../../caveats/address.h"
#include "../../caveats/challenge.h"
#include "../../caveats/hole.h"
#include "../../caveats/ticket.h"
#include "../failure.h"
#include "store.h"

enum {
    QUESTION_ID_SIZE = 16,
    QUESTION_ID_TEXT = 22,  /* characters of base64url */
    QUESTION_CODE_SIZE = 9, /* "BDWP-HQPK" */
    QUESTION_GRACE_S =
        300, /* after its end: to be collected, and for the page to say how it ended */
};

enum question_way { QUESTION_WAY_UNSET = 0, QUESTION_FIDO2, QUESTION_SSH, QUESTION_BROWSER };

enum question_state {
    QUESTION_ENDED = 0, /* collected, or nobody is to collect it */
    QUESTION_ASKED,
    QUESTION_CHALLENGED, /* there is a nonce */
    QUESTION_JUDGING,    /* the nonce is used up, the answer is being looked at */
    QUESTION_ANSWERED,   /* the discharge waits */
    QUESTION_DECLINED,
    QUESTION_EXPIRED,
    QUESTION_STATES
};

enum question_event {
    QUESTION_EVENT_CHALLENGE, /* a nonce is made; it ends the one before */
    QUESTION_EVENT_TAKE,   /* an answer came: the nonce is used up before anything is looked at */
    QUESTION_EVENT_REFUSE, /* the answer was not good */
    QUESTION_EVENT_ACCEPT,
    QUESTION_EVENT_DECLINE,
    QUESTION_EVENT_EXPIRE,
    QUESTION_EVENT_COLLECT,
    QUESTION_EVENTS
};

/* Who asks, for limits: an address; of IPv6 the network, which one machine has to itself. */
struct question_client {
    uint8_t key[ADDRESS_SIZE];
};
struct question_client question_client_of(struct bytes address);

struct question {
    enum challenge_purpose purpose;
    enum question_way way;
    enum question_state state;
    enum failure failure; /* how it ended; FAILURE_NONE: well. FAILURE_UNSET: it has not */
    uint8_t page[QUESTION_ID_SIZE], poll[QUESTION_ID_SIZE], answer[QUESTION_ID_SIZE];
    uint8_t nonce[CHALLENGE_NONCE_SIZE];
    struct question_client client;
    int64_t expires_at;
    struct buffer text; /* what the person was shown, and signs */
    char code[QUESTION_CODE_SIZE + 1];

    /* Of a ticket. */
    struct buffer sealed; /* the ticket itself */
    struct ticket ticket; /* while it is open */
    struct hole_demand demand;
    struct buffer parent;    /* lineage id in hexadecimal, or empty */
    struct buffer discharge; /* secret: V2 binary, while it waits */

    /* Of an enrolment. */
    struct buffer user, name;
    uint8_t invitation[32];
};

struct question_table {
    struct question **question;
    size_t count, capacity; /* at most SERVICE_QUESTIONS_MAX */
};

/* A new one with its ids, a code and a nonce; not yet in the table. NULL when memory is used up. */
struct question *question_new(enum challenge_purpose purpose, enum question_way way);
void question_free(struct question **question);

/* Whether there is room for one more of that client: FAILURE_NONE, FAILURE_TOO_MANY, FAILURE_BUSY.
 * Ended ones make room. */
KH_MUST_CHECK enum failure question_table_admit(struct question_table *table,
                                                const struct question_client *client, int64_t now);
/* KH_OK: the table owns it. */
KH_MUST_CHECK enum kh_err question_table_add(struct question_table *table,
                                             struct question *question, struct fault *fault);

enum question_id { QUESTION_ID_PAGE, QUESTION_ID_POLL, QUESTION_ID_ANSWER };
struct question *question_table_find(const struct question_table *table, enum question_id which,
                                     const uint8_t id[QUESTION_ID_SIZE]);
/* The ticket was declined: whoever else waits for it need not wait any longer. */
void question_table_decline(struct question_table *table, struct bytes sealed);
/* Out of the table: the caller owns it. */
void question_table_take(struct question_table *table, struct question *question);
/* Let what is too old expire, and drop what nobody will ask for any more. */
void question_table_tick(struct question_table *table, int64_t now);
void question_table_free(struct question_table *table);
/* Questions that can still be answered. */
size_t question_table_open(const struct question_table *table);

bool question_is_open(const struct question *question);
/* Move on. False, and nothing changed, where the table of states forbids it. Whatever was secret
 * and is not needed in the new state is wiped. */
KH_MUST_CHECK bool question_step(struct question *question, enum question_event event);

/* What has to be signed: of its purpose, its text and its nonce. */
KH_MUST_CHECK bool question_digest(const struct question *question, uint8_t out[CHALLENGE_SIZE]);

void question_id_print(const uint8_t id[QUESTION_ID_SIZE], struct buffer *out);
KH_MUST_CHECK bool question_id_read(struct bytes text, uint8_t out[QUESTION_ID_SIZE]);

#endif
