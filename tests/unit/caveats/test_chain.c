/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/chain.h"
#include "tokens.h"

static struct chain *
whole_chain(const char *condition)
{
    const char *const caveats[] = {condition, NULL};
    struct fault fault = {0};
    struct buffer text;
    struct chain *chain = chain_new();
    assert_non_null(chain);
    test_mint(&text, caveats);
    chain->token = test_scan(buffer_bytes(&text));
    chain->caveat_count = 1;
    assert_int_equal(caveat_parse(bytes_str(condition), &chain->caveat[0], &fault), KH_OK);
    chain->whole = true;
    buffer_free(&text);
    return chain;
}

static void
put(struct chain_cache *cache, const char *text)
{
    struct chain *chain = whole_chain("method = GET");
    chain_cache_put(cache, bytes_str(text), chain);
    chain_release(&chain);
}

static bool
has_bytes(struct chain_cache *cache, struct bytes text)
{
    struct chain *chain = chain_cache_find(cache, text);
    bool found = chain != NULL;
    chain_release(&chain);
    return found;
}

static bool
has(struct chain_cache *cache, const char *text)
{
    return has_bytes(cache, bytes_str(text));
}

static void
nothing_is_released_gladly(void **state)
{
    (void)state;
    struct chain *none = NULL;
    struct chain_cache *cache = NULL;
    chain_release(&none);
    chain_cache_free(&cache);
    none = chain_new();
    chain_release(&none); /* without a token */
    assert_null(none);
}

static void
found_by_its_text_alone(void **state)
{
    (void)state;
    struct chain_cache *cache;
    assert_int_equal(chain_cache_new(4, &cache), KH_OK);
    assert_false(has(cache, "a"));
    put(cache, "a");
    assert_true(has(cache, "a"));
    assert_false(has(cache, "b"));
    assert_false(has(cache, "a "));
    assert_false(has(cache, ""));
    put(cache, "a"); /* the first one stays */
    assert_int_equal(chain_cache_count(cache), 1);
    chain_cache_free(&cache);
}

/* Wherever the byte stands, in one bucket as in many. */
static void
no_other_text_is_taken_for_it(void **state)
{
    (void)state;
    for (size_t capacity = 1; capacity <= 64; capacity *= 64) {
        struct chain_cache *cache;
        uint8_t text[300];
        assert_int_equal(chain_cache_new(capacity, &cache), KH_OK);
        struct chain *chain = whole_chain("method = GET");
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (uint8_t)('A' + i % 26);
        chain_cache_put(cache, bytes_of(text, sizeof text), chain);
        for (size_t i = 0; i < sizeof text; i++) {
            text[i] ^= 1;
            if (has_bytes(cache, bytes_of(text, sizeof text)))
                fail_msg("capacity %zu: found by a text that differs in byte %zu", capacity, i);
            text[i] ^= 1;
            if (has_bytes(cache, bytes_of(text, i)))
                fail_msg("capacity %zu: found by its first %zu bytes", capacity, i);
        }
        assert_true(has_bytes(cache, bytes_of(text, sizeof text)));
        chain_release(&chain);
        chain_cache_free(&cache);
    }
}

static void
what_is_not_whole_is_not_kept(void **state)
{
    (void)state;
    struct chain_cache *cache;
    assert_int_equal(chain_cache_new(4, &cache), KH_OK);
    struct chain *chain = whole_chain("method = GET");
    chain->whole = false;
    chain_cache_put(cache, BYTES("a"), chain);
    assert_int_equal(chain_cache_count(cache), 0);
    chain_release(&chain);
    chain_cache_free(&cache);
}

static void
the_longest_unused_makes_room(void **state)
{
    (void)state;
    struct chain_cache *cache;
    assert_int_equal(chain_cache_new(3, &cache), KH_OK);
    put(cache, "a");
    put(cache, "b");
    put(cache, "c");
    assert_true(has(cache, "a")); /* b is the oldest now */
    put(cache, "d");
    assert_int_equal(chain_cache_count(cache), 3);
    assert_false(has(cache, "b"));
    assert_true(has(cache, "a") && has(cache, "c") && has(cache, "d"));
    chain_cache_free(&cache);
}

static void
no_room_keeps_nothing(void **state)
{
    (void)state;
    struct chain_cache *cache;
    assert_int_equal(chain_cache_new(0, &cache), KH_OK);
    put(cache, "a");
    assert_false(has(cache, "a"));
    chain_cache_free(&cache);
}

/* Whoever judges by it keeps it, whatever becomes of the table. */
static void
outlives_the_table(void **state)
{
    (void)state;
    struct chain_cache *cache;
    assert_int_equal(chain_cache_new(4, &cache), KH_OK);
    put(cache, "a");
    struct chain *chain = chain_cache_find(cache, BYTES("a"));
    assert_non_null(chain);
    chain_cache_clear(cache);
    assert_int_equal(chain_cache_count(cache), 0);
    assert_false(has(cache, "a"));
    put(cache, "a"); /* it works on */
    assert_true(has(cache, "a"));
    chain_cache_free(&cache);
    expect_text("still there", chain->token->macaroon[0].caveat[0].id, "method = GET");
    chain_release(&chain);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_released_gladly),
        cmocka_unit_test(found_by_its_text_alone),
        cmocka_unit_test(no_other_text_is_taken_for_it),
        cmocka_unit_test(what_is_not_whole_is_not_kept),
        cmocka_unit_test(the_longest_unused_makes_room),
        cmocka_unit_test(no_room_keeps_nothing),
        cmocka_unit_test(outlives_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
