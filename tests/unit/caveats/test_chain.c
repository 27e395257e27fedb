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
    assert_int_equal(caveat_parse(bytes_str(condition), &chain->caveat[0], &fault), KH_OK);
    chain->whole = true;
    buffer_free(&text);
    return chain;
}

static void
key_of(struct chain_cache *cache, const char *text, uint8_t key[CHAIN_KEY_SIZE])
{
    assert_true(chain_cache_key(cache, bytes_str(text), key));
}

static void
put(struct chain_cache *cache, const char *text)
{
    uint8_t key[CHAIN_KEY_SIZE];
    struct chain *chain = whole_chain("method = GET");
    key_of(cache, text, key);
    chain_cache_put(cache, key, chain);
    chain_release(&chain);
}

static bool
has(struct chain_cache *cache, const char *text)
{
    uint8_t key[CHAIN_KEY_SIZE];
    key_of(cache, text, key);
    struct chain *chain = chain_cache_find(cache, key);
    bool found = chain != NULL;
    chain_release(&chain);
    return found;
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

static void
key_is_sha256(void **state)
{
    (void)state;
    struct chain_cache *cache;
    uint8_t key[CHAIN_KEY_SIZE];
    char hex[2 * CHAIN_KEY_SIZE + 1];
    assert_int_equal(chain_cache_new(4, &cache), KH_OK);
    key_of(cache, "abc", key); /* FIPS 180-4, example */
    assert_true(bytes_to_hex(bytes_of(key, sizeof key), hex, sizeof hex));
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    key_of(cache, "abc", key);
    assert_true(bytes_to_hex(bytes_of(key, sizeof key), hex, sizeof hex));
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    chain_cache_free(&cache);
}

static void
what_is_not_whole_is_not_kept(void **state)
{
    (void)state;
    struct chain_cache *cache;
    uint8_t key[CHAIN_KEY_SIZE];
    assert_int_equal(chain_cache_new(4, &cache), KH_OK);
    struct chain *chain = whole_chain("method = GET");
    chain->whole = false;
    key_of(cache, "a", key);
    chain_cache_put(cache, key, chain);
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
    uint8_t key[CHAIN_KEY_SIZE];
    assert_int_equal(chain_cache_new(4, &cache), KH_OK);
    put(cache, "a");
    key_of(cache, "a", key);
    struct chain *chain = chain_cache_find(cache, key);
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
        cmocka_unit_test(key_is_sha256),
        cmocka_unit_test(what_is_not_whole_is_not_kept),
        cmocka_unit_test(the_longest_unused_makes_room),
        cmocka_unit_test(no_room_keeps_nothing),
        cmocka_unit_test(outlives_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
