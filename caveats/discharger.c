/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a discharger is and what tickets for it are sealed to, as text. Declared in ticket.h.
 *
 * A location stands in tokens, challenges and lists, and these are compared byte for byte: each
 * origin has one spelling.
 */

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "base64.h"
#include "path.h"
#include "ticket.h"

#define KEY_MARK "#kd1_"

enum { LOOPBACK_BITS = 104 }; /* 127.0.0.0/8, IPv4-mapped */

static bool
is_loopback(struct bytes host)
{
    static const uint8_t v4[ADDRESS_SIZE] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    static const uint8_t v6[ADDRESS_SIZE] = {[15] = 1};
    uint8_t address[ADDRESS_SIZE];
    if (!address_read(host, address))
        return bytes_is(host, "localhost");
    return address_in_network(address, v4, LOOPBACK_BITS) || memcmp(address, v6, ADDRESS_SIZE) == 0;
}

static bool
cut_scheme(struct bytes *url, struct bytes scheme)
{
    if (!bytes_equal_nocase(bytes_slice(*url, 0, scheme.n), scheme))
        return false;
    *url = bytes_from(*url, scheme.n);
    return true;
}

/* User information, a path, a query or a fragment do not get past authority_split. */
enum kh_err
discharger_url_parse(struct bytes text, char out[DISCHARGER_URL_MAX + 1], struct fault *fault)
{
    struct bytes rest = text;
    uint16_t port = 0;
    BUFFER_AUTO host;
    BUFFER_AUTO url;
    buffer_init(&host, DISCHARGER_URL_MAX);
    buffer_init(&url, DISCHARGER_URL_MAX);
    bool is_https = cut_scheme(&rest, BYTES("https://"));
    if (!is_https && !cut_scheme(&rest, BYTES("http://")))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "a discharger's URL begins with https:// or, on this machine, http://");
    if (rest.n && rest.p[rest.n - 1] == '/')
        rest.n--;
    if (authority_split(rest, &host, &port) != KH_OK)
        return fault_set(fault, KH_ERR_SYNTAX,
                         "a discharger's URL is a scheme, a host and perhaps a port, and nothing "
                         "else: https://discharge.example:8438");
    struct bytes name = buffer_bytes(&host);
    if (!is_https && !is_loopback(name))
        return fault_set(fault, KH_ERR_USAGE,
                         "plain http is for localhost and loopback addresses alone: use https");

    bool is_v6 = bytes_index(name, ':') < name.n;
    buffer_put_str(&url, is_https ? "https://" : "http://");
    buffer_put_str(&url, is_v6 ? "[" : "");
    buffer_put(&url, name);
    buffer_put_str(&url, is_v6 ? "]" : "");
    if (port != 0 && port != (is_https ? 443 : 80))
        buffer_printf(&url, ":%u", (unsigned)port);
    if (url.failed)
        return fault_set(fault, KH_ERR_SYNTAX, "a discharger's URL is at most %d bytes long",
                         DISCHARGER_URL_MAX);
    memcpy(out, buffer_text(&url), url.n + 1);
    return KH_OK;
}

static bool
key_read(struct bytes text, uint8_t out[TICKET_PUBLIC_KEY_SIZE])
{
    BUFFER_AUTO key;
    buffer_init(&key, TICKET_PUBLIC_KEY_SIZE);
    if (!base64_decode(BASE64_URL, text, &key) || key.n != TICKET_PUBLIC_KEY_SIZE ||
        sodium_is_zero(key.p, key.n))
        return false;
    memcpy(out, key.p, key.n);
    return true;
}

enum kh_err
discharger_parse(struct bytes text, struct discharger *out, struct fault *fault)
{
    struct discharger discharger = {.name = ""};
    size_t mark = bytes_find(text, BYTES(KEY_MARK));
    if (mark == text.n)
        return fault_set(fault, KH_ERR_SYNTAX,
                         "a discharger is written URL" KEY_MARK "..., with its public key");
    enum kh_err err = discharger_url_parse(bytes_slice(text, 0, mark), discharger.url, fault);
    if (err)
        return err;
    if (!key_read(bytes_from(text, mark + strlen(KEY_MARK)), discharger.public_key))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "what follows " KEY_MARK " is not a public key: 43 characters of "
                         "base64url");
    *out = discharger;
    return KH_OK;
}

void
discharger_print(const struct discharger *discharger, struct buffer *out)
{
    buffer_put_str(out, discharger->url);
    buffer_put_str(out, KEY_MARK);
    base64_encode(BASE64_URL, bytes_of(discharger->public_key, TICKET_PUBLIC_KEY_SIZE), out);
}

bool
discharger_key_id(const uint8_t public_key[TICKET_PUBLIC_KEY_SIZE], uint8_t out[TICKET_KEY_ID_SIZE])
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    if (crypto_hash_sha256(digest, public_key, TICKET_PUBLIC_KEY_SIZE) != 0)
        return false;
    memcpy(out, digest, TICKET_KEY_ID_SIZE);
    return true;
}
