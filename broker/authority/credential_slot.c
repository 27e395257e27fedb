/* SPDX-License-Identifier: Apache-2.0
 *
 * Slots: where clients put their key ("bearer", "header:x-api-key", "query:key"), a table; and
 * which names a header or a parameter that carries a key may have.
 */
#include "credential.h"

#include <string.h>

// ---- names ----

// Fields that frame, route or describe the message are the broker's to write (RFC 9110 section
// 7.6.1); a name that ends with '-' stands for all that begin so.
static const char *const fields_of_the_broker[] = {
    "host",         "content-length",  "transfer-encoding",
    "connection",   "keep-alive",      "upgrade",
    "te",           "trailer",         "expect",
    "content-type", "accept-encoding", "content-encoding",
    "forwarded",    "cookie",          "set-cookie",
    "proxy",        "proxy-",          "keyhole-",
    "x-forwarded-",
};

static bool
is_token_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_the_brokers(struct bytes lower)
{
    for (size_t i = 0; i < sizeof fields_of_the_broker / sizeof fields_of_the_broker[0]; i++) {
        struct bytes name = bytes_str(fields_of_the_broker[i]);
        bool prefix = name.p[name.n - 1] == '-';
        if (prefix ? bytes_starts(lower, name) : bytes_equal(lower, name))
            return true;
    }
    return false;
}

enum kh_err
credential_field_name(struct bytes text, struct buffer *out, struct fault *fault)
{
    size_t start = out->n;

    if (text.n == 0 || text.n > CREDENTIAL_FIELD_MAX)
        return fault_set(fault, KH_ERR_SYNTAX, "a header's name has 1 to %d characters",
                         CREDENTIAL_FIELD_MAX);
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (!is_token_char(c))
            return fault_set(fault, KH_ERR_SYNTAX, "that is no header's name");
        buffer_put_byte(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
    }
    if (out->failed)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    struct bytes lower = bytes_from(buffer_bytes(out), start);
    if (is_the_brokers(lower))
        return fault_set(fault, KH_ERR_DENIED, "the header %.*s cannot carry a key",
                         BYTES_ARG(lower));
    return KH_OK;
}

enum kh_err
credential_parameter_name(struct bytes text, struct buffer *out, struct fault *fault)
{
    bool ok = text.n > 0 && text.n <= CREDENTIAL_FIELD_MAX && bytes_is_utf8(text);

    for (size_t i = 0; ok && i < text.n; i++)
        ok = text.p[i] >= 0x20 && text.p[i] != 0x7f;
    if (!ok)
        return fault_set(fault, KH_ERR_SYNTAX, "a query parameter's name has 1 to %d characters",
                         CREDENTIAL_FIELD_MAX);
    buffer_put(out, text);
    return KH_OK;
}

// RFC 6265 section 4.1.1: a token, and its case matters.
enum kh_err
credential_cookie_name(struct bytes text, struct buffer *out, struct fault *fault)
{
    bool ok = text.n > 0 && text.n <= CREDENTIAL_FIELD_MAX;

    for (size_t i = 0; ok && i < text.n; i++)
        ok = is_token_char(text.p[i]);
    if (!ok)
        return fault_set(fault, KH_ERR_SYNTAX,
                         "a cookie's name is 1 to %d letters, digits or "
                         "!#$%%&'*+-.^_`|~",
                         CREDENTIAL_FIELD_MAX);
    buffer_put(out, text);
    return KH_OK;
}

enum kh_err
credential_body_field(struct bytes text, struct buffer *out, struct fault *fault)
{
    if (text.n > 0 && text.p[0] == '/' && !body_pointer_is_valid(text))
        return fault_set(fault, KH_ERR_SYNTAX, "that is no JSON pointer");
    return credential_parameter_name(text, out, fault);
}

// What stands before the key in its item (RFC 6455 section 4.1: a token).
static enum kh_err
subprotocol_prefix(struct bytes text, struct buffer *out, struct fault *fault)
{
    if (credential_cookie_name(text, out, NULL))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "what stands before the key in a subprotocol is 1 to %d letters, digits "
                         "or !#$%%&'*+-.^_`|~",
                         CREDENTIAL_FIELD_MAX);
    return KH_OK;
}

// ---- the table ----

// Check what stands behind "word:" and append it in its canonical form.
typedef enum kh_err name_fn(struct bytes text, struct buffer *out, struct fault *fault);

static const struct slot_rules {
    enum slot_kind kind;
    const char *word;
    name_fn *name;      // NULL: the word is the whole slot
    const char *inject; // the injection when none is given: "=" the same text, NULL none
    const char *form;   // for sentences
    bool may_be_bare;   // of one with a name: the word alone will do
} table[] = {
    {SLOT_BEARER, "bearer", NULL, "=", "bearer", false},
    {SLOT_BASIC, "basic", NULL, "=", "basic", false},
    {SLOT_HEADER, "header", credential_field_name, "=", "header:NAME", false},
    {SLOT_QUERY, "query", credential_parameter_name, "=", "query:NAME", false},
    {SLOT_COOKIE, "cookie", credential_cookie_name, "=", "cookie:NAME", false},
    {SLOT_PATH, "path", NULL, "=", "path", false},
    {SLOT_FIELD, "field", credential_body_field, "=", "field:NAME", false},
    {SLOT_SUBPROTOCOL, "subprotocol", subprotocol_prefix, "=", "subprotocol[:PREFIX]", true},
    {SLOT_AWS, "aws", NULL, "sigv4", "aws", false},
    {SLOT_PROXY_AUTHORIZATION, "proxy-authorization", NULL, NULL, "proxy-authorization", false},
    {SLOT_KEYHOLE_TOKEN, "keyhole-token", NULL, NULL, "keyhole-token", false},
};

enum { COUNT = sizeof table / sizeof table[0] };

static const struct slot_rules *
find(struct bytes text)
{
    size_t colon = bytes_index(text, ':');

    for (size_t i = 0; i < COUNT; i++) {
        const struct slot_rules *rules = &table[i];
        if (!bytes_is(bytes_slice(text, 0, colon), rules->word))
            continue;
        bool fits = colon < text.n ? rules->name != NULL : !rules->name || rules->may_be_bare;
        return fits ? rules : NULL;
    }
    return NULL;
}

static enum kh_err
unknown(struct fault *fault)
{
    BUFFER_AUTO forms;

    buffer_init(&forms, 1024);
    for (size_t i = 0; i < COUNT; i++)
        buffer_printf(&forms, "%s%s", i == 0 ? "" : i + 1 < COUNT ? ", " : " or ", table[i].form);
    return fault_set(fault, KH_ERR_UNKNOWN, "a slot is %s", buffer_text(&forms));
}

enum kh_err
credential_add_slot(struct credential *credential, struct bytes text, struct fault *fault)
{
    const struct slot_rules *rules = find(text);
    struct route *route = &credential->route;
    struct slot slot = {0};
    BUFFER_AUTO name, canonical;

    buffer_init(&name, CREDENTIAL_FIELD_MAX + 1);
    buffer_init(&canonical, CREDENTIAL_FIELD_MAX + 32);
    if (route->slot_count == ROUTE_SLOTS_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "there are more than %d", ROUTE_SLOTS_MAX);
    if (rules == NULL)
        return unknown(fault);
    slot.kind = rules->kind;
    buffer_put_str(&canonical, rules->word);
    size_t word = strlen(rules->word); // not canonical.n, which is none without memory
    if (text.n > word) {
        enum kh_err err = rules->name(bytes_from(text, word + 1), &name, fault);
        if (err)
            return err;
        buffer_put_byte(&canonical, ':');
        buffer_put(&canonical, buffer_bytes(&name));
    }
    if (name.failed || canonical.failed ||
        credential_keep(credential, buffer_bytes(&name), &slot.name))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    enum kh_err err =
        credential_list_add(credential, STORE_LIST_SLOTS, buffer_bytes(&canonical), fault);
    if (!err)
        route->slot[route->slot_count++] = slot;
    return err;
}

void
credential_inject_for_slot(struct bytes slot, struct buffer *out)
{
    const struct slot_rules *rules = find(slot);

    if (rules == NULL || rules->inject == NULL)
        return;
    buffer_put(out, bytes_is(bytes_str(rules->inject), "=") ? slot : bytes_str(rules->inject));
    if (rules->may_be_bare && bytes_index(slot, ':') < slot.n) // a prefix, and of a template too
        buffer_put_str(out, CREDENTIAL_SECRET_MARK);
}

// A path without its segment, a body without its field is another one.
enum kh_err
credential_check_slots(const struct credential *credential, struct fault *fault)
{
    const struct route *route = &credential->route;

    for (size_t i = 0; i < route->slot_count; i++) {
        if (route->slot[i].kind == SLOT_PATH && route->inject_kind != INJECT_PATH &&
            route->inject_kind != INJECT_SEVERAL)
            return fault_set(fault, KH_ERR_USAGE,
                             "slots: path goes with the injection path[:template] alone: the key "
                             "takes the token's place");
    }
    return KH_OK;
}
