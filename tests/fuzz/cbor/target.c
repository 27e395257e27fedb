/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/webauthn/cbor.c broker/webauthn/authenticator_data.c
 * broker/webauthn/attestation_object.c broker/webauthn/cose_key.c
 *
 * An item that is read has its own bytes and can be walked to its last leaf; libfido2's and our
 * readers never disagree about where it ends; whatever is inside authenticator data lies in it.
 *
 * Input: CBOR, authenticator data, a COSE key or an attestation object: tried as each.
 */

#include "../../../broker/webauthn/attestation_object.h"
#include "../../../broker/webauthn/authenticator_data.h"
#include "../../../broker/webauthn/cbor.h"
#include "../../../broker/webauthn/cose_key.h"
#include "../fuzz.h"

static bool
lies_in(struct bytes part, struct bytes whole)
{
    return part.n == 0 || (part.p >= whole.p && part.n <= whole.n &&
                           (size_t)(part.p - whole.p) <= whole.n - part.n);
}

static void
walk(const struct cbor_item *item, unsigned depth)
{
    struct cbor_item child, again;
    FUZZ_CHECK(depth <= CBOR_DEPTH_MAX + 1);
    FUZZ_CHECK(lies_in(item->data, item->whole));
    FUZZ_CHECK(cbor_read_all(item->whole, &again) && again.type == item->type);
    if (item->type != CBOR_ARRAY && item->type != CBOR_MAP)
        return;
    FUZZ_CHECK(item->value <= CBOR_ITEMS_MAX);
    struct bytes rest = item->data;
    uint64_t count = 0;
    while (cbor_next(&rest, &child)) {
        FUZZ_CHECK(lies_in(child.whole, item->data));
        walk(&child, depth + 1);
        count++;
    }
    FUZZ_CHECK(rest.n == 0);
    FUZZ_CHECK(count == item->value * (item->type == CBOR_MAP ? 2 : 1));
}

static void
try_item(struct bytes in)
{
    struct cbor_item item, all;
    struct bytes rest;
    int64_t number;
    bool whole = cbor_read_all(in, &all);
    if (!cbor_read(in, &item, &rest)) {
        FUZZ_CHECK(!whole);
        return;
    }
    FUZZ_CHECK(item.whole.n + rest.n == in.n && item.whole.n > 0);
    FUZZ_CHECK(whole == (rest.n == 0));
    walk(&item, 0);
    (void)!cbor_map_is_sorted(&item);
    if (cbor_number(&item, &number))
        FUZZ_CHECK((number < 0) == (item.type == CBOR_NEGATIVE));
}

static void
try_data(struct bytes in, bool registration)
{
    struct authenticator_data data;
    char why[WHY_MAX] = "";
    if (!authenticator_data_read(in, registration, &data, why)) {
        FUZZ_CHECK(why[0] != '\0');
        return;
    }
    FUZZ_CHECK(data.rp_id_hash.n == 32);
    FUZZ_CHECK(((data.flags & FLAG_CREDENTIAL) != 0) == registration);
    FUZZ_CHECK(lies_in(data.rp_id_hash, in) && lies_in(data.credential_id, in) &&
               lies_in(data.public_key, in));
    if (registration)
        FUZZ_CHECK(data.aaguid.n == 16 && data.credential_id.n > 0 && data.public_key.n > 0);
}

static void
try_key(struct bytes in)
{
    struct cose_key key;
    char why[WHY_MAX] = "";
    if (cose_key_read(in, &key, why))
        FUZZ_CHECK(key.raw_n > 0 && key.raw_n <= COSE_KEY_RAW_MAX &&
                   cose_algorithm_name(key.algorithm));
    else
        FUZZ_CHECK(why[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct attestation_object object;
    char why[WHY_MAX] = "";

    try_item(in);
    try_data(in, true);
    try_data(in, false);
    try_key(in);
    if (attestation_object_read(in, &object, why)) {
        FUZZ_CHECK(lies_in(object.data, in) && lies_in(object.statement, in));
        FUZZ_CHECK(object.certificate_count <= ATTESTATION_CERTIFICATES_MAX);
        try_data(object.data, true);
    } else {
        FUZZ_CHECK(why[0] != '\0');
    }
    return 0;
}
