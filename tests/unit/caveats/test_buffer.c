/* SPDX-License-Identifier: Apache-2.0 */
#include "../memcheck.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void
limit_is_hard_and_remembered(void **state)
{
    (void)state;
    BUFFER_AUTO b;
    buffer_init(&b, 4);
    buffer_put_str(&b, "abcd");
    assert_false(b.failed);
    buffer_put_str(&b, "");
    assert_false(b.failed);
    buffer_put_byte(&b, 'e');
    assert_true(b.failed);
    buffer_put_str(&b, "x"); /* nothing more happens */
    assert_int_equal(b.n, 4);
    assert_string_equal(buffer_text(&b), "");
    assert_null(buffer_reserve(&b, 0));
    buffer_clear(&b);
    assert_false(b.failed);
    buffer_put_str(&b, "wxyz");
    assert_string_equal(buffer_text(&b), "wxyz"); /* the NUL does not count */
}

static void
hostile_sizes(void **state)
{
    (void)state;
    BUFFER_AUTO b;
    buffer_init(&b, 16);
    buffer_put_str(&b, "abc");
    assert_null(buffer_reserve(&b, SIZE_MAX));
    assert_true(b.failed);
    buffer_clear(&b);
    assert_non_null(buffer_reserve(&b, 8));
    buffer_advance(&b, SIZE_MAX);
    assert_true(b.failed);
    buffer_clear(&b);
    buffer_consume(&b, SIZE_MAX);
    assert_int_equal(b.n, 0);

    BUFFER_AUTO none;
    buffer_init(&none, 0);
    assert_string_equal(buffer_text(&none), "");
    assert_false(none.failed);
    buffer_put_byte(&none, 1);
    assert_true(none.failed);
}

static void
printing_and_consuming(void **state)
{
    (void)state;
    BUFFER_AUTO b;
    buffer_init(&b, 300);
    buffer_printf(&b, "%s-%d", "abc", 42);
    expect_text("printf", buffer_bytes(&b), "abc-42");
    buffer_consume(&b, 4);
    expect_text("consume", buffer_bytes(&b), "42");
    buffer_printf(&b, "%200s", "x"); /* grows */
    assert_int_equal(b.n, 202);
    buffer_printf(&b, "%100s", "x");
    assert_true(b.failed);
    buffer_free(&b);
    assert_int_equal(b.max, 300);
    buffer_put_str(&b, "again");
    expect_text("reuse", buffer_bytes(&b), "again");
}

static void
secrets_are_wiped(void **state)
{
    (void)state;
    BUFFER_AUTO b;
    static const uint8_t zero[6];
    buffer_init_secret(&b, 64);
    buffer_put_str(&b, "secret");
    buffer_consume(&b, 3);
    assert_memory_equal(b.p, "ret", 3);
    assert_memory_equal(b.p + 3, zero, 3);
    buffer_clear(&b);
    assert_memory_equal(b.p, zero, 6);
    buffer_put_str(&b, "secret");
    buffer_consume(&b, 6);
    assert_memory_equal(b.p, zero, 6);
    buffer_free(&b);
    assert_true(b.secret);
    char text[] = "secret";
    wipe(text, sizeof text);
    assert_memory_equal(text, zero, 6);
    wipe(NULL, 0);
}

static void
only_what_was_written_is_marked(void **state)
{
    (void)state;
    static const uint8_t zero[8];
    BUFFER_AUTO b;
    buffer_init_secret(&b, 4096);
    memcpy(buffer_room(&b, 4000), "secret", 6);
    assert_int_equal(b.mark, 0);
    buffer_advance(&b, 6);
    assert_int_equal(b.mark, 6);
    buffer_put_str(&b, "!!");
    assert_int_equal(b.mark, 8);
    buffer_consume(&b, 2);
    assert_int_equal(b.mark, 6); /* what it moved away from is clean again */
    assert_memory_equal(b.p, "cret!!\0\0", 8);
    buffer_consume(&b, 6);
    assert_int_equal(b.mark, 0);
    assert_memory_equal(b.p, zero, 8);

    /* What was skipped is still there, and known to be. */
    buffer_put_str(&b, "secret!!");
    buffer_skip(&b, 0);
    buffer_skip(&b, 2);
    expect_text("skipped", buffer_bytes(&b), "cret!!");
    assert_int_equal(b.mark, 8);
    buffer_skip(&b, SIZE_MAX);
    assert_int_equal(b.n, 0);
    assert_int_equal(b.mark, 8);
    assert_memory_equal(b.p, "cret!!!!", 8);
    buffer_put_str(&b, "x");
    buffer_consume(&b, 1);
    assert_int_equal(b.mark, 0);
    assert_memory_equal(b.p, zero, 8);

    /* What was reserved may have been written though nothing was advanced. */
    memcpy(buffer_reserve(&b, 100), "secret", 6);
    assert_int_equal(b.mark, 100);
    buffer_clear(&b);
    assert_memory_equal(b.p, zero, 8);
    memcpy(buffer_reserve(&b, 8) + 2, "secret", 6);
    buffer_advance(&b, 2);
    buffer_consume(&b, 2);
    assert_memory_equal(b.p, zero, 8);
}

/* Whether the text, whose characters come one higher, stands anywhere in this process's heap, freed
 * memory included. */
static bool
heap_holds(const char *shifted)
{
    static uint8_t piece[1 << 16];
    char line[512];
    uint8_t needle[32];
    size_t n = strlen(shifted);
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert_non_null(maps);
    assert_true(memory >= 0);
    for (size_t i = 0; i < n; i++)
        needle[i] = (uint8_t)(shifted[i] - 1);
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        char rights[8], path[256] = "";
        if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255s", &start, &end, rights, path) < 3 ||
            strncmp(rights, "rw", 2) != 0 || (path[0] && strcmp(path, "[heap]") != 0) ||
            end - start > 1UL << 28)
            continue;
        for (unsigned long at = start; at < end; at += sizeof piece - sizeof needle) {
            size_t want = end - at < sizeof piece ? end - at : sizeof piece;
            ssize_t got = pread(memory, piece, want, (off_t)at);
            found |= got > 0 && memmem(piece, (size_t)got, needle, n) != NULL;
        }
        memset(piece, 0, sizeof piece);
    }
    wipe(needle, sizeof needle);
    fclose(maps);
    close(memory);
    return found;
}

static void
put_shifted(struct buffer *b, const char *shifted)
{
    for (; *shifted; shifted++)
        buffer_put_byte(b, (uint8_t)(*shifted - 1));
}

// threat 18
static void
nothing_is_left_in_memory_that_was_given_back(void **state)
{
    (void)state;
    memcheck_cannot("has another heap than the one that is searched");
    static const char shifted[] = "tfdsfu.ofwfs.mfgu.cfijoe";
    struct buffer b;
    buffer_init_secret(&b, 1 << 20);
    put_shifted(&b, shifted);
    assert_true(heap_holds(shifted)); /* the search works */
    for (int i = 0; i < 200; i++)     /* grows, several times */
        put_shifted(&b, shifted);
    buffer_consume(&b, b.n / 2);
    put_shifted(&b, shifted);
    /* Written behind the end, and never counted. */
    uint8_t *room = buffer_reserve(&b, 400);
    for (size_t i = 0; i < sizeof shifted - 1; i++)
        room[370 + i] = (uint8_t)(shifted[i] - 1);
    buffer_free(&b);
    assert_false(heap_holds(shifted));
}

static void
numbers(void **state)
{
    (void)state;
    BUFFER_AUTO b;
    buffer_init(&b, 16);
    buffer_put_number(&b, 0x41, 1);
    buffer_put_number(&b, 0x4243, 2);
    buffer_put_number(&b, UINT64_C(0x4445464748494a4b), 8);
    buffer_put_number(&b, 0x4c, 0);
    buffer_put_number(&b, 0x11114d4e, 2); /* what does not fit is left out */
    expect_text("big-endian", buffer_bytes(&b), "ABCDEFGHIJKMN");
    buffer_put_number(&b, 0, 4);
    assert_true(b.failed);
}

static void
decimals_and_hexadecimals(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x09, 0xa0, 0xff};
    struct buffer b;
    buffer_init(&b, 64);
    buffer_put_decimal(&b, 0);
    buffer_put_byte(&b, ' ');
    buffer_put_decimal(&b, 1090);
    buffer_put_byte(&b, ' ');
    buffer_put_decimal(&b, UINT64_MAX);
    buffer_put_byte(&b, ' ');
    buffer_put_hex(&b, bytes_of(bytes, sizeof bytes));
    buffer_put_hex(&b, BYTES_EMPTY);
    assert_string_equal(buffer_text(&b), "0 1090 18446744073709551615 0009a0ff");
    assert_false(b.failed);
    buffer_free(&b);

    buffer_init(&b, 7); /* one short */
    buffer_put_hex(&b, bytes_of(bytes, sizeof bytes));
    assert_true(b.failed);
    assert_int_equal(b.n, 0);
    buffer_free(&b);
    buffer_init(&b, 3);
    buffer_put_decimal(&b, 1000);
    assert_true(b.failed);
    buffer_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limit_is_hard_and_remembered),
        cmocka_unit_test(hostile_sizes),
        cmocka_unit_test(printing_and_consuming),
        cmocka_unit_test(decimals_and_hexadecimals),
        cmocka_unit_test(secrets_are_wiped),
        cmocka_unit_test(only_what_was_written_is_marked),
        cmocka_unit_test(nothing_is_left_in_memory_that_was_given_back),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
