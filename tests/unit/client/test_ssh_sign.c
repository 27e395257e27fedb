/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures by ssh-keygen, with keys in files and in an agent. */
#include "../../../client/ssh_sign.h"
#include "../memcheck.h"
#include "ssh.h"

#include <dirent.h>

#define NAMESPACE "discharge@keyhole"

static const uint8_t message[32] = "thirty-two bytes of a challenge";

static enum kh_err
sign(const struct ssh_key *key, struct buffer *out, struct fault *fault)
{
    return ssh_sign(key, NAMESPACE, bytes_of(message, sizeof message), 60000, out, fault);
}

// ssh-keygen itself is the judge.
static void
assert_verifies(struct buffer *armour, const char *public_key)
{
    char command[1024];
    write_file("sig", buffer_text(armour), 0600);
    FILE *file = fopen(test_path("msg"), "w");
    assert_int_equal(fwrite(message, 1, sizeof message, file), sizeof message);
    fclose(file);
    snprintf(command, sizeof command,
             "cd '%s' && { printf 'alice '; cat '%s'; } > allowed && ssh-keygen -q -Y verify -f "
             "allowed -I alice -n " NAMESPACE " -s sig < msg",
             test_directory, public_key);
    assert_int_equal(system(command), 0);
}

static void
test_key_files(void **state)
{
    (void)state;
    static const char *const kind[][2] = {
        {"a", "-t ed25519"}, {"b", "-t ecdsa -b 521"}, {"c", "-t rsa -b 2048"}};
    for (size_t i = 0; i < sizeof kind / sizeof kind[0]; i++) {
        struct ssh_keys keys = {.count = 0};
        struct fault fault = {.err = KH_OK};
        char public_key[64];
        BUFFER_AUTO out;
        buffer_init(&out, SSH_SIGNATURE_TEXT_MAX);
        assert_ok(ssh_keys_add_file(&keys, test_ssh_key(kind[i][0], kind[i][1]), &fault));
        assert_ok(sign(&keys.key[0], &out, &fault));
        snprintf(public_key, sizeof public_key, "%s.pub", kind[i][0]);
        assert_verifies(&out, public_key);
        ssh_keys_free(&keys);
    }
}

static size_t
temporary_files(void)
{
    size_t count = 0;
    DIR *directory = opendir(test_directory);
    for (const struct dirent *e; (e = readdir(directory)) != NULL;)
        count += strncmp(e->d_name, "keyhole-", 8) == 0;
    closedir(directory);
    return count;
}

static void
test_agent(void **state)
{
    (void)state;
    struct ssh_keys keys = {.count = 0};
    struct fault fault = {.err = KH_OK};
    BUFFER_AUTO out;
    buffer_init(&out, SSH_SIGNATURE_TEXT_MAX);
    test_ssh_start_agent();
    test_ssh_key("k", "-t ed25519");
    test_shell("ssh-add -q '%s' && rm '%s'", test_path("k"), test_path("k")); // the agent alone
    assert_ok(ssh_keys_add_agent(&keys, &fault));
    assert_int_equal(keys.count, 1);
    setenv("TMPDIR", test_directory, 1);
    assert_ok(sign(&keys.key[0], &out, &fault));
    assert_int_equal(temporary_files(), 0);
    assert_verifies(&out, "k.pub");
    test_shell("ssh-add -q -D 2>/dev/null; : '%s' '%s'", "", ""); // and gone
    assert_int_equal(sign(&keys.key[0], &out, &fault), KH_ERR_IO);
    assert_contains(fault.detail, "did not sign");
    assert_int_equal(temporary_files(), 0);
    setenv("TMPDIR", "/nonexistent/keyhole", 1);
    assert_int_equal(sign(&keys.key[0], &out, &fault), KH_ERR_IO);
    unsetenv("TMPDIR");
    ssh_keys_free(&keys);
}

static void
test_key_is_missing(void **state)
{
    (void)state;
    struct ssh_key key = {.file = (char[]){"/nonexistent/keyhole"}};
    struct fault fault = {.err = KH_OK};
    BUFFER_AUTO out;
    buffer_init(&out, SSH_SIGNATURE_TEXT_MAX);
    assert_int_equal(sign(&key, &out, &fault), KH_ERR_IO);
}

static void
test_openssh_is_missing(void **state)
{
    (void)state;
    memcheck_cannot("forks for posix_spawn, which cannot say then that there is no such program");
    struct ssh_key key = {.file = (char[]){"/nonexistent/keyhole"}};
    struct fault fault = {.err = KH_OK};
    char *path = strdup(getenv("PATH"));
    BUFFER_AUTO out;
    buffer_init(&out, SSH_SIGNATURE_TEXT_MAX);
    setenv("PATH", test_directory, 1);
    assert_int_equal(sign(&key, &out, &fault), KH_ERR_NOT_FOUND);
    assert_contains(fault.detail, "ssh-keygen is not installed");
    setenv("PATH", path, 1);
    free(path);
}

// A program of that name that is something else.
static void
test_what_is_no_signature(void **state)
{
    (void)state;
    struct ssh_key key = {.file = strdup("k")};
    char *path = strdup(getenv("PATH")), ours[512];
    static const char *const script[] = {"#!/bin/sh\necho hello\n", "#!/bin/sh\n",
                                         "#!/bin/sh\nwhile :; do echo 0123456789; done\n",
                                         "#!/bin/sh\ncat\n"};
    snprintf(ours, sizeof ours, "%s:%s", test_directory, path);
    setenv("PATH", ours, 1);
    for (size_t i = 0; i < sizeof script / sizeof script[0]; i++) {
        struct fault fault = {.err = KH_OK};
        BUFFER_AUTO out;
        buffer_init(&out, SSH_SIGNATURE_TEXT_MAX);
        write_file("ssh-keygen", script[i], 0700);
        assert_int_not_equal(sign(&key, &out, &fault), KH_OK);
        assert_int_equal(out.n, 0);
    }
    setenv("PATH", path, 1);
    free(path);
    free(key.file);
}

static void
put_string(struct buffer *out, const char *text)
{
    static const uint8_t zero[3];
    buffer_put(out, bytes_of(zero, 3));
    buffer_put_byte(out, (uint8_t)strlen(text));
    buffer_put_str(out, text);
}

static enum kh_err
check(const char *name_space, const char *algorithm, bool trailing)
{
    struct fault fault = {.err = KH_OK};
    BUFFER_AUTO blob;
    BUFFER_AUTO inner;
    BUFFER_AUTO armour;
    buffer_init(&blob, 1024);
    buffer_init(&inner, 256);
    buffer_init(&armour, 2048);
    put_string(&inner, algorithm);
    put_string(&inner, "signature");
    buffer_put_byte(&inner, 0);
    inner.n--;
    buffer_put(&blob, BYTES("SSHSIG\0\0\0\1"));
    put_string(&blob, "key");
    put_string(&blob, name_space);
    put_string(&blob, "");
    put_string(&blob, "sha512");
    static const uint8_t zero[3];
    buffer_put(&blob, bytes_of(zero, 3));
    buffer_put_byte(&blob, (uint8_t)inner.n);
    buffer_put(&blob, buffer_bytes(&inner));
    if (trailing)
        buffer_put_byte(&blob, 0);
    buffer_put_str(&armour, "-----BEGIN SSH SIGNATURE-----\n");
    base64_encode(BASE64_STANDARD, buffer_bytes(&blob), &armour);
    buffer_put_str(&armour, "\n-----END SSH SIGNATURE-----\n");
    return ssh_signature_check(buffer_bytes(&armour), NAMESPACE, &fault);
}

static void
test_signatures_that_are_not_ours(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    assert_int_equal(check(NAMESPACE, "rsa-sha2-512", false), KH_OK);
    assert_int_equal(check(NAMESPACE, "ssh-rsa", false), KH_ERR_PROTOCOL); // SHA-1
    assert_int_equal(check("git", "rsa-sha2-512", false), KH_ERR_PROTOCOL);
    assert_int_equal(check(NAMESPACE, "rsa-sha2-512", true), KH_ERR_PROTOCOL);
    static const char *const armour[] = {
        "",
        "-----BEGIN SSH SIGNATURE-----\n",
        "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n",
        "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n",
        "-----BEGIN SSH SIGNATURE-----\n!\n-----END SSH SIGNATURE-----\n",
        "-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAf////8=\n-----END SSH SIGNATURE-----\n"};
    for (size_t i = 0; i < sizeof armour / sizeof armour[0]; i++)
        assert_int_equal(ssh_signature_check(bytes_str(armour[i]), NAMESPACE, &fault),
                         KH_ERR_PROTOCOL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signatures_that_are_not_ours),
        cmocka_unit_test_setup_teardown(test_key_is_missing, test_ssh_setup, test_ssh_teardown),
        cmocka_unit_test_setup_teardown(test_openssh_is_missing, test_ssh_setup, test_ssh_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_signature, test_ssh_setup,
                                        test_ssh_teardown),
        cmocka_unit_test_setup_teardown(test_key_files, test_ssh_setup, test_ssh_teardown),
        cmocka_unit_test_setup_teardown(test_agent, test_ssh_setup, test_ssh_teardown),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
