/* SPDX-License-Identifier: Apache-2.0 */
/* How far something is: what is said, and where it is not said. */
#include "../../../caveats/screen/progress.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *
said(uint64_t done, uint64_t all, int64_t spent_ms)
{
    static char text[256];
    BUFFER_AUTO out;
    buffer_init(&out, sizeof text);
    progress_put("reading", done, all, spent_ms, &out);
    snprintf(text, sizeof text, "%s", buffer_text(&out));
    return text;
}

static void
test_what_is_said(void **state)
{
    (void)state;
    assert_string_equal(said(0, 0, 0), "reading: 0 B");
    assert_string_equal(said(0, 1 << 20, 2000), "reading: 0 %, 0 B of 1.0 MiB");
    assert_string_equal(said(1 << 19, 1 << 20, 2000),
                        "reading: 50 %, 512 KiB of 1.0 MiB, 3 s left");
    assert_string_equal(said(1 << 20, 1 << 20, 2000), "reading: 100 %, 1.0 MiB of 1.0 MiB");
    // It grew meanwhile.
    assert_string_equal(said(2 << 20, 1 << 20, 2000), "reading: 2.0 MiB");
    assert_string_equal(said(UINT64_MAX, 0, 0), "reading: 16777216 TiB");
}

static void
test_nothing_is_said_to_a_file(void **state)
{
    (void)state;
    struct progress progress;
    FILE *file = tmpfile();
    assert_non_null(file);
    progress_begin(&progress, file, "reading");
    progress.begun_ms = progress.next_ms = 0; // long ago
    for (int i = 0; i < 1000; i++)
        progress_step(&progress, 1, 2);
    progress_end(&progress);
    fflush(file);
    assert_int_equal(ftell(file), 0);
    fclose(file);
}

static void
test_a_terminal_is_told_late_and_left_clean(void **state)
{
    (void)state;
    char text[4096] = "";
    FILE *file = tmpfile();
    struct progress progress;
    assert_non_null(file);
    progress_begin(&progress, file, "reading");
    progress.terminal = true;
    progress.next_ms = INT64_MAX; // not yet
    progress_step(&progress, 1, 2);
    progress_end(&progress);
    assert_int_equal(ftell(file), 0);
    progress.next_ms = 0;
    progress.calls = 0;
    progress_step(&progress, 1, 2);
    progress_end(&progress);
    rewind(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    assert_non_null(strstr(text, "\r\x1b[Kreading: 50 %"));
    assert_string_equal(text + strlen(text) - 4, "\r\x1b[K");
    fclose(file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_said),
        cmocka_unit_test(test_nothing_is_said_to_a_file),
        cmocka_unit_test(test_a_terminal_is_told_late_and_left_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
