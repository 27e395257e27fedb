/* SPDX-License-Identifier: Apache-2.0 */
/* Answering with an SSH key: which one, and what it signs. */
#include "../../../client/discharge.h"
#include "../../../client/ssh_sign.h"
#include "discharges.h"
#include "ssh.h"

static struct test_settings test;

static int
setup(void **state)
{
    test_settings_init(&test);
    return test_ssh_setup(state);
}

static int
teardown(void **state)
{
    test_settings_free(&test);
    return test_ssh_teardown(state);
}

static const char *
fingerprint(const char *file)
{
    static char out[SSH_FINGERPRINT_TEXT];
    struct ssh_keys keys = {.count = 0};
    struct fault fault = {.err = KH_OK};
    assert_ok(ssh_keys_add_file(&keys, file, &fault));
    memcpy(out, keys.key[0].fingerprint, sizeof out);
    ssh_keys_free(&keys);
    return out;
}

static enum kh_err
sign(const char *wanted, struct fault *fault)
{
    struct question question = {
        .kind = QUESTION_SSH, .url = "https://d.example", .name_space = "discharge@keyhole"};
    json_t *answer = NULL;
    question.object = json_pack("{s:[s]}", "fingerprints", wanted);
    *fault = (struct fault){.err = KH_OK};
    enum kh_err err = discharge_sign_ssh(&test.settings, &question, &answer, fault);
    if (err == KH_OK)
        assert_int_equal(ssh_signature_check(bytes_str(answer_string(answer, "signature")),
                                             "discharge@keyhole", fault),
                         KH_OK);
    json_decref(answer);
    json_decref(question.object);
    return err;
}

static void
test_no_key_at_all(void **state)
{
    (void)state;
    struct fault fault;
    assert_int_equal(sign("SHA256:x", &fault), KH_ERR_NOT_FOUND);
    assert_contains(fault.detail, "no SSH key of the agent or in ~/.ssh");
    test.settings.ssh_key = "/nonexistent/key.pub";
    assert_int_equal(sign("SHA256:x", &fault), KH_ERR_NOT_FOUND);
}

static void
test_the_one_that_is_asked_for(void **state)
{
    (void)state;
    struct fault fault;
    char wanted[SSH_FINGERPRINT_TEXT];
    test_ssh_key(".ssh/id_ed25519", "-t ed25519");
    memcpy(wanted, fingerprint(test_ssh_key(".ssh/id_ecdsa", "-t ecdsa")), sizeof wanted);
    assert_int_equal(sign(wanted, &fault), KH_OK);
    assert_contains(test_settings_said(&test), wanted);
    assert_int_equal(sign("SHA256:other", &fault), KH_ERR_NOT_FOUND);
}

static void
test_the_agents_before_files(void **state)
{
    (void)state;
    struct fault fault;
    char wanted[SSH_FINGERPRINT_TEXT];
    test_ssh_start_agent();
    memcpy(wanted, fingerprint(test_ssh_key("k", "-t ed25519")), sizeof wanted);
    test_shell("ssh-add -q '%s' && rm '%s'", test_path("k"), test_path("k"));
    assert_int_equal(sign(wanted, &fault), KH_OK);
}

static void
test_file_that_is_named(void **state)
{
    (void)state;
    struct fault fault;
    char path[128], wanted[SSH_FINGERPRINT_TEXT];
    snprintf(path, sizeof path, "%s", test_ssh_key("mine", "-t ed25519"));
    memcpy(wanted, fingerprint(path), sizeof wanted);
    test_ssh_key(".ssh/id_ed25519", "-t ed25519");
    test.settings.ssh_key = path;
    assert_int_equal(sign(wanted, &fault), KH_OK);
    assert_int_equal(sign("SHA256:other", &fault), KH_ERR_NOT_FOUND);
    assert_contains(fault.detail, "in that file");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_no_key_at_all),
        CASE(test_the_one_that_is_asked_for),
        CASE(test_the_agents_before_files),
        CASE(test_file_that_is_named),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
