/* SPDX-License-Identifier: Apache-2.0
 *
 * From the field that holds a token to the field that holds the key.
 */
#include "field_slot.h"

#include "../../caveats/body_facts.h"
#include "../../caveats/token.h"
#include "buffering.h"
#include "judge.h"
#include "proxy.h"

#include <string.h>

static struct bytes
content_type(const struct request *request)
{
    for (size_t i = 0; i < request->field_count; i++) {
        if (bytes_is(request->field[i].name, "content-type")) {
            struct bytes value = request->field[i].value;
            return bytes_trim(bytes_slice(value, 0, bytes_index(value, ';')));
        }
    }
    return BYTES_EMPTY;
}

static bool
is_encoded(const struct request *request)
{
    for (size_t i = 0; i < request->field_count; i++) {
        if (bytes_is(request->field[i].name, "content-encoding") && request->field[i].value.n > 0)
            return true;
    }
    return false;
}

// Whether the upstream reads the body in the way in which this slot is looked for.
static bool
fits(const struct request *request, const struct slot *slot)
{
    struct bytes type = content_type(request);
    bool form = bytes_equal_nocase(type, BYTES("application/x-www-form-urlencoded"));
    bool json =
        bytes_equal_nocase(type, BYTES("application/json")) || bytes_ends(type, BYTES("+json"));
    return slot->kind == SLOT_FIELD && slot->name.n > 0 && (slot->name.p[0] == '/' ? json : form) &&
           !is_encoded(request);
}

typedef bool visit_fn(struct exchange *x, const struct slot *slot, void *context);

// Each slot that fits, until one says so.
static bool
visit(struct exchange *x, visit_fn *visitor, void *context)
{
    const struct routes_match *match = &x->destination.match;
    for (size_t r = 0; r < match->count; r++) {
        for (size_t i = 0; i < match->route[r]->slot_count; i++) {
            const struct slot *slot = &match->route[r]->slot[i];
            if (slot->kind == SLOT_FIELD && fits(&x->draft->request, slot) &&
                visitor(x, slot, context))
                return true;
        }
    }
    return false;
}

static bool
is_there(struct exchange *x, const struct slot *slot, void *context)
{
    (void)x, (void)slot, (void)context;
    return true;
}

bool
field_slot_is_possible(const struct exchange *x)
{
    return x->body_kind != BODY_NONE && visit((struct exchange *)(uintptr_t)x, is_there, NULL);
}

struct finding {
    struct request_token token;
    struct body_place place;
    bool foreign, twice, twin, unclear;
};

static bool
look(struct exchange *x, const struct slot *slot, void *context)
{
    struct finding *finding = context;
    struct bytes body = buffering_body(x);
    struct body_place place = {0};
    enum body_found found = body_place_find(body, slot->name, &place);
    struct bytes value = bytes_slice(body, place.start, place.n);

    // Which of two an upstream reads is not known, an empty one is one of them.
    if (found == BODY_FOUND_TWICE) {
        finding->twice = true;
    } else if (found == BODY_FOUND_TWIN) {
        finding->twin = true;
    } else if (found == BODY_FOUND_UNCLEAR) {
        finding->unclear = true;
    } else if (found == BODY_FOUND_NOTHING || value.n == 0) {
        return false;
    } else if (!token_is_shaped(value)) {
        finding->foreign = true;
    } else if (finding->token.text.n == 0) {
        finding->token = (struct request_token){.text = value, .slot = *slot};
        finding->place = place;
    } else if (finding->place.start != place.start) {
        finding->twice = true;
    }
    return false;
}

static void
refuse(struct exchange *x, enum kh_reason reason, const char *why)
{
    buffering_free(x->proxy, &x->buffering);
    judge_refuse(x, NULL, reason, why);
}

static void
ask(struct exchange *x, struct finding *finding)
{
    struct buffer text;
    buffer_init_secret(&text, HTTP1_LINE_MAX);
    buffer_put(&text, finding->token.text); // which goes
    if (text.failed || !buffering_put_field(x, &finding->place, BYTES(REQUEST_KEY))) {
        refuse(x, KH_REASON_REQUEST_MALFORMED, "the field of a slot is too long");
    } else {
        finding->token.text = buffer_bytes(&text);
        // A recipient may verify them (RFC 9530 section 2), and they speak of the token.
        request_drop_digests(&x->draft->request);
        judge_ask(x, &finding->token);
    }
    buffer_free(&text);
}

// Two tokens, or one and a key that is none: NULL when there is at most one of them.
static const char *
conflict(const struct exchange *x, const struct finding *finding)
{
    const struct request_token *head = &x->draft->token;
    bool field = finding->token.text.n > 0;
    bool head_travels = head->text.n > 0 && head->slot.kind != SLOT_PROXY_AUTHORIZATION &&
                        head->slot.kind != SLOT_KEYHOLE_TOKEN;

    if (finding->twice)
        return "the field of a slot occurs twice";
    if (finding->twin)
        return "a field differs from that of a slot by case, or stands behind a ';'";
    if (finding->unclear && (field || head_travels))
        return "the body cannot be read, and may hold a key beside the token";
    if ((finding->foreign || x->draft->foreign) && (field || head_travels))
        return "a token stands beside a key that is none";
    if (field && head->text.n > 0 && head->slot.kind != SLOT_PROXY_AUTHORIZATION &&
        !token_is_same(head->text, finding->token.text))
        return "two slots hold different tokens";
    return NULL;
}

static void
read_fields(struct exchange *x)
{
    static const struct request_token none;
    struct finding finding = {.foreign = false};
    const struct routes_match *match = &x->destination.match;
    struct request_token *head = &x->draft->token;

    (void)visit(x, look, &finding);
    bool may_pass = match->count == 1 && match->route[0]->foreign_pass;
    const char *why = conflict(x, &finding);
    if (finding.foreign && !may_pass) {
        refuse(x, KH_REASON_FOREIGN_KEY, "a slot holds a key that is not a token");
    } else if (why) {
        refuse(x, KH_REASON_TOKEN_MISPLACED, why);
    } else if (finding.foreign || x->draft->foreign) {
        x->destination.wanted = match->route[0]->credential;
        judge_ask(x, &none);
    } else if (finding.token.text.n > 0) {
        ask(x, &finding);
    } else if (head->text.n > 0 || exchange_tunnel_token(x->client, head)) {
        judge_ask(x, head);
    } else {
        refuse(x, KH_REASON_TOKEN_MISSING, "no slot holds anything");
    }
}

void
field_slot_begin(struct exchange *x)
{
    buffering_hold(x, read_fields);
}

bool
field_slot_apply(struct exchange *x, const struct message_decision *decision)
{
    for (size_t i = 0; i < decision->edit_count; i++) {
        if (decision->edit[i].kind == EDIT_FIELD_SET &&
            !buffering_put_field(x, NULL, decision->edit[i].value))
            return false;
    }
    return true;
}
