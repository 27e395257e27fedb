/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling a hole: what the files fill*.c share.
 */
#ifndef KEYHOLE_DISCHARGE_FILL_H
#define KEYHOLE_DISCHARGE_FILL_H

#include "service_internal.h"

/* ---- fill.c ---- */

/* The token has not expired, and nobody declined: when it is asked, and again when it is answered,
 * because somebody may have declined the same ticket elsewhere in between. */
KH_MUST_CHECK enum failure fill_check_ticket(struct exchange *x, const struct question *question);

/* ---- fill_text.c ---- */

/* What the person is shown and signs. */
KH_MUST_CHECK enum kh_err fill_text(const struct service *service, struct bytes asked_by,
                                    struct question *question, struct fault *fault);

/* ---- fill_offer.c ---- */

/* How many authenticators a question names at most: beyond, those of the last users are left out.
 */
enum { FILL_OFFERS_MAX = 128 };

/* The credential ids (base64url), or the fingerprints, of those who could answer, decoys included.
 * On success the caller owns the array. */
KH_MUST_CHECK enum kh_err fill_offer(const struct service *service, const struct question *question,
                                     json_t **out, struct fault *fault);
/* Whether that credential is the decoy of somebody who is asked for. */
bool fill_is_decoy(const struct service *service, const struct question *question,
                   struct bytes credential);

/* ---- fill_judge.c ---- */

/* An authenticator, copied out of the database. */
struct fill_authenticator {
    struct discharge_authenticator row;
    struct buffer user, name, credential, key; /* that the row points into; owned */
    bool decoy;                                /* nobody's: it must not vouch */
};
void fill_authenticator_free(struct fill_authenticator *authenticator);

/* The authenticator of that credential, if it is of such a kind and belongs to whoever is asked
 * for: nothing else is looked at before (YSA-2026-02). On success the caller owns it. */
KH_MUST_CHECK enum failure fill_find(struct exchange *x, const struct question *question, bool ssh,
                                     struct bytes credential, struct fill_authenticator *out);

/* What the authenticator signed; the signature was good. */
struct fill_proof {
    enum hole_factor factor;
    bool presence, verified;
    uint32_t counter;
};
/* Count the use, judge the hole, make the discharge: into question->discharge. */
KH_MUST_CHECK enum failure fill_vouch(struct exchange *x, struct question *question,
                                      const struct fill_authenticator *authenticator,
                                      const struct fill_proof *proof);
/* A counter that went back: marked, told, refused. */
enum failure fill_cloned(struct exchange *x, const struct fill_authenticator *authenticator);

/* ---- fill_answer.c ---- */

/* A hole was not filled: it is logged and counted. */
void fill_refused(struct exchange *x, struct bytes user, enum failure failure);

/* An assertion, judged in full; on FAILURE_NONE the discharge is in the question. */
KH_MUST_CHECK enum failure fill_judge_assertion(struct exchange *x, struct question *question,
                                                const uint8_t challenge[CHALLENGE_SIZE],
                                                const struct webauthn_assertion_json *assertion);

#endif
