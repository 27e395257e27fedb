/* SPDX-License-Identifier: Apache-2.0
 *
 * Completions for shells, from a program's own tables of commands and options.
 */
#ifndef KEYHOLE_COMPLETION_H
#define KEYHOLE_COMPLETION_H

#include "../bytes.h"

enum { COMPLETION_OUTPUT_MAX = 1 << 18 };

enum completion_shell { COMPLETION_BASH = 1, COMPLETION_ZSH, COMPLETION_FISH };

/* What may stand where a value is. */
enum completion_kind {
    COMPLETION_TEXT = 0, /* anything: the shell offers nothing */
    COMPLETION_WORDS,    /* `words`; one that ends in : or = is only a beginning */
    COMPLETION_FILES,
    COMPLETION_DIRECTORIES,
    COMPLETION_NAMES,    /* first words of the lines that the command `words` prints, if it does */
    COMPLETION_COMMANDS, /* the program's own */
    COMPLETION_PROGRAM,  /* another program, and its arguments */
};

struct completion_option {
    const char *name;     /* without "--" */
    char letter;          /* or 0 */
    const char *argument; /* what it takes, as help shows it; NULL: a flag */
    bool repeat;
    const char *help;
};

struct completion_command {
    const char *name;     /* one word, or two */
    const char *operands; /* as help shows them */
    const char *summary;
};

/* What a value is, where the help's word for it does not say so: FILE and DIR do, and so do words
 * in lower case with | between them. The first row that fits counts. */
struct completion_value {
    const char *command; /* NULL: of each */
    const char *option;  /* "": an operand; NULL ends the table */
    enum completion_kind kind;
    const char *words; /* separated by spaces */
};

struct completion {
    const char *program;
    /* The i-th; false when there are no more. */
    bool (*command)(size_t i, struct completion_command *out);
    bool (*option)(size_t command, size_t i, struct completion_option *out);
    const struct completion_value *value;
};

/* False: no shell of that name. */
KH_MUST_CHECK bool completion_shell_parse(const char *name, enum completion_shell *out);

/* A script for that shell. */
void completion_put(const struct completion *completion, enum completion_shell shell,
                    struct buffer *out);

#endif
