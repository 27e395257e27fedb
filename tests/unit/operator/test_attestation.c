/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed attestation …: roots go in and are listed; registrations are judged, step by step. */
#include "support.h"

#include "../webauthn/forge.h"

#include "../../../broker/operator/operator.h"

#include <jansson.h>

static struct captured captured;

static int
operate(const char *line)
{
    char copy[1100], *argv[32], *rest = copy;
    int argc = 0;
    snprintf(copy, sizeof(copy), "keyholed attestation %s", line);
    while ((argv[argc] = strsep(&rest, " ")) != NULL)
        argc++;
    capture_begin();
    int status = operator_main(argc, argv);
    capture_end(&captured);
    return status;
}

// "%" stands for the test's directory.
static int
operate_here(const char *line)
{
    char text[1024];
    size_t n = 0;
    for (const char *p = line; *p != '\0' && n < sizeof(text) - 80; p++) {
        if (*p == '%')
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", test_directory);
        else
            text[n++] = *p;
    }
    text[n] = '\0';
    return operate(text);
}

#define assert_lacks(text, words)                                                                  \
    do {                                                                                           \
        if (strstr(text, words) != NULL)                                                           \
            fail_msg("did not expect \"%s\" in: %s", words, text);                                 \
    } while (0)

static void
write_registration(const char *name, const struct forge *f, const char *id)
{
    struct buffer client_data, attestation, text;
    forge_make(f, &client_data, &attestation);
    buffer_init(&text, 400000);
    buffer_put_str(&text, "{\"id\":\"");
    base64_encode(BASE64_URL, id != NULL ? bytes_str(id) : f->id, &text);
    buffer_put_str(&text, "\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"");
    base64_encode(BASE64_URL, buffer_bytes(&client_data), &text);
    buffer_put_str(&text, "\",\"attestationObject\":\"");
    base64_encode(BASE64_URL, buffer_bytes(&attestation), &text);
    buffer_put_str(&text, "\"}}");
    write_file(name, buffer_text(&text), 0600);
    buffer_free(&client_data);
    buffer_free(&attestation);
    buffer_free(&text);
}

/* ---- add-root, list ---- */

static void
test_bad_arguments(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int status;
        const char *says;
    } rows[] = {
        {"add-root --dir %", EXIT_USAGE, "FILE|- is missing"},
        {"add-root a b --dir %", EXIT_USAGE, "one word too many"},
        {"list a --dir %", EXIT_USAGE, "one word too many"},
        {"add-root %/missing.pem --dir %", EXIT_FAILED, "missing.pem: No such file"},
        {"check x --dir %", EXIT_USAGE, "--rp-id is missing"},
        {"check x --rp-id a --dir %", EXIT_USAGE, "--origin is missing"},
        {"check x --rp-id a --origin o --dir %", EXIT_USAGE, "--challenge is missing"},
        {"check x --rp-id= --origin o --challenge AA --dir %", EXIT_USAGE, "--rp-id is missing"},
        {"check x --rp-id a --origin o --challenge A --dir %", EXIT_USAGE, "not base64url"},
        {"check x --rp-id a --origin o --challenge A=== --dir %", EXIT_USAGE, "not base64url"},
        {"check x --rp-id a --origin o --challenge A+/= --dir %", EXIT_USAGE, "not base64url"},
        {"check x --rp-id a --origin o --challenge = --dir %", EXIT_USAGE, "not base64url"},
        {"check --rp-id a --origin o --challenge AA --dir %", EXIT_USAGE, "FILE|- is missing"},
        {"check %/missing --rp-id a --origin o --challenge AA --dir %", EXIT_FAILED,
         "missing: No such file"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int status = operate_here(rows[i].line);
        if (status != rows[i].status)
            FAIL_WITH("%s: status %d, %s", rows[i].line, status, captured.err);
        assert_string_equal(captured.out, "");
        assert_contains(captured.err, rows[i].says);
    }
}

static void
test_roots_go_in_and_are_listed(void **state)
{
    (void)state;
    assert_int_equal(operate_here("list --dir %"), EXIT_DONE);
    assert_string_equal(captured.out, "");
    assert_contains(captured.err, "no roots");
    assert_int_equal(operate_here("list --json --dir %"), EXIT_DONE);
    assert_string_equal(captured.out, "{\"certificates\":[]}\n");

    assert_int_equal(operate_here("add-root %/roots/forge.pem --dir %"), EXIT_DONE);
    assert_contains(captured.out, "root ");
    assert_contains(captured.out, "CN=Forge Root\n");
    assert_contains(captured.out, "intermediate ");
    assert_contains(captured.out, "CN=Forge Intermediate\n");
    assert_lacks(captured.out, "Yubico");
    assert_contains(captured.err, "2 certificates");

    assert_int_equal(operate_here("list --json --dir %"), EXIT_DONE);
    json_t *list = json_loads(captured.out, 0, NULL);
    json_t *rows = json_object_get(list, "certificates");
    assert_int_equal(json_array_size(rows), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *row = json_array_get(rows, i);
        assert_int_equal(json_string_length(json_object_get(row, "sha256")), 64);
        assert_true(json_is_false(json_object_get(row, "yubico")));
        assert_int_equal(json_string_length(json_object_get(row, "expires_at")), 20);
    }
    json_decref(list);
}

static void
test_a_leaf_does_not_go_in(void **state)
{
    (void)state;
    forge_write_pem("leaf.pem", &forge_pki.leaf, 1);
    write_file("talk.pem", "hello", 0600);
    assert_int_equal(operate_here("add-root %/leaf.pem --dir %/fresh"), EXIT_FAILED);
    assert_contains(captured.err, "no CA certificate");
    assert_int_equal(operate_here("add-root %/talk.pem --dir %/fresh"), EXIT_FAILED);
    assert_contains(captured.err, "no certificate");
    assert_int_equal(access(test_path("fresh"), F_OK), -1);
}

static void
test_an_expired_root_is_said_to_be(void **state)
{
    (void)state;
    struct forge_certificate form = forge_ca_form("Old Root");
    form.key = forge_pki.other_key;
    form.from = 1000000000;
    form.to = 1100000000;
    X509 *old = forge_certificate(&form);
    forge_write_pem("old.pem", &old, 1);
    X509_free(old);
    assert_int_equal(mkdir(test_path("old"), 0700), 0);
    assert_int_equal(operate_here("add-root %/old.pem --dir %/old"), EXIT_DONE);
    assert_contains(captured.out, "expired");
}

/* ---- check ---- */

#define CHECK                                                                                      \
    "check %/r.json --roots %/roots --rp-id example.com --origin https://example.com "             \
    "--challenge YSBjaGFsbGVuZ2Ugb2YgdGhpcnR5LXR3byBieXRlcy4"

static void
test_an_honest_one(void **state)
{
    (void)state;
    struct forge f = forge_honest();
    write_registration("r.json", &f, NULL);
    assert_int_equal(operate_here(CHECK " --dir %/none"), EXIT_DONE);
    assert_contains(captured.out, "ok      rpIdHash is that of example.com\n");
    assert_contains(captured.out, "ok      the chain leads to CN=Forge Root\n");
    assert_contains(captured.out, "\naccepted: attested, not a YubiKey, AAGUID 4b657968-");
    assert_lacks(captured.out, "FAILED");
    assert_string_equal(captured.err, "");
    // With padding as well.
    assert_int_equal(operate_here(CHECK "= --dir %/none"), EXIT_DONE);
    assert_int_equal(operate_here(CHECK " --require-pin --json --dir %/none"), EXIT_DONE);
    json_t *result = json_loads(captured.out, 0, NULL);
    json_t *credential = json_object_get(result, "credential");
    assert_true(json_is_true(json_object_get(result, "accepted")));
    assert_int_equal(json_array_size(json_object_get(result, "steps")), 19);
    assert_string_equal(json_string_value(json_object_get(credential, "id")),
                        "YSBjcmVkZW50aWFsIGlkIG9mIHRoZSBmb3JnZQ");
    assert_string_equal(json_string_value(json_object_get(credential, "format")), "packed");
    assert_int_equal(json_integer_value(json_object_get(credential, "counter")), 7);
    assert_int_equal(json_integer_value(json_object_get(credential, "algorithm")), -7);
    assert_true(json_is_true(json_object_get(credential, "attested")));
    assert_true(json_is_false(json_object_get(credential, "yubikey")));
    assert_null(json_object_get(credential, "firmware"));
    json_decref(result);
}

static void
test_one_that_lies(void **state)
{
    (void)state;
    struct forge f = forge_honest();
    f.flags = 0x41;
    write_registration("r.json", &f, NULL);
    assert_int_equal(operate_here(CHECK " --require-pin --dir %"), EXIT_DENIED);
    assert_contains(captured.out, "FAILED  verification-missing: UV is not set\n\nrefused: "
                                  "verification-missing: A PIN or fingerprint was demanded");
    assert_lacks(captured.out, "accepted");
    assert_int_equal(operate_here(CHECK " --require-pin --json --dir %"), EXIT_DENIED);
    json_t *result = json_loads(captured.out, 0, NULL);
    assert_true(json_is_false(json_object_get(result, "accepted")));
    assert_string_equal(json_string_value(json_object_get(result, "error")),
                        "verification-missing");
    assert_string_equal(json_string_value(json_object_get(result, "detail")), "UV is not set");
    assert_null(json_object_get(result, "credential"));
    json_decref(result);
}

static void
test_attestation_is_demanded_unless_it_is_optional(void **state)
{
    (void)state;
    struct forge f = forge_honest();
    f.format = "none";
    write_registration("r.json", &f, NULL);
    assert_int_equal(operate_here(CHECK " --dir %"), EXIT_DENIED);
    assert_contains(captured.out, "FAILED  attestation-format-forbidden");
    assert_int_equal(operate_here(CHECK " --optional --dir %"), EXIT_DONE);
    assert_contains(captured.out, "accepted: not attested");
}

static void
test_the_roots_of_the_state_directory(void **state)
{
    (void)state;
    struct forge f = forge_honest();
    static const char line[] =
        "check %/r.json --rp-id example.com --origin https://example.com "
        "--challenge YSBjaGFsbGVuZ2Ugb2YgdGhpcnR5LXR3byBieXRlcy4 --dir %/state";
    write_registration("r.json", &f, NULL);
    assert_int_equal(mkdir(test_path("state"), 0700), 0);
    assert_int_equal(operate_here(line), EXIT_DENIED);
    assert_contains(captured.out, "FAILED  attestation-untrusted: there are no roots here");
    assert_contains(captured.out, "add-root");
    assert_int_equal(operate_here("add-root %/roots/forge.pem --dir %/state"), EXIT_DONE);
    assert_int_equal(operate_here(line), EXIT_DONE);
}

static void
test_the_id_is_that_of_the_attestation(void **state)
{
    (void)state;
    struct forge f = forge_honest();
    write_registration("r.json", &f, "another");
    assert_int_equal(operate_here(CHECK " --dir %"), EXIT_DENIED);
    assert_contains(captured.out, "refused: request-invalid");
    assert_contains(captured.out, "id is not the credential");
    assert_lacks(captured.out, "accepted");
}

static void
test_what_is_no_registration(void **state)
{
    (void)state;
    write_file("r.json", "{\"id\":\"AA\"}", 0600);
    assert_int_equal(operate_here(CHECK " --dir %"), EXIT_FAILED);
    assert_string_equal(captured.out, "");
    assert_contains(captured.err, "no RegistrationResponseJSON");
    write_file("r.json", "", 0600);
    assert_int_equal(operate_here(CHECK " --dir %"), EXIT_FAILED);
    write_file("roots/broken.pem", "x", 0600);
    assert_int_equal(operate_here(CHECK " --dir %"), EXIT_FAILED);
    assert_contains(captured.err, "broken.pem");
    assert_int_equal(unlink(test_path("roots/broken.pem")), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_roots_go_in_and_are_listed),
        cmocka_unit_test(test_a_leaf_does_not_go_in),
        cmocka_unit_test(test_an_expired_root_is_said_to_be),
        cmocka_unit_test(test_an_honest_one),
        cmocka_unit_test(test_one_that_lies),
        cmocka_unit_test(test_attestation_is_demanded_unless_it_is_optional),
        cmocka_unit_test(test_the_roots_of_the_state_directory),
        cmocka_unit_test(test_the_id_is_that_of_the_attestation),
        cmocka_unit_test(test_what_is_no_registration),
    };
    return cmocka_run_group_tests(tests, forge_setup, forge_teardown);
}
