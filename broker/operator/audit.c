/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed audit tail, query, verify: they read the file, and need no running broker. */
#include "admin.h"
#include "audit_chain.h"
#include "audit_record.h"
#include "terminal.h"
#include "values.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FOLLOW_MS = 250, TORN_TRIES = 10, TAIL_DEFAULT = 20 };

static enum operator_exit
audit_fault(enum kh_err err, const struct fault *fault)
{
    command_failed("%s", fault->detail);
    return err == KH_ERR_PERMISSION ? EXIT_DENIED : EXIT_FAILED;
}

/* ---- tail and query ---- */

struct printing {
    const struct invocation *invocation;
    const struct audit_filter *filter;
    uint64_t printed;
};

// False: standard output is gone.
static bool
print_line(struct printing *printing, struct bytes line)
{
    json_t *record = json_loadb((const char *)line.p, line.n, JSON_ALLOW_NUL, NULL);
    if (json_is_object(record) && audit_filter_fits(printing->filter, record)) {
        if (printing->invocation->json) {
            fwrite(line.p, 1, line.n, stdout);
            putchar('\n');
        } else {
            audit_record_show(stdout, record);
        }
        printing->printed++;
    } else if (!json_is_object(record)) {
        fputs("keyholed: a line of the audit log is no record; see keyholed audit verify\n",
              stderr);
    }
    json_decref(record);
    return !ferror(stdout);
}

static enum kh_err
print_lines(struct printing *printing, struct audit_lines *lines, struct fault *fault)
{
    struct bytes line;
    bool more;
    for (;;) {
        enum kh_err err = audit_lines_next(lines, &line, &more, fault);
        if (err != KH_OK || !more)
            return err;
        if (!print_line(printing, line))
            return fault_set(fault, KH_ERR_CLOSED, "standard output could not be written");
    }
}

// The file is only ever appended to: what is new is read when it is there. A pipe whose reader has
// gone ends it.
static enum kh_err
follow(struct printing *printing, struct audit_lines *lines, struct fault *fault)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    for (;;) {
        if (poll(&out, 1, FOLLOW_MS) > 0 && (out.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
            return KH_OK;
        enum kh_err err = print_lines(printing, lines, fault);
        if (err != KH_OK)
            return err;
        fflush(stdout);
    }
}

static enum operator_exit
audit_tail(const struct invocation *invocation)
{
    struct fault fault = {0};
    struct audit_lines lines;
    struct audit_filter filter;
    uint64_t count = TAIL_DEFAULT;
    const char *text = invocation_value(invocation, "lines");
    if (text != NULL && value_number(text, 0, UINT32_MAX, &count, &fault) != KH_OK)
        return usage_fault(invocation, "-n: %s", fault.detail);
    enum kh_err err = audit_lines_open(invocation->directory, &lines, &fault);
    if (err != KH_OK)
        return audit_fault(err, &fault);
    audit_filter_init(&filter);
    struct printing printing = {.invocation = invocation, .filter = &filter};
    err = audit_lines_seek_last(&lines, count, &fault);
    if (err == KH_OK)
        err = print_lines(&printing, &lines, &fault);
    if (err == KH_OK && invocation_flag(invocation, "follow")) {
        fflush(stdout);
        err = follow(&printing, &lines, &fault);
    }
    audit_lines_close(&lines);
    return err == KH_OK ? EXIT_DONE : audit_fault(err, &fault);
}

static enum operator_exit
read_filter(const struct invocation *invocation, struct audit_filter *filter)
{
    static const struct {
        const char *option, *member;
    } equal[] = {
        {"user", "user"},         {"credential", "credential"},
        {"host", "host"},         {"code", "reason"},
        {"decision", "decision"}, {"lineage", "lineage"},
        {"token", "token"},       {"id", "id"},
    };
    struct fault fault = {0};
    int64_t now = (int64_t)time(NULL);
    audit_filter_init(filter);
    for (size_t i = 0; i < sizeof(equal) / sizeof(equal[0]); i++)
        audit_filter_add(filter, equal[i].member, invocation_value(invocation, equal[i].option));
    const char *decision = invocation_value(invocation, "decision");
    if (decision != NULL && strcmp(decision, "allow") != 0 && strcmp(decision, "deny") != 0)
        return usage_fault(invocation, "--decision is allow or deny");
    const char *since = invocation_value(invocation, "since");
    if (since != NULL && value_time_or_ago(since, now, &filter->since, &fault) != KH_OK)
        return usage_fault(invocation, "--since: %s", fault.detail);
    const char *until = invocation_value(invocation, "until");
    if (until != NULL && value_time_or_ago(until, now, &filter->until, &fault) != KH_OK)
        return usage_fault(invocation, "--until: %s", fault.detail);
    return EXIT_DONE;
}

static enum operator_exit
audit_query(const struct invocation *invocation)
{
    struct fault fault = {0};
    struct audit_lines lines;
    struct audit_filter filter;
    enum operator_exit status = read_filter(invocation, &filter);
    if (status != EXIT_DONE)
        return status;
    enum kh_err err = audit_lines_open(invocation->directory, &lines, &fault);
    if (err != KH_OK)
        return audit_fault(err, &fault);
    struct printing printing = {.invocation = invocation, .filter = &filter};
    err = print_lines(&printing, &lines, &fault);
    audit_lines_close(&lines);
    if (err != KH_OK)
        return audit_fault(err, &fault);
    if (printing.printed == 0)
        fputs("no record fits\n", stderr);
    return EXIT_DONE;
}

/* ---- verify ---- */

// DIR/audit.head: {"seq": …, "hash": …, "mac": …}. Its MAC is the broker's to check.
static enum kh_err
read_head_file(const char *directory, struct audit_chain *chain, struct fault *fault)
{
    char path[PATH_MAX], text[1024];
    snprintf(path, sizeof(path), "%.*s/audit.head", PATH_MAX - 16, directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                         "audit.head is gone: a log that was cut short would not show");
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return fault_set(fault, error == EACCES ? KH_ERR_PERMISSION : KH_ERR_IO, "%s: %s", path,
                         strerror(error));
    json_t *head = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *seq = json_object_get(head, "seq");
    const char *hash = admin_text(head, "hash");
    enum kh_err err = KH_OK;
    if (!json_is_integer(seq) || json_integer_value(seq) < 0 || strlen(hash) != AUDIT_CHAIN_HEX - 1)
        err = fault_set(fault, KH_ERR_AUDIT_BROKEN, "audit.head is not as a broker writes it");
    else
        audit_chain_add_head(chain, "audit.head", (uint64_t)json_integer_value(seq), hash);
    json_decref(head);
    return err;
}

// Everything that knows a record of this log: the command line, the broker, the file. The log is
// read after them, so that it can only be ahead.
static enum kh_err
collect_heads(const struct invocation *invocation, struct audit_chain *chain, bool *running,
              struct fault *fault)
{
    const char *given = invocation_value(invocation, "head");
    uint64_t seq;
    char hash[AUDIT_CHAIN_HEX] = "";
    json_t *result = NULL;
    audit_chain_init(chain);
    if (given != NULL) {
        enum kh_err err = audit_chain_parse_head(given, &seq, hash, fault);
        if (err != KH_OK)
            return err;
        audit_chain_add_head(chain, "--head", seq, hash);
    }
    *running = admin_ask_quietly(invocation->directory, "audit.head", &result) == KH_OK;
    if (*running && admin_number(result, "seq") > 0)
        audit_chain_add_head(chain, "the running broker", (uint64_t)admin_number(result, "seq"),
                             admin_text(result, "hash"));
    json_decref(result);
    return read_head_file(invocation->directory, chain, fault);
}

static enum kh_err
verify_once(const struct invocation *invocation, struct audit_chain *chain, bool *running,
            struct fault *fault)
{
    struct audit_lines lines;
    enum kh_err err = collect_heads(invocation, chain, running, fault);
    if (err == KH_OK)
        err = audit_lines_open(invocation->directory, &lines, fault);
    if (err != KH_OK)
        return err;
    err = audit_chain_verify(chain, &lines, fault);
    audit_lines_close(&lines);
    return err;
}

static enum operator_exit
audit_verify(const struct invocation *invocation)
{
    struct fault fault = {0};
    struct audit_chain chain;
    bool running = false;
    enum kh_err err = verify_once(invocation, &chain, &running, &fault);
    // A line without its end may be one that a running broker is writing at this moment.
    for (int i = 0; err == KH_ERR_CLOSED && running && i < TORN_TRIES; i++) {
        poll(NULL, 0, FOLLOW_MS);
        err = verify_once(invocation, &chain, &running, &fault);
    }
    if (err == KH_ERR_SYNTAX)
        return usage_fault(invocation, "--head: %s", fault.detail);
    if (err != KH_OK && invocation->json) {
        json_t *result = json_pack("{s:b, s:s}", "ok", 0, "message", fault.detail);
        admin_print_json(result);
        json_decref(result);
        return err == KH_ERR_PERMISSION ? EXIT_DENIED : EXIT_FAILED;
    }
    if (err != KH_OK)
        return audit_fault(err, &fault);
    if (invocation->json) {
        json_t *result =
            json_pack("{s:b, s:I, s:I, s:s}", "ok", 1, "records", (json_int_t)chain.records, "seq",
                      (json_int_t)chain.records, "hash", chain.hash);
        admin_print_json(result);
        json_decref(result);
    } else {
        printf("%sok%s: %llu records, head %llu:%s\n", terminal_colour(stdout, COLOUR_GOOD),
               terminal_colour(stdout, COLOUR_NONE), (unsigned long long)chain.records,
               (unsigned long long)chain.records, chain.hash);
    }
    return EXIT_DONE;
}

/* ---- the table ---- */

static const struct operator_option tail_options[] = {
    {"lines", 'n', "N", false, "how many of the last records (default 20)"},
    {"follow", 'f', NULL, false, "go on with what is added"},
    {0},
};

static const struct operator_option query_options[] = {
    {"user", 0, "U", false, "the principal of the token"},
    {"credential", 0, "C", false, "the credential"},
    {"host", 0, "H", false, "the host that was asked for"},
    {"code", 0, "CODE", false, "why it was refused, as caveat-failed"},
    {"decision", 0, "allow|deny", false, "what was decided"},
    {"lineage", 0, "ID", false, "the lineage id of the token as presented"},
    {"token", 0, "ID", false, "the token id; never the token"},
    {"since", 0, "TIME", false, "from then on: 2026-12-01T00:00:00Z, or 2h (ago)"},
    {"until", 0, "TIME", false, "before then"},
    {"id", 0, "ID", false, "the request's id, as answers have it in Keyhole-Request-Id"},
    {0},
};

static const struct operator_option verify_options[] = {
    {"head", 0, "SEQ:HASH", false, "a head that was kept elsewhere: the log must contain it"},
    {0},
};

const struct operator_command audit_commands[] = {
    {
        .name = "audit tail",
        .operands = "",
        .summary = "Show the last decisions",
        .text = "--json prints the records as they stand in the log.",
        .examples = "  keyholed audit tail -n 50\n"
                    "  keyholed audit tail --follow",
        .option = tail_options,
        .json = true,
        .run = audit_tail,
    },
    {
        .name = "audit query",
        .operands = "",
        .summary = "Search the audit log; every option narrows the search",
        .examples =
            "  keyholed audit query --user alice --decision deny --since 24h\n"
            "  keyholed audit query --id 0f8c…          what became of this request\n"
            "  keyholed audit query --credential openai --json | jq -r .path | sort | uniq -c",
        .option = query_options,
        .json = true,
        .run = audit_query,
    },
    {
        .name = "audit verify",
        .operands = "",
        .summary = "Recompute the hash chain of the audit log",
        .text =
            "Prints \"ok: N records, head SEQ:HASH\", or the first line that is wrong and exit\n"
            "status 1. A head that is kept on another machine shows that nothing before it was\n"
            "changed since.",
        .examples = "  keyholed audit verify\n"
                    "  keyholed audit verify --head 4711:9f86d081884c7d65…",
        .option = verify_options,
        .json = true,
        .run = audit_verify,
    },
    {0},
};
