/* SPDX-License-Identifier: Apache-2.0
 *
 * The authority's admin socket: its commands, carried out for whoever connected.
 */
#include "admin.h"

#include "admin_request.h"

static const struct admin_command *const tables[] = {
    admin_credential_commands, admin_set_commands,     admin_token_commands, admin_state_commands,
    admin_policy_commands,     admin_explain_commands, admin_test_commands,  admin_reload_commands,
};

void
admin_init(void)
{
    admin_request_init();
}

void
admin_answer(struct authority *authority, struct bytes line, struct buffer *out)
{
    admin_request_answer(tables, sizeof tables / sizeof tables[0], authority, line, out);
}

static void
answer_for(void *context, uint32_t uid, struct bytes line, struct buffer *out)
{
    struct authority *authority = context;

    authority->actor_uid = uid;
    admin_answer(authority, line, out);
    authority->actor_uid = UINT32_MAX;
}

enum kh_err
admin_new(struct authority *authority, int fd, struct admin_server **out, struct fault *fault)
{
    enum kh_err err =
        admin_server_new(authority->base, fd, answer_for, authority, &authority->admin, fault);
    if (!err)
        *out = authority->admin;
    return err;
}
