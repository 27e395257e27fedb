/* SPDX-License-Identifier: Apache-2.0 */
/* Filling the holes of a token: whom it trusts, what it takes, what it refuses. */
#include "../../../client/discharge.h"
#include "../../../client/kept.h"
#include "../scratch.h"
#include "discharges.h"

static struct test_settings test;
static struct http_server server;
static struct test_hole hole;

static int
setup(void **state)
{
    test_settings_init(&test);
    test.settings.way = DISCHARGE_BROWSER; // a way that needs nothing here
    return directory_setup(state);
}

static int
teardown(void **state)
{
    test_settings_free(&test);
    test_hole_free(&hole);
    return directory_teardown(state);
}

static enum kh_err
fill_with(const char *const *answer, struct token **token, struct discharge_report *report,
          struct fault *fault)
{
    *fault = (struct fault){.err = KH_OK};
    *token = test_scan(hole.token);
    http_server_begin(&server, NULL, answer);
    return discharge_fill(&test.settings, token, report, fault);
}

static void
open_hole(void)
{
    server = http_server_open(false);
    test_hole_free(&hole);
    hole = test_hole_make(TEST_CONDITION, server.address);
    test_trust(&test, &hole, server.address);
}

static void
test_nothing_to_fill(void **state)
{
    (void)state;
    struct discharge_report report;
    struct fault fault = {.err = KH_OK};
    char *text = test_mint_fresh("method = GET", NULL);
    struct token *token = test_scan(text);
    assert_ok(discharge_fill(&test.settings, &token, &report, &fault));
    assert_int_equal(report.count, 0);
    token_free(&token);
    free(text);
}

// Whoever adds a hole says where it is to be filled: nothing is sent there before that was trusted.
static void
test_untrusted_location(void **state)
{
    (void)state;
    struct discharge_report report;
    struct fault fault = {.err = KH_OK};
    struct http_server nobody = http_server_start(false, "");
    hole = test_hole_make(TEST_CONDITION, nobody.address);
    test_trust(&test, &hole, "https://other.example");
    struct token *token = test_scan(hole.token);
    assert_int_equal(discharge_fill(&test.settings, &token, &report, &fault), KH_ERR_PERMISSION);
    assert_contains(fault.detail, "was not told to trust; nothing was sent there");
    char advice[160];
    snprintf(advice, sizeof advice, "keyhole trust %s", nobody.address);
    assert_contains(fault.detail, advice);
    char *got = http_server_stop(&nobody, false);
    assert_string_equal(got, "");
    free(got);
    token_free(&token);
}

#define ANNOUNCEMENT                                                                               \
    HTTP_ANSWER("200 OK", "application/json",                                                      \
                "{\"dischargers\":[{\"name\":\"x\",\"url\":\"https://d.example\",\"public_key\":"  \
                "\"kd1_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\"}]}")

static void
test_broker_is_asked_once_and_only_when_needed(void **state)
{
    (void)state;
    const struct discharger *found = NULL;
    struct fault fault = {.err = KH_OK};
    struct broker_address broker;
    struct http_server own = http_server_start(true, ANNOUNCEMENT);
    assert_ok(broker_address_read(own.address, &broker, &fault));
    test.settings.broker = &broker;
    assert_ok(dischargers_add(&test.trusted,
                              BYTES("https://known.example#kd1_"
                                    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"),
                              DISCHARGERS_FILE, &fault));
    assert_ok(
        discharge_find_trusted(&test.settings, BYTES("https://known.example"), &found, &fault));
    assert_false(test.settings.broker_asked);
    assert_ok(discharge_find_trusted(&test.settings, BYTES("https://d.example"), &found, &fault));
    assert_string_equal(found->url, "https://d.example");
    free(http_server_stop(&own, true));
    // It is gone now, and not asked again.
    assert_int_equal(
        discharge_find_trusted(&test.settings, BYTES("https://e.example"), &found, &fault),
        KH_ERR_PERMISSION);
    broker_address_free(&broker);
}

static void
test_broker_that_cannot_be_asked(void **state)
{
    (void)state;
    const struct discharger *found = NULL;
    struct fault fault = {.err = KH_OK};
    struct broker_address broker;
    assert_ok(broker_address_read("/nonexistent/keyhole.sock", &broker, &fault));
    test.settings.broker = &broker;
    assert_int_equal(
        discharge_find_trusted(&test.settings, BYTES("https://e.example"), &found, &fault),
        KH_ERR_PERMISSION);
    assert_contains(test_settings_said(&test), "the broker was not asked whom it announces: ");
    broker_address_free(&broker);
}

static void
test_filled(void **state)
{
    (void)state;
    struct discharge_report report;
    struct fault fault;
    struct token *token;
    const struct token_caveat *open_caveat;
    open_hole();
    char *answer = test_answer_discharge("201 Created", &hole, hole.parent, 3600);
    enum kh_err err = fill_with((const char *const[]){answer, NULL}, &token, &report, &fault);
    if (err != KH_OK)
        fail_msg("%s", fault.detail);
    char *got = http_server_stop(&server, true);
    assert_contains(got, "POST /.well-known/macfly/3p HTTP/1.1\r\n");
    assert_contains(got, "\"prefer\":\"browser\"");
    assert_contains(got, hole.parent);
    assert_lacks(got, "kh1_"); // the token is nobody's business
    free(got);
    assert_int_equal(token_open_holes(token, &open_caveat, 1), 0);
    assert_int_equal(token->macaroon_count, 2);
    assert_int_equal(report.count, 1);
    assert_string_equal(report.hole[0].demand, TEST_CONDITION);
    assert_string_equal(report.hole[0].location, server.address);
    assert_int_equal(report.hole[0].way, DISCHARGE_BROWSER);
    assert_in_range(report.hole[0].expires_at, time(NULL) + 3500, time(NULL) + 3600);
    token_free(&token);
    free(answer);
}

// A discharge that is not bound to this very token is refused, whatever else is right with it.
static void
test_discharges_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *parent;
        int64_t seconds;
        const char *words;
    } row[] = {
        {NULL, 3600, "not bound to this token"},
        {"00000000000000000000000000000000", 3600, "not bound to this token"},
        {"own", -3600, "expired already"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct discharge_report report;
        struct fault fault;
        struct token *token;
        open_hole();
        const char *parent = row[i].parent;
        if (parent != NULL && strcmp(parent, "own") == 0)
            parent = hole.parent;
        char *answer = test_answer_discharge("201 Created", &hole, parent, row[i].seconds);
        assert_int_equal(fill_with((const char *const[]){answer, NULL}, &token, &report, &fault),
                         KH_ERR_PROTOCOL);
        assert_contains(fault.detail, row[i].words);
        assert_int_equal(token->macaroon_count, 1); // as it was
        free(http_server_stop(&server, true));
        token_free(&token);
        free(answer);
    }
}

static void
test_what_is_no_discharge(void **state)
{
    (void)state;
    static const char *const answer[] = {
        HTTP_ANSWER("201 Created", "application/json", "{\"discharge\":\"AAEC\"}"),
        HTTP_ANSWER("201 Created", "application/json", "{\"discharge\":\"!\"}"),
        HTTP_ANSWER("201 Created", "application/json", "{\"discharge\":1}"),
        HTTP_ANSWER("201 Created", "application/json", "{}"),
        HTTP_ANSWER("200 OK", "text/html", "<h1>It works!</h1>"),
        HTTP_ANSWER("404 Not Found", "text/html", ""),
        "",
    };
    for (size_t i = 0; i < sizeof answer / sizeof answer[0]; i++) {
        struct discharge_report report;
        struct fault fault;
        struct token *token;
        open_hole();
        enum kh_err err =
            fill_with((const char *const[]){answer[i], NULL}, &token, &report, &fault);
        if (err != KH_ERR_PROTOCOL && err != KH_ERR_IO)
            fail_msg("%s: %s: %s", answer[i], kh_err_code(err), fault.detail);
        free(http_server_stop(&server, true));
        token_free(&token);
    }
}

static void
test_another_tickets_discharge(void **state)
{
    (void)state;
    struct discharge_report report;
    struct fault fault;
    struct token *token;
    open_hole();
    struct test_hole other = test_hole_make(TEST_CONDITION, server.address);
    char *answer = test_answer_discharge("201 Created", &other, hole.parent, 3600);
    assert_int_equal(fill_with((const char *const[]){answer, NULL}, &token, &report, &fault),
                     KH_ERR_PROTOCOL);
    assert_contains(fault.detail, "another ticket");
    free(http_server_stop(&server, true));
    token_free(&token);
    test_hole_free(&other);
    free(answer);
}

static void
test_refusal(void **state)
{
    (void)state;
    struct discharge_report report;
    struct fault fault;
    struct token *token;
    open_hole();
    assert_int_equal(
        fill_with((const char *const[]){HTTP_ANSWER("403 Forbidden", "application/json",
                                                    "{\"error\":\"ticket-expired\",\"message\":"
                                                    "\"The token of this ticket has expired.\"}"),
                                        NULL},
                  &token, &report, &fault),
        KH_ERR_DENIED);
    assert_contains(fault.detail, "The token of this ticket has expired. (ticket-expired)");
    free(http_server_stop(&server, true));
    token_free(&token);
}

static void
test_two_holes(void **state)
{
    (void)state;
    struct discharge_report report;
    struct fault fault;
    struct token *token;
    open_hole();
    struct test_hole first = hole;
    hole = (struct test_hole){.token = NULL};
    test_hole_add(&hole, first.token, "user = alice and factor = ssh for 1h", server.address);
    // Both are bound to the token as it is now.
    char *one = test_answer_discharge("201 Created", &first, hole.parent, 3600);
    char *two = test_answer_discharge("201 Created", &hole, hole.parent, 1800);
    if (fill_with((const char *const[]){one, two, NULL}, &token, &report, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    free(http_server_stop(&server, true));
    assert_int_equal(token->macaroon_count, 3);
    assert_int_equal(report.count, 2);
    assert_string_equal(report.hole[1].demand, "user = alice and factor = ssh for 1h");
    token_free(&token);
    test_hole_free(&first);
    free(one);
    free(two);
}

// What the broker refuses as expired is what people have at hand: it can be filled again.
static void
test_expired_discharge_is_replaced(void **state)
{
    (void)state;
    struct discharge_report report;
    struct fault fault = {.err = KH_OK};
    BUFFER_AUTO filled;
    buffer_init(&filled, TOKEN_TEXT_MAX);
    open_hole();
    struct buffer old = test_discharge(buffer_bytes(&hole.ticket), hole.parent, -3600);
    struct bytes raw = buffer_bytes(&old);
    struct token *token = test_scan(hole.token);
    assert_ok(token_add_discharges(token, &raw, 1, &filled, &fault));
    token_free(&token);
    free(hole.token);
    hole.token = strdup(buffer_text(&filled));
    char *answer = test_answer_discharge("201 Created", &hole, hole.parent, 3600);
    if (fill_with((const char *const[]){answer, NULL}, &token, &report, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    free(http_server_stop(&server, true));
    assert_contains(test_settings_said(&test), "a discharge has expired");
    assert_int_equal(report.count, 1);
    assert_int_equal(token->macaroon_count, 2);
    assert_true(kept_end(&token->macaroon[1]) > time(NULL));
    token_free(&token);
    buffer_free(&old);
    free(answer);
}

// A discharge may have a hole of its own: it is filled in the same go.
static void
test_hole_in_a_discharge(void **state)
{
    (void)state;
    struct discharge_report report;
    struct fault fault;
    struct token *token;
    char parent[64], inner[4096];
    open_hole();
    snprintf(parent, sizeof parent, "parent = %s", hole.parent);
    const struct test_caveat outer[] = {{parent, NULL}, {"inner", server.address}, {NULL, NULL}};
    const struct test_caveat within[] = {{parent, NULL}, {NULL, NULL}};
    BUFFER_AUTO raw;
    BUFFER_AUTO first;
    BUFFER_AUTO second;
    buffer_init(&raw, TOKEN_TEXT_MAX);
    buffer_init(&first, TOKEN_TEXT_MAX);
    buffer_init(&second, TOKEN_TEXT_MAX);
    test_put_macaroon(&raw, BYTES_EMPTY, buffer_bytes(&hole.ticket), outer);
    base64_encode(BASE64_URL, buffer_bytes(&raw), &first);
    buffer_clear(&raw);
    test_put_macaroon(&raw, BYTES_EMPTY, BYTES("inner"), within);
    base64_encode(BASE64_URL, buffer_bytes(&raw), &second);
    char answer[TOKEN_TEXT_MAX];
    snprintf(answer, sizeof answer,
             HTTP_ANSWER("201 Created", "application/json", "{\"discharge\":\"%s\"}"),
             buffer_text(&first));
    snprintf(inner, sizeof inner,
             HTTP_ANSWER("201 Created", "application/json", "{\"discharge\":\"%s\"}"),
             buffer_text(&second));
    if (fill_with((const char *const[]){answer, inner, NULL}, &token, &report, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    char *got = http_server_stop(&server, true);
    assert_contains(got, "\"ticket\":\"aW5uZXI\""); // "inner"
    free(got);
    assert_int_equal(report.count, 2);
    assert_int_equal(token->macaroon_count, 3);
    assert_int_equal(token->macaroon[2].depth, 2);
    assert_string_equal(report.hole[1].demand, "");
    // Taken out again, it takes along what fills its holes.
    for (size_t i = 1; i <= 2; i++) {
        struct token *left = NULL;
        BUFFER_AUTO text;
        buffer_init(&text, TOKEN_TEXT_MAX);
        assert_ok(token_drop_discharge(token, i, &text, &fault));
        left = test_scan(buffer_text(&text));
        assert_int_equal(left->macaroon_count, i);
        token_free(&left);
    }
    token_free(&token);
}

// Once is enough for the same token; for one that was made from it somebody is asked again.
static void
test_used_again(void **state)
{
    (void)state;
    struct discharge_report report;
    struct fault fault;
    struct token *token;
    setenv("XDG_STATE_HOME", test_directory, 1);
    test.settings.no_reuse = false;
    open_hole();
    char *answer = test_answer_discharge("201 Created", &hole, hole.parent, 3600);
    assert_int_equal(fill_with((const char *const[]){answer, NULL}, &token, &report, &fault),
                     KH_OK);
    free(http_server_stop(&server, true));
    token_free(&token);

    token = test_scan(hole.token);
    assert_ok(discharge_fill(&test.settings, &token, &report, &fault)); // nobody is there any more
    assert_int_equal(report.hole[0].way, DISCHARGE_KEPT);
    assert_int_equal(token->macaroon_count, 2);
    token_free(&token);

    token = test_scan(hole.token);
    test.settings.no_reuse = true;
    assert_int_equal(discharge_fill(&test.settings, &token, &report, &fault), KH_ERR_IO);
    test.settings.no_reuse = false;
    token_free(&token);

    BUFFER_AUTO child;
    buffer_init(&child, TOKEN_TEXT_MAX);
    token = test_scan(hole.token);
    struct bytes caveat = BYTES("label = child");
    assert_ok(token_attenuate(token, &caveat, 1, &child, &fault));
    token_free(&token);
    token = test_scan(buffer_text(&child));
    assert_int_equal(discharge_fill(&test.settings, &token, &report, &fault), KH_ERR_IO);
    token_free(&token);
    unsetenv("XDG_STATE_HOME");
    free(answer);
}

// Where nothing can be kept the token is filled all the same.
static void
test_nothing_can_be_kept(void **state)
{
    (void)state;
    struct discharge_report report;
    struct fault fault;
    struct token *token;
    write_file("file", "", 0600);
    setenv("XDG_STATE_HOME", test_path("file"), 1);
    test.settings.no_reuse = false;
    open_hole();
    char *answer = test_answer_discharge("201 Created", &hole, hole.parent, 3600);
    assert_int_equal(fill_with((const char *const[]){answer, NULL}, &token, &report, &fault),
                     KH_OK);
    free(http_server_stop(&server, true));
    assert_contains(test_settings_said(&test), "not kept for another time");
    token_free(&token);
    unsetenv("XDG_STATE_HOME");
    free(answer);
}

static void
test_demand_that_is_not_understood(void **state)
{
    (void)state;
    struct discharge_report report;
    struct fault fault = {.err = KH_OK};
    struct token *token;
    static const struct test_caveat caveat[] = {
        {"hole = \"colour = blue for 8h\"", NULL}, {"ticket", "https://d.example"}, {NULL, NULL}};
    BUFFER_AUTO raw;
    buffer_init(&raw, TOKEN_TEXT_MAX);
    test_put_macaroon(&raw, BYTES_EMPTY, BYTES("id"), caveat);
    token = test_scan_raw(&raw);
    assert_int_not_equal(discharge_fill(&test.settings, &token, &report, &fault), KH_OK);
    assert_contains(fault.detail, "what a hole demands is not understood");
    token_free(&token);
}

static void
test_nothing_at_hand(void **state)
{
    (void)state;
    struct discharge_report report;
    struct fault fault = {.err = KH_OK};
    hole = test_hole_make("user = alice and factor = ssh for 1h", "https://d.example");
    test_trust(&test, &hole, "https://d.example");
    setenv("HOME", test_directory, 1);
    unsetenv("SSH_AUTH_SOCK");
    test.settings.way = DISCHARGE_ANY;
    struct token *token = test_scan(hole.token);
    assert_int_equal(discharge_fill(&test.settings, &token, &report, &fault), KH_ERR_NOT_FOUND);
    assert_contains(fault.detail, "nothing here that fills this hole (user = alice and factor");
    token_free(&token);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_nothing_to_fill),
        CASE(test_untrusted_location),
        CASE(test_broker_is_asked_once_and_only_when_needed),
        CASE(test_broker_that_cannot_be_asked),
        CASE(test_demand_that_is_not_understood),
        CASE(test_nothing_at_hand),
        CASE(test_what_is_no_discharge),
        CASE(test_another_tickets_discharge),
        CASE(test_discharges_that_are_refused),
        CASE(test_refusal),
        CASE(test_filled),
        CASE(test_two_holes),
        CASE(test_expired_discharge_is_replaced),
        CASE(test_hole_in_a_discharge),
        CASE(test_used_again),
        CASE(test_nothing_can_be_kept),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
