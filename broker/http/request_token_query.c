/* SPDX-License-Identifier: Apache-2.0
 *
 * Slots that are query parameters.
 */
#include "request_token_internal.h"

static bool
is_credential_parameter(struct bytes name)
{
    static const char *const names[] = {
        "key", "api_key", "apikey", "access_token", "token", "private_token",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bytes_equal_nocase(name, bytes_str(names[i])))
            return true;
    return false;
}

static const struct slot *
query_slot(const struct search *search, struct bytes name)
{
    for (size_t r = 0; r < search->route_count; r++) {
        for (size_t i = 0; i < search->route[r]->slot_count; i++) {
            const struct slot *slot = &search->route[r]->slot[i];

            if (slot->kind == SLOT_QUERY && bytes_equal(slot->name, name))
                return slot;
        }
    }
    return NULL;
}

static bool
occurs_again(const struct request *request, size_t at)
{
    for (size_t i = 0; i < request->query_count; i++)
        if (i != at && bytes_equal(request->query[i].name, request->query[at].name))
            return true;
    return false;
}

void
search_query(struct search *search)
{
    const struct request *request = search->request;

    for (size_t i = 0; i < request->query_count; i++) {
        const struct request_query_pair *pair = &request->query[i];
        const struct slot *slot = query_slot(search, pair->name);
        struct reading reading = reading_of_whole(pair->value);

        if (slot != NULL) {
            search->request->query[i].is_slot = true;
            search_take(search, *slot, &reading);
            if (reading.kind == READING_TOKEN && occurs_again(request, i))
                search->misplaced = "the query parameter of a slot occurs twice";
        } else if (reading.kind == READING_TOKEN && is_credential_parameter(pair->name)) {
            search->misplaced = "a token stands in a query parameter that is no slot here";
        }
    }
}
