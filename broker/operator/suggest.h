/* SPDX-License-Identifier: Apache-2.0
 *
 * "Did you mean …?"
 */
#ifndef KEYHOLE_OPERATOR_SUGGEST_H
#define KEYHOLE_OPERATOR_SUGGEST_H

#include <stddef.h>

struct suggestion {
    const char *given;
    const char *best; /* NULL: nothing is near enough */
    size_t distance;  /* of the best, or the farthest that is near enough */
};

void suggest_init(struct suggestion *suggestion, const char *given);
void suggest_offer(struct suggestion *suggestion, const char *candidate); /* kept by reference */

/* Insertions, removals, changes and swaps of neighbours that turn one into the other; words longer
 * than 63 characters are as far as can be. */
size_t suggest_distance(const char *a, const char *b);

#endif
