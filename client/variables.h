/* SPDX-License-Identifier: Apache-2.0
 *
 * Environment variables to be set and unset, in order. Values are tokens and are wiped.
 */
#ifndef KEYHOLE_CLIENT_VARIABLES_H
#define KEYHOLE_CLIENT_VARIABLES_H

#include "../caveats/errors.h"

struct variable {
    char *name;
    char *value; /* NULL: unset */
};

struct variables {
    struct variable *item;
    size_t count;
    bool failed; /* memory is used up: not to be used */
};

/* A zeroed struct is empty. Free with variables_free. */
void variables_free(struct variables *variables);
/* Set, in place of what was said of that name before. NULL unsets. */
void variables_set(struct variables *variables, const char *name, const char *value);
const struct variable *variables_find(const struct variables *variables, const char *name);

/* Whether a name can be a variable's: letters, digits, `_`, no digit first. */
bool variables_is_name(struct bytes name);

/* The environment `envp` as these leave it: pointers into `envp` and strings of its own, which ends
 * with a NULL. NULL when memory is used up; free with variables_free_environment. */
char **variables_apply(const struct variables *variables, char *const envp[]);
void variables_free_environment(char **environment, char *const envp[]);

#endif
