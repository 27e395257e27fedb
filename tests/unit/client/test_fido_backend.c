/* SPDX-License-Identifier: Apache-2.0 */
/* Where security keys come from, in the program that is installed: USB, and nothing else. */
#include "../../../client/fido_keys.h"
#include "client_test.h"

// What a build for tests takes is no key here, and no socket is touched.
static void
test_sockets_are_no_keys(void **state)
{
    (void)state;
    struct fido_place place[FIDO_KEYS_MAX];
    fido_dev_t *dev = NULL;
    setenv("KEYHOLE_TEST_DEVICES", "unix:/tmp/one,unix:/tmp/two", 1);
    size_t count = fido_backend_system.list(&fido_backend_system, place);
    unsetenv("KEYHOLE_TEST_DEVICES");
    for (size_t i = 0; i < count; i++)
        assert_lacks(place[i].path, "unix:");
    assert_int_not_equal(fido_backend_system.open(&fido_backend_system, "unix:/tmp/one", &dev),
                         FIDO_OK);
    assert_null(dev);
    assert_int_not_equal(fido_backend_system.open(&fido_backend_system, "/nonexistent", &dev),
                         FIDO_OK);
    assert_null(dev);
}

// The installed program has not even the words for it.
static void
test_no_trace_in_the_program(void **state)
{
    (void)state;
    static const char needle[] = "KEYHOLE_TEST_"
                                 "DEVICES";
    const char *build = getenv("BUILD");
    char path[256];
    snprintf(path, sizeof path, "%s/bin/keyhole", build != NULL ? build : "build");
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        skip(); // the unit tests were built without the program
    struct buffer text;
    buffer_init(&text, 64 << 20);
    for (;;) {
        uint8_t *room = buffer_reserve(&text, 65536);
        assert_non_null(room);
        size_t n = fread(room, 1, 65536, file);
        buffer_advance(&text, n);
        if (n == 0)
            break;
    }
    fclose(file);
    assert_true(text.n > 0);
    assert_int_equal(bytes_find(buffer_bytes(&text), bytes_str(needle)), text.n);
    buffer_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sockets_are_no_keys),
        cmocka_unit_test(test_no_trace_in_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
