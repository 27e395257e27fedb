/* SPDX-License-Identifier: Apache-2.0
 *
 * Why something that a peer sent was not taken: one sentence for the verdict. Functions of this
 * room that return false have written it.
 */
#ifndef KEYHOLE_WEBAUTHN_WHY_H
#define KEYHOLE_WEBAUTHN_WHY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

enum { WHY_MAX = 160 }; /* bytes, the NUL among them; what is longer is cut */

/* Returns false, so that callers write: return why_not(why, …). */
__attribute__((format(printf, 2, 3))) static inline bool
why_not(char why[WHY_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, WHY_MAX, format, arguments);
    va_end(arguments);
    return false;
}

#endif
