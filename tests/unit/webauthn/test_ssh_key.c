/* SPDX-License-Identifier: Apache-2.0 */
/* SSH public keys: what is no key, what is none that is taken, and those that are. */

#include "ssh_test.h"

enum { PIECES = 4 };

/* A blob of strings, up to an empty one; `after` follows. */
struct blob {
    struct bytes piece[PIECES];
    struct bytes after;
};

static void
expect_blob(const char *what, struct bytes blob, enum failure expected)
{
    struct ssh_key key = {0};
    struct fault fault = {0};
    expect(what, ssh_key_read(blob, &key, &fault), expected, &fault);
    assert_int_equal(key.key != NULL, expected == FAILURE_NONE);
    ssh_key_free(&key);
}

#define POINT_P256                                                                                 \
    "\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33" \
    "\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f" \
    "\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5"
#define POINT_ED25519                                                                              \
    "\x58\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66" \
    "\x66\x66\x66\x66\x66\x66\x66\x66\x66"
#define IDENTITY_ED25519 "\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static void
test_blobs(void **state)
{
    (void)state;
#define ECDSA     BYTES("ecdsa-sha2-nistp256")
#define SK_ECDSA  BYTES("sk-ecdsa-sha2-nistp256@openssh.com")
#define ED        BYTES("ssh-ed25519")
#define GOOD_P256 BYTES("\x04" POINT_P256)
    static const struct {
        const char *what;
        struct blob blob;
        enum failure expected;
    } cases[] = {
        {"nothing", {.after = BYTES("\0\0\0")}, FAILURE_SSH_MALFORMED},
        {"an empty type", {.after = BYTES("\0\0\0\0")}, FAILURE_SSH_ALGORITHM},
        {"a type alone", {.piece = {ED}}, FAILURE_SSH_MALFORMED},
        {"ssh-dss", {.piece = {BYTES("ssh-dss"), BYTES("x")}}, FAILURE_SSH_ALGORITHM},
        {"a type of tomorrow",
         {.piece = {BYTES("ssh-ml-dsa-65"), BYTES("x")}},
         FAILURE_SSH_ALGORITHM},
        {"a type with a NUL",
         {.piece = {BYTES("ssh-ed25519\0"), BYTES(POINT_ED25519)}},
         FAILURE_SSH_ALGORITHM},
        {"a certificate",
         {.piece = {BYTES("ssh-ed25519-cert-v01@openssh.com"), BYTES("nonce")}},
         FAILURE_SSH_ALGORITHM},
        {"ed25519", {.piece = {ED, BYTES(POINT_ED25519)}}, FAILURE_NONE},
        {"ed25519 that goes on",
         {.piece = {ED, BYTES(POINT_ED25519)}, BYTES("\0")},
         FAILURE_SSH_MALFORMED},
        {"ed25519 of 31 bytes",
         {.piece = {ED, BYTES("\x58\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66"
                              "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66"
                              "\x66\x66\x66\x66\x66")}},
         FAILURE_SSH_MALFORMED},
        {"ed25519 of small order", {.piece = {ED, BYTES(IDENTITY_ED25519)}}, FAILURE_SSH_MALFORMED},
        {"ed25519 as a security key without application",
         {.piece = {BYTES("sk-ssh-ed25519@openssh.com"), BYTES(POINT_ED25519)}},
         FAILURE_SSH_MALFORMED},
        {"sk-ssh-ed25519",
         {.piece = {BYTES("sk-ssh-ed25519@openssh.com"), BYTES(POINT_ED25519), BYTES("ssh:")}},
         FAILURE_NONE},
        {"sk-ssh-ed25519 of a web site",
         {.piece = {BYTES("sk-ssh-ed25519@openssh.com"), BYTES(POINT_ED25519),
                    BYTES("keyhole.example")}},
         FAILURE_SSH_MALFORMED},
        {"ecdsa", {.piece = {ECDSA, BYTES("nistp256"), GOOD_P256}}, FAILURE_NONE},
        {"sk-ecdsa",
         {.piece = {SK_ECDSA, BYTES("nistp256"), GOOD_P256, BYTES("ssh:me")}},
         FAILURE_NONE},
        {"sk-ecdsa of a web site",
         {.piece = {SK_ECDSA, BYTES("nistp256"), GOOD_P256, BYTES("ssh")}},
         FAILURE_SSH_MALFORMED},
        {"ecdsa of two curves",
         {.piece = {ECDSA, BYTES("nistp384"), GOOD_P256}},
         FAILURE_SSH_MALFORMED},
        {"ecdsa of another curve's point",
         {.piece = {BYTES("ecdsa-sha2-nistp384"), BYTES("nistp384"), GOOD_P256}},
         FAILURE_SSH_MALFORMED},
        {"ecdsa of a point beside its curve",
         {.piece = {ECDSA, BYTES("nistp256"),
                    BYTES("\x04\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04\x05\x06\x07\x08\x01"
                          "\x02\x03"
                          "\x04\x05\x06\x07\x08\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04\x05"
                          "\x06\x07"
                          "\x08\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04\x05\x06\x07\x08\x01"
                          "\x02\x03"
                          "\x04\x05\x06\x07\x08")}},
         FAILURE_SSH_MALFORMED},
        {"ecdsa of a compressed point",
         {.piece = {ECDSA, BYTES("nistp256"),
                    BYTES("\x03\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77"
                          "\x03\x7d"
                          "\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96")}},
         FAILURE_SSH_MALFORMED},
        {"ecdsa of the point at infinity",
         {.piece = {ECDSA, BYTES("nistp256"), BYTES("\0")}},
         FAILURE_SSH_MALFORMED},
        {"rsa without a modulus",
         {.piece = {BYTES("ssh-rsa"), BYTES("\1\0\1")}},
         FAILURE_SSH_MALFORMED},
        {"rsa of few bits",
         {.piece = {BYTES("ssh-rsa"), BYTES("\1\0\1"), BYTES("\x7f\xff\xff\xff")}},
         FAILURE_SSH_ALGORITHM},
        {"rsa with an even exponent",
         {.piece = {BYTES("ssh-rsa"), BYTES("\1\0"), BYTES("\x7f\xff")}},
         FAILURE_SSH_MALFORMED},
        {"rsa with an exponent of one",
         {.piece = {BYTES("ssh-rsa"), BYTES("\1"), BYTES("\x7f\xff")}},
         FAILURE_SSH_MALFORMED},
        {"rsa with a long exponent",
         {.piece = {BYTES("ssh-rsa"), BYTES("\1\1\1\1\1\1\1\1\1"), BYTES("\x7f\xff")}},
         FAILURE_SSH_MALFORMED},
        {"rsa with a negative modulus",
         {.piece = {BYTES("ssh-rsa"), BYTES("\1\0\1"), BYTES("\xff\xff")}},
         FAILURE_SSH_MALFORMED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        BUFFER_AUTO blob;
        buffer_init(&blob, SSH_KEY_MAX);
        for (size_t j = 0; j < PIECES && cases[i].blob.piece[j].p; j++)
            ssh_wire_put_string(&blob, cases[i].blob.piece[j]);
        buffer_put(&blob, cases[i].blob.after);
        expect_blob(cases[i].what, buffer_bytes(&blob), cases[i].expected);
    }
}

/* An RSA blob whose modulus has so many bits; no key that anyone could use. */
static void
expect_rsa_bits(int bits, bool extra_zero, enum failure expected)
{
    char what[64];
    snprintf(what, sizeof(what), "rsa of %d bits%s", bits, extra_zero ? ", a zero too many" : "");
    BIGNUM *n = BN_new();
    assert_int_equal(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
    BUFFER_AUTO blob, number;
    buffer_init(&blob, SSH_KEY_MAX);
    buffer_init(&number, SSH_KEY_MAX);
    ssh_wire_put_string(&blob, BYTES("ssh-rsa"));
    ssh_wire_put_string(&blob, BYTES("\1\0\1"));
    put_mpint(&number, n);
    if (extra_zero) {
        struct bytes value = bytes_from(buffer_bytes(&number), 4);
        put_u32(&blob, (uint32_t)value.n + 1);
        buffer_put_byte(&blob, 0);
        buffer_put(&blob, value);
    } else {
        buffer_put(&blob, buffer_bytes(&number));
    }
    expect_blob(what, buffer_bytes(&blob), expected);
    BN_free(n);
}

static void
test_rsa_sizes(void **state)
{
    (void)state;
    expect_rsa_bits(1024, false, FAILURE_SSH_ALGORITHM);
    expect_rsa_bits(2047, false, FAILURE_SSH_ALGORITHM);
    expect_rsa_bits(2048, false, FAILURE_NONE);
    expect_rsa_bits(2048, true, FAILURE_SSH_MALFORMED);
    expect_rsa_bits(16384, false, FAILURE_NONE);
    expect_rsa_bits(16385, false, FAILURE_SSH_ALGORITHM);
}

/* Lines as in id_*.pub, by ssh-keygen. */
static void
test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *options, *type;
        enum failure expected;
    } cases[] = {
        {"-t ed25519", "ssh-ed25519", FAILURE_NONE},
        {"-t ecdsa -b 256", "ecdsa-sha2-nistp256", FAILURE_NONE},
        {"-t ecdsa -b 384", "ecdsa-sha2-nistp384", FAILURE_NONE},
        {"-t ecdsa -b 521", "ecdsa-sha2-nistp521", FAILURE_NONE},
        {"-t rsa -b 2048", "ssh-rsa", FAILURE_NONE},
        {"-t rsa -b 1024", "ssh-rsa", FAILURE_SSH_ALGORITHM},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char name[32], pub[40];
        snprintf(name, sizeof(name), "line%zu", i);
        snprintf(pub, sizeof(pub), "%s.pub", name);
        keygen(name, cases[i].options);
        BUFFER_AUTO line;
        read_text(pub, &line);
        uint8_t blob[SSH_KEY_MAX];
        size_t blob_n = 0;
        struct bytes comment = BYTES_EMPTY;
        struct fault fault = {0};
        expect(cases[i].options,
               ssh_public_key_read(buffer_bytes(&line), blob, &blob_n, &comment, &fault),
               cases[i].expected, &fault);
        if (cases[i].expected != FAILURE_NONE)
            continue;
        assert_true(bytes_is(comment, "a comment"));
        struct ssh_key key;
        assert_int_equal(ssh_key_read(bytes_of(blob, blob_n), &key, NULL), FAILURE_NONE);
        assert_string_equal(key.type->name, cases[i].type);
        ssh_key_free(&key);
        // what ssh-keygen calls it
        char fingerprint[SSH_FINGERPRINT_SIZE];
        assert_true(ssh_fingerprint(bytes_of(blob, blob_n), fingerprint));
        assert_int_equal(strlen(fingerprint), SSH_FINGERPRINT_SIZE - 1);
        shell("ssh-keygen -l -E sha256 -f %s | grep -qF '%s'", test_path(pub), fingerprint);
    }
}

static void
test_bad_lines(void **state)
{
    (void)state;
    keygen("bad", "-t ed25519");
    keygen("ca", "-t ed25519");
    shell("cd %s && ssh-keygen -q -s ca -I id -n alice bad.pub", test_directory);
    BUFFER_AUTO line, certificate;
    read_text("bad.pub", &line);
    read_text("bad-cert.pub", &certificate);
    const char *base64 = strchr(buffer_text(&line), ' ') + 1;
    char text[10][1024];
    struct fault fault = {0};
    uint8_t blob[SSH_KEY_MAX];
    size_t blob_n = 0;
    int n = 0;
    snprintf(text[n++], 1024, "%s", "");
    snprintf(text[n++], 1024, "ssh-ed25519");
    snprintf(text[n++], 1024, "ssh-ed25519 ");
    snprintf(text[n++], 1024, "ssh-ed25519  %s", base64);                  // two spaces
    snprintf(text[n++], 1024, "ssh-rsa %s", base64);                       // another type
    snprintf(text[n++], 1024, "no-pty ssh-ed25519 %s", base64);            // authorized_keys
    snprintf(text[n++], 1024, "ssh-ed25519 %.*s= x", 68, base64);          // stray padding
    snprintf(text[n++], 1024, "ssh-ed25519 %sssh-ed25519 AAAA\n", base64); // two lines
    snprintf(text[n++], 1024, "ssh-ed25519 %.*s a\tb", 68, base64);        // control characters
    for (int i = 0; i < n; i++)
        expect(text[i], ssh_public_key_read(bytes_str(text[i]), blob, &blob_n, NULL, &fault),
               FAILURE_SSH_MALFORMED, &fault);
    expect("a certificate",
           ssh_public_key_read(buffer_bytes(&certificate), blob, &blob_n, NULL, &fault),
           FAILURE_SSH_ALGORITHM, &fault);
    assert_says(fault, "certificate");
    assert_int_equal(blob_n, 0);
    // without a comment, without a newline, with CRLF
    struct bytes comment = BYTES("x");
    snprintf(text[0], 1024, "ssh-ed25519 %.*s", 68, base64);
    snprintf(text[1], 1024, "ssh-ed25519 %.*s\r\n", 68, base64);
    for (int i = 0; i < 2; i++) {
        expect(text[i], ssh_public_key_read(bytes_str(text[i]), blob, &blob_n, &comment, &fault),
               FAILURE_NONE, &fault);
        assert_int_equal(comment.n, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blobs),
        cmocka_unit_test(test_rsa_sizes),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_bad_lines),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
