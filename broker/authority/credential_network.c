/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a credential's requests go on the network: pinned addresses, allowed networks, the
 * upstream's own CA.
 */
#include "credential.h"

#include "credential_option.h"

#include "../../caveats/address.h"
#include "../../caveats/path.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

// ---- --resolve HOST:PORT:ADDRESS:PORT ----

// A host or address up to the next colon; one in brackets may hold colons.
static bool
cut_host(struct bytes *rest, struct bytes *out)
{
    if (rest->n > 0 && rest->p[0] == '[') {
        size_t end = bytes_index(*rest, ']');
        if (end + 1 >= rest->n || rest->p[end + 1] != ':')
            return false;
        *out = bytes_slice(*rest, 1, end - 1);
        *rest = bytes_from(*rest, end + 2);
        return out->n > 0;
    }
    size_t end = bytes_index(*rest, ':');
    if (end == 0 || end == rest->n)
        return false;
    *out = bytes_slice(*rest, 0, end);
    *rest = bytes_from(*rest, end + 1);
    return true;
}

static bool
port_parse(struct bytes text, uint16_t *out)
{
    uint64_t port;

    if (!bytes_to_u64(text, &port) || port == 0 || port > UINT16_MAX)
        return false;
    *out = (uint16_t)port;
    return true;
}

static bool
resolve_parse(struct bytes text, struct buffer *host, struct bytes *address,
              struct route_resolve *out)
{
    struct bytes rest = text, name, port;

    return cut_host(&rest, &name) && host_canonical(name, host) == KH_OK &&
           bytes_cut(&rest, ':', &port) && port_parse(port, &out->port) &&
           cut_host(&rest, address) && port_parse(rest, &out->address_port);
}

static bool
host_is_listed(const struct route *route, struct bytes host)
{
    for (size_t i = 0; i < route->host_count; i++) {
        if (host_pattern_matches(route->host[i], host))
            return true;
    }
    return false;
}

static void
put_host(struct buffer *out, struct bytes host)
{
    bool v6 = bytes_index(host, ':') < host.n;

    if (v6)
        buffer_put_byte(out, '[');
    buffer_put(out, host);
    if (v6)
        buffer_put_byte(out, ']');
}

enum kh_err
credential_add_resolve(struct credential *credential, struct bytes text, struct fault *fault)
{
    struct route *route = &credential->route;
    struct route_resolve resolve = {0};
    struct bytes address;
    uint8_t binary[ADDRESS_SIZE];
    char address_text[ADDRESS_TEXT_SIZE];
    BUFFER_AUTO host, canonical;

    buffer_init(&host, 512);
    buffer_init(&canonical, 1024);
    if (route->resolve_count == ROUTE_RESOLVE_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "there are more than %d", ROUTE_RESOLVE_MAX);
    if (!resolve_parse(text, &host, &address, &resolve) || !address_read(address, binary))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "it is HOST:PORT:ADDRESS:PORT, with brackets around an IPv6 address");
    if (!host_is_listed(route, buffer_bytes(&host)) &&
        !credential_is_token_host(credential, buffer_bytes(&host)))
        return fault_set(fault, KH_ERR_USAGE, "%s is none of the credential's hosts",
                         buffer_text(&host));
    address_network_print(binary, 128, address_text);
    put_host(&canonical, buffer_bytes(&host));
    buffer_printf(&canonical, ":%u:", resolve.port);
    put_host(&canonical, bytes_str(address_text));
    buffer_printf(&canonical, ":%u", resolve.address_port);
    if (credential_keep(credential, buffer_bytes(&host), &resolve.host) ||
        credential_keep(credential, bytes_str(address_text), &resolve.address))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    enum kh_err err =
        credential_list_add(credential, STORE_LIST_RESOLVE, buffer_bytes(&canonical), fault);
    if (!err)
        route->resolve[route->resolve_count++] = resolve;
    return err;
}

// ---- --allow-network CIDR ----

enum kh_err
credential_add_network(struct credential *credential, struct bytes text, struct fault *fault)
{
    struct route *route = &credential->route;
    struct route_network network;
    char canonical[ADDRESS_TEXT_SIZE];

    if (route->network_count == ROUTE_NETWORKS_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "there are more than %d", ROUTE_NETWORKS_MAX);
    if (!address_network_read(text, network.address, &network.prefix_bits))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "a network is ADDRESS/BITS with nothing right of its bits, as "
                         "127.0.0.0/8, or one address");
    address_network_print(network.address, network.prefix_bits, canonical);
    enum kh_err err =
        credential_list_add(credential, STORE_LIST_NETWORKS, bytes_str(canonical), fault);
    if (!err)
        route->network[route->network_count++] = network;
    return err;
}

// ---- --upstream-ca FILE ----

// Certificates alone are kept: whatever else stands in the file does not reach the proxies.
static enum kh_err
rewrite_certificates(struct bytes pem, struct buffer *out, size_t *count, struct fault *fault)
{
    BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
    BIO *text = BIO_new(BIO_s_mem());
    enum kh_err err = in && text ? KH_OK : KH_ERR_MEMORY;
    X509 *certificate;
    char *p;

    *count = 0;
    while (!err && (certificate = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        if (!PEM_write_bio_X509(text, certificate))
            err = KH_ERR_MEMORY;
        X509_free(certificate);
        ++*count;
    }
    // The end of the file is "no start line"; anything else is a certificate that cannot be read.
    unsigned long last = ERR_peek_last_error();
    if (!err && last && ERR_GET_REASON(last) != PEM_R_NO_START_LINE)
        err = fault_set(fault, KH_ERR_SYNTAX, "upstream_ca: certificate %zu cannot be read",
                        *count + 1);
    ERR_clear_error();
    if (!err) {
        long n = BIO_get_mem_data(text, &p);
        buffer_put(out, bytes_of(p, n > 0 ? (size_t)n : 0));
    }
    BIO_free(in);
    BIO_free(text);
    return err == KH_ERR_MEMORY ? fault_set(fault, err, "memory is used up") : err;
}

enum kh_err
credential_set_upstream_ca(struct credential *credential, struct bytes pem, struct fault *fault)
{
    size_t count;
    BUFFER_AUTO text;

    buffer_init(&text, CREDENTIAL_CA_MAX);
    if (pem.n > CREDENTIAL_CA_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "upstream_ca: more than %d bytes",
                         CREDENTIAL_CA_MAX);
    if (bytes_find(pem, BYTES("PRIVATE KEY-----")) < pem.n)
        return fault_set(fault, KH_ERR_DENIED,
                         "upstream_ca: holds a private key; give the certificates alone");
    ERR_clear_error();
    enum kh_err err = rewrite_certificates(pem, &text, &count, fault);
    if (!err && (count == 0 || text.failed))
        err = fault_set(fault, KH_ERR_SYNTAX, "upstream_ca: there is no PEM certificate in it");
    if (err)
        return err;
    if (credential_keep(credential, buffer_bytes(&text), &credential->route.upstream_ca))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    credential->row.upstream_ca = credential->route.upstream_ca;
    return KH_OK;
}
