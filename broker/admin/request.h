/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests of an admin socket: tables say what each command takes and who carries it out.
 */
#ifndef KEYHOLE_ADMIN_REQUEST_H
#define KEYHOLE_ADMIN_REQUEST_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

#include <jansson.h>

enum { ADMIN_MEMBERS_MAX = 18 };

enum admin_type {
    ADMIN_TYPE_UNSET = 0,
    ADMIN_TEXT,
    ADMIN_FLAG,
    ADMIN_NUMBER,
    ADMIN_TEXTS,
    ADMIN_NUMBERS,
    ADMIN_FLAG_OR_TEXT,
};

struct admin_member {
    const char *name;
    enum admin_type type;
    bool required;
};

/* Members are checked before this is called; `result` is an object to fill. */
typedef enum kh_err admin_fn(void *context, const json_t *request, json_t *result,
                             struct fault *fault);

struct admin_command {
    const char *name;
    admin_fn *handle;
    struct admin_member member[ADMIN_MEMBERS_MAX]; /* beside "command"; ends with name == NULL */
};

/* First thing in the process: jansson wipes what it frees, and seeds its hash tables. */
void admin_request_init(void);

/* One request (without its newline) and its answer (with one), appended to `out`. Each of the
 * `count` tables ends with name == NULL; `context` is handed on. */
void admin_request_answer(const struct admin_command *const *tables, size_t count, void *context,
                          struct bytes line, struct buffer *out);

/* The answer of one that was not there at once: a result, or (NULL) a fault. With its newline. */
void admin_request_finish(json_t *result, const struct fault *fault, struct buffer *out);

/* ---- reading: members were checked, what is absent is empty ---- */
struct bytes admin_text(const json_t *request, const char *name);
bool admin_has(const json_t *request, const char *name);
bool admin_flag(const json_t *request, const char *name, bool otherwise);
int64_t admin_number(const json_t *request, const char *name);
/* Up to `cap`; KH_ERR_TOO_LONG beyond. */
KH_MUST_CHECK enum kh_err admin_texts(const json_t *request, const char *name, struct bytes *out,
                                      size_t cap, size_t *count, struct fault *fault);

/* ---- writing: KH_ERR_MEMORY when it cannot be put ---- */
KH_MUST_CHECK enum kh_err admin_put(json_t *object, const char *name, json_t *value,
                                    struct fault *fault); /* takes `value` over */
KH_MUST_CHECK enum kh_err admin_put_text(json_t *object, const char *name, struct bytes text,
                                         struct fault *fault);
KH_MUST_CHECK enum kh_err admin_put_number(json_t *object, const char *name, int64_t number,
                                           struct fault *fault);
KH_MUST_CHECK enum kh_err admin_put_time(json_t *object, const char *name, int64_t seconds,
                                         struct fault *fault);
KH_MUST_CHECK enum kh_err admin_put_hex(json_t *object, const char *name, const uint8_t *p,
                                        size_t n, struct fault *fault);
KH_MUST_CHECK enum kh_err admin_append_text(json_t *array, struct bytes text, struct fault *fault);

#endif
