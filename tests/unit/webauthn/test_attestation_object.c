/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation objects: the members that WebAuthn names, and no others. */
#include "forge.h"

#include "../../../broker/webauthn/attestation_object.h"

// A statement as it is written here: "alg", -7; "sig", bytes; "x5c", one or two certificates.
#define ALG                                                                                        \
    "\x63"                                                                                         \
    "alg"                                                                                          \
    "\x26"
#define SIG                                                                                        \
    "\x63"                                                                                         \
    "sig"                                                                                          \
    "\x42\x01\x02"
#define X5C                                                                                        \
    "\x63"                                                                                         \
    "x5c"                                                                                          \
    "\x81\x42\x03\x04"
#define X5C2                                                                                       \
    "\x63"                                                                                         \
    "x5c"                                                                                          \
    "\x82\x42\x03\x04\x41\x05"

static const struct {
    const char *what, *format;
    struct bytes statement;
    const char *says; // NULL: taken
} rows[] = {
    {"none", "none", BYTES("\xa0"), NULL},
    {"none with something", "none", BYTES("\xa1" SIG), "not empty"},
    {"packed", "packed", BYTES("\xa3" ALG SIG X5C), NULL},
    {"packed, two certificates", "packed", BYTES("\xa3" ALG SIG X5C2), NULL},
    {"packed, self", "packed", BYTES("\xa2" ALG SIG), NULL},
    {"packed without algorithm", "packed", BYTES("\xa2" SIG X5C), "no algorithm"},
    {"packed, algorithm zero", "packed",
     BYTES("\xa2\x63"
           "alg"
           "\x00" SIG),
     "no algorithm"},
    {"packed, algorithm as text", "packed",
     BYTES("\xa2\x63"
           "alg"
           "\x61"
           "7" SIG),
     "no algorithm"},
    {"packed without signature", "packed", BYTES("\xa2" ALG X5C), "no signature"},
    {"packed, empty signature", "packed",
     BYTES("\xa2" ALG "\x63"
           "sig"
           "\x40"),
     "no signature"},
    {"packed, signature as text", "packed",
     BYTES("\xa2" ALG "\x63"
           "sig"
           "\x61"
           "a"),
     "no signature"},
    {"packed, no certificates in x5c", "packed",
     BYTES("\xa3" ALG SIG "\x63"
           "x5c"
           "\x80"),
     "one to six"},
    {"packed, seven certificates", "packed",
     BYTES("\xa3" ALG SIG "\x63"
           "x5c"
           "\x87\x41\x01\x41\x01\x41\x01\x41\x01\x41\x01\x41\x01"
           "\x41\x01"),
     "one to six"},
    {"packed, x5c no list", "packed",
     BYTES("\xa3" ALG SIG "\x63"
           "x5c"
           "\x41\x01"),
     "one to six"},
    {"packed, x5c as a map", "packed",
     BYTES("\xa3" ALG SIG "\x63"
           "x5c"
           "\xa1\x01\x41\x01"),
     "one to six"},
    {"packed, an empty certificate", "packed",
     BYTES("\xa3" ALG SIG "\x63"
           "x5c"
           "\x81\x40"),
     "no certificate"},
    {"packed, a certificate as text", "packed",
     BYTES("\xa3" ALG SIG "\x63"
           "x5c"
           "\x81\x61"
           "a"),
     "no certificate"},
    {"packed, ECDAA", "packed",
     BYTES("\xa3" ALG SIG "\x6a"
           "ecdaaKeyId"
           "\x41\x01"),
     "not known"},
    {"packed, one more", "packed",
     BYTES("\xa4" ALG SIG "\x63"
           "ver"
           "\x61"
           "2" X5C),
     "not known"},
    {"packed, not in order", "packed", BYTES("\xa2" SIG ALG), "order"},
    {"u2f", "fido-u2f", BYTES("\xa2" SIG X5C), NULL},
    {"u2f, two certificates", "fido-u2f", BYTES("\xa2" SIG X5C2), "more than one"},
    {"u2f without certificate", "fido-u2f", BYTES("\xa1" SIG), "no certificate"},
    {"u2f without signature", "fido-u2f", BYTES("\xa1" X5C), "no signature"},
    {"u2f with an algorithm", "fido-u2f", BYTES("\xa3" ALG SIG X5C), "not known"},
    {"another format", "tpm", BYTES("\xa1" SIG), NULL},
    {"another format, a statement that is no map", "tpm", BYTES("\x80"), "fmt, authData"},
};

static void
put_object(struct buffer *out, const char *format, struct bytes statement)
{
    buffer_clear(out);
    cbor_put_head(out, 5, 3);
    cbor_put_text(out, "fmt");
    cbor_put_text(out, format);
    cbor_put_text(out, "attStmt");
    buffer_put(out, statement);
    cbor_put_text(out, "authData");
    cbor_put_bytes(out, BYTES("data"));
}

static void
test_statements(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, 4096);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct attestation_object out = {.algorithm = 99};
        char why[WHY_MAX] = "";
        put_object(&text, rows[i].format, rows[i].statement);
        bool taken = attestation_object_read(buffer_bytes(&text), &out, why);
        if (taken != (rows[i].says == NULL) || (!taken && strstr(why, rows[i].says) == NULL))
            FAIL_WITH("%s: %s, %s", rows[i].what, taken ? "taken" : "refused", why);
        if (!taken)
            assert_int_equal(out.algorithm, 99);
        else
            assert_true(bytes_equal(out.statement, rows[i].statement));
    }
    buffer_free(&text);
}

static void
test_what_is_read(void **state)
{
    (void)state;
    struct attestation_object out;
    struct buffer text;
    char why[WHY_MAX];
    buffer_init(&text, 4096);
    put_object(&text, "packed", BYTES("\xa3" ALG SIG X5C2));
    assert_true(attestation_object_read(buffer_bytes(&text), &out, why));
    assert_int_equal(out.format, FORMAT_PACKED);
    assert_int_equal(out.algorithm, ES256);
    assert_true(bytes_is(out.data, "data"));
    assert_true(bytes_is(out.signature, "\1\2"));
    assert_int_equal(out.certificate_count, 2);
    assert_true(bytes_is(out.certificate[0], "\3\4"));
    assert_true(bytes_is(out.certificate[1], "\5"));
    put_object(&text, "fido-u2f", BYTES("\xa2" SIG X5C));
    assert_true(attestation_object_read(buffer_bytes(&text), &out, why));
    assert_int_equal(out.format, FORMAT_U2F);
    assert_int_equal(out.algorithm, 0);
    put_object(&text, "tpm", BYTES("\xa1" SIG));
    assert_true(attestation_object_read(buffer_bytes(&text), &out, why));
    assert_int_equal(out.format, FORMAT_OTHER);
    assert_int_equal(out.signature.n, 0);
    buffer_free(&text);
}

static void
test_objects(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct bytes text;
    } bad[] = {
        {"nothing", {(const uint8_t *)"", 0}},
        {"a list", BYTES("\x83\x01\x02\x03")},
        {"no members", BYTES("\xa0")},
        {"no data", BYTES("\xa2\x63"
                          "fmt"
                          "\x64"
                          "none"
                          "\x67"
                          "attStmt"
                          "\xa0")},
        {"data as text", BYTES("\xa3\x63"
                               "fmt"
                               "\x64"
                               "none"
                               "\x67"
                               "attStmt"
                               "\xa0\x68"
                               "authData"
                               "\x61"
                               "a")},
        {"a format of bytes", BYTES("\xa3\x63"
                                    "fmt"
                                    "\x44"
                                    "none"
                                    "\x67"
                                    "attStmt"
                                    "\xa0\x68"
                                    "authData"
                                    "\x41"
                                    "a")},
        {"one more", BYTES("\xa4\x63"
                           "fmt"
                           "\x64"
                           "none"
                           "\x64"
                           "epAt"
                           "\xf5\x67"
                           "attStmt"
                           "\xa0\x68"
                           "authData"
                           "\x41"
                           "a")},
        {"something behind", BYTES("\xa3\x63"
                                   "fmt"
                                   "\x64"
                                   "none"
                                   "\x67"
                                   "attStmt"
                                   "\xa0\x68"
                                   "authData"
                                   "\x41"
                                   "a"
                                   "\x00")},
    };
    struct attestation_object out;
    char why[WHY_MAX];
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (attestation_object_read(bad[i].text, &out, why))
            FAIL_WITH("%s: was taken", bad[i].what);
    // Clients write this map, in orders of their own.
    assert_true(attestation_object_read(BYTES("\xa3\x68"
                                              "authData"
                                              "\x41"
                                              "a"
                                              "\x67"
                                              "attStmt"
                                              "\xa0\x63"
                                              "fmt"
                                              "\x64"
                                              "none"),
                                        &out, why));
    assert_int_equal(out.format, FORMAT_NONE);
}

static void
test_a_long_signature(void **state)
{
    (void)state;
    struct attestation_object out;
    struct buffer text, statement;
    uint8_t signature[1025] = {0};
    char why[WHY_MAX];
    buffer_init(&text, 4096);
    buffer_init(&statement, 4096);
    for (size_t n = 1024; n <= 1025; n++) {
        buffer_clear(&statement);
        cbor_put_head(&statement, 5, 2);
        cbor_put_text(&statement, "alg");
        cbor_put_number(&statement, ES256);
        cbor_put_text(&statement, "sig");
        cbor_put_bytes(&statement, bytes_of(signature, n));
        put_object(&text, "packed", buffer_bytes(&statement));
        assert_int_equal(attestation_object_read(buffer_bytes(&text), &out, why), n == 1024);
    }
    buffer_free(&text);
    buffer_free(&statement);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_what_is_read),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_a_long_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
