/* SPDX-License-Identifier: Apache-2.0
 *
 * What a relay says of a connection before the connection's own bytes: a PROXY protocol header,
 * version 2 (haproxy's proxy-protocol.txt, section 2.2), with values of our own. `keyhole run`
 * writes it, a listener of the broker reads it. docs/PROTOCOL.run.md has the table.
 *
 * Everything in it narrows what the connection may do, or presents what any client may present;
 * who the client is (its address, its user) it cannot say. So any listener takes it from anybody.
 */
#ifndef KEYHOLE_PREFACE_H
#define KEYHOLE_PREFACE_H

#include "bytes.h"
#include "errors.h"

enum {
    PREFACE_SIGNATURE_SIZE = 12,
    PREFACE_HEAD_SIZE = 16, /* signature, version and command, family, length */
    PREFACE_MAX = 24576,    /* of all of it */
    PREFACE_TOKEN_MAX = 8192,
    PREFACE_HOSTS_MAX = 12288,
    PREFACE_RUN_SIZE = 16,
};

enum preface_kind {
    PREFACE_PROXY = 0,   /* the client knows that it speaks to a proxy, or to the broker */
    PREFACE_TRANSPARENT, /* it does not: SNI or Host name the destination, `port` its port */
    PREFACE_DNS,         /* DNS messages, framed as over TCP (RFC 1035 4.2.2) */
    PREFACE_KIND_COUNT
};

struct preface {
    enum preface_kind kind;
    uint16_t port;                 /* TRANSPARENT: where the client connected to; else 0 */
    bool require_token;            /* pass-through needs a token here, also on a unix socket */
    uint8_t run[PREFACE_RUN_SIZE]; /* names the run, for its list of refusals; zeros: none */
    struct bytes token;            /* presented like Proxy-Authorization at CONNECT; empty: none */
    struct bytes hosts; /* host patterns, with spaces between: nothing else is reached. Empty: no
                           such limit */
    uint8_t answer[4];  /* DNS: the IPv4 address that allowed names get; zeros: refuse them all */
};

/* Append it. Marks `out` failed when a field is too long or does not go with the kind. */
void preface_write(const struct preface *preface, struct buffer *out);

enum preface_result {
    PREFACE_NONE = 0, /* these bytes begin something else */
    PREFACE_MORE,     /* they could become one: read on */
    PREFACE_BAD,      /* one that is not understood: close */
    PREFACE_READ,
};
/* `out` points into `bytes`; `*used` is where the connection's own bytes begin. Both are written
 * by PREFACE_READ alone. Values that are not known are refused: they may be limits. */
KH_MUST_CHECK enum preface_result preface_read(struct bytes bytes, struct preface *out,
                                               size_t *used);
/* Whether the connection may go to that canonical host. */
bool preface_allows(const struct preface *preface, struct bytes host);

#endif
