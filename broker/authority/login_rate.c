/* SPDX-License-Identifier: Apache-2.0
 *
 * Logins per minute: each one is paid for by time, and a minute may be owed.
 */
#include "login_rate.h"

#include "../../caveats/address.h"

#include <string.h>

#define MINUTE_US INT64_C(60000000)

enum { V6_NETWORK = 8, V4_MAPPED = 12 }; // bytes

static void
client_key(struct bytes client, uint8_t out[LOGIN_RATE_CLIENT_SIZE])
{
    static const uint8_t mapped[V4_MAPPED] = {[10] = 0xff, [11] = 0xff};

    memset(out, 0, LOGIN_RATE_CLIENT_SIZE);
    if (!address_read(client, out)) // "unix"
        memcpy(out, client.p,
               client.n < LOGIN_RATE_CLIENT_SIZE ? client.n : LOGIN_RATE_CLIENT_SIZE);
    else if (memcmp(out, mapped, V4_MAPPED) != 0)
        memset(out + V6_NETWORK, 0, LOGIN_RATE_CLIENT_SIZE - V6_NETWORK);
}

// Its own slot, or else that of whoever has paid longest ago: a flood of addresses costs those who
// owe least, and the total bounds it.
static struct login_rate_client *
find_slot(struct login_rate *rate, const uint8_t key[LOGIN_RATE_CLIENT_SIZE])
{
    struct login_rate_client *oldest = &rate->client[0];

    for (size_t i = 0; i < LOGIN_RATE_CLIENTS_MAX; i++) {
        struct login_rate_client *client = &rate->client[i];
        if (client->paid_us != 0 && memcmp(client->address, key, LOGIN_RATE_CLIENT_SIZE) == 0)
            return client;
        if (client->paid_us < oldest->paid_us)
            oldest = client;
    }
    memcpy(oldest->address, key, LOGIN_RATE_CLIENT_SIZE);
    oldest->paid_us = 0;
    return oldest;
}

// How long until one more may be owed; 0: now.
static int64_t
wait_us(int64_t paid_us, int64_t per_minute, int64_t now_us)
{
    int64_t owed = paid_us - now_us, room = MINUTE_US - MINUTE_US / per_minute;

    return owed > room ? owed - room : 0;
}

static int64_t
pay(int64_t paid_us, int64_t per_minute, int64_t now_us)
{
    return (paid_us > now_us ? paid_us : now_us) + MINUTE_US / per_minute;
}

bool
login_rate_take(struct login_rate *rate, struct bytes client, int64_t per_client, int64_t total,
                int64_t now_ms, uint32_t *retry_after_s)
{
    uint8_t key[LOGIN_RATE_CLIENT_SIZE];
    int64_t now_us = now_ms * 1000;

    client_key(client, key);
    struct login_rate_client *slot = find_slot(rate, key);
    int64_t wait = wait_us(slot->paid_us, per_client, now_us);
    int64_t wait_total = wait_us(rate->total_us, total, now_us);
    if (wait_total > wait)
        wait = wait_total;
    if (wait > 0) {
        *retry_after_s = (uint32_t)((wait + 999999) / 1000000);
        return false;
    }
    slot->paid_us = pay(slot->paid_us, per_client, now_us);
    rate->total_us = pay(rate->total_us, total, now_us);
    return true;
}
