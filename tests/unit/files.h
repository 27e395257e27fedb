/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of rooms with files of their own share: a directory that is removed again, errors
 * that say what they are, and a look at what was left behind.
 */
#ifndef KEYHOLE_TEST_FILES_H
#define KEYHOLE_TEST_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../caveats/errors.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Prints what was wrong before it fails. */
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        struct fault fault_ = {0};                                                                 \
        struct fault *fault = &fault_;                                                             \
        enum kh_err err_ = (call);                                                                 \
        if (err_)                                                                                  \
            print_error("%s: %s (%s)\n", #call, fault->detail, kh_err_code(err_));                 \
        assert_int_equal(err_, KH_OK);                                                             \
    } while (0)

/* Fails with that error, and says something that contains `text`. */
#define assert_fault(call, expected, text)                                                         \
    do {                                                                                           \
        struct fault fault_ = {0};                                                                 \
        struct fault *fault = &fault_;                                                             \
        enum kh_err err_ = (call);                                                                 \
        if (err_ != (expected) || strstr(fault->detail, (text)) == NULL)                           \
            print_error("%s: %s: \"%s\", not %s with \"%s\"\n", #call, kh_err_code(err_),          \
                        fault->detail, kh_err_code(expected), (text));                             \
        assert_int_equal(err_, (expected));                                                        \
        assert_non_null(strstr(fault->detail, (text)));                                            \
    } while (0)

static char fixture_base[96];

static inline int
fixture_remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int
fixture_setup(void **state)
{
    const char *temporary = getenv("TMPDIR");
    (void)state;
    int n = snprintf(fixture_base, sizeof fixture_base, "%s/keyhole-unit-XXXXXX",
                     temporary && temporary[0] ? temporary : "/tmp");
    if (n < 0 || (size_t)n >= sizeof fixture_base)
        return -1;
    return mkdtemp(fixture_base) ? 0 : -1;
}

static inline int
fixture_teardown(void **state)
{
    (void)state;
    return nftw(fixture_base, fixture_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* In the test's directory; valid until the eighth call after it. */
static inline const char *
fixture_path(const char *name)
{
    static char path[8][256];
    static unsigned next;
    char *p = path[next++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", fixture_base, name);
    return p;
}

static inline struct bytes
fixture_read(const char *path, struct buffer *out)
{
    int fd = open(path, O_RDONLY);
    buffer_init(out, 1 << 26);
    for (;;) {
        uint8_t *room = buffer_reserve(out, 65536);
        ssize_t n = fd >= 0 && room ? read(fd, room, 65536) : 0;
        if (n <= 0)
            break;
        buffer_advance(out, (size_t)n);
    }
    if (fd >= 0)
        close(fd);
    return buffer_bytes(out);
}

static inline void
fixture_write(const char *path, struct bytes data)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data.n ? data.p : (const uint8_t *)"", data.n), (ssize_t)data.n);
    close(fd);
}

static struct bytes fixture_needle;
static char fixture_found[256];

static inline int
fixture_search_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    struct buffer data;
    (void)st;
    (void)ftw;
    if (type == FTW_F) {
        struct bytes whole = fixture_read(path, &data);
        if (bytes_find(whole, fixture_needle) < whole.n)
            snprintf(fixture_found, sizeof fixture_found, "%s", path);
        buffer_free(&data);
    }
    return 0;
}

/* No file below the test's directory has these bytes in it. */
static inline void
assert_nowhere(const char *needle)
{
    fixture_needle = bytes_str(needle);
    fixture_found[0] = '\0';
    assert_int_equal(nftw(fixture_base, fixture_search_entry, 16, FTW_PHYS), 0);
    if (fixture_found[0])
        print_error("\"%s\" stands in %s\n", needle, fixture_found);
    assert_string_equal(fixture_found, "");
}

#define fixture_test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

#endif
