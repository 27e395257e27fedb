/* SPDX-License-Identifier: Apache-2.0 */
/* Audit records as facts. What was cut, replaced or left out of a record is hidden, not absent. */
#include "replay.h"

#include "../../caveats/decide.h"
#include "../../caveats/decimal.h"
#include "../../caveats/path.h"
#include "audit_filter.h"

#include <string.h>

enum { CUT_AT = 1024 }; // bytes of a value that the log keeps (broker/authority/audit_record.h)

static struct bytes
text_of(const json_t *record, const char *member)
{
    const json_t *value = json_object_get(record, member);
    return bytes_of(json_string_value(value), json_string_length(value));
}

// A value that the log changed: cut at its end, a token in it, bytes that were no UTF-8.
static bool
was_changed(struct bytes value)
{
    return (value.n >= CUT_AT && bytes_ends(value, BYTES("\xe2\x80\xa6"))) ||
           bytes_find(value, BYTES("kh1_\xe2\x80\xa6")) < value.n ||
           bytes_find(value, BYTES("\xef\xbf\xbd")) < value.n;
}

/* ---- values ---- */

// "query[limit]" is limit, of the kind query.
static bool
key_of(const char *name, const char *kind, struct bytes *out)
{
    struct bytes whole = bytes_str(name);
    size_t n = strlen(kind);
    if (!bytes_starts(whole, bytes_str(kind)) || whole.n < n + 2 || whole.p[n] != '[' ||
        whole.p[whole.n - 1] != ']')
        return false;
    *out = bytes_slice(whole, n + 1, whole.n - n - 2);
    return true;
}

static void
add_values(struct fact_pair *pair, size_t *count, struct bytes name, const json_t *value)
{
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < n && *count < REQUEST_TEXT_PAIRS_MAX; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        pair[(*count)++] =
            (struct fact_pair){name, bytes_of(json_string_value(item), json_string_length(item))};
    }
}

// As the log has it: a string that would read as a number or a literal has quotation marks.
static struct body_value
body_value_of(struct bytes text)
{
    struct decimal number;
    bool is_quoted = text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"';
    if (is_quoted)
        return (struct body_value){BODY_VALUE_STRING, bytes_slice(text, 1, text.n - 2)};
    if (bytes_is(text, "true"))
        return (struct body_value){BODY_VALUE_TRUE, text};
    if (bytes_is(text, "false"))
        return (struct body_value){BODY_VALUE_FALSE, text};
    if (bytes_is(text, "null"))
        return (struct body_value){BODY_VALUE_NULL, text};
    bool is_number = decimal_read(text, &number) != KH_ERR_TYPE;
    return (struct body_value){is_number ? BODY_VALUE_NUMBER : BODY_VALUE_STRING, text};
}

static void
add_body(struct replay *out, struct bytes pointer, const json_t *value)
{
    struct bytes text = bytes_of(json_string_value(value), json_string_length(value));
    struct facts_body *body = &out->facts.body;
    if (!json_is_string(value) || was_changed(text) || body->value_count == BODY_POINTERS_MAX)
        return;
    out->body[body->value_count++] = (struct fact_body_value){pointer, body_value_of(text)};
    body->value = out->body;
    body->is_read = body->is_json = true;
}

static void
add_body_size(struct replay *out, const json_t *value)
{
    struct bytes text = bytes_of(json_string_value(value), json_string_length(value));
    out->facts.body.has_size = bytes_to_u64(text, &out->facts.body.size);
}

static void
add_body_sha256(struct replay *out, const json_t *value)
{
    struct bytes text = bytes_of(json_string_value(value), json_string_length(value));
    struct facts_body *body = &out->facts.body;
    body->has_sha256 = bytes_from_hex(text, body->sha256, sizeof(body->sha256));
}

static void
read_values(struct replay *out)
{
    const char *name;
    json_t *value, *values = (json_t *)(uintptr_t)out->values;
    struct bytes key;
    json_object_foreach(values, name, value)
    {
        if (key_of(name, "query", &key))
            add_values(out->query, &out->facts.query_count, key, value);
        else if (key_of(name, "header", &key))
            add_values(out->header, &out->facts.header_count, key, value);
        else if (key_of(name, "body", &key))
            add_body(out, key, value);
        else if (strcmp(name, "body-size") == 0)
            add_body_size(out, value);
        else if (strcmp(name, "body-sha256") == 0)
            add_body_sha256(out, value);
    }
    out->facts.query = out->query;
    out->facts.header = out->header;
}

static bool
is_known(const struct fact_pair *pair, size_t count, struct bytes name)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (!bytes_equal(pair[i].name, name))
            continue;
        if (was_changed(pair[i].value))
            return false;
        found = true;
    }
    return found;
}

static bool
is_hidden(void *context, const struct predicate *p)
{
    const struct replay *r = context;
    if (r->facts.opaque) // it was not seen then either, and that is judged
        return false;
    switch (p->attribute) {
    case ATTRIBUTE_QUERY:
        return !is_known(r->query, r->facts.query_count, p->key);
    case ATTRIBUTE_HEADER:
        return !is_known(r->header, r->facts.header_count, p->key);
    case ATTRIBUTE_CONTENT_TYPE:
        return !is_known(r->header, r->facts.header_count, BYTES("content-type"));
    case ATTRIBUTE_BODY:
    case ATTRIBUTE_BODY_SIZE:
    case ATTRIBUTE_BODY_SHA256:
        return predicate_needs_body(p, &r->facts);
    case ATTRIBUTE_PATH:
        return r->path_hidden;
    case ATTRIBUTE_SCHEME:
    case ATTRIBUTE_HOST:
    case ATTRIBUTE_PORT:
    case ATTRIBUTE_METHOD:
    case ATTRIBUTE_TIME:
    case ATTRIBUTE_CLIENT:
    case ATTRIBUTE_CREDENTIAL:
    case ATTRIBUTE_USER:
    case ATTRIBUTE_GROUP:
        return false;
    default: // not recorded at all
        return true;
    }
}

/* ---- the record ---- */

static void
read_path(const json_t *record, struct replay *out)
{
    struct bytes path = text_of(record, "path");
    BUFFER_AUTO encoded, decoded;
    buffer_init(&encoded, sizeof(out->path));
    buffer_init(&decoded, sizeof(out->path));
    out->path_hidden = was_changed(path) || path_canonical(path, REQUEST_TEXT_LENIENT, &encoded,
                                                           &decoded, NULL) != KH_OK;
    if (out->path_hidden || decoded.n == 0)
        return;
    memcpy(out->path, decoded.p, decoded.n);
    out->facts.path = bytes_of(out->path, decoded.n);
}

static void
read_holes(const json_t *record, struct replay *out)
{
    const json_t *list = json_object_get(record, "holes"), *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        if (out->hole_count < REPLAY_HOLES_MAX && json_is_string(item))
            out->hole[out->hole_count++] =
                bytes_of(json_string_value(item), json_string_length(item));
    }
}

bool
replay_read(const json_t *record, struct replay *out)
{
    const json_t *lifetime = json_object_get(record, "lifetime");
    memset(out, 0, sizeof(*out));
    out->allowed = bytes_is(text_of(record, "decision"), "allow");
    if (!bytes_is(text_of(record, "kind"), "decision") || json_object_get(record, "rejudged") ||
        !audit_record_time(record, &out->facts.time))
        return false;
    out->facts.user = text_of(record, "user");
    if (out->facts.user.n == 0 && !out->allowed)
        return false;
    json_int_t port = json_integer_value(json_object_get(record, "port"));
    out->facts.scheme = text_of(record, "scheme");
    out->facts.host = text_of(record, "host");
    out->facts.port = port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
    out->facts.method = text_of(record, "method");
    out->facts.client = text_of(record, "client");
    out->facts.credential = text_of(record, "credential");
    out->facts.opaque = bytes_is(out->facts.credential, PASS_THROUGH_NAME) &&
                        bytes_is(out->facts.method, "CONNECT");
    out->reason = text_of(record, "reason");
    out->lifetime_s = json_is_integer(lifetime) ? json_integer_value(lifetime) : -1;
    out->values = json_object_get(record, "values");
    read_path(record, out);
    read_values(out);
    read_holes(record, out);
    return true;
}

void
replay_judge(const struct policy *policy, struct replay *replay,
             struct bytes group[POLICY_GROUPS_MAX], struct policy_verdict *out)
{
    const struct policy_request request = {
        .facts = &replay->facts,
        .lifetime_s = replay->lifetime_s,
        .hole = replay->hole,
        .hole_count = replay->hole_count,
        .holes_hidden = replay->lifetime_s < 0,
        .hidden = is_hidden,
        .context = replay,
    };
    replay->facts.group = group;
    replay->facts.group_count = policy_groups_of(policy, replay->facts.user, group);
    // A key of the client's own: there is nobody to grant anything to. And what is passed through
    // needs no grant.
    if (replay->facts.user.n == 0 || bytes_is(replay->facts.credential, PASS_THROUGH_NAME))
        (void)policy_forbids(policy, &request, out);
    else
        policy_judge(policy, &request, out);
}
