/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of more than one room need: a directory of their own, and what a fault says.
 */
#ifndef KEYHOLE_TESTS_SCRATCH_H
#define KEYHOLE_TESTS_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../caveats/errors.h"

static char test_directory[64];

static inline int
directory_setup(void **state)
{
    (void)state;
    strcpy(test_directory, "/tmp/kh-unit-XXXXXX");
    return mkdtemp(test_directory) != NULL ? 0 : -1;
}

static inline const char *
test_path(const char *name)
{
    static char path[2][160];
    static unsigned turn;
    char *p = path[turn++ % 2];
    snprintf(p, sizeof(path[0]), "%s/%s", test_directory, name);
    return p;
}

static inline int
directory_teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", test_directory);
    return system(command);
}

static inline void
write_file(const char *name, const char *text, mode_t mode)
{
    const char *path = test_path(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

#define assert_says(fault, words)                                                                  \
    do {                                                                                           \
        if (strstr((fault).detail, words) == NULL)                                                 \
            fail_msg("expected \"%s\" in: %s", words, (fault).detail);                             \
    } while (0)

#endif
