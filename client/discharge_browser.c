/* SPDX-License-Identifier: Apache-2.0
 *
 * Answering in a browser: a link, a code to compare, and waiting.
 */
#include "discharge.h"

#include "../caveats/moment.h"
#include "../caveats/text.h"
#include "monotonic.h"
#include "process.h"

#include <time.h>
#include <unistd.h>

enum { BROWSER_POLL_FIRST_MS = 100, BROWSER_POLL_MOST_MS = 2000 };

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

static void
browser_pause(long ms)
{
    struct timespec span = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&span, NULL);
}

enum kh_err
discharge_await_browser(const struct discharge_settings *settings, const struct question *question,
                        struct http_answer *out, struct fault *fault)
{
    struct http_request request = {.url = question->poll_url, .ca_file = settings->ca_file};
    enum kh_err err = KH_OK;
    browser_show(settings, question);
    for (long wait_ms = BROWSER_POLL_FIRST_MS;; wait_ms = wait_ms * 3 / 2) {
        struct http_answer answer;
        if (wait_ms > BROWSER_POLL_MOST_MS)
            wait_ms = BROWSER_POLL_MOST_MS;
        browser_put_progress(settings, true);
        request.timeout_ms = discharge_time_left(settings, HTTP_TIMEOUT_MS);
        err = http_call(&request, &answer, fault);
        if (err == KH_OK && answer.status != 202) {
            *out = answer;
            break;
        }
        if (err == KH_OK)
            http_answer_free(&answer);
        else if (err != KH_ERR_TIMEOUT)
            break;
        if (monotonic_ms() >= settings->fido.deadline_ms) {
            err =
                fault_set(fault, KH_ERR_TIMEOUT, "nobody answered on the page in time; try again");
            break;
        }
        browser_pause(discharge_time_left(settings, wait_ms));
    }
    browser_put_progress(settings, false);
    return err;
}
