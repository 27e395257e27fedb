/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a request is to go: which way it came in, and the one destination that everything that
 * names one agrees on (Host, target, CONNECT authority, SNI). Pure: no sockets in here.
 */
#ifndef KEYHOLE_PROXY_DESTINATION_H
#define KEYHOLE_PROXY_DESTINATION_H

#include "../http/http1.h"
#include "routes.h"

/* The last authority that was read, and what it says: most requests of a client name the same. It
 * depends on the text alone, so it may be shared by all connections. */
enum { DESTINATION_HOST_MAX = 255, DESTINATION_TEXT_MAX = 128 };
struct destination_memo {
    size_t text_n; /* 0: there is none */
    size_t host_n;
    uint16_t port; /* 0: it names none */
    bool is_loopback;
    uint8_t text[DESTINATION_TEXT_MAX], host[DESTINATION_TEXT_MAX];
};

/* What is known of the connection. All names are canonical. */
struct destination_view {
    struct destination_memo *memo; /* NULL: nothing is remembered */
    bool intercepted;              /* inside of an intercepted CONNECT */
    struct bytes connect_host;     /* its authority */
    uint16_t connect_port;
    struct bytes sni;        /* of the innermost TLS; empty when there was none */
    bool transparent;        /* the client believes to speak to the destination itself */
    uint16_t reached_port;   /* transparent: where it connected to */
    struct bytes local_host; /* the address that the client reached us at */
    uint16_t local_port;     /* 0: a unix socket */
    char *const *name;       /* the broker's own names, of the configuration */
    size_t name_count;
};

enum destination_kind {
    DESTINATION_REFUSED = 0,
    DESTINATION_UPSTREAM,
    DESTINATION_CONNECT, /* open a tunnel and look into it */
    DESTINATION_TUNNEL,  /* open a tunnel to a host that is passed through */
    DESTINATION_OWN,     /* the broker itself */
};

struct destination {
    struct buffer host; /* canonical */
    enum destination_kind kind;
    enum way way;
    enum kh_reason reason; /* refused: why */
    const char *detail;
    bool is_loopback;    /* the host that the request names is this machine */
    uint16_t named_port; /* as the request names it, or as its scheme does */
    struct bytes wanted; /* credential of a base URL, points into the head */
    struct bytes path;   /* of the target, "/~name" cut off */
    struct routes_match match;
};

void destination_init(struct destination *destination);
void destination_clear(struct destination *destination); /* for another one; keeps memory */
void destination_free(struct destination *destination);

/* Fill `out`, which is initialised. `head` must outlive it. */
void destination_find(const struct routes *routes, const struct destination_view *view,
                      const struct http1_head *head, struct destination *out);

/* Whether the broker itself is meant: loopback, localhost, its own address, its configured names.
 */
bool destination_is_own(const struct destination_view *view, struct bytes host);

#endif
