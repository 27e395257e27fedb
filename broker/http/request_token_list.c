/* SPDX-License-Identifier: Apache-2.0
 *
 * Slots that are items of a list: a cookie, a WebSocket subprotocol.
 */
#include "request_token_internal.h"

#include "../../caveats/token.h"
#include "request_list.h"

/* A subprotocol's slot may say what stands before the key. */
static bool
is_item_of(const struct slot *slot, struct bytes name, struct bytes text)
{
    return slot->kind == SLOT_SUBPROTOCOL ? bytes_starts(text, slot->name)
                                          : bytes_equal(slot->name, name);
}

static const struct slot *
slot_of(const struct search *search, enum slot_kind kind, struct bytes name, struct bytes text)
{
    for (size_t r = 0; r < search->route_count; r++) {
        for (size_t i = 0; i < search->route[r]->slot_count; i++) {
            const struct slot *slot = &search->route[r]->slot[i];

            if (slot->kind == kind && is_item_of(slot, name, text))
                return slot;
        }
    }
    return NULL;
}

static void
take_item(struct search *search, enum request_list list, const struct slot *slot, struct bytes text,
          size_t field, size_t item)
{
    struct search_item *place = &search->item[list];
    struct reading reading = reading_of_whole(text);

    /* Beside the token's there are protocols of the client's own; without a prefix nothing tells
     * them from a key. */
    if (list == REQUEST_SUBPROTOCOLS && slot->name.n == 0 && reading.kind != READING_TOKEN)
        return;
    search_take(search, *slot, &reading);
    if (place->count++ == 0 || reading.kind == READING_TOKEN) {
        place->has_token = place->has_token || reading.kind == READING_TOKEN;
        place->field = field;
        place->item = item;
    }
    if (place->has_token && place->count > 1)
        search->misplaced = "the cookie or subprotocol of a slot occurs twice";
}

static void
search_list(struct search *search, enum request_list list, size_t field)
{
    const struct request_list_rules *rules = &request_list_rules[list];
    struct bytes value = search->request->field[field].value, item, name, text;
    size_t at = 0;

    for (size_t i = 0; request_list_next(rules, value, &at, &item); i++) {
        request_list_read(rules, item, &name, &text);
        const struct slot *slot = slot_of(search, rules->slot, name, text);

        if (slot != NULL)
            take_item(search, list, slot, text, field, i);
        else if (token_is_shaped(item))
            search->misplaced = "a token stands in a cookie or subprotocol that is no slot here";
    }
}

void
search_lists(struct search *search)
{
    const struct request *request = search->request;

    for (size_t i = 0; i < request->field_count; i++) {
        if (request->field[i].id == FIELD_ID_COOKIE)
            search_list(search, REQUEST_COOKIES, i);
        else if (request->field[i].id == FIELD_ID_SEC_WEBSOCKET_PROTOCOL)
            search_list(search, REQUEST_SUBPROTOCOLS, i);
    }
}

/* Before fields are dropped: indices are those of the search. */
void
search_drop_items(struct search *search)
{
    struct request *request = search->request;

    for (size_t list = 0; list < REQUEST_LIST_COUNT; list++) {
        const struct search_item *found = &search->item[list];
        struct request_field *field = &request->field[found->field];
        size_t start = request->storage.n;

        if (!found->has_token)
            continue;
        const struct request_list_change change = {.drop = found->item, .place = SIZE_MAX};
        request_list_write(&request_list_rules[list], field->value, &change, &request->storage);
        field->value = bytes_from(buffer_bytes(&request->storage), start);
        field->parsed = false;
        field->is_slot = field->value.n == 0;
        size_t before = 0;
        for (size_t i = 0; i < found->field; i++)
            before += !request->field[i].is_slot;
        request->list_place[list] = (struct request_list_place){
            .known = true,
            .field = field->value.n == 0 ? SIZE_MAX : before,
            .item = found->item,
        };
    }
}
