/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log judged again: a request that a caveat denied stays denied, whatever the policy. */
#include "policy_diff.h"

#include "terminal.h"

#include <string.h>

static const char *const change_names[POLICY_DIFF_CHANGES] = {
    [POLICY_DIFF_SAME] = "same",
    [POLICY_DIFF_DENY] = "deny",
    [POLICY_DIFF_ALLOW] = "allow",
    [POLICY_DIFF_UNKNOWN] = "unknown",
};

void
policy_diff_init(struct policy_diff *diff, const struct policy *policy)
{
    *diff = (struct policy_diff){.policy = policy, .rows = json_object()};
}

void
policy_diff_free(struct policy_diff *diff)
{
    json_decref(diff->rows);
    diff->rows = NULL;
}

static bool
was_denied_by_policy(const struct replay *replay)
{
    return bytes_is(replay->reason, "no-grant") || bytes_is(replay->reason, "forbidden");
}

static enum policy_diff_change
change_of(const struct replay *replay, const struct policy_verdict *verdict)
{
    if (!replay->allowed && !was_denied_by_policy(replay))
        return POLICY_DIFF_SAME;
    if (verdict->allowed == JUDGEMENT_UNKNOWN)
        return POLICY_DIFF_UNKNOWN;
    bool allow = verdict->allowed == JUDGEMENT_HOLDS;
    if (allow == replay->allowed)
        return POLICY_DIFF_SAME;
    return allow ? POLICY_DIFF_ALLOW : POLICY_DIFF_DENY;
}

/* ---- rows ---- */

static void
put_url(struct buffer *out, const json_t *record, const struct facts *facts)
{
    const char *path = json_string_value(json_object_get(record, "path"));
    bool is_usual = facts->port == (bytes_is(facts->scheme, "http") ? 80 : 443);
    bool is_v6 = bytes_index(facts->host, ':') < facts->host.n;
    buffer_printf(out, "%.*s://%s%.*s%s", BYTES_ARG(facts->scheme), is_v6 ? "[" : "",
                  BYTES_ARG(facts->host), is_v6 ? "]" : "");
    if (!is_usual)
        buffer_printf(out, ":%u", facts->port);
    buffer_put_str(out, path != NULL ? path : "");
}

static void
put_rule(struct buffer *out, const struct policy_verdict *verdict, const struct facts *facts)
{
    if (verdict->allowed == JUDGEMENT_FAILS)
        policy_verdict_print(verdict, facts, out);
    else if (verdict->grant != NULL)
        buffer_put(out, verdict->grant->name);
}

static json_t *
text_json(struct bytes text)
{
    return json_stringn(text.n > 0 ? (const char *)text.p : "", text.n);
}

static json_t *
row_new(enum policy_diff_change change, const struct facts *facts, struct buffer *url,
        struct buffer *rule)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:i}", "change", change_names[change], "user",
                     text_json(facts->user), "credential", text_json(facts->credential), "method",
                     text_json(facts->method), "url", buffer_text(url), "rule", buffer_text(rule),
                     "count", 0);
}

static enum kh_err
count_row(struct policy_diff *diff, const json_t *record, const struct facts *facts,
          enum policy_diff_change change, const struct policy_verdict *verdict, struct fault *fault)
{
    BUFFER_AUTO url, rule, key;
    buffer_init(&url, 65536);
    buffer_init(&rule, 65536);
    buffer_init(&key, 262144);
    put_url(&url, record, facts);
    put_rule(&rule, verdict, facts);
    buffer_printf(&key, "%d\n%.*s\n%.*s\n%.*s\n%s\n%s", (int)change, BYTES_ARG(facts->user),
                  BYTES_ARG(facts->credential), BYTES_ARG(facts->method), buffer_text(&url),
                  buffer_text(&rule));
    json_t *row = json_object_get(diff->rows, buffer_text(&key));
    json_t *time = json_object_get(record, "time");
    if (row == NULL && json_object_size(diff->rows) >= POLICY_DIFF_ROWS_MAX) {
        diff->cut = true;
        return KH_OK;
    }
    if (row == NULL) {
        row = row_new(change, facts, &url, &rule);
        if (row == NULL || json_object_set_new(diff->rows, buffer_text(&key), row) != 0 ||
            json_object_set(row, "first", time) != 0)
            return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    json_t *count = json_object_get(row, "count");
    if (json_integer_set(count, json_integer_value(count) + 1) != 0 ||
        json_object_set(row, "last", time) != 0)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return KH_OK;
}

enum kh_err
policy_diff_add(struct policy_diff *diff, const json_t *record, struct fault *fault)
{
    static struct replay replay; // large, and one at a time
    struct bytes group[POLICY_GROUPS_MAX];
    struct policy_verdict verdict;
    if (!replay_read(record, &replay))
        return KH_OK;
    replay_judge(diff->policy, &replay, group, &verdict);
    enum policy_diff_change change = change_of(&replay, &verdict);
    diff->judged++;
    diff->count[change]++;
    return change == POLICY_DIFF_SAME
               ? KH_OK
               : count_row(diff, record, &replay.facts, change, &verdict, fault);
}

/* ---- the result ---- */

json_t *
policy_diff_json(const struct policy_diff *diff)
{
    const char *key;
    json_t *row, *rows = json_array();
    json_object_foreach(diff->rows, key, row)
    {
        if (json_array_append(rows, row) != 0)
            break;
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:b}", "judged", (json_int_t)diff->judged, "deny",
                     (json_int_t)diff->count[POLICY_DIFF_DENY], "allow",
                     (json_int_t)diff->count[POLICY_DIFF_ALLOW], "unknown",
                     (json_int_t)diff->count[POLICY_DIFF_UNKNOWN], "requests", rows, "cut",
                     diff->cut);
}

static const char *
text_of(const json_t *row, const char *member)
{
    const char *text = json_string_value(json_object_get(row, member));
    return text != NULL ? text : "";
}

static void
show_row(FILE *stream, const json_t *row)
{
    fprintf(stream, "  %6lld  ", (long long)json_integer_value(json_object_get(row, "count")));
    terminal_print_safe(stream, text_of(row, "method"));
    fputc(' ', stream);
    terminal_print_safe(stream, text_of(row, "url"));
    fputs("  ", stream);
    terminal_print_safe(stream, text_of(row, "user"));
    fputc('/', stream);
    terminal_print_safe(stream, text_of(row, "credential"));
    if (text_of(row, "rule")[0] != '\0') {
        fprintf(stream, "  %s", terminal_colour(stream, COLOUR_DIM));
        terminal_print_safe(stream, text_of(row, "rule"));
        fputs(terminal_colour(stream, COLOUR_NONE), stream);
    }
    fputc('\n', stream);
}

void
policy_diff_show(FILE *stream, const struct policy_diff *diff)
{
    static const struct {
        enum policy_diff_change change;
        enum terminal_colour colour;
        const char *heading;
    } parts[] = {
        {POLICY_DIFF_DENY, COLOUR_BAD, "allowed, and would be denied"},
        {POLICY_DIFF_ALLOW, COLOUR_GOOD, "denied, and would be allowed"},
        {POLICY_DIFF_UNKNOWN, COLOUR_STRONG,
         "cannot tell: these rules look at what the log does not have"},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *key;
        json_t *row;
        if (diff->count[parts[i].change] == 0)
            continue;
        fprintf(stream, "%s%llu %s%s\n", terminal_colour(stream, parts[i].colour),
                (unsigned long long)diff->count[parts[i].change], parts[i].heading,
                terminal_colour(stream, COLOUR_NONE));
        json_object_foreach(diff->rows, key, row)
        {
            if (strcmp(text_of(row, "change"), change_names[parts[i].change]) == 0)
                show_row(stream, row);
        }
    }
    fprintf(stream, "%llu requests judged again, %llu would be decided as they were%s\n",
            (unsigned long long)diff->judged, (unsigned long long)diff->count[POLICY_DIFF_SAME],
            diff->cut ? "; more kinds of requests than are shown" : "");
}
