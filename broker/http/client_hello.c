/* SPDX-License-Identifier: Apache-2.0
 *
 * ClientHello, read through the borders of its records. Whoever cuts it in unusual ways is still
 * read the same as by a TLS library: the name that is judged must be the name that the upstream
 * will see.
 */
#include "client_hello.h"

#include "../../caveats/address.h"
#include "../../caveats/path.h"

#include <string.h>

enum {
    RECORD_HEADER = 5,
    RECORD_MAX = 16384, // of plain text (RFC 8446 5.1)
    HANDSHAKE_HEADER = 4,
    HANDSHAKE_CLIENT_HELLO = 1,
    RANDOM_SIZE = 32,
    SESSION_ID_MAX = 32,
    EXTENSIONS_MAX = 128,
    EXTENSION_SERVER_NAME = 0,
    // The largest ones are those with keys against quantum computers in them.
    SERVER_NAME_MAX = 2 + 3 + CLIENT_HELLO_NAME_MAX,
};

// Over the handshake's bytes; records are taken off on the way.
struct cursor {
    struct bytes in;
    size_t at;       // in `in`
    size_t record;   // what is left of the record
    size_t left;     // of the message, once its length is known
    size_t need;     // how long `in` has to be to go on; 0: it is long enough
    const char *why; // it is none
};

static bool
reject(struct cursor *c, const char *why)
{
    c->why = why;
    return false;
}

static bool
open_record(struct cursor *c)
{
    const uint8_t *p = c->in.p + c->at;
    size_t n = c->in.n - c->at;

    // Each byte is judged as it comes: nobody waits for the rest of what is no TLS.
    if (n > 0 && p[0] != CLIENT_HELLO_FIRST_BYTE)
        return reject(c, "it is not TLS");
    if (n > 1 && p[1] != 3)
        return reject(c, "it is no version of TLS");
    if (n < RECORD_HEADER) {
        c->need = c->in.n + 1;
        return false;
    }
    c->record = (size_t)p[3] << 8 | p[4];
    c->at += RECORD_HEADER;
    if (c->record == 0 || c->record > RECORD_MAX)
        return reject(c, "a record of the ClientHello has a length that is not allowed");
    return true;
}

static bool
next_byte(struct cursor *c, uint8_t *out)
{
    if (c->record == 0 && !open_record(c))
        return false;
    if (c->at == c->in.n) {
        c->need = c->at + c->record;
        return false;
    }
    *out = c->in.p[c->at++];
    c->record--;
    return true;
}

static bool
take(struct cursor *c, uint8_t *out)
{
    if (c->left == 0)
        return reject(c, "the ClientHello ends too early");
    if (!next_byte(c, out))
        return false;
    c->left--;
    return true;
}

// A number of one to three bytes.
static bool
number(struct cursor *c, int width, size_t *out)
{
    size_t value = 0;
    uint8_t byte = 0;

    for (int i = 0; i < width; i++) {
        if (!take(c, &byte))
            return false;
        value = value << 8 | byte;
    }
    *out = value;
    return true;
}

// `out` may be NULL.
static bool
octets(struct cursor *c, size_t n, uint8_t *out)
{
    uint8_t byte = 0;

    for (size_t i = 0; i < n; i++) {
        if (!take(c, &byte))
            return false;
        if (out)
            out[i] = byte;
    }
    return true;
}

/* ---- what is in it ---- */

static bool
read_header(struct cursor *c)
{
    uint8_t byte = 0;

    for (int i = 0; i < HANDSHAKE_HEADER; i++) {
        if (!next_byte(c, &byte))
            return false;
        if (i == 0 && byte != HANDSHAKE_CLIENT_HELLO)
            return reject(c, "the handshake begins with something else than a ClientHello");
        if (i > 0)
            c->left = c->left << 8 | byte;
        if (c->left > CLIENT_HELLO_MAX)
            return reject(c, "the ClientHello is too large");
    }
    return true;
}

static bool
read_fixed_part(struct cursor *c)
{
    uint8_t version[2] = {0};
    size_t n = 0;

    if (!octets(c, sizeof version, version))
        return false;
    if (version[0] != 3)
        return reject(c, "it is no version of TLS");
    if (!octets(c, RANDOM_SIZE, NULL) || !number(c, 1, &n))
        return false;
    if (n > SESSION_ID_MAX)
        return reject(c, "the ClientHello's session id is too long");
    if (!octets(c, n, NULL) || !number(c, 2, &n))
        return false;
    if (n < 2 || n % 2 != 0)
        return reject(c, "the ClientHello's cipher suites are no list");
    if (!octets(c, n, NULL) || !number(c, 1, &n))
        return false;
    if (n == 0)
        return reject(c, "the ClientHello has no compression method");
    return octets(c, n, NULL);
}

bool
client_hello_server_name(struct bytes extension, struct buffer *out)
{
    const uint8_t *p = extension.p;
    uint8_t address[ADDRESS_SIZE];

    if (extension.n < 5 || extension.n > SERVER_NAME_MAX)
        return false;
    // One name, and of the only type there is: two could be read in two ways.
    size_t list = (size_t)p[0] << 8 | p[1], n = (size_t)p[3] << 8 | p[4];
    if (list + 2 != extension.n || p[2] != 0 || n + 3 != list)
        return false;
    size_t before = out->n;
    if (host_canonical(bytes_slice(extension, 5, n), out) != KH_OK || out->failed)
        return false;
    return !address_read(bytes_from(buffer_bytes(out), before), address);
}

static bool
read_server_name(struct cursor *c, size_t n, struct client_hello *hello)
{
    uint8_t extension[SERVER_NAME_MAX];
    BUFFER_AUTO name;

    buffer_init(&name, CLIENT_HELLO_NAME_MAX);
    if (n > sizeof extension)
        return reject(c, "the ClientHello's server name is too long");
    if (!octets(c, n, extension))
        return false;
    if (!client_hello_server_name(bytes_of(extension, n), &name) || name.n == 0)
        return reject(c, "the ClientHello's server name is not one host name");
    memcpy(hello->name, name.p, name.n);
    hello->name_n = name.n;
    return true;
}

// RFC 8446 4.2: not two of the same type; a server could take the one, and we the other.
static bool
is_new(size_t *seen, size_t count, size_t type)
{
    for (size_t i = 0; i < count; i++) {
        if (seen[i] == type)
            return false;
    }
    seen[count] = type;
    return true;
}

static bool
read_extensions(struct cursor *c, struct client_hello *hello)
{
    size_t seen[EXTENSIONS_MAX], total = 0;

    if (c->left == 0) // as before TLS 1.2
        return true;
    if (!number(c, 2, &total))
        return false;
    if (total != c->left)
        return reject(c, "the ClientHello's extensions do not fill it");
    for (size_t count = 0; c->left > 0; count++) {
        size_t type = 0, n = 0;
        if (!number(c, 2, &type) || !number(c, 2, &n))
            return false;
        if (n > c->left)
            return reject(c, "an extension of the ClientHello is longer than it");
        if (count == EXTENSIONS_MAX || !is_new(seen, count, type))
            return reject(c, count == EXTENSIONS_MAX ? "the ClientHello has too many extensions"
                                                     : "the ClientHello has an extension twice");
        if (type == EXTENSION_SERVER_NAME ? !read_server_name(c, n, hello) : !octets(c, n, NULL))
            return false;
    }
    return true;
}

enum client_hello_result
client_hello_read(struct bytes in, struct client_hello *out)
{
    struct cursor c = {.in = in};
    struct client_hello hello = {0};

    *out = hello;
    if (read_header(&c) && read_fixed_part(&c) && read_extensions(&c, &hello)) {
        // Keys change after it, so nothing else may stand in its last record (RFC 8446 5.1).
        if (c.record > 0) {
            out->why = "something stands behind the ClientHello in its record";
            return CLIENT_HELLO_REJECT;
        }
        *out = hello;
        return CLIENT_HELLO_DONE;
    }
    out->why = c.why;
    if (c.why == NULL && c.need > CLIENT_HELLO_READ_MAX)
        out->why = "the ClientHello is cut into too many records";
    out->need = c.need;
    return out->why ? CLIENT_HELLO_REJECT : CLIENT_HELLO_MORE;
}

void
client_hello_write_alert(enum client_hello_alert alert, struct buffer *out)
{
    // alert(21), the version that every client reads, length 2, fatal(2)
    const uint8_t record[] = {21, 3, 3, 0, 2, 2, (uint8_t)alert};

    buffer_put(out, bytes_of(record, sizeof record));
}
