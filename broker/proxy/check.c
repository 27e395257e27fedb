/* SPDX-License-Identifier: Apache-2.0
 *
 * A gateway's question. What the gateway's configuration says (and no client can: it replaces
 * fields of the same name) stands in Keyhole-Check fields, each exactly once.
 */
#include "check.h"

#include "../../caveats/path.h"
#include "../http/start_line.h"
#include "address.h"
#include "answer.h"
#include "judge.h"
#include "proxy.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_ = HTTP1_LINE_MAX + 64 };

#define KEY_FIELD          "Keyhole-Gateway-Key"
#define PARTIAL_BODY_FIELD "X-Envoy-Auth-Partial-Body"

/* ---- proof ---- */

// The only one of that name. More than one may be the client's and the gateway's.
static bool
only_field(const struct http1_head *head, const char *name, struct bytes *value)
{
    const struct http1_field *found = NULL;
    for (size_t i = 0; i < head->field_count; i++) {
        if (!bytes_equal_nocase(head->field[i].name, bytes_str(name)))
            continue;
        if (found)
            return false;
        found = &head->field[i];
    }
    if (found)
        *value = found->value;
    return found != NULL;
}

static bool
has_key(const struct message_listener_gateway *gateway, const struct http1_head *head)
{
    uint8_t hash[GATEWAY_KEY_HASH_SIZE];
    struct bytes key;
    bool equal = false;
    _Static_assert(sizeof hash == crypto_hash_sha256_BYTES, "the hash of a key is SHA-256");
    if (!only_field(head, KEY_FIELD, &key) || key.n == 0)
        return false;
    crypto_hash_sha256(hash, key.p, key.n);
    for (size_t i = 0; i < gateway->key_count; i++)
        equal |= sodium_memcmp(hash, gateway->key_hash[i], sizeof hash) == 0;
    wipe(hash, sizeof hash);
    return equal;
}

static bool
is_gateway(const struct connection *c, const struct http1_head *head)
{
    const struct message_listener_gateway *gateway = &c->listener->gateway;
    if (!gateway->only)
        return false;
    if (c->listener->kind != LISTENER_UNIX)
        return has_key(gateway, head);
    bool listed = gateway->uid_count == 0;
    for (size_t i = 0; i < gateway->uid_count; i++)
        listed |= c->uid != UINT32_MAX && c->uid == gateway->uid[i];
    return listed;
}

/* ---- what the gateway says ---- */

// The parts of a question, before the request is made of them.
struct asked {
    struct bytes credential, destination, prefix;
    struct http1_head head; // as it came to the gateway
};

static const struct {
    const char *prefix;
    enum check_kind kind;
} kinds[] = {{"/nginx/", CHECK_NGINX}, {"/envoy/", CHECK_ENVOY}};

static bool
read_kind(const struct http1_head *head, struct check *check, struct asked *asked)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct bytes prefix = bytes_str(kinds[i].prefix);
        if (head->form != TARGET_ORIGIN || !bytes_starts(head->path, prefix))
            continue;
        struct bytes rest = bytes_from(head->path, prefix.n);
        asked->credential = bytes_slice(rest, 0, bytes_index(rest, '/'));
        asked->head.path = bytes_from(rest, asked->credential.n);
        check->kind = kinds[i].kind;
        return asked->credential.n > 0;
    }
    return false;
}

// An address, or what nginx says of a peer on a unix socket.
static bool
read_client(struct bytes text, struct check *check)
{
    struct address address;
    if (bytes_is(text, "unix:")) {
        memcpy(check->client, "unix", sizeof "unix");
        return true;
    }
    if (!address_parse(text, 0, &address))
        return false;
    address_print(&address, check->client, sizeof check->client);
    return true;
}

static const char *
read_constants(const struct http1_head *head, struct check *check, struct asked *asked)
{
    struct bytes client, body;
    if (!only_field(head, "Keyhole-Check-Destination", &asked->destination) ||
        !only_field(head, "Keyhole-Check-Prefix", &asked->prefix) ||
        !only_field(head, "Keyhole-Check-Headers", &check->managed) ||
        !only_field(head, "Keyhole-Check-Body", &body) ||
        !only_field(head, "Keyhole-Check-Client", &client))
        return "the gateway does not say what keyholed gateway has it say";
    if (!read_client(client, check))
        return "the gateway gives no address for its client";
    check->sees_body = bytes_is(body, "whole");
    return check->sees_body || bytes_is(body, "unseen") ? NULL : "Keyhole-Check-Body is unknown";
}

static const char *
read_nginx_body(const struct http1_head *head, struct check *check)
{
    struct bytes length;
    bool has_coding = http1_find(head, "Keyhole-Check-Coding") != NULL;
    check->has_length = http1_find(head, "Keyhole-Check-Length") != NULL;
    check->is_empty = !check->has_length && !has_coding;
    if (!check->has_length)
        return NULL;
    if (has_coding || !only_field(head, "Keyhole-Check-Length", &length) ||
        !bytes_to_u64(length, &check->length))
        return "the length of the body is not clear";
    return NULL;
}

// nginx asks with a GET of its own, and says in fields what it was asked.
static const char *
read_nginx(const struct http1_head *head, struct check *check, struct asked *asked)
{
    struct bytes method, target;
    const char *why = NULL;
    if (asked->head.path.n > 0 || head->has_query || head->body != BODY_NONE || check->sees_body ||
        !only_field(head, "Keyhole-Check-Method", &method) ||
        !only_field(head, "Keyhole-Check-Target", &target))
        return "the gateway does not ask as keyholed gateway nginx has it ask";
    buffer_put(&check->line, method);
    buffer_put_byte(&check->line, ' ');
    buffer_put(&check->line, target);
    buffer_put_str(&check->line, " HTTP/1.1");
    if (check->line.failed)
        return "the request line is too long";
    if (!start_line_parse_request(buffer_bytes(&check->line), &asked->head, &why))
        return why;
    check->target = asked->head.target;
    return asked->head.form == TARGET_ORIGIN ? read_nginx_body(head, check)
                                             : "the target is not a path";
}

// Envoy's question is the request itself, with its prefix before the path.
static const char *
read_envoy(const struct http1_head *head, struct check *check, struct asked *asked)
{
    struct bytes partial;
    size_t cut = head->path.n - asked->head.path.n;
    if (asked->head.path.n == 0 || asked->head.path.p[0] != '/')
        return "the target is not a path";
    check->target = bytes_from(head->target, cut);
    // A part of a body would be judged as if it were the whole.
    if (check->sees_body && head->body != BODY_NONE && head->body != BODY_LENGTH)
        return "the body has no length";
    if (check->sees_body &&
        (!only_field(head, PARTIAL_BODY_FIELD, &partial) || !bytes_is(partial, "false")))
        return "the gateway does not say that it sends the whole body";
    if (!check->sees_body && head->body == BODY_LENGTH && head->content_length > 0)
        return "the gateway sends a body that it was not to send";
    return NULL;
}

// What the gateway cuts off before it sends the request on: "/~name", or nothing ("-").
static bool
cut_prefix(struct check *check, struct asked *asked)
{
    size_t n = asked->prefix.n;
    if (bytes_is(asked->prefix, "-"))
        return true;
    if (!bytes_starts(asked->head.path, asked->prefix) || asked->head.path.n == n ||
        asked->head.path.p[n] != '/')
        return false;
    asked->head.path = bytes_from(asked->head.path, n);
    check->target = bytes_from(check->target, n);
    return true;
}

/* ---- where it goes ---- */

static enum kh_reason
find_route(struct exchange *x, const struct asked *asked, const char **why)
{
    struct destination *out = &x->destination;
    const struct route *route = routes_by_name(x->routes, asked->credential);
    struct routes_match match = {0};
    uint16_t port = 0;
    if (!route)
        return KH_REASON_CREDENTIAL_UNKNOWN;
    *why = "the gateway's destination is not https://HOST:PORT";
    if (!bytes_starts(asked->destination, BYTES("https://")) ||
        authority_split(bytes_from(asked->destination, 8), &out->host, &port) != KH_OK ||
        out->host.failed || port == 0)
        return KH_REASON_REQUEST_MALFORMED;
    *why = "the credential is not for the host that the gateway sends to";
    if (!routes_match(x->routes, buffer_bytes(&out->host), port, &match) || match.plain)
        return KH_REASON_HOST_NOT_ALLOWED;
    for (size_t i = 0; i < match.count; i++) {
        if (match.route[i] == route) {
            out->match = (struct routes_match){.port = port, .route = {route}, .count = 1};
            return KH_REASON_UNSET;
        }
    }
    return KH_REASON_HOST_NOT_ALLOWED;
}

/* ---- the whole ---- */

static void
take_fields(const struct http1_head *head, struct check *check, struct asked *asked)
{
    memcpy(check->received, head->field, head->field_count * sizeof head->field[0]);
    check->received_count = head->field_count;
    asked->head.field_count = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        if (!bytes_equal_nocase(head->field[i].name, BYTES(PARTIAL_BODY_FIELD)))
            asked->head.field[asked->head.field_count++] = head->field[i];
    }
}

static const char *
read_question(const struct http1_head *head, struct check *check, struct asked *asked)
{
    const char *why = read_constants(head, check, asked);
    if (!why)
        why = check->kind == CHECK_NGINX ? read_nginx(head, check, asked)
                                         : read_envoy(head, check, asked);
    take_fields(head, check, asked);
    return why;
}

static void
note_method(struct exchange *x, const struct http1_head *head)
{
    size_t n = head->method.n < sizeof x->method ? head->method.n : sizeof x->method - 1;
    memset(x->method, 0, sizeof x->method);
    memcpy(x->method, head->method.p, n);
}

void
check_begin(struct exchange *x, const struct http1_head *head)
{
    struct asked *asked = calloc(1, sizeof *asked);
    const char *why = NULL;
    x->destination.way = WAY_CHECK;
    x->check = calloc(1, sizeof *x->check);
    if (!asked || !x->check) {
        judge_refuse(x, NULL, KH_REASON_INTERNAL, "memory is used up");
        goto out;
    }
    buffer_init_secret(&x->check->line, LINE_MAX_);
    asked->head = *head;
    if (!is_gateway(x->client, head)) {
        judge_refuse(x, NULL, KH_REASON_GATEWAY_UNPROVEN, "");
        goto out;
    }
    if (!read_kind(head, x->check, asked)) {
        judge_refuse(x, NULL, KH_REASON_NOT_FOUND, "this listener answers gateways alone");
        goto out;
    }
    x->destination.wanted = asked->credential;
    why = read_question(head, x->check, asked);
    note_method(x, &asked->head);
    x->destination.path = asked->head.path;
    if (why) {
        judge_refuse(x, &asked->head, KH_REASON_REQUEST_MALFORMED, why);
    } else if (!cut_prefix(x->check, asked)) {
        judge_refuse(x, &asked->head, KH_REASON_MISDIRECTED, "no credential has this path");
    } else {
        x->destination.path = asked->head.path;
        enum kh_reason reason = find_route(x, asked, &why);
        if (reason != KH_REASON_UNSET)
            judge_refuse(x, &asked->head, reason, why);
        else
            exchange_begin_upstream(x, &asked->head);
    }
out:
    free(asked);
}

void
check_free(struct check **check)
{
    if (!*check)
        return;
    buffer_free(&(*check)->line);
    wipe(*check, sizeof **check);
    free(*check);
    *check = NULL;
}
