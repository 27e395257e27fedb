/* SPDX-License-Identifier: Apache-2.0 */
/* Where a command's secrets come from, and what is said of one that came as an argument. */
#include "support.h"

#include "../../../broker/operator/secret_input.h"
#include "../../../broker/operator/terminal.h"

#define TOKEN "sk-ant-kh1_AgEAAAAA"

static const struct operator_option options[] = {{"passphrase-fd", 0, "N", false, "a descriptor"},
                                                 {0}};
static const struct operator_command command = {.name = "try", .operands = "", .option = options};
static struct invocation invocation;
static struct captured captured;
static struct buffer out;

static int
setup(void **state)
{
    (void)state;
    invocation = (struct invocation){.command = &command};
    captured = (struct captured){.out = ""};
    buffer_init_secret(&out, TERMINAL_SECRET_MAX);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    buffer_free(&out);
    return 0;
}

static void
give(const char *value)
{
    invocation.values[0].value[0] = value;
    invocation.values[0].count = value != NULL;
}

/* The reading end of a pipe with that in it. */
static int
pipe_with(const char *text, size_t n)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, n), n);
    close(ends[1]);
    return ends[0];
}

static enum operator_exit
read_passphrase(const char *text, size_t n)
{
    char number[16];
    int fd = pipe_with(text, n);
    snprintf(number, sizeof(number), "%d", fd);
    give(number);
    buffer_clear(&out);
    capture_begin();
    enum operator_exit status =
        secret_input_passphrase(&invocation, "passphrase-fd", NULL, false, &out);
    capture_end(&captured);
    close(fd);
    return status;
}

static void
numbers_that_are_no_descriptor(void **state)
{
    static const char *const wrong[] = {"", "x", "-1", "1024", "3x", " 3", "99999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int fd = 7;
        give(wrong[i]);
        capture_begin();
        enum operator_exit status = secret_input_fd(&invocation, "passphrase-fd", &fd);
        capture_end(&captured);
        if (status != EXIT_USAGE || fd != -1)
            fail_msg("\"%s\" is taken for descriptor %d", wrong[i], fd);
        assert_contains(captured.err, "keyholed try: --passphrase-fd");
    }
}

static void
a_descriptor_or_none(void **state)
{
    int fd = 7;
    (void)state;
    give(NULL);
    assert_int_equal(secret_input_fd(&invocation, "passphrase-fd", &fd), EXIT_DONE);
    assert_int_equal(fd, -1);
    give("1023");
    assert_int_equal(secret_input_fd(&invocation, "passphrase-fd", &fd), EXIT_DONE);
    assert_int_equal(fd, 1023);
}

static void
a_passphrase_from_a_descriptor(void **state)
{
    (void)state;
    assert_int_equal(read_passphrase("open sesame\n", 12), EXIT_DONE);
    assert_true(bytes_is(buffer_bytes(&out), "open sesame"));
    assert_int_equal(read_passphrase("", 0), EXIT_FAILED);
    assert_contains(captured.err, "passphrase-fd");
}

static void
nobody_is_asked_without_a_prompt(void **state)
{
    (void)state;
    give(NULL);
    assert_int_equal(secret_input_passphrase(&invocation, "passphrase-fd", NULL, false, &out),
                     EXIT_DONE);
    assert_int_equal(secret_input_passphrase(&invocation, NULL, NULL, false, &out), EXIT_DONE);
    assert_int_equal(out.n, 0);
}

static void
a_passphrase_has_a_limit(void **state)
{
    char text[SECRET_INPUT_PASSPHRASE_MAX + 1];
    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(read_passphrase(text, SECRET_INPUT_PASSPHRASE_MAX), EXIT_DONE);
    assert_int_equal(out.n, SECRET_INPUT_PASSPHRASE_MAX);
    assert_int_equal(read_passphrase(text, sizeof(text)), EXIT_FAILED);
    assert_contains(captured.err, "at most 1024 bytes");
}

static void
a_token_as_an_argument_is_taken_with_a_sentence(void **state)
{
    (void)state;
    capture_begin();
    enum operator_exit status = secret_input_token(TOKEN, &out);
    capture_end(&captured);
    assert_int_equal(status, EXIT_DONE);
    assert_true(bytes_is(buffer_bytes(&out), TOKEN));
    assert_contains(captured.err, "every user of this machine");
    assert_null(strstr(captured.err, TOKEN));
    assert_string_equal(captured.out, "");
}

static void
an_id_is_no_secret(void **state)
{
    (void)state;
    capture_begin();
    enum operator_exit status = secret_input_token("00112233445566778899aabbccddeeff", &out);
    capture_end(&captured);
    assert_int_equal(status, EXIT_DONE);
    assert_string_equal(captured.err, "");
}

static void
a_token_from_standard_input(void **state)
{
    static const char *const words[] = {"-", NULL};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int saved = dup(STDIN_FILENO), fd = pipe_with(TOKEN "\n", sizeof(TOKEN));
        dup2(fd, STDIN_FILENO);
        close(fd);
        buffer_clear(&out);
        capture_begin();
        enum operator_exit status = secret_input_token(words[i], &out);
        capture_end(&captured);
        dup2(saved, STDIN_FILENO);
        close(saved);
        assert_int_equal(status, EXIT_DONE);
        assert_true(bytes_is(buffer_bytes(&out), TOKEN));
        assert_string_equal(captured.err, "");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_that_are_no_descriptor, setup, teardown),
        cmocka_unit_test_setup_teardown(a_descriptor_or_none, setup, teardown),
        cmocka_unit_test_setup_teardown(a_passphrase_from_a_descriptor, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_is_asked_without_a_prompt, setup, teardown),
        cmocka_unit_test_setup_teardown(a_passphrase_has_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_as_an_argument_is_taken_with_a_sentence, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_id_is_no_secret, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_from_standard_input, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
