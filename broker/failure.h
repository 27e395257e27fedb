/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a discharger does not vouch: schema/discharge.def as an enum.
 */
#ifndef KEYHOLE_FAILURE_H
#define KEYHOLE_FAILURE_H

#include "../caveats/bytes.h"
#include "../caveats/errors.h"

enum failure {
    FAILURE_UNSET = 0, /* nothing was decided: treated as FAILURE_INTERNAL */
#define KH_FAILURE(name, code, http_status, sentence, advice) FAILURE_##name,
#include "../schema/discharge.def"
    FAILURE_COUNT,
    FAILURE_NONE = 1000 /* the one value that vouches: set explicitly, last */
};

/* "internal" and its texts for what is not in the table; "ok" and 200 for FAILURE_NONE. */
const char *failure_code(enum failure failure);
const char *failure_sentence(enum failure failure);
const char *failure_advice(enum failure failure);
int failure_status(enum failure failure);

#endif
