/* SPDX-License-Identifier: Apache-2.0 */
/* One question and its answer, with keys and servers. */
#include "../../../client/discharge.h"
#include "../../../client/ssh_keys.h"
#include "discharges.h"
#include "keys.h"
#include "ssh.h"

static struct test_settings test;
static struct test_keys keys;
static struct http_server server;
static struct test_hole hole;
static struct discharge_hole asked;

static int
setup(void **state)
{
    struct fault fault = {.err = KH_OK};
    struct hole read;
    int result = test_ssh_setup(state);
    test_settings_init(&test);
    test_keys_init(&keys);
    test.settings.fido.backend = &keys.backend;
    server = http_server_open(false);
    hole = test_hole_make(TEST_CONDITION, server.address);
    asked = (struct discharge_hole){.ticket = buffer_bytes(&hole.ticket),
                                    .location = bytes_str(server.address)};
    memcpy(asked.lineage, hole.lineage, LINEAGE_ID_SIZE);
    memcpy(asked.parent, hole.parent, sizeof asked.parent);
    buffer_init(&asked.condition, HOLE_TEXT_MAX);
    assert_ok(hole_parse(BYTES(TEST_CONDITION), &asked.condition, &read, &fault));
    return result;
}

static int
teardown(void **state)
{
    buffer_free(&asked.condition);
    test_hole_free(&hole);
    test_keys_free(&keys);
    test_settings_free(&test);
    return test_ssh_teardown(state);
}

// What is asked with these answers; what the server got is returned.
static char *
ask(enum discharge_way way, const char *const *answer, enum kh_err expected, bool unsuitable,
    struct fault *fault)
{
    bool other_way = !unsuitable;
    BUFFER_AUTO out;
    buffer_init(&out, DISCHARGE_MAX);
    *fault = (struct fault){.err = KH_OK};
    http_server_begin(&server, NULL, answer);
    enum kh_err err =
        discharge_ask(&test.settings, &asked, server.address, way, &out, &other_way, fault);
    if (err != expected || other_way != unsuitable)
        fail_msg("%s, unsuitable %d: %s", kh_err_code(err), other_way, fault->detail);
    assert_int_equal(err == KH_OK, out.n > 0);
    return http_server_stop(&server, false);
}

static void
test_way_unsuitable(void **state)
{
    (void)state;
    struct fault fault;
    free(ask(DISCHARGE_FIDO2,
             (const char *const[]){
                 HTTP_ANSWER("409 Conflict", "application/json", "{\"error\":\"way-unsuitable\"}"),
                 NULL},
             KH_ERR_DENIED, true, &fault));
}

static void
test_other_refusals(void **state)
{
    (void)state;
    struct fault fault;
    free(
        ask(DISCHARGE_FIDO2,
            (const char *const[]){
                HTTP_ANSWER("403 Forbidden", "application/json", "{\"error\":\"declined\"}"), NULL},
            KH_ERR_DENIED, false, &fault));
}

// Asked for one way and answered with another: nobody is sent to a page that was not asked for.
static void
test_another_kind_of_question(void **state)
{
    (void)state;
    struct fault fault;
    char *question = test_question("ssh", TEST_CONDITION, hole.parent,
                                   ",\"namespace\":\"discharge@keyhole\",\"fingerprints\":[]");
    free(ask(DISCHARGE_FIDO2, (const char *const[]){question, NULL}, KH_ERR_PROTOCOL, false,
             &fault));
    assert_contains(fault.detail, "has another");
    assert_string_equal(test_settings_said(&test), "");
    free(question);
}

// A question that is not ours is not even shown.
static void
test_question_about_something_else(void **state)
{
    (void)state;
    struct fault fault;
    char *question = test_question("ssh", "user = alice and factor = fido2 for 80h", hole.parent,
                                   ",\"namespace\":\"discharge@keyhole\",\"fingerprints\":[]");
    free(ask(DISCHARGE_SSH, (const char *const[]){question, NULL}, KH_ERR_PROTOCOL, false, &fault));
    assert_contains(fault.detail, "nothing was touched or signed");
    assert_string_equal(test_settings_said(&test), "");
    free(question);
}

static void
test_security_key(void **state)
{
    (void)state;
    struct fault fault;
    struct question *enrolled = test_question_new(false);
    char more[512];
    struct test_key *key = test_keys_plug(&keys, (struct softauthn_options){0});
    // The server is at 127.0.0.1: that is the site.
    struct softauthn_request request = {.rp_id = "127.0.0.1", .client_data = BYTES("{}")};
    struct softauthn_registration made = {.id_n = 0};
    assert_int_equal(softauthn_register(key->authenticator, &request, &made), SOFTAUTHN_OK);
    BUFFER_AUTO id;
    buffer_init(&id, 256);
    base64_encode(BASE64_URL, bytes_of(made.id, made.id_n), &id);
    softauthn_registration_free(&made);
    snprintf(more, sizeof more,
             ",\"rp_id\":\"127.0.0.1\",\"origin\":\"{self}\",\"credentials\":[\"%s\"],"
             "\"verification\":false",
             buffer_text(&id));
    char *question = test_question("fido2", TEST_CONDITION, hole.parent, more);
    char *answer = test_answer_discharge("200 OK", &hole, hole.parent, 3600);
    char *got =
        ask(DISCHARGE_FIDO2, (const char *const[]){question, answer, NULL}, KH_OK, false, &fault);
    assert_contains(got, "\"prefer\":\"fido2\"");
    assert_contains(got, "POST /answer/0123 HTTP/1.1\r\n");
    assert_contains(got, "\"authenticator_data\":\"");
    // It was shown, and then touched.
    const char *said = test_settings_said(&test);
    assert_contains(said, "asks you to vouch for this:");
    assert_contains(said, TEST_CONDITION);
    const char *touch = strstr(said, "touch the security key now");
    assert_non_null(touch);
    assert_true(strstr(said, TEST_CONDITION) < touch);
    free(got);
    free(question);
    free(answer);
    question_free(&enrolled);
}

static void
test_security_key_that_is_not_here(void **state)
{
    (void)state;
    struct fault fault;
    char *question = test_question("fido2", TEST_CONDITION, hole.parent,
                                   ",\"rp_id\":\"127.0.0.1\",\"origin\":\"{self}\","
                                   "\"credentials\":[\"AAEC\"],\"verification\":false");
    free(ask(DISCHARGE_FIDO2, (const char *const[]){question, NULL}, KH_ERR_NOT_FOUND, true,
             &fault));
    free(question);
}

static void
test_ssh_key_signs(void **state)
{
    (void)state;
    struct fault fault;
    struct ssh_keys ssh = {.count = 0};
    char more[256];
    const char *path = test_ssh_key("k", "-t ed25519");
    assert_ok(ssh_keys_add_file(&ssh, path, &fault));
    test.settings.ssh_key = ssh.key[0].file;
    snprintf(more, sizeof more, ",\"namespace\":\"discharge@keyhole\",\"fingerprints\":[\"%s\"]",
             ssh.key[0].fingerprint);
    char *question = test_question("ssh", TEST_CONDITION, hole.parent, more);
    char *answer = test_answer_discharge("200 OK", &hole, hole.parent, 3600);
    char *got =
        ask(DISCHARGE_SSH, (const char *const[]){question, answer, NULL}, KH_OK, false, &fault);
    assert_contains(got, "{\"signature\":\"-----BEGIN SSH SIGNATURE-----\\n");
    assert_contains(test_settings_said(&test), "signing with the SSH key SHA256:");
    free(got);
    free(question);
    free(answer);
    ssh_keys_free(&ssh);
}

static void
test_answer_is_refused(void **state)
{
    (void)state;
    struct fault fault;
    test_ssh_key("k", "-t ed25519");
    assert_int_equal(unlink(test_path("k.pub")), 0); // whether it is known is for the discharger
    char path[128];
    snprintf(path, sizeof path, "%s", test_path("k"));
    test.settings.ssh_key = path;
    char *question = test_question("ssh", TEST_CONDITION, hole.parent,
                                   ",\"namespace\":\"discharge@keyhole\",\"fingerprints\":[]");
    free(ask(DISCHARGE_SSH,
             (const char *const[]){question,
                                   HTTP_ANSWER("403 Forbidden", "application/json",
                                               "{\"error\":\"credential-unknown\"}"),
                                   NULL},
             KH_ERR_DENIED, false, &fault));
    assert_contains(fault.detail, "(credential-unknown)");
    free(question);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_way_unsuitable),
        CASE(test_other_refusals),
        CASE(test_another_kind_of_question),
        CASE(test_question_about_something_else),
        CASE(test_security_key),
        CASE(test_security_key_that_is_not_here),
        CASE(test_ssh_key_signs),
        CASE(test_answer_is_refused),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
