/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

struct seen {
    size_t count;
    char text[1024];
};

static enum kh_err
see(void *context, const struct store_counter *row, struct fault *fault)
{
    struct seen *seen = context;
    size_t n = strlen(seen->text);
    (void)fault;
    seen->count++;
    snprintf(seen->text + n, sizeof seen->text - n, "%.*s %.*s %u %lld %lld [%.*s] %lld\n",
             BYTES_ARG(row->lineage), BYTES_ARG(row->token_id), row->window_s,
             (long long)row->bound, (long long)row->used, BYTES_ARG(row->log),
             (long long)row->expires_at);
    return KH_OK;
}

static struct store_counter
example(void)
{
    return (struct store_counter){
        .lineage = BYTES("0123456789abcdef"),
        .token_id = BYTES("fedcba9876543210"),
        .window_s = 60,
        .bound = 10,
        .used = 3,
        .log = BYTES("log"),
        .expires_at = 99,
    };
}

static void
refuses_nonsense(void **state)
{
    struct store *store = NULL;
    struct store_counter row[6];

    (void)state;
    assert_ok(store_create(fixture_path("db"), &store, fault));
    for (int i = 0; i < 6; i++)
        row[i] = example();
    row[0].lineage = BYTES("short");
    row[1].token_id = BYTES("short");
    row[2].bound = 0;
    row[3].used = 11;
    row[4].used = -1;
    row[5].window_s = 86401;
    for (int i = 0; i < 6; i++)
        assert_fault(store_counter_put(store, &row[i], fault), KH_ERR_DATABASE, "CHECK");
    store_close(&store);
}

static void
rows(void **state)
{
    struct store *store = NULL;
    struct store_counter row = example();
    struct seen seen = {0};

    (void)state;
    assert_ok(store_create(fixture_path("db"), &store, fault));
    assert_ok(store_counter_put(store, &row, fault));
    // Another bound or end for the same lineage cannot be: only what is counted changes.
    row.used = 7;
    row.log = BYTES("");
    row.bound = 1000;
    row.expires_at = 1;
    row.token_id = BYTES("another token id");
    assert_ok(store_counter_put(store, &row, fault));
    row = example();
    row.lineage = BYTES("ffffffffffffffff");
    row.used = INT64_MAX;
    row.bound = INT64_MAX;
    row.window_s = 0;
    assert_ok(store_counter_put(store, &row, fault));
    assert_ok(store_counter_each(store, see, &seen, fault));
    assert_string_equal(seen.text, "0123456789abcdef fedcba9876543210 60 10 7 [] 99\n"
                                   "ffffffffffffffff fedcba9876543210 0 9223372036854775807 "
                                   "9223372036854775807 [log] 99\n");
    assert_ok(store_counter_remove(store, BYTES("0123456789abcdef"), fault));
    assert_ok(store_counter_remove(store, BYTES("0123456789abcdef"), fault));
    seen = (struct seen){0};
    assert_ok(store_counter_each(store, see, &seen, fault));
    assert_int_equal(seen.count, 1);
    store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {fixture_test(refuses_nonsense), fixture_test(rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
