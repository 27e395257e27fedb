/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical hosts. Host field, authority, SNI and the dialled name are compared byte for byte, so
 * each host has one spelling. Declared in path.h.
 */

#include <arpa/inet.h>
#include <idn2.h>
#include <netinet/in.h>
#include <string.h>

#include "path.h"

enum {
    HOST_MAX = 253, /* RFC 1035 section 2.3.4, in presentation form */
    LABEL_MAX = 63,
    UNICODE_HOST_MAX = 1000, /* U-labels are longer in UTF-8 than their A-labels */
};

static bool
label_is_valid(struct bytes label)
{
    if (label.n == 0 || label.n > LABEL_MAX || label.p[0] == '-' || label.p[label.n - 1] == '-')
        return false;
    for (size_t i = 0; i < label.n; i++) {
        uint8_t c = label.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* Some resolvers read 0x7f.1 or 2130706433 as an address (WHATWG URL, "ends in a number"). */
static bool
label_is_numeric(struct bytes label)
{
    size_t i = 0;
    if (bytes_starts(label, BYTES("0x")))
        return true;
    while (i < label.n && label.p[i] >= '0' && label.p[i] <= '9')
        i++;
    return i == label.n;
}

/* Lower-case LDH labels, none of them in need of IDNA, and no number at the end. */
static bool
name_is_plain(struct bytes name, bool *has_a_label)
{
    struct bytes rest = name, label = BYTES_EMPTY;
    if (name.n == 0 || name.n > HOST_MAX || name.p[name.n - 1] == '.')
        return false;
    while (bytes_cut(&rest, '.', &label)) {
        if (!label_is_valid(label))
            return false;
        if (bytes_starts(label, BYTES("xn--")))
            *has_a_label = true;
    }
    return !label_is_numeric(label);
}

static bool
ipv4_canonical(struct bytes host, struct buffer *out)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address;
    if (host.n >= sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    /* glibc's inet_pton takes four decimal parts without leading zeros and nothing else. */
    if (strlen(text) != host.n || inet_pton(AF_INET, text, &address) != 1)
        return false;
    buffer_put(out, host);
    return !out->failed;
}

static bool
ipv6_canonical(struct bytes host, struct buffer *out)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (host.n == 0 || host.n >= sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    if (strlen(text) != host.n || inet_pton(AF_INET6, text, &address) != 1 ||
        !inet_ntop(AF_INET6, &address, text, sizeof text))
        return false;
    buffer_put_str(out, text);
    return !out->failed;
}

static bool
lowered_canonical(struct bytes host, struct buffer *out)
{
    bool has_a_label = false;
    if (host.n && host.p[host.n - 1] == '.')
        host.n--;
    if (!name_is_plain(host, &has_a_label))
        return ipv4_canonical(host, out);
    buffer_put(out, host);
    return !out->failed;
}

/* TR46 maps full-width digits and dots to ASCII, so what comes out is checked like any other. */
static bool
idna_canonical(const uint8_t *host, struct buffer *out)
{
    uint8_t *ascii = NULL;
    if (idn2_lookup_u8(host, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK || !ascii)
        return false;
    bool fine = lowered_canonical(bytes_str((const char *)ascii), out);
    idn2_free(ascii);
    return fine;
}

enum kh_err
host_canonical(struct bytes host, struct buffer *out)
{
    uint8_t text[UNICODE_HOST_MAX + 1];
    bool is_ascii = true, has_a_label = false;
    if (host.n == 0 || host.n > UNICODE_HOST_MAX)
        return KH_ERR_SYNTAX;
    if (host.p[0] == '[') {
        if (host.n < 2 || host.p[host.n - 1] != ']')
            return KH_ERR_SYNTAX;
        return ipv6_canonical(bytes_slice(host, 1, host.n - 2), out) ? KH_OK : KH_ERR_SYNTAX;
    }
    if (bytes_index(host, ':') < host.n)
        return ipv6_canonical(host, out) ? KH_OK : KH_ERR_SYNTAX;

    for (size_t i = 0; i < host.n; i++) {
        uint8_t c = host.p[i];
        if (c <= 0x20 || c == 0x7f)
            return KH_ERR_SYNTAX;
        is_ascii = is_ascii && c < 0x80;
        text[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
    }
    text[host.n] = '\0';

    struct bytes lowered = bytes_of(text, host.n), name = lowered;
    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    bool needs_idna = !is_ascii || (name_is_plain(name, &has_a_label) && has_a_label);
    if (needs_idna && !bytes_is_utf8(lowered))
        return KH_ERR_SYNTAX;
    bool fine = needs_idna ? idna_canonical(text, out) : lowered_canonical(lowered, out);
    return fine ? KH_OK : KH_ERR_SYNTAX;
}

bool
host_is_canonical(struct bytes host)
{
    bool has_a_label = false;
    if (name_is_plain(host, &has_a_label) && !has_a_label)
        return true;
    BUFFER_AUTO again;
    buffer_init(&again, UNICODE_HOST_MAX);
    return host_canonical(host, &again) == KH_OK && bytes_equal(buffer_bytes(&again), host);
}

/* Cut ":port" off; false when it is there and wrong. */
static bool
port_cut(struct bytes *host, struct bytes port, uint16_t *out)
{
    uint64_t number;
    *out = 0;
    if (port.n == 0)
        return true;
    host->n -= port.n;
    if (port.p[0] != ':' || !bytes_to_u64(bytes_from(port, 1), &number) || number == 0 ||
        number > UINT16_MAX)
        return false;
    *out = (uint16_t)number;
    return true;
}

enum kh_err
authority_split(struct bytes authority, struct buffer *host, uint16_t *port)
{
    bool is_bracketed = authority.n && authority.p[0] == '[';
    size_t end = bytes_index(authority, is_bracketed ? ']' : ':');
    if (is_bracketed) {
        if (end == authority.n)
            return KH_ERR_SYNTAX;
        end++;
    }
    uint16_t number;
    struct bytes name = authority;
    if (!port_cut(&name, bytes_from(authority, end), &number))
        return KH_ERR_SYNTAX;
    enum kh_err err = host_canonical(name, host);
    if (err == KH_OK)
        *port = number;
    return err;
}

bool
host_pattern_check(struct bytes pattern)
{
    if (!bytes_starts(pattern, BYTES("*.")))
        return host_is_canonical(pattern);
    bool has_a_label = false; /* a name: an address has no subdomains */
    struct bytes suffix = bytes_from(pattern, 2);
    return name_is_plain(suffix, &has_a_label) && host_is_canonical(suffix);
}

bool
host_pattern_matches(struct bytes pattern, struct bytes host)
{
    if (!bytes_starts(pattern, BYTES("*.")))
        return pattern.n > 0 && bytes_equal(pattern, host);
    struct bytes suffix = bytes_from(pattern, 1); /* with its dot */
    return suffix.n > 1 && host.n > suffix.n && host.p[0] != '.' && bytes_ends(host, suffix);
}
