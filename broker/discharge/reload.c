/* SPDX-License-Identifier: Apache-2.0
 *
 * The discharger cannot read the configuration: it asks the supervisor, as the authority does.
 */
#include "reload.h"

#include "../admin/reload_report.h"
#include "../channel.h"
#include "../messages.h"

#include <stdlib.h>

enum { ANSWER_MAX = 1 << 20, RELOAD_LOOK = 1 };

struct discharge_reload {
    LIST_ENTRY(discharge_reload) entry;
    struct admin_later *later;
    uint64_t id; /* its lowest bit: look, and change nothing */
};

static void
on_gone(void *context)
{
    struct discharge_reload *reload = context;

    LIST_REMOVE(reload, entry);
    free(reload);
}

static enum kh_err
ask(struct discharge_admin *admin, unsigned look, struct fault *fault)
{
    if (admin->supervisor == NULL || admin->server == NULL)
        return fault_set(fault, KH_ERR_UNSUPPORTED, "it is for the admin socket alone");
    struct discharge_reload *reload = calloc(1, sizeof *reload);
    if (reload == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    reload->id = ++admin->reload_id << 1 | look;
    LIST_INSERT_HEAD(&admin->reloads, reload, entry);
    reload->later = admin_server_later(admin->server, on_gone, reload);
    if (reload->later == NULL) {
        on_gone(reload);
        return fault_set(fault, KH_ERR_UNSUPPORTED, "it is for the admin socket alone");
    }
    channel_send(admin->supervisor, MESSAGE_DISCHARGER_RELOAD_ASK, reload->id, BYTES_EMPTY);
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
config_look(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    (void)request;
    (void)result;
    return ask(context, RELOAD_LOOK, fault);
}

static void
answer(struct discharge_reload *reload, struct bytes text)
{
    struct fault fault = {0};
    size_t count = 0;
    BUFFER_AUTO line;

    buffer_init(&line, ANSWER_MAX);
    json_t *result = reload_report_read(text, reload->id & RELOAD_LOOK, &count, &fault);
    admin_request_finish(result, &fault, &line);
    json_decref(result);
    admin_later_answer(&reload->later, buffer_bytes(&line));
    on_gone(reload);
}

bool
discharge_reload_done(struct discharge_admin *admin, uint64_t id, struct bytes body)
{
    struct discharge_reload *reload;
    struct bytes text;

    if (message_text_rx(body, &text))
        return false;
    LIST_FOREACH(reload, &admin->reloads, entry)
    {
        if (reload->id == id) {
            answer(reload, text);
            break;
        }
    }
    return true; // whoever asked may have gone
}

const struct admin_command discharge_reload_commands[] = {
    {"config.reload", config_reload, {{0}}},
    {"config.diff", config_look, {{0}}},
    {0},
};
