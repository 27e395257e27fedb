/* SPDX-License-Identifier: Apache-2.0 */
/* Chains: to a root of the directory and nowhere else, through what is pinned or sent. */
#include "forge.h"

#include "../../../broker/webauthn/chain.h"

// In this program the forge's root is one of Yubico's when a test says so.
static bool forge_is_yubico, forge_is_shared;

const struct yubico_root *
yubico_root_find(const uint8_t sha256[32])
{
    static struct yubico_root root = {.name = "Forge Root"};
    unsigned n;
    assert_int_equal(X509_digest(forge_pki.root, EVP_sha256(), root.sha256, &n), 1);
    root.shared = forge_is_shared;
    return forge_is_yubico && memcmp(sha256, root.sha256, 32) == 0 ? &root : NULL;
}

static struct chain chain;
static char why[WHY_MAX];

static bool
follow(X509 *leaf, X509 *sent, int64_t now)
{
    STACK_OF(X509) *stack = sk_X509_new_null();
    if (sent != NULL)
        assert_true(sk_X509_push(stack, sent) > 0);
    chain = (struct chain){0};
    why[0] = '\0';
    bool leads = chain_follow(forge_pki.trust, leaf, stack, now, &chain, why);
    sk_X509_free(stack);
    assert_int_equal(leads, chain.root[0] != '\0');
    return leads;
}

static X509 *
below(X509 *issuer, EVP_PKEY *issuer_key)
{
    struct forge_certificate form = forge_leaf_form();
    form.issuer = issuer;
    form.issuer_key = issuer_key;
    return forge_certificate(&form);
}

// A CA below another one, with a key of its own.
static X509 *
ca_below(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
         const char *constraints)
{
    struct forge_certificate form = forge_ca_form(name);
    form.key = key;
    form.issuer = issuer;
    form.issuer_key = issuer_key;
    form.constraints = constraints;
    return forge_certificate(&form);
}

static void
test_pinned_intermediates(void **state)
{
    (void)state;
    assert_true(follow(forge_pki.leaf, NULL, FORGE_NOW));
    assert_string_equal(chain.root, "CN=Forge Root");
    assert_null(chain.yubico);
    X509 *leaf = below(forge_pki.root, forge_pki.root_key);
    assert_true(follow(leaf, NULL, FORGE_NOW));
    X509_free(leaf);
}

static void
test_sent_intermediates(void **state)
{
    (void)state;
    EVP_PKEY *key = forge_key(ES256);
    X509 *middle = ca_below("Another", key, forge_pki.root, forge_pki.root_key, "critical,CA:TRUE");
    X509 *leaf = below(middle, key);
    assert_false(follow(leaf, NULL, FORGE_NOW));
    assert_true(follow(leaf, middle, FORGE_NOW));
    X509_free(leaf);
    X509_free(middle);
    // One that is no CA cannot stand in between.
    middle = ca_below("Another", key, forge_pki.root, forge_pki.root_key, "critical,CA:FALSE");
    leaf = below(middle, key);
    assert_false(follow(leaf, middle, FORGE_NOW));
    X509_free(leaf);
    X509_free(middle);
    EVP_PKEY_free(key);
}

static void
test_what_is_sent_is_not_trusted(void **state)
{
    (void)state;
    X509 *leaf = below(forge_pki.stranger, forge_pki.other_key);
    assert_false(follow(leaf, forge_pki.stranger, FORGE_NOW));
    assert_non_null(strstr(why, "Stranger Root"));
    X509_free(leaf);
}

// A directory with an intermediate alone has no root: nothing ends at it.
static void
test_an_intermediate_is_no_root(void **state)
{
    (void)state;
    struct webauthn_trust *trust = NULL;
    struct fault fault;
    assert_int_equal(mkdir(test_path("middle"), 0700), 0);
    forge_write_pem("middle/a.pem", (X509 *[]){forge_pki.middle}, 1);
    assert_int_equal(webauthn_trust_read(test_path("middle"), &trust, &fault), KH_OK);
    assert_false(chain_follow(trust, forge_pki.leaf, NULL, FORGE_NOW, &chain, why));
    assert_non_null(strstr(why, "no roots"));
    webauthn_trust_free(&trust);
    // And with another root beside it, the chain does not end half-way either.
    forge_write_pem("middle/b.pem", (X509 *[]){forge_pki.stranger}, 1);
    assert_int_equal(webauthn_trust_read(test_path("middle"), &trust, &fault), KH_OK);
    assert_false(chain_follow(trust, forge_pki.leaf, NULL, FORGE_NOW, &chain, why));
    webauthn_trust_free(&trust);
    assert_false(chain_follow(NULL, forge_pki.leaf, NULL, FORGE_NOW, &chain, why));
}

static void
test_a_root_is_no_leaf(void **state)
{
    (void)state;
    assert_false(follow(forge_pki.root, NULL, FORGE_NOW));
    assert_non_null(strstr(why, "cannot be an authenticator"));
}

static void
test_a_name_is_not_a_signature(void **state)
{
    (void)state;
    X509 *leaf = below(forge_pki.middle, forge_pki.other_key);
    assert_false(follow(leaf, NULL, FORGE_NOW));
    X509_free(leaf);
    // A root of the same name with another key.
    X509 *root = ca_below("Forge Root", forge_pki.other_key, NULL, NULL, "critical,CA:TRUE");
    leaf = below(root, forge_pki.other_key);
    assert_false(follow(leaf, root, FORGE_NOW));
    X509_free(leaf);
    X509_free(root);
}

static void
test_time(void **state)
{
    (void)state;
    const int64_t from = FORGE_NOW - 86400, to = FORGE_NOW + 86400 * 3650LL;
    assert_true(follow(forge_pki.leaf, NULL, from));
    assert_false(follow(forge_pki.leaf, NULL, from - 1));
    assert_true(follow(forge_pki.leaf, NULL, to - 1));
    assert_false(follow(forge_pki.leaf, NULL, to));
    assert_non_null(strstr(why, "expired"));
    // The leaf alone; as long as Yubico's newest live, too.
    struct forge_certificate form = forge_leaf_form();
    form.to = FORGE_NOW;
    X509 *leaf = forge_certificate(&form);
    assert_true(follow(leaf, NULL, FORGE_NOW - 1));
    assert_false(follow(leaf, NULL, FORGE_NOW));
    X509_free(leaf);
    form.to = INT64_C(253402300799);
    leaf = forge_certificate(&form);
    assert_true(follow(leaf, NULL, FORGE_NOW));
    X509_free(leaf);
}

static void
test_weak_ones(void **state)
{
    (void)state;
    struct forge_certificate form = forge_leaf_form();
    form.digest = EVP_sha1();
    X509 *leaf = forge_certificate(&form);
    assert_false(follow(leaf, NULL, FORGE_NOW));
    X509_free(leaf);
    EVP_PKEY *small = rsa_key_read(RSA_1024);
    X509 *middle = ca_below("Small", small, forge_pki.root, forge_pki.root_key, "critical,CA:TRUE");
    leaf = below(middle, small);
    assert_false(follow(leaf, middle, FORGE_NOW));
    X509_free(leaf);
    X509_free(middle);
    EVP_PKEY_free(small);
}

// Three intermediates may stand in between, four may not.
static void
test_length(void **state)
{
    (void)state;
    EVP_PKEY *key = forge_key(ES256);
    STACK_OF(X509) *sent = sk_X509_new_null();
    X509 *issuer = forge_pki.root;
    EVP_PKEY *issuer_key = forge_pki.root_key;
    for (int i = 1; i <= 4; i++) {
        char name[16];
        snprintf(name, sizeof(name), "Number %d", i);
        issuer = ca_below(name, key, issuer, issuer_key, "critical,CA:TRUE");
        issuer_key = key;
        assert_true(sk_X509_push(sent, issuer) > 0);
        X509 *leaf = below(issuer, key);
        if (chain_follow(forge_pki.trust, leaf, sent, FORGE_NOW, &chain, why) != (i <= 3))
            FAIL_WITH("%d intermediates: %s", i, why);
        X509_free(leaf);
    }
    sk_X509_pop_free(sent, X509_free);
    EVP_PKEY_free(key);
}

static void
test_path_lengths_hold(void **state)
{
    (void)state;
    EVP_PKEY *key = forge_key(ES256);
    X509 *first =
        ca_below("First", key, forge_pki.root, forge_pki.root_key, "critical,CA:TRUE,pathlen:0");
    X509 *second = ca_below("Second", key, first, key, "critical,CA:TRUE");
    X509 *leaf = below(second, key);
    STACK_OF(X509) *sent = sk_X509_new_null();
    assert_true(sk_X509_push(sent, first) > 0 && sk_X509_push(sent, second) > 0);
    assert_false(chain_follow(forge_pki.trust, leaf, sent, FORGE_NOW, &chain, why));
    assert_non_null(strstr(why, "path length"));
    sk_X509_free(sent);
    X509_free(leaf);
    X509_free(second);
    X509_free(first);
    EVP_PKEY_free(key);
}

static void
test_yubicos_roots(void **state)
{
    (void)state;
    struct forge_certificate form = forge_leaf_form();
    form.unit = "PIV"; // a key of the same device with which its holder signs what it likes
    X509 *other = forge_certificate(&form);
    forge_is_yubico = true;
    assert_true(follow(forge_pki.leaf, NULL, FORGE_NOW) && chain.yubico != NULL);
    assert_true(follow(other, NULL, FORGE_NOW) && chain.yubico != NULL);
    forge_is_shared = true;
    assert_true(follow(forge_pki.leaf, NULL, FORGE_NOW) && chain.yubico != NULL);
    assert_false(follow(other, NULL, FORGE_NOW));
    assert_non_null(strstr(why, "more than authenticators"));
    forge_is_yubico = forge_is_shared = false;
    assert_true(follow(other, NULL, FORGE_NOW) && chain.yubico == NULL);
    X509_free(other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pinned_intermediates),
        cmocka_unit_test(test_sent_intermediates),
        cmocka_unit_test(test_what_is_sent_is_not_trusted),
        cmocka_unit_test(test_an_intermediate_is_no_root),
        cmocka_unit_test(test_a_root_is_no_leaf),
        cmocka_unit_test(test_a_name_is_not_a_signature),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_weak_ones),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_path_lengths_hold),
        cmocka_unit_test(test_yubicos_roots),
    };
    return cmocka_run_group_tests(tests, forge_setup, forge_teardown);
}
