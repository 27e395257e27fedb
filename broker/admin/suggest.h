/* SPDX-License-Identifier: Apache-2.0
 *
 * "did you mean": the nearest of some names.
 */
#ifndef KEYHOLE_SUGGEST_H
#define KEYHOLE_SUGGEST_H

#include "../../caveats/bytes.h"

struct suggestion {
    struct bytes wanted, best;
    unsigned distance;
    char text[96];
};

void suggest_begin(struct suggestion *suggestion, struct bytes wanted);
void suggest_offer(struct suggestion *suggestion, struct bytes candidate);
/* "; did you mean openai?", or "" when nothing is near enough. Lives in `suggestion`. */
const char *suggest_text(struct suggestion *suggestion);

#endif
