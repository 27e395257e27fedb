/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the sandbox share; nobody else includes this but its tests.
 *
 *     sandbox.c        the order of the walls
 *     sandbox_files.c  Landlock: files, TCP, scopes
 *     sandbox_calls.c  seccomp: system calls
 */
#ifndef KEYHOLE_SANDBOX_INTERNAL_H
#define KEYHOLE_SANDBOX_INTERNAL_H

#include "sandbox.h"

/* Landlock's ABI version; 0 where the kernel has none, or has it switched off. */
int sandbox_files_abi(void);
/* `abi` is what sandbox_files_abi gave, at least 1. */
KH_MUST_CHECK enum kh_err sandbox_files_enter(enum role role, const char *directory, int abi,
                                              struct fault *fault);

bool sandbox_calls_available(void);
KH_MUST_CHECK enum kh_err sandbox_calls_enter(enum role role, struct fault *fault);

#endif
