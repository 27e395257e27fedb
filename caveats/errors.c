/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of schema/errors.def, and faults: an error with what a person needs. */

#include "errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_row {
    const char *code, *sentence;
};

static const struct err_row err_table[KH_ERR_COUNT] = {
    [KH_OK] = {"ok", "done"},
#define KH_ERROR(name, code, sentence) [KH_ERR_##name] = {code, sentence},
#include "../schema/errors.def"
};

struct reason_row {
    const char *code, *sentence, *advice;
    int status;
};

static const struct reason_row reason_table[KH_REASON_COUNT] = {
#define KH_REASON(name, code, http_status, sentence, advice)                                       \
    [KH_REASON_##name] = {code, sentence, advice, http_status},
#include "../schema/errors.def"
};

static const struct err_row *
err_row(enum kh_err err)
{
    if ((unsigned)err >= KH_ERR_COUNT)
        err = KH_ERR_INTERNAL;
    return &err_table[err];
}

const char *
kh_err_code(enum kh_err err)
{
    return err_row(err)->code;
}

const char *
kh_err_sentence(enum kh_err err)
{
    return err_row(err)->sentence;
}

static const struct reason_row *
reason_row(enum kh_reason reason)
{
    if (reason == KH_REASON_UNSET || (unsigned)reason >= KH_REASON_COUNT)
        reason = KH_REASON_INTERNAL;
    return &reason_table[reason];
}

const char *
kh_reason_code(enum kh_reason reason)
{
    return reason_row(reason)->code;
}

const char *
kh_reason_sentence(enum kh_reason reason)
{
    return reason_row(reason)->sentence;
}

const char *
kh_reason_advice(enum kh_reason reason)
{
    return reason_row(reason)->advice;
}

int
kh_reason_status(enum kh_reason reason)
{
    return reason_row(reason)->status;
}

enum kh_reason
kh_reason_from_code(struct bytes code)
{
    for (int i = KH_REASON_UNSET + 1; i < KH_REASON_COUNT; i++) {
        if (bytes_is(code, reason_table[i].code))
            return (enum kh_reason)i;
    }
    return KH_REASON_UNSET;
}

enum kh_err(fault_set)(struct fault *f, enum kh_err err, const char *format, ...)
{
    if (f) {
        va_list arguments;
        va_start(arguments, format);
        f->err = err;
        if (vsnprintf(f->detail, sizeof f->detail, format, arguments) < 0)
            f->detail[0] = '\0';
        va_end(arguments);
    }
    return err;
}

void
fault_prefix(struct fault *f, const char *format, ...)
{
    if (!f)
        return;
    char said[sizeof f->detail];
    memcpy(said, f->detail, sizeof said);
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(f->detail, sizeof f->detail, format, arguments);
    va_end(arguments);
    size_t used = n < 0 ? 0 : (size_t)n;
    if (used < sizeof f->detail)
        snprintf(f->detail + used, sizeof f->detail - used, "%s", said);
}
