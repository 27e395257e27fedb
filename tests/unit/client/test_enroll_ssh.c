/* SPDX-License-Identifier: Apache-2.0 */
/* Registering an SSH key: which one, and what is sent of it. */
#include "../../../client/enroll.h"
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

static enum kh_err
sign(char public_key[SSH_KEY_LINE_MAX], struct fault *fault)
{
    struct question question = {
        .kind = QUESTION_SSH, .url = "https://d.example", .name_space = "enroll@keyhole"};
    json_t *answer = NULL;
    *fault = (struct fault){.err = KH_OK};
    enum kh_err err = enroll_sign_ssh(&test.settings, &question, &answer, fault);
    if (err == KH_OK) {
        snprintf(public_key, SSH_KEY_LINE_MAX, "%s", answer_string(answer, "public_key"));
        assert_int_equal(ssh_signature_check(bytes_str(answer_string(answer, "signature")),
                                             "enroll@keyhole", fault),
                         KH_OK);
        assert_int_equal(json_object_size(answer), 2);
    }
    json_decref(answer);
    return err;
}

static void
test_which_key(void **state)
{
    (void)state;
    char line[SSH_KEY_LINE_MAX];
    struct fault fault;
    assert_int_equal(sign(line, &fault), KH_ERR_USAGE);
    assert_contains(fault.detail, "there is no SSH key");
    test_ssh_key(".ssh/id_ed25519", "-t ed25519");
    assert_int_equal(sign(line, &fault), KH_OK); // the only one
    assert_contains(line, "ssh-ed25519 AAAA");
    test_ssh_key(".ssh/id_ecdsa", "-t ecdsa");
    assert_int_equal(sign(line, &fault), KH_ERR_USAGE);
    assert_contains(fault.detail, "several SSH keys");
    test.settings.ssh_key = test_path(".ssh/id_ecdsa");
    assert_int_equal(sign(line, &fault), KH_OK);
    assert_contains(line, "ecdsa-sha2-nistp256 AAAA");
}

static void
test_agent_comes_first(void **state)
{
    (void)state;
    char line[SSH_KEY_LINE_MAX];
    struct fault fault;
    test_ssh_key(".ssh/id_ed25519", "-t ed25519");
    test_ssh_start_agent();
    test_ssh_key("k", "-t ecdsa");
    test_shell("ssh-add -q '%s' && rm '%s'", test_path("k"), test_path("k"));
    assert_int_equal(sign(line, &fault), KH_OK);
    assert_contains(line, " k key");
}

static void
test_without_the_public_half(void **state)
{
    (void)state;
    char line[SSH_KEY_LINE_MAX], path[128];
    struct fault fault;
    snprintf(path, sizeof path, "%s", test_ssh_key("k", "-t ed25519"));
    assert_int_equal(unlink(test_path("k.pub")), 0);
    test.settings.ssh_key = path;
    assert_int_equal(sign(line, &fault), KH_ERR_USAGE);
    assert_contains(fault.detail, "ssh-keygen -y -f");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_which_key),
        CASE(test_agent_comes_first),
        CASE(test_without_the_public_half),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
