/* SPDX-License-Identifier: Apache-2.0 */
/* Text that somebody else wrote does not act on the terminal; secrets come in whole. */
#include "support.h"

#include "../../../broker/operator/terminal.h"

static const char *
printed(const char *text)
{
    static char out[1024];
    FILE *file = tmpfile();
    terminal_print_safe(file, text);
    rewind(file);
    out[fread(out, 1, sizeof(out) - 1, file)] = '\0';
    fclose(file);
    return out;
}

static void
what_acts_is_escaped(void **state)
{
    (void)state;
    assert_string_equal(printed("\033[2J"), "\\x1b[2J");
    assert_string_equal(printed("a\r\nb\tc\x7f"), "a\\x0d\\x0ab\\x09c\\x7f");
    assert_string_equal(printed("\xc2\x9b"
                                "31m"),
                        "\\u{9b}31m"); // C1: CSI in one byte
    assert_string_equal(printed("\xe2\x80\xae"
                                "gnp.exe"),
                        "\\u{202e}gnp.exe");
    assert_string_equal(printed("\xe2\x81\xa6x"), "\\u{2066}x");
    assert_string_equal(printed("\xff\xfe"), "\\xff\\xfe");
    assert_string_equal(printed("\xe2\x80"), "\\xe2\\x80"); // cut short: no byte past the end
    assert_string_equal(printed("caf\xc3\xa9 \xe2\x86\x92 \xf0\x9f\x94\x91"),
                        "caf\xc3\xa9 \xe2\x86\x92 \xf0\x9f\x94\x91");
    assert_string_equal(printed(""), "");
}

static void
no_colour_in_a_file(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_string_equal(terminal_colour(file, COLOUR_BAD), "");
    fclose(file);
}

/* What a secret is when `text` comes through a pipe. */
static enum kh_err
read_from_pipe(const char *text, size_t n, struct buffer *out, struct fault *fault)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, n), n);
    close(ends[1]);
    buffer_init_secret(out, TERMINAL_SECRET_MAX);
    *fault = (struct fault){0};
    enum kh_err err = terminal_read_secret(ends[0], "x", false, out, fault);
    close(ends[0]);
    return err;
}

static void
secrets(void **state)
{
    (void)state;
    static const struct {
        const char *text, *secret; /* NULL: refused */
    } rows[] = {
        {"", NULL},         {"\n", NULL},         {"key\n", "key"},   {"key", "key"},
        {"key\r\n", "key"}, {"key\n\n", "key\n"}, {" key ", " key "}, {"a\nb\n", "a\nb"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer out;
        struct fault fault;
        enum kh_err err = read_from_pipe(rows[i].text, strlen(rows[i].text), &out, &fault);
        if (rows[i].secret == NULL) {
            assert_int_equal(err, KH_ERR_USAGE);
        } else {
            assert_int_equal(err, KH_OK);
            assert_string_equal(buffer_text(&out), rows[i].secret);
        }
        buffer_free(&out);
    }
}

static void
a_secret_without_end(void **state)
{
    (void)state;
    struct buffer out;
    struct fault fault = {0};
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    buffer_init_secret(&out, TERMINAL_SECRET_MAX);
    assert_int_equal(terminal_read_secret(fd, "x", false, &out, &fault), KH_ERR_TOO_LONG);
    buffer_free(&out);
    close(fd);
    buffer_init_secret(&out, TERMINAL_SECRET_MAX);
    assert_int_equal(terminal_read_secret(1000, "x", false, &out, &fault), KH_ERR_IO);
    buffer_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_acts_is_escaped),
        cmocka_unit_test(no_colour_in_a_file),
        cmocka_unit_test(secrets),
        cmocka_unit_test(a_secret_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
