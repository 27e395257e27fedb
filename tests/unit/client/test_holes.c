/* SPDX-License-Identifier: Apache-2.0 */
#include "../scratch.h"

#include "../../../client/holes.h"
#include "client_test.h"

#include <sodium.h>

static uint8_t public_key[TICKET_PUBLIC_KEY_SIZE], secret_key[TICKET_SECRET_KEY_SIZE];
static char address[DISCHARGER_TEXT_MAX + 1]; /* https://discharge.example#kd1_… */

static int
setup(void **state)
{
    struct discharger self = {.url = "https://discharge.example"};
    BUFFER_AUTO text;
    buffer_init(&text, DISCHARGER_TEXT_MAX);
    if (directory_setup(state) != 0 || crypto_box_keypair(public_key, secret_key) != 0 ||
        mkdir(test_path("keyhole"), 0700) != 0)
        return -1;
    memcpy(self.public_key, public_key, sizeof public_key);
    discharger_print(&self, &text);
    snprintf(address, sizeof address, "%s", buffer_text(&text));
    return setenv("XDG_CONFIG_HOME", test_directory, 1);
}

static int
nothing_trusted(void **state)
{
    (void)state;
    unsetenv("KEYHOLE_DISCHARGER");
    unlink(test_path("keyhole/dischargers"));
    return 0;
}

static void
test_specs_refused(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        enum kh_err err;
    } cases[] = {
        {"", KH_ERR_SYNTAX},
        {"factor = yubikey", KH_ERR_SYNTAX},
        {"factor = passkey for 5m", KH_ERR_TYPE},
        {"method = GET for 5m", KH_ERR_UNKNOWN},
    };
    struct holes holes;
    holes_init(&holes);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault fault = {.err = KH_OK};
        assert_int_equal(holes_add(&holes, bytes_str(cases[i].spec), &fault), cases[i].err);
        assert_int_equal(holes.count, 0);
        assert_true(bytes_is(buffer_bytes(&holes.refused), cases[i].spec));
        assert_true(fault.detail[0] != '\0');
    }
    for (size_t i = 0; i < TOKEN_DISCHARGES_MAX; i++)
        assert_int_equal(holes_add(&holes, BYTES("factor = ssh for 60s"), NULL), KH_OK);
    assert_true(bytes_is(buffer_bytes(&holes.condition[0]), "factor = ssh for 1m"));
    assert_int_equal(holes_add(&holes, BYTES("factor = ssh for 60s"), NULL), KH_ERR_USAGE);
    assert_int_equal(holes.count, TOKEN_DISCHARGES_MAX);
    holes_free(&holes);
}

static void
expect_found(const char *text, const char *url)
{
    struct fault fault = {.err = KH_OK};
    struct discharger found;
    assert_ok(holes_discharger(text, &found, &fault));
    assert_string_equal(found.url, url);
    assert_memory_equal(found.public_key, public_key, sizeof public_key);
}

static void
expect_lost(const char *text, enum kh_err err, const char *says)
{
    struct fault fault = {.err = KH_OK};
    struct discharger found = {.url = "as it was"};
    if (holes_discharger(text, &found, &fault) != err)
        fail_msg("%s: %s: %s", text, kh_err_code(fault.err), fault.detail);
    assert_says(fault, says);
    assert_string_equal(found.url, "as it was");
}

static void
test_dischargers(void **state)
{
    (void)state;
    char file[1024], key[64];
    snprintf(key, sizeof key, "%s", strchr(address, '#'));
    expect_lost(NULL, KH_ERR_USAGE, "keyhole trust URL#kd1_");
    expect_lost("work", KH_ERR_NOT_FOUND, "keyhole trust URL#kd1_");
    expect_lost("https://discharge.example", KH_ERR_NOT_FOUND, "keyhole trust URL#kd1_");
    expect_lost("https://discharge.example#kd1_", KH_ERR_SYNTAX, "not a public key");
    expect_lost("http://discharge.example", KH_ERR_USAGE, "use https");
    expect_lost("", KH_ERR_NOT_FOUND, "no such discharger");
    expect_found(address, "https://discharge.example");

    snprintf(file, sizeof file,
             "# ours\nwork https://work.example%s\nhome http://localhost:8438%s\n", key, key);
    write_file("keyhole/dischargers", file, 0600);
    expect_found(NULL, "https://work.example");
    expect_found("home", "http://localhost:8438");
    expect_found("HTTPS://Work.example:443/", "https://work.example");
    expect_lost("elsewhere", KH_ERR_NOT_FOUND, "no such discharger");
    expect_lost("https://elsewhere.example", KH_ERR_NOT_FOUND, "no such discharger");

    setenv("KEYHOLE_DISCHARGER", address, 1);
    expect_found(NULL, "https://discharge.example");
    expect_found("https://discharge.example", "https://discharge.example");

    unsetenv("KEYHOLE_DISCHARGER");
    write_file("keyhole/dischargers", "# ours\nwork https://work.example\n", 0600);
    expect_lost(NULL, KH_ERR_SYNTAX, "keyhole/dischargers:2: ");
    expect_lost("work", KH_ERR_SYNTAX, "keyhole/dischargers:2: ");
}

static void
open_ticket(const struct token *token, size_t caveat, struct ticket *out)
{
    struct fault fault = {.err = KH_OK};
    assert_true(token->caveat[caveat].vid.n > 0);
    assert_ok(ticket_open(token->caveat[caveat].id, public_key, secret_key, out, &fault));
}

/* The ticket says what the token says of itself, and a discharge made of it fills the hole. */
static void
test_applied(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct discharger discharger;
    struct holes holes;
    struct ticket first, second;
    BUFFER_AUTO out;
    buffer_init(&out, TOKEN_TEXT_MAX);
    assert_ok(discharger_parse(bytes_str(address), &discharger, &fault));
    holes_init(&holes);
    assert_ok(holes_add(&holes, BYTES("user = alice and factor = yubikey for 15m"), &fault));
    assert_ok(holes_add(&holes, BYTES("user = bob for 1h"), &fault));
    char *minted = test_mint("method = GET", "label = agent", NULL);
    char prefixed[TOKEN_TEXT_MAX];
    snprintf(prefixed, sizeof prefixed, "sk-%s", minted);
    assert_ok(holes_apply(&holes, &discharger, bytes_str(prefixed), &out, &fault));

    struct token *token = test_scan(buffer_text(&out));
    assert_true(bytes_is(token->prefix, "sk-"));
    assert_int_equal(token->caveat_count, 6);
    assert_true(
        bytes_is(token->caveat[2].id, "hole = \"user = alice and factor = yubikey for 15m\""));
    assert_true(bytes_is(token->caveat[3].location, "https://discharge.example"));
    assert_true(bytes_is(token->caveat[4].id, "hole = \"user = bob for 1h\""));
    open_ticket(token, 3, &first);
    open_ticket(token, 5, &second);
    assert_true(bytes_is(first.condition, "user = alice and factor = yubikey for 15m"));
    assert_true(bytes_is(second.condition, "user = bob for 1h"));
    assert_true(bytes_is(first.principal, "alice"));
    assert_true(bytes_is(first.broker, "http://127.0.0.1:8437"));
    assert_true(bytes_is(first.label, "agent"));
    assert_int_equal(first.expires_at, TEST_EXPIRES);
    assert_int_equal(first.credential_count, 2);
    assert_int_equal(first.caveat_count, 1);
    assert_true(bytes_is(first.caveat[0], "method = GET"));
    assert_memory_not_equal(first.root_key, second.root_key, TOKEN_KEY_SIZE);

    struct buffer raw[2];
    BUFFER_AUTO filled;
    uint8_t lineage[LINEAGE_ID_SIZE];
    char hex[2 * LINEAGE_ID_SIZE + 1], parent[64];
    token_lineage_last(token, lineage);
    assert_true(bytes_to_hex(bytes_of(lineage, sizeof lineage), hex, sizeof hex));
    snprintf(parent, sizeof parent, "parent = %s", hex);
    const struct bytes caveat = bytes_str(parent);
    buffer_init(&filled, TOKEN_TEXT_MAX);
    for (size_t i = 0; i < 2; i++) {
        const struct ticket *ticket = i ? &second : &first;
        buffer_init(&raw[i], TOKEN_TEXT_MAX);
        assert_ok(token_discharge_make(token->caveat[3 + 2 * i].id, ticket->root_key,
                                       BYTES("https://discharge.example"), &caveat, 1, &raw[i],
                                       &fault));
    }
    const struct bytes both[] = {buffer_bytes(&raw[0]), buffer_bytes(&raw[1])};
    assert_ok(token_add_discharges(token, both, 2, &filled, &fault));
    struct token_verified verified;
    struct token *whole = test_scan(buffer_text(&filled));
    assert_ok(token_verify(whole, test_key, &verified, &fault));
    token_free(&whole);
    buffer_free(&raw[0]);
    buffer_free(&raw[1]);

    ticket_free(&first);
    ticket_free(&second);
    token_free(&token);
    holes_free(&holes);
    free(minted);
}

/* Of a foreign macaroon nobody could say whom it is for. */
static void
test_foreign(void **state)
{
    (void)state;
    static const struct test_caveat none[] = {{NULL, NULL}};
    struct fault fault = {.err = KH_OK};
    struct discharger discharger;
    struct holes holes;
    BUFFER_AUTO raw;
    BUFFER_AUTO text;
    BUFFER_AUTO out;
    buffer_init(&raw, TOKEN_TEXT_MAX);
    buffer_init(&text, TOKEN_TEXT_MAX);
    buffer_init(&out, TOKEN_TEXT_MAX);
    test_put_macaroon(&raw, BYTES_EMPTY, BYTES("somebody else's"), none);
    struct token *token = test_scan_raw(&raw);
    token_print(token, BYTES_EMPTY, &text);
    token_free(&token);
    assert_ok(discharger_parse(bytes_str(address), &discharger, &fault));
    holes_init(&holes);
    assert_ok(holes_add(&holes, BYTES("factor = ssh for 5m"), &fault));
    assert_int_equal(holes_apply(&holes, &discharger, buffer_bytes(&text), &out, &fault),
                     KH_ERR_MALFORMED);
    assert_int_equal(out.n, 0);
    holes_free(&holes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_specs_refused, nothing_trusted),
        cmocka_unit_test_setup(test_dischargers, nothing_trusted),
        cmocka_unit_test_setup(test_applied, nothing_trusted),
        cmocka_unit_test_setup(test_foreign, nothing_trusted),
    };
    return cmocka_run_group_tests(tests, setup, directory_teardown);
}
