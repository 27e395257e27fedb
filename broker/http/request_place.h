/* SPDX-License-Identifier: Apache-2.0
 *
 * The edits that put a secret into a part of something: a cookie, a segment of the path, a
 * subprotocol. For request_write.c alone.
 */
#ifndef KEYHOLE_REQUEST_PLACE_H
#define KEYHOLE_REQUEST_PLACE_H

#include "request.h"

/* What edit[at] may need in request->edits beside its own name and value, if it is such a one. */
size_t request_place_room(const struct request *request, const struct edit *edit, size_t at);

/* False: it does not apply. */
KH_MUST_CHECK bool request_place_cookie(struct request *request, const struct edit *edit);
KH_MUST_CHECK bool request_place_path(struct request *request, const struct edit *edit);
KH_MUST_CHECK bool request_place_subprotocol(struct request *request, const struct edit *edit);

#endif
