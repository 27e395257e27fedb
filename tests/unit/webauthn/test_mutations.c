/* SPDX-License-Identifier: Apache-2.0 */
/* Registrations with something changed at random: none is taken for anything but what it was. Those
 * of real keys where there are some, and the forge's. */
#include "../memcheck.h"
#include "forge.h"
#include "recorded.h"

enum { MUTATIONS = 20000 / TEST_SAMPLE, SUBJECTS_MAX = RECORDED_MAX + 8 };

struct subject {
    const char *name;
    struct bytes client_data, attestation;
    struct webauthn_expectation expected;
    const struct webauthn_trust *trust;
    struct webauthn_credential is;
};

static struct subject subjects[SUBJECTS_MAX];
static size_t subject_count;
static struct buffer kept[2 * SUBJECTS_MAX];
static size_t kept_count;
static EVP_PKEY *kept_key;

static struct webauthn_rules
rules_of(const struct subject *s, enum attestation_demand demand)
{
    return (struct webauthn_rules){.trust = s->trust, .now = FORGE_NOW, .attestation = demand};
}

static void
add_subject(struct subject s)
{
    struct webauthn_verdict verdict;
    const struct webauthn_rules rules = rules_of(&s, ATTESTATION_REQUIRED);
    enum failure failure =
        webauthn_register(&s.expected, &rules, s.client_data, s.attestation, &s.is, &verdict);
    expect_failure(s.name, &verdict, failure, FAILURE_NONE);
    subjects[subject_count++] = s;
}

static void
add_forged(const char *name, const struct forge *f)
{
    struct buffer *client_data = &kept[kept_count++], *attestation = &kept[kept_count++];
    forge_make(f, client_data, attestation);
    add_subject((struct subject){.name = name,
                                 .client_data = buffer_bytes(client_data),
                                 .attestation = buffer_bytes(attestation),
                                 .expected = forge_expects(),
                                 .trust = forge_pki.trust});
}

static int
setup(void **state)
{
    if (forge_setup(state) != 0 || recorded_setup(state) != 0)
        return -1;
    for (size_t i = 0; i < recorded_count; i++)
        if (strncmp(recorded[i].name, "Apple", 5) != 0)
            add_subject((struct subject){.name = recorded[i].name,
                                         .client_data = buffer_bytes(&recorded[i].client_data),
                                         .attestation = buffer_bytes(&recorded[i].attestation),
                                         .expected = recorded_expects(&recorded[i], false),
                                         .trust = recorded_trust});
    struct forge f = forge_honest();
    add_forged("packed", &f);
    f.x5c[f.x5c_count++] = forge_pki.middle;
    add_forged("packed with its chain", &f);
    f.x5c_count = 1;
    f.flags = 0xc5;
    f.extensions = BYTES("\xa2\x6b"
                         "credProtect\x02\x6b"
                         "hmac-secret\xf5");
    add_forged("packed with extensions", &f);
    f = forge_honest();
    f.key = kept_key = forge_key(EDDSA);
    f.algorithm = EDDSA;
    add_forged("packed, EdDSA", &f);
    f = forge_honest_u2f();
    add_forged("u2f", &f);
    return 0;
}

static int
teardown(void **state)
{
    for (size_t i = 0; i < kept_count; i++)
        buffer_free(&kept[i]);
    EVP_PKEY_free(kept_key);
    recorded_teardown(state);
    return forge_teardown(state);
}

/* ---- changing something ---- */

static uint8_t
any_byte(uint64_t *seed)
{
    static const uint8_t edges[] = {0x00, 0x01, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1f, 0x40,
                                    0x58, 0x60, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xf5,
                                    0xf6, 0xf7, 0xff, '"',  '{',  '}',  ',',  '\\', ' '};
    uint64_t r = random_next(seed);
    return r % 2 == 0 ? edges[(r >> 8) % sizeof(edges)] : (uint8_t)(r >> 8);
}

static void
mutate(struct bytes text, uint64_t *seed, struct buffer *out)
{
    size_t at = random_next(seed) % text.n;
    size_t length = 1 + random_next(seed) % (random_next(seed) % 4 == 0 ? 64 : 2);
    size_t from = random_next(seed) % text.n;
    struct bytes head = bytes_slice(text, 0, at), rest = bytes_from(text, at);
    uint8_t byte = any_byte(seed);
    buffer_clear(out);
    buffer_put(out, head);
    switch (random_next(seed) % 8) {
    case 0: // cut out
        buffer_put(out, bytes_from(rest, length));
        break;
    case 1: // put in
        buffer_put_byte(out, byte);
        buffer_put(out, rest);
        break;
    case 2: // twice
        buffer_put(out, bytes_slice(rest, 0, length));
        buffer_put(out, rest);
        break;
    case 3: // another place over this one
        buffer_put(out, bytes_slice(text, from, length));
        buffer_put(out, bytes_from(rest, length));
        break;
    case 4: // cut off
        break;
    case 5: // something behind
        buffer_put(out, rest);
        buffer_put_byte(out, byte);
        break;
    case 6: // one byte
        buffer_put_byte(out, byte);
        buffer_put(out, bytes_from(rest, 1));
        break;
    default: // one bit
        buffer_put_byte(out, (uint8_t)(rest.p[0] ^ 1u << byte % 8));
        buffer_put(out, bytes_from(rest, 1));
    }
}

// Without a root to lead to, the certificates may say anything that the leaf's key does not
// contradict: then nothing is attested.
static bool
is_the_same(const struct webauthn_credential *made, const struct webauthn_credential *is,
            enum attestation_demand demand)
{
    bool attested = is->attested, yubikey = is->yubikey;
    uint32_t firmware = is->firmware;
    if (demand == ATTESTATION_OPTIONAL && !made->attested)
        attested = yubikey = false, firmware = 0;
    return bytes_equal(bytes_of(made->id, made->id_n), bytes_of(is->id, is->id_n)) &&
           bytes_equal(bytes_of(made->public_key, made->public_key_n),
                       bytes_of(is->public_key, is->public_key_n)) &&
           memcmp(made->aaguid, is->aaguid, sizeof(made->aaguid)) == 0 &&
           made->algorithm == is->algorithm && made->counter == is->counter &&
           made->u2f == is->u2f && made->verified == is->verified && made->attested == attested &&
           made->yubikey == yubikey && made->firmware == firmware &&
           strcmp(made->format, is->format) == 0;
}

static size_t
run(const struct subject *s, enum attestation_demand demand, size_t count, uint64_t *seed)
{
    const struct webauthn_rules rules = rules_of(s, demand);
    struct buffer changed;
    size_t taken = 0;
    buffer_init(&changed, 8192);
    for (size_t i = 0; i < count; i++) {
        struct webauthn_credential made;
        struct webauthn_verdict verdict;
        bool in_client_data = random_next(seed) % 8 == 0;
        memset(&made, 0, sizeof(made));
        mutate(in_client_data ? s->client_data : s->attestation, seed, &changed);
        if (webauthn_register(&s->expected, &rules,
                              in_client_data ? buffer_bytes(&changed) : s->client_data,
                              in_client_data ? s->attestation : buffer_bytes(&changed), &made,
                              &verdict) != FAILURE_NONE)
            continue;
        taken++;
        if (!is_the_same(&made, &s->is, demand)) {
            verdict_show(&verdict);
            FAIL_WITH("%s: change %zu was taken for something else", s->name, i);
        }
    }
    buffer_free(&changed);
    return taken;
}

// threat 15
static void
test_mutations(void **state)
{
    (void)state;
    uint64_t seed = random_seed();
    size_t taken = 0, each = MUTATIONS / subject_count / 2 + 1;
    for (size_t i = 0; i < subject_count; i++)
        for (int demand = ATTESTATION_REQUIRED; demand <= ATTESTATION_OPTIONAL; demand++)
            taken += run(&subjects[i], demand, each, &seed);
    print_message("%zu changes of %zu registrations, %zu taken for what they were\n",
                  each * 2 * subject_count, subject_count, taken);
    // Most changes break something: if not, nothing was looked at.
    assert_true(taken < each * 2 * subject_count / 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mutations)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
