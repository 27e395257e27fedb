/* SPDX-License-Identifier: Apache-2.0
 *
 * Ending a token at its broker: it and everything made from it. Takes authority away, so holding
 * the token is right enough.
 */
#ifndef KEYHOLE_CLIENT_REVOKE_H
#define KEYHOLE_CLIENT_REVOKE_H

#include "../caveats/token.h"
#include "broker.h"

#define REVOKE_PATH "/.well-known/keyhole/revoke"

struct revoke_result {
    bool revoked;
    char lineage[2 * LINEAGE_ID_SIZE + 1]; /* as the broker says, when revoked */
    /* When not: from the broker's problem details, as they came (not terminal-safe). */
    long status;
    char code[64], title[256], detail[512], advice[256];
};

/*
 * KH_OK with `revoked`; KH_ERR_DENIED when the broker refuses, with what it said in `out`;
 * KH_ERR_PROTOCOL when what answers is no broker, or ended something else; and what http_call
 * returns. `fault` is filled on every error.
 */
KH_MUST_CHECK enum kh_err revoke_token(const struct token *token,
                                       const struct broker_address *address, const char *ca_file,
                                       struct revoke_result *out, struct fault *fault);

/* The reading of an answer, apart from the network. */
KH_MUST_CHECK enum kh_err revoke_read_answer(const struct http_answer *answer,
                                             const uint8_t lineage[LINEAGE_ID_SIZE],
                                             struct revoke_result *out, struct fault *fault);

#endif
