/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed audit tail, verify: they read the file, and need no running broker. */
#include "../audit_names.h"
#include "admin.h"
#include "audit_chain.h"
#include "audit_follow.h"
#include "audit_output.h"
#include "recover.h"
#include "terminal.h"
#include "values.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TORN_MS = 250, TORN_TRIES = 10, TAIL_DEFAULT = 20 };

/* ---- tail ---- */

static enum kh_err
print_lines(struct audit_output *output, struct audit_lines *lines, struct fault *fault)
{
    struct bytes line;
    bool more;
    for (;;) {
        enum kh_err err = audit_lines_next(lines, &line, &more, fault);
        if (err == KH_OK && more)
            err = audit_output_line(output, line, fault);
        if (err != KH_OK || !more)
            return err;
    }
}

// What is left of a file that was renamed comes before what stands in its place.
static enum kh_err
go_on(struct audit_output *output, const struct audit_follow *follow, struct audit_lines *lines,
      struct fault *fault)
{
    struct audit_lines next;
    bool found = false;
    enum kh_err err = print_lines(output, lines, fault);
    if (err == KH_OK)
        err = audit_follow_next(follow, lines, &next, &found, fault);
    if (err != KH_OK || !found)
        return err;
    err = print_lines(output, lines, fault);
    audit_lines_close(lines);
    *lines = next;
    return err == KH_OK ? print_lines(output, lines, fault) : err;
}

static enum kh_err
tail_follow(struct audit_output *output, const char *directory, struct audit_lines *lines,
            struct fault *fault)
{
    struct audit_follow follow;
    enum kh_err err = KH_OK;
    audit_follow_begin(&follow, directory);
    do {
        err = go_on(output, &follow, lines, fault);
        fflush(stdout);
    } while (err == KH_OK && audit_follow_wait(&follow) == AUDIT_FOLLOW_LOOK);
    audit_follow_end(&follow);
    return err;
}

static enum operator_exit
audit_tail(const struct invocation *invocation)
{
    struct fault fault = {0};
    struct audit_lines lines;
    struct audit_output output;
    uint64_t count = TAIL_DEFAULT;
    const char *text = invocation_value(invocation, "lines");
    if (text != NULL && value_number(text, 0, UINT32_MAX, &count, &fault) != KH_OK)
        return usage_fault(invocation, "-n: %s", fault.detail);
    recover_mention(invocation->directory);
    audit_output_init(&output, invocation);
    enum kh_err err = audit_lines_open(invocation->directory, &lines, &fault);
    if (err != KH_OK)
        return audit_fault(err, &fault);
    err = audit_lines_seek_last(&lines, count, &fault);
    if (err == KH_OK && invocation_flag(invocation, "follow"))
        err = tail_follow(&output, invocation->directory, &lines, &fault);
    else if (err == KH_OK)
        err = print_lines(&output, &lines, &fault);
    audit_lines_close(&lines);
    return err == KH_OK ? EXIT_DONE : audit_fault(err, &fault);
}

/* ---- verify ---- */

// A directory in which no broker ran yet, or a restored one of those, has neither head nor log.
// Nothing tells it from one in which somebody removed both: there is nothing to be called right.
static enum kh_err
no_head(const char *directory, struct fault *fault)
{
    char path[PATH_MAX];
    struct audit_names names = {0};
    enum kh_err err = audit_names_list(directory, &names, fault);
    bool has_older = names.count > 0;
    audit_names_free(&names);
    if (err == KH_OK)
        err = audit_name_path(directory, 0, path, fault);
    if (err != KH_OK)
        return err;
    if (!has_older && access(path, F_OK) != 0 && errno == ENOENT)
        return fault_set(fault, KH_ERR_NOT_FOUND,
                         "there is no audit log in %s: a broker begins it when it first starts; if "
                         "one has run here, audit.log and audit.head are gone",
                         directory);
    return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                     "audit.head is gone: a log that was cut short would not show");
}

// DIR/audit.head: {"seq": …, "hash": …, "mac": …}. Its MAC is the broker's to check.
static enum kh_err
read_head_file(const char *directory, struct audit_chain *chain, struct fault *fault)
{
    char path[PATH_MAX], text[1024];
    snprintf(path, sizeof(path), "%.*s/audit.head", PATH_MAX - 16, directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return no_head(directory, fault);
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
    struct progress progress;
    enum kh_err err = collect_heads(invocation, chain, running, fault);
    if (err == KH_OK)
        err = audit_lines_open(invocation->directory, &lines, fault);
    if (err != KH_OK)
        return err;
    progress_begin(&progress, stderr, "verifying the audit log");
    chain->progress = &progress;
    err = audit_chain_verify(chain, &lines, fault);
    chain->progress = NULL;
    progress_end(&progress);
    audit_lines_close(&lines);
    return err;
}

static enum operator_exit
audit_verify(const struct invocation *invocation)
{
    struct fault fault = {0};
    struct audit_chain chain;
    bool running = false;
    recover_mention(invocation->directory);
    enum kh_err err = verify_once(invocation, &chain, &running, &fault);
    // A line without its end may be one that a running broker is writing at this moment.
    for (int i = 0; err == KH_ERR_CLOSED && running && i < TORN_TRIES; i++) {
        poll(NULL, 0, TORN_MS);
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
        json_t *result = json_pack("{s:b, s:I, s:I, s:I, s:s}", "ok", 1, "records",
                                   (json_int_t)chain.records, "first", (json_int_t)chain.first,
                                   "seq", (json_int_t)chain.seq, "hash", chain.hash);
        admin_print_json(result);
        json_decref(result);
    } else {
        printf("%sok%s: %llu records, head %llu:%s\n", terminal_colour(stdout, COLOUR_GOOD),
               terminal_colour(stdout, COLOUR_NONE), (unsigned long long)chain.records,
               (unsigned long long)chain.seq, chain.hash);
        if (chain.first > 1)
            printf("it is here from record %llu on; records 1 to %llu are in files that were moved "
                   "away\n",
                   (unsigned long long)chain.first, (unsigned long long)chain.first - 1);
    }
    return EXIT_DONE;
}

/* ---- rotate ---- */

static void
show_rotated(const struct invocation *invocation, json_t *result)
{
    long long first = (long long)admin_number(result, "first");
    long long seq = (long long)admin_number(result, "seq");
    (void)invocation;
    printf("%s: records %lld to %lld, head %lld:%s\n", admin_text(result, "file"), first, seq, seq,
           admin_text(result, "hash"));
}

static enum operator_exit
audit_rotate(const struct invocation *invocation)
{
    struct admin_request request;
    json_t *result = NULL;
    admin_request_init(&request);
    enum operator_exit status = admin_ask(invocation->directory, "audit.rotate", &request, &result);
    return admin_show(invocation, status, result, show_rotated);
}

/* ---- the table ---- */

static const struct operator_option tail_options[] = {
    {"lines", 'n', "N", false, "how many of the last records (default 20)"},
    {"follow", 'f', NULL, false, "go on with what is added, until ^C"},
    {"utc", 0, NULL, false, "times in UTC (default: of the clock here)"},
    {0},
};

static const struct operator_option rotate_options[] = {{0}};

static const struct operator_option verify_options[] = {
    {"head", 0, "SEQ:HASH", false, "a head that was kept elsewhere: the log must contain it"},
    {0},
};

const struct operator_command audit_commands[] = {
    {
        .name = "audit tail",
        .operands = "",
        .summary = "Show the last decisions",
        .text =
            "--json prints the records as they stand in the log. --follow goes on when the log is\n"
            "renamed and a new one begun.",
        .examples = "  keyholed audit tail -n 50\n"
                    "  keyholed audit tail --follow\n"
                    "  keyholed audit tail -n 0 -f --json | jq -c 'select(.decision == \"deny\")'",
        .option = tail_options,
        .json = true,
        .run = audit_tail,
    },
    {
        .name = "audit rotate",
        .operands = "",
        .summary = "Go on in another file of the audit log",
        .text = "audit.log is renamed for its first record (audit.log.000000000001), and a new\n"
                "one goes on with the chain of hashes. Prints the older one's name and its last\n"
                "record. audit.rotate-size does the same by size. Older files can be moved away\n"
                "or compressed; those that stand beside audit.log are read by tail, query,\n"
                "verify, policy diff and policy suggest.",
        .examples = "  keyholed audit rotate\n"
                    "  keyholed audit rotate --json | jq -r .file       audit.log.000000000001",
        .option = rotate_options,
        .json = true,
        .run = audit_rotate,
    },
    {
        .name = "audit verify",
        .operands = "",
        .summary = "Recompute the hash chain of the audit log",
        .text =
            "All files of it that are here are read, from the oldest on. Prints \"ok: N records,\n"
            "head SEQ:HASH\" (and which are not here), or the first line that is wrong and exit\n"
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
