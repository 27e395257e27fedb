/* SPDX-License-Identifier: Apache-2.0
 *
 * When an access token serves, when it is renewed, and how a broken endpoint is left in peace.
 */
#include "access.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BACKOFF_MAX_S = 30,
    DROP_BACKOFF_MAX_MS = 60000,
    LIFETIME_MAX_S = 366 * 24 * 3600,
    TOKEN_MAX = 8192, // a header line has at most 16 KiB
    REFRESH_BEFORE_S = 60,
    MARGIN_S = 5, // of what the answer took to arrive, and the request will
};

struct access *
access_new(void)
{
    return calloc(1, sizeof(struct access));
}

void
access_free(struct access **access)
{
    if (*access == NULL)
        return;
    secret_free(&(*access)->token);
    secret_free(&(*access)->unsaved);
    access_keep_earlier(*access, 0);
    free(*access);
    *access = NULL;
}

enum access_state
access_look(const struct access *access, int64_t now)
{
    if (access->token && now < access->expires_at)
        return ACCESS_READY;
    return access->failure != KH_REASON_UNSET && now < access->retry_at ? ACCESS_FAILED
                                                                        : ACCESS_NONE;
}

bool
access_is_due(const struct access *access, int64_t now)
{
    bool resting = access->failure != KH_REASON_UNSET && now < access->retry_at;
    return access_look(access, now) == ACCESS_READY && now >= access->refresh_at && !resting;
}

static bool
fits_header(struct bytes token)
{
    for (size_t i = 0; i < token.n; i++) {
        if (token.p[i] <= 0x20 || token.p[i] > 0x7e)
            return false;
    }
    return token.n > 0 && token.n <= TOKEN_MAX;
}

static int64_t
refresh_after(int64_t lifetime_s)
{
    int64_t most = lifetime_s - lifetime_s / 5;
    bool long_lived = lifetime_s >= 2 * REFRESH_BEFORE_S;
    return long_lived && most > lifetime_s - REFRESH_BEFORE_S ? lifetime_s - REFRESH_BEFORE_S
                                                              : most;
}

enum kh_err
access_take(struct access *access, struct bytes token, int64_t lifetime_s, int64_t now,
            int64_t steady_ms, struct fault *fault)
{
    struct secret *fresh = NULL;

    if (!fits_header(token) || lifetime_s < 1)
        return fault_set(fault, KH_ERR_RANGE, "there is no access token in it that can be used");
    enum kh_err err = secret_new(token, &fresh, fault);
    if (err)
        return err;
    if (lifetime_s > LIFETIME_MAX_S)
        lifetime_s = LIFETIME_MAX_S;
    secret_free(&access->token);
    access->token = fresh;
    access->expires_at = now + lifetime_s - (lifetime_s >= 10 * MARGIN_S ? MARGIN_S : 0);
    access->refresh_at = now + refresh_after(lifetime_s);
    access->obtained_ms = steady_ms;
    access->failure = KH_REASON_UNSET;
    access->failures = 0;
    return KH_OK;
}

void
access_fail(struct access *access, enum kh_reason reason, const char *detail, int64_t now)
{
    int64_t wait = access->failures < 5 ? INT64_C(1) << access->failures : BACKOFF_MAX_S;

    access->failure = reason;
    snprintf(access->detail, sizeof access->detail, "%s", detail);
    access->failures++;
    access->retry_at = now + wait;
}

void
access_drop(struct access *access)
{
    secret_free(&access->token);
    access->failure = KH_REASON_UNSET;
    access->failures = access->drops = 0;
    access->drop_at_ms = 0;
}

void
access_change_secret(struct access *access)
{
    access_drop(access);
    secret_free(&access->unsaved);
    access->secret_version++;
}

void
access_change_settings(struct access *access)
{
    access_drop(access);
    access->settings++;
}

void
access_keep_earlier(struct access *access, int64_t until)
{
    if (until == 0) {
        access_expire_earlier(access, INT64_MAX);
        return;
    }
    if (access->token == NULL)
        return;
    unsigned place = access->earlier_next++ % ACCESS_EARLIER_MAX;
    int64_t worthless_at = access->expires_at + REFRESH_BEFORE_S;
    secret_free(&access->earlier[place].token);
    access->earlier[place].token = access->token;
    access->earlier[place].until = until < worthless_at ? until : worthless_at;
    access->token = NULL;
}

struct bytes
access_earlier(const struct access *access, unsigned number, int64_t now)
{
    bool lasts = number < ACCESS_EARLIER_MAX && access->earlier[number].token &&
                 now < access->earlier[number].until;
    return lasts ? secret_bytes(access->earlier[number].token) : BYTES_EMPTY;
}

void
access_expire_earlier(struct access *access, int64_t now)
{
    for (unsigned i = 0; i < ACCESS_EARLIER_MAX; i++) {
        if (now >= access->earlier[i].until)
            secret_free(&access->earlier[i].token);
    }
}

bool
access_refused(struct access *access, int64_t began_ms, int64_t steady_ms)
{
    // One that was got since then may be good: it was not on that request.
    if (access->token == NULL || access->obtained_ms > began_ms || steady_ms < access->drop_at_ms)
        return false;
    secret_free(&access->token);
    int64_t wait = access->drops < 6 ? INT64_C(1000) << access->drops : DROP_BACKOFF_MAX_MS;
    access->drop_at_ms = steady_ms + wait;
    access->drops++;
    return true;
}

void
access_accepted(struct access *access)
{
    access->drops = 0;
    access->drop_at_ms = 0;
}
