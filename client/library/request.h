/* SPDX-License-Identifier: Apache-2.0
 *
 * A request as it was described.
 */
#ifndef KEYHOLE_LIBRARY_REQUEST_H
#define KEYHOLE_LIBRARY_REQUEST_H

#include "../../caveats/request_text.h"
#include "internal.h"

struct keyhole_request {
    struct request_text text;
    struct buffer body, client, credential;
    bool has_headers, has_body;
};

#endif
