/* SPDX-License-Identifier: Apache-2.0
 *
 * Verified chains, and a table of those that were used last.
 */
#include "chain.h"

#include "hole.h"
#include "text_tag.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* ---- one chain ---- */

struct chain *
chain_new(void)
{
    struct chain *chain = malloc(sizeof *chain);
    if (!chain)
        return NULL;
    memset(&chain->identity, 0, sizeof chain->identity);
    chain->token = NULL;
    chain->verified.condition_count = chain->verified.lineage_count = 0;
    chain->has_counter = chain->whole = false;
    chain->hole_count = 0;
    buffer_init(&chain->hole_text, CHAIN_HOLES_MAX * HOLE_TEXT_MAX);
    chain->references = 1;
    chain->caveat_count = 0;
    return chain;
}

void
chain_expect_caveats(struct chain *chain)
{
    chain->caveat_count = chain->verified.condition_count;
    memset(chain->caveat, 0, chain->caveat_count * sizeof chain->caveat[0]);
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
    for (size_t i = 0; i < c->caveat_count; i++)
        caveat_free(&c->caveat[i]);
    buffer_free(&c->hole_text);
    token_free(&c->token);
    free(c);
}

/* ---- the table ---- */

struct entry {
    TAILQ_ENTRY(entry) by_use; /* the latest first */
    LIST_ENTRY(entry) in_bucket;
    uint64_t tag;
    struct chain *chain;
    size_t n;
    uint8_t text[]; /* as it was sent; wiped */
};

LIST_HEAD(bucket, entry);
TAILQ_HEAD(entries, entry);

struct chain_cache {
    struct entries by_use;
    size_t count, capacity;
    struct text_tag_key tag_key; /* of this process */
    size_t bucket_count;         /* a power of two */
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
    text_tag_key_draw(&cache->tag_key);
    *out = cache;
    return KH_OK;
}

static void
drop(struct chain_cache *cache, struct entry *entry)
{
    TAILQ_REMOVE(&cache->by_use, entry, by_use);
    LIST_REMOVE(entry, in_bucket);
    cache->count--;
    chain_release(&entry->chain);
    wipe(entry->text, entry->n);
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
    wipe(&(*cache)->tag_key, sizeof(*cache)->tag_key);
    free(*cache);
    *cache = NULL;
}

size_t
chain_cache_count(const struct chain_cache *cache)
{
    return cache->count;
}

static struct bucket *
bucket_of(struct chain_cache *cache, uint64_t tag)
{
    return &cache->bucket[tag & (cache->bucket_count - 1)];
}

/* The tag is keyed, so that nobody can choose tokens that all fall into one bucket; and whoever
 * does not know the key cannot send a text that has another's tag and is not the same, so that how
 * long the texts are compared tells nothing of the one that is kept. */
static struct entry *
find(struct chain_cache *cache, uint64_t tag, struct bytes text)
{
    struct entry *entry;
    LIST_FOREACH(entry, bucket_of(cache, tag), in_bucket)
    {
        if (entry->tag == tag && bytes_equal(bytes_of(entry->text, entry->n), text))
            return entry;
    }
    return NULL;
}

struct chain *
chain_cache_find(struct chain_cache *cache, struct bytes text)
{
    uint64_t tag;
    struct entry *entry = text_tag(&cache->tag_key, text, &tag) ? find(cache, tag, text) : NULL;
    if (!entry)
        return NULL;
    if (entry != TAILQ_FIRST(&cache->by_use)) {
        TAILQ_REMOVE(&cache->by_use, entry, by_use);
        TAILQ_INSERT_HEAD(&cache->by_use, entry, by_use);
    }
    return chain_hold(entry->chain);
}

void
chain_cache_put(struct chain_cache *cache, struct bytes text, struct chain *chain)
{
    uint64_t tag;
    if (!chain->whole || cache->capacity == 0 || !text_tag(&cache->tag_key, text, &tag) ||
        find(cache, tag, text))
        return;
    struct entry *entry = malloc(sizeof *entry + text.n);
    if (!entry)
        return;
    if (cache->count == cache->capacity)
        drop(cache, TAILQ_LAST(&cache->by_use, entries));
    entry->tag = tag;
    entry->chain = chain_hold(chain);
    entry->n = text.n;
    memcpy(entry->text, text.p, text.n);
    LIST_INSERT_HEAD(bucket_of(cache, tag), entry, in_bucket);
    TAILQ_INSERT_HEAD(&cache->by_use, entry, by_use);
    cache->count++;
}
