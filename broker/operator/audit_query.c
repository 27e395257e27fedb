/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed audit query: searching the audit log. Of a long one no more is read than must be. */
#include "admin.h"
#include "audit_filter.h"
#include "audit_group.h"
#include "audit_lines.h"
#include "audit_output.h"
#include "recover.h"
#include "terminal.h"
#include "values.h"

#include "../../caveats/path.h"
#include "../../caveats/screen/progress.h"
#include "../../caveats/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LIMIT_MAX = 1000000, OUTPUT_MAX = 64 << 20 };

struct query {
    const struct invocation *invocation;
    struct audit_filter filter;
    struct audit_output output;
    struct audit_groups groups;
    struct progress progress;
    const char *group; /* the member to count by, or NULL */
    bool count;        /* the number alone */
    uint64_t limit;    /* the last so many; UINT64_MAX: all */
    uint64_t found;
};

/* ---- what is asked for ---- */

static enum operator_exit
read_equal(const struct invocation *invocation, struct audit_filter *filter)
{
    static const struct {
        const char *option, *member;
    } equal[] = {
        {"user", "user"},   {"credential", "credential"}, {"host", "host"},
        {"code", "reason"}, {"decision", "decision"},     {"token", "token"},
        {"id", "id"},       {"method", "method"},         {"kind", "kind"},
        {"grant", "grant"}, {"client", "client"},         {"trace", "trace_id"},
    };
    for (size_t i = 0; i < sizeof(equal) / sizeof(equal[0]); i++)
        audit_filter_add(filter, equal[i].member, invocation_value(invocation, equal[i].option));
    const char *decision = invocation_value(invocation, "decision");
    if (decision != NULL && strcmp(decision, "allow") != 0 && strcmp(decision, "deny") != 0)
        return usage_fault(invocation, "--decision is allow or deny");
    const char *code = invocation_value(invocation, "code");
    if (code != NULL && kh_reason_from_code(bytes_str(code)) == KH_REASON_UNSET)
        fputs("keyholed: no denial of this version has that code\n", stderr);
    return EXIT_DONE;
}

static enum operator_exit
read_times(const struct invocation *invocation, struct audit_filter *filter)
{
    struct fault fault = {0};
    int64_t now = (int64_t)time(NULL);
    const char *since = invocation_value(invocation, "since");
    const char *until = invocation_value(invocation, "until");
    if (since != NULL && value_time_or_ago(since, now, &filter->since, &fault) != KH_OK)
        return usage_fault(invocation, "--since: %s", fault.detail);
    if (until != NULL && value_time_or_ago(until, now, &filter->until, &fault) != KH_OK)
        return usage_fault(invocation, "--until: %s", fault.detail);
    return EXIT_DONE;
}

static enum operator_exit
read_family(const struct invocation *invocation, struct audit_filter *filter)
{
    struct fault fault = {0};
    const char *given = invocation_value(invocation, "lineage");
    BUFFER_AUTO text;
    buffer_init_secret(&text, TERMINAL_SECRET_MAX);
    if (given == NULL)
        return EXIT_DONE;
    if (bytes_find(bytes_str(given), BYTES(TOKEN_MARK)) < strlen(given))
        return usage_fault(invocation,
                           "--lineage: a token is a secret, and whoever can see this machine's "
                           "processes sees their arguments. Give it on standard input, of a file "
                           "or a pipe: --lineage - < FILE; or its lineage id, which keyhole "
                           "inspect shows");
    if (strcmp(given, "-") != 0)
        buffer_put_str(&text, given);
    else if (terminal_read_secret(-1, "token or id", false, &text, &fault) != KH_OK)
        return command_failed("the token: %s", fault.detail);
    if (audit_filter_family(filter, bytes_trim(buffer_bytes(&text)), &fault) != KH_OK)
        return usage_fault(invocation, "--lineage: %s", fault.detail);
    return EXIT_DONE;
}

static enum operator_exit
read_result(const struct invocation *invocation, struct query *query)
{
    struct fault fault = {0};
    const char *limit = invocation_value(invocation, "limit");
    const char *group = invocation_value(invocation, "group-by");
    query->limit = UINT64_MAX;
    if (limit != NULL && value_number(limit, 1, LIMIT_MAX, &query->limit, &fault) != KH_OK)
        return usage_fault(invocation, "--limit: %s", fault.detail);
    query->count = invocation_flag(invocation, "count");
    query->group = group != NULL ? audit_group_member(group) : NULL;
    if (group != NULL && query->group == NULL)
        return usage_fault(invocation,
                           "--group-by takes a member of the records (user, credential, host, "
                           "code, method, path, label, token, client, …), hour or day");
    if (query->count && (limit != NULL || group != NULL))
        return usage_fault(invocation, "--count goes without --limit and --group-by");
    return EXIT_DONE;
}

static enum operator_exit
read_query(const struct invocation *invocation, struct query *query)
{
    struct fault fault = {0};
    struct audit_filter *filter = &query->filter;
    audit_filter_init(filter);
    query->invocation = invocation;
    if (invocation_flag(invocation, "utc")) {
        setenv("TZ", "UTC0", 1);
        tzset();
    }
    filter->label = invocation_value(invocation, "label");
    filter->path = invocation_value(invocation, "path");
    if (filter->path != NULL && path_pattern_check(bytes_str(filter->path), &fault) != KH_OK)
        return usage_fault(invocation, "--path: %s", fault.detail);
    enum operator_exit status = read_equal(invocation, filter);
    if (status == EXIT_DONE)
        status = read_times(invocation, filter);
    if (status == EXIT_DONE)
        status = read_family(invocation, filter);
    return status == EXIT_DONE ? read_result(invocation, query) : status;
}

/* ---- reading ---- */

// Of one line: whether it fits. What is no record is told where nothing is asked for but the time.
static enum kh_err
take_line(struct query *query, struct bytes line, bool *fits, struct fault *fault)
{
    *fits = false;
    if (!audit_filter_may_fit(&query->filter, line))
        return KH_OK;
    json_t *record = json_loadb((const char *)line.p, line.n, JSON_ALLOW_NUL, NULL);
    enum kh_err err = KH_OK;
    *fits = json_is_object(record) && audit_filter_fits(&query->filter, record);
    if (query->group != NULL && *fits)
        err = audit_groups_add(&query->groups, record, fault);
    else if (!query->count && query->limit == UINT64_MAX && (*fits || !json_is_object(record)))
        err = audit_output_record(&query->output, line, record, fault);
    query->found += *fits;
    json_decref(record);
    return err;
}

// Times go up but for clocks that are set back: behind the end by more than that, nothing fits.
static bool
is_behind(const struct query *query, struct bytes line)
{
    int64_t time, until = query->filter.until;
    return until < INT64_MAX - AUDIT_CLOCK_SLACK_S && audit_line_time(line, &time) &&
           time >= until + AUDIT_CLOCK_SLACK_S;
}

static enum kh_err
read_forwards(struct query *query, struct audit_lines *lines, struct fault *fault)
{
    struct bytes line;
    bool more = true, fits;
    uint64_t size = audit_lines_size(lines), first = 0, done = 0;
    enum kh_err err = KH_OK;
    if (query->filter.since != INT64_MIN)
        err = audit_lines_seek_time(lines, query->filter.since, fault);
    first = audit_lines_position(lines);
    while (err == KH_OK) {
        err = audit_lines_next(lines, &line, &more, fault);
        if (err != KH_OK || !more || is_behind(query, line))
            break;
        err = take_line(query, line, &fits, fault);
        done += line.n + 1;
        progress_step(&query->progress, done, size > first ? size - first : 0);
    }
    return err;
}

static bool
is_before(const struct query *query, struct bytes line)
{
    int64_t time, since = query->filter.since;
    return since > INT64_MIN + AUDIT_CLOCK_SLACK_S && audit_line_time(line, &time) &&
           time < since - AUDIT_CLOCK_SLACK_S;
}

struct kept_line {
    size_t start, n;
};

// The last lines that fit, the newest first, all in `text`.
static enum kh_err
collect_backwards(struct query *query, struct audit_lines *lines, struct buffer *text,
                  struct kept_line *kept, struct fault *fault)
{
    struct audit_back back;
    struct bytes line;
    bool more = true, fits;
    uint64_t done = 0;
    enum kh_err err = KH_OK;
    audit_back_init(&back, lines);
    while (err == KH_OK && query->found < query->limit) {
        err = audit_back_next(&back, &line, &more, fault);
        if (err != KH_OK || !more || is_before(query, line))
            break;
        err = take_line(query, line, &fits, fault);
        if (err == KH_OK && fits) {
            kept[query->found - 1] = (struct kept_line){text->n, line.n};
            buffer_put(text, line);
        }
        done += line.n + 1;
        progress_step(&query->progress, done, 0);
        if (text->failed)
            err = fault_set(fault, KH_ERR_TOO_LONG, "these are more than %d MiB: take fewer",
                            OUTPUT_MAX >> 20);
    }
    audit_back_free(&back);
    return err;
}

static enum kh_err
read_last(struct query *query, struct audit_lines *lines, struct fault *fault)
{
    BUFFER_AUTO text;
    buffer_init(&text, OUTPUT_MAX);
    struct kept_line *kept = calloc(query->limit, sizeof *kept);
    if (kept == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    enum kh_err err = collect_backwards(query, lines, &text, kept, fault);
    progress_end(&query->progress);
    for (uint64_t i = query->found; err == KH_OK && i > 0; i--)
        err = audit_output_line(&query->output,
                                bytes_slice(buffer_bytes(&text), kept[i - 1].start, kept[i - 1].n),
                                fault);
    free(kept);
    return err;
}

/* ---- results ---- */

static enum operator_exit
print_groups(struct query *query)
{
    json_t *result = audit_groups_json(&query->groups, query->limit);
    struct screen screen;
    BUFFER_AUTO out;
    buffer_init(&out, OUTPUT_MAX);
    if (result == NULL)
        return command_failed("memory is used up");
    json_object_set_new(result, "records", json_integer((json_int_t)query->found));
    terminal_look(stdout, &screen);
    if (query->invocation->json)
        admin_print_json(result);
    else
        audit_groups_print(result, &screen, &out);
    fputs(buffer_text(&out), stdout);
    json_decref(result);
    return EXIT_DONE;
}

static enum operator_exit
print_result(struct query *query)
{
    if (query->group != NULL)
        return print_groups(query);
    if (query->count && query->invocation->json)
        printf("{\"records\":%llu}\n", (unsigned long long)query->found);
    else if (query->count)
        printf("%llu\n", (unsigned long long)query->found);
    else if (query->found == 0)
        fputs("no record fits\n", stderr);
    return EXIT_DONE;
}

static enum operator_exit
audit_query(const struct invocation *invocation)
{
    struct fault fault = {0};
    struct audit_lines lines;
    struct query query = {0};
    enum operator_exit status = read_query(invocation, &query);
    if (status != EXIT_DONE)
        return status;
    recover_mention(invocation->directory);
    enum kh_err err = audit_lines_open(invocation->directory, &lines, &fault);
    if (err != KH_OK)
        return audit_fault(err, &fault);
    audit_output_init(&query.output, invocation);
    if (query.group != NULL)
        audit_groups_init(&query.groups, query.group, invocation_flag(invocation, "utc"));
    progress_begin(&query.progress, stderr, "searching the audit log");
    if (query.limit < UINT64_MAX && query.group == NULL)
        err = read_last(&query, &lines, &fault);
    else
        err = read_forwards(&query, &lines, &fault);
    progress_end(&query.progress);
    audit_lines_close(&lines);
    status = err == KH_OK ? print_result(&query) : audit_fault(err, &fault);
    audit_groups_free(&query.groups);
    return status;
}

/* ---- the table ---- */

static const struct operator_option query_options[] = {
    {"user", 0, "U", false, "the principal of the token"},
    {"credential", 0, "C", false, "the credential"},
    {"host", 0, "H", false, "the host that was asked for"},
    {"method", 0, "M", false, "the method, as POST"},
    {"path", 0, "PATTERN", false, "the path, as caveats have it: '/v1/**'"},
    {"code", 0, "CODE", false, "why it was refused, as caveat-failed"},
    {"decision", 0, "allow|deny", false, "what was decided"},
    {"grant", 0, "NAME", false, "the policy's grant that allowed it"},
    {"label", 0, "L", false, "one of the token's labels"},
    {"lineage", 0, "ID|-", false,
     "a lineage id, and all that was made from it; -: a token or an id on standard input"},
    {"token", 0, "ID", false, "the token id: all of one mint"},
    {"client", 0, "ADDRESS", false, "whence it came"},
    {"kind", 0, "KIND", false, "decision, outcome, admin, revoke, login, start, stop or rotate"},
    {"id", 0, "ID", false, "the request's id, as answers have it in Keyhole-Request-Id"},
    {"trace", 0, "ID", false, "the trace id that came with the request"},
    {"since", 0, "TIME", false, "from then on: 2h (ago), 2026-12-01T08:30 or …T08:30:00Z"},
    {"until", 0, "TIME", false, "before then"},
    {"limit", 'n', "N", false, "the last N of them"},
    {"count", 0, NULL, false, "how many there are, and nothing else"},
    {"group-by", 0, "MEMBER", false, "how many for each user, credential, host, code, hour, …"},
    {"utc", 0, NULL, false, "times in UTC (default: of the clock here)"},
    {0},
};

const struct operator_command audit_query_commands[] = {
    {
        .name = "audit query",
        .operands = "",
        .summary = "Search the audit log; every option narrows the search",
        .text = "An outcome has the id of its decision alone: --id finds both.",
        .examples =
            "  keyholed audit query --user alice --decision deny --since 24h\n"
            "  keyholed audit query --id 0f8c…          what became of this request\n"
            "  echo \"$TOKEN\" | keyholed audit query --lineage - --limit 20\n"
            "  keyholed audit query --since 7d --decision deny --group-by code\n"
            "  keyholed audit query --credential openai --json | jq -r .path | sort | uniq -c",
        .option = query_options,
        .json = true,
        .run = audit_query,
    },
    {0},
};
