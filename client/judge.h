/* SPDX-License-Identifier: Apache-2.0
 *
 * A request as a holder knows it, judged by the caveats of a token alone: what was not said of it,
 * and what is the broker's to know, is not judged.
 */
#ifndef KEYHOLE_CLIENT_JUDGE_H
#define KEYHOLE_CLIENT_JUDGE_H

#include "../caveats/body_facts.h"
#include "../caveats/explain.h"

/* What an explanation points into; not to be copied. */
struct judge {
    struct facts facts;
    struct {
        bool header, credential, client, body;
    } hidden;
    struct body_need need;
    struct fact_body_value value[BODY_POINTERS_MAX];
    struct buffer storage;
};

void judge_init(struct judge *judge);
void judge_free(struct judge *judge);

/*
 * Make ready what explain_json() takes. `facts` are as far as they are known: client and credential
 * may be empty, user and body are filled in here. `headers_known`: fields that are not there are
 * absent; `body` is NULL when nothing is known of it. All of it must live as long as `judge`.
 * KH_ERR_MALFORMED when the identifier is not a Keyhole broker's.
 */
KH_MUST_CHECK enum kh_err judge_prepare(struct judge *judge, const struct token *token,
                                        const struct facts *facts, bool headers_known,
                                        const struct bytes *body, struct explain *out,
                                        struct fault *fault);

#endif
