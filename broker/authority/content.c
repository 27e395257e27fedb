/* SPDX-License-Identifier: Apache-2.0
 *
 * A short list of bodies, newest first.
 */
#include "content.h"

#include <stdlib.h>
#include <string.h>

struct content {
    struct content *next;
    uint8_t request_id[REQUEST_ID_SIZE];
    struct buffer body; // secret: it is somebody's
    uint64_t size;      // of all parts, also when they are not kept
    int64_t at;
    bool lost;
};

static void
remove_at(struct contents *contents, struct content **place)
{
    struct content *content = *place;

    *place = content->next;
    contents->count--;
    contents->total -= content->body.n;
    buffer_free(&content->body);
    free(content);
}

static struct content **
place_of(struct contents *contents, const uint8_t request_id[REQUEST_ID_SIZE])
{
    struct content **place = &contents->first;

    while (*place && memcmp((*place)->request_id, request_id, REQUEST_ID_SIZE) != 0)
        place = &(*place)->next;
    return place;
}

static struct content *
begin(struct contents *contents, const struct message_body_part *part, int64_t now)
{
    if (contents->count == CONTENT_COUNT_MAX)
        return NULL;
    struct content *content = calloc(1, sizeof *content);
    if (content == NULL)
        return NULL;
    memcpy(content->request_id, part->request_id, REQUEST_ID_SIZE);
    buffer_init_secret(&content->body, BODY_CONTENT_MAX);
    content->at = now;
    content->next = contents->first;
    contents->first = content;
    contents->count++;
    return content;
}

// What is lost keeps its place, so that the question which follows hears so.
static void
lose(struct contents *contents, struct content *content)
{
    contents->total -= content->body.n;
    buffer_free(&content->body);
    content->lost = true;
}

bool
contents_add(struct contents *contents, const struct message_body_part *part, int64_t now)
{
    // A first part begins anew: the same request may be asked for more than once.
    if (part->offset == 0)
        contents_drop(contents, part->request_id);
    struct content *content = *place_of(contents, part->request_id);
    if (content == NULL && part->offset == 0 && (content = begin(contents, part, now)) == NULL)
        return true; // no room even to say so: the question finds nothing
    if (content == NULL)
        return true; // the rest of such a one, or of one that took too long
    if (part->offset != content->size)
        return false;
    content->size += part->data.n;
    if (content->lost)
        return true;
    if (contents->total + part->data.n > CONTENT_TOTAL_MAX) {
        lose(contents, content);
        return true;
    }
    size_t before = content->body.n;
    buffer_put(&content->body, part->data);
    if (content->body.failed)
        lose(contents, content);
    else
        contents->total += content->body.n - before;
    return true;
}

enum content_state
contents_find(const struct contents *contents, const uint8_t request_id[REQUEST_ID_SIZE],
              struct bytes *out)
{
    const struct content *content = contents->first;

    while (content && memcmp(content->request_id, request_id, REQUEST_ID_SIZE) != 0)
        content = content->next;
    if (content == NULL)
        return CONTENT_NONE;
    if (content->lost)
        return CONTENT_LOST;
    *out = buffer_bytes(&content->body);
    return CONTENT_HERE;
}

void
contents_drop(struct contents *contents, const uint8_t request_id[REQUEST_ID_SIZE])
{
    struct content **place = place_of(contents, request_id);

    if (*place)
        remove_at(contents, place);
}

void
contents_expire(struct contents *contents, int64_t now)
{
    for (struct content **place = &contents->first; *place;) {
        if (now - (*place)->at > CONTENT_LIFETIME_S)
            remove_at(contents, place);
        else
            place = &(*place)->next;
    }
}

void
contents_free(struct contents *contents)
{
    while (contents->first)
        remove_at(contents, &contents->first);
}
