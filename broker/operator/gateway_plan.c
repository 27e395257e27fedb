/* SPDX-License-Identifier: Apache-2.0 */
/* What of a credential a gateway can do. */
#include "gateway_plan.h"

#include "admin.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *const gateway_dropped[] = {
    "proxy-authorization",
    "proxy-connection",
    "proxy",
    "trailer",
    "http2-settings",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-forwarded-scheme",
    "x-forwarded-ssl",
    "x-forwarded-prefix",
    "x-forwarded-client-cert",
    "x-real-ip",
    "keyhole-token",
    NULL,
};

bool
gateway_is_plain(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~/:[]@+,=";
    return text[0] != '\0' && text[strspn(text, plain)] == '\0';
}

bool
gateway_fields_have(const struct gateway_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (strcasecmp(fields->name[i], name) == 0)
            return true;
    }
    return false;
}

void
gateway_fields_add(struct gateway_fields *fields, const char *name)
{
    if (gateway_fields_have(fields, name) || fields->count == GATEWAY_FIELDS_MAX)
        return;
    char *out = fields->name[fields->count++];
    snprintf(out, sizeof fields->name[0], "%s", name);
    for (; *out != '\0'; out++) {
        if (*out >= 'A' && *out <= 'Z')
            *out = (char)(*out - 'A' + 'a');
    }
}

/* ---- injections ---- */

// Variables of nginx know letters, digits and one of '-' and '_'.
static enum kh_err
add_name(struct bytes name, struct gateway_fields *out, struct fault *fault)
{
    char text[64];
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    if (name.n == 0 || name.n >= sizeof text)
        return fault_set(fault, KH_ERR_UNSUPPORTED, "the header's name is too long for a gateway");
    snprintf(text, sizeof text, "%.*s", BYTES_ARG(name));
    if (text[strspn(text, letters)] != '\0')
        return fault_set(fault, KH_ERR_UNSUPPORTED,
                         "the header %s has a character in its name that nginx drops", text);
    gateway_fields_add(out, text);
    return KH_OK;
}

// "hmac:sha256:hex:X-Signature: {signature}": the name is the last part before ": ".
static enum kh_err
add_hmac(struct bytes text, struct gateway_fields *out, struct fault *fault)
{
    struct bytes part;
    for (int i = 0; i < 2; i++) {
        if (!bytes_cut(&text, ':', &part))
            return fault_set(fault, KH_ERR_UNSUPPORTED, "the injection is not understood");
    }
    return add_name(bytes_slice(text, 0, bytes_index(text, ':')), out, fault);
}

enum kh_err
gateway_read_inject(const char *inject, struct gateway_fields *out, const char **members,
                    struct fault *fault)
{
    struct bytes rest = bytes_str(inject), word = BYTES_EMPTY;
    *members = NULL;
    if (!bytes_cut(&rest, ':', &word))
        return fault_set(fault, KH_ERR_UNSUPPORTED, "it has no injection");
    if (bytes_is(word, "several")) {
        *members = inject + word.n + 1;
        return KH_OK;
    }
    if (bytes_is(word, "header"))
        return add_name(bytes_slice(rest, 0, bytes_index(rest, ':')), out, fault);
    if (bytes_is(word, "hmac"))
        return add_hmac(rest, out, fault);
    if (bytes_is(word, "cookie"))
        return add_name(BYTES("cookie"), out, fault);
    if (bytes_is(word, "basic"))
        return add_name(BYTES("authorization"), out, fault);
    if (bytes_is(word, "oauth2") || bytes_is(word, "jwt"))
        return add_name(rest.n > 0 ? bytes_slice(rest, 0, bytes_index(rest, ':'))
                                   : BYTES("authorization"),
                        out, fault);
    return fault_set(fault, KH_ERR_UNSUPPORTED,
                     "its key (%.40s) does not go into a header alone, so no gateway can put it on "
                     "a request: its clients go through the broker itself",
                     inject);
}

/* ---- credentials ---- */

static enum kh_err
read_slots(const json_t *credential, struct gateway_upstream *upstream, struct fault *fault)
{
    struct gateway_fields *out = &upstream->slots;
    size_t i;
    const json_t *slot;
    json_array_foreach(json_object_get(credential, "slots"), i, slot)
    {
        struct bytes rest = bytes_str(json_string_value(slot)), word = BYTES_EMPTY;
        enum kh_err err = KH_OK;
        (void)bytes_cut(&rest, ':', &word);
        if (bytes_is(word, "header"))
            err = add_name(rest, out, fault);
        else if (bytes_is(word, "bearer") || bytes_is(word, "basic") || bytes_is(word, "aws"))
            gateway_fields_add(out, "authorization");
        else if (bytes_is(word, "cookie"))
            gateway_fields_add(out, "cookie");
        else if (bytes_is(word, "query"))
            upstream->token_in_query = true;
        if (err != KH_OK)
            return err;
    }
    return KH_OK;
}

// The one option that is about the request and not the key: where its id goes.
static enum kh_err
read_options(const json_t *credential, struct gateway_upstream *out, struct fault *fault)
{
    size_t i;
    const json_t *option;
    json_array_foreach(json_object_get(credential, "options"), i, option)
    {
        struct bytes rest = bytes_str(json_string_value(option)), name = BYTES_EMPTY;
        if (!bytes_cut(&rest, '=', &name) || !bytes_is(name, "request-id-header"))
            continue;
        enum kh_err err = add_name(rest, &out->set, fault);
        if (err != KH_OK)
            return err;
    }
    return KH_OK;
}

static enum kh_err
read_host(const json_t *credential, const char *host, struct gateway_upstream *out,
          struct fault *fault)
{
    const json_t *hosts = json_object_get(credential, "hosts");
    const char *name = host;
    // The first exact one, as for a base URL.
    for (size_t i = 0; name == NULL && i < json_array_size(hosts); i++) {
        const char *pattern = json_string_value(json_array_get(hosts, i));
        if (pattern != NULL && strchr(pattern, '*') == NULL)
            name = pattern;
    }
    if (name == NULL || strchr(name, '*') != NULL)
        return fault_set(fault, KH_ERR_USAGE,
                         "it has no exact host: say which one is meant with --host %s=HOST",
                         out->credential);
    bool found = false;
    for (size_t i = 0; i < json_array_size(hosts); i++) {
        const char *pattern = json_string_value(json_array_get(hosts, i));
        size_t n = pattern != NULL ? strlen(pattern) : 0, m = strlen(name);
        found |= n > 0 && strcmp(pattern, name) == 0;
        found |=
            n > 2 && pattern[0] == '*' && m > n - 1 && strcmp(name + m - (n - 1), pattern + 1) == 0;
    }
    if (!found || !gateway_is_plain(name))
        return fault_set(fault, KH_ERR_USAGE, "%.100s is none of its hosts", name);
    snprintf(out->host, sizeof out->host, "%s", name);
    return KH_OK;
}

static void
read_port(const json_t *credential, struct gateway_upstream *out)
{
    const json_t *port = json_array_get(json_object_get(credential, "ports"), 0);
    uint64_t number = 443;
    if (json_is_integer(port))
        number = (uint64_t)json_integer_value(port);
    else if (json_is_string(port) && !bytes_to_u64(bytes_str(json_string_value(port)), &number))
        number = 443;
    out->port = (uint16_t)number;
}

// "HOST:PORT:ADDRESS:PORT"; an IPv6 address has brackets.
static void
read_resolve(const json_t *credential, struct gateway_upstream *out)
{
    size_t i;
    const json_t *item;
    char mine[GATEWAY_TEXT_MAX + 8];
    int n = snprintf(mine, sizeof mine, "%s:%u:", out->host, out->port);
    json_array_foreach(json_object_get(credential, "resolve"), i, item)
    {
        const char *text = json_string_value(item);
        const char *colon = text != NULL ? strrchr(text, ':') : NULL;
        uint64_t port;
        if (colon == NULL || strncmp(text, mine, (size_t)n) != 0 || colon < text + n ||
            !bytes_to_u64(bytes_str(colon + 1), &port) || port > UINT16_MAX)
            continue;
        bool six = text[n] == '[' && colon[-1] == ']';
        snprintf(out->address, sizeof out->address, "%.*s", (int)(colon - text - n) - (six ? 2 : 0),
                 text + n + (six ? 1 : 0));
        out->address_port = (uint16_t)port;
        return;
    }
}

enum kh_err
gateway_read_credential(const json_t *credential, const char *host, struct gateway_upstream *out,
                        const char **members, struct fault *fault)
{
    const char *name = admin_text(credential, "name");
    snprintf(out->credential, sizeof out->credential, "%s", name);
    if (!gateway_is_plain(name))
        return fault_set(fault, KH_ERR_UNSUPPORTED, "its name does not fit into a configuration");
    if (json_is_true(json_object_get(credential, "plain")))
        return fault_set(fault, KH_ERR_UNSUPPORTED,
                         "its upstream is plain HTTP, and a gateway is only told to use TLS");
    enum kh_err err = read_host(credential, host, out, fault);
    if (err == KH_OK)
        err = gateway_read_inject(admin_text(credential, "inject"), &out->set, members, fault);
    if (err == KH_OK)
        err = read_options(credential, out, fault);
    if (err == KH_OK)
        err = read_slots(credential, out, fault);
    read_port(credential, out);
    read_resolve(credential, out);
    return err;
}

void
gateway_print_host(const struct gateway_upstream *upstream, struct buffer *out)
{
    buffer_put_str(out, upstream->host);
    if (upstream->port != 443)
        buffer_printf(out, ":%u", upstream->port);
}
