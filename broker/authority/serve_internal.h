/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of serve share; nobody else includes this.
 *
 *     serve.c         the channels, the batches, the small messages
 *     serve_decide.c  one decision
 */
#ifndef KEYHOLE_SERVE_INTERNAL_H
#define KEYHOLE_SERVE_INTERNAL_H

#include "../../caveats/caveat.h"
#include "../../caveats/decide.h"
#include "serve.h"

#endif
