/* SPDX-License-Identifier: Apache-2.0 */
/* The page of a question, in each of its states. */
#include "services.h"

static void
ask(struct services *s, const struct ticket *ticket, char page[256])
{
    char text[2048];
    services_seal(s, ticket, text);
    services_ask_ticket(s, text, "browser");
    assert_answer(s, 201);
    snprintf(page, 256, "%s", services_text(s, "user_interactive.user_url"));
}

static void
see(struct services *s, const char *page, const char *part)
{
    services_get(s, page);
    if (strstr(services_body(s), part) == NULL)
        fail_msg("no \"%s\" in: %s", part, services_body(s));
}

static void
what_others_wrote_is_text(void **state)
{
    struct services s;
    struct ticket ticket = services_plain_ticket("user = alice for 8h");
    char page[256];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    ticket.label = BYTES("</strong><script>alert(1)</script>");
    ticket.broker = BYTES("\"><img src=x>");
    ticket.caveat[0] = BYTES("query[q] = \"<b>\\u202e{{code}}\"");
    ticket.caveat[1] = BYTES("newer[thing] = \"<i>\"");
    ask(&s, &ticket, page);
    see(&s, page, "&lt;/strong&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
    assert_null(strstr(services_body(&s), "<script>alert"));
    assert_null(strstr(services_body(&s), "<img"));
    assert_null(strstr(services_body(&s), "<b>"));
    assert_null(strstr(services_body(&s), "<i>"));
    // As written, and in words with the hidden character shown; nothing is filled in twice.
    see(&s, page, "<code><bdi>query[q] = &quot;&lt;b&gt;\\u202e{{code}}&quot;</bdi></code>");
    see(&s, page, "the query parameter q is &lt;b&gt;\\u{202e}{{code}}");
    see(&s, page, "<li><code><bdi>newer[thing] = &quot;&lt;i&gt;&quot;</bdi></code></li>");
    services_close(&s);
}

static void
it_says_who_asks_for_what_and_shows_the_code(void **state)
{
    struct services s;
    struct ticket ticket =
        services_plain_ticket("user = alice and factor = yubikey and verification = pin for 8h");
    char page[256], code[64];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    ticket.credential[1] = BYTES("github");
    ticket.credential_count = 2;
    ticket.caveats_left_out = 4;
    ask(&s, &ticket, page);
    snprintf(code, sizeof code, "<p class=\"code\">%s</p>",
             services_text(&s, "user_interactive.code"));
    see(&s, page, code);
    assert_int_equal(s.response.status, 200);
    assert_true(s.response.page);
    see(&s, page, "Only approve if this code is on your own terminal:");
    see(&s, page, "<bdi>192.0.2.7</bdi></strong>, labelled <strong><bdi>ci agent</bdi></strong>,");
    see(&s, page, "<bdi>openai</bdi>, <bdi>github</bdi>");
    see(&s, page, "<strong>8 hours</strong>");
    see(&s, page, "the method is GET or HEAD");
    see(&s, page, "<code><bdi>method in GET, HEAD</bdi></code>");
    see(&s, page, "And 4 more that did not fit here.");
    see(&s, page, "you are alice, touch your own YubiKey, and unlock it with its PIN");
    see(&s, page, "The approval is for this one token");
    see(&s, page, "<dt>Token</dt><dd><bdi>ab000000000000000000000000000000</bdi></dd>");
    see(&s, page, "<dt>Lineage</dt><dd><bdi>" SERVICES_PARENT "</bdi></dd>");
    see(&s, page, ">Deny</button>");
    // Looking answers nothing.
    services_get(&s, page);
    assert_string_equal(s.response.log, "");
    services_close(&s);
}

static void
a_token_without_limits_is_said_to_have_none(void **state)
{
    struct services s;
    struct ticket ticket = services_plain_ticket("user = alice for 8h");
    char page[256], text[2048];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    ticket.caveat_count = 0;
    services_seal(&s, &ticket, text);
    services_post(&s, "/.well-known/macfly/3p", json_pack("{s:s}", "ticket", text));
    snprintf(page, sizeof page, "%s", services_text(&s, "user_interactive.user_url"));
    see(&s, page, "Nothing: everything that the credential allows.");
    see(&s, page, "The approval is not tied to one token by this discharger");
    services_close(&s);
}

static void
each_ending_has_its_page(void **state)
{
    struct services s;
    struct softauthn *key = services_key();
    struct ticket ticket = services_plain_ticket("user = alice for 8h");
    char page[256], poll[256], id[256], path[300];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "alice");
    services_enroll(&s, "alice", "desk", key, id);
    services_get(&s, "/approve/AAAAAAAAAAAAAAAAAAAAAA");
    assert_int_equal(s.response.status, 404);
    assert_true(s.response.page);
    assert_non_null(strstr(services_body(&s), "<h1>Nothing here</h1>"));

    ask(&s, &ticket, page);
    snprintf(poll, sizeof poll, "%s", services_text(&s, "user_interactive.poll_url"));
    snprintf(path, sizeof path, "%s/challenge", page);
    services_post(&s, path, json_object());
    char over[64];
    snprintf(over, sizeof over, "%s", services_text(&s, "publicKey.challenge"));
    snprintf(path, sizeof path, "%s/answer", page);
    services_post(&s, path, services_authentication(key, id, over, NULL));
    assert_answer(&s, 200);
    see(&s, page, "<h1>Approved</h1>");
    services_get(&s, poll);
    assert_answer(&s, 200);
    see(&s, page, "<h1>Approved and delivered</h1>");

    ask(&s, &ticket, page);
    snprintf(poll, sizeof poll, "%s", services_text(&s, "user_interactive.poll_url"));
    s.now += SERVICE_QUESTION_LIFETIME_S;
    see(&s, page, "<h1>Too late</h1>");
    services_get(&s, poll);
    see(&s, page, "<h1>Too late</h1>");

    ask(&s, &ticket, page);
    snprintf(poll, sizeof poll, "%s", services_text(&s, "user_interactive.poll_url"));
    snprintf(path, sizeof path, "%s/decline", page);
    services_request(&s, "POST", path, BYTES_EMPTY);
    see(&s, page, "<h1>Denied</h1>");
    assert_null(strstr(services_body(&s), "<button"));
    services_get(&s, poll);
    see(&s, page, "<h1>Denied</h1>");
    s.now += SERVICE_QUESTION_LIFETIME_S + 300;
    services_get(&s, page);
    assert_int_equal(s.response.status, 404);
    softauthn_free(&key);
    services_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(what_others_wrote_is_text),
        fixture_test(it_says_who_asks_for_what_and_shows_the_code),
        fixture_test(a_token_without_limits_is_said_to_have_none),
        fixture_test(each_ending_has_its_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
