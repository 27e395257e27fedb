/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the token stands. It is taken from declared slots and nowhere else, and neither a token nor
 * somebody else's key is left in a place where an upstream reads one.
 */
#include "request_token_internal.h"

/* In this order: what several hold is said to have been found in the first. */
static search_family_fn *const families[] = {
    search_fields, search_query, search_lists, search_path, search_aws_query, search_head,
};

bool
search_has_slot(const struct search *search, enum slot_kind kind)
{
    for (size_t r = 0; r < search->route_count; r++)
        for (size_t i = 0; i < search->route[r]->slot_count; i++)
            if (search->route[r]->slot[i].kind == kind)
                return true;
    return false;
}

/* ---- look-alikes ---- */

/* Equal when '_' and '-' are the same, and not otherwise. */
static bool
looks_like(struct bytes a, struct bytes b)
{
    if (a.n != b.n || bytes_equal_nocase(a, b))
        return false;
    for (size_t i = 0; i < a.n; i++) {
        uint8_t x = a.p[i] == '_' ? '-' : a.p[i], y = b.p[i] == '_' ? '-' : b.p[i];

        if (!bytes_equal_nocase(bytes_of(&x, 1), bytes_of(&y, 1)))
            return false;
    }
    return true;
}

static bool
looks_like_credential(const struct route *route, struct bytes name)
{
    for (size_t i = 0; i < route->slot_count; i++)
        if (route->slot[i].kind == SLOT_HEADER && looks_like(name, route->slot[i].name))
            return true;
    return (route->inject_kind == INJECT_HEADER || route->inject_kind == INJECT_HMAC) &&
           looks_like(name, route->inject_name);
}

static bool
has_look_alike(const struct search *search)
{
    for (size_t i = 0; i < search->request->field_count; i++)
        for (size_t r = 0; r < search->route_count; r++)
            if (looks_like_credential(search->route[r], search->request->field[i].name))
                return true;
    return false;
}

/* ---- the whole ---- */

static void
forget_slots(struct request *request)
{
    for (size_t i = 0; i < request->field_count; i++)
        request->field[i].is_slot = false;
    for (size_t i = 0; i < request->query_count; i++)
        request->query[i].is_slot = false;
}

static void
drop_query_slots(struct search *search)
{
    struct request *request = search->request;
    size_t kept = 0, place = SIZE_MAX;

    for (size_t i = 0; i < request->query_count; i++) {
        if (!request->query[i].is_slot)
            request->query[kept++] = request->query[i];
        else if (place == SIZE_MAX)
            place = kept;
    }
    /* "?&key=…": what is left of it could not be told from an empty query. */
    if (kept == 1 && request->query[0].raw_name.n == 0 && !request->query[0].has_value)
        kept = 0;
    if (kept == 0 && request->query_count > 0)
        request->has_query = false;
    request->query_count = kept;
    request->query_token_place = place < kept ? place : kept;
}

static void
drop_slots(struct search *search)
{
    struct request *request = search->request;
    size_t kept = 0;

    search_drop_items(search);
    for (size_t i = 0; i < request->field_count; i++)
        if (!request->field[i].is_slot)
            request->field[kept++] = request->field[i];
    request->field_count = kept;
    drop_query_slots(search);
}

KH_COLD static enum kh_reason
refuse(struct fault *fault, enum kh_reason reason, const char *sentence)
{
    (void)fault_set(fault, KH_ERR_DENIED, "%s", sentence);
    return reason;
}

/* Where keys that are no tokens may pass, a request with one is sent as it is. */
static bool
would_travel(const struct search *search)
{
    enum slot_kind kind = search->found.slot.kind;
    bool passes = false;

    for (size_t r = 0; r < search->route_count; r++)
        passes = passes || search->route[r]->foreign_pass;
    return passes && search->has_token && kind != SLOT_PROXY_AUTHORIZATION &&
           kind != SLOT_KEYHOLE_TOKEN;
}

static enum kh_reason
judge(const struct search *search, struct fault *fault)
{
    if (search->unsignable != NULL)
        return refuse(fault, KH_REASON_NOT_SIGNABLE, search->unsignable);
    if (search->misplaced != NULL)
        return refuse(fault, KH_REASON_TOKEN_MISPLACED, search->misplaced);
    if (search->has_foreign && would_travel(search))
        return refuse(fault, KH_REASON_TOKEN_MISPLACED, "a token stands beside a key that is none");
    if (search->has_foreign)
        return refuse(fault, KH_REASON_FOREIGN_KEY, "a slot holds a key that is not a token");
    if (!search->has_token)
        return refuse(fault, KH_REASON_TOKEN_MISSING, "no slot holds anything");
    return KH_REASON_UNSET;
}

enum kh_reason
request_take_token(struct request *request, const struct http1_head *head,
                   const struct route *const *route, size_t route_count, struct request_token *out,
                   struct fault *fault)
{
    struct search search = {
        .request = request, .head = head, .route = route, .route_count = route_count};
    const uint8_t *base = request->storage.p;
    size_t kept = request->storage.n;
    enum kh_reason reason;

    if (has_look_alike(&search))
        return refuse(fault, KH_REASON_REQUEST_MALFORMED,
                      "the name of a field is that of the credential's but for '_' and '-'");
    forget_slots(request); /* of a search that ended in a refusal */
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        families[i](&search);
    if (request->storage.failed || request->storage.p != base)
        return refuse(fault, KH_REASON_INTERNAL, "there was no room to decode a slot");
    reason = judge(&search, fault);
    if (reason != KH_REASON_UNSET)
        request->storage.n = kept;
    if (search.mask_path)
        search_mask_path(request);
    if (reason != KH_REASON_UNSET)
        return reason;
    drop_slots(&search);
    *out = search.found;
    return KH_REASON_UNSET;
}
