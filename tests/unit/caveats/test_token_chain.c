/* SPDX-License-Identifier: Apache-2.0 */
/* Our chain of signatures against libmacaroons and libsodium. */

#include <macaroons.h>

#include "tokens.h"

/* The library's signature of the same macaroon. */
static void
expect_signature(struct macaroon *m, const uint8_t signature[TOKEN_SIGNATURE_SIZE])
{
    const unsigned char *p;
    size_t n;
    assert_non_null(m);
    macaroon_signature(m, &p, &n);
    assert_int_equal(n, TOKEN_SIGNATURE_SIZE);
    assert_memory_equal(p, signature, TOKEN_SIGNATURE_SIZE);
}

static void
first_party_chain(void **state)
{
    (void)state;
    struct token_hmac h;
    uint8_t key[TOKEN_KEY_SIZE], signature[TOKEN_SIGNATURE_SIZE];
    enum macaroon_returncode code;
    struct random r = random_seeded("chain", 6);
    assert_true(token_hmac_init(&h));
    for (int round = 0; round < 200; round++) {
        uint8_t text[300];
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (uint8_t)random_next(&r);
        struct bytes id = bytes_of(text, 1 + random_below(&r, 255));
        struct macaroon *m = macaroon_create(NULL, 0, root_key, TOKEN_KEY_SIZE, id.p, id.n, &code);
        assert_true(token_chain_root_key(&h, root_key, key));
        assert_true(token_chain_start(&h, key, id, signature));
        expect_signature(m, signature);
        for (int k = 0; k < 4; k++) {
            struct token_caveat c = {.id = bytes_of(text, 1 + random_below(&r, 300))};
            struct macaroon *next = macaroon_add_first_party_caveat(m, c.id.p, c.id.n, &code);
            macaroon_destroy(m);
            m = next;
            assert_true(token_chain_step(&h, &c, signature));
            expect_signature(m, signature);
        }
        macaroon_destroy(m);
    }
    token_hmac_fini(&h);
}

static void
binding(void **state)
{
    (void)state;
    struct token_hmac h;
    uint8_t key[TOKEN_KEY_SIZE], root[32], discharge[32], bound[32];
    enum macaroon_returncode code;
    assert_true(token_hmac_init(&h));
    struct macaroon *m = macaroon_create(NULL, 0, root_key, 32, (const uint8_t *)"r", 1, &code);
    struct macaroon *d = macaroon_create(NULL, 0, other_key, 32, (const uint8_t *)"d", 1, &code);
    struct macaroon *b = macaroon_prepare_for_request(m, d, &code);
    assert_true(token_chain_root_key(&h, root_key, key));
    assert_true(token_chain_start(&h, key, BYTES("r"), root));
    assert_true(token_chain_root_key(&h, other_key, key));
    assert_true(token_chain_start(&h, key, BYTES("d"), discharge));
    assert_true(token_chain_bind(&h, root, discharge, bound));
    expect_signature(d, discharge);
    expect_signature(b, bound);
    macaroon_destroy(m);
    macaroon_destroy(d);
    macaroon_destroy(b);
    token_hmac_fini(&h);
}

static void
digests(void **state)
{
    (void)state;
    struct token_hmac h;
    uint8_t out[32], expected[32], lineage[LINEAGE_ID_SIZE];
    assert_true(token_hmac_init(&h));
    for (size_t n = 0; n < 200; n++) { /* across the borders of blocks */
        uint8_t text[200];
        memset(text, (int)n, sizeof text);
        assert_true(token_chain_start(&h, other_key, bytes_of(text, n), out));
        crypto_auth_hmacsha256(expected, text, n, other_key);
        assert_memory_equal(out, expected, 32);
    }
    assert_true(token_chain_lineage(&h, other_key, lineage));
    crypto_hash_sha256(expected, other_key, 32);
    assert_memory_equal(lineage, expected, LINEAGE_ID_SIZE);
    token_hmac_fini(&h);
    token_hmac_fini(&h); /* twice does no harm */
}

static void
vids(void **state)
{
    (void)state;
    struct builder b;
    uint8_t before[TOKEN_SIGNATURE_SIZE], key[TOKEN_KEY_SIZE], broken[TOKEN_VID_SIZE];
    builder_root(&b);
    memcpy(before, b.signature, sizeof before);
    builder_hole(&b, "ticket", other_key);
    struct bytes vid = b.caveat[0].vid;
    assert_true(token_chain_open(vid, before, key));
    assert_memory_equal(key, other_key, TOKEN_KEY_SIZE);
    assert_false(token_chain_open(vid, b.signature, key)); /* the wrong signature */
    assert_false(token_chain_open(bytes_slice(vid, 0, TOKEN_VID_SIZE - 1), before, key));
    assert_false(token_chain_open(BYTES_EMPTY, before, key));
    for (size_t i = 0; i < TOKEN_VID_SIZE; i++) {
        memcpy(broken, vid.p, sizeof broken);
        broken[i] ^= 1;
        assert_false(token_chain_open(bytes_of(broken, sizeof broken), before, key));
    }
    builder_end(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_party_chain),
        cmocka_unit_test(binding),
        cmocka_unit_test(digests),
        cmocka_unit_test(vids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
