/* SPDX-License-Identifier: Apache-2.0 */
/* The text that a person reads and signs, line by line. */
#include "services.h"

static void
what_is_hostile_is_escaped(void **state)
{
    struct services s;
    struct ticket ticket = services_plain_ticket("user = alice for 8h");
    char text[2048];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    ticket.caveat[0] = BYTES("path = \"\\u202e\\u000acode=BBBB-BBBB\"");
    ticket.caveat_count = 1;
    services_seal(&s, &ticket, text);
    services_ask_ticket(&s, text, "fido2");
    assert_answer(&s, 201);
    const char *line = strstr(services_text(&s, "fido2.text"), "caveat=");
    assert_non_null(line);
    assert_memory_equal(line, "caveat=path = \"\\\\u202e\\\\u000acode=BBBB-BBBB\"\n", 45);
    services_close(&s);
}

static void
it_says_who_asks_for_what_and_how_long(void **state)
{
    struct services s;
    struct ticket ticket = services_plain_ticket("user = alice and factor = yubikey for 8h");
    char text[2048], expected[2048];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    ticket.credential[1] = BYTES("github");
    ticket.credential_count = 2;
    ticket.caveats_left_out = 3;
    services_seal(&s, &ticket, text);
    services_ask_ticket(&s, text, "fido2");
    snprintf(expected, sizeof expected,
             "discharger=" SERVICES_URL "\n"
             "broker=broker.example\n"
             "condition=user = alice and factor = yubikey for 8h\n"
             "user=alice\n"
             "credential=openai\n"
             "credential=github\n"
             "token-id=ab000000000000000000000000000000\n"
             "label=ci agent\n"
             "caveat=method in GET, HEAD\n"
             "caveat=path ~ /v1/**\n"
             "caveats-left-out=3\n"
             "parent=" SERVICES_PARENT "\n"
             "asked-by=192.0.2.7\n"
             "code=%s\n"
             "expires=2026-10-26T07:38:20Z\n",
             services_text(&s, "fido2.code"));
    assert_string_equal(services_text(&s, "fido2.text"), expected);
    services_close(&s);
}

static void
what_is_missing_has_no_line(void **state)
{
    struct services s;
    struct ticket ticket = services_plain_ticket("user = alice for 8h");
    char text[2048];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    ticket.label = BYTES_EMPTY;
    ticket.caveat_count = 0;
    services_seal(&s, &ticket, text);
    services_post(&s, "/.well-known/macfly/3p",
                  json_pack("{s:s, s:s}", "ticket", text, "prefer", "fido2"));
    assert_answer(&s, 201);
    const char *shown = services_text(&s, "fido2.text");
    assert_null(strstr(shown, "label="));
    assert_null(strstr(shown, "caveat"));
    assert_null(strstr(shown, "parent="));
    services_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(what_is_hostile_is_escaped),
        fixture_test(it_says_who_asks_for_what_and_how_long),
        fixture_test(what_is_missing_has_no_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
