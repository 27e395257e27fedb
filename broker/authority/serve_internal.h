/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of serve share; nobody else includes this.
 *
 *     serve.c         the channels, the batches, the small messages
 *     serve_decide.c  one decision
 */
#ifndef KEYHOLE_SERVE_INTERNAL_H
#define KEYHOLE_SERVE_INTERNAL_H

#include "../../caveats/caveat.h"
#include "../../caveats/decide.h"
#include "serve.h"

/* What decide() asks of the authority, for a request to that destination. */
struct serve_world {
    const struct authority *authority;
    struct bytes scheme, host;
    uint16_t port;
    const struct slot *slot; /* where the token was found */
    bool any_slot;           /* it was found nowhere: a decision is to be explained */
    enum counting counting;
    bool body_is_gone; /* of a running request */
};

/* `context` must outlive it. */
struct decision_world serve_world_of(struct serve_world *context);

#endif
