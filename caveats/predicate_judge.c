/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a predicate holds for the facts of a request. No allocation, no clock.
 *
 * Absent means false for every operator but `absent`, and many values must all satisfy: a request
 * that can be read in two ways is judged by the worse one.
 */

#include "predicate.h"

#include "address.h"
#include "predicate_value.h"

enum { MEDIA_TYPE_MAX = 255 }; /* RFC 6838 section 4.2: two names of at most 127 and a slash */

static bool
fact_satisfies(const struct predicate *p, enum attribute_type type,
               const struct predicate_fact *fact)
{
    bool any = false;
    switch (p->operator_kind) {
    case OPERATOR_EQUAL:
    case OPERATOR_IN:
        for (size_t i = 0; i < p->count && !any; i++)
            any = predicate_value_equals(type, &p->value[i], fact);
        return any;
    case OPERATOR_NOT_EQUAL:
    case OPERATOR_NOT_IN:
        for (size_t i = 0; i < p->count && !any; i++)
            any = predicate_value_may_equal(type, &p->value[i], fact);
        return !any && p->count > 0;
    case OPERATOR_MATCHES:
        return p->count == 1 && predicate_value_matches(type, p->value, fact);
    case OPERATOR_NOT_MATCHES:
        return p->count == 1 && !predicate_value_matches(type, p->value, fact);
    case OPERATOR_LESS:
    case OPERATOR_LESS_EQUAL:
    case OPERATOR_GREATER:
    case OPERATOR_GREATER_EQUAL:
        return p->count == 1 && predicate_value_orders(type, p->operator_kind, p->value, fact);
    case OPERATOR_PRESENT:
        return true;
    default:
        return false;
    }
}

/* Lower case and without parameters, on the caller's stack. */
static bool
media_type(struct bytes field, uint8_t scratch[MEDIA_TYPE_MAX], struct bytes *out)
{
    struct bytes type = bytes_trim(bytes_slice(field, 0, bytes_index(field, ';')));
    if (type.n == 0 || type.n > MEDIA_TYPE_MAX)
        return false;
    for (size_t i = 0; i < type.n; i++) {
        uint8_t c = type.p[i];
        scratch[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
    }
    *out = bytes_of(scratch, type.n);
    return true;
}

static bool
pairs_satisfy(const struct predicate *p, enum attribute_type type, struct bytes name,
              const struct fact_pair *pair, size_t count)
{
    bool seen = false;
    for (size_t i = 0; i < count; i++) {
        uint8_t scratch[MEDIA_TYPE_MAX];
        if (!bytes_equal(pair[i].name, name))
            continue;
        struct predicate_fact fact = {.text = pair[i].value};
        if (p->attribute == ATTRIBUTE_CONTENT_TYPE &&
            !media_type(pair[i].value, scratch, &fact.text))
            return false;
        seen = true;
        if (!fact_satisfies(p, type, &fact))
            return false;
    }
    return seen || p->operator_kind == OPERATOR_ABSENT;
}

/* One principal with a set of groups: `=` asks whether some group is the one, `!=` whether none
 * is. */
static bool
group_satisfies(const struct predicate *p, const struct facts *facts)
{
    bool is_negative = p->operator_kind == OPERATOR_NOT_EQUAL ||
                       p->operator_kind == OPERATOR_NOT_IN ||
                       p->operator_kind == OPERATOR_NOT_MATCHES;
    if (facts->group_count == 0)
        return p->operator_kind == OPERATOR_ABSENT;
    for (size_t i = 0; i < facts->group_count; i++) {
        struct predicate_fact fact = {.text = facts->group[i]};
        if (fact_satisfies(p, TYPE_WORD, &fact) != is_negative)
            return !is_negative;
    }
    return is_negative;
}

static bool
text_satisfies(const struct predicate *p, enum attribute_type type, struct bytes text)
{
    struct predicate_fact fact = {.text = text};
    return text.n ? fact_satisfies(p, type, &fact) : p->operator_kind == OPERATOR_ABSENT;
}

static bool
client_satisfies(const struct predicate *p, enum attribute_type type, struct bytes client)
{
    uint8_t address[ADDRESS_SIZE];
    bool is_known = bytes_is(client, "unix") || address_read(client, address);
    return text_satisfies(p, type, is_known ? client : BYTES_EMPTY);
}

static bool
number_satisfies(const struct predicate *p, enum attribute_type type, int64_t number)
{
    struct predicate_fact fact = {.number = number};
    return fact_satisfies(p, type, &fact);
}

static bool
is_pattern(enum operator_kind kind)
{
    return kind == OPERATOR_MATCHES || kind == OPERATOR_NOT_MATCHES;
}

/* NULL when it was not asked for yet. */
static const struct body_value *
body_find(const struct facts_body *body, struct bytes pointer)
{
    for (size_t i = 0; i < body->value_count; i++) {
        if (bytes_equal(body->value[i].pointer, pointer))
            return &body->value[i].value;
    }
    return NULL;
}

/* Nothing can be said of a body that is not JSON, not even that something is absent in it. */
static bool
body_satisfies(const struct predicate *p, enum attribute_type type, const struct facts_body *body)
{
    const struct body_value *value =
        body->is_read && body->is_json ? body_find(body, p->key) : NULL;
    if (!value)
        return false;
    switch (value->type) {
    case BODY_VALUE_ABSENT:
        return p->operator_kind == OPERATOR_ABSENT;
    case BODY_VALUE_ARRAY:
    case BODY_VALUE_OBJECT:
    case BODY_VALUE_LONG:
        return p->operator_kind == OPERATOR_PRESENT;
    case BODY_VALUE_STRING:
    case BODY_VALUE_NUMBER:
    case BODY_VALUE_TRUE:
    case BODY_VALUE_FALSE:
    case BODY_VALUE_NULL:
        break;
    default:
        return false;
    }
    struct predicate_fact fact = {.text = value->text, .json = value->type};
    if (is_pattern(p->operator_kind) && value->type != BODY_VALUE_STRING)
        return false;
    return fact_satisfies(p, type, &fact);
}

static bool
body_size_satisfies(const struct predicate *p, enum attribute_type type,
                    const struct facts_body *body)
{
    int64_t size = body->size > INT64_MAX ? INT64_MAX : (int64_t)body->size;
    return body->has_size && number_satisfies(p, type, size);
}

static bool
body_sha256_satisfies(const struct predicate *p, enum attribute_type type,
                      const struct facts_body *body)
{
    char hex[2 * sizeof body->sha256 + 1];
    return body->has_sha256 &&
           bytes_to_hex(bytes_of(body->sha256, sizeof body->sha256), hex, sizeof hex) &&
           text_satisfies(p, type, bytes_str(hex));
}

static bool
is_inside(enum attribute attribute)
{
    switch (attribute) {
    case ATTRIBUTE_PATH:
    case ATTRIBUTE_QUERY:
    case ATTRIBUTE_HEADER:
    case ATTRIBUTE_CONTENT_TYPE:
    case ATTRIBUTE_BODY:
    case ATTRIBUTE_BODY_SIZE:
    case ATTRIBUTE_BODY_SHA256:
    case ATTRIBUTE_UPGRADE:
        return true;
    default:
        return false;
    }
}

static bool
request_satisfies(const struct predicate *p, enum attribute_type type, const struct facts *facts)
{
    if (facts->opaque && is_inside(p->attribute))
        return false;
    switch (p->attribute) {
    case ATTRIBUTE_SCHEME:
        return text_satisfies(p, type, facts->scheme);
    case ATTRIBUTE_HOST:
        return text_satisfies(p, type, facts->host);
    case ATTRIBUTE_PORT:
        return facts->port ? number_satisfies(p, type, facts->port)
                           : p->operator_kind == OPERATOR_ABSENT;
    case ATTRIBUTE_METHOD:
        return text_satisfies(p, type, facts->method);
    case ATTRIBUTE_PATH:
        return text_satisfies(p, type, facts->path);
    case ATTRIBUTE_QUERY:
        return pairs_satisfy(p, type, p->key, facts->query, facts->query_count);
    case ATTRIBUTE_HEADER:
        return pairs_satisfy(p, type, p->key, facts->header, facts->header_count);
    case ATTRIBUTE_CONTENT_TYPE:
        return pairs_satisfy(p, type, BYTES("content-type"), facts->header, facts->header_count);
    case ATTRIBUTE_BODY:
        return body_satisfies(p, type, &facts->body);
    case ATTRIBUTE_BODY_SIZE:
        return body_size_satisfies(p, type, &facts->body);
    case ATTRIBUTE_BODY_SHA256:
        return body_sha256_satisfies(p, type, &facts->body);
    case ATTRIBUTE_TIME:
        return number_satisfies(p, type, facts->time);
    case ATTRIBUTE_CLIENT:
        return client_satisfies(p, type, facts->client);
    case ATTRIBUTE_CREDENTIAL:
        return text_satisfies(p, type, facts->credential);
    case ATTRIBUTE_USER:
        return text_satisfies(p, type, facts->user);
    case ATTRIBUTE_GROUP:
        return group_satisfies(p, facts);
    case ATTRIBUTE_UPGRADE:
        return text_satisfies(p, type, facts->upgrade);
    default:
        return false;
    }
}

bool
predicate_holds(const struct predicate *predicate, const struct facts *facts)
{
    const struct attribute_info *info = attribute_info(predicate->attribute);
    if (!info)
        return false;
    switch (info->place) {
    case PLACE_RECORD:
        return true;
    case PLACE_REQUEST:
        return request_satisfies(predicate, info->type, facts);
    case PLACE_COUNTER:
        return false; /* taken from the counters, last of all, in decide.c */
    case PLACE_DISCHARGE:
        return false; /* judged against the chain, in decide.c, where it is allowed at all */
    }
    return false;
}

static const enum operator_kind opposite[] = {
    [OPERATOR_EQUAL] = OPERATOR_NOT_EQUAL,     [OPERATOR_NOT_EQUAL] = OPERATOR_EQUAL,
    [OPERATOR_IN] = OPERATOR_NOT_IN,           [OPERATOR_NOT_IN] = OPERATOR_IN,
    [OPERATOR_MATCHES] = OPERATOR_NOT_MATCHES, [OPERATOR_NOT_MATCHES] = OPERATOR_MATCHES,
    [OPERATOR_LESS] = OPERATOR_GREATER_EQUAL,  [OPERATOR_LESS_EQUAL] = OPERATOR_GREATER,
    [OPERATOR_GREATER] = OPERATOR_LESS_EQUAL,  [OPERATOR_GREATER_EQUAL] = OPERATOR_LESS,
    [OPERATOR_PRESENT] = OPERATOR_ABSENT,      [OPERATOR_ABSENT] = OPERATOR_PRESENT,
};

static bool
is_absent(const struct predicate *p, const struct facts *facts)
{
    struct predicate absent = *p;
    absent.operator_kind = OPERATOR_ABSENT;
    bool is_body = p->attribute == ATTRIBUTE_BODY;
    bool is_empty = facts->body.has_size && facts->body.size == 0;
    return (is_body && is_empty) || predicate_holds(&absent, facts);
}

/* It may hold unless its opposite holds, which is said only of what can be read in one way. The
 * opposite comes first: never do both hold, and of most rules and requests it does. */
bool
predicate_may_hold(const struct predicate *predicate, const struct facts *facts)
{
    const struct attribute_info *info = attribute_info(predicate->attribute);
    struct predicate other = *predicate;
    if (!info || info->place != PLACE_REQUEST)
        return predicate_holds(predicate, facts);
    other.operator_kind = opposite[predicate->operator_kind];
    if (predicate_holds(&other, facts))
        return false;
    return predicate_holds(predicate, facts) || !is_absent(predicate, facts);
}

bool
predicate_needs_body(const struct predicate *predicate, const struct facts *facts)
{
    const struct facts_body *body = &facts->body;
    if (facts->opaque) // there will be none
        return false;
    switch (predicate->attribute) {
    case ATTRIBUTE_BODY:
        return !body->is_read || (body->is_json && !body_find(body, predicate->key));
    case ATTRIBUTE_BODY_SIZE:
        return !body->has_size;
    case ATTRIBUTE_BODY_SHA256:
        return !body->has_sha256;
    default:
        return false;
    }
}
