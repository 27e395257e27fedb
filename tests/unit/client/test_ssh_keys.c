/* SPDX-License-Identifier: Apache-2.0 */
/* SSH keys that could sign: of an agent, and in files. */
#include "../../../client/ssh_keys.h"
#include "ssh.h"

#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFGG5Zk0qRhEZwsv18C3mJj1Ip3WBUNyIZaZgYCYEbni"

static void
test_lines_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum kh_err err;
    } row[] = {
        {"", KH_ERR_SYNTAX},
        {"ssh-ed25519", KH_ERR_SYNTAX},
        {"ssh-ed25519 ", KH_ERR_SYNTAX},
        {"ssh-ed25519 !!!!", KH_ERR_SYNTAX},
        {"ssh-ed25519 AAAA", KH_ERR_SYNTAX},
        // The name and the blob disagree.
        {"ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIFGG5Zk0qRhEZwsv18C3mJj1Ip3WBUNyIZaZgYCYEbni x",
         KH_ERR_SYNTAX},
        {"ssh-dss AAAAB3NzaC1kc3MAAACBAA== x", KH_ERR_UNSUPPORTED},
        {"ssh-ed25519-cert-v01@openssh.com AAAA x", KH_ERR_UNSUPPORTED},
        {"The agent has no identities.", KH_ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct ssh_key key;
        struct fault fault = {.err = KH_OK};
        enum kh_err err = ssh_key_read(bytes_str(row[i].line), &key, &fault);
        if (err != row[i].err)
            fail_msg("'%s': %s", row[i].line, kh_err_code(err));
    }
    char *large = calloc(1, SSH_KEY_LINE_MAX + 200);
    struct ssh_key key;
    struct fault fault = {.err = KH_OK};
    memset(large, 'x', SSH_KEY_LINE_MAX + 100);
    memcpy(large, ED25519 " ", sizeof ED25519);
    assert_int_equal(ssh_key_read(bytes_str(large), &key, &fault), KH_ERR_SYNTAX);
    free(large);
    static const char nul[] = ED25519 "\0 x";
    assert_int_equal(ssh_key_read(bytes_of(nul, sizeof nul - 1), &key, &fault), KH_ERR_SYNTAX);
}

// What ssh-keygen says of the same key.
static void
test_fingerprint(void **state)
{
    (void)state;
    static const char *const kind[][2] = {
        {"a", "-t ed25519"}, {"b", "-t ecdsa -b 384"}, {"c", "-t rsa -b 2048"}};
    for (size_t i = 0; i < sizeof kind / sizeof kind[0]; i++) {
        char command[512], expected[256] = "";
        struct ssh_keys keys = {.count = 0};
        struct fault fault = {.err = KH_OK};
        const char *path = test_ssh_key(kind[i][0], kind[i][1]);
        snprintf(command, sizeof command, "ssh-keygen -l -f '%s'", path);
        FILE *out = popen(command, "r");
        assert_int_equal(fscanf(out, "%*d %255s", expected), 1);
        pclose(out);
        assert_ok(ssh_keys_add_file(&keys, path, &fault));
        assert_string_equal(keys.key[0].fingerprint, expected);
        assert_string_equal(keys.key[0].file, path);
        ssh_keys_free(&keys);
        assert_int_equal(keys.count, 0);
    }
}

static void
test_file_without_its_public_half(void **state)
{
    (void)state;
    struct ssh_keys keys = {.count = 0};
    struct fault fault = {.err = KH_OK};
    char path[128];
    snprintf(path, sizeof path, "%s", test_ssh_key("alone", "-t ed25519"));
    assert_int_equal(unlink(test_path("alone.pub")), 0);
    assert_ok(ssh_keys_add_file(&keys, path, &fault));
    assert_string_equal(keys.key[0].fingerprint, "");
    assert_null(keys.key[0].line);
    ssh_keys_free(&keys);
    assert_int_equal(ssh_keys_add_file(&keys, test_path("none.pub"), &fault), KH_ERR_NOT_FOUND);
    write_file("bad.pub", "hello\n", 0600);
    assert_int_equal(ssh_keys_add_file(&keys, test_path("bad"), &fault), KH_ERR_SYNTAX);
    write_file("empty.pub", "", 0600);
    assert_int_equal(ssh_keys_add_file(&keys, test_path("empty"), &fault), KH_ERR_SYNTAX);
    assert_int_equal(keys.count, 0);
}

static void
test_public_half_stands_for_the_agents_key(void **state)
{
    (void)state;
    struct ssh_keys keys = {.count = 0};
    struct fault fault = {.err = KH_OK};
    test_ssh_key("k", "-t ed25519");
    assert_ok(ssh_keys_add_file(&keys, test_path("k.pub"), &fault));
    assert_null(keys.key[0].file);
    assert_contains(keys.key[0].line, " k key");
    ssh_keys_free(&keys);
}

static void
test_default_files(void **state)
{
    (void)state;
    struct ssh_keys keys = {.count = 0};
    test_ssh_key(".ssh/id_rsa", "-t rsa -b 2048");
    test_ssh_key(".ssh/id_ed25519", "-t ed25519");
    test_ssh_key(".ssh/id_ecdsa", "-t ecdsa");
    assert_int_equal(unlink(test_path(".ssh/id_ecdsa.pub")), 0); // nothing is known of it
    test_ssh_key(".ssh/other", "-t ed25519");
    ssh_keys_add_default_files(&keys);
    assert_int_equal(keys.count, 2);
    assert_string_equal(keys.key[0].type, "ssh-ed25519");
    assert_string_equal(keys.key[1].type, "ssh-rsa");
    ssh_keys_free(&keys);
    unsetenv("HOME");
    ssh_keys_add_default_files(&keys);
    assert_int_equal(keys.count, 0);
}

static void
test_agent_keys(void **state)
{
    (void)state;
    struct ssh_keys keys = {.count = 0};
    struct fault fault = {.err = KH_OK};
    assert_ok(ssh_keys_add_agent(&keys, &fault)); // there is none
    assert_int_equal(keys.count, 0);
    setenv("SSH_AUTH_SOCK", test_path("nobody"), 1);
    assert_ok(ssh_keys_add_agent(&keys, &fault)); // it cannot be reached
    assert_int_equal(keys.count, 0);
    test_ssh_start_agent();
    assert_ok(ssh_keys_add_agent(&keys, &fault)); // it has no keys
    assert_int_equal(keys.count, 0);
    test_ssh_key("one", "-t ed25519");
    test_ssh_key("two", "-t ecdsa");
    test_shell("ssh-add -q '%s' '%s'", test_path("one"), test_path("two"));
    assert_ok(ssh_keys_add_agent(&keys, &fault));
    assert_int_equal(keys.count, 2);
    assert_null(keys.key[0].file);
    assert_string_equal(keys.key[0].type, "ssh-ed25519");
    assert_string_equal(keys.key[1].type, "ecdsa-sha2-nistp256");
    ssh_keys_free(&keys);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_that_are_none),
        cmocka_unit_test_setup_teardown(test_fingerprint, test_ssh_setup, test_ssh_teardown),
        cmocka_unit_test_setup_teardown(test_file_without_its_public_half, test_ssh_setup,
                                        test_ssh_teardown),
        cmocka_unit_test_setup_teardown(test_public_half_stands_for_the_agents_key, test_ssh_setup,
                                        test_ssh_teardown),
        cmocka_unit_test_setup_teardown(test_default_files, test_ssh_setup, test_ssh_teardown),
        cmocka_unit_test_setup_teardown(test_agent_keys, test_ssh_setup, test_ssh_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
