/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies of the messages in schema/messages.def: each _tx builds what its _rx parses.
 *
 * _tx appends to a buffer (check buffer->failed). _rx is strict (every length checked, nothing may
 * be left over); slices of the result point into the body.
 */
#ifndef KEYHOLE_MESSAGES_H
#define KEYHOLE_MESSAGES_H

#include "../caveats/bytes.h"
#include "../caveats/errors.h"
#include "../caveats/facts.h"
#include "../caveats/ticket.h"
#include "../caveats/token.h"
#include "config.h"

/* ---- credentials as the proxy knows them: no secret in here ---- */

enum slot_kind {
    SLOT_UNSET = 0,
    SLOT_BEARER,              /* Authorization: Bearer|token|Token */
    SLOT_BASIC,               /* user or password part of Authorization: Basic */
    SLOT_HEADER,              /* name */
    SLOT_QUERY,               /* name */
    SLOT_PROXY_AUTHORIZATION, /* Bearer, or user or password of Basic */
    SLOT_KEYHOLE_TOKEN,       /* Keyhole-Token: for clients that have no slot at all */
    SLOT_COOKIE,              /* name */
    SLOT_PATH,                /* the one segment that holds a token: /bot<token>/ */
    SLOT_FIELD,               /* name: of a form, or a JSON pointer ("/auth/key") */
    SLOT_AWS,                 /* the access key id of SigV4, in a header or a presigned query */
    SLOT_SUBPROTOCOL,         /* an item of Sec-WebSocket-Protocol */
    SLOT_COUNT
};

struct slot {
    enum slot_kind kind;
    struct bytes name; /* header: lower case; query: as decoded; else empty */
};

enum inject_kind {
    INJECT_UNSET = 0,
    INJECT_HEADER, /* name, template */
    INJECT_BASIC,
    INJECT_QUERY,       /* name */
    INJECT_COOKIE,      /* name */
    INJECT_PATH,        /* template of the segment */
    INJECT_FIELD,       /* name, as SLOT_FIELD */
    INJECT_SUBPROTOCOL, /* template of the item */
    INJECT_HMAC,        /* a header with a signature of the request */
    INJECT_SIGV4,
    INJECT_OAUTH2,  /* header: an access token, refreshed */
    INJECT_JWT,     /* header: an assertion, sent or exchanged */
    INJECT_MTLS,    /* a client certificate; nothing on the request */
    INJECT_SEVERAL, /* other credentials, put together */
    INJECT_COUNT
};

/* What becomes of an answer that is an OAuth token. */
enum token_answers {
    TOKEN_ANSWERS_REFUSE = 0,
    TOKEN_ANSWERS_PASS,
    TOKEN_ANSWERS_SEAL, /* its access token is kept by the authority */
    TOKEN_ANSWERS_COUNT
};

enum answer_cookies {
    ANSWER_COOKIES_PASS = 0,
    ANSWER_COOKIES_NAMED, /* those of route.cookies alone; of an empty list: none */
    ANSWER_COOKIES_COUNT
};

enum {
    ROUTE_HOSTS_MAX = 32,
    ROUTE_PORTS_MAX = 16,
    ROUTE_SLOTS_MAX = 16,
    ROUTE_RESOLVE_MAX = 16,
    ROUTE_NETWORKS_MAX = 16,
    ROUTE_ANSWER_NAMES_MAX = 2048, /* bytes of each list */
};

/* --resolve HOST:PORT:ADDRESS:PORT */
struct route_resolve {
    struct bytes host, address;
    uint16_t port, address_port;
};

/* --allow-network CIDR */
struct route_network {
    uint8_t address[16]; /* IPv4 as IPv4-mapped */
    uint8_t prefix_bits; /* of the 128 */
};

struct route {
    struct bytes credential;
    struct bytes host[ROUTE_HOSTS_MAX]; /* patterns: exact, or one leading "*." */
    size_t host_count;
    uint16_t port[ROUTE_PORTS_MAX]; /* none: the scheme's default port */
    size_t port_count;
    struct slot slot[ROUTE_SLOTS_MAX];
    size_t slot_count;
    enum inject_kind inject_kind;
    struct bytes inject_name; /* the header or query parameter that the injection writes */
    bool enabled;
    bool plain; /* HTTP to the upstream, inside an allowed network only */
    bool scrub;
    bool foreign_pass;        /* requests with a key that is no token go on as they are */
    unsigned path_exceptions; /* enum path_exception */
    struct route_resolve resolve[ROUTE_RESOLVE_MAX];
    size_t resolve_count;
    struct route_network network[ROUTE_NETWORKS_MAX];
    size_t network_count;
    struct bytes upstream_ca; /* PEM, or empty for the system's roots */
    /* No credential's, but the operator's list of hosts that are passed through: the name is
     * PASS_THROUGH_NAME (caveats/decide.h), there is no slot and nothing is injected or scrubbed.
     */
    bool pass_through;
    enum token_answers token_answers;
    enum answer_cookies answer_cookies;
    struct bytes cookies;        /* names that may be set, separated by commas */
    struct bytes dropped_fields; /* of answers, separated by commas */
    unsigned metrics_slot;       /* not sent: by which it is counted (routes_name_slots) */
};

void message_route_tx(const struct route *route, struct buffer *out);
KH_MUST_CHECK enum kh_err message_route_rx(struct bytes body, struct route *out);

/* ---- one request ---- */

/* How it came in. */
enum way {
    WAY_UNSET = 0,
    WAY_BASE_URL,
    WAY_HOST,
    WAY_HTTP_PROXY,
    WAY_CONNECT,
    WAY_OWN,         /* for the broker itself */
    WAY_TUNNEL,      /* CONNECT to a host that is passed through: what is inside is not seen */
    WAY_TRANSPARENT, /* the client believes to speak to the destination itself */
    WAY_CHECK,       /* a gateway asks, and keeps the traffic (docs/GATEWAYS.md) */
    WAYS_COUNT
};
/* "base-url", "host", "http-proxy", "connect", "own", "tunnel", "transparent", "check" */
const char *way_name(enum way way);

enum { DECIDE_PAIRS_MAX = 128, REQUEST_ID_SIZE = 16, RUN_ID_SIZE = 16 };

/* What a client of AWS has signed for (SLOT_AWS alone): its signature itself is worthless. */
enum { AWS_SCOPE_WORD_MAX = 64, AWS_SIGNED_HEADERS_MAX = 1024 };
struct message_aws {
    bool presigned; /* in the query, not in Authorization */
    struct bytes scope_date, region, service;
    struct bytes signed_headers; /* "host;x-amz-date" */
    struct bytes date, expires;  /* of a presigned query */
};

struct message_decide {
    enum way way;
    /* That of the decision which asked for the body; zeros: a new request. */
    uint8_t request_id[REQUEST_ID_SIZE];
    bool rejudge;           /* a request that was allowed and still runs: count nothing anew */
    enum kh_reason refused; /* set: already refused by the proxy, for the audit log alone */
    struct bytes refused_detail;
    struct bytes wanted; /* credential named in a base URL, or empty */
    /* To a host that is passed through. `token_required`: not without a token, whoever asks. The
     * authority knows its own list, and asks everybody for one who does not come by a unix socket.
     * With the method CONNECT it is a tunnel, whichever way: there is no path and no body. */
    bool pass_through, token_required;
    struct bytes scheme, host;
    uint16_t port;
    struct bytes method;
    struct bytes path;         /* canonical, decoded: judged */
    struct bytes path_encoded; /* canonical, encoded: sent and audited */
    size_t query_count, header_count;
    struct facts_body body; /* its values are body_value */
    struct bytes upgrade;
    struct bytes client; /* address as text, or "unix" */
    uint32_t client_uid; /* of a unix peer, else UINT32_MAX */
    struct slot slot;    /* where the token was found */
    bool slot_in_user;   /* basic: the token was the user part, else the password */
    struct bytes token;  /* text as found; empty when there was none */
    struct message_aws aws;
    uint8_t run[RUN_ID_SIZE]; /* of the connection's preface; zeros: none */
    /* 11 KiB, of which most requests need little: what lies behind the counts is not set. */
    struct fact_pair query[DECIDE_PAIRS_MAX];  /* decoded */
    struct fact_pair header[DECIDE_PAIRS_MAX]; /* lower-case names, no slot, no hop-by-hop */
    struct fact_body_value body_value[BODY_POINTERS_MAX];
};

/* All but those three. */
void message_decide_init(struct message_decide *message);
void message_decide_tx(const struct message_decide *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_decide_rx(struct bytes body, struct message_decide *out);

/* What to change in the canonical request before it is sent. Names never come from the client. */
enum edit_kind {
    EDIT_UNSET = 0,
    EDIT_HEADER_SET, /* remove every field of that name, then add one */
    EDIT_HEADER_REMOVE,
    EDIT_QUERY_SET, /* name and value not encoded; at the place of the first, else at the end */
    EDIT_QUERY_REMOVE,
    EDIT_COOKIE_SET,         /* name; the pairs of Cookie, at the place of the token's */
    EDIT_PATH_SET,           /* the segment where the token stood; value not encoded */
    EDIT_FIELD_SET,          /* name; in the body, which was held back; value not encoded */
    EDIT_SUBPROTOCOL_SET,    /* the item where the token stood */
    EDIT_CLIENT_CERTIFICATE, /* for the connection: certificates and key in PEM */
    EDIT_COUNT
};

struct edit {
    enum edit_kind kind;
    struct bytes name, value;
};

enum { DECISION_EDITS_MAX = 16, DECISION_SECRETS_MAX = 64 };

struct message_decision {
    bool allow; /* zero value: deny */
    enum kh_reason reason;
    struct bytes detail; /* for people; never a secret */
    uint32_t retry_after_s;
    /* Names the audit record; sent as Keyhole-Request-Id in hexadecimal. */
    uint8_t request_id[REQUEST_ID_SIZE];
    struct bytes credential; /* allow: which route serves it */
    int64_t recheck_at;      /* seconds since 1970; INT64_MAX: never */
    size_t edit_count, secret_count, pointer_count;
    /* Neither yet (and so a denial, for whoever cannot go on): read the body, within the limit, and
     * ask again with the same request id, the size, the values at these pointers, and its hash if
     * that is wanted. Nothing was counted or recorded. */
    bool need_body;
    bool need_sha256;
    bool need_content; /* and send all of it in BODY_PARTs before that */
    /* What lies behind the counts is not set. */
    struct edit edit[DECISION_EDITS_MAX];
    struct bytes secret[DECISION_SECRETS_MAX]; /* to be scrubbed from the response */
    struct bytes pointer[BODY_POINTERS_MAX];
};

/* All but those three: a denial, without a reason yet. */
void message_decision_init(struct message_decision *message);
void message_decision_tx(const struct message_decision *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_decision_rx(struct bytes body, struct message_decision *out);

/* A body that is signed by the authority, in order from offset 0. */
enum { BODY_PART_MAX = 61440, BODY_CONTENT_MAX = 16 << 20 };
struct message_body_part {
    uint8_t request_id[REQUEST_ID_SIZE]; /* of the decision that asked for it */
    uint64_t offset;
    struct bytes data;
};
void message_body_part_tx(const struct message_body_part *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_body_part_rx(struct bytes body, struct message_body_part *out);

struct message_finished {
    uint8_t request_id[REQUEST_ID_SIZE];
    uint16_t upstream_status;      /* 0: there was no answer */
    enum kh_reason reason;         /* why it failed after it was allowed, or KH_REASON_UNSET */
    bool cut;                      /* ended by revocation or expiry */
    uint64_t bytes_up, bytes_down; /* of bodies */
    uint32_t duration_ms;
    struct bytes credential; /* whose key was on it; empty when none was */
};

void message_finished_tx(const struct message_finished *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_finished_rx(struct bytes body, struct message_finished *out);

/* ---- requests that the authority composes and a proxy carries ---- */

enum { CARRY_FIELDS_MAX = 16, CARRY_ANSWER_MAX = 65536 };

struct message_carry {
    struct bytes credential; /* whose networks, overrides and roots hold for it */
    bool plain;              /* HTTP; of a plain credential alone */
    struct bytes host;       /* canonical */
    uint16_t port;
    struct bytes method, target; /* target: path and query */
    struct fact_pair field[CARRY_FIELDS_MAX];
    size_t field_count;
    struct edit edit[DECISION_EDITS_MAX]; /* as of a decision */
    size_t edit_count;
    struct bytes body;   /* a secret */
    bool status_alone;   /* the answer's body is of no interest */
    uint32_t timeout_ms; /* for all of it */
};
struct message_carried {
    bool answered;         /* false: there was no answer that can be used */
    uint16_t status;       /* answered */
    struct bytes body;     /* answered: the whole of it; a secret */
    enum kh_reason reason; /* not answered: why */
    struct bytes detail;
};

void message_carry_tx(const struct message_carry *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_carry_rx(struct bytes body, struct message_carry *out);
void message_carried_tx(const struct message_carried *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_carried_rx(struct bytes body, struct message_carried *out);

/* ---- answers that are tokens ---- */

enum { SEAL_TOKEN_MAX = 8192 };
struct message_seal_token {
    uint8_t request_id[REQUEST_ID_SIZE]; /* of the request whose answer it is */
    struct bytes token;                  /* a secret; not empty */
};
struct message_token_sealed {
    bool sealed;         /* it is on the disk */
    struct bytes detail; /* not sealed: why */
};
void message_seal_token_tx(const struct message_seal_token *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_seal_token_rx(struct bytes body, struct message_seal_token *out);
void message_token_sealed_tx(const struct message_token_sealed *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_token_sealed_rx(struct bytes body,
                                                  struct message_token_sealed *out);

/* ---- certificates of the local CA ---- */

struct message_leaf_ask {
    struct bytes host;       /* canonical */
    struct bytes public_key; /* SubjectPublicKeyInfo, DER: the private key stays in the proxy */
};
struct message_leaf {
    bool issued;       /* false: the name is none that this broker stands in for */
    struct bytes cert; /* DER */
    int64_t expires_at;
};

void message_leaf_ask_tx(const struct message_leaf_ask *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_leaf_ask_rx(struct bytes body, struct message_leaf_ask *out);
void message_leaf_tx(const struct message_leaf *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_leaf_rx(struct bytes body, struct message_leaf *out);

/* ---- a holder ends its own token ---- */

struct message_revoke_ask {
    struct bytes token, client;
};
struct message_revoke_done {
    bool revoked;
    enum kh_reason reason;               /* when not */
    uint8_t request_id[REQUEST_ID_SIZE]; /* of the record of that */
    uint8_t lineage[LINEAGE_ID_SIZE];
};

void message_revoke_ask_tx(const struct message_revoke_ask *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_revoke_ask_rx(struct bytes body, struct message_revoke_ask *out);
void message_revoke_done_tx(const struct message_revoke_done *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_revoke_done_rx(struct bytes body,
                                                 struct message_revoke_done *out);

/* ---- login: a token that is worth nothing until its hole is filled ---- */

struct message_login_ask {
    struct bytes user, credential[TOKEN_CREDENTIALS_MAX];
    size_t credential_count;
    int64_t lifetime_s; /* 0: the default */
    struct bytes client;
};
struct message_login_done {
    bool minted;
    enum kh_reason reason;  /* when not */
    uint32_t retry_after_s; /* of login-too-often */
    struct bytes token;
    int64_t expires_at;
};
void message_login_ask_tx(const struct message_login_ask *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_login_ask_rx(struct bytes body, struct message_login_ask *out);
void message_login_done_tx(const struct message_login_done *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_login_done_rx(struct bytes body, struct message_login_done *out);

/* ---- `keyhole run` ---- */

struct message_environment_ask {
    bool ca_alone;      /* the CA's certificate, for everybody */
    struct bytes token; /* else: whose credentials are listed */
    struct bytes client;
};
struct message_environment {
    bool given;
    enum kh_reason reason;               /* when not */
    uint8_t request_id[REQUEST_ID_SIZE]; /* of the record of that */
    struct bytes content;                /* PEM, or JSON as in docs/PROTOCOL.run.md */
};
void message_environment_ask_tx(const struct message_environment_ask *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_environment_ask_rx(struct bytes body,
                                                     struct message_environment_ask *out);
void message_environment_tx(const struct message_environment *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_environment_rx(struct bytes body,
                                                 struct message_environment *out);

/* RUN_ASK; the answer is a text (message_text_tx), JSON. */
void message_run_ask_tx(const uint8_t run[RUN_ID_SIZE], struct buffer *out);
KH_MUST_CHECK enum kh_err message_run_ask_rx(struct bytes body, uint8_t run[RUN_ID_SIZE]);

struct message_run_refused {
    uint8_t run[RUN_ID_SIZE]; /* not zeros */
    struct bytes host;        /* canonical */
};
void message_run_refused_tx(const struct message_run_refused *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_run_refused_rx(struct bytes body,
                                                 struct message_run_refused *out);

/* ---- dischargers ---- */

enum { DISCHARGERS_MAX = 16 };
struct message_dischargers { /* the first one is the default */
    struct discharger discharger[DISCHARGERS_MAX];
    size_t count;
};
void message_dischargers_tx(const struct message_dischargers *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_dischargers_rx(struct bytes body,
                                                 struct message_dischargers *out);

/* What the discharger is told; its own URL is made by the supervisor, which opened the socket. */
struct message_discharger_config {
    struct discharger_settings settings; /* broker/config.h; texts point into the body */
    struct bytes url;
    uint8_t log_format, log_level;
};
void message_discharger_config_tx(const struct message_discharger_config *message,
                                  struct buffer *out);
KH_MUST_CHECK enum kh_err message_discharger_config_rx(struct bytes body,
                                                       struct message_discharger_config *out);
void message_discharger_ready_tx(const struct discharger *discharger, struct buffer *out);
KH_MUST_CHECK enum kh_err message_discharger_ready_rx(struct bytes body, struct discharger *out);

/* ---- set-up ---- */

enum listener_kind {
    LISTENER_UNSET = 0,
    LISTENER_TCP,
    LISTENER_UNIX,
    LISTENER_DNS_UDP,
    LISTENER_DNS_TCP,
    LISTENER_KIND_COUNT
};

enum { LISTENER_UIDS_MAX = 16, LISTENER_GATEWAY_KEYS_MAX = 2, GATEWAY_KEY_HASH_SIZE = 32 };

/* For gateways alone: it answers check requests and nothing else. Who connects has proven to be a
 * gateway by its user id (a unix socket), or else by a gateway key. */
struct message_listener_gateway {
    bool only;
    uint32_t uid[LISTENER_UIDS_MAX]; /* of a unix socket; none: whom the socket's mode lets in */
    size_t uid_count;
    uint8_t key_hash[LISTENER_GATEWAY_KEYS_MAX][GATEWAY_KEY_HASH_SIZE]; /* TCP: at least one */
    size_t key_count;
};

struct message_listener {
    enum listener_kind kind;
    struct message_listener_gateway gateway;
    bool tls;                      /* TLS on this listener itself */
    struct bytes name;             /* "127.0.0.1:8437", a path */
    struct bytes certificate, key; /* PEM of the operator, or empty: a leaf of the local CA */
    uint8_t answer[4];             /* DNS: what allowed names resolve to; else zeros */
    bool transparent;              /* TCP without `tls`: clients are redirected to it */
    bool metrics; /* for whoever watches the broker, and nothing else (proxy/watch.h) */
};
void message_listener_tx(const struct message_listener *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_listener_rx(struct bytes body, struct message_listener *out);

void message_config_tx(const struct config *config, struct buffer *out);
/* `out` is config_init()ed first; free it with config_free. */
KH_MUST_CHECK enum kh_err message_config_rx(struct bytes body, struct config *out);

struct message_process_state {
    uint8_t role; /* enum role of channel.h */
    uint32_t index, pid, restarts;
    bool running;
    struct bytes note; /* "exit status 1", "signal 11" */
};
void message_process_state_tx(const struct message_process_state *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_process_state_rx(struct bytes body,
                                                   struct message_process_state *out);

/* Whose page the descriptor of METRICS_PAGE is. */
struct message_metrics_page {
    uint8_t role; /* enum role of channel.h */
    uint32_t index;
};
void message_metrics_page_tx(const struct message_metrics_page *message, struct buffer *out);
KH_MUST_CHECK enum kh_err message_metrics_page_rx(struct bytes body,
                                                  struct message_metrics_page *out);

/* One text: why a process is at fault, the list of listeners for status, and so on. */
void message_text_tx(struct bytes text, struct buffer *out);
KH_MUST_CHECK enum kh_err message_text_rx(struct bytes body, struct bytes *text);

#endif
