/* SPDX-License-Identifier: Apache-2.0
 *
 * jansson in a process that reads hostile JSON or JSON with secrets in it.
 */
#ifndef KEYHOLE_JSON_MEMORY_H
#define KEYHOLE_JSON_MEMORY_H

/*
 * Call before anything else of jansson's, and before the sandbox. What it frees is wiped from then
 * on, and its hash tables are seeded, so that the names of a hostile text do not all fall into one
 * bucket.
 */
void json_memory_init(void);

#endif
