/* SPDX-License-Identifier: Apache-2.0
 *
 * The pages that the processes count in (broker/metrics.h): made here, one for each place in the
 * family, and kept when a process ends and another one takes its place.
 */
#ifndef KEYHOLE_SUPERVISOR_PAGES_H
#define KEYHOLE_SUPERVISOR_PAGES_H

#include "family.h"

/* For every child, and one that is the supervisor's own from here on. */
KH_MUST_CHECK enum kh_err pages_open(struct family *family, struct fault *fault);
void pages_close(struct family *family);

/* A child was started or has ended. */
void pages_note(struct family *family, struct family_child *child);
/* What the system says of the processes: their memory. */
void pages_sample(struct family *family);
/* A descriptor of the page that can be read and nothing else; -1. `child` NULL: the own one. */
int pages_reader(const struct family *family, const struct family_child *child);

#endif
