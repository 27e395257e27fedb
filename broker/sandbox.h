/* SPDX-License-Identifier: Apache-2.0
 *
 * The walls: one function per role, called by a child once it has what it needs.
 *
 * seccomp (libseccomp, default: kill the process) and Landlock (files and, where the kernel can,
 * TCP ports and scopes), no-new-privileges, not dumpable, no core files. Where the kernel lacks one
 * of them the process goes on with the others and says so in the log once.
 */
#ifndef KEYHOLE_SANDBOX_H
#define KEYHOLE_SANDBOX_H

#include "channel.h"

/* First thing in main() of every program that sees a secret: no core file, not dumpable, no
 * ptrace by the same user, umask 077. */
void sandbox_harden(void);

/* `directory` is the state directory: the authority may read and write below it, the supervisor may
 * write, the proxy (for which it may be NULL) may not even read it. The discharger has a directory
 * of its own in it, and may read and write below that one alone. */
KH_MUST_CHECK enum kh_err sandbox_enter(enum role role, const char *directory, struct fault *fault);
/* The same for who needs a thread and must not be able to make one: `between` is called when files
 * are guarded and system calls are not. Landlock guards the threads that are made after it, seccomp
 * all that there are. */
KH_MUST_CHECK enum kh_err sandbox_enter_between(enum role role, const char *directory,
                                                void (*between)(void *context), void *context,
                                                struct fault *fault);

#endif
