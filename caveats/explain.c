/* SPDX-License-Identifier: Apache-2.0 */
/* What would have to change, in words: predicate by predicate. */

#include "explain.h"

#include "timestamp.h"

enum { SHOWN_MAX = 120 }; /* bytes of a value */

static void
put_value(struct buffer *out, struct bytes value)
{
    size_t n = value.n < SHOWN_MAX ? value.n : SHOWN_MAX;
    while (n > 0 && n < value.n && (value.p[n] & 0xc0) == 0x80)
        n--; // no character is cut in two
    buffer_put(out, bytes_slice(value, 0, n));
    if (value.n == 0)
        buffer_put_str(out, "empty");
    if (n < value.n)
        buffer_put_str(out, "...");
}

static void
put_subject(struct buffer *out, const struct predicate *p)
{
    const struct attribute_info *info = attribute_info(p->attribute);
    buffer_put_str(out, info->text);
    if (info->keyed) {
        buffer_put_byte(out, '[');
        buffer_put(out, p->key);
        buffer_put_byte(out, ']');
    }
}

/* ---- what is so ---- */

static size_t
put_pairs(struct buffer *out, const struct fact_pair *pair, size_t count, struct bytes name)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (!bytes_equal(pair[i].name, name))
            continue;
        buffer_put_str(out, found++ ? " and " : "");
        put_value(out, pair[i].value);
    }
    return found;
}

static size_t
put_groups(struct buffer *out, const struct facts *facts)
{
    for (size_t i = 0; i < facts->group_count; i++) {
        buffer_put_str(out, i ? " and " : "");
        buffer_put(out, facts->group[i]);
    }
    return facts->group_count;
}

static size_t
put_text(struct buffer *out, struct bytes text)
{
    if (text.n > 0)
        put_value(out, text);
    return text.n > 0;
}

static size_t
put_time(struct buffer *out, int64_t time)
{
    char text[TIMESTAMP_SIZE];
    timestamp_print(time, text);
    buffer_put_str(out, text);
    return 1;
}

static size_t
put_body(struct buffer *out, const struct facts_body *body, struct bytes pointer, bool *is_known)
{
    for (size_t i = 0; i < body->value_count; i++) {
        const struct body_value *value = &body->value[i].value;
        if (!bytes_equal(body->value[i].pointer, pointer))
            continue;
        *is_known = value->type <= BODY_VALUE_NULL;
        return value->type == BODY_VALUE_ABSENT ? 0 : put_text(out, value->text);
    }
    *is_known = body->has_size && body->size == 0;
    return 0;
}

static size_t
put_size(struct buffer *out, const struct facts_body *body, bool *is_known)
{
    *is_known = body->has_size;
    buffer_printf(out, "%llu", (unsigned long long)body->size);
    return 1;
}

static size_t
put_port(struct buffer *out, uint16_t port)
{
    if (port)
        buffer_printf(out, "%u", port);
    return port != 0;
}

/* The values of the request, into `out`; 0 when there is none. `*is_known` is false for what is not
 * among the facts. */
static size_t
put_facts(struct buffer *out, const struct predicate *p, const struct facts *f, bool *is_known)
{
    *is_known = true;
    switch (p->attribute) {
    case ATTRIBUTE_SCHEME:
        return put_text(out, f->scheme);
    case ATTRIBUTE_HOST:
        return put_text(out, f->host);
    case ATTRIBUTE_PORT:
        return put_port(out, f->port);
    case ATTRIBUTE_METHOD:
        return put_text(out, f->method);
    case ATTRIBUTE_PATH:
        return put_text(out, f->path);
    case ATTRIBUTE_QUERY:
        return put_pairs(out, f->query, f->query_count, p->key);
    case ATTRIBUTE_HEADER:
        return put_pairs(out, f->header, f->header_count, p->key);
    case ATTRIBUTE_CONTENT_TYPE:
        return put_pairs(out, f->header, f->header_count, BYTES("content-type"));
    case ATTRIBUTE_BODY:
        return put_body(out, &f->body, p->key, is_known);
    case ATTRIBUTE_BODY_SIZE:
        return put_size(out, &f->body, is_known);
    case ATTRIBUTE_TIME:
        return put_time(out, f->time);
    case ATTRIBUTE_CLIENT:
        return put_text(out, f->client);
    case ATTRIBUTE_CREDENTIAL:
        return put_text(out, f->credential);
    case ATTRIBUTE_USER:
        return put_text(out, f->user);
    case ATTRIBUTE_GROUP:
        return put_groups(out, f);
    case ATTRIBUTE_UPGRADE:
        return put_text(out, f->upgrade);
    default:
        *is_known = false;
        return 0;
    }
}

/* ---- what would have to be ---- */

static const char *const demands[] = {
    [OPERATOR_EQUAL] = "be",
    [OPERATOR_NOT_EQUAL] = "not be",
    [OPERATOR_IN] = "be",
    [OPERATOR_NOT_IN] = "not be",
    [OPERATOR_MATCHES] = "match",
    [OPERATOR_NOT_MATCHES] = "not match",
    [OPERATOR_LESS] = "be less than",
    [OPERATOR_LESS_EQUAL] = "be at most",
    [OPERATOR_GREATER] = "be more than",
    [OPERATOR_GREATER_EQUAL] = "be at least",
    [OPERATOR_PRESENT] = "be there",
    [OPERATOR_ABSENT] = "not be there",
};
static const char *const time_demands[] = {
    [OPERATOR_LESS] = "be before",
    [OPERATOR_LESS_EQUAL] = "be no later than",
    [OPERATOR_GREATER] = "be after",
    [OPERATOR_GREATER_EQUAL] = "be no earlier than",
};
enum { TIME_DEMANDS = sizeof time_demands / sizeof time_demands[0] };

static void
put_demand(struct buffer *out, const struct predicate *p)
{
    bool is_time = p->attribute == ATTRIBUTE_TIME && (size_t)p->operator_kind < TIME_DEMANDS &&
                   time_demands[p->operator_kind];
    buffer_put_str(out, is_time ? time_demands[p->operator_kind] : demands[p->operator_kind]);
    for (size_t i = 0; i < p->count; i++) {
        buffer_put_str(out, i == 0 ? " " : i + 1 == p->count ? " or " : ", ");
        put_value(out, p->value[i].text);
    }
}

static void
put_predicate(struct buffer *out, const struct predicate *p, const struct facts *facts)
{
    BUFFER_AUTO values;
    bool is_known = false;
    buffer_init(&values, 4096);
    size_t count = put_facts(&values, p, facts, &is_known);
    if (is_known && count == 0) {
        buffer_put_str(out, "there is no ");
        put_subject(out, p);
        buffer_put_str(out, ", which would have to ");
    } else {
        put_subject(out, p);
        if (is_known) {
            buffer_put_str(out, " is ");
            buffer_put(out, buffer_bytes(&values));
            buffer_put_str(out, ", and");
        }
        buffer_put_str(out, " would have to ");
    }
    put_demand(out, p);
}

void
explain_caveat(const struct caveat *caveat, const struct facts *facts, struct buffer *out)
{
    for (size_t i = 0; i < caveat->count; i++) {
        const struct predicate *p = &caveat->predicate[i];
        if (attribute_info(p->attribute) == NULL)
            continue;
        buffer_put_str(out, i ? "; or " : "");
        put_predicate(out, p, facts);
    }
}
