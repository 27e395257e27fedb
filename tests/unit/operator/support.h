/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of this room need: a directory, and what was printed.
 */
#ifndef KEYHOLE_TESTS_OPERATOR_SUPPORT_H
#define KEYHOLE_TESTS_OPERATOR_SUPPORT_H

#include "../scratch.h"

/* What is written to standard output and error between begin and end. */
struct captured {
    char out[65536], err[65536];
};

static int capture_saved[2] = {-1, -1};
static FILE *capture_file[2];

static inline void
capture_begin(void)
{
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 2; i++) {
        capture_saved[i] = dup(i + 1);
        capture_file[i] = tmpfile();
        assert_non_null(capture_file[i]);
        dup2(fileno(capture_file[i]), i + 1);
    }
}

static inline void
capture_end(struct captured *captured)
{
    char *const text[] = {captured->out, captured->err};
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 2; i++) {
        dup2(capture_saved[i], i + 1);
        close(capture_saved[i]);
        rewind(capture_file[i]);
        size_t n = fread(text[i], 1, sizeof(captured->out) - 1, capture_file[i]);
        text[i][n] = '\0';
        fclose(capture_file[i]);
    }
}

#define assert_contains(text, words)                                                               \
    do {                                                                                           \
        if (strstr(text, words) == NULL)                                                           \
            fail_msg("expected \"%s\" in: %s", words, text);                                       \
    } while (0)

#endif
