/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters are dropped when their tokens have expired. If the clock goes back after that, tokens
 * are valid again whose counters are gone: those are refused.
 */
#include "counter_internal.h"

#include <stdio.h>

#define META_HORIZON  "counter-horizon"
#define META_RESTORED "counters-restored"

enum kh_err
counter_horizon_write(struct store *store, const struct counter_horizon *horizon,
                      struct fault *fault)
{
    char text[96];
    int n = snprintf(text, sizeof text, "%lld %lld %lld", (long long)horizon->dropped_s,
                     (long long)horizon->swept_s, (long long)horizon->back_s);

    return store_meta_put(store, META_HORIZON, bytes_of(text, (size_t)n), fault);
}

enum kh_err
counter_horizon_read(struct store *store, struct counter_horizon *out, struct fault *fault)
{
    BUFFER_AUTO text;
    struct counter_horizon horizon = {0};
    int64_t *const number[] = {&horizon.dropped_s, &horizon.swept_s, &horizon.back_s};
    struct bytes rest, word;

    buffer_init(&text, 256);
    enum kh_err err = store_meta_get(store, META_HORIZON, &text, fault);
    if (err && err != KH_ERR_NOT_FOUND)
        return err;
    rest = buffer_bytes(&text);
    for (size_t i = 0; !err && i < 3; i++) {
        uint64_t value;
        if (!bytes_cut(&rest, ' ', &word) || !bytes_to_u64(word, &value) || value > INT64_MAX / 2)
            return fault_set(fault, KH_ERR_DATABASE,
                             "the counters' horizon is damaged; restore the database from a copy");
        *number[i] = (int64_t)value;
    }
    *out = horizon;
    return KH_OK;
}

// ---- a database from a backup ----

enum kh_err
counters_note_restored(struct store *store, int64_t now_s, struct fault *fault)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%lld", (long long)now_s);
    enum kh_err err = store_counter_exhaust(store, fault);

    return err ? err : store_meta_put(store, META_RESTORED, bytes_of(text, (size_t)n), fault);
}

enum kh_err
counter_restored_read(struct store *store, int64_t *restored_s, struct fault *fault)
{
    BUFFER_AUTO text;
    uint64_t value = 0;

    buffer_init(&text, 64);
    enum kh_err err = store_meta_get(store, META_RESTORED, &text, fault);
    if (err && err != KH_ERR_NOT_FOUND)
        return err;
    if (!err && (!bytes_to_u64(buffer_bytes(&text), &value) || value > INT64_MAX / 2))
        return fault_set(fault, KH_ERR_DATABASE,
                         "the moment of the restore is damaged; restore the database from a copy");
    *restored_s = (int64_t)value;
    return KH_OK;
}

// ---- the clock ----

bool
counter_horizon_look(struct counter_horizon *horizon, int64_t now_s)
{
    if (now_s + COUNTERS_CLOCK_SLACK_S >= horizon->swept_s)
        return false;
    horizon->back_s = now_s;
    horizon->swept_s = now_s;
    return true;
}

bool
counter_horizon_covers(const struct counter_horizon *horizon, int64_t issued_at, int64_t expires_at)
{
    return expires_at <= horizon->dropped_s && issued_at < horizon->back_s;
}

bool
counter_horizon_is_past(int64_t expires_at, int64_t now_s)
{
    return expires_at + COUNTERS_CLOCK_SLACK_S <= now_s;
}

void
counter_horizon_sweep(struct counter_horizon *horizon, int64_t now_s)
{
    horizon->swept_s = now_s;
    if (now_s - COUNTERS_CLOCK_SLACK_S > horizon->dropped_s)
        horizon->dropped_s = now_s - COUNTERS_CLOCK_SLACK_S;
}
