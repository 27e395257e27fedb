/* SPDX-License-Identifier: Apache-2.0
 *
 * Running one of the works of keyhole-authority (broker/keep): its arguments, the secrets that it
 * reads from descriptors, and the JSON that it reports.
 */
#ifndef KEYHOLE_OPERATOR_KEEPER_H
#define KEYHOLE_OPERATOR_KEEPER_H

#include "operator.h"

#include "../../caveats/bytes.h"

#include <jansson.h>

enum { KEEPER_ARGUMENTS_MAX = 64, KEEPER_SECRETS_MAX = 4, KEEPER_SECRET_MAX = 4096 };

struct keeper {
    const char *argv[KEEPER_ARGUMENTS_MAX + 1];
    size_t count;
    const struct buffer *secret[KEEPER_SECRETS_MAX]; /* borrowed */
    char number[KEEPER_SECRETS_MAX][16];
    size_t secret_count;
    bool overflow; /* something had no room: it is not run without it */
};

void keeper_init(struct keeper *keeper, const char *work, const char *directory);
void keeper_add(struct keeper *keeper, const char *argument);
void keeper_add_value(struct keeper *keeper, const char *option, const char *value); /* or NULL */
/* `option` gets the descriptor. At most KEEPER_SECRET_MAX bytes; nothing when it is empty. */
void keeper_add_secret(struct keeper *keeper, const char *option, const struct buffer *secret);

/* It says itself what went wrong. On success the caller owns `*report`. */
KH_MUST_CHECK enum operator_exit keeper_run(struct keeper *keeper, json_t **report);

#endif
