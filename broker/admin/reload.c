/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for the supervisor, which reads nothing of ours but the question.
 */
#include "reload.h"

#include "../messages.h"
#include "reload_report.h"
#include "request.h"

#include <stdlib.h>

enum { ANSWER_MAX = 1 << 20, LOOK = 1 };

struct admin_reload {
    LIST_ENTRY(admin_reload) entry;
    struct admin_later *later;
    uint64_t id; // its lowest bit: look, and change nothing
    uint32_t uid;
};

static void
on_gone(void *context)
{
    struct admin_reload *reload = context;

    LIST_REMOVE(reload, entry);
    free(reload);
}

enum kh_err
admin_reload_ask(struct admin_reloads *reloads, struct admin_server *server, uint32_t uid,
                 bool look, struct fault *fault)
{
    if (reloads->supervisor == NULL)
        return fault_set(fault, KH_ERR_UNSUPPORTED, "there is no supervisor to read it");
    struct admin_reload *reload = calloc(1, sizeof *reload);
    if (reload == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    reload->id = ++reloads->last << 1 | (look ? LOOK : 0);
    reload->uid = uid;
    LIST_INSERT_HEAD(&reloads->waiting, reload, entry);
    reload->later = admin_server_later(server, on_gone, reload);
    if (reload->later == NULL) {
        on_gone(reload);
        return fault_set(fault, KH_ERR_UNSUPPORTED, "it is for the admin socket alone");
    }
    channel_send(reloads->supervisor, reloads->ask, reload->id, BYTES_EMPTY);
    return KH_OK;
}

static void
answer(const struct admin_reloads *reloads, struct admin_reload *reload, struct bytes text)
{
    bool look = reload->id & LOOK;
    struct fault fault = {0};
    size_t count = 0;
    BUFFER_AUTO line;

    buffer_init(&line, ANSWER_MAX);
    json_t *result = reload_report_read(text, look, &count, &fault);
    if (!look && reloads->record &&
        reloads->record(reloads->context, reload->uid, result != NULL, count, &fault)) {
        json_decref(result);
        result = NULL;
    }
    admin_request_finish(result, &fault, &line);
    json_decref(result);
    admin_later_answer(&reload->later, buffer_bytes(&line));
    on_gone(reload);
}

bool
admin_reload_done(struct admin_reloads *reloads, uint64_t id, struct bytes body)
{
    struct admin_reload *reload;
    struct bytes text;

    if (message_text_rx(body, &text))
        return false;
    LIST_FOREACH(reload, &reloads->waiting, entry)
    {
        if (reload->id == id) {
            answer(reloads, reload, text);
            break;
        }
    }
    return true;
}
