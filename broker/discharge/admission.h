/* SPDX-License-Identifier: Apache-2.0
 *
 * Which requests get as far as the protocol: those that are for this origin, of a form that it has.
 * Without I/O.
 */
#ifndef KEYHOLE_DISCHARGE_ADMISSION_H
#define KEYHOLE_DISCHARGE_ADMISSION_H

#include "../http/http1.h"
#include "service.h"

enum { ADMISSION_TYPE_MAX = 127 };

/* Why not. */
struct refusal {
    int status;
    enum failure failure;
    const char *detail; /* static, or "" */
    const char *allow;  /* of 405; else NULL */
};

/* `authority` is that of the discharger's URL: "localhost:8438". True fills method, path, origin,
 * fetch_site (slices of the head) and content_type (a slice of `type`) of `out`, and leaves the
 * rest; false fills `refusal`. */
KH_MUST_CHECK bool admission_judge(const struct http1_head *head, struct bytes authority,
                                   char type[ADMISSION_TYPE_MAX + 1], struct service_request *out,
                                   struct refusal *refusal);

/* The authority of an origin: what follows "://". */
struct bytes admission_authority(struct bytes url);

#endif
