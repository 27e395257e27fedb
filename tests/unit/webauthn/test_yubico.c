/* SPDX-License-Identifier: Apache-2.0 */
/* The fingerprints that make a key a YubiKey are those that Yubico publishes. */
#include "webauthn_test.h"

#include "../../../broker/webauthn/yubico.h"

static const struct {
    const char *sha256, *name;
    bool shared;
} published[] = {
    {"0fa1386f80eb8713263ae5c1d84deb455bdf08aea50ab05503cefee82b092d42",
     "Yubico U2F Root CA Serial 457200631", false},
    {"35f1a54b353bfb711e6d42adbeb76c0e9dead095018e6a94783ba2192fd6faad",
     "Yubico FIDO Root CA Serial 450203556", false},
    {"62760c6a6ef91679f454c8902b80fd009825b3f25da90f1fbace2ec6586cd5a8",
     "Yubico Attestation Root 1", true},
};

static void
test_the_three(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(published); i++) {
        uint8_t sha256[32];
        assert_true(bytes_from_hex(bytes_str(published[i].sha256), sha256, 32));
        const struct yubico_root *root = yubico_root_find(sha256);
        assert_non_null(root);
        assert_string_equal(root->name, published[i].name);
        assert_int_equal(root->shared, published[i].shared);
        for (int bit = 0; bit < 256; bit++) {
            sha256[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_null(yubico_root_find(sha256));
            sha256[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    assert_null(yubico_root_find((const uint8_t[32]){0}));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_three)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
