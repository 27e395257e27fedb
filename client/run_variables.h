/* SPDX-License-Identifier: Apache-2.0
 *
 * The environment of a program whose way out is the broker: what its clients read, what they trust,
 * and where they go.
 */
#ifndef KEYHOLE_CLIENT_RUN_VARIABLES_H
#define KEYHOLE_CLIENT_RUN_VARIABLES_H

#include "environment.h"
#include "run_tokens.h"
#include "variables.h"

struct run_place {
    const char *base;    /* the broker's URL as the program reaches it */
    bool proxy_token;    /* the proxy wants one for hosts that have no credential */
    const char *ca;      /* file with our CA and nothing else */
    const char *bundle;  /* file with the system's roots and our CA */
    const char *wgetrc;  /* file for wget, whose TLS library takes no variable; NULL: none */
    const char *php_ini; /* directory with settings for PHP; NULL: none */
    bool clear_keys;     /* unset well-known variables that hold other keys */
};

/* `environment` has one for each token. `envp` is the environment outside, to see what stands in it
 * already. What a person should know is appended to `notes`, a sentence a line. */
KH_MUST_CHECK enum kh_err run_variables_make(const struct run_tokens *tokens,
                                             const struct environment *environment,
                                             const struct run_place *place, char *const envp[],
                                             struct variables *out, struct buffer *notes,
                                             struct fault *fault);

#endif
