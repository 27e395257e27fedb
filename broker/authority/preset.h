/* SPDX-License-Identifier: Apache-2.0
 *
 * The services of schema/presets.def.
 */
#ifndef KEYHOLE_PRESET_H
#define KEYHOLE_PRESET_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

struct preset {
    const char *name;
    const char *hosts, *slots, *inject;
    const char *basic_user; /* "" when Basic is nothing special */
    const char *environment, *path_exceptions, *token_prefix;
    const char *options; /* a line each */
    const char *doc;
    const char *probe; /* "-": none; "PATH" or "PATH STATUS", header lines behind it */
};

/* KH_ERR_UNKNOWN names the nearest. */
KH_MUST_CHECK enum kh_err preset_find(struct bytes name, const struct preset **out,
                                      struct fault *fault);
size_t preset_count(void);
const struct preset *preset_at(size_t index);

/* Cut the next word off a list separated by spaces; false at its end. */
KH_MUST_CHECK bool preset_word(struct bytes *rest, struct bytes *word);

#endif
