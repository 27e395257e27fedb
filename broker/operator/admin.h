/* SPDX-License-Identifier: Apache-2.0
 *
 * One question to the broker, or to the discharger, over its admin socket (docs/PROTOCOL.admin.md,
 * docs/PROTOCOL.discharge.md).
 */
#ifndef KEYHOLE_OPERATOR_ADMIN_H
#define KEYHOLE_OPERATOR_ADMIN_H

#include "operator.h"

#include <jansson.h>

enum {
    ADMIN_LINE_MAX = 1024 * 1024,
    ADMIN_SILENCE_MS = 2000, /* then a person at a terminal is told that it is waited */
    ADMIN_PATIENCE_S = 30,   /* longer than the longest backoff of an authority that restarts, and
                                than a token endpoint and an upstream that are both too late */
};

/* First thing: what jansson holds, secrets among it, is wiped when it is freed. */
void admin_init(void);

/* A request that is being put together. What could not be put (text that is not UTF-8, no memory)
 * makes admin_ask fail: a caveat that got lost on the way would be a wider token. */
struct admin_request {
    json_t *object;
    const char *failed; /* the member, or NULL */
};

/* "command" is put in, `request` is used up. On success the caller owns `*result`. Otherwise a
 * message stands on standard error, and the exit status says which kind it was. */
KH_MUST_CHECK enum operator_exit admin_ask(const char *directory, const char *command,
                                           struct admin_request *request, json_t **result);

/* The same of the discharger, over DIR/discharger.sock. */
KH_MUST_CHECK enum operator_exit admin_ask_discharger(const char *directory, const char *command,
                                                      struct admin_request *request,
                                                      json_t **result);
/* Whoever runs there: the broker, or else a discharger that runs alone (`*is_discharger`). */
KH_MUST_CHECK enum operator_exit admin_ask_either(const char *directory, const char *command,
                                                  json_t **result, bool *is_discharger);

/* As admin_ask, but quiet when there is no broker. */
KH_MUST_CHECK enum kh_err admin_ask_quietly(const char *directory, const char *command,
                                            json_t **result);
KH_MUST_CHECK enum kh_err admin_ask_request_quietly(const char *directory, const char *command,
                                                    struct admin_request *request, json_t **result);

/* The answer's line, without its newline. KH_ERR_PROTOCOL: not as documented. KH_ERR_DENIED: the
 * broker said no, `*status` and the fault say how. */
KH_MUST_CHECK enum kh_err admin_parse(struct bytes line, json_t **result,
                                      enum operator_exit *status, struct fault *fault);

/* ---- requests ---- */

void admin_request_init(struct admin_request *request);
/* Each does nothing when there is nothing to put: NULL, or no values. */
void admin_put(struct admin_request *request, const char *member, json_t *value); /* taken over */
void admin_put_text(struct admin_request *request, const char *member, const char *text);
void admin_put_bytes(struct admin_request *request, const char *member, struct bytes text);
void admin_put_list(struct admin_request *request, const char *member,
                    const struct invocation_values *values);

/* ---- results ---- */

const char *admin_text(const json_t *object, const char *member); /* "" when it is no text */
int64_t admin_number(const json_t *object, const char *member);   /* 0 when it is no number */
void admin_print_json(const json_t *result); /* one line; indented on a terminal */

/* The end of a command that was answered with `status`: the answer as JSON where that is asked for,
 * else as `show` has it for people. The result is used up, and the status is returned. */
typedef void admin_show_fn(const struct invocation *invocation, json_t *result);
enum operator_exit admin_show(const struct invocation *invocation, enum operator_exit status,
                              json_t *result, admin_show_fn *show);

#endif
