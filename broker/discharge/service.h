/* SPDX-License-Identifier: Apache-2.0
 *
 * The discharger, without I/O: requests in, answers out (docs/PROTOCOL.discharge.md). Whoever calls
 * it has the sockets, the clock and the database.
 *
 * Open questions live in memory, at most SERVICE_QUESTIONS_MAX, for five minutes; after a restart
 * they are asked again.
 */
#ifndef KEYHOLE_DISCHARGE_SERVICE_H
#define KEYHOLE_DISCHARGE_SERVICE_H

#include "../../caveats/challenge.h"
#include "../../caveats/ticket.h"
#include "../failure.h"
#include "store.h"

enum {
    SERVICE_BODY_MAX = 65536,
    SERVICE_QUESTIONS_MAX = 1024,
    SERVICE_QUESTIONS_PER_CLIENT = 64, /* of one address */
    SERVICE_QUESTION_LIFETIME_S = 300,
    SERVICE_INVITATION_LIFETIME_S = 600,
    SERVICE_CODE_LETTERS = 12, /* of an invitation, in groups of four: 60 bits, Crockford base32 */
};

struct service;

struct service_options {
    struct discharger self;    /* URL, public key; the name is for people */
    const uint8_t *secret_key; /* TICKET_SECRET_KEY_SIZE; borrowed for the life of the service */
    struct discharge_store *store; /* borrowed */
    const char *roots; /* the directory of attestation roots; read at each registration */
    struct discharger_settings settings;
};

KH_MUST_CHECK enum kh_err service_new(const struct service_options *options, struct service **out,
                                      struct fault *fault);
void service_free(struct service **service);
void service_set_settings(struct service *service, const struct discharger_settings *settings);

/* One request, already strict HTTP and for this origin (Host was compared with the URL). */
struct service_request {
    struct bytes method, path; /* canonical, without query: there is none in this protocol */
    struct bytes content_type; /* lower case, without parameters; or empty */
    struct bytes origin;       /* of the Origin header; or empty */
    struct bytes fetch_site;   /* of Sec-Fetch-Site; or empty */
    struct bytes body;
    struct bytes client; /* address of the peer, for people and for limits */
    int64_t now;         /* seconds since 1970 */
};

struct service_response {
    int status;
    const char *content_type; /* static */
    bool page;                /* HTML: the page's Content-Security-Policy is to be sent */
    bool cacheable;           /* a static file; else Cache-Control: no-store */
    uint32_t retry_after_s;   /* 0: none */
    const char *allow;        /* of 405; static */
    char location[DISCHARGER_URL_MAX + 64]; /* of 303; "" else */
    struct buffer body;                     /* owned by the caller, who initialises and frees it */
    char log[240];        /* what happened, for the log; "" when nothing worth a line did */
    enum failure failure; /* for the log */
};
/* The headers that every page gets; static. */
extern const char service_page_policy[]; /* Content-Security-Policy */

void service_answer(struct service *service, const struct service_request *request,
                    struct service_response *response);

/* {"error", "message", "detail", "advice"}, for a request that does not get as far as that, too. */
void service_write_failure(struct service_response *response, int status, enum failure failure,
                           const char *detail);

/* Each second or so: questions that are too old, rows that are past. */
void service_tick(struct service *service, int64_t now);

/* A new invitation code for that user, "K7QF-2M9X-0TRB"; appended to `code` once it is stored.
 * KH_ERR_NOT_FOUND. */
KH_MUST_CHECK enum kh_err service_invite(struct service *service, struct bytes user, int64_t now,
                                         struct buffer *code, struct fault *fault);

struct service_counts {
    size_t questions;
    uint64_t discharges, declines, failures, enrolments;
};
void service_count(const struct service *service, struct service_counts *out);

#endif
