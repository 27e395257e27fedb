/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of revocations: one hash table with keys of 16 bytes. Token and lineage ids are keys as
 * they are; names are hashed to the same size with a key of this process.
 */
#include "revoke.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 64 };

struct revocation_slot {
    uint8_t key[REVOKE_KEY_SIZE];
    uint8_t token_id[TOKEN_ID_SIZE];
    int64_t at, expires_at;
    uint8_t kind; // 0: free
    bool has_token_id;
};

static const char *const kind_name[] = {
    [REVOCATION_UNSET] = "",
    [REVOCATION_TOKEN] = "token",
    [REVOCATION_LINEAGE] = "lineage",
    [REVOCATION_USER] = "user",
    [REVOCATION_CREDENTIAL] = "credential",
    [REVOCATION_MINTED_BEFORE] = "minted-before",
};
enum { KIND_COUNT = sizeof kind_name / sizeof kind_name[0] };

const char *
revocation_kind_name(enum revocation_kind kind)
{
    return (unsigned)kind < KIND_COUNT ? kind_name[kind] : "";
}

// ---- the table ----

static size_t
slot_index(const struct revocations *revocations, enum revocation_kind kind,
           const uint8_t key[REVOKE_KEY_SIZE])
{
    uint8_t text[REVOKE_KEY_SIZE + 1], hash[crypto_shorthash_BYTES];
    uint64_t value;

    memcpy(text, key, REVOKE_KEY_SIZE);
    text[REVOKE_KEY_SIZE] = (uint8_t)kind;
    crypto_shorthash(hash, text, sizeof text, revocations->hash_key);
    memcpy(&value, hash, sizeof value);
    return (size_t)value & (revocations->capacity - 1);
}

// The slot that holds the key, or the free one where it belongs.
static struct revocation_slot *
slot_find(const struct revocations *revocations, enum revocation_kind kind,
          const uint8_t key[REVOKE_KEY_SIZE])
{
    size_t i = slot_index(revocations, kind, key);

    for (;;) {
        struct revocation_slot *slot = &revocations->slot[i];
        if (slot->kind == 0 || (slot->kind == kind && !memcmp(slot->key, key, REVOKE_KEY_SIZE)))
            return slot;
        i = (i + 1) & (revocations->capacity - 1);
    }
}

static enum kh_err
resize(struct revocations *revocations, size_t capacity, int64_t keep_from, struct fault *fault)
{
    struct revocations next = *revocations;

    next.slot = calloc(capacity, sizeof *next.slot);
    if (next.slot == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    next.capacity = capacity;
    next.count = next.names = next.ids = 0;
    for (size_t i = 0; i < revocations->capacity; i++) {
        const struct revocation_slot *old = &revocations->slot[i];
        if (old->kind == 0 || old->expires_at < keep_from)
            continue;
        *slot_find(&next, old->kind, old->key) = *old;
        next.count++;
        next.ids += old->kind <= REVOCATION_LINEAGE;
        next.names += old->kind > REVOCATION_LINEAGE;
    }
    free(revocations->slot);
    *revocations = next;
    return KH_OK;
}

static enum kh_err
make_room(struct revocations *revocations, struct fault *fault)
{
    if (2 * (revocations->count + 1) <= revocations->capacity)
        return KH_OK;
    return resize(revocations, 2 * revocations->capacity, INT64_MIN, fault);
}

static void
name_key(const struct revocations *revocations, struct bytes name, uint8_t out[REVOKE_KEY_SIZE])
{
    (void)crypto_generichash(out, REVOKE_KEY_SIZE, name.p, name.n, revocations->hash_key,
                             sizeof revocations->hash_key);
}

static bool
subject_key(const struct revocations *revocations, enum revocation_kind kind, struct bytes subject,
            uint8_t out[REVOKE_KEY_SIZE])
{
    if (kind == REVOCATION_TOKEN || kind == REVOCATION_LINEAGE)
        return bytes_from_hex(subject, out, REVOKE_KEY_SIZE);
    name_key(revocations, subject, out);
    return subject.n > 0;
}

static bool
has(const struct revocations *revocations, enum revocation_kind kind,
    const uint8_t key[REVOKE_KEY_SIZE])
{
    return revocations->ids > 0 && slot_find(revocations, kind, key)->kind != 0;
}

// The latest time of a revocation of that name; INT64_MIN when there is none.
static int64_t
name_at(const struct revocations *revocations, enum revocation_kind kind, struct bytes name)
{
    uint8_t key[REVOKE_KEY_SIZE];

    if (revocations->names == 0)
        return INT64_MIN;
    name_key(revocations, name, key);
    const struct revocation_slot *slot = slot_find(revocations, kind, key);
    return slot->kind ? slot->at : INT64_MIN;
}

// ---- loading and changing ----

void
revocations_adopt(struct revocations *revocations, const struct revocation *revocation)
{
    uint8_t key[REVOKE_KEY_SIZE];

    if (revocation->kind == REVOCATION_MINTED_BEFORE) {
        if (revocation->at > revocations->minted_before)
            revocations->minted_before = revocation->at;
        return;
    }
    if (!subject_key(revocations, revocation->kind, bytes_str(revocation->subject), key))
        return; // revocations_write refused it
    struct revocation_slot *slot = slot_find(revocations, revocation->kind, key);
    if (slot->kind == 0) {
        *slot = (struct revocation_slot){.kind = (uint8_t)revocation->kind,
                                         .at = revocation->at,
                                         .expires_at = revocation->expires_at,
                                         .has_token_id = revocation->has_token_id};
        memcpy(slot->key, key, sizeof key);
        memcpy(slot->token_id, revocation->token_id, sizeof slot->token_id);
        revocations->count++;
        revocations->ids += revocation->kind <= REVOCATION_LINEAGE;
        revocations->names += revocation->kind > REVOCATION_LINEAGE;
        return;
    }
    if (revocation->at > slot->at)
        slot->at = revocation->at;
    if (revocation->expires_at > slot->expires_at)
        slot->expires_at = revocation->expires_at;
}

static enum kh_err
load_row(void *context, const struct store_revocation *row, struct fault *fault)
{
    struct revocations *revocations = context;
    struct revocation revocation = {.at = row->at, .expires_at = row->expires_at};
    uint8_t key[REVOKE_KEY_SIZE];

    for (int kind = 1; kind < KIND_COUNT; kind++) {
        if (bytes_is(row->kind, kind_name[kind]))
            revocation.kind = kind;
    }
    bool readable = revocation.kind != REVOCATION_UNSET && row->subject.n <= REVOKE_SUBJECT_MAX &&
                    (revocation.kind == REVOCATION_MINTED_BEFORE ||
                     subject_key(revocations, revocation.kind, row->subject, key));
    if (!readable)
        return fault_set(fault, KH_ERR_DATABASE,
                         "a revocation cannot be read; restore the database from a copy");
    if (row->subject.n > 0)
        memcpy(revocation.subject, row->subject.p, row->subject.n);
    if (row->token_id.n == TOKEN_ID_SIZE) {
        revocation.has_token_id = true;
        memcpy(revocation.token_id, row->token_id.p, TOKEN_ID_SIZE);
    }
    enum kh_err err = make_room(revocations, fault);
    if (!err)
        revocations_adopt(revocations, &revocation);
    return err;
}

enum kh_err
revocations_load(struct revocations *revocations, struct store *store, int64_t now,
                 struct fault *fault)
{
    *revocations = (struct revocations){0};
    if (sodium_init() < 0)
        return fault_set(fault, KH_ERR_CRYPTO, "libsodium does not start");
    randombytes_buf(revocations->hash_key, sizeof revocations->hash_key);
    enum kh_err err = store_revocation_prune(store, now, fault);
    if (!err)
        err = resize(revocations, CAPACITY_MIN, INT64_MIN, fault);
    if (!err)
        err = store_revocation_each(store, load_row, revocations, fault);
    if (err)
        revocations_free(revocations);
    return err;
}

void
revocations_free(struct revocations *revocations)
{
    free(revocations->slot);
    *revocations = (struct revocations){0};
}

static size_t
lineages_of(const struct revocations *revocations, const uint8_t token_id[TOKEN_ID_SIZE])
{
    size_t n = 0;

    for (size_t i = 0; i < revocations->capacity; i++) {
        const struct revocation_slot *slot = &revocations->slot[i];
        n += slot->kind == REVOCATION_LINEAGE && slot->has_token_id &&
             !memcmp(slot->token_id, token_id, TOKEN_ID_SIZE);
    }
    return n;
}

enum kh_err
revocations_write(struct revocations *revocations, struct store *store,
                  struct revocation *revocation, struct fault *fault)
{
    uint8_t key[REVOKE_KEY_SIZE];
    enum kh_err err = make_room(revocations, fault);

    if (err)
        return err;
    if (revocation->kind == REVOCATION_LINEAGE && revocation->has_token_id &&
        lineages_of(revocations, revocation->token_id) >= REVOKE_LINEAGES_MAX) {
        revocation->kind = REVOCATION_TOKEN;
        if (!bytes_to_hex(bytes_of(revocation->token_id, TOKEN_ID_SIZE), revocation->subject,
                          sizeof revocation->subject))
            return fault_set(fault, KH_ERR_INTERNAL, "an id does not fit");
    }
    if (revocation->kind != REVOCATION_MINTED_BEFORE &&
        !subject_key(revocations, revocation->kind, bytes_str(revocation->subject), key))
        return fault_set(fault, KH_ERR_SYNTAX, "an id is %d hexadecimal digits",
                         2 * REVOKE_KEY_SIZE);
    struct store_revocation row = {
        .kind = bytes_str(revocation_kind_name(revocation->kind)),
        .subject = bytes_str(revocation->subject),
        .at = revocation->at,
        .expires_at = revocation->expires_at,
    };
    if (revocation->has_token_id)
        row.token_id = bytes_of(revocation->token_id, TOKEN_ID_SIZE);
    return store_revocation_put(store, &row, fault);
}

bool
revocations_any_until(const struct revocations *revocations, int64_t until)
{
    for (size_t i = 0; i < revocations->capacity; i++) {
        const struct revocation_slot *slot = &revocations->slot[i];
        if (slot->kind != 0 && slot->expires_at < until)
            return true;
    }
    return false;
}

enum kh_err
revocations_prune(struct revocations *revocations, struct store *store, int64_t now,
                  struct fault *fault)
{
    enum kh_err err = store_revocation_prune(store, now, fault);
    return err ? err : resize(revocations, revocations->capacity, now, fault);
}

size_t
revocations_count(const struct revocations *revocations)
{
    return revocations->count + (revocations->minted_before > 0);
}

// ---- the hot path ----

bool
revocations_reach(const struct revocations *revocations, const struct token_identity *identity,
                  const struct token_verified *verified, struct bytes credential)
{
    if (identity->issued_at < revocations->minted_before ||
        has(revocations, REVOCATION_TOKEN, identity->token_id))
        return true;
    if (revocations->ids == 0 && revocations->names == 0)
        return false;
    for (size_t i = 0; i < verified->lineage_count; i++) {
        if (has(revocations, REVOCATION_LINEAGE, verified->lineage[i]))
            return true;
    }
    return identity->issued_at <= name_at(revocations, REVOCATION_USER, identity->principal) ||
           identity->issued_at <= name_at(revocations, REVOCATION_CREDENTIAL, credential);
}

int64_t
revocations_issue_time(const struct revocations *revocations, struct bytes user,
                       const struct bytes *credential, size_t count, int64_t now)
{
    int64_t last = name_at(revocations, REVOCATION_USER, user);

    for (size_t i = 0; i < count; i++) {
        int64_t at = name_at(revocations, REVOCATION_CREDENTIAL, credential[i]);
        last = at > last ? at : last;
    }
    if (revocations->minted_before > now)
        now = revocations->minted_before;
    return last >= now ? last + 1 : now;
}
