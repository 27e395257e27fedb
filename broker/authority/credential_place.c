/* SPDX-License-Identifier: Apache-2.0
 *
 * Places in a request: slots ("bearer", "header:x-api-key", "query:key") and injections
 * ("header:Authorization: Bearer {secret}", "basic", "query:key").
 */
#include "credential.h"

#include <string.h>

enum { FIELD_NAME_MAX = 256, TEMPLATE_MAX = 1024 };

static const struct {
    const char *text;
    enum slot_kind kind;
} plain_slots[] = {
    {"bearer", SLOT_BEARER},
    {"basic", SLOT_BASIC},
    {"proxy-authorization", SLOT_PROXY_AUTHORIZATION},
    {"keyhole-token", SLOT_KEYHOLE_TOKEN},
};

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

// A header's name, in lower case.
static enum kh_err
field_name(struct bytes text, struct buffer *out, struct fault *fault)
{
    if (text.n == 0 || text.n > FIELD_NAME_MAX)
        return fault_set(fault, KH_ERR_SYNTAX, "a header's name has 1 to %d characters",
                         FIELD_NAME_MAX);
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (!is_token_char(c))
            return fault_set(fault, KH_ERR_SYNTAX, "that is no header's name");
        buffer_put_byte(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
    }
    if (is_the_brokers(buffer_bytes(out)))
        return fault_set(fault, KH_ERR_DENIED, "the header %s cannot carry a key",
                         buffer_text(out));
    return KH_OK;
}

static enum kh_err
query_name(struct bytes text, struct fault *fault)
{
    bool ok = text.n > 0 && text.n <= FIELD_NAME_MAX && bytes_is_utf8(text);

    for (size_t i = 0; ok && i < text.n; i++)
        ok = text.p[i] >= 0x20 && text.p[i] != 0x7f;
    return ok ? KH_OK
              : fault_set(fault, KH_ERR_SYNTAX, "a query parameter's name has 1 to %d characters",
                          FIELD_NAME_MAX);
}

static enum kh_err
slot_parse(struct bytes text, struct slot *slot, struct buffer *name, struct fault *fault)
{
    for (size_t i = 0; i < sizeof plain_slots / sizeof plain_slots[0]; i++) {
        if (bytes_is(text, plain_slots[i].text)) {
            slot->kind = plain_slots[i].kind;
            return KH_OK;
        }
    }
    if (bytes_starts(text, BYTES("header:"))) {
        slot->kind = SLOT_HEADER;
        return field_name(bytes_from(text, 7), name, fault);
    }
    if (bytes_starts(text, BYTES("query:"))) {
        slot->kind = SLOT_QUERY;
        buffer_put(name, bytes_from(text, 6));
        return query_name(bytes_from(text, 6), fault);
    }
    return fault_set(fault, KH_ERR_UNKNOWN,
                     "a slot is bearer, basic, header:NAME, query:NAME, proxy-authorization or "
                     "keyhole-token");
}

static const char *
slot_prefix(enum slot_kind kind)
{
    for (size_t i = 0; i < sizeof plain_slots / sizeof plain_slots[0]; i++) {
        if (plain_slots[i].kind == kind)
            return plain_slots[i].text;
    }
    return kind == SLOT_HEADER ? "header:" : "query:";
}

enum kh_err
credential_add_slot(struct credential *credential, struct bytes text, struct fault *fault)
{
    struct route *route = &credential->route;
    struct slot slot = {0};
    BUFFER_AUTO name, canonical;

    buffer_init(&name, FIELD_NAME_MAX + 1);
    buffer_init(&canonical, FIELD_NAME_MAX + 16);
    if (route->slot_count == ROUTE_SLOTS_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "there are more than %d", ROUTE_SLOTS_MAX);
    enum kh_err err = slot_parse(text, &slot, &name, fault);
    if (err)
        return err;
    if (credential_keep(credential, buffer_bytes(&name), &slot.name))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    buffer_put_str(&canonical, slot_prefix(slot.kind));
    buffer_put(&canonical, slot.name);
    err = credential_list_add(credential, STORE_LIST_SLOTS, buffer_bytes(&canonical), fault);
    if (!err)
        route->slot[route->slot_count++] = slot;
    return err;
}

// ---- injections ----

static enum kh_err
check_template(struct bytes template, struct fault *fault)
{
    if (bytes_find(template, BYTES(CREDENTIAL_SECRET_MARK)) == template.n)
        return fault_set(fault, KH_ERR_SYNTAX, "the template has no " CREDENTIAL_SECRET_MARK);
    if (template.n > TEMPLATE_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the template is longer than %d", TEMPLATE_MAX);
    for (size_t i = 0; i < template.n; i++) {
        if (template.p[i] < 0x20 || template.p[i] > 0x7e)
            return fault_set(fault, KH_ERR_SYNTAX, "a template is printable ASCII");
    }
    return KH_OK;
}

// "NAME: template", or "NAME" alone for "{secret}".
static enum kh_err
inject_header(struct credential *credential, struct bytes text, struct fault *fault)
{
    struct bytes name = text, template = BYTES(CREDENTIAL_SECRET_MARK);
    size_t colon = bytes_index(text, ':');
    BUFFER_AUTO lower, canonical;

    buffer_init(&lower, FIELD_NAME_MAX + 1);
    buffer_init(&canonical, FIELD_NAME_MAX + TEMPLATE_MAX + 16);
    if (colon < text.n) {
        name = bytes_slice(text, 0, colon);
        template = bytes_trim(bytes_from(text, colon + 1));
    }
    enum kh_err err = field_name(name, &lower, fault);
    if (!err)
        err = check_template(template, fault);
    if (err)
        return err;
    buffer_put_str(&canonical, "header:");
    buffer_put(&canonical, name);
    buffer_put_str(&canonical, ": ");
    buffer_put(&canonical, template);
    credential->route.inject_kind = INJECT_HEADER;
    if (credential_keep(credential, buffer_bytes(&lower), &credential->route.inject_name) ||
        credential_keep(credential, template, &credential->inject_template) ||
        credential_keep(credential, buffer_bytes(&canonical), &credential->row.inject))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return KH_OK;
}

static enum kh_err
inject_named(struct credential *credential, enum inject_kind kind, struct bytes name,
             struct bytes text, struct fault *fault)
{
    credential->route.inject_kind = kind;
    if (credential_keep(credential, name, &credential->route.inject_name) ||
        credential_keep(credential, text, &credential->row.inject))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return KH_OK;
}

enum kh_err
credential_set_inject(struct credential *credential, struct bytes text, struct fault *fault)
{
    if (bytes_is(text, "bearer"))
        return inject_header(credential, BYTES("Authorization: Bearer " CREDENTIAL_SECRET_MARK),
                             fault);
    if (bytes_is(text, "basic"))
        return inject_named(credential, INJECT_BASIC, BYTES("authorization"), text, fault);
    if (bytes_starts(text, BYTES("header:")))
        return inject_header(credential, bytes_from(text, 7), fault);
    if (bytes_starts(text, BYTES("query:"))) {
        enum kh_err err = query_name(bytes_from(text, 6), fault);
        return err ? err : inject_named(credential, INJECT_QUERY, bytes_from(text, 6), text, fault);
    }
    return fault_set(fault, KH_ERR_UNKNOWN,
                     "an injection is bearer, basic, \"header:NAME: template with "
                     "" CREDENTIAL_SECRET_MARK "\" or query:NAME");
}

// ---- one from the other ----

void
credential_slot_for_inject(struct bytes inject, struct buffer *out)
{
    struct bytes rest = bytes_from(inject, 7);
    struct bytes name = bytes_slice(rest, 0, bytes_index(rest, ':'));

    if (bytes_is(inject, "bearer") || bytes_is(inject, "basic") ||
        bytes_starts(inject, BYTES("query:"))) {
        buffer_put(out, inject);
    } else if (bytes_starts(inject, BYTES("header:"))) {
        struct bytes template = bytes_trim(bytes_from(rest, name.n + 1));
        if (bytes_equal_nocase(name, BYTES("authorization")) &&
            bytes_starts(template, BYTES("Bearer "))) {
            buffer_put_str(out, "bearer");
        } else {
            buffer_put_str(out, "header:");
            buffer_put(out, name);
        }
    }
}

void
credential_inject_for_slot(struct bytes slot, struct buffer *out)
{
    if (bytes_is(slot, "bearer") || bytes_is(slot, "basic") ||
        bytes_starts(slot, BYTES("header:")) || bytes_starts(slot, BYTES("query:")))
        buffer_put(out, slot);
}
