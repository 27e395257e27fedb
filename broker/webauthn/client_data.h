/* SPDX-License-Identifier: Apache-2.0
 *
 * Client data (WebAuthn 5.8.1): what the browser says it signed for.
 */
#ifndef KEYHOLE_CLIENT_DATA_H
#define KEYHOLE_CLIENT_DATA_H

#include "why.h"

#include "../../caveats/bytes.h"

#include <jansson.h>

enum { CLIENT_DATA_MAX = 8192 };

struct client_data {
    struct bytes type, challenge, origin; /* as they stand: base64url, UTF-8 */
    bool cross_origin;                    /* anything but absent or false */
    bool top_origin;                      /* there is one */
    json_t *json;                         /* owns them */
};

/* Strict JSON: no name twice, no byte order mark, no NUL. Members that are not known are let be:
 * browsers add some at random. `why` (160 bytes) says what is wrong. Freed in any case. */
KH_MUST_CHECK bool client_data_read(struct bytes text, struct client_data *out, char why[WHY_MAX]);
void client_data_free(struct client_data *client);

#endif
