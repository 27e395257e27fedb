/* SPDX-License-Identifier: Apache-2.0 */
/* From what was used to grants: collected first, then written, hosts by hosts, methods by methods.
 */
#include "policy_suggest.h"

#include "../../caveats/caveat.h"
#include "../../caveats/decide.h"
#include "../../caveats/duration.h"
#include "../../caveats/quoted.h"

#include <stdlib.h>
#include <string.h>

enum { CLAUSE_MAX = 900, PATTERNS_MAX = 24, TESTS_MAX = 40 };

/* ---- patterns ---- */

static bool
is_uuid(struct bytes segment)
{
    for (size_t i = 0; i < segment.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? segment.p[i] != '-' : bytes_hex_digit(segment.p[i]) < 0)
            return false;
    }
    return segment.n == 36;
}

static bool
is_id(struct bytes segment)
{
    size_t digits = 0, hex = 0;
    for (size_t i = 0; i < segment.n; i++) {
        digits += segment.p[i] >= '0' && segment.p[i] <= '9';
        hex += bytes_hex_digit(segment.p[i]) >= 0;
    }
    return segment.n > 0 && (digits == segment.n || is_uuid(segment) ||
                             (hex == segment.n && segment.n >= 8 && digits > 0));
}

void
policy_suggest_pattern(struct bytes path, struct buffer *out)
{
    struct bytes rest = bytes_from(path, 1), segment;
    while (bytes_cut(&rest, '/', &segment)) {
        buffer_put_byte(out, '/');
        if (is_id(segment))
            buffer_put_byte(out, '*');
        else
            buffer_put(out, segment);
    }
    if (path.n <= 1)
        buffer_put_byte(out, '/');
}

/* ---- collecting ---- */

void
policy_suggest_init(struct policy_suggest *suggest, struct bytes user)
{
    *suggest =
        (struct policy_suggest){.user = user, .use = json_object(), .lifetime = json_object()};
}

void
policy_suggest_free(struct policy_suggest *suggest)
{
    json_decref(suggest->use);
    json_decref(suggest->lifetime);
    suggest->use = suggest->lifetime = NULL;
}

// The object of that name in `parent`, made when there is none.
static json_t *
child_of(json_t *parent, struct bytes name)
{
    json_t *child = json_object_getn(parent, (const char *)name.p, name.n);
    if (child == NULL) {
        child = json_object();
        if (json_object_setn_new(parent, (const char *)name.p, name.n, child) != 0)
            return NULL;
    }
    return child;
}

static json_t *
leaf_for(struct policy_suggest *suggest, const struct facts *f, struct bytes pattern)
{
    const struct bytes names[] = {f->credential, f->host, f->method, pattern};
    json_t *node = suggest->use;
    for (size_t i = 0; i < 4 && node != NULL; i++)
        node = names[i].n > 0 ? child_of(node, names[i]) : NULL;
    return node;
}

static enum kh_err
count_use(struct policy_suggest *suggest, json_t *leaf, const json_t *record, const struct facts *f,
          struct fault *fault)
{
    json_t *count = json_object_get(leaf, "count");
    const char *path = json_string_value(json_object_get(record, "path"));
    if (count != NULL)
        return json_integer_set(count, json_integer_value(count) + 1) == 0
                   ? KH_OK
                   : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    BUFFER_AUTO request;
    buffer_init(&request, 65536);
    bool is_usual = f->port == (bytes_is(f->scheme, "http") ? 80 : 443);
    bool is_v6 = bytes_index(f->host, ':') < f->host.n;
    buffer_printf(&request, "%.*s %.*s://%s%.*s%s", BYTES_ARG(f->method), BYTES_ARG(f->scheme),
                  is_v6 ? "[" : "", BYTES_ARG(f->host), is_v6 ? "]" : "");
    if (!is_usual)
        buffer_printf(&request, ":%u", f->port);
    buffer_put_str(&request, path != NULL ? path : "/");
    if (++suggest->uses > POLICY_SUGGEST_USES_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG,
                         "there are more than %d kinds of requests: ask for a shorter time",
                         POLICY_SUGGEST_USES_MAX);
    if (json_object_set_new(leaf, "count", json_integer(1)) != 0 ||
        json_object_set_new(leaf, "request", json_string(buffer_text(&request))) != 0)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return KH_OK;
}

static enum kh_err
note_lifetime(struct policy_suggest *suggest, const struct replay *replay, struct fault *fault)
{
    struct bytes name = replay->facts.credential;
    json_t *longest = json_object_getn(suggest->lifetime, (const char *)name.p, name.n);
    if (longest != NULL && json_integer_value(longest) >= replay->lifetime_s)
        return KH_OK;
    if (json_object_setn_new(suggest->lifetime, (const char *)name.p, name.n,
                             json_integer(replay->lifetime_s)) != 0)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return KH_OK;
}

static void
note_time(struct policy_suggest *suggest, const json_t *record)
{
    const char *time = json_string_value(json_object_get(record, "time"));
    char *out = suggest->requests == 0 ? suggest->first : suggest->last;
    snprintf(out, sizeof(suggest->first), "%.24s", time != NULL ? time : "");
    if (suggest->requests == 0)
        memcpy(suggest->last, suggest->first, sizeof(suggest->last));
}

enum kh_err
policy_suggest_add(struct policy_suggest *suggest, const json_t *record, struct fault *fault)
{
    static struct replay replay; // large, and one at a time
    if (!replay_read(record, &replay) || !replay.allowed || replay.path_hidden ||
        bytes_is(replay.facts.credential, PASS_THROUGH_NAME) || // needs no grant
        !bytes_equal(replay.facts.user, suggest->user))
        return KH_OK;
    BUFFER_AUTO pattern;
    buffer_init(&pattern, sizeof(replay.path));
    policy_suggest_pattern(replay.facts.path, &pattern);
    json_t *leaf = leaf_for(suggest, &replay.facts, buffer_bytes(&pattern));
    if (leaf == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    note_time(suggest, record);
    suggest->requests++;
    enum kh_err err = note_lifetime(suggest, &replay, fault);
    return err != KH_OK ? err : count_use(suggest, leaf, record, &replay.facts, fault);
}

/* ---- writing ---- */

static int
compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct names {
    const char **name;
    size_t count;
};

static bool
names_of(json_t *object, struct names *out)
{
    const char *name;
    json_t *value;
    *out = (struct names){.name = calloc(json_object_size(object) + 1, sizeof(*out->name))};
    if (out->name == NULL)
        return false;
    json_object_foreach(object, name, value)
    {
        out->name[out->count++] = name;
    }
    qsort(out->name, out->count, sizeof(*out->name), compare_keys);
    return true;
}

static void
names_free(struct names *names)
{
    free(names->name);
}

// A caveat as an item of a list: quoted for YAML, in which a single quote is written twice.
static void
put_item(struct buffer *out, struct bytes caveat)
{
    buffer_put_str(out, "      - '");
    for (size_t i = 0; i < caveat.n; i++) {
        if (caveat.p[i] == '\'')
            buffer_put_byte(out, '\'');
        buffer_put_byte(out, caveat.p[i]);
    }
    buffer_put_str(out, "'\n");
}

static void
put_list(struct buffer *out, const char *attribute, const struct names *names)
{
    buffer_printf(out, "%s %s ", attribute, names->count == 1 ? "=" : "in");
    for (size_t i = 0; i < names->count; i++) {
        buffer_put_str(out, i > 0 ? ", " : "");
        quoted_print(bytes_str(names->name[i]), false, out);
    }
}

// The first `depth` segments, and whatever follows; NULL-terminated in `out`.
static void
put_shallow(struct buffer *out, const char *pattern, size_t depth)
{
    struct bytes rest = bytes_from(bytes_str(pattern), 1), segment;
    size_t n = 0;
    while (n < depth && bytes_cut(&rest, '/', &segment)) {
        buffer_put_byte(out, '/');
        buffer_put(out, segment);
        n++;
    }
    buffer_put_str(out, "/**");
}

static void
put_pattern(struct buffer *out, bool is_first, struct bytes pattern)
{
    bool is_exact = bytes_index(pattern, '*') == pattern.n;
    buffer_printf(out, "%spath %s ", is_first ? "" : " or ", is_exact ? "=" : "~");
    quoted_print(pattern, false, out);
}

// As they are; `depth` segments of them where that is too much to say.
static size_t
put_paths(struct buffer *out, const struct names *patterns, size_t depth)
{
    BUFFER_AUTO before, now;
    size_t count = 0;
    buffer_init(&before, 65536);
    buffer_init(&now, 65536);
    for (size_t i = 0; i < patterns->count; i++) {
        buffer_clear(&now);
        if (depth == SIZE_MAX)
            buffer_put_str(&now, patterns->name[i]);
        else
            put_shallow(&now, patterns->name[i], depth);
        // They are sorted: equal ones stand side by side.
        if (bytes_equal(buffer_bytes(&before), buffer_bytes(&now)))
            continue;
        put_pattern(out, count++ == 0, buffer_bytes(&now));
        buffer_clear(&before);
        buffer_put(&before, buffer_bytes(&now));
    }
    return count;
}

static bool
parses(struct bytes text)
{
    struct caveat *caveat = NULL;
    bool fine = text.n <= CLAUSE_MAX && caveat_parse(text, &caveat, NULL) == KH_OK;
    caveat_free(&caveat);
    return fine;
}

// "host != a or method != POST or path = /x": what follows from this host and this method.
static void
put_clause(struct buffer *out, const char *host, const char *method, const struct names *patterns)
{
    size_t depth = SIZE_MAX;
    for (;;) {
        BUFFER_AUTO clause;
        buffer_init(&clause, 1 << 20);
        if (host != NULL)
            buffer_printf(&clause, "host != %s or ", host);
        if (method != NULL)
            buffer_printf(&clause, "method != %s or ", method);
        size_t count = put_paths(&clause, patterns, depth);
        if ((count <= PATTERNS_MAX && !clause.failed && parses(buffer_bytes(&clause))) ||
            depth == 0) {
            put_item(out, buffer_bytes(&clause));
            return;
        }
        depth = depth == SIZE_MAX ? 6 : depth - 1;
    }
}

static bool
put_host(struct buffer *out, const char *host, json_t *methods)
{
    struct names names;
    BUFFER_AUTO clause;
    buffer_init(&clause, 4096);
    if (!names_of(methods, &names))
        return false;
    if (host != NULL)
        buffer_printf(&clause, "host != %s or ", host);
    put_list(&clause, "method", &names);
    put_item(out, buffer_bytes(&clause));
    for (size_t i = 0; i < names.count; i++) {
        struct names patterns;
        if (!names_of(json_object_get(methods, names.name[i]), &patterns))
            break;
        put_clause(out, host, names.count > 1 ? names.name[i] : NULL, &patterns);
        names_free(&patterns);
    }
    names_free(&names);
    return true;
}

static void
put_lifetime(struct buffer *out, int64_t lifetime)
{
    if (lifetime <= 0 || lifetime > DURATION_MAX_S)
        return;
    buffer_put_str(out, "    lifetime: ");
    duration_print(lifetime, out);
    buffer_put_str(out, "  # the longest that a token lived\n");
}

static bool
put_grant(const struct policy_suggest *suggest, struct buffer *out, const char *credential)
{
    json_t *hosts = json_object_get(suggest->use, credential);
    struct names names;
    BUFFER_AUTO list;
    buffer_init(&list, 65536);
    if (!names_of(hosts, &names))
        return false;
    buffer_printf(out,
                  "  - name: use-of-%.*s\n    to: ['user %.*s']\n    credentials: ['%s']\n"
                  "    caveats:\n",
                  56, credential, BYTES_ARG(suggest->user), credential);
    put_list(&list, "host", &names);
    put_item(out, buffer_bytes(&list));
    bool fine = true;
    for (size_t i = 0; fine && i < names.count; i++)
        fine = put_host(out, names.count > 1 ? names.name[i] : NULL,
                        json_object_get(hosts, names.name[i]));
    names_free(&names);
    put_lifetime(out, json_integer_value(json_object_get(suggest->lifetime, credential)));
    return fine;
}

/* ---- tests: one request of each kind, as long as there are few ---- */

static void
put_test(const struct policy_suggest *suggest, struct buffer *out, const char *credential,
         const json_t *leaf)
{
    const char *request = json_string_value(json_object_get(leaf, "request"));
    buffer_printf(out, "  - request: \"%s\" # %lld times\n    user: '%.*s'\n    credential: '%s'\n",
                  request, (long long)json_integer_value(json_object_get(leaf, "count")),
                  BYTES_ARG(suggest->user), credential);
    buffer_put_str(out, "    expect: allow\n");
}

static void
put_tests(const struct policy_suggest *suggest, struct buffer *out)
{
    const char *credential, *host, *method, *pattern;
    json_t *hosts, *methods, *patterns, *leaf;
    size_t count = 0;
    buffer_put_str(out, "tests:\n");
    json_object_foreach(suggest->use, credential, hosts)
    {
        json_object_foreach(hosts, host, methods)
        {
            json_object_foreach(methods, method, patterns)
            {
                json_object_foreach(patterns, pattern, leaf)
                {
                    if (count++ < TESTS_MAX)
                        put_test(suggest, out, credential, leaf);
                }
            }
        }
    }
}

enum kh_err
policy_suggest_print(const struct policy_suggest *suggest, struct buffer *out, struct fault *fault)
{
    struct names names;
    if (suggest->requests == 0)
        return fault_set(fault, KH_ERR_NOT_FOUND,
                         "the audit log has no allowed request of %.*s in that time",
                         BYTES_ARG(suggest->user));
    buffer_printf(
        out,
        "# What %.*s used: %llu allowed requests from %s to %s, by the audit log.\n"
        "# A starting point: what was used is not always what is needed. Read it, narrow\n"
        "# it, give it to a group, and then: keyholed policy diff FILE\n"
        "version: 1\n"
        "grants:\n",
        BYTES_ARG(suggest->user), (unsigned long long)suggest->requests, suggest->first,
        suggest->last);
    if (!names_of(suggest->use, &names))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    bool fine = true;
    for (size_t i = 0; fine && i < names.count; i++)
        fine = put_grant(suggest, out, names.name[i]);
    names_free(&names);
    put_tests(suggest, out);
    return fine && !out->failed ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
}
