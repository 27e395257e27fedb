/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor that cannot be read, one that never ends, and one that ends. */
#include "../scratch.h"

#include "../../../broker/read_all.h"

#include <errno.h>

static void
what_cannot_be_read_says_why(void **state)
{
    BUFFER_AUTO out;
    int ends[2];

    (void)state;
    buffer_init(&out, 2 * READ_ALL_STEP);
    assert_int_equal(read_all(-1, &out), KH_ERR_IO);
    assert_int_equal(errno, EBADF);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    assert_int_equal(read_all(ends[0], &out), KH_ERR_IO);
    assert_int_equal(errno, EAGAIN);
    close(ends[0]);
    close(ends[1]);
}

static void
what_never_ends_is_too_long(void **state)
{
    BUFFER_AUTO out;
    int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_true(zeros >= 0);
    buffer_init(&out, 10 * READ_ALL_STEP);
    assert_int_equal(read_all(zeros, &out), KH_ERR_TOO_LONG);
    close(zeros);
}

static void
all_of_it_comes_behind_what_is_there(void **state)
{
    static const size_t sizes[] = {0,    1, READ_ALL_STEP - 1, READ_ALL_STEP, READ_ALL_STEP + 1,
                                   10000};
    static char text[10000];

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        BUFFER_AUTO out;
        int ends[2];
        buffer_init(&out, 1 + sizes[i] + READ_ALL_STEP);
        buffer_put_str(&out, ">");
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], text, sizes[i]), sizes[i]);
        close(ends[1]);
        assert_int_equal(read_all(ends[0], &out), KH_OK);
        assert_int_equal(out.n, 1 + sizes[i]);
        assert_int_equal(out.p[0], '>');
        assert_memory_equal(out.p + 1, text, sizes[i]);
        close(ends[0]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_read_says_why),
        cmocka_unit_test(what_never_ends_is_too_long),
        cmocka_unit_test(all_of_it_comes_behind_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
