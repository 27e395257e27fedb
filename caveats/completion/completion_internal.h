/* SPDX-License-Identifier: Apache-2.0
 *
 * What the three shells' files share.
 */
#ifndef KEYHOLE_COMPLETION_INTERNAL_H
#define KEYHOLE_COMPLETION_INTERNAL_H

#include "completion.h"

/* What stands behind `option` of `command` ("": an operand), whose help says `argument`. */
struct completion_value completion_value_find(const struct completion *completion,
                                              const char *command, const char *option,
                                              const char *argument);

/* `text` with the program's name wherever PROGRAM stands. */
void completion_put_script(const struct completion *completion, const char *text,
                           struct buffer *out);

/* Words of `words`, one after the other; spaces and | are between them. */
bool completion_next_word(struct bytes *words, struct bytes *out);

/* Names of two words begin with a group: its length, else 0. */
size_t completion_group(const char *name);
/* Whether an earlier command is of the same group. */
bool completion_group_seen(const struct completion *completion, size_t command);

void completion_put_bash(const struct completion *completion, struct buffer *out);
void completion_put_zsh(const struct completion *completion, struct buffer *out);
void completion_put_fish(const struct completion *completion, struct buffer *out);

#endif
