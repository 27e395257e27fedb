/* SPDX-License-Identifier: Apache-2.0
 *
 * Help from the tables.
 */
#include "help.h"

#include "text.h"

#include <string.h>

enum { HELP_COLUMN = 26, HELP_WIDTH = 90 };

void
help_put_program(struct buffer *out)
{
    buffer_put_str(
        out, "keyhole: narrow, inspect, fill and end tokens. It holds no authority of its own.\n"
             "\n"
             "Usage: keyhole COMMAND [OPTION…] [TOKEN|-]\n"
             "\n");
    for (const struct command *c = cli_command; c->name != NULL; c++)
        buffer_printf(out, "  %-11s %s\n", c->name, c->summary);
    buffer_put_str(
        out, "\n"
             "TOKEN is an argument, or - for standard input; without one it is KEYHOLE_TOKEN, and\n"
             "if that is not set, standard input. Results go to standard output, talk to\n"
             "standard error.\n"
             "\n"
             "  keyhole help COMMAND     what it does, its options, examples; keyhole(1) has more\n"
             "  keyhole --version\n"
             "\n"
             "Exit status: 0 done, 1 failed, 2 the command line is wrong, 3 the broker denies.\n");
}

// Words of `text` from HELP_COLUMN on, wrapped.
static void
help_put_wrapped(struct bytes text, size_t column, struct buffer *out)
{
    struct bytes word;
    bool first = true;
    while (bytes_cut(&text, ' ', &word)) {
        size_t width = text_columns(word, word.n);
        if (!first && column + 1 + width > HELP_WIDTH) {
            buffer_printf(out, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (!first) {
            buffer_put_byte(out, ' ');
            column++;
        }
        buffer_put(out, word);
        column += width;
        first = false;
    }
    buffer_put_byte(out, '\n');
}

static void
help_put_option(const struct option_spec *spec, struct buffer *out)
{
    size_t start = out->n;
    buffer_printf(out, "  --%s", spec->name);
    if (spec->value != NULL)
        buffer_printf(out, " %s", spec->value);
    struct bytes head = bytes_from(buffer_bytes(out), start);
    size_t column = text_columns(head, head.n);
    if (column + 2 > HELP_COLUMN) {
        buffer_put_byte(out, '\n');
        column = 0;
    }
    while (column++ < HELP_COLUMN)
        buffer_put_byte(out, ' ');
    help_put_wrapped(bytes_str(spec->help), HELP_COLUMN, out);
}

void
help_put_command(const struct command *command, struct buffer *out)
{
    buffer_printf(out, "keyhole %s: %s\n\nUsage: keyhole %s %s\n", command->name, command->summary,
                  command->name, command->synopsis);
    if (command->details != NULL)
        buffer_printf(out, "\n%s", command->details);
    buffer_put_str(out, "\nOptions:\n");
    for (const struct option_spec *spec = command->option; spec->id != 0; spec++)
        help_put_option(spec, out);
    static const struct option_spec help = {1, "help", NULL, false, "this text"};
    help_put_option(&help, out);
    buffer_printf(out, "\nExamples:\n%s\nManual: keyhole-%s(1)\n", command->examples,
                  command->name);
}

const struct command *
help_find(struct bytes name)
{
    for (const struct command *c = cli_command; c->name != NULL; c++)
        if (bytes_is(name, c->name))
            return c;
    return NULL;
}

enum kh_err
help_unknown(struct bytes name, struct fault *fault)
{
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (const struct command *c = cli_command; c->name != NULL; c++) {
        size_t distance = text_distance(name, bytes_str(c->name));
        if (distance < least) {
            least = distance;
            nearest = c->name;
        }
    }
    BUFFER_AUTO shown;
    buffer_init(&shown, 512);
    text_put_safe(&shown, bytes_slice(name, 0, 40));
    if (nearest != NULL)
        return fault_set(fault, KH_ERR_USAGE, "there is no command '%s'; did you mean '%s'?",
                         buffer_text(&shown), nearest);
    return fault_set(fault, KH_ERR_USAGE, "there is no command '%s'; see keyhole --help",
                     buffer_text(&shown));
}
