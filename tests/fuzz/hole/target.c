/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: caveats/hole.c caveats/hole_judge.c caveats/hole_value.c caveats/duration.c
 *
 * The canonical text of a hole is its own canonical text, satisfies itself, and says the same to
 * whoever asks what is demanded; nobody without a user and a factor fills one.
 *
 * Input: the text of a hole.
 */

#include "../../../caveats/hole.h"
#include "../fuzz.h"

static void
judge(struct bytes text)
{
    BUFFER_AUTO failing = {0};
    struct hole_facts facts = {0};

    buffer_init(&failing, HOLE_TEXT_MAX);
    FUZZ_CHECK(!hole_judge(text, &facts, &failing));
    facts = (struct hole_facts){
        .user = BYTES("alice"),
        .factor = HOLE_FACTOR_YUBIKEY,
        .presence = true,
        .verified = true,
        .aaguid = BYTES("cb69481e-8ff7-4039-93ec-0a2729a154a8"),
        .firmware = BYTES("5.7.4"),
    };
    bool holds = hole_judge(text, &facts, NULL);
    FUZZ_CHECK(holds == hole_judge(text, &facts, NULL));
    facts.factor = HOLE_FACTOR_FIDO2;
    if (hole_judge(text, &facts, NULL))
        FUZZ_CHECK(holds);
    facts.factor = HOLE_FACTOR_UNSET;
    FUZZ_CHECK(!hole_judge(text, &facts, NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hole hole, hole_again;
    struct hole_demand demand;
    struct fault fault = {0};
    BUFFER_AUTO text = {0};
    BUFFER_AUTO again = {0};
    BUFFER_AUTO for_user = {0};

    buffer_init(&text, HOLE_TEXT_MAX * 4);
    buffer_init(&again, HOLE_TEXT_MAX * 4);
    buffer_init(&for_user, HOLE_TEXT_MAX * 4);
    judge(bytes_of(data, size));
    if (hole_parse(bytes_of(data, size), &text, &hole, &fault) != KH_OK) {
        FUZZ_CHECK(text.n == 0 && fault.detail[0] != '\0');
        return 0;
    }
    FUZZ_CHECK(hole.lifetime_s > 0);
    FUZZ_CHECK(hole_parse(buffer_bytes(&text), &again, &hole_again, &fault) == KH_OK);
    FUZZ_SAME(buffer_bytes(&text), buffer_bytes(&again));
    FUZZ_CHECK(hole.lifetime_s == hole_again.lifetime_s &&
               hole.names_user == hole_again.names_user);
    FUZZ_CHECK(hole_satisfies(buffer_bytes(&text), buffer_bytes(&text), BYTES("alice")));
    hole_print_for_user(buffer_bytes(&text), hole.names_user, BYTES("alice"), &for_user);
    FUZZ_CHECK(hole_satisfies(buffer_bytes(&for_user), buffer_bytes(&text), BYTES("alice")));
    judge(buffer_bytes(&text));
    if (hole_demand_read(buffer_bytes(&text), &demand, &fault) == KH_OK) {
        FUZZ_CHECK(demand.lifetime_s == hole.lifetime_s);
        hole_demand_free(&demand);
    }
    return 0;
}
