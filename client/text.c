/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns for carets, and "did you mean".
 */
#include "text.h"

enum { TEXT_NAME_MAX = 32 };

size_t
text_columns(struct bytes text, size_t n)
{
    size_t columns = 0;
    for (size_t i = 0; i < n && i < text.n; i++)
        columns += (text.p[i] & 0xc0) != 0x80;
    return columns + (n > text.n ? n - text.n : 0);
}

size_t
text_distance(struct bytes typed, struct bytes candidate)
{
    if (typed.n > TEXT_NAME_MAX || candidate.n > TEXT_NAME_MAX || typed.n == 0)
        return SIZE_MAX;
    // Optimal string alignment: three rows are enough to see swapped neighbours.
    size_t row[3][TEXT_NAME_MAX + 1];
    size_t *before = row[0], *above = row[1], *current = row[2];
    for (size_t j = 0; j <= candidate.n; j++)
        above[j] = j;
    for (size_t i = 1; i <= typed.n; i++) {
        current[0] = i;
        for (size_t j = 1; j <= candidate.n; j++) {
            bool same = typed.p[i - 1] == candidate.p[j - 1];
            size_t best = above[j - 1] + !same;
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (current[j - 1] + 1 < best)
                best = current[j - 1] + 1;
            if (i > 1 && j > 1 && typed.p[i - 1] == candidate.p[j - 2] &&
                typed.p[i - 2] == candidate.p[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            current[j] = best;
        }
        size_t *spare = before;
        before = above;
        above = current;
        current = spare;
    }
    size_t allowed = typed.n < 3 ? 1 : typed.n < 7 ? 2 : 3;
    return above[candidate.n] <= allowed && above[candidate.n] < typed.n ? above[candidate.n]
                                                                         : SIZE_MAX;
}
