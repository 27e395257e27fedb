/* SPDX-License-Identifier: Apache-2.0 */
/* libfido2, called as it has to be: it demands presence, expects just the extensions that are
 * there, and keeps quiet. */
#include "forge.h"

#include "../../../broker/webauthn/signature.h"

struct assertion {
    struct buffer data, signature;
    struct authenticator_data read;
    struct cose_key key;
    uint8_t hash[32];
};

static void
assertion_make(struct assertion *a, uint8_t flags, struct bytes extensions)
{
    struct forge f = forge_honest();
    struct buffer cose, text;
    char why[WHY_MAX];
    f.flags = flags;
    buffer_init(&a->data, 4096);
    buffer_init(&a->signature, 4096);
    buffer_init(&cose, 4096);
    buffer_init(&text, 4096);
    forge_hash(BYTES("client data"), a->hash);
    forge_data_head(&f, &a->data);
    buffer_put(&a->data, extensions);
    forge_cose(&cose, f.key, ES256);
    buffer_put(&text, buffer_bytes(&a->data));
    buffer_put(&text, bytes_of(a->hash, 32));
    forge_sign(f.key, buffer_bytes(&text), &a->signature);
    assert_true(authenticator_data_read(buffer_bytes(&a->data), false, &a->read, why));
    assert_true(cose_key_read(buffer_bytes(&cose), &a->key, why));
    buffer_free(&cose);
    buffer_free(&text);
}

static void
assertion_free(struct assertion *a)
{
    buffer_free(&a->data);
    buffer_free(&a->signature);
}

static struct signature_subject
subject_of(const struct assertion *a)
{
    return (struct signature_subject){.rp_id = FORGE_RP_ID,
                                      .client_data_sha256 = a->hash,
                                      .data_text = buffer_bytes(&a->data),
                                      .data = &a->read,
                                      .key = &a->key};
}

// The steps before look at the same flags: here they are not asked.
static void
test_assertions(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint8_t flags;
        bool demanded, good;
    } rows[] = {
        {"touched", 0x01, false, true},      {"touched and verified", 0x05, true, true},
        {"not touched", 0x00, false, false}, {"verified, not touched", 0x04, false, false},
        {"not verified", 0x01, true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assertion a;
        char why[WHY_MAX] = "";
        assertion_make(&a, rows[i].flags, BYTES_EMPTY);
        struct signature_subject subject = subject_of(&a);
        subject.verification = rows[i].demanded;
        if (signature_check_assertion(&subject, buffer_bytes(&a.signature), why) != rows[i].good)
            FAIL_WITH("%s: %s", rows[i].what, why);
        assertion_free(&a);
    }
}

static void
test_what_is_signed(void **state)
{
    (void)state;
    struct assertion a;
    char why[WHY_MAX] = "";
    assertion_make(&a, 0x81,
                   BYTES("\xa1\x6b"
                         "hmac-secret\x41\x00"));
    struct signature_subject subject = subject_of(&a);
    assert_true(signature_check_assertion(&subject, buffer_bytes(&a.signature), why));
    subject.rp_id = "example.org";
    assert_false(signature_check_assertion(&subject, buffer_bytes(&a.signature), why));
    assert_non_null(strstr(why, "libfido2"));
    subject = subject_of(&a);
    a.hash[0] ^= 1;
    assert_false(signature_check_assertion(&subject, buffer_bytes(&a.signature), why));
    a.hash[0] ^= 1;
    a.read.extension_mask = 0;
    assert_false(signature_check_assertion(&subject, buffer_bytes(&a.signature), why));
    a.read.extension_mask = 1;
    a.key.algorithm = ES384;
    assert_false(signature_check_assertion(&subject, buffer_bytes(&a.signature), why));
    a.key.algorithm = ES256;
    assert_false(signature_check_assertion(&subject, BYTES("x"), why));
    assert_true(signature_check_assertion(&subject, buffer_bytes(&a.signature), why));
    assertion_free(&a);
}

// FIDO_DEBUG in the environment prints what is verified, unless somebody sees to it.
static void
test_it_keeps_quiet(void **state)
{
    (void)state;
    struct assertion a;
    char why[WHY_MAX], said[256] = "";
    assertion_make(&a, 0x01, BYTES_EMPTY);
    struct signature_subject subject = subject_of(&a);
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    assert_non_null(file);
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    bool good = signature_check_assertion(&subject, BYTES("x"), why);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    size_t n = fread(said, 1, sizeof(said) - 1, file);
    fclose(file);
    assert_false(good);
    if (n > 0)
        FAIL_WITH("libfido2 said: %s", said);
    assertion_free(&a);
}

int
main(void)
{
    // Before the library starts, which it does once.
    setenv("FIDO_DEBUG", "1", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_keeps_quiet),
        cmocka_unit_test(test_assertions),
        cmocka_unit_test(test_what_is_signed),
    };
    return cmocka_run_group_tests(tests, forge_setup, forge_teardown);
}
