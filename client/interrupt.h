/* SPDX-License-Identifier: Apache-2.0
 *
 * Ctrl-C while something is going on that has to be ended by us first: a security key that blinks.
 */
#ifndef KEYHOLE_CLIENT_INTERRUPT_H
#define KEYHOLE_CLIENT_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/* From here SIGINT, SIGTERM and SIGHUP only make a wait under interrupt_mask() end early. */
void interrupt_begin(void);
/* The mask for ppoll: signals arrive in a wait and nowhere else, so that none is missed. */
const sigset_t *interrupt_mask(void);
bool interrupt_happened(void);
/* To here. A signal that came has its usual effect now: normally this does not return then. */
void interrupt_end(void);

#endif
