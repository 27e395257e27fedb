/* SPDX-License-Identifier: Apache-2.0
 *
 * What the supervisor has to be asked for: it alone reads the configuration.
 */
#include "admin_request.h"
#include "reload.h"

#include <stdio.h>

static enum kh_err
config_reload(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;

    (void)request, (void)result;
    return admin_reload_ask(&authority->reloads, authority->admin, authority->actor_uid, false,
                            fault);
}

static enum kh_err
config_look(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;

    (void)request, (void)result;
    return admin_reload_ask(&authority->reloads, authority->admin, authority->actor_uid, true,
                            fault);
}

static enum kh_err
record(void *context, uint32_t uid, bool reloaded, size_t changes, struct fault *fault)
{
    struct authority *authority = context;
    char detail[64] = "refused: it stays as it was";
    struct audit_record record = {
        .kind = AUDIT_ADMIN,
        .command = BYTES("config.reload"),
        .subject = BYTES("configuration"),
        .has_uid = uid != UINT32_MAX,
        .uid = uid,
    };

    if (reloaded)
        snprintf(detail, sizeof detail, "changes: %zu", changes);
    record.detail = bytes_str(detail);
    audit_append(authority->audit, &record);
    return authority_flush_audit(authority, fault);
}

void
reload_init(struct authority *authority)
{
    authority->reloads.supervisor = authority->supervisor;
    authority->reloads.ask = MESSAGE_RELOAD_ASK;
    authority->reloads.record = record;
    authority->reloads.context = authority;
}

const struct admin_command admin_reload_commands[] = {
    {"config.reload", config_reload, {{0}}},
    {"config.diff", config_look, {{0}}},
    {0},
};
