/* SPDX-License-Identifier: Apache-2.0
 *
 * Both secrets change in one transaction, or neither does.
 */
#include "rotation.h"

#include "../log.h"
#include "grace.h"

enum kh_err
rotation_apply(struct authority *authority, struct credential *credential, struct bytes text,
               int64_t until, const struct audit_record *record, struct fault *fault)
{
    struct secret *secret = NULL, *previous = NULL;
    struct fault erased = {0};
    int64_t now = clock_now_s(&authority->clock);
    enum kh_err err = change_begin(authority, fault);

    if (err)
        return err;
    err = grace_write(authority->store, authority->seal, credential, until, &previous, fault);
    if (!err)
        err = credentials_write_secret(authority->store, authority->seal, credential, text, now,
                                       &secret, fault);
    if (err)
        change_abort(authority);
    else
        err = change_commit(authority, record, fault);
    if (err) {
        secret_free(&secret);
        secret_free(&previous);
        return err;
    }
    grace_keep_access(credential, until);
    credentials_take_secret(credential, secret, now);
    grace_take(credential, previous, until);
    if (store_erase_removed(authority->store, &erased))
        log_warning("erase", "%s", erased.detail);
    publish_routes_to_all(authority);
    publish_rejudge(authority);
    return KH_OK;
}
