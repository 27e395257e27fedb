/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling holes at a terminal: what is said and shown, which keys are at hand, who carries it.
 */
#include "discharge.h"

#include "../caveats/moment.h"
#include "../caveats/text.h"
#include "fido_sign.h"
#include "monotonic.h"
#include "process.h"
#include "ssh_keys.h"

#include <unistd.h>

static void
terminal_say(const struct discharge_settings *settings, const char *sentence)
{
    cli_say(settings->fido.cli, "%s", sentence);
}

static enum kh_err
terminal_call(const struct discharge_settings *settings, const struct http_request *request,
              struct http_answer *out, struct fault *fault)
{
    (void)settings;
    return http_call(request, out, fault);
}

static enum kh_err
terminal_ask_broker(const struct discharge_settings *settings, struct fault *fault)
{
    return dischargers_ask_broker(settings->trusted, settings->broker, settings->ca_file, fault);
}

// ---- what is at hand ----

static bool
discharge_has_fido(const struct discharge_settings *settings)
{
    struct fido_place place[FIDO_KEYS_MAX];
    return settings->fido.device != NULL ||
           settings->fido.backend->list(settings->fido.backend, place) > 0;
}

static bool
discharge_has_ssh(const struct discharge_settings *settings)
{
    struct ssh_keys keys = {.count = 0};
    struct fault ignored = {.err = KH_OK};
    if (settings->ssh_key != NULL)
        return true;
    bool any = ssh_keys_add_agent(&keys, &ignored) == KH_OK && keys.count > 0;
    ssh_keys_add_default_files(&keys);
    any = any || keys.count > 0;
    ssh_keys_free(&keys);
    return any;
}

static bool
terminal_at_hand(const struct discharge_settings *settings, enum discharge_way way)
{
    return way == DISCHARGE_FIDO2 ? discharge_has_fido(settings)
           : way == DISCHARGE_SSH ? discharge_has_ssh(settings)
                                  : way == DISCHARGE_BROWSER;
}

// ---- showing ----

void
discharge_show(const struct cli *cli, const struct question *question, const char *why)
{
    BUFFER_AUTO text;
    buffer_init(&text, DISCHARGE_TEXT_MAX);
    question_print(question, cli->now, &text);
    cli_say(cli, "%s", why);
    fputs(buffer_text(&text), cli->err);
}

static bool
browser_is_at_hand(const struct discharge_settings *settings)
{
    int fd = fileno(settings->fido.cli->err);
    return !settings->no_open && fd >= 0 && isatty(fd) == 1 &&
           (cli_environment("DISPLAY") != NULL || cli_environment("WAYLAND_DISPLAY") != NULL);
}

static void
browser_show(const struct discharge_settings *settings, const struct question *question)
{
    const struct cli *cli = settings->fido.cli;
    BUFFER_AUTO code;
    buffer_init(&code, 1024);
    text_put_safe(&code, bytes_str(question->code));
    cli_say(cli, "open this page, and go on only if it shows the code %s\n  %s", buffer_text(&code),
            question->user_url);
    if (!browser_is_at_hand(settings))
        return;
    const char *const argv[] = {"xdg-open", question->user_url, NULL};
    struct fault ignored = {.err = KH_OK};
    if (process_leave(argv, &ignored) != KH_OK)
        cli_say(cli, "no browser could be started: open the page yourself");
}

// On a terminal alone, and wiped when it is over.
static void
browser_put_progress(const struct discharge_settings *settings, bool waiting)
{
    FILE *err = settings->fido.cli->err;
    int fd = fileno(err);
    if (fd < 0 || isatty(fd) != 1)
        return;
    BUFFER_AUTO line;
    buffer_init(&line, 256);
    if (waiting) {
        buffer_put_str(&line, "\rwaiting for an answer on the page, ");
        moment_put_span(&line, (settings->fido.deadline_ms - monotonic_ms()) / 1000);
        buffer_put_str(&line, " left");
    }
    fprintf(err, "\r\033[K%s", buffer_text(&line));
    fflush(err);
}

static enum kh_err
terminal_show(const struct discharge_settings *settings, const struct question *question,
              struct fault *fault)
{
    char why[DISCHARGER_URL_MAX + 64];
    (void)fault;
    snprintf(why, sizeof why, "%s asks you to vouch for this:", question->url);
    if (question->kind == QUESTION_BROWSER)
        browser_show(settings, question);
    else
        discharge_show(settings->fido.cli, question, why);
    return KH_OK;
}

static enum kh_err
terminal_sign_fido2(const struct discharge_settings *settings, const struct question *question,
                    json_t **out, struct fault *fault)
{
    return fido_assert_question(&settings->fido, question, out, fault);
}

const struct discharge_means discharge_terminal = {
    .say = terminal_say,
    .call = terminal_call,
    .ask_broker = terminal_ask_broker,
    .at_hand = terminal_at_hand,
    .show = terminal_show,
    .sign_fido2 = terminal_sign_fido2,
    .sign_ssh = discharge_sign_ssh,
    .waiting = browser_put_progress,
};
