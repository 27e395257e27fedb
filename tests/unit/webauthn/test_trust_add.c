/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates into the directory: all of a file or none of it, under their fingerprints. */
#include "forge.h"

#include <dirent.h>

static struct buffer pem;

static void
put_pem(X509 *certificate)
{
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    long n = BIO_get_mem_data(bio, &text);
    buffer_put(&pem, bytes_of(text, (size_t)n));
    BIO_free(bio);
}

static int
setup(void **state)
{
    buffer_init(&pem, 200000);
    return forge_setup(state);
}

static int
teardown(void **state)
{
    buffer_free(&pem);
    return forge_teardown(state);
}

static size_t
files_in(const char *name)
{
    size_t count = 0;
    DIR *directory = opendir(test_path(name));
    if (directory == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return count;
}

static void
test_into_a_directory_that_is_not_there(void **state)
{
    (void)state;
    struct webauthn_trust_certificate added[4];
    struct webauthn_trust *trust = NULL;
    struct fault fault = {0};
    struct stat status;
    size_t n = 0;
    char hex[80];
    buffer_clear(&pem);
    put_pem(forge_pki.middle);
    put_pem(forge_pki.root);
    for (int round = 0; round < 2; round++) { // again changes nothing
        assert_int_equal(webauthn_trust_add(test_path("discharger/roots"), buffer_bytes(&pem),
                                            added, 4, &n, &fault),
                         KH_OK);
        assert_int_equal(n, 2);
        assert_true(!added[0].root && added[1].root);
        assert_int_equal(files_in("discharger/roots"), 2);
    }
    assert_true(bytes_to_hex(bytes_of(added[0].sha256, 32), hex, sizeof(hex)));
    strcat(hex, ".pem");
    assert_string_equal(added[0].file, hex);
    assert_int_equal(stat(test_path("discharger"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(webauthn_trust_read(test_path("discharger/roots"), &trust, &fault), KH_OK);
    assert_int_equal(webauthn_trust_count(trust), 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(strlen(webauthn_trust_at(trust, i)->file), 68);
    webauthn_trust_free(&trust);
}

// Made by root for somebody else's discharger, who has to read it.
static void
test_whose_it_is(void **state)
{
    (void)state;
    struct webauthn_trust_certificate added[2];
    struct fault fault = {0};
    struct stat status;
    size_t n;
    char file[300];
    if (geteuid() != 0) {
        print_message("only root can make files for others\n");
        skip();
    }
    assert_int_equal(mkdir(test_path("other"), 0700), 0);
    assert_int_equal(chown(test_path("other"), 12345, 12346), 0);
    buffer_clear(&pem);
    put_pem(forge_pki.root);
    assert_int_equal(webauthn_trust_add(test_path("other/discharger/roots"), buffer_bytes(&pem),
                                        added, 2, &n, &fault),
                     KH_OK);
    snprintf(file, sizeof(file), "other/discharger/roots/%s", added[0].file);
    const char *const made[] = {"other/discharger", "other/discharger/roots", file};
    for (size_t i = 0; i < COUNT_OF(made); i++) {
        assert_int_equal(stat(test_path(made[i]), &status), 0);
        assert_int_equal(status.st_uid, 12345);
        assert_int_equal(status.st_gid, 12346);
    }
}

static void
test_all_or_none(void **state)
{
    (void)state;
    struct webauthn_trust_certificate added[4] = {{.expires_at = 5}};
    struct fault fault = {0};
    size_t n = 77;
    buffer_clear(&pem);
    put_pem(forge_pki.root);
    put_pem(forge_pki.leaf);
    assert_int_equal(
        webauthn_trust_add(test_path("none"), buffer_bytes(&pem), added, 4, &n, &fault),
        KH_ERR_CONFIG);
    assert_says(fault, "Forge EE 1: this is no CA certificate");
    assert_int_equal(webauthn_trust_add(test_path("none"), BYTES("x"), added, 4, &n, &fault),
                     KH_ERR_SYNTAX);
    assert_int_equal(n, 77);
    assert_int_equal(added[0].expires_at, 5);
    assert_int_equal(access(test_path("none"), F_OK), -1);
}

static void
test_at_most_as_many_as_there_is_room_for(void **state)
{
    (void)state;
    struct webauthn_trust_certificate added[2] = {[1] = {.expires_at = 5}};
    struct fault fault = {0};
    size_t n = 0;
    buffer_clear(&pem);
    put_pem(forge_pki.root);
    put_pem(forge_pki.middle);
    assert_int_equal(
        webauthn_trust_add(test_path("room"), buffer_bytes(&pem), added, 1, &n, &fault), KH_OK);
    assert_int_equal(n, 1);
    assert_int_equal(added[1].expires_at, 5);
    assert_int_equal(files_in("room"), 2);
}

static void
test_where_nothing_can_be_written(void **state)
{
    (void)state;
    struct webauthn_trust_certificate added[2];
    struct fault fault = {0};
    size_t n;
    buffer_clear(&pem);
    put_pem(forge_pki.root);
    write_file("file", "x", 0600);
    assert_int_equal(
        webauthn_trust_add(test_path("file"), buffer_bytes(&pem), added, 2, &n, &fault), KH_ERR_IO);
    assert_says(fault, "file");
    assert_int_equal(
        webauthn_trust_add(test_path("a/b/c"), buffer_bytes(&pem), added, 2, &n, &fault),
        KH_ERR_IO);
    assert_says(fault, "a/b/c");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_into_a_directory_that_is_not_there),
        cmocka_unit_test(test_whose_it_is),
        cmocka_unit_test(test_all_or_none),
        cmocka_unit_test(test_at_most_as_many_as_there_is_room_for),
        cmocka_unit_test(test_where_nothing_can_be_written),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
