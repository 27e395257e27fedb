/* SPDX-License-Identifier: Apache-2.0
 *
 * A discharger's store in a directory of its own, and rows for it.
 */
#ifndef KEYHOLE_TEST_DISCHARGE_STORES_H
#define KEYHOLE_TEST_DISCHARGE_STORES_H

#include "../files.h"

#include "../../../broker/discharge/store.h"

#define STORES_NOW INT64_C(1793000000)

static inline struct discharge_store *
stores_open(void)
{
    struct discharge_store *store = NULL;
    assert_ok(discharge_store_open(fixture_path("discharger.db"), &store, fault));
    return store;
}

/* A hash of 32 equal bytes: enough to tell one from another. */
static inline const uint8_t *
stores_hash(uint8_t byte)
{
    static uint8_t hash[4][32];
    static unsigned next;
    uint8_t *p = hash[next++ % 4];
    memset(p, byte, 32);
    return p;
}

static inline void
stores_invite(struct discharge_store *store, const char *user, uint8_t hash)
{
    assert_ok(discharge_invitation_add(store, bytes_str(user), stores_hash(hash), STORES_NOW + 600,
                                       fault));
}

static inline struct discharge_authenticator
stores_row(const char *user, const char *name, const char *credential)
{
    return (struct discharge_authenticator){
        .kind = AUTHENTICATOR_FIDO2,
        .user = bytes_str(user),
        .name = bytes_str(name),
        .credential_id = bytes_str(credential),
        .public_key = BYTES("a public key"),
        .algorithm = -7,
    };
}

/* With an invitation made for it. */
static inline enum kh_err
stores_enroll(struct discharge_store *store, const struct discharge_authenticator *row,
              bool *name_taken, struct fault *fault)
{
    *name_taken = false;
    enum kh_err err = discharge_invitation_add(store, row->user, stores_hash(row->user.p[0]),
                                               STORES_NOW + 600, fault);
    return err ? err
               : discharge_authenticator_enroll(store, row, stores_hash(row->user.p[0]), STORES_NOW,
                                                name_taken, fault);
}

struct stores_seen {
    size_t count;
    struct discharge_authenticator row; /* the last one, without its slices */
    char names[512];                    /* "alice/key alice/spare" */
};

static inline enum kh_err
stores_see(void *context, const struct discharge_authenticator *row, struct fault *fault)
{
    struct stores_seen *seen = context;
    size_t n = strlen(seen->names);
    (void)fault;
    seen->row = *row;
    seen->count++;
    snprintf(seen->names + n, sizeof seen->names - n, "%s%.*s/%.*s", n ? " " : "",
             BYTES_ARG(row->user), BYTES_ARG(row->name));
    return KH_OK;
}

static inline struct discharge_authenticator
stores_find(struct discharge_store *store, const char *credential)
{
    struct stores_seen seen = {0};
    assert_ok(discharge_authenticator_find(store, bytes_str(credential), stores_see, &seen, fault));
    assert_int_equal(seen.count, 1);
    return seen.row;
}

#endif
