/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a token, wherever it is.
 */
#include "input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static enum kh_err
input_read(FILE *in, struct buffer *out, struct fault *fault)
{
    for (;;) {
        uint8_t *room = buffer_reserve(out, 4096);
        if (room == NULL)
            return fault_set(fault, KH_ERR_TOO_LONG,
                             "standard input is longer than %d bytes: that is no token",
                             INPUT_TEXT_MAX);
        size_t n = fread(room, 1, 4096, in);
        buffer_advance(out, n);
        if (ferror(in))
            return fault_set(fault, KH_ERR_IO, "reading standard input failed: %s",
                             strerror(errno));
        if (n == 0 || feof(in))
            return KH_OK;
    }
}

enum kh_err
input_token(const struct cli *cli, const struct options *options, struct token **out,
            struct fault *fault)
{
    if (options->positional_count > 1)
        return fault_set(fault, KH_ERR_USAGE,
                         "one TOKEN at most, and %zu were given; quote a caveat or a path that has "
                         "spaces in it",
                         options->positional_count);
    const char *given = options->positional_count == 1 ? options->positional[0] : NULL;
    const char *environment = cli_environment("KEYHOLE_TOKEN");
    if (given != NULL && strcmp(given, "-") != 0)
        return input_scan(bytes_str(given), out, fault);
    if (given == NULL && environment != NULL) {
        enum kh_err err = input_scan(bytes_str(environment), out, fault);
        if (err != KH_OK)
            fault_prefix(fault, "in KEYHOLE_TOKEN: ");
        return err;
    }
    int fd = fileno(cli->in);
    if (given == NULL && fd >= 0 && isatty(fd) == 1)
        cli_say(cli, "no TOKEN and no KEYHOLE_TOKEN: reading one from the terminal, end with "
                     "Ctrl-D");
    struct buffer text;
    buffer_init_secret(&text, INPUT_TEXT_MAX + 4096);
    enum kh_err err = input_read(cli->in, &text, fault);
    if (err == KH_OK)
        err = input_scan(buffer_bytes(&text), out, fault);
    buffer_free(&text);
    return err;
}
