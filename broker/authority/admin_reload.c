/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for the supervisor: it alone reads the configuration, and reads nothing of ours but the
 * question.
 */
#include "../admin/reload_report.h"
#include "admin_request.h"
#include "reload.h"

#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MAX = 1 << 20, RELOAD_LOOK = 1 };

struct reload {
    LIST_ENTRY(reload) entry;
    struct authority *authority;
    struct admin_later *later;
    uint64_t id; /* its lowest bit: look, and change nothing */
    uint32_t uid;
};

static void
reload_free(struct reload *reload)
{
    LIST_REMOVE(reload, entry);
    free(reload);
}

static void
on_gone(void *context)
{
    reload_free(context);
}

static enum kh_err
ask(struct authority *authority, unsigned look, struct fault *fault)
{
    struct reload *reload = authority->supervisor ? calloc(1, sizeof *reload) : NULL;

    if (reload == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    reload->authority = authority;
    reload->id = ++authority->reload_id << 1 | look;
    reload->uid = authority->actor_uid;
    LIST_INSERT_HEAD(&authority->reloads, reload, entry);
    reload->later = admin_server_later(authority->admin, on_gone, reload);
    if (reload->later == NULL) {
        reload_free(reload);
        return fault_set(fault, KH_ERR_UNSUPPORTED, "it is for the admin socket alone");
    }
    channel_send(authority->supervisor, MESSAGE_RELOAD_ASK, reload->id, BYTES_EMPTY);
    return KH_OK;
}

static enum kh_err
config_reload(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    (void)request;
    (void)result;
    return ask(context, 0, fault);
}

static enum kh_err
config_diff_running(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    (void)request;
    (void)result;
    return ask(context, RELOAD_LOOK, fault);
}

// ---- what came of it ----

static void
record_reload(const struct reload *reload, bool failed, size_t count)
{
    char detail[64];
    struct audit_record record = {
        .kind = AUDIT_ADMIN,
        .command = BYTES("config.reload"),
        .subject = BYTES("configuration"),
        .has_uid = reload->uid != UINT32_MAX,
        .uid = reload->uid,
    };

    snprintf(detail, sizeof detail, failed ? "refused: it stays as it was" : "changes: %zu", count);
    record.detail = bytes_str(detail);
    audit_append(reload->authority->audit, &record);
}

static void
answer(struct reload *reload, struct bytes body)
{
    struct fault fault = {0};
    bool look = reload->id & RELOAD_LOOK;
    size_t count = 0;
    BUFFER_AUTO line;

    buffer_init(&line, ANSWER_MAX);
    json_t *result = reload_report_read(body, look, &count, &fault);
    if (!look)
        record_reload(reload, result == NULL, count);
    if (authority_flush_audit(reload->authority, &fault)) {
        json_decref(result);
        result = NULL;
    }
    admin_request_finish(result, &fault, &line);
    json_decref(result);
    admin_later_answer(&reload->later, buffer_bytes(&line));
    reload_free(reload);
}

bool
reload_done(struct authority *authority, uint64_t id, struct bytes body)
{
    struct reload *reload;
    struct bytes text;

    if (message_text_rx(body, &text))
        return false;
    LIST_FOREACH(reload, &authority->reloads, entry)
    {
        if (reload->id == id) {
            answer(reload, text);
            break;
        }
    }
    return true; // whoever asked may have gone
}

const struct admin_command admin_reload_commands[] = {
    {"config.reload", config_reload, {{0}}},
    {"config.diff", config_diff_running, {{0}}},
    {0},
};
