/* SPDX-License-Identifier: Apache-2.0
 *
 * Answering in a browser: a page is shown, and whoever asked waits until somebody has.
 */
#include "discharge.h"

#include "monotonic.h"

#include <time.h>

enum { BROWSER_POLL_FIRST_MS = 100, BROWSER_POLL_MOST_MS = 2000 };

static void
browser_pause(long ms)
{
    struct timespec span = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&span, NULL);
}

static void
browser_tell(const struct discharge_settings *settings, bool more)
{
    if (settings->means->waiting != NULL)
        settings->means->waiting(settings, more);
}

enum kh_err
discharge_await_browser(const struct discharge_settings *settings, const struct question *question,
                        struct http_answer *out, struct fault *fault)
{
    struct http_request request = {.url = question->poll_url, .ca_file = settings->ca_file};
    enum kh_err err = settings->means->show(settings, question, fault);
    if (err != KH_OK)
        return err;
    for (long wait_ms = BROWSER_POLL_FIRST_MS;; wait_ms = wait_ms * 3 / 2) {
        struct http_answer answer;
        if (wait_ms > BROWSER_POLL_MOST_MS)
            wait_ms = BROWSER_POLL_MOST_MS;
        browser_tell(settings, true);
        request.timeout_ms = discharge_time_left(settings, HTTP_TIMEOUT_MS);
        err = settings->means->call(settings, &request, &answer, fault);
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
    browser_tell(settings, false);
    return err;
}
