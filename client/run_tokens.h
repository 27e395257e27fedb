/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokens of a run: where they come from, narrowed to this run, and for each credential once
 * more.
 */
#ifndef KEYHOLE_CLIENT_RUN_TOKENS_H
#define KEYHOLE_CLIENT_RUN_TOKENS_H

#include "attenuate.h"
#include "cli.h"

enum {
    RUN_TOKENS_MAX = 8,
    RUN_LIFETIME_S = 12 * 3600, /* when nobody says */
    RUN_LABEL_MAX = 64,
};

struct run_token {
    struct token *given;
    struct token *token; /* narrowed: a lineage of this run alone */
    bool minted;         /* `given` was made for this run */
    bool revoked;
    int64_t ends_at; /* of `token`; INT64_MAX: nothing says */
};

struct run_tokens {
    struct run_token token[RUN_TOKENS_MAX];
    size_t count;
    const char *pick[TOKEN_CREDENTIALS_MAX]; /* credentials asked for, in order; borrowed */
    size_t pick_count;                       /* 0: all of them */
};

void run_tokens_free(struct run_tokens *tokens);

/* One more token: its text, "-" (standard input), "@FILE", "fd:N". */
KH_MUST_CHECK enum kh_err run_tokens_add(struct run_tokens *tokens, const struct cli *cli,
                                         const char *source, struct fault *fault);
/* Those of KEYHOLE_TOKENS (spaces between), else of KEYHOLE_TOKEN; none is no error. */
KH_MUST_CHECK enum kh_err run_tokens_add_environment(struct run_tokens *tokens,
                                                     struct fault *fault);

/* Whether the token is for that credential, as far as it says itself: its identifier, and caveats
 * on `credential`. */
bool run_token_covers(const struct token *token, const char *credential);
/* Every pick must be some token's, no hole may be open, none may have expired; tokens for none of
 * the picks are dropped. KH_ERR_USAGE, KH_ERR_DENIED (a hole, an end). */
KH_MUST_CHECK enum kh_err run_tokens_check(struct run_tokens *tokens, int64_t now,
                                           struct fault *fault);

/* "run:NAME-1a2b3c" for a program; NAME is the last part of its path. */
void run_label(const char *program, char out[RUN_LABEL_MAX]);
/* Narrow each: the label given (NULL: none), that of the run, `conditions`, the picks, and an end
 * that is `lifetime_s` from now unless it has one before. */
KH_MUST_CHECK enum kh_err run_tokens_narrow(struct run_tokens *tokens,
                                            const struct attenuation *conditions, const char *label,
                                            const char *run, int64_t now, int64_t lifetime_s,
                                            struct fault *fault);

/* The first token for a credential; NULL when there is none. */
const struct run_token *run_tokens_find(const struct run_tokens *tokens, const char *credential);
/* Append the text of `token` narrowed to one credential. */
KH_MUST_CHECK enum kh_err run_token_for(const struct run_token *token, const char *credential,
                                        const char *prefix, struct buffer *out,
                                        struct fault *fault);
/* The word for hosts without a credential, in caveats on `credential`. */
#define RUN_PASS_THROUGH "pass-through"

#endif
