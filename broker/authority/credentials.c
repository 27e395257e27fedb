/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of credentials.
 */
#include "credentials.h"

#include "../../caveats/path.h"
#include "../admin/suggest.h"
#include "../route_text.h"
#include "access.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static struct seal_place
place_of(int64_t id)
{
    return (struct seal_place){.table = "credential", .id = id, .column = "sealed"};
}

// The index where `name` stands or would stand.
static size_t
position(const struct credentials *credentials, struct bytes name, bool *found)
{
    size_t low = 0, high = credentials->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = bytes_compare(credentials->item[middle]->row.name, name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum kh_err
make_room(struct credentials *credentials, struct fault *fault)
{
    if (credentials->count < credentials->capacity)
        return KH_OK;
    size_t capacity = credentials->capacity ? 2 * credentials->capacity : 16;
    struct credential **grown = realloc(credentials->item, capacity * sizeof(*grown));
    if (grown == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    credentials->item = grown;
    credentials->capacity = capacity;
    return KH_OK;
}

void
credentials_free(struct credentials *credentials)
{
    for (size_t i = 0; i < credentials->count; i++)
        credential_free(&credentials->item[i]);
    free(credentials->item);
    *credentials = (struct credentials){0};
}

struct load {
    struct credentials *credentials;
    const struct seal *seal;
};

static enum kh_err
load_row(void *context, const struct store_credential *row, struct fault *fault)
{
    struct load *load = context;
    struct credential *credential = NULL;
    enum kh_err err = credential_build(row, false, &credential, fault);

    if (!err)
        err = seal_open(load->seal, place_of(row->id), row->sealed, &credential->secret, fault);
    if (!err)
        err = credential_check_secret(credential, secret_bytes(credential->secret), fault);
    if (!err)
        err = make_room(load->credentials, fault);
    if (err) {
        credential_free(&credential);
        fault_prefix(fault, "credential %.*s: ", BYTES_ARG(row->name));
        return err;
    }
    credentials_adopt(load->credentials, credential);
    return KH_OK;
}

enum kh_err
credentials_load(struct credentials *credentials, struct store *store, const struct seal *seal,
                 struct fault *fault)
{
    struct load load = {.credentials = credentials, .seal = seal};
    enum kh_err err = store_credential_each(store, load_row, &load, fault);

    if (err)
        credentials_free(credentials);
    return err;
}

// A request asks for the same one half a dozen times.
struct credential *
credentials_find(const struct credentials *credentials, struct bytes name)
{
    static size_t latest;
    bool found;

    if (latest < credentials->count && bytes_equal(credentials->item[latest]->row.name, name))
        return credentials->item[latest];
    size_t i = position(credentials, name, &found);
    if (!found)
        return NULL;
    latest = i;
    return credentials->item[i];
}

enum kh_err
credentials_get(const struct credentials *credentials, struct bytes name, struct credential **out,
                struct fault *fault)
{
    struct suggestion suggestion;

    if ((*out = credentials_find(credentials, name)))
        return KH_OK;
    if (!credential_name_check(name))
        return fault_set(fault, KH_ERR_NOT_FOUND, "there is no credential of that name");
    suggest_begin(&suggestion, name);
    for (size_t i = 0; i < credentials->count; i++)
        suggest_offer(&suggestion, credentials->item[i]->row.name);
    return fault_set(fault, KH_ERR_NOT_FOUND, "there is no credential %.*s%s", BYTES_ARG(name),
                     suggest_text(&suggestion));
}

bool
credentials_cover_host(const struct credentials *credentials, struct bytes host)
{
    for (size_t i = 0; i < credentials->count; i++) {
        const struct route *route = &credentials->item[i]->route;
        for (size_t j = 0; route->enabled && j < route->host_count; j++) {
            if (host_pattern_matches(route->host[j], host))
                return true;
        }
    }
    return false;
}

bool
credentials_name_host(const struct credentials *credentials, struct bytes host)
{
    for (size_t i = 0; i < credentials->count; i++) {
        if (route_lists_host(&credentials->item[i]->route, host))
            return true;
    }
    return false;
}

// ---- changes ----

static enum kh_err
random_id(int64_t *out, struct fault *fault)
{
    uint64_t id;

    if (getrandom(&id, sizeof id, 0) != sizeof id)
        return fault_set(fault, KH_ERR_CRYPTO, "the kernel gives no random numbers");
    *out = (int64_t)(id >> 2) + 1;
    return KH_OK;
}

enum kh_err
credentials_insert(struct credentials *credentials, struct store *store, const struct seal *seal,
                   struct credential *credential, struct bytes secret, struct fault *fault)
{
    BUFFER_AUTO sealed;

    buffer_init(&sealed, CREDENTIAL_SECRET_MAX + SEAL_OVERHEAD);
    if (credentials_find(credentials, credential->row.name))
        return fault_set(fault, KH_ERR_EXISTS,
                         "there is already a credential %.*s; a new secret for it comes with: "
                         "keyholed credential rotate",
                         BYTES_ARG(credential->row.name));
    enum kh_err err = credential_check_secret(credential, secret, fault);
    if (!err)
        err = make_room(credentials, fault);
    if (!err)
        err = random_id(&credential->row.id, fault);
    if (!err)
        err = seal_close(seal, place_of(credential->row.id), secret, &sealed, fault);
    if (!err) {
        struct store_credential row = credential->row;
        row.sealed = buffer_bytes(&sealed);
        err = store_credential_insert(store, &row, fault);
    }
    return err ? err : secret_new(secret, &credential->secret, fault);
}

void
credentials_adopt(struct credentials *credentials, struct credential *credential)
{
    bool found;
    size_t i = position(credentials, credential->row.name, &found);

    memmove(&credentials->item[i + 1], &credentials->item[i],
            (credentials->count - i) * sizeof(struct credential *));
    credentials->item[i] = credential;
    credentials->count++;
}

enum kh_err
credentials_write_secret(struct store *store, const struct seal *seal,
                         const struct credential *credential, struct bytes text, int64_t now,
                         struct secret **out, struct fault *fault)
{
    struct secret *secret = NULL;
    BUFFER_AUTO sealed;

    buffer_init(&sealed, CREDENTIAL_SECRET_MAX + SEAL_OVERHEAD);
    enum kh_err err = credential_check_secret(credential, text, fault);
    if (!err)
        err = secret_new(text, &secret, fault);
    if (!err)
        err = seal_close(seal, place_of(credential->row.id), text, &sealed, fault);
    if (!err)
        err = store_credential_rotate(store, credential->row.id, buffer_bytes(&sealed), now, fault);
    if (err) {
        secret_free(&secret);
        return err;
    }
    *out = secret;
    return KH_OK;
}

void
credentials_take_refreshed(struct credential *credential, struct secret *secret, int64_t now)
{
    secret_free(&credential->secret);
    credential->secret = secret;
    credential->row.rotated_at = now;
}

void
credentials_take_secret(struct credential *credential, struct secret *secret, int64_t now)
{
    credentials_take_refreshed(credential, secret, now);
    access_change_secret(credential->access);
    credential->health = (struct key_health){0};
}

void
credentials_take_enabled(struct credential *credential, bool enabled)
{
    access_drop(credential->access);
    credential->row.enabled = enabled;
    credential->route.enabled = enabled;
}

void
credentials_take_changed(struct credentials *credentials, struct credential *credential,
                         struct credential **fresh)
{
    bool found;
    size_t i = position(credentials, credential->row.name, &found);
    struct credential *next = *fresh;
    struct access *unused = next->access;

    if (!found)
        return;
    next->secret = credential->secret;
    next->previous = credential->previous;
    next->previous_until = credential->previous_until;
    next->access = credential->access;
    next->health = credential->health;
    next->tokens = credential->tokens;
    credential->secret = credential->previous = NULL;
    credential->access = unused;
    access_change_settings(next->access);
    credentials->item[i] = next;
    *fresh = NULL;
    credential_free(&credential);
}

void
credentials_drop(struct credentials *credentials, struct credential *credential)
{
    bool found;
    size_t i = position(credentials, credential->row.name, &found);

    if (!found)
        return;
    credentials->count--;
    memmove(&credentials->item[i], &credentials->item[i + 1],
            (credentials->count - i) * sizeof(struct credential *));
    credential_free(&credential);
}
