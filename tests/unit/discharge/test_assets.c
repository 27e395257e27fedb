/* SPDX-License-Identifier: Apache-2.0 */
/* The files of pages, as they were compiled in. */
#include "../../../broker/discharge/pages.h"
#include "services.h"

static void
names_that_are_none(void **state)
{
    static const char *const names[] = {"",          "page",        "page.cs",
                                        "page.css ", "../page.css", "PAGE.CSS"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(asset_find(names[i]).n, 0);
}

// Quotes and backslashes came through the build: the files are what they are in the tree.
static void
files_are_whole(void **state)
{
    static const char *const names[] = {"approve.html", "approve.js", "ended.html", "enroll.html",
                                        "enroll.js",    "frame.html", "page.css",   "webauthn.js"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        BUFFER_AUTO file;
        snprintf(path, sizeof path, "broker/discharge/assets/%s", names[i]);
        struct bytes text = fixture_read(path, &file);
        if (text.n == 0 || !bytes_equal(text, asset_find(names[i])))
            fail_msg("%s differs (run from the top of the tree)", path);
    }
    assert_int_equal(strlen(asset_folder), 16);
    assert_int_equal(strspn(asset_folder, "0123456789abcdef"), 16);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_none),
        cmocka_unit_test(files_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
