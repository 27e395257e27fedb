/* SPDX-License-Identifier: Apache-2.0 */
/* Where a head ends, and what is no head: held to a reader that takes one byte after the other. */

#include "http_test.h"

#include "../../../broker/http/http1.h"

#include <stdlib.h>

/* ---- one byte after the other ---- */

enum state { LINE_START, LINE, CR, EMPTY_CR, STATES, END = STATES, BARE_LF, BARE_CR, CONTROL };
enum kind { TEXT_BYTE, CR_BYTE, LF_BYTE, CONTROL_BYTE, KINDS };

static const uint8_t next_state[STATES][KINDS] = {
    /*              text     CR        LF          control */
    [LINE_START] = {LINE, EMPTY_CR, BARE_LF, CONTROL},
    [LINE] = {LINE, CR, BARE_LF, CONTROL},
    [CR] = {BARE_CR, BARE_CR, LINE_START, BARE_CR},
    [EMPTY_CR] = {BARE_CR, BARE_CR, END, BARE_CR},
};

static const char *const sentences[] = {
    [BARE_LF] = "a line ends in LF without CR",
    [BARE_CR] = "there is a CR inside a line",
    [CONTROL] = "there is a control character in the head",
};

static enum kind
kind_of(uint8_t c)
{
    if (c == '\r')
        return CR_BYTE;
    if (c == '\n')
        return LF_BYTE;
    return (c < 0x20 && c != '\t') || c == 0x7f ? CONTROL_BYTE : TEXT_BYTE;
}

/* HTTP1_DONE: the lines are well-formed, whatever stands in them. */
static enum http1_result
read_one_by_one(struct bytes in, const char **why)
{
    size_t end = in.n < HTTP1_HEAD_MAX ? in.n : HTTP1_HEAD_MAX, start = 0, i = 0;
    unsigned state = LINE_START;

    if (end > 0 && in.p[0] == 22) {
        *why = "this is TLS, and HTTP without TLS is spoken here: http://, not https:// or wss://";
        return HTTP1_REJECT;
    }
    while (i < end && state < END) {
        state = next_state[state][kind_of(in.p[i++])];
        if (state == LINE_START)
            start = i;
        if (i - start > HTTP1_LINE_MAX && state < END) {
            *why = "a line is longer than 16 KiB";
            return HTTP1_REJECT;
        }
    }
    if (state == END)
        return HTTP1_DONE;
    *why = state > END ? sentences[state] : "the head is larger than 64 KiB";
    return state > END || i == HTTP1_HEAD_MAX ? HTTP1_REJECT : HTTP1_MORE;
}

/* ---- the same ---- */

static bool
is_of_lines(const char *why)
{
    for (size_t i = END + 1; i < COUNT(sentences); i++)
        if (strcmp(why, sentences[i]) == 0)
            return true;
    return strstr(why, "longer than 16 KiB") || strstr(why, "larger than 64 KiB");
}

/* As an answer: before a request, one empty line more is taken. In two pieces as well, cut at
 * `cut`. */
static void
check(struct bytes in, size_t cut)
{
    static struct http1_head head;
    const char *expected_why = "", *why = "";
    enum http1_result expected = read_one_by_one(in, &expected_why), result;
    size_t scanned = 0;

    result = cut < in.n ? http1_parse_response(bytes_slice(in, 0, cut), BYTES("GET"), &head,
                                               &scanned, &why)
                        : HTTP1_MORE;
    if (result == HTTP1_MORE)
        result = http1_parse_response(in, BYTES("GET"), &head, &scanned, &why);
    if (expected == HTTP1_DONE
            ? result == HTTP1_MORE || (result == HTTP1_REJECT && is_of_lines(why))
            : result != expected || (result == HTTP1_REJECT && strcmp(why, expected_why) != 0)) {
        print_text("the text", bytes_slice(in, 0, 200));
        fail_msg("%zu bytes cut at %zu: %d, \"%s\", and should be %d, \"%s\"", in.n, cut,
                 (int)result, why, (int)expected, expected_why);
    }
}

static void
check_copy(const uint8_t *text, size_t n, size_t cut)
{
    struct bytes copy = exact_copy(bytes_of(text, n));

    check(copy, cut);
    exact_free(copy);
}

/* All texts of up to seven bytes of these. */
static void
test_every_short_text(void **state)
{
    static const uint8_t some[] = {'a', '\r', '\n', '\t', 0};
    uint8_t text[7];

    (void)state;
    for (size_t n = 0, count = 1; n <= sizeof text; n++, count *= sizeof some) {
        for (size_t which = 0; which < count; which++) {
            for (size_t i = 0, rest = which; i < n; i++, rest /= sizeof some)
                text[i] = some[rest % sizeof some];
            check_copy(text, n, which % (n + 1));
        }
    }
}

/* Every byte at every place of a head that is good without it. */
static void
test_every_byte_at_every_place(void **state)
{
    static const char good[] = "HTTP/1.1 200 OK\r\na: b\r\nlonger-than-sixteen-bytes: \tc\r\n\r\n";
    uint8_t text[sizeof good - 1];

    (void)state;
    for (size_t at = 0; at < sizeof text; at++) {
        for (unsigned c = 0; c < 256; c++) {
            memcpy(text, good, sizeof text);
            text[at] = (uint8_t)c;
            check_copy(text, sizeof text, (at + c) % sizeof text);
            check_copy(text, at + 1, at);
        }
    }
}

static void
test_around_the_limits(void **state)
{
    static const char *const ends[] = {"", "\r", "\n", "\r\n", "\rx", "\1", "\r\n\r\n", "\r\n\r"};
    uint8_t *text = malloc(HTTP1_HEAD_MAX + 16);

    (void)state;
    assert_non_null(text);
    for (size_t e = 0; e < COUNT(ends); e++) {
        struct bytes end = bytes_str(ends[e]);

        for (size_t n = HTTP1_LINE_MAX - 2; n <= HTTP1_LINE_MAX + 2; n++) {
            memset(text, 'a', n);
            memcpy(text + n, end.p, end.n);
            check_copy(text, n + end.n, n + end.n);
            check_copy(text, n + end.n, n);
        }
        for (size_t n = HTTP1_HEAD_MAX - 6; n <= HTTP1_HEAD_MAX + 2; n++) {
            for (size_t i = 0; i < n; i++)
                text[i] = i % 1000 == 998 ? '\r' : i % 1000 == 999 ? '\n' : 'a';
            memcpy(text + n, end.p, end.n);
            check_copy(text, n + end.n, n + end.n);
            check_copy(text, n + end.n, n - 3);
        }
    }
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_short_text),
        cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_around_the_limits),
    };
    return cmocka_run_group_tests_name("http/http1_lines", tests, NULL, NULL);
}
