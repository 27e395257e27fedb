/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading hosts, ports, pinned addresses, networks and certificates.
 */
#include "route_text.h"

#include "../caveats/address.h"
#include "../caveats/path.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

// ---- hosts and ports ----

enum kh_err
route_host_read(struct bytes text, struct buffer *out, struct fault *fault)
{
    bool wild = bytes_starts(text, BYTES("*."));
    BUFFER_AUTO host;

    buffer_init(&host, 512);
    if (wild)
        buffer_put_str(&host, "*.");
    if (host_canonical(bytes_from(text, wild ? 2 : 0), &host))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "\"%.*s\" is no host: an exact name or address, or one leading \"*.\"; "
                         "ports are given apart",
                         text.n > 100 ? 100 : (int)text.n, (const char *)text.p);
    struct bytes canonical = buffer_bytes(&host), suffix = bytes_from(canonical, 2);
    if (wild && !host_pattern_check(canonical)) // of an address
        return fault_set(fault, KH_ERR_SYNTAX,
                         "\"%.*s\" is no host: an address has no names below it",
                         BYTES_ARG(canonical));
    // "*.com" would be no wall.
    if (wild && bytes_index(suffix, '.') == suffix.n)
        return fault_set(fault, KH_ERR_RANGE, "\"%.*s\" is too wide: name a domain below it",
                         BYTES_ARG(canonical));
    buffer_put(out, canonical);
    return out->failed ? fault_set(fault, KH_ERR_TOO_LONG, "the host is too long") : KH_OK;
}

bool
route_port_read(struct bytes text, uint16_t *out)
{
    uint64_t port;

    if (!bytes_to_u64(text, &port) || port == 0 || port > UINT16_MAX)
        return false;
    *out = (uint16_t)port;
    return true;
}

bool
route_lists_host(const struct route *route, struct bytes host)
{
    for (size_t i = 0; i < route->host_count; i++) {
        if (host_pattern_matches(route->host[i], host))
            return true;
    }
    return false;
}

// ---- HOST:PORT:ADDRESS:PORT ----

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

enum kh_err
route_resolve_read(struct bytes text, struct buffer *host, struct buffer *address,
                   struct route_resolve *out, struct fault *fault)
{
    struct bytes rest = text, name, port, numbers;
    struct route_resolve resolve = {0};
    uint8_t binary[ADDRESS_SIZE];
    char printed[ADDRESS_TEXT_SIZE];

    if (!cut_host(&rest, &name) || host_canonical(name, host) != KH_OK ||
        !bytes_cut(&rest, ':', &port) || !route_port_read(port, &resolve.port) ||
        !cut_host(&rest, &numbers) || !route_port_read(rest, &resolve.address_port) ||
        !address_read(numbers, binary))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "it is HOST:PORT:ADDRESS:PORT, with brackets around an IPv6 address");
    address_network_print(binary, 128, printed);
    buffer_put_str(address, printed);
    *out = resolve;
    return KH_OK;
}

// ---- networks ----

enum kh_err
route_network_read(struct bytes text, struct route_network *out, struct fault *fault)
{
    if (address_network_read(text, out->address, &out->prefix_bits))
        return KH_OK;
    return fault_set(fault, KH_ERR_SYNTAX,
                     "a network is ADDRESS/BITS with nothing right of its bits, as "
                     "127.0.0.0/8, or one address");
}

// ---- certificates ----

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
        err = fault_set(fault, KH_ERR_SYNTAX, "certificate %zu cannot be read", *count + 1);
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
route_certificates_read(struct bytes pem, struct buffer *out, struct fault *fault)
{
    size_t count;

    if (pem.n > ROUTE_CA_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "more than %d bytes", ROUTE_CA_MAX);
    if (bytes_find(pem, BYTES("PRIVATE KEY-----")) < pem.n)
        return fault_set(fault, KH_ERR_DENIED, "holds a private key; give the certificates alone");
    ERR_clear_error();
    enum kh_err err = rewrite_certificates(pem, out, &count, fault);
    if (!err && (count == 0 || out->failed))
        err = fault_set(fault, KH_ERR_SYNTAX, "there is no PEM certificate in it");
    return err;
}
