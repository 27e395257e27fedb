/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 3339 in UTC with seconds and 'Z', 1970 to 9999: one text for one moment.
 */
#ifndef KEYHOLE_TIMESTAMP_H
#define KEYHOLE_TIMESTAMP_H

#include "bytes.h"

#define TIMESTAMP_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
enum { TIMESTAMP_SIZE = 21 };               /* with its NUL */

/* Seconds since 1970. False for any other spelling, a date that the calendar does not have, a leap
 * second, a fraction. */
KH_MUST_CHECK bool timestamp_parse(struct bytes text, int64_t *out);

/* Times before 1970 or after 9999 are printed as the nearest that can be. */
void timestamp_print(int64_t time, char out[TIMESTAMP_SIZE]);

#endif
