/* SPDX-License-Identifier: Apache-2.0
 *
 * The program `keyhole`: what concerns the process, not the command.
 */
#include "../caveats/bytes.h"
#include "../caveats/token.h"
#include "cli.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static char main_in[BUFSIZ], main_out[BUFSIZ];

// A token in argv is seen by everyone who can run ps: work on a copy, and blank the original.
static char *
main_take_argument(char *original)
{
    size_t length = strlen(original);
    char *copy = malloc(length + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, original, length + 1);
    if (token_is_shaped(bytes_of(original, length)))
        wipe(original, length);
    return copy;
}

int
main(int argc, char **argv)
{
    // A token is as good as a key until it expires: it has no business in a core file.
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
#ifndef KH_SANITIZE
    prctl(PR_SET_DUMPABLE, 0);
#endif
    signal(SIGPIPE, SIG_IGN);
    setlocale(LC_CTYPE, "C.UTF-8");
    // Buffers of our own, so that they can be wiped.
    setvbuf(stdin, main_in, _IOFBF, sizeof main_in);
    setvbuf(stdout, main_out, _IOFBF, sizeof main_out);

    char **copy = calloc((size_t)argc + 1, sizeof *copy);
    if (copy == NULL)
        return CLI_FAILED;
    for (int i = 0; i < argc; i++)
        copy[i] = main_take_argument(argv[i]);

    int status = keyhole_main(argc, copy, stdin, stdout, stderr);

    for (int i = 0; i < argc; i++) {
        wipe(copy[i], strlen(copy[i]));
        free(copy[i]);
    }
    free(copy);
    wipe(main_in, sizeof main_in);
    wipe(main_out, sizeof main_out);
    return status;
}
