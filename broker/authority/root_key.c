/* SPDX-License-Identifier: Apache-2.0
 *
 * Root keys: made, loaded, found, retired.
 */
#include "root_key.h"

#include <stdlib.h>

static struct seal_place
place_of(uint32_t id)
{
    return (struct seal_place){.table = "root_key", .id = id, .column = "sealed"};
}

void
root_keys_free(struct root_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        secret_free(&keys->key[i].secret);
    free(keys->key);
    *keys = (struct root_keys){0};
}

static enum kh_err
make_room(struct root_keys *keys, struct fault *fault)
{
    if (keys->count < keys->capacity)
        return KH_OK;
    size_t capacity = keys->capacity ? 2 * keys->capacity : 8;
    struct root_key *grown = realloc(keys->key, capacity * sizeof *grown);
    if (grown == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    keys->key = grown;
    keys->capacity = capacity;
    return KH_OK;
}

struct load {
    struct root_keys *keys;
    const struct seal *seal;
};

static enum kh_err
load_row(void *context, const struct store_root_key *row, struct fault *fault)
{
    struct load *load = context;
    struct root_key key = {
        .id = row->id, .created_at = row->created_at, .retired_at = row->retired_at};
    enum kh_err err = make_room(load->keys, fault);

    if (!err && row->retired_at == 0)
        err = seal_open(load->seal, place_of(row->id), row->sealed, &key.secret, fault);
    if (!err && key.secret && secret_bytes(key.secret).n != TOKEN_KEY_SIZE) {
        secret_free(&key.secret);
        err = fault_set(fault, KH_ERR_DATABASE, "root key %u has the wrong size", row->id);
    }
    if (!err)
        load->keys->key[load->keys->count++] = key;
    return err;
}

enum kh_err
root_keys_load(struct root_keys *keys, struct store *store, const struct seal *seal,
               struct fault *fault)
{
    struct load load = {.keys = keys, .seal = seal};
    enum kh_err err = store_root_key_each(store, load_row, &load, fault);

    if (err)
        root_keys_free(keys);
    return err;
}

const struct secret *
root_keys_find(const struct root_keys *keys, uint32_t id)
{
    // The newest first: nearly all tokens name it.
    for (size_t i = keys->count; i > 0; i--) {
        const struct root_key *key = &keys->key[i - 1];
        if (key->id == id)
            return key->retired_at == 0 ? key->secret : NULL;
    }
    return NULL;
}

const struct root_key *
root_keys_active(const struct root_keys *keys)
{
    for (size_t i = keys->count; i > 0; i--) {
        const struct root_key *key = &keys->key[i - 1];
        if (key->retired_at == 0 && key->secret)
            return key;
    }
    return NULL;
}

enum kh_err
root_keys_insert(struct root_keys *keys, struct store *store, const struct seal *seal, int64_t now,
                 struct root_key *out, struct fault *fault)
{
    struct root_key key = {.id = 1, .created_at = now};
    BUFFER_AUTO sealed;

    buffer_init(&sealed, 256);
    if (keys->count > 0) {
        uint32_t last = keys->key[keys->count - 1].id;
        if (last == UINT32_MAX)
            return fault_set(fault, KH_ERR_RANGE, "there are no more ids for root keys");
        key.id = last + 1;
    }
    enum kh_err err = make_room(keys, fault);
    if (!err)
        err = secret_new_random(TOKEN_KEY_SIZE, &key.secret, fault);
    if (!err)
        err = seal_close(seal, place_of(key.id), secret_bytes(key.secret), &sealed, fault);
    if (!err) {
        struct store_root_key row = {
            .id = key.id, .sealed = buffer_bytes(&sealed), .created_at = now};
        err = store_root_key_insert(store, &row, fault);
    }
    if (err) {
        secret_free(&key.secret);
        return err;
    }
    *out = key;
    return KH_OK;
}

void
root_keys_adopt(struct root_keys *keys, struct root_key *key)
{
    keys->key[keys->count++] = *key; // root_keys_insert made room
    key->secret = NULL;
}

enum kh_err
root_keys_retire(const struct root_keys *keys, struct store *store, uint32_t id, int64_t now,
                 struct fault *fault)
{
    const struct root_key *active = root_keys_active(keys);

    if (root_keys_find(keys, id) == NULL)
        return fault_set(fault, KH_ERR_NOT_FOUND, "there is no key %u that is in use", id);
    if (active && active->id == id)
        return fault_set(fault, KH_ERR_DENIED,
                         "key %u is the one that mints; make a new one first: keyholed key rotate",
                         id);
    return store_root_key_retire(store, id, now, fault);
}

void
root_keys_forget(struct root_keys *keys, uint32_t id, int64_t now)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->key[i].id != id)
            continue;
        secret_free(&keys->key[i].secret);
        keys->key[i].retired_at = now;
    }
}
