/* SPDX-License-Identifier: Apache-2.0 */
/* SSHSIG: by ssh-keygen and by security keys; armour, envelope, truncated and mutated. */

#include "ssh_test.h"

#define MESSAGE "credential=openai\nuser=alice\n"

enum { GOOD_MAX = 16, MUTATIONS = 20000 };

/* Good signatures of every type, as bare blobs; made once. */
static struct good {
    char name[64];
    struct buffer blob, armoured;
    struct ssh_signature meaning;
} good[GOOD_MAX];
static size_t good_count;

static struct good *
good_new(const char *name)
{
    assert_true(good_count < GOOD_MAX);
    struct good *g = &good[good_count++];
    snprintf(g->name, sizeof(g->name), "%s", name);
    buffer_init(&g->blob, SSH_SIGNATURE_MAX);
    buffer_init(&g->armoured, TEXT_MAX);
    return g;
}

/* What stands between the lines of the armour. */
static void
unarmour(struct bytes text, struct buffer *blob)
{
    struct bytes line;
    BUFFER_AUTO joined;
    buffer_init(&joined, TEXT_MAX);
    while (bytes_cut(&text, '\n', &line))
        if (!bytes_starts(line, BYTES("-")))
            buffer_put(&joined, line);
    assert_true(base64_decode(BASE64_STANDARD, buffer_bytes(&joined), blob));
}

static void
make_by_keygen(void)
{
    static const struct {
        const char *options, *hash;
    } cases[] = {{"-t ed25519", "sha512"},      {"-t ed25519", "sha256"},
                 {"-t ecdsa -b 256", "sha512"}, {"-t ecdsa -b 384", "sha256"},
                 {"-t ecdsa -b 521", "sha512"}, {"-t rsa -b 2048", "sha512"},
                 {"-t rsa -b 3072", "sha256"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char key[32], name[64];
        snprintf(key, sizeof(key), "key%zu", i);
        snprintf(name, sizeof(name), "%s %s", cases[i].options, cases[i].hash);
        struct good *g = good_new(name);
        keygen(key, cases[i].options);
        buffer_free(&g->armoured);
        keygen_sign(key, cases[i].hash, MESSAGE, &g->armoured);
        unarmour(buffer_bytes(&g->armoured), &g->blob);
    }
}

static void
make_by_security_keys(void)
{
    for (int i = 0; i < 4; i++) {
        const char *pin = i & 1 ? "1234" : NULL;
        struct sk sk;
        struct good *g = good_new(i & 2 ? "sk-ssh-ed25519" : "sk-ecdsa");
        sk_begin(&sk, (i & 2) != 0, "ssh:", pin);
        sk_envelope(&sk, MESSAGE, pin, &g->blob);
        armour(buffer_bytes(&g->blob), "\n", 70, &g->armoured);
        sk_end(&sk);
    }
}

static int
setup(void **state)
{
    if (directory_setup(state) != 0)
        return -1;
    make_by_keygen();
    make_by_security_keys();
    return 0;
}

static int
teardown(void **state)
{
    for (size_t i = 0; i < good_count; i++) {
        buffer_free(&good[i].blob);
        buffer_free(&good[i].armoured);
    }
    return directory_teardown(state);
}

static void
test_bad_arguments(void **state)
{
    (void)state;
    struct ssh_signature out = {.counter = 7};
    struct fault fault = {0};
    expect("nothing", judge(BYTES_EMPTY, MESSAGE, &out, &fault), FAILURE_SSH_MALFORMED, &fault);
    expect("text", judge(BYTES("hello"), MESSAGE, &out, &fault), FAILURE_SSH_MALFORMED, &fault);
    struct bytes blob = buffer_bytes(&good[0].blob);
    expect("no namespace", ssh_signature_verify(blob, NULL, bytes_str(MESSAGE), &out, &fault),
           FAILURE_SSH_NAMESPACE, &fault);
    expect("an empty one", ssh_signature_verify(blob, "", bytes_str(MESSAGE), &out, &fault),
           FAILURE_SSH_NAMESPACE, &fault);
    expect("another", ssh_signature_verify(blob, "file", bytes_str(MESSAGE), &out, &fault),
           FAILURE_SSH_NAMESPACE, &fault);
    expect("a longer one",
           ssh_signature_verify(blob, NAMESPACE "x", bytes_str(MESSAGE), &out, &fault),
           FAILURE_SSH_NAMESPACE, &fault);
    expect("another message", judge(blob, "", &out, &fault), FAILURE_SIGNATURE_INVALID, &fault);
    assert_int_equal(ssh_signature_verify(blob, NAMESPACE, BYTES(""), &out, NULL),
                     FAILURE_SIGNATURE_INVALID);
    // nothing was written
    assert_int_equal(out.counter, 7);
    assert_int_equal(out.key_n, 0);
}

static void
test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < good_count; i++) {
        struct good *g = &good[i];
        struct ssh_signature out, again;
        struct fault fault;
        expect(g->name, judge(buffer_bytes(&g->armoured), MESSAGE, &out, &fault), FAILURE_NONE,
               &fault);
        expect(g->name, judge(buffer_bytes(&g->blob), MESSAGE, &again, &fault), FAILURE_NONE,
               &fault);
        assert_memory_equal(&out, &again, sizeof(out));
        g->meaning = out;
        if (!keygen_agrees(&g->armoured, MESSAGE))
            FAIL_WITH("%s: ssh-keygen does not agree", g->name);
        bool sk = strncmp(g->name, "sk-", 3) == 0;
        assert_int_equal(out.security_key, sk);
        assert_int_equal(out.presence, sk);
        assert_int_equal(out.verified, sk && (i - good_count) % 2 == 1);
        assert_int_equal(out.counter != 0, sk);
        assert_int_equal(strncmp(out.key_type, "sk-", 3) == 0, sk);
        char fingerprint[SSH_FINGERPRINT_SIZE];
        assert_true(ssh_fingerprint(bytes_of(out.key, out.key_n), fingerprint));
        assert_string_equal(out.fingerprint, fingerprint);
    }
}

static void
test_armour(void **state)
{
    (void)state;
    struct bytes blob = buffer_bytes(&good[0].blob);
    struct fault fault;
    static const struct {
        const char *what, *end_of_line, *before, *after;
        size_t width;
        enum failure expected;
    } cases[] = {
        {"as ssh-keygen's", "\n", "", "", 70, FAILURE_NONE},
        {"as PEM's", "\n", "", "", 64, FAILURE_NONE},
        {"CRLF", "\r\n", "", "", 70, FAILURE_NONE},
        {"one line", "\n", "", "", TEXT_MAX, FAILURE_NONE},
        {"a letter a line", "\n", "", "", 1, FAILURE_NONE},
        {"empty lines", "\n\n", "", "", 70, FAILURE_SSH_MALFORMED},
        {"CR alone", "\r", "", "", 70, FAILURE_SSH_MALFORMED},
        {"spaces", " \n", "", "", 70, FAILURE_SSH_MALFORMED},
        {"something before", "\n", "-\n", "", 70, FAILURE_SSH_MALFORMED},
        {"something behind", "\n", "", "x", 70, FAILURE_SSH_MALFORMED},
        {"a line behind", "\n", "", "\n", 70, FAILURE_SSH_MALFORMED},
        {"twice", "\n", "", "-----BEGIN SSH SIGNATURE-----\n", 70, FAILURE_SSH_MALFORMED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        BUFFER_AUTO text;
        buffer_init(&text, TEXT_MAX);
        buffer_put_str(&text, cases[i].before);
        armour(blob, cases[i].end_of_line, cases[i].width, &text);
        buffer_put_str(&text, cases[i].after);
        expect(cases[i].what, judge(buffer_bytes(&text), MESSAGE, NULL, &fault), cases[i].expected,
               &fault);
    }
    BUFFER_AUTO bare, other;
    buffer_init(&bare, TEXT_MAX);
    armour(blob, "\n", 70, &bare);
    bare.n--; // the last newline may be missing
    buffer_init(&other, TEXT_MAX);
    size_t middle = bytes_index(buffer_bytes(&bare), '\n') + 1;
    buffer_put(&other, bytes_slice(buffer_bytes(&bare), 0, middle));
    buffer_put_byte(&other, '\n');
    buffer_put(&other, bytes_from(buffer_bytes(&bare), middle));
    expect("one empty line", judge(buffer_bytes(&other), MESSAGE, NULL, &fault),
           FAILURE_SSH_MALFORMED, &fault);
    expect("no newline", judge(buffer_bytes(&bare), MESSAGE, NULL, &fault), FAILURE_NONE, &fault);
    bare.n--;
    expect("a dash less", judge(buffer_bytes(&bare), MESSAGE, NULL, &fault), FAILURE_SSH_MALFORMED,
           &fault);
    buffer_clear(&other);
    buffer_put_str(&other, "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n");
    expect("empty", judge(buffer_bytes(&other), MESSAGE, NULL, &fault), FAILURE_SSH_MALFORMED,
           &fault);
}

/* An envelope signed with a key of ours, over what the parts say. */
static void
expect_parts_for(const char *wanted, const char *what, EVP_PKEY *pair, struct parts parts,
                 const char *digest, enum failure expected)
{
    struct fault fault = {0};
    struct ssh_signature out;
    char name_space[64], hash[32];
    BUFFER_AUTO key, to_sign, raw, signature, blob;
    buffer_init(&key, SSH_KEY_MAX);
    buffer_init(&to_sign, 512);
    buffer_init(&raw, 256);
    buffer_init(&signature, 256);
    buffer_init(&blob, SSH_SIGNATURE_MAX);
    put_ed25519_key(&key, pair);
    snprintf(name_space, sizeof(name_space), "%.*s", BYTES_ARG(parts.name_space));
    snprintf(hash, sizeof(hash), "%.*s", BYTES_ARG(parts.hash));
    put_to_sign(&to_sign, name_space, hash, digest, bytes_str(MESSAGE));
    put_raw_signature(&raw, pair, NULL, buffer_bytes(&to_sign));
    ssh_wire_put_string(&signature, BYTES("ssh-ed25519"));
    ssh_wire_put_string(&signature, buffer_bytes(&raw));
    if (parts.key.p == NULL)
        parts.key = buffer_bytes(&key);
    parts.signature = buffer_bytes(&signature);
    put_envelope(&blob, &parts);
    expect(what,
           ssh_signature_verify(buffer_bytes(&blob), wanted, bytes_str(MESSAGE), &out, &fault),
           expected, &fault);
}

static void
expect_parts(const char *what, EVP_PKEY *pair, struct parts parts, const char *digest,
             enum failure expected)
{
    expect_parts_for(NAMESPACE, what, pair, parts, digest, expected);
}

/* Every one of these carries a signature that holds: what is refused is refused for its own sake.
 */
static void
test_envelope(void **state)
{
    (void)state;
    EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    struct parts fine = {.version = 1,
                         .name_space = BYTES(NAMESPACE),
                         .reserved = BYTES(""),
                         .hash = BYTES("sha512")};
    struct parts parts = fine;
    expect_parts("good", pair, parts, "SHA512", FAILURE_NONE);
    parts.version = 0;
    expect_parts("version 0", pair, parts, "SHA512", FAILURE_SSH_MALFORMED);
    parts.version = 2;
    expect_parts("version 2", pair, parts, "SHA512", FAILURE_SSH_MALFORMED);
    parts = fine;
    parts.name_space = BYTES("file");
    expect_parts("another namespace", pair, parts, "SHA512", FAILURE_SSH_NAMESPACE);
    parts.name_space = BYTES("");
    expect_parts("no namespace", pair, parts, "SHA512", FAILURE_SSH_NAMESPACE);
    expect_parts_for("", "none, where none is asked for", pair, parts, "SHA512",
                     FAILURE_SSH_NAMESPACE);
    parts = fine;
    parts.reserved = BYTES("x");
    expect_parts("something reserved", pair, parts, "SHA512", FAILURE_SSH_MALFORMED);
    parts = fine;
    parts.hash = BYTES("sha1");
    expect_parts("sha1", pair, parts, "SHA1", FAILURE_SSH_ALGORITHM);
    parts.hash = BYTES("sha384");
    expect_parts("sha384", pair, parts, "SHA384", FAILURE_SSH_ALGORITHM);
    parts.hash = BYTES("SHA512");
    expect_parts("SHA512", pair, parts, "SHA512", FAILURE_SSH_ALGORITHM);
    parts.hash = BYTES("");
    expect_parts("no hash", pair, parts, "SHA512", FAILURE_SSH_ALGORITHM);
    EVP_PKEY_free(pair);
}

/* The certificate of the very key that signed, in the place of the key. */
static void
test_certificate(void **state)
{
    (void)state;
    keygen("ca", "-t ed25519");
    shell("cd %s && ssh-keygen -q -s ca -I id -n alice key0.pub", test_directory);
    BUFFER_AUTO line, certificate;
    read_text("key0-cert.pub", &line);
    struct bytes rest = buffer_bytes(&line), type, text;
    assert_true(bytes_cut(&rest, ' ', &type) && bytes_cut(&rest, ' ', &text));
    buffer_init(&certificate, SSH_KEY_MAX);
    assert_true(base64_decode(BASE64_STANDARD, text, &certificate));
    EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    expect_parts("a certificate", pair,
                 (struct parts){.version = 1,
                                .key = buffer_bytes(&certificate),
                                .name_space = BYTES(NAMESPACE),
                                .hash = BYTES("sha512")},
                 "SHA512", FAILURE_SSH_ALGORITHM);
    EVP_PKEY_free(pair);
}

static void
test_long(void **state)
{
    (void)state;
    struct fault fault;
    BUFFER_AUTO text;
    buffer_init(&text, 4 * SSH_SIGNATURE_MAX);
    buffer_put_str(&text, "SSHSIG");
    while (text.n <= SSH_SIGNATURE_MAX)
        buffer_put_byte(&text, 0);
    expect("a long blob", judge(buffer_bytes(&text), MESSAGE, NULL, &fault), FAILURE_SSH_MALFORMED,
           &fault);
    buffer_clear(&text);
    buffer_put_str(&text, "-----BEGIN SSH SIGNATURE-----\n");
    while (text.n <= 2 * SSH_SIGNATURE_MAX)
        buffer_put_str(&text, "AAAA\n");
    expect("a long armour", judge(buffer_bytes(&text), MESSAGE, NULL, &fault),
           FAILURE_SSH_MALFORMED, &fault);
}

/* A security key's application may be of any length: a well-formed key, and longer than there is
 * room for. The signature holds. */
static void
test_long_key(void **state)
{
    (void)state;
    for (int longer = 0; longer < 2; longer++) {
        EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        uint8_t point[32], to_sign[69];
        size_t n = sizeof(point);
        assert_int_equal(EVP_PKEY_get_raw_public_key(pair, point, &n), 1);
        BUFFER_AUTO application, key, inner, raw, signature, blob;
        buffer_init(&application, SSH_SIGNATURE_MAX);
        buffer_init(&key, SSH_SIGNATURE_MAX);
        buffer_init(&inner, 512);
        buffer_init(&raw, 64);
        buffer_init(&signature, 512);
        buffer_init(&blob, SSH_SIGNATURE_MAX);
        ssh_wire_put_string(&key, BYTES("sk-ssh-ed25519@openssh.com"));
        ssh_wire_put_string(&key, bytes_of(point, n));
        buffer_put_str(&application, "ssh:");
        while (key.n + 4 + application.n < SSH_KEY_MAX + (size_t)longer)
            buffer_put_byte(&application, 'a');
        ssh_wire_put_string(&key, buffer_bytes(&application));
        put_to_sign(&inner, NAMESPACE, "sha512", "SHA512", bytes_str(MESSAGE));
        EVP_Digest(application.p, application.n, to_sign, NULL, EVP_sha256(), NULL);
        memcpy(to_sign + 32, "\1\0\0\0\1", 5);
        EVP_Digest(inner.p, inner.n, to_sign + 37, NULL, EVP_sha256(), NULL);
        put_raw_signature(&raw, pair, NULL, bytes_of(to_sign, sizeof(to_sign)));
        ssh_wire_put_string(&signature, BYTES("sk-ssh-ed25519@openssh.com"));
        ssh_wire_put_string(&signature, buffer_bytes(&raw));
        buffer_put(&signature, bytes_of(to_sign + 32, 5));
        put_envelope(&blob, &(struct parts){.version = 1,
                                            .key = buffer_bytes(&key),
                                            .name_space = BYTES(NAMESPACE),
                                            .hash = BYTES("sha512"),
                                            .signature = buffer_bytes(&signature)});
        struct fault fault;
        expect(longer ? "a long key" : "the longest key",
               judge(buffer_bytes(&blob), MESSAGE, NULL, &fault),
               longer ? FAILURE_SSH_MALFORMED : FAILURE_NONE, &fault);
        EVP_PKEY_free(pair);
    }
}

/* What ends early is refused, wherever. Copies of exactly that length, for the sanitizers. */
static void
test_truncated(void **state)
{
    (void)state;
    for (size_t i = 0; i < good_count; i++)
        for (int form = 0; form < 2; form++) {
            struct bytes whole = buffer_bytes(form ? &good[i].armoured : &good[i].blob);
            size_t fine = whole.n - (form && whole.p[whole.n - 1] == '\n' ? 1 : 0);
            for (size_t n = 0; n < fine; n++) {
                struct fault fault;
                uint8_t *copy = malloc(n ? n : 1);
                memcpy(copy, whole.p, n);
                enum failure failure = judge(bytes_of(copy, n), MESSAGE, NULL, &fault);
                free(copy);
                if (failure != FAILURE_SSH_MALFORMED)
                    FAIL_WITH("%s, %s, %zu of %zu bytes: %s", good[i].name,
                              form ? "armoured" : "bare", n, whole.n, failure_code(failure));
            }
        }
}

static void
mutate(struct buffer *text, uint64_t *random)
{
    size_t at = (size_t)(random_next(random) % text->n);
    uint8_t value = (uint8_t)random_next(random);
    switch (random_next(random) % 6) {
    case 0:
        text->p[at] ^= (uint8_t)(1u << (value & 7));
        break;
    case 1:
        text->p[at] = value;
        break;
    case 2: // a byte less
        memmove(text->p + at, text->p + at + 1, text->n - at - 1);
        text->n--;
        break;
    case 3: // a byte more
        buffer_put_byte(text, 0);
        memmove(text->p + at + 1, text->p + at, text->n - at - 1);
        text->p[at] = value;
        break;
    case 4: // a part of it somewhere else
    {
        size_t from = (size_t)(random_next(random) % text->n);
        size_t n = value % 32;
        n = n < text->n - at ? n : text->n - at;
        n = n < text->n - from ? n : text->n - from;
        memmove(text->p + at, text->p + from, n);
        break;
    }
    default: // numbers at their ends
        text->p[at] = value & 1 ? 0xff : 0;
        break;
    }
}

/* Whether a changed armour still says the same blob: other ends of lines, and nothing else. */
static bool
same_but_for_lines(struct bytes a, struct bytes b)
{
    size_t i = 0, j = 0;
    for (;;) {
        while (i < a.n && (a.p[i] == '\n' || a.p[i] == '\r'))
            i++;
        while (j < b.n && (b.p[j] == '\n' || b.p[j] == '\r'))
            j++;
        if (i == a.n || j == b.n)
            return i == a.n && j == b.n;
        if (a.p[i++] != b.p[j++])
            return false;
    }
}

static void
test_mutated(void **state)
{
    (void)state;
    uint64_t seed = random_seed(), random = seed;
    for (int i = 0; i < MUTATIONS; i++) {
        const struct good *g = &good[random_next(&random) % good_count];
        bool armoured = random_next(&random) % 4 == 0;
        struct bytes whole = buffer_bytes(armoured ? &g->armoured : &g->blob);
        BUFFER_AUTO text;
        buffer_init(&text, TEXT_MAX);
        buffer_put(&text, whole);
        for (uint64_t times = 1 + random_next(&random) % 3; times > 0; times--)
            mutate(&text, &random);
        struct ssh_signature out = {0};
        struct fault fault;
        enum failure failure = judge(buffer_bytes(&text), MESSAGE, &out, &fault);
        if (failure != FAILURE_NONE)
            continue;
        bool same = armoured ? same_but_for_lines(buffer_bytes(&text), whole)
                             : bytes_equal(buffer_bytes(&text), whole);
        if (!same || memcmp(&out, &g->meaning, sizeof(out)) != 0)
            FAIL_WITH("mutation %d of %s is taken; KEYHOLE_TEST_SEED=%llu", i, g->name,
                      (unsigned long long)seed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_arguments), cmocka_unit_test(test_good),
        cmocka_unit_test(test_armour),        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_certificate),   cmocka_unit_test(test_long),
        cmocka_unit_test(test_long_key),      cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_mutated),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
