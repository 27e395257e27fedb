/* SPDX-License-Identifier: Apache-2.0 */
/* The table of schema/discharge.def. */
#include "failure.h"

#include <stddef.h>

static const struct row {
    const char *code, *sentence, *advice;
    int status;
} rows[FAILURE_COUNT] = {
#define KH_FAILURE(name, code, http_status, sentence, advice)                                      \
    [FAILURE_##name] = {code, sentence, advice, http_status},
#include "../schema/discharge.def"
};

static const struct row *
row_of(enum failure failure)
{
    static const struct row none = {"ok", "", "", 200};
    if (failure == FAILURE_NONE)
        return &none;
    bool known = failure > FAILURE_UNSET && failure < FAILURE_COUNT;
    return known ? &rows[failure] : &rows[FAILURE_INTERNAL];
}

const char *
failure_code(enum failure failure)
{
    return row_of(failure)->code;
}

const char *
failure_sentence(enum failure failure)
{
    return row_of(failure)->sentence;
}

const char *
failure_advice(enum failure failure)
{
    return row_of(failure)->advice;
}

int
failure_status(enum failure failure)
{
    return row_of(failure)->status;
}
