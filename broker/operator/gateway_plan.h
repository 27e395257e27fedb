/* SPDX-License-Identifier: Apache-2.0
 *
 * What a gateway's configuration is made of: credentials whose key goes into header fields, and the
 * listener where the gateway asks.
 *
 *     gateway.c        the commands
 *     gateway_plan.c   what of a credential a gateway can do
 *     gateway_nginx.c  nginx's words for it
 *     gateway_envoy.c  Envoy's
 */
#ifndef KEYHOLE_OPERATOR_GATEWAY_PLAN_H
#define KEYHOLE_OPERATOR_GATEWAY_PLAN_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

#include <jansson.h>

enum { GATEWAY_UPSTREAMS_MAX = 16, GATEWAY_FIELDS_MAX = 32, GATEWAY_TEXT_MAX = 256 };

/* Names of header fields, in lower case. */
struct gateway_fields {
    char name[GATEWAY_FIELDS_MAX][64];
    size_t count;
};

struct gateway_upstream {
    char credential[GATEWAY_TEXT_MAX], host[GATEWAY_TEXT_MAX];
    uint16_t port;
    char address[GATEWAY_TEXT_MAX]; /* of --resolve, without brackets; or "" */
    uint16_t address_port;
    struct gateway_fields set;   /* what the injection writes */
    struct gateway_fields slots; /* where a token may stand, beyond these */
    bool token_in_query;         /* it may stand there as well */
};

struct gateway_plan {
    struct gateway_upstream upstream[GATEWAY_UPSTREAMS_MAX];
    size_t count;
    bool by_host;                  /* else /~NAME/ */
    const char *listen;            /* ADDRESS:PORT of the gateway */
    const char *certificate, *key; /* of the gateway itself; NULL: plain, on loopback */
    const char *trusted;           /* roots for the upstreams */
    const char *resolver;          /* nginx: a DNS server, or NULL: resolved when nginx starts */
    uint64_t body_max;             /* Envoy: bodies are sent up to this; 0: none are */
    /* where the gateway asks */
    const char *socket;  /* or NULL: */
    const char *address; /* "127.0.0.1:8439" */
    bool tls;
    const char *check_name, *check_trusted; /* of a TLS listener */
    const char *gateway_key;                /* of a listener with an address; secret */
};

/* Everything that a generated file quotes must pass this: no character of either syntax. */
bool gateway_is_plain(const char *text);

/* Add a name once. */
void gateway_fields_add(struct gateway_fields *fields, const char *name);
bool gateway_fields_have(const struct gateway_fields *fields, const char *name);
/* What no upstream is to get from a client, beyond prefixes that Keyhole looks at. */
extern const char *const gateway_dropped[];

/* The fields that an injection writes, as `credential.show` prints it, added to `out`. The members
 * of "several" are left to the caller: `*members` points to their names. KH_ERR_UNSUPPORTED: the
 * fault says why no gateway can put this key on a request. */
KH_MUST_CHECK enum kh_err gateway_read_inject(const char *inject, struct gateway_fields *out,
                                              const char **members, struct fault *fault);
/* One credential as `credential.show` tells it; `host` may be NULL: its first exact one. */
KH_MUST_CHECK enum kh_err gateway_read_credential(const json_t *credential, const char *host,
                                                  struct gateway_upstream *out,
                                                  const char **members, struct fault *fault);

/* "host", "host:port" where the port is not that of https: as a Host field says it. */
void gateway_print_host(const struct gateway_upstream *upstream, struct buffer *out);
void gateway_print_nginx(const struct gateway_plan *plan, struct buffer *out);
void gateway_print_envoy(const struct gateway_plan *plan, struct buffer *out);

#endif
