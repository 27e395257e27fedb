/* SPDX-License-Identifier: Apache-2.0
 *
 * Secrets that were rotated away and are not gone yet.
 */
#include "grace.h"

#include "../log.h"
#include "access.h"
#include "authority.h"

static struct seal_place
place_of(int64_t id)
{
    return (struct seal_place){.table = "credential_previous", .id = id, .column = "sealed"};
}

struct load {
    struct credentials *credentials;
    const struct seal *seal;
};

static enum kh_err
load_row(void *context, const struct store_previous *row, struct fault *fault)
{
    struct load *load = context;

    for (size_t i = 0; i < load->credentials->count; i++) {
        struct credential *credential = load->credentials->item[i];
        if (credential->row.id != row->credential_id)
            continue;
        credential->previous_until = row->expires_at;
        return seal_open(load->seal, place_of(row->credential_id), row->sealed,
                         &credential->previous, fault);
    }
    return KH_OK;
}

enum kh_err
grace_load(struct credentials *credentials, struct store *store, const struct seal *seal,
           struct fault *fault)
{
    struct load load = {.credentials = credentials, .seal = seal};

    return store_previous_each(store, load_row, &load, fault);
}

enum kh_err
grace_write(struct store *store, const struct seal *seal, const struct credential *credential,
            int64_t until, struct secret **out, struct fault *fault)
{
    int64_t id = credential->row.id;
    struct bytes text = secret_bytes(credential->secret);
    struct secret *kept = NULL;
    BUFFER_AUTO sealed;

    buffer_init(&sealed, CREDENTIAL_SECRET_MAX + SEAL_OVERHEAD);
    *out = NULL;
    if (until == 0)
        return store_previous_remove(store, id, fault);
    enum kh_err err = secret_new(text, &kept, fault);
    if (!err)
        err = seal_close(seal, place_of(id), text, &sealed, fault);
    if (!err)
        err = store_previous_put(store,
                                 &(struct store_previous){.credential_id = id,
                                                          .sealed = buffer_bytes(&sealed),
                                                          .expires_at = until},
                                 fault);
    if (err) {
        secret_free(&kept);
        return err;
    }
    *out = kept;
    return KH_OK;
}

void
grace_take(struct credential *credential, struct secret *previous, int64_t until)
{
    secret_free(&credential->previous);
    credential->previous = previous;
    credential->previous_until = until;
}

void
grace_keep_access(struct credential *credential, int64_t until)
{
    access_keep_earlier(credential->access, until);
}

struct bytes
grace_secret(const struct credential *credential, int64_t now)
{
    bool lasts = credential->previous && now < credential->previous_until;

    return lasts ? secret_bytes(credential->previous) : BYTES_EMPTY;
}

static enum kh_err
remove_row(struct authority *authority, const struct credential *credential, struct fault *fault)
{
    struct audit_record record = {.kind = AUDIT_ADMIN,
                                  .command = BYTES("credential.grace-end"),
                                  .credential = credential->row.name,
                                  .subject = credential->row.name};
    enum kh_err err = change_begin(authority, fault);

    if (err)
        return err;
    err = store_previous_remove(authority->store, credential->row.id, fault);
    if (err)
        change_abort(authority);
    else
        err = change_commit(authority, &record, fault);
    return err ? err : store_erase_removed(authority->store, fault);
}

void
grace_expire(struct authority *authority, int64_t now)
{
    for (size_t i = 0; i < authority->credentials.count; i++) {
        struct credential *credential = authority->credentials.item[i];
        struct fault fault = {0};
        access_expire_earlier(credential->access, now);
        if (credential->previous_until == 0 || now < credential->previous_until)
            continue;
        bool first = credential->previous != NULL;
        secret_free(&credential->previous);
        if (remove_row(authority, credential, &fault) == KH_OK)
            credential->previous_until = 0;
        else if (first)
            log_error("grace", "credential %.*s: the secret before is not erased yet: %s",
                      BYTES_ARG(credential->row.name), fault.detail);
    }
}
