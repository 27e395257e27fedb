/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed backup: who can open it, what goes in, what a person is told; and its keys. */
#include "kept.h"

#include "../../../broker/backup_key.h"

static char key[BACKUP_KEY_TEXT_MAX];

static int
setup(void **state)
{
    uint8_t secret[BACKUP_KEY_SIZE], public[BACKUP_KEY_SIZE];
    backup_key_make(secret, public);
    backup_key_print(public, key);
    return kept_setup(state);
}

static const char *
with_key(const char *words)
{
    static char text[1024];
    snprintf(text, sizeof(text), "%s --to %s", words, key);
    return text;
}

static const char *
with_passphrase(const char *words, const char *passphrase)
{
    static char text[512];
    snprintf(text, sizeof(text), "%s --passphrase-fd %s", words, descriptor_of(passphrase));
    return text;
}

static void
nobody_could_open_it(void **state)
{
    (void)state;
    assert_refused("backup @file", "who is to open it?");
    assert_refused("backup @file --to me", "--to: ");
    // One that is none spoils the others: it would be sealed to fewer than were named.
    assert_refused(with_key("backup @file --to kb1_x"), "--to: ");
    assert_refused(with_passphrase("backup @file --to kb1_x", "long enough\n"), "--to: ");
}

// Whoever has the file can try as often as they like.
static void
a_passphrase_has_a_length(void **state)
{
    (void)state;
    assert_int_equal(call(with_passphrase("backup @file", "1234567\n")), EXIT_FAILED);
    assert_contains(captured.err, "at least 8 characters");
    assert_int_equal(call(with_passphrase("backup @file", "\n")), EXIT_FAILED);
    assert_int_equal(kept.runs, 0);
    assert_int_equal(call(with_passphrase("backup @file", "12345678\n")), EXIT_DONE);
    assert_given(" --passphrase-fd <12345678>");
}

static void
what_was_asked_is_what_is_done(void **state)
{
    (void)state;
    assert_int_equal(call(with_key("backup @file")), EXIT_DONE);
    assert_given(" backup --dir ");
    assert_given(test_path("file"));
    assert_given(with_key(""));
    assert_not_given("--force");
    assert_not_given("--without");
    assert_not_given("--config");
    assert_not_given("--passphrase-fd");

    assert_int_equal(call(with_key("backup @file --force --without-master-key --without-audit-log "
                                   "--config @other.yaml")),
                     EXIT_DONE);
    assert_given(" --force");
    assert_given(" --without-master-key");
    assert_given(" --without-audit-log");
    assert_given("/other.yaml");
    assert_int_equal(kept.runs, 2);
}

static void
several_can_open_it(void **state)
{
    char words[512];

    (void)state;
    snprintf(words, sizeof(words), "backup @file --to %s", key);
    assert_int_equal(call(with_passphrase(with_key(words), "correct horse\n")), EXIT_DONE);
    snprintf(words, sizeof(words), " --to %s --to %s --passphrase-fd <correct horse>", key, key);
    assert_given(words);
}

// Both would be written to standard output.
static void
a_report_is_not_mixed_with_a_backup(void **state)
{
    (void)state;
    assert_refused(with_key("backup - --json"), "not for one call");
    assert_int_equal(call(with_key("backup -")), EXIT_DONE);
    assert_string_equal(captured.out, "");
}

static void
a_person_is_told_that_the_master_key_is_elsewhere(void **state)
{
    (void)state;
    kept.report = "{\"file\":\"/b\",\"bytes\":12,\"schema\":5,\"master_key\":false,"
                  "\"sha256\":\"5ha\"}";
    assert_int_equal(call(with_key("backup @file")), EXIT_DONE);
    assert_contains(captured.err, "/b: 12 bytes");
    assert_contains(captured.err, "SHA-256 5ha");
    assert_contains(captured.err, "the master key is not in it");

    kept.report = "{\"file\":\"/b\",\"bytes\":12,\"schema\":5,\"master_key\":true}";
    assert_int_equal(call(with_key("backup @file")), EXIT_DONE);
    assert_null(strstr(captured.err, "the master key is not in it"));
    // A discharger alone has none.
    kept.report = "{\"file\":\"/b\",\"bytes\":12,\"schema\":0,\"master_key\":false}";
    assert_int_equal(call(with_key("backup @file")), EXIT_DONE);
    assert_null(strstr(captured.err, "the master key is not in it"));
}

static void
a_failure_is_nothing_else(void **state)
{
    (void)state;
    kept.status = EXIT_FAILED;
    assert_int_equal(call(with_key("backup @file --json")), EXIT_FAILED);
    assert_string_equal(captured.out, "");
}

static void
a_check_makes_none(void **state)
{
    (void)state;
    assert_int_equal(call(with_passphrase("backup --check @file", "short\n")), EXIT_DONE);
    assert_given(" restore --dir ");
    assert_given(" --check");
    assert_given(" --passphrase-fd <short>"); // as it was made, whatever its length
}

/* ---- backup key ---- */

static void
a_key_file_is_its_owner_s_and_the_other_half_is_printed(void **state)
{
    uint8_t secret[BACKUP_KEY_SIZE], public[BACKUP_KEY_SIZE];
    char text[256] = "", name[BACKUP_KEY_TEXT_MAX + 1];
    struct stat status;

    (void)state;
    assert_int_equal(call("backup key @backup.key"), EXIT_DONE);
    assert_int_equal(stat(test_path("backup.key"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    FILE *file = fopen(test_path("backup.key"), "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_int_equal(backup_key_parse_secret(bytes_str(text), secret, NULL), KH_OK);
    assert_int_equal(backup_key_public(secret, public), KH_OK);
    backup_key_print(public, name);
    strcat(name, "\n");
    assert_string_equal(captured.out, name);
    text[strcspn(text, "\n")] = '\0';
    assert_null(strstr(captured.err, text));
}

static void
a_key_file_is_never_overwritten(void **state)
{
    char text[16] = "";

    (void)state;
    write_file("backup.key", "precious", 0600);
    assert_int_equal(call("backup key @backup.key"), EXIT_FAILED);
    assert_string_equal(captured.out, "");
    assert_contains(captured.err, "never overwritten");
    FILE *file = fopen(test_path("backup.key"), "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_string_equal(text, "precious");
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, directory_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        test(nobody_could_open_it),
        test(a_passphrase_has_a_length),
        test(what_was_asked_is_what_is_done),
        test(several_can_open_it),
        test(a_report_is_not_mixed_with_a_backup),
        test(a_person_is_told_that_the_master_key_is_elsewhere),
        test(a_failure_is_nothing_else),
        test(a_check_makes_none),
        test(a_key_file_is_its_owner_s_and_the_other_half_is_printed),
        test(a_key_file_is_never_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
