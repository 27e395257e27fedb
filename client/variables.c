/* SPDX-License-Identifier: Apache-2.0
 *
 * Environment variables.
 */
#include "variables.h"

#include <stdlib.h>
#include <string.h>

static void
variables_forget(char *value)
{
    if (value != NULL)
        wipe(value, strlen(value));
    free(value);
}

void
variables_free(struct variables *variables)
{
    for (size_t i = 0; i < variables->count; i++) {
        free(variables->item[i].name);
        variables_forget(variables->item[i].value);
    }
    free(variables->item);
    *variables = (struct variables){0};
}

static struct variable *
variables_take(struct variables *variables, const char *name)
{
    for (size_t i = 0; i < variables->count; i++)
        if (strcmp(variables->item[i].name, name) == 0)
            return &variables->item[i];
    struct variable *longer =
        reallocarray(variables->item, variables->count + 1, sizeof *variables->item);
    if (longer == NULL)
        return NULL;
    variables->item = longer;
    struct variable *added = &longer[variables->count];
    *added = (struct variable){.name = strdup(name)};
    if (added->name == NULL)
        return NULL;
    variables->count++;
    return added;
}

void
variables_set(struct variables *variables, const char *name, const char *value)
{
    struct variable *variable = variables_take(variables, name);
    char *copy = value != NULL ? strdup(value) : NULL;
    if (variable == NULL || (value != NULL && copy == NULL)) {
        variables->failed = true;
        variables_forget(copy);
        return;
    }
    variables_forget(variable->value);
    variable->value = copy;
}

const struct variable *
variables_find(const struct variables *variables, const char *name)
{
    for (size_t i = 0; i < variables->count; i++)
        if (strcmp(variables->item[i].name, name) == 0)
            return &variables->item[i];
    return NULL;
}

bool
variables_is_name(struct bytes name)
{
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && c != '_' && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.n > 0;
}

// The variable that an entry of the environment is about.
static const struct variable *
variables_of_entry(const struct variables *variables, const char *entry)
{
    size_t n = strcspn(entry, "=");
    for (size_t i = 0; i < variables->count; i++)
        if (strlen(variables->item[i].name) == n && memcmp(variables->item[i].name, entry, n) == 0)
            return &variables->item[i];
    return NULL;
}

char **
variables_apply(const struct variables *variables, char *const envp[])
{
    size_t outer = 0, n = 0;
    while (envp[outer] != NULL)
        outer++;
    char **environment = calloc(outer + variables->count + 1, sizeof *environment);
    if (environment == NULL || variables->failed) {
        free(environment);
        return NULL;
    }
    for (size_t i = 0; i < outer; i++)
        if (variables_of_entry(variables, envp[i]) == NULL)
            environment[n++] = envp[i];
    for (size_t i = 0; i < variables->count; i++) {
        const struct variable *variable = &variables->item[i];
        if (variable->value == NULL)
            continue;
        size_t size = strlen(variable->name) + 1 + strlen(variable->value) + 1;
        char *entry = malloc(size);
        if (entry == NULL) {
            variables_free_environment(environment, envp);
            return NULL;
        }
        stpcpy(stpcpy(stpcpy(entry, variable->name), "="), variable->value);
        environment[n++] = entry;
    }
    return environment;
}

void
variables_free_environment(char **environment, char *const envp[])
{
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        bool borrowed = false;
        for (size_t j = 0; !borrowed && envp[j] != NULL; j++)
            borrowed = envp[j] == environment[i];
        if (!borrowed)
            variables_forget(environment[i]);
    }
    free(environment);
}
