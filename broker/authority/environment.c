/* SPDX-License-Identifier: Apache-2.0
 *
 * The credentials of a token as `keyhole run` needs to know them. No secret is in it, and nothing
 * but what the token's holder could find out by asking.
 */
#include "environment.h"

#include "../../caveats/json_print.h"
#include "../../caveats/timestamp.h"
#include "serve_internal.h"

#include <jansson.h>
#include <string.h>

enum {
    PASS_THROUGH_SIZE_MAX = 48 << 10, // of its rows in JSON
    PASS_THROUGH_ROW_SIZE = 24,       // without host and ports
};

static json_t *
text_of(struct bytes text)
{
    return json_stringn(text.n ? (const char *)text.p : "", text.n);
}

// What cannot be put in spoils the whole: half a list would be believed.
static void
add(json_t *array, json_t *value, bool *failed)
{
    *failed |= json_array_append_new(array, value) != 0;
}

static void
put(json_t *object, const char *name, json_t *value, bool *failed)
{
    *failed |= json_object_set_new(object, name, value) != 0;
}

static json_t *
list_hosts(const struct route *route, bool *failed)
{
    json_t *list = json_array();
    for (size_t i = 0; i < route->host_count; i++)
        add(list, text_of(route->host[i]), failed);
    return list;
}

static json_t *
list_ports(const struct route *route, bool *failed)
{
    json_t *list = json_array();
    for (size_t i = 0; i < route->port_count; i++)
        add(list, json_integer(route->port[i]), failed);
    if (route->port_count == 0)
        add(list, json_integer(route->plain ? 80 : 443), failed);
    return list;
}

static bool
has_base_url(const struct route *route)
{
    for (size_t i = 0; i < route->host_count; i++) {
        if (!bytes_starts(route->host[i], BYTES("*.")))
            return true;
    }
    return false;
}

// A variable with a base URL in it leads nowhere when there is none.
static json_t *
list_environment(const struct credential *credential, bool *failed)
{
    json_t *list = json_array();
    struct bytes rest = bytes_str(credential->preset ? credential->preset->environment : ""), word;
    bool based = has_base_url(&credential->route);
    while (preset_word(&rest, &word)) {
        if (based || bytes_find(word, BYTES("{base}")) == word.n)
            add(list, text_of(word), failed);
    }
    return list;
}

static json_t *
describe(const struct credential *credential, bool *failed)
{
    const struct route *route = &credential->route;
    json_t *object = json_object();
    put(object, "name", text_of(credential->row.name), failed);
    put(object, "hosts", list_hosts(route, failed), failed);
    put(object, "ports", list_ports(route, failed), failed);
    if (has_base_url(route)) {
        BUFFER_AUTO path;
        buffer_init(&path, 128);
        buffer_put_str(&path, "/~");
        buffer_put(&path, credential->row.name);
        put(object, "base_path", text_of(buffer_bytes(&path)), failed);
    }
    put(object, "environment", list_environment(credential, failed), failed);
    const char *prefix = credential->preset ? credential->preset->token_prefix : "";
    put(object, "prefix", json_string(prefix), failed);
    return object;
}

// Those that a request with this token could use now.
static json_t *
list_credentials(const struct authority *authority, const struct decision_details *details,
                 bool *failed)
{
    const struct token_identity *identity = &details->chain->identity;
    json_t *list = json_array();
    for (size_t i = 0; i < identity->credential_count; i++) {
        const struct credential *credential =
            credentials_find(&authority->credentials, identity->credential[i]);
        if (credential && credential->row.enabled &&
            !revocations_reach(&authority->revocations, identity, &details->chain->verified,
                               credential->row.name))
            add(list, describe(credential, failed), failed);
    }
    return list;
}

// The list is the operator's, and may be longer than an answer: whoever asks does with less.
static json_t *
list_pass_through(const struct pass_through *pass_through, bool *failed)
{
    json_t *list = json_array();
    size_t size = 0;
    for (size_t i = 0; i < pass_through_count(pass_through); i++) {
        struct route route;
        if (message_route_rx(pass_through_body(pass_through, i), &route) != KH_OK)
            continue;
        for (size_t j = 0; j < route.host_count; j++) {
            size += route.host[j].n + PASS_THROUGH_ROW_SIZE + 6 * route.port_count;
            if (size > PASS_THROUGH_SIZE_MAX)
                return list;
            json_t *row = json_object();
            put(row, "host", text_of(route.host[j]), failed);
            put(row, "ports", list_ports(&route, failed), failed);
            add(list, row, failed);
        }
    }
    return list;
}

static void
write_json(const struct authority *authority, const struct decision_details *details,
           struct buffer *out)
{
    bool failed = false;
    char expires[TIMESTAMP_SIZE];
    json_t *object = json_object();
    BUFFER_AUTO pem;
    buffer_init(&pem, 16384);
    local_ca_pem(authority->ca, &pem);
    timestamp_print(details->chain->identity.expires_at, expires);
    put(object, "credentials", list_credentials(authority, details, &failed), &failed);
    put(object, "pass_through", list_pass_through(&authority->pass_through, &failed), &failed);
    put(object, "expires_at", json_string(expires), &failed);
    put(object, "ca", text_of(buffer_bytes(&pem)), &failed);
    json_print(failed || pem.failed ? NULL : object, JSON_COMPACT, out);
    buffer_put_byte(out, '\n');
    json_decref(object);
}

static void
refuse(struct authority *authority, const struct message_environment_ask *ask,
       const struct decision *decision, struct message_environment *out)
{
    const struct audit_record record = {
        .kind = AUDIT_DECISION,
        .request_id = serve_draw_id(out->request_id) ? out->request_id : NULL,
        .reason = decision->reason,
        .detail = bytes_str(decision->detail),
        .client = ask->client,
        .way = WAY_OWN,
        .user = bytes_str(decision->user),
        .token_id = decision->identified ? decision->token_id : NULL,
        .lineage = decision->identified ? decision->lineage : NULL,
    };
    out->reason = decision->reason;
    audit_append(authority->audit, &record);
}

void
environment_serve(struct authority *authority, const struct message_environment_ask *ask,
                  struct message_environment *out, struct buffer *content)
{
    static struct decision_details details; // large, and one at a time
    struct serve_world context = {.authority = authority};
    const struct decision_world world = serve_world_of(&context);
    struct decision decision;

    memset(out, 0, sizeof *out);
    if (ask->ca_alone) {
        local_ca_pem(authority->ca, content);
    } else if (decide_token(&world, ask->token, clock_now_s(&authority->clock), &decision,
                            &details) != KH_REASON_UNSET) {
        chain_release(&details.chain);
        refuse(authority, ask, &decision, out);
        return;
    } else {
        write_json(authority, &details, content);
        chain_release(&details.chain);
    }
    out->given = !content->failed;
    out->reason = content->failed ? KH_REASON_INTERNAL : KH_REASON_UNSET;
    out->content = content->failed ? BYTES_EMPTY : buffer_bytes(content);
}
