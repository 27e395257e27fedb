/* SPDX-License-Identifier: Apache-2.0
 *
 * What the handlers of the discharger share.
 */
#ifndef KEYHOLE_DISCHARGE_SERVICE_INTERNAL_H
#define KEYHOLE_DISCHARGE_SERVICE_INTERNAL_H

#include "decoy.h"
#include "guess.h"
#include "question.h"
#include "service.h"

#include <jansson.h>

enum { SERVICE_PRUNE_INTERVAL_S = 60, SERVICE_SEGMENTS = 2 };

struct service {
    struct discharger self;
    const uint8_t *secret_key;
    struct discharge_store *store;
    char *roots;
    struct discharger_settings settings;
    char rp_id[DISCHARGER_URL_MAX + 1]; /* the URL's host */
    struct decoys decoys;
    struct question_table questions;
    struct guesses guesses; /* of invitation codes */
    struct service_counts counts;
    int64_t pruned_at;
};

/* One request on its way, with the id or the segments of its path that its route leaves open. */
struct exchange {
    struct service *service;
    const struct service_request *request;
    struct service_response *response;
    uint8_t id[QUESTION_ID_SIZE];
    struct bytes segment[SERVICE_SEGMENTS];
    struct fault detail; /* of the failure that is returned */
};
/* FAILURE_NONE: the response is written. Else it is written for that failure. */
typedef enum failure service_handler(struct exchange *x);

/* service.c */
service_handler service_describe;

/* fill.c, fill_answer.c, fill_page.c */
service_handler fill_post, fill_answer_fido2, fill_answer_ssh;
service_handler fill_page_challenge, fill_page_answer, fill_page_decline, fill_poll;
/* enroll.c, enroll_answer.c */
service_handler enroll_post, enroll_answer;
/* pages_approve.c, pages_enroll.c, assets.c */
service_handler page_approve, page_enroll, asset_get;

/* The question whose answer comes in, out of the table before anything that came is looked at: a
 * replay finds none. `way` UNSET: any. What had to be signed is in `challenge`. On success the
 * caller owns it. */
KH_MUST_CHECK enum failure service_take_question(struct exchange *x, enum challenge_purpose purpose,
                                                 enum question_way way, struct question **out,
                                                 uint8_t challenge[CHALLENGE_SIZE]);

/* ---- service_json.c ---- */

/* The body as one JSON object whose members are among `members` (NULL ends; NULL: any are taken),
 * all of them texts. FAILURE_REQUEST_INVALID. On success the caller owns it (json_decref). */
KH_MUST_CHECK enum failure service_read(struct exchange *x, const char *const *members,
                                        json_t **out);
/* Empty where it is missing. */
struct bytes service_text(const json_t *object, const char *name);
/* A member in base64url, decoded and appended; `standard`: padded standard base64 is taken too. */
KH_MUST_CHECK enum failure service_binary(struct exchange *x, const json_t *object,
                                          const char *name, bool standard, struct buffer *out);
/* Takes over `object` (NULL: memory is used up). */
KH_MUST_CHECK enum failure service_write(struct exchange *x, int status, json_t *object);
json_t *service_json_text(struct bytes text);
json_t *service_json_base64(struct bytes data);
json_t *service_json_time(int64_t time);
/* "https://discharge.example" and the path, and the id behind it when there is one. */
json_t *service_json_url(const struct service *service, const char *path,
                         const uint8_t id[QUESTION_ID_SIZE]);
/* WebAuthn's PublicKeyCredentialDescriptorJSON of each id. NULL when memory is used up. */
json_t *service_json_descriptors(const json_t *ids);
/* Set the detail, and give the failure back. */
enum failure service_fail(struct exchange *x, enum failure failure, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What is none of the peer's business: the fault goes to the log. */
enum failure service_fail_internal(struct exchange *x, const struct fault *fault);
/* That an answer to a question was refused, and why; unless the log has a line already. */
void service_log_refusal(struct exchange *x, struct bytes user, enum failure failure);
/* One line for the log. Whatever came from elsewhere is passed through text_put_safe. */
void service_log(struct exchange *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
