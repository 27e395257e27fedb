/* SPDX-License-Identifier: Apache-2.0
 *
 * What functions return, and why requests are refused: both lists live in schema/errors.def.
 */
#ifndef KEYHOLE_ERRORS_H
#define KEYHOLE_ERRORS_H

#include "bytes.h"

enum kh_err {
    KH_OK = 0,
#define KH_ERROR(name, code, sentence) KH_ERR_##name,
#include "../schema/errors.def"
    KH_ERR_COUNT
};

/* Why a request was refused. Zero is not "no reason": a zeroed decision is a denial. */
enum kh_reason {
    KH_REASON_UNSET = 0,
#define KH_REASON(name, code, http_status, sentence, advice) KH_REASON_##name,
#include "../schema/errors.def"
    KH_REASON_COUNT
};

const char *kh_err_code(enum kh_err err); /* "ok" for KH_OK, never NULL */
const char *kh_err_sentence(enum kh_err err);

const char *kh_reason_code(enum kh_reason reason); /* "internal" for what is not in the table */
const char *kh_reason_sentence(enum kh_reason reason);
const char *kh_reason_advice(enum kh_reason reason);
int kh_reason_status(enum kh_reason reason); /* HTTP status; 500 for what is not in the table */
enum kh_reason kh_reason_from_code(struct bytes code); /* KH_REASON_UNSET when unknown */

/* An error with what a person needs: which value, where, what was expected. */
struct fault {
    enum kh_err err;
    char detail[480]; /* one sentence, no secret in it */
};

/* Fill `f` (may be NULL) and return `err`, so that callers write: return fault_set(f, …). What
 * leads here is laid out apart from what does not. */
KH_COLD enum kh_err fault_set(struct fault *f, enum kh_err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#ifdef KH_ANALYSE /* static analysis sees one file, and would take an error for none */
#define fault_set(f, err, ...) ((void)(fault_set)(f, err, __VA_ARGS__), (err))
#endif
/* Put text before what `f` says already, as "in keyholed.yaml:3: …". */
KH_COLD void fault_prefix(struct fault *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
