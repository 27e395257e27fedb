/* SPDX-License-Identifier: Apache-2.0
 *
 * Streaming replacement of a request's secrets (docs/CREDENTIALS.md, "What comes back"): what each
 * request has for itself beside the search that it may share with others (scrub_search.h).
 */
#include "scrub.h"

#include "scrub_search.h"

#include <stdlib.h>

enum { HELD_MAX = 1 << 20 };

struct scrub {
    struct scrub_search *search;
    struct bytes token; // what is found is replaced with it; borrowed
    size_t found;
    struct buffer held; // the end of the input so far: a proper prefix of a pattern
};

enum kh_err
scrub_new(const struct bytes *secret, size_t count, struct bytes replacement, struct scrub **out)
{
    struct scrub_search *search;
    struct scrub *scrub = NULL;
    enum kh_err err = scrub_search_hold(secret, count, &search);
    if (err != KH_OK)
        return err;
    if (search) {
        scrub = malloc(sizeof *scrub);
        if (!scrub) {
            scrub_search_release(&search);
            return KH_ERR_MEMORY;
        }
        *scrub = (struct scrub){.search = search, .token = replacement};
        buffer_init_secret(&scrub->held, HELD_MAX);
    }
    *out = scrub;
    return KH_OK;
}

void
scrub_free(struct scrub **scrub)
{
    if (!*scrub)
        return;
    scrub_search_release(&(*scrub)->search);
    buffer_free(&(*scrub)->held);
    free(*scrub);
    *scrub = NULL;
}

// Replace in `text`; returns where the part begins that has to wait for more (text.n when final).
static size_t
replace(const struct scrub *scrub, struct bytes text, bool final, size_t *found, struct buffer *out)
{
    size_t done = 0;
    for (;;) {
        // A match that lies behind a partial one waits: the partial one began first.
        size_t hold = final ? text.n : scrub_search_partial(scrub->search, text, done);
        struct scrub_match match = scrub_search_find(scrub->search, text, done, hold);
        if (match.pattern == SCRUB_NO_PATTERN) {
            buffer_put(out, bytes_slice(text, done, hold - done));
            return hold;
        }
        buffer_put(out, bytes_slice(text, done, match.at - done));
        scrub_search_replace(scrub->search, match.pattern, scrub->token, out);
        ++*found;
        done = match.at + match.n;
    }
}

size_t
scrub_clean(struct scrub *scrub, struct bytes data)
{
    if (scrub->held.n > 0)
        return 0;
    scrub_search_expect(scrub->search, data.n);
    size_t hold = scrub_search_partial(scrub->search, data, 0);
    return scrub_search_find(scrub->search, data, 0, hold).at;
}

void
scrub_feed(struct scrub *scrub, struct bytes data, struct buffer *out)
{
    if (data.n == 0)
        return;
    scrub_search_expect(scrub->search, data.n);
    if (scrub->held.n == 0) {
        size_t settled = replace(scrub, data, false, &scrub->found, out);
        buffer_put(&scrub->held, bytes_from(data, settled));
    } else {
        // Rare: the last piece ended with what may be the beginning of a pattern.
        struct buffer both;
        buffer_init_secret(&both, scrub->held.n + data.n);
        buffer_put(&both, buffer_bytes(&scrub->held));
        buffer_put(&both, data);
        if (both.failed)
            out->failed = true;
        else
            buffer_consume(&scrub->held, scrub->held.n);
        struct bytes text = both.failed ? BYTES_EMPTY : buffer_bytes(&both);
        size_t settled = replace(scrub, text, false, &scrub->found, out);
        buffer_put(&scrub->held, bytes_from(text, settled));
        buffer_free(&both);
    }
    if (scrub->held.failed)
        out->failed = true;
}

void
scrub_finish(struct scrub *scrub, struct buffer *out)
{
    replace(scrub, buffer_bytes(&scrub->held), true, &scrub->found, out);
    buffer_free(&scrub->held);
}

size_t
scrub_held(const struct scrub *scrub)
{
    return scrub->held.n;
}

size_t
scrub_found(const struct scrub *scrub)
{
    return scrub->found;
}

size_t
scrub_longest(const struct scrub *scrub)
{
    return scrub_search_longest(scrub->search);
}

void
scrub_text(const struct scrub *scrub, struct bytes text, struct buffer *out)
{
    size_t found = 0;
    scrub_search_expect(scrub->search, text.n);
    replace(scrub, text, true, &found, out);
}

bool
scrub_finds(const struct scrub *scrub, struct bytes text)
{
    scrub_search_expect(scrub->search, text.n);
    return scrub_search_find(scrub->search, text, 0, text.n).pattern != SCRUB_NO_PATTERN;
}
