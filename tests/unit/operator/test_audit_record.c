/* SPDX-License-Identifier: Apache-2.0 */
/* Audit records for people. */
#include "support.h"

#include "../../../broker/operator/audit_record.h"
#include "../../../caveats/screen/columns.h"

#include <unistd.h>

static json_t *
record(const char *text)
{
    json_t *r = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(r);
    return r;
}

static const char *
shown_on(const struct screen *screen, const char *text, const char *before)
{
    static char out[8192];
    static struct audit_show show;
    json_t *r = record(text);
    FILE *file = tmpfile();
    audit_show_init(&show, screen, true);
    if (before != NULL) {
        json_t *first = record(before);
        audit_show_record(&show, file, first);
        json_decref(first);
        rewind(file);
        assert_int_equal(ftruncate(fileno(file), 0), 0);
    }
    audit_show_record(&show, file, r);
    rewind(file);
    out[fread(out, 1, sizeof(out) - 1, file)] = '\0';
    fclose(file);
    json_decref(r);
    return out;
}

static const char *
shown(const char *text)
{
    struct screen screen = {0};
    return shown_on(&screen, text, NULL);
}

static void
strange_records(void **state)
{
    (void)state;
    assert_contains(shown("{}"), "---");
    assert_contains(shown("{\"time\":5,\"kind\":[],\"user\":{}}"), "---");
    assert_contains(shown("{\"time\":\"short\",\"kind\":\"decision\"}"), "deny"); // never an allow
    // What a request put into its path is not run by the terminal.
    assert_contains(shown("{\"kind\":\"decision\",\"path\":\"/\\u001b]0;x\\u0007\"}"),
                    "/\\x1b]0;x\\x07");
    const char *text = shown("{\"kind\":\"admin\",\"subject\":\"a\\nb\"}");
    assert_int_equal(strchr(text, '\n') - text, (ptrdiff_t)strlen(text) - 1); // one line
}

#define ALLOWED                                                                                    \
    "{\"seq\":1,\"time\":\"2026-11-21T18:00:01.250Z\",\"kind\":\"decision\",\"id\":\"ab\","        \
    "\"decision\":\"allow\",\"user\":\"alice\",\"credential\":\"openai\",\"method\":\"GET\","      \
    "\"scheme\":\"https\",\"host\":\"api.openai.com\",\"port\":443,\"path\":\"/v1/models\"}"
#define DENIED                                                                                     \
    "{\"seq\":1,\"time\":\"2026-11-21T18:00:01.250Z\",\"kind\":\"decision\",\"decision\":"         \
    "\"deny\",\"reason\":\"caveat-failed\",\"detail\":\"method = GET\",\"user\":\"alice\","        \
    "\"credential\":\"openai\",\"labels\":[\"team\",\"bot\\u001b[2J\"],\"method\":\"POST\","       \
    "\"scheme\":\"https\",\"host\":\"api.openai.com\",\"port\":8443,\"path\":\"/v1\"}"
#define OUTCOME                                                                                    \
    "{\"time\":\"2026-11-21T18:00:01.250Z\",\"kind\":\"outcome\",\"id\":\"ab\",\"status\":200,"    \
    "\"bytes_up\":5,\"bytes_down\":7000000,\"duration_ms\":1250}"

static void
decisions(void **state)
{
    (void)state;
    assert_string_equal(shown(ALLOWED),
                        "2026-11-21 18:00:01Z  allow  alice         openai          "
                        "GET api.openai.com/v1/models\n");
    assert_contains(shown(DENIED), "2026-11-21 18:00:01Z  deny   alice         openai          "
                                   "POST api.openai.com:8443/v1  [team > bot\\x1b[2J]  "
                                   "caveat-failed: method = GET (");
    assert_contains(
        shown("{\"kind\":\"admin\",\"command\":\"credential.add\",\"subject\":\"openai\"}"),
        "credential.add openai");
}

static void
outcomes(void **state)
{
    (void)state;
    struct screen screen = {0};
    assert_contains(shown(OUTCOME), "200  -             -               answered  1.2 s, 5 B up, "
                                    "6.7 MiB down\n");
    // Whose it was is known when its decision was seen.
    assert_contains(shown_on(&screen, OUTCOME, ALLOWED),
                    "200  alice         openai          answered  1.2 s, 5 B up, 6.7 MiB down  "
                    "GET api.openai.com/v1/models\n");
    assert_contains(shown("{\"kind\":\"outcome\",\"duration_ms\":61000}"), "no answer  1 min 1 s");
}

static void
a_terminal(void **state)
{
    (void)state;
    struct screen screen = {.terminal = true, .colour = true, .unicode = true, .width = 70};
    // The reason has a line of its own.
    assert_contains(shown_on(&screen, DENIED, NULL), "\x1b[31mdeny\x1b[0m   alice");
    assert_contains(shown_on(&screen, DENIED, NULL), "\n          \x1b[31mcaveat-failed\x1b[0m");
    assert_contains(shown_on(&screen, ALLOWED, NULL), "\x1b[32mallow\x1b[0m");
    screen.colour = false;
    for (unsigned width = 1; width < 200; width++) {
        static const char *const records[] = {ALLOWED, DENIED, OUTCOME};
        screen.width = width;
        for (size_t i = 0; i < 3; i++) {
            struct bytes rest = bytes_str(shown_on(&screen, records[i], ALLOWED)), line;
            while (bytes_cut(&rest, '\n', &line))
                if (columns_of(line) > width)
                    fail_msg("%zu columns on a screen of %u: %.*s", columns_of(line), width,
                             BYTES_ARG(line));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strange_records),
        cmocka_unit_test(decisions),
        cmocka_unit_test(outcomes),
        cmocka_unit_test(a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
