/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache of leaf certificates: a hash table with chains, and a list by last use.
 */
#include "leaf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { BUCKETS = 256, HOST_MAX = 255 };

struct leaf {
    TAILQ_ENTRY(leaf) use;
    LIST_ENTRY(leaf) chain;
    char host[HOST_MAX + 1];
    X509 *certificate;
    int64_t expires_at;
};

struct leaf_cache {
    TAILQ_HEAD(, leaf) use; // the last one was used most recently
    LIST_HEAD(leaf_bucket, leaf) bucket[BUCKETS];
    size_t count;
};

enum kh_err
leaf_cache_new(struct leaf_cache **out)
{
    struct leaf_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return KH_ERR_MEMORY;
    TAILQ_INIT(&cache->use);
    *out = cache;
    return KH_OK;
}

static void
drop(struct leaf_cache *cache, struct leaf *leaf)
{
    TAILQ_REMOVE(&cache->use, leaf, use);
    LIST_REMOVE(leaf, chain);
    X509_free(leaf->certificate);
    free(leaf);
    cache->count--;
}

void
leaf_cache_free(struct leaf_cache **cache)
{
    if (!*cache)
        return;
    struct leaf *leaf;
    while ((leaf = TAILQ_FIRST(&(*cache)->use)))
        drop(*cache, leaf);
    free(*cache);
    *cache = NULL;
}

static struct leaf_bucket *
bucket_of(struct leaf_cache *cache, struct bytes host)
{
    uint32_t hash = 2166136261u; // FNV-1a
    for (size_t i = 0; i < host.n; i++)
        hash = (hash ^ host.p[i]) * 16777619u;
    return &cache->bucket[hash % BUCKETS];
}

static struct leaf *
find(struct leaf_cache *cache, struct bytes host)
{
    struct leaf *leaf;
    LIST_FOREACH(leaf, bucket_of(cache, host), chain)
    {
        if (bytes_is(host, leaf->host))
            return leaf;
    }
    return NULL;
}

X509 *
leaf_get(struct leaf_cache *cache, struct bytes host, int64_t now_s)
{
    struct leaf *leaf = find(cache, host);
    if (!leaf)
        return NULL;
    if (leaf->expires_at - now_s < LEAF_MARGIN_S) {
        drop(cache, leaf);
        return NULL;
    }
    TAILQ_REMOVE(&cache->use, leaf, use);
    TAILQ_INSERT_TAIL(&cache->use, leaf, use);
    return leaf->certificate;
}

enum kh_err
leaf_put(struct leaf_cache *cache, struct bytes host, struct bytes der, int64_t expires_at)
{
    if (host.n == 0 || host.n > HOST_MAX)
        return KH_ERR_TOO_LONG;
    const uint8_t *p = der.p;
    X509 *certificate = der.n ? d2i_X509(NULL, &p, (long)der.n) : NULL;
    if (!certificate || p != der.p + der.n) {
        X509_free(certificate);
        return KH_ERR_CRYPTO;
    }
    struct leaf *leaf = calloc(1, sizeof *leaf);
    if (!leaf) {
        X509_free(certificate);
        return KH_ERR_MEMORY;
    }
    struct leaf *old = find(cache, host);
    if (old)
        drop(cache, old);
    while (cache->count >= LEAF_CACHE_MAX)
        drop(cache, TAILQ_FIRST(&cache->use));
    memcpy(leaf->host, host.p, host.n);
    leaf->certificate = certificate;
    leaf->expires_at = expires_at;
    LIST_INSERT_HEAD(bucket_of(cache, host), leaf, chain);
    TAILQ_INSERT_TAIL(&cache->use, leaf, use);
    cache->count++;
    return KH_OK;
}

size_t
leaf_count(const struct leaf_cache *cache)
{
    return cache->count;
}
