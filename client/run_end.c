/* SPDX-License-Identifier: Apache-2.0
 *
 * After a program has run: its way out is closed, its tokens end, and what was refused is said.
 */
#include "command_run.h"
#include "files.h"
#include "moment.h"
#include "revoke.h"
#include "run.h"
#include "run_room.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
end_say_alive(const struct run *run, const struct run_token *token, const char *why)
{
    BUFFER_AUTO end;
    buffer_init(&end, 128);
    if (token->ends_at == INT64_MAX)
        buffer_put_str(&end, "for ever");
    else
        moment_put(&end, token->ends_at);
    run_setup_say(run->setup, "%s: the token of this run lives on until %s", why,
                  buffer_text(&end));
}

static void
end_revoke_one(const struct run *run, struct run_token *token)
{
    struct revoke_result result;
    struct fault fault = {.err = KH_ERR_INTERNAL};
    // One that was made for this run ends whole.
    enum kh_err err = revoke_token(token->minted ? token->given : token->token, &run->setup->broker,
                                   run->setup->ca_file, &result, &fault);
    token->revoked =
        err == KH_OK || strcmp(result.code, "revoked") == 0 || strcmp(result.code, "expired") == 0;
    if (!token->revoked)
        end_say_alive(run, token, fault.detail);
}

static void
end_revoke(const struct run *run)
{
    struct run_tokens *tokens = &run->setup->tokens;
    bool keep = options_has(run->setup->options, RUN_OPTION_NO_REVOKE);
    for (size_t i = 0; i < tokens->count; i++) {
        if (keep)
            end_say_alive(run, &tokens->token[i], "--no-revoke");
        else
            end_revoke_one(run, &tokens->token[i]);
    }
}

static json_t *
end_tokens_json(const struct run_tokens *tokens)
{
    json_t *list = json_array();
    for (size_t i = 0; i < tokens->count; i++) {
        const struct run_token *token = &tokens->token[i];
        uint8_t lineage[LINEAGE_ID_SIZE];
        char hex[2 * LINEAGE_ID_SIZE + 1] = "";
        BUFFER_AUTO end;
        buffer_init(&end, 64);
        token_lineage_last(token->token, lineage);
        if (token->ends_at != INT64_MAX)
            moment_put(&end, token->ends_at);
        if (bytes_to_hex(bytes_of(lineage, sizeof lineage), hex, sizeof hex))
            json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "lineage", hex, "expires_at",
                                                  buffer_text(&end), "revoked", token->revoked));
    }
    return list;
}

static void
end_write_report(const struct run *run, const struct run_report *report, int status)
{
    const char *file = options_value(run->setup->options, RUN_OPTION_REPORT);
    char hex[2 * PREFACE_RUN_SIZE + 1];
    struct fault fault = {.err = KH_OK};
    if (file == NULL || !bytes_to_hex(bytes_of(run->id, sizeof run->id), hex, sizeof hex))
        return;
    json_t *object = json_pack(
        "{s:s, s:s, s:i, s:o, s:o, s:I, s:I}", "run", hex, "label", run->setup->label, "status",
        status, "tokens", end_tokens_json(&run->setup->tokens), "refused", run_report_json(report),
        "more", (json_int_t)report->more, "without_broker", (json_int_t)run->lost);
    char *text = json_dumps(object, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(object);
    BUFFER_AUTO out;
    buffer_init(&out, 1 << 20);
    buffer_put_str(&out, text != NULL ? text : "");
    buffer_put_byte(&out, '\n');
    free(text);
    if (files_write(file, buffer_bytes(&out), &fault) != KH_OK)
        cli_say(run->cli, "the report: %s", fault.detail);
}

static void
end_report(const struct run *run, int status)
{
    struct run_report report = {.count = 0};
    struct fault fault = {.err = KH_OK};
    BUFFER_AUTO lines;
    buffer_init(&lines, 65536);
    if (run->lost > 0)
        buffer_printf(&lines, "%llu connection%s found no broker\n", (unsigned long long)run->lost,
                      run->lost == 1 ? "" : "s");
    if (run_report_fetch(&run->setup->broker, run->setup->ca_file, run->id, &report, &fault) ==
        KH_OK)
        run_report_print(&report, buffer_bytes(&run->hosts), &lines);
    run_setup_say_notes(run->setup, &lines);
    end_write_report(run, &report, status);
    run_report_free(&report);
}

static void
end_relay(struct run *run)
{
    run_room_end(run);
    if (run->relay != NULL)
        run->lost = relay_lost(run->relay);
    relay_free(&run->relay);
    if (run->signal_event != NULL)
        event_free(run->signal_event);
    if (run->signal_fd >= 0)
        close(run->signal_fd);
    if (run->base != NULL)
        event_base_free(run->base);
}

void
run_end(struct run *run, int status)
{
    end_relay(run);
    run_directory_remove(&run->directory);
    // Before that nobody has had them but us, unless they were minted.
    if (run->handed_over || run->setup->tokens.token[0].minted)
        end_revoke(run);
    if (run->handed_over)
        end_report(run, status);
    variables_free_environment(run->environment, environ);
    variables_free(&run->variables);
    buffer_free(&run->hosts);
    // What came meanwhile has its effect now: normally the end.
    if (run->mask_changed)
        sigprocmask(SIG_SETMASK, &run->mask_before, NULL);
}
