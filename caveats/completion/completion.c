/* SPDX-License-Identifier: Apache-2.0 */
/* What a value may be, and what the scripts of all shells are written with. */
#include "completion_internal.h"

#include <string.h>

static const struct completion_shell_row {
    const char *name;
    enum completion_shell shell;
    void (*put)(const struct completion *completion, struct buffer *out);
} shells[] = {
    {"bash", COMPLETION_BASH, completion_put_bash},
    {"zsh", COMPLETION_ZSH, completion_put_zsh},
    {"fish", COMPLETION_FISH, completion_put_fish},
};
enum { SHELLS = sizeof shells / sizeof shells[0] };

bool
completion_shell_parse(const char *name, enum completion_shell *out)
{
    for (size_t i = 0; i < SHELLS; i++)
        if (strcmp(shells[i].name, name) == 0) {
            *out = shells[i].shell;
            return true;
        }
    return false;
}

void
completion_put(const struct completion *completion, enum completion_shell shell, struct buffer *out)
{
    for (size_t i = 0; i < SHELLS; i++)
        if (shells[i].shell == shell)
            shells[i].put(completion, out);
}

bool
completion_next_word(struct bytes *words, struct bytes *out)
{
    while (words->n > 0 && (words->p[0] == ' ' || words->p[0] == '|'))
        *words = bytes_from(*words, 1);
    size_t n = 0;
    while (n < words->n && words->p[n] != ' ' && words->p[n] != '|')
        n++;
    *out = bytes_slice(*words, 0, n);
    *words = bytes_from(*words, n);
    return n > 0;
}

// "fido2|ssh|browser" names all that there is; "URL|PATH" and "TOKEN|-" do not.
static bool
argument_lists_words(const char *argument)
{
    return strchr(argument, '|') != NULL &&
           strspn(argument, "abcdefghijklmnopqrstuvwxyz0123456789|") == strlen(argument);
}

struct completion_value
completion_value_find(const struct completion *completion, const char *command, const char *option,
                      const char *argument)
{
    for (const struct completion_value *v = completion->value; v->option != NULL; v++)
        if (strcmp(v->option, option) == 0 &&
            (v->command == NULL || strcmp(v->command, command) == 0))
            return *v;
    struct completion_value found = {.command = command, .option = option, .words = argument};
    if (argument_lists_words(argument))
        found.kind = COMPLETION_WORDS;
    else if (strstr(argument, "FILE") != NULL)
        found.kind = COMPLETION_FILES;
    else if (strcmp(argument, "DIR") == 0)
        found.kind = COMPLETION_DIRECTORIES;
    return found;
}

void
completion_put_script(const struct completion *completion, const char *text, struct buffer *out)
{
    const char *at;
    for (; (at = strstr(text, "PROGRAM")) != NULL; text = at + strlen("PROGRAM")) {
        buffer_put(out, bytes_of(text, (size_t)(at - text)));
        buffer_put_str(out, completion->program);
    }
    buffer_put_str(out, text);
}

size_t
completion_group(const char *name)
{
    const char *space = strchr(name, ' ');
    return space != NULL ? (size_t)(space - name) : 0;
}

bool
completion_group_seen(const struct completion *completion, size_t command)
{
    struct completion_command this, before;
    if (!completion->command(command, &this))
        return false;
    size_t n = completion_group(this.name);
    for (size_t i = 0; n > 0 && i < command && completion->command(i, &before); i++)
        if (strncmp(before.name, this.name, n) == 0 &&
            (before.name[n] == ' ' || before.name[n] == '\0'))
            return true;
    return false;
}
