/* SPDX-License-Identifier: Apache-2.0 */
/* Where a command's secrets come from. */
#include "secret_input.h"

#include "terminal.h"
#include "values.h"

#include "../../caveats/token.h"

#include <stdio.h>
#include <string.h>

enum { FD_MAX = 1023 };

enum operator_exit
secret_input_fd(const struct invocation *invocation, const char *option, int *fd)
{
    const char *text = invocation_value(invocation, option);
    struct fault fault = {0};
    uint64_t number = 0;
    *fd = -1;
    if (text == NULL)
        return EXIT_DONE;
    if (value_number(text, 0, FD_MAX, &number, &fault) != KH_OK)
        return usage_fault(invocation, "--%s: %s", option, fault.detail);
    *fd = (int)number;
    return EXIT_DONE;
}

enum operator_exit
secret_input_passphrase(const struct invocation *invocation, const char *option, const char *prompt,
                        bool twice, struct buffer *out)
{
    struct fault fault = {0};
    int fd = -1;
    enum operator_exit status =
        option != NULL ? secret_input_fd(invocation, option, &fd) : EXIT_DONE;
    if (status != EXIT_DONE || (fd < 0 && prompt == NULL))
        return status;
    if (terminal_read_secret(fd, prompt != NULL ? prompt : "", twice, out, &fault) != KH_OK)
        return command_failed("%s: %s", prompt != NULL ? prompt : option, fault.detail);
    return out->n <= SECRET_INPUT_PASSPHRASE_MAX
               ? EXIT_DONE
               : command_failed("a passphrase has at most %d bytes", SECRET_INPUT_PASSPHRASE_MAX);
}

enum operator_exit
secret_input_token(const char *text, struct buffer *out)
{
    struct fault fault = {0};
    if (text == NULL || strcmp(text, "-") == 0)
        return terminal_read_secret(-1, "token or id", false, out, &fault) == KH_OK
                   ? EXIT_DONE
                   : command_failed("the token: %s", fault.detail);
    // Done all the same: who revokes has no time to lose, and scripts do so.
    if (token_is_shaped(bytes_str(text)))
        fputs("keyholed: the token was an argument, which every user of this machine can see while "
              "the command\nruns: give it on standard input, as - < FILE\n",
              stderr);
    buffer_put_str(out, text);
    return out->failed ? command_failed("the token is too long") : EXIT_DONE;
}
