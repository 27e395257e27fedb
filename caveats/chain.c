/* SPDX-License-Identifier: Apache-2.0
 *
 * Verified chains, and a table of those that were used last.
 */
#include "chain.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* ---- one chain ---- */

struct chain *
chain_new(void)
{
    struct chain *chain = calloc(1, sizeof *chain);
    if (chain)
        chain->references = 1;
    return chain;
}

struct chain *
chain_hold(struct chain *chain)
{
    chain->references++;
    return chain;
}

void
chain_release(struct chain **chain)
{
    struct chain *c = *chain;
    *chain = NULL;
    if (!c || --c->references > 0)
        return;
    for (size_t i = 0; i < TOKEN_CAVEATS_MAX; i++)
        caveat_free(&c->caveat[i]);
    token_free(&c->token);
    free(c);
}

/* ---- the table ---- */

struct entry {
    TAILQ_ENTRY(entry) by_use; /* the latest first */
    LIST_ENTRY(entry) in_bucket;
    uint8_t key[CHAIN_KEY_SIZE];
    struct chain *chain;
};

LIST_HEAD(bucket, entry);
TAILQ_HEAD(entries, entry);

struct chain_cache {
    struct entries by_use;
    size_t count, capacity;
    EVP_MD *sha256; /* fetched once */
    EVP_MD_CTX *digest;
    size_t bucket_count; /* a power of two */
    struct bucket bucket[];
};

enum kh_err
chain_cache_new(size_t capacity, struct chain_cache **out)
{
    size_t buckets = 1;
    while (buckets < capacity)
        buckets *= 2;
    struct chain_cache *cache = calloc(1, sizeof *cache + buckets * sizeof cache->bucket[0]);
    if (!cache)
        return KH_ERR_MEMORY;
    TAILQ_INIT(&cache->by_use);
    cache->capacity = capacity;
    cache->bucket_count = buckets;
    cache->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    cache->digest = EVP_MD_CTX_new();
    if (!cache->sha256 || !cache->digest)
        chain_cache_free(&cache);
    else
        *out = cache;
    return cache ? KH_OK : KH_ERR_CRYPTO;
}

static void
drop(struct chain_cache *cache, struct entry *entry)
{
    TAILQ_REMOVE(&cache->by_use, entry, by_use);
    LIST_REMOVE(entry, in_bucket);
    cache->count--;
    chain_release(&entry->chain);
    free(entry);
}

void
chain_cache_clear(struct chain_cache *cache)
{
    struct entry *entry;
    while ((entry = TAILQ_FIRST(&cache->by_use)) != NULL)
        drop(cache, entry);
}

void
chain_cache_free(struct chain_cache **cache)
{
    if (!*cache)
        return;
    chain_cache_clear(*cache);
    EVP_MD_CTX_free((*cache)->digest);
    EVP_MD_free((*cache)->sha256);
    free(*cache);
    *cache = NULL;
}

size_t
chain_cache_count(const struct chain_cache *cache)
{
    return cache->count;
}

bool
chain_cache_key(struct chain_cache *cache, struct bytes text, uint8_t out[CHAIN_KEY_SIZE])
{
    return EVP_DigestInit_ex2(cache->digest, cache->sha256, NULL) == 1 &&
           EVP_DigestUpdate(cache->digest, text.p, text.n) == 1 &&
           EVP_DigestFinal_ex(cache->digest, out, NULL) == 1;
}

// The digest is spread evenly already.
static struct bucket *
bucket_of(struct chain_cache *cache, const uint8_t key[CHAIN_KEY_SIZE])
{
    uint64_t word;
    memcpy(&word, key, sizeof word);
    return &cache->bucket[word & (cache->bucket_count - 1)];
}

static struct entry *
find(struct chain_cache *cache, const uint8_t key[CHAIN_KEY_SIZE])
{
    struct entry *entry;
    LIST_FOREACH(entry, bucket_of(cache, key), in_bucket)
    {
        if (memcmp(entry->key, key, CHAIN_KEY_SIZE) == 0)
            return entry;
    }
    return NULL;
}

struct chain *
chain_cache_find(struct chain_cache *cache, const uint8_t key[CHAIN_KEY_SIZE])
{
    struct entry *entry = find(cache, key);
    if (!entry)
        return NULL;
    TAILQ_REMOVE(&cache->by_use, entry, by_use);
    TAILQ_INSERT_HEAD(&cache->by_use, entry, by_use);
    return chain_hold(entry->chain);
}

void
chain_cache_put(struct chain_cache *cache, const uint8_t key[CHAIN_KEY_SIZE], struct chain *chain)
{
    if (!chain->whole || cache->capacity == 0 || find(cache, key))
        return;
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return;
    if (cache->count == cache->capacity)
        drop(cache, TAILQ_LAST(&cache->by_use, entries));
    memcpy(entry->key, key, CHAIN_KEY_SIZE);
    entry->chain = chain_hold(chain);
    LIST_INSERT_HEAD(bucket_of(cache, key), entry, in_bucket);
    TAILQ_INSERT_HEAD(&cache->by_use, entry, by_use);
    cache->count++;
}
