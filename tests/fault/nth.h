/* SPDX-License-Identifier: Apache-2.0
 *
 * The Nth call fails. Programs of tests/fault are linked with --wrap for every call of calls.def:
 * once armed, the calls of the chosen kinds are counted, and the Nth of them fails, alone or with
 * all that follow it. What runs while nothing is armed is not counted.
 *
 * What sqlite writes is in it too (its system calls are replaced), and every fsync and fdatasync,
 * whoever calls it.
 */
#ifndef KEYHOLE_TESTS_NTH_H
#define KEYHOLE_TESTS_NTH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum nth_kind {
    NTH_MEMORY = 1 << 0,
    NTH_FILE = 1 << 1,
    NTH_SOCKET = 1 << 2,
    NTH_RANDOM = 1 << 3,
    NTH_DATABASE = 1 << 4, /* sqlite's functions */
    NTH_DISK = 1 << 5,     /* what sqlite asks of the system, and every sync */
    NTH_CRYPTO = 1 << 6,
    NTH_LOOP = 1 << 7,
    NTH_UNDO = 1 << 8, /* what takes back a thing that failed half-way */
    NTH_ALL = 0x1ff,
};

enum nth_mode {
    NTH_ONCE,    /* this one */
    NTH_ONWARDS, /* this one and all after it, as when a disk is full */
};

/* Before anything else: sqlite takes its functions before it starts. */
void nth_init(void);
/* Whose calls are counted: this process, until a child is named. */
void nth_target(pid_t process);

void nth_arm(unsigned kinds, unsigned long n, enum nth_mode mode);
/* True when the Nth call was reached. `*calls`: how many were counted. */
bool nth_disarm(unsigned long *calls);
/* The call that failed, "" when none did. */
const char *nth_failed(void);

/* For wraps.c. */
bool nth_fails(unsigned kind, const char *name);

#endif
