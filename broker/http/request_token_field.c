/* SPDX-License-Identifier: Apache-2.0
 *
 * Slots that are header fields, those of the proxy itself included.
 */
#include "request_token_internal.h"

#include "../../caveats/field_name.h"

static bool
is_of_authorization(enum slot_kind kind)
{
    return kind == SLOT_BEARER || kind == SLOT_BASIC || kind == SLOT_AWS;
}

/* The forms in which this field is a slot of some route; `*name` as the route's header slot spells
 * it. */
static unsigned
slot_kinds(const struct search *search, const struct request_field *field, struct bytes *name)
{
    bool is_authorization = field->id == FIELD_ID_AUTHORIZATION;
    unsigned kinds = 0;

    for (size_t r = 0; r < search->route_count; r++) {
        for (size_t i = 0; i < search->route[r]->slot_count; i++) {
            const struct slot *slot = &search->route[r]->slot[i];

            if (is_authorization && is_of_authorization(slot->kind)) {
                kinds |= 1u << slot->kind;
            } else if (slot->kind == SLOT_HEADER && bytes_equal_nocase(slot->name, field->name)) {
                kinds |= 1u << slot->kind;
                *name = slot->name;
            }
        }
    }
    return kinds;
}

void
search_fields(struct search *search)
{
    for (size_t i = 0; i < search->request->field_count; i++) {
        struct request_field *field = &search->request->field[i];
        struct bytes name = BYTES_EMPTY;
        unsigned kinds = slot_kinds(search, field, &name);

        if (kinds != 0) {
            field->is_slot = true;
            search_take_field(search, field->value, kinds, NULL, name);
        } else if ((field->traits & FIELD_CREDENTIAL) && field->id != FIELD_ID_COOKIE &&
                   reading_holds_token(field->value)) {
            search->misplaced = "a token stands in a credential's field that is no slot here";
        }
    }
}

/* What the canonical request has dropped already. */
void
search_head(struct search *search)
{
    static const struct slot proxy = {.kind = SLOT_PROXY_AUTHORIZATION};
    static const struct slot keyhole = {.kind = SLOT_KEYHOLE_TOKEN};

    if (http1_find_id(search->head, FIELD_ID_PROXY_AUTHORIZATION) == NULL &&
        http1_find_id(search->head, FIELD_ID_KEYHOLE_TOKEN) == NULL)
        return;
    for (size_t i = 0; i < search->head->field_count; i++) {
        const struct http1_field *field = &search->head->field[i];

        if (field->id == FIELD_ID_PROXY_AUTHORIZATION)
            search_take_field(search, field->value, 1u << SLOT_BEARER | 1u << SLOT_BASIC, &proxy,
                              BYTES_EMPTY);
        else if (field->id == FIELD_ID_KEYHOLE_TOKEN)
            search_take_field(search, field->value, 1u << SLOT_HEADER, &keyhole, BYTES_EMPTY);
    }
}
