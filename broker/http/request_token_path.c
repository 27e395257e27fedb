/* SPDX-License-Identifier: Apache-2.0
 *
 * A token in the path: the slot of services as Telegram (/bot<token>/sendMessage), and nowhere
 * else. What is judged and recorded never holds it.
 */
#include "request_token_internal.h"

#include "../../caveats/token.h"

/* The mark of a token is made of unreserved characters: the canonical path shows it as it is. */
void
search_path(struct search *search)
{
    struct bytes rest = search->request->path, segment;
    size_t count = 0;

    if (!token_is_shaped(rest))
        return;
    search->mask_path = true;
    if (!search_has_slot(search, SLOT_PATH)) {
        search->misplaced = "a token stands in the path, which is no slot here";
        return;
    }
    while (bytes_cut(&rest, '/', &segment)) {
        struct reading reading = {.kind = READING_TOKEN, .text = segment};

        if (!token_is_shaped(segment))
            continue;
        search_take(search, (struct slot){.kind = SLOT_PATH}, &reading);
        if (count++ > 0)
            search->misplaced = "two segments of the path hold tokens";
    }
}

/* `*key`: where the first of them begins. */
static struct bytes
mask(struct buffer *storage, struct bytes path, size_t *key)
{
    size_t start = storage->n;
    struct bytes rest = path, segment;
    bool first = true;

    while (bytes_cut(&rest, '/', &segment)) {
        if (!first)
            buffer_put_byte(storage, '/');
        first = false;
        if (!token_is_shaped(segment)) {
            buffer_put(storage, segment);
            continue;
        }
        if (*key == 0)
            *key = storage->n - start;
        buffer_put_str(storage, REQUEST_KEY);
    }
    if (bytes_ends(path, BYTES("/")) && !bytes_ends(buffer_bytes(storage), BYTES("/")))
        buffer_put_byte(storage, '/');
    return bytes_from(buffer_bytes(storage), start);
}

/* Segments agree in both forms: an escaped slash that is let through stays escaped in both. */
void
search_mask_path(struct request *request)
{
    size_t ignored = 0;

    request->path_key = 0;
    request->path = mask(&request->storage, request->path, &request->path_key);
    request->path_decoded = mask(&request->storage, request->path_decoded, &ignored);
}
