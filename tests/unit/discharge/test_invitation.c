/* SPDX-License-Identifier: Apache-2.0 */
/* Codes as people type them. */
#include "../../../broker/discharge/enroll.h"
#include "services.h"

static void
what_cannot_be_a_code(void **state)
{
    static const char *const rows[] = {"",
                                       "K7QF-2M9X-0TR",
                                       "K7QF-2M9X-0TRBB",
                                       "K7QF-2M9X-0TRU",
                                       "K7QF-2M9X-0TR\n",
                                       "K7QF_2M9X_0TRB",
                                       "K7QF-2M9X-0TR\xc3\xa9"};
    uint8_t hash[INVITATION_HASH_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_false(invitation_hash(bytes_str(rows[i]), hash));
    assert_false(invitation_hash(bytes_of("K7QF-2M9X-0T\0B", 14), hash));
}

static void
one_code_has_many_spellings(void **state)
{
    static const char *const rows[] = {"K7QF-2M9X-0TR1", "k7qf2m9x0tr1", "K7QF 2M9X 0TR1",
                                       "k7qf-2m9x-OtrI", "-K7QF--2M9X-oTRl-"};
    uint8_t first[INVITATION_HASH_SIZE], hash[INVITATION_HASH_SIZE];
    (void)state;
    assert_true(invitation_hash(bytes_str(rows[0]), first));
    for (size_t i = 1; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(invitation_hash(bytes_str(rows[i]), hash));
        assert_memory_equal(hash, first, sizeof hash);
    }
    assert_true(invitation_hash(BYTES("K7QF-2M9X-0TR2"), hash));
    assert_memory_not_equal(hash, first, sizeof hash);
}

static void
a_new_code_is_stored_as_a_hash(void **state)
{
    struct services s;
    char code[32], bare[32] = "";
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    BUFFER_AUTO none;
    buffer_init(&none, 64);
    assert_fault(service_invite(s.service, BYTES("alice"), s.now, &none, fault), KH_ERR_NOT_FOUND,
                 "alice");
    assert_int_equal(none.n, 0);
    services_add_user(&s, "alice");
    services_invite(&s, "alice", code);
    assert_int_equal(strlen(code), 14);
    assert_int_equal(strspn(code, "0123456789ABCDEFGHJKMNPQRSTVWXYZ-"), 14);
    for (const char *p = code; *p; p++) {
        if (*p != '-')
            bare[strlen(bare)] = *p;
    }
    assert_int_equal(strlen(bare), SERVICE_CODE_LETTERS);
    assert_nowhere(code);
    assert_nowhere(bare);
    services_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_a_code),
        cmocka_unit_test(one_code_has_many_spellings),
        fixture_test(a_new_code_is_stored_as_a_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
