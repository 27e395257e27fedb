/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of refusals: what is counted together, what is bounded, what is told to whom. */
#include "fixture.h"

#include "../../../broker/authority/runs.h"

static struct runs *runs;

static int
setup(void **state)
{
    (void)state;
    runs = runs_new();
    return runs ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    runs_free(&runs);
    assert_null(runs);
    return 0;
}

static const uint8_t *
run(unsigned number)
{
    static uint8_t id[RUN_ID_SIZE];
    id[0] = 1;
    id[14] = (uint8_t)(number >> 8);
    id[15] = (uint8_t)number;
    return id;
}

static void
note(unsigned number, const char *host, uint16_t port, const char *code, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        runs_note(runs, run(number), bytes_str(host), port, code);
}

static void
expect(const struct runs *of, const uint8_t *id, const char *expected)
{
    BUFFER_AUTO out;
    buffer_init(&out, 65536);
    runs_print(of, id, &out);
    assert_false(out.failed);
    assert_string_equal(buffer_text(&out), expected);
}

#define NOTHING "{\"refused\":[],\"more\":0}\n"

static void
of_nobody(void **state)
{
    static const uint8_t none[RUN_ID_SIZE];
    (void)state;
    runs_note(NULL, run(1), BYTES("a.test"), 443, "forbidden");
    expect(NULL, run(1), NOTHING);
    runs_note(runs, none, BYTES("a.test"), 443, "forbidden");
    expect(runs, none, NOTHING);
    expect(runs, run(1), NOTHING);
}

static void
hosts_that_are_none(void **state)
{
    static char longest[256];
    (void)state;
    memset(longest, 'a', sizeof longest);
    runs_note(runs, run(1), BYTES("a\xff"), 0, "forbidden");
    runs_note(runs, run(1), BYTES("a\0b"), 0, "forbidden");
    runs_note(runs, run(1), bytes_of(longest, sizeof longest), 0, "forbidden");
    runs_note(runs, run(1), BYTES_EMPTY, 0, "forbidden");
    runs_note(runs, run(2), BYTES("\"\\\n"), 0, "forbidden");
    expect(runs, run(1),
           "{\"refused\":[{\"host\":\"\",\"port\":0,\"code\":\"forbidden\",\"count\":4}],"
           "\"more\":0}\n");
    expect(runs, run(2),
           "{\"refused\":[{\"host\":\"\\\"\\\\\\n\",\"port\":0,\"code\":\"forbidden\","
           "\"count\":1}],\"more\":0}\n");
}

static void
the_most_frequent_first(void **state)
{
    (void)state;
    note(1, "b.test", 443, "host-not-allowed", 1);
    note(1, "a.test", 443, "host-not-allowed", 1);
    note(1, "a.test", 80, "host-not-allowed", 2);
    note(1, "a.test", 80, "caveat-failed", 3);
    note(2, "c.test", 443, "forbidden", 1);
    expect(runs, run(1),
           "{\"refused\":["
           "{\"host\":\"a.test\",\"port\":80,\"code\":\"caveat-failed\",\"count\":3},"
           "{\"host\":\"a.test\",\"port\":80,\"code\":\"host-not-allowed\",\"count\":2},"
           "{\"host\":\"a.test\",\"port\":443,\"code\":\"host-not-allowed\",\"count\":1},"
           "{\"host\":\"b.test\",\"port\":443,\"code\":\"host-not-allowed\",\"count\":1}],"
           "\"more\":0}\n");
    expect(runs, run(2),
           "{\"refused\":[{\"host\":\"c.test\",\"port\":443,\"code\":\"forbidden\",\"count\":1}],"
           "\"more\":0}\n");
    expect(runs, run(3), NOTHING);
}

// The list is as long as it may be, with the longest names: it fits, and says how much is left out.
static void
rows_are_bounded(void **state)
{
    char host[256];
    BUFFER_AUTO out;
    (void)state;
    buffer_init(&out, 65536);
    for (unsigned i = 0; i < RUN_ROWS_MAX + 7; i++) {
        memset(host, 'x', 255);
        host[255] = '\0';
        (void)memcpy(host, (char[]){(char)('a' + i / 26), (char)('a' + i % 26)}, 2);
        note(1, host, 65535, "discharge-invalid", 2);
    }
    runs_print(runs, run(1), &out);
    assert_false(out.failed);
    json_t *json = json_loadb((const char *)out.p, out.n, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(json, "refused")), RUN_ROWS_MAX);
    assert_int_equal(json_integer_value(json_object_get(json, "more")), 14);
    json_decref(json);
}

// Whoever was heard of longest ago makes room, and nobody else.
static void
runs_are_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RUNS_MAX; i++)
        note(i, "a.test", 443, "forbidden", 1);
    note(0, "a.test", 443, "forbidden", 1); // heard of again
    note(RUNS_MAX, "a.test", 443, "forbidden", 1);
    expect(runs, run(1), NOTHING);
    for (unsigned i = 0; i <= RUNS_MAX; i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 1024);
        if (i == 1)
            continue;
        runs_print(runs, run(i), &out);
        if (!strstr(buffer_text(&out), i == 0 ? "\"count\":2" : "\"count\":1"))
            fail_msg("run %u: %s", i, buffer_text(&out));
    }
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(of_nobody),        TEST(hosts_that_are_none), TEST(the_most_frequent_first),
        TEST(rows_are_bounded), TEST(runs_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
