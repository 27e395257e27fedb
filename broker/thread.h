/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads that wait for what the event loop must not wait for: the disk, a name server.
 */
#ifndef KEYHOLE_THREAD_H
#define KEYHOLE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Start one with a small stack and every signal blocked: signals are the loop's. It is to be
 * joined. False: it did not start, and `*out` is as it was. */
bool thread_start(void *(*work)(void *context), void *context, pthread_t *out);

#endif
