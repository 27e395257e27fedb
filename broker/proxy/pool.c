/* SPDX-License-Identifier: Apache-2.0
 *
 * Places by key in a hash table, idle items by place (the last one first) and by age.
 */
#include "pool.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 256 };

TAILQ_HEAD(item_list, pool_item);

struct pool_place {
    LIST_ENTRY(pool_place) chain;
    TAILQ_ENTRY(pool_place) entry; // of pool->places
    struct item_list idle;         // the first one was used last
    size_t idle_count, users;      // users: every item that is joined
    SSL_SESSION *session;
    size_t key_size;
    uint8_t key[];
};

struct pool {
    void (*discard)(struct pool_item *item);
    LIST_HEAD(place_bucket, pool_place) bucket[BUCKETS];
    TAILQ_HEAD(, pool_place) places; // the oldest first
    size_t place_count;
    struct item_list idle; // the oldest first
    size_t idle_count;
    size_t per_place, total;
    int64_t idle_ms;
};

enum kh_err
pool_new(void (*discard)(struct pool_item *item), struct pool **out)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return KH_ERR_MEMORY;
    pool->discard = discard;
    TAILQ_INIT(&pool->idle);
    TAILQ_INIT(&pool->places);
    *out = pool;
    return KH_OK;
}

static void
place_free(struct pool *pool, struct pool_place *place)
{
    LIST_REMOVE(place, chain);
    TAILQ_REMOVE(&pool->places, place, entry);
    SSL_SESSION_free(place->session);
    free(place);
    pool->place_count--;
}

static void
remove_idle(struct pool *pool, struct pool_item *item)
{
    TAILQ_REMOVE(&pool->idle, item, by_age);
    TAILQ_REMOVE(&item->place->idle, item, by_place);
    item->place->idle_count--;
    pool->idle_count--;
    item->idle = false;
}

static void
discard(struct pool *pool, struct pool_item *item)
{
    remove_idle(pool, item);
    pool->discard(item); // which leaves
}

void
pool_free(struct pool **pool)
{
    struct pool *p = *pool;
    if (!p)
        return;
    while (!TAILQ_EMPTY(&p->idle))
        discard(p, TAILQ_FIRST(&p->idle));
    while (!TAILQ_EMPTY(&p->places))
        place_free(p, TAILQ_FIRST(&p->places));
    free(p);
    *pool = NULL;
}

void
pool_set_limits(struct pool *pool, size_t per_place, size_t total, int64_t idle_ms)
{
    pool->per_place = per_place;
    pool->total = total;
    pool->idle_ms = idle_ms;
    while (pool->idle_count > total)
        discard(pool, TAILQ_FIRST(&pool->idle));
}

static void
put_part(struct buffer *out, struct bytes part)
{
    uint8_t size[2] = {(uint8_t)(part.n >> 8), (uint8_t)part.n};
    if (part.n > UINT16_MAX)
        out->failed = true;
    buffer_put(out, bytes_of(size, 2)); // so that two parts are never read as others
    buffer_put(out, part);
}

void
pool_key(struct bytes credential, bool plain, struct bytes host, uint16_t port,
         const uint8_t *fingerprint, size_t fingerprint_size, struct buffer *out)
{
    uint8_t fixed[3] = {plain, (uint8_t)(port >> 8), (uint8_t)port};
    put_part(out, credential);
    put_part(out, host);
    put_part(out, bytes_of(fixed, sizeof fixed));
    put_part(out, bytes_of(fingerprint, fingerprint_size));
}

static struct place_bucket *
bucket_of(struct pool *pool, struct bytes key)
{
    uint64_t hash = key.n, part = 0;
    for (; key.n > 0; key = bytes_from(key, sizeof part)) {
        memcpy(&part, key.p, key.n < sizeof part ? key.n : sizeof part);
        hash = (hash ^ part) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return &pool->bucket[hash % BUCKETS];
}

static struct pool_place *
find(struct pool *pool, struct bytes key)
{
    struct pool_place *place;
    LIST_FOREACH(place, bucket_of(pool, key), chain)
    {
        if (bytes_equal(bytes_of(place->key, place->key_size), key))
            return place;
    }
    return NULL;
}

struct pool_item *
pool_take(struct pool *pool, struct bytes key)
{
    struct pool_place *place = find(pool, key);
    struct pool_item *item = place ? TAILQ_FIRST(&place->idle) : NULL;
    if (item)
        remove_idle(pool, item);
    return item;
}

// Places without connections are kept for their sessions, up to a number.
static void
trim_places(struct pool *pool)
{
    struct pool_place *place, *next;
    for (place = TAILQ_FIRST(&pool->places); place && pool->place_count > POOL_PLACES_MAX;
         place = next) {
        next = TAILQ_NEXT(place, entry);
        if (place->users == 0)
            place_free(pool, place);
    }
}

enum kh_err
pool_join(struct pool *pool, struct bytes key, struct pool_item *item)
{
    struct pool_place *place = find(pool, key);
    if (!place) {
        place = calloc(1, sizeof *place + key.n);
        if (!place)
            return KH_ERR_MEMORY;
        TAILQ_INIT(&place->idle);
        place->key_size = key.n;
        memcpy(place->key, key.p, key.n);
        LIST_INSERT_HEAD(bucket_of(pool, key), place, chain);
        TAILQ_INSERT_TAIL(&pool->places, place, entry);
        pool->place_count++;
    }
    place->users++;
    item->place = place;
    item->idle = false;
    trim_places(pool);
    return KH_OK;
}

void
pool_put(struct pool *pool, struct pool_item *item, int64_t now_ms)
{
    struct pool_place *place = item->place;
    item->idle = true;
    item->since_ms = now_ms;
    TAILQ_INSERT_TAIL(&pool->idle, item, by_age);
    TAILQ_INSERT_HEAD(&place->idle, item, by_place);
    place->idle_count++;
    pool->idle_count++;
    if (place->idle_count > pool->per_place)
        discard(pool, TAILQ_LAST(&place->idle, item_list));
    else if (pool->idle_count > pool->total)
        discard(pool, TAILQ_FIRST(&pool->idle));
}

void
pool_leave(struct pool *pool, struct pool_item *item)
{
    if (!item->place)
        return;
    if (item->idle)
        remove_idle(pool, item);
    item->place->users--;
    item->place = NULL;
    trim_places(pool);
}

int64_t
pool_expire(struct pool *pool, int64_t now_ms)
{
    struct pool_item *item;
    while ((item = TAILQ_FIRST(&pool->idle)) && now_ms - item->since_ms >= pool->idle_ms)
        discard(pool, item);
    return item ? item->since_ms + pool->idle_ms - now_ms : -1;
}

size_t
pool_idle_count(const struct pool *pool)
{
    return pool->idle_count;
}

SSL_SESSION *
pool_session(const struct pool_item *item)
{
    return item->place ? item->place->session : NULL;
}

void
pool_keep_session(struct pool_item *item, SSL_SESSION *session)
{
    if (!item->place) {
        SSL_SESSION_free(session);
        return;
    }
    SSL_SESSION_free(item->place->session);
    item->place->session = session;
}
