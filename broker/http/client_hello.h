/* SPDX-License-Identifier: Apache-2.0
 *
 * The first flight of a TLS client (RFC 8446 4.1.2), looked at without answering it: which name it
 * asks for. Strict, sans-I/O, bounded, no allocation.
 */
#ifndef KEYHOLE_CLIENT_HELLO_H
#define KEYHOLE_CLIENT_HELLO_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

enum {
    CLIENT_HELLO_MAX = 32768, /* of the message; real ones have 200 to 4000 bytes */
    /* With the headers of its records, however it was cut: what has to be read at most. */
    CLIENT_HELLO_READ_MAX = CLIENT_HELLO_MAX + 4096,
    CLIENT_HELLO_NAME_MAX = 255,
    CLIENT_HELLO_FIRST_BYTE = 0x16, /* of a TLS handshake record, and of no HTTP method */
};

enum client_hello_result {
    CLIENT_HELLO_REJECT = 0,
    CLIENT_HELLO_MORE, /* it goes on, as far as can be seen */
    CLIENT_HELLO_DONE,
};

struct client_hello {
    const char *why; /* of REJECT: a sentence */
    size_t need;     /* of MORE: how long `in` has to be before it is worth to look again */
    /* of DONE */
    char name[CLIENT_HELLO_NAME_MAX + 1]; /* canonical; "" when it asks for none */
    size_t name_n;
};

/* `in` is what the client has sent since its connection began. What follows the ClientHello in
 * records of its own is not looked at. */
KH_MUST_CHECK enum client_hello_result client_hello_read(struct bytes in, struct client_hello *out);

/* The one name in a server_name extension's bytes (RFC 6066 3), canonical, appended. False when it
 * is none; an address is none. */
KH_MUST_CHECK bool client_hello_server_name(struct bytes extension, struct buffer *out);

/* The fatal alert with which a server refuses a ClientHello: for AD (RFC 8446 6), in one record. */
enum client_hello_alert {
    CLIENT_HELLO_ALERT_ACCESS_DENIED = 49,
    CLIENT_HELLO_ALERT_DECODE_ERROR = 50,
    CLIENT_HELLO_ALERT_INTERNAL_ERROR = 80,
    CLIENT_HELLO_ALERT_UNRECOGNIZED_NAME = 112,
};
void client_hello_write_alert(enum client_hello_alert alert, struct buffer *out);

#endif
