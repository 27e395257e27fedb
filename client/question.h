/* SPDX-License-Identifier: Apache-2.0
 *
 * What a discharger asks a person, as it came over the network: read, checked against what was
 * asked of it, and shown, before anything is touched or signed (docs/PROTOCOL.discharge.md).
 */
#ifndef KEYHOLE_CLIENT_QUESTION_H
#define KEYHOLE_CLIENT_QUESTION_H

#include "../caveats/challenge.h"
#include "answer.h"
#include "cli.h"

enum {
    QUESTION_CREDENTIALS_MAX = 128,
    QUESTION_CREDENTIAL_MAX = 1023,
    QUESTION_USER_ID_MAX = 64,
    /* WebAuthn 5.4.3 */ QUESTION_ALGORITHMS_MAX = 8
};

enum question_kind { QUESTION_UNSET = 0, QUESTION_FIDO2, QUESTION_SSH, QUESTION_BROWSER };

/* What was asked: a question about anything else is refused. */
struct question_expectation {
    enum challenge_purpose purpose;
    const char *url;        /* of the discharger that was asked, canonical */
    struct bytes parent;    /* of a discharge: the lineage, in hexadecimal */
    struct bytes condition; /* of a discharge: canonical; empty when the token does not say */
    struct bytes name;      /* of an enrolment: of the authenticator */
};

struct question {
    enum question_kind kind;
    json_t *object; /* owned; the strings below point into it */
    const char *url;
    const char *answer_url;          /* where the answer goes */
    const char *user_url, *poll_url; /* browser */
    const char *code;                /* "" when there is none */
    int64_t expires_at;              /* 0 when it does not say */

    /* fido2 and ssh */
    struct buffer text, storage;
    struct challenge_line line[CHALLENGE_LINES_MAX];
    size_t line_count;
    uint8_t challenge[CHALLENGE_SIZE]; /* computed here from the text */

    const char *rp_id, *origin, *rp_name; /* fido2 */
    bool verification;
    struct buffer user_id; /* of an enrolment */
    const char *user_name;
    int algorithm[QUESTION_ALGORITHMS_MAX]; /* COSE, in the order of preference */
    size_t algorithm_count;
    struct buffer
        credential[QUESTION_CREDENTIALS_MAX]; /* to sign with; of an enrolment, excluded */
    size_t credential_count;

    const char *name_space; /* ssh */
};

/*
 * `member` is the value of "fido2", "ssh" or "user_interactive" in an answer; a reference to it is
 * taken. KH_ERR_PROTOCOL with what is wrong with it. The caller frees with question_free.
 */
KH_MUST_CHECK enum kh_err question_read(enum question_kind kind, json_t *member,
                                        const struct question_expectation *expectation,
                                        struct question **out, struct fault *fault);
void question_free(struct question **question);

/* Whether that SSH key (SHA256:…) is one that is asked for. */
bool question_has_fingerprint(const struct question *question, const char *fingerprint);

/* Append what is vouched for, for a person: one line for each of the text, indented, terminal-safe.
 */
void question_print(const struct question *question, int64_t now, struct buffer *out);

#endif
