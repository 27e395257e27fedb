/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/master_key_change.h"

#include <signal.h>
#include <sys/wait.h>

#define PASSPHRASE "over the rainbow"

/* ---- killed at the Nth call that changes what is on the disk, sqlite's among them ---- */

static unsigned long step, kill_at; // 0: never

static void
count_step(void)
{
    if (kill_at && ++step == kill_at)
        (void)kill(getpid(), SIGKILL);
}

#define STEPS_OF_WRITES
#include "../../support/steps.h"

/* ---- keys ---- */

static struct secret *
secret_of(const char *text)
{
    struct secret *secret = NULL;
    assert_ok(secret_new(bytes_str(text), &secret, fault));
    return secret;
}

static char *
key_text(void)
{
    struct buffer text;
    struct bytes hex = fixture_read(fixture_path("state/" MASTER_KEY_FILE), &text);
    char *copy = strndup((const char *)hex.p, hex.n);
    buffer_free(&text);
    return copy;
}

static enum kh_err
try_open(struct secret *passphrase, struct secret *key, struct fault *fault)
{
    static struct authority authority;
    struct master_key_source source = fixture_source();
    source.passphrase = passphrase;
    source.key = key;
    enum kh_err err = authority_open(&authority, &source, clock_manual(FIXTURE_NOW), fault);
    // What is sealed is open as well: a credential and an earlier secret.
    if (!err) {
        assert_int_equal(authority.credentials.count, 1);
        assert_true(bytes_equal(secret_bytes(authority.credentials.item[0]->secret),
                                BYTES("sk-canary-second")));
        assert_non_null(root_keys_active(&authority.keys));
    }
    authority_close(&authority);
    return err;
}

static void
make_state(void)
{
    static struct authority authority;
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    json_decref(fixture_do(&authority, "{\"command\": \"key.rotate\"}"));
    json_decref(fixture_do(&authority, "{\"command\": \"credential.rotate\", \"name\": \"openai\", "
                                       "\"secret\": \"sk-canary-second\", \"grace_s\": 3600}"));
    authority_close(&authority);
}

static enum kh_err
change(struct secret *old_passphrase, const struct master_key_target *target, struct fault *fault)
{
    static struct authority authority;
    struct master_key_source source = fixture_source();
    source.passphrase = old_passphrase;
    enum kh_err err = authority_open(&authority, &source, clock_manual(FIXTURE_NOW), fault);
    if (!err)
        err = master_key_change(&authority, target, fault);
    authority_close(&authority);
    return err;
}

static void
to_another_file(void **state)
{
    const struct master_key_target target = {.cost = fixture_cost};
    (void)state;
    make_state();
    char *before = key_text();
    char old_name[256];
    snprintf(old_name, sizeof old_name, "%s", fixture_path("old"));
    assert_int_equal(link(fixture_path("state/" MASTER_KEY_FILE), old_name), 0);
    assert_ok(change(NULL, &target, fault));
    char *after = key_text();
    // Not only its name is gone: where it stood there is nothing of it.
    struct buffer rest;
    struct bytes left = fixture_read(fixture_path("old"), &rest);
    assert_int_equal(left.n, strlen(before));
    for (size_t i = 0; i < left.n; i++)
        assert_int_equal(left.p[i], 0);
    buffer_free(&rest);
    assert_string_not_equal(before, after);
    assert_ok(try_open(NULL, NULL, fault));
    // The old key opens nothing any more.
    SECRET_AUTO *old = NULL;
    assert_ok(master_key_parse(bytes_str(before), "old", &old, fault));
    assert_fault(try_open(NULL, old, fault), KH_ERR_MASTER_KEY, "is not the master key");
    free(before);
    free(after);
}

static void
to_a_passphrase_and_back(void **state)
{
    SECRET_AUTO *passphrase = secret_of(PASSPHRASE);
    const struct master_key_target to_passphrase = {.passphrase = passphrase, .cost = fixture_cost};
    const struct master_key_target to_file = {.cost = fixture_cost};
    struct stat st;
    (void)state;
    make_state();
    assert_ok(change(NULL, &to_passphrase, fault));
    assert_int_not_equal(stat(fixture_path("state/" MASTER_KEY_FILE), &st), 0);
    assert_fault(try_open(NULL, NULL, fault), KH_ERR_MASTER_KEY, "made with a passphrase");
    assert_ok(try_open(passphrase, NULL, fault));
    assert_ok(change(passphrase, &to_passphrase, fault)); // another salt, another key
    assert_ok(change(passphrase, &to_file, fault));
    assert_ok(try_open(NULL, NULL, fault));
}

static void
the_same_key_is_none(void **state)
{
    SECRET_AUTO *key = NULL;
    (void)state;
    make_state();
    char *text = key_text();
    assert_ok(master_key_parse(bytes_str(text), "key", &key, fault));
    const struct master_key_target target = {.key = key, .cost = fixture_cost};
    assert_fault(change(NULL, &target, fault), KH_ERR_EXISTS, "already");
    assert_ok(try_open(NULL, NULL, fault));
    free(text);
}

// Every column that is sealed is known to store_sealed_change.
static void
every_sealed_column(void **state)
{
    static const char *const known[] = {"root_key", "credential", "credential_previous"};
    const char *const names[] = {"schema/sql/0001_state.sql",
                                 "schema/sql/0005_credential_previous.sql"};
    size_t found = 0;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct buffer text;
        struct bytes rest = fixture_read(names[i], &text), line;
        while (bytes_cut(&rest, '\n', &line))
            found += bytes_starts(bytes_trim(line), BYTES("sealed "));
        buffer_free(&text);
    }
    assert_int_equal(found, sizeof known / sizeof known[0]);
}

/* ---- kill -9 ---- */

static void
remove_state(void)
{
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", fixture_path("state"));
    assert_int_equal(system(command), 0);
}

static bool
killed_at(unsigned long n, struct secret *old_passphrase, const struct master_key_target *target)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        // No child sees the secrets of its parent.
        struct secret *passphrase = secret_of(PASSPHRASE);
        const struct master_key_target own = {.passphrase = target->passphrase ? passphrase : NULL,
                                              .cost = target->cost};
        kill_at = n;
        struct fault why = {0};
        bool changed = change(old_passphrase ? passphrase : NULL, &own, &why) == KH_OK;
        if (!changed)
            print_error("step %lu: %s\n", n, why.detail);
        secret_free(&passphrase);
        _exit(changed ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        return true;
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

// Old or new, never neither; and what is left after the next start is one key file at most.
static void
kill_everywhere(struct secret *old_passphrase, const struct master_key_target *target)
{
    unsigned long n = 1, with_old = 0, with_new = 0;
    for (bool killed = true; killed; n++) {
        remove_state();
        make_state();
        if (old_passphrase) {
            const struct master_key_target first = {.passphrase = old_passphrase,
                                                    .cost = fixture_cost};
            assert_ok(change(NULL, &first, fault));
        }
        killed = killed_at(n, old_passphrase, target);
        bool old = old_passphrase ? try_open(old_passphrase, NULL, NULL) == KH_OK : false;
        struct fault why = {0};
        bool new = try_open(target->passphrase, target->key, &why) == KH_OK;
        if (!old_passphrase && !target->passphrase && !target->key)
            old = !new; // both are the file: one of them it is
        else if (!old_passphrase)
            old = try_open(NULL, NULL, NULL) == KH_OK;
        if (old == new && (target->passphrase || target->key || old_passphrase))
            print_error("killed at step %lu: old %d, new %d: %s\n", n, old, new, why.detail);
        assert_true(old || new);
        struct stat st;
        assert_int_not_equal(stat(fixture_path("state/" MASTER_KEY_FILE_NEW), &st), 0);
        if (target->passphrase && new)
            assert_int_not_equal(stat(fixture_path("state/" MASTER_KEY_FILE), &st), 0);
        with_old += old && !new;
        with_new += new;
    }
    assert_true(n > 20);
    assert_true(with_new > 1);
    (void)with_old;
}

static void
killed_from_file_to_file(void **state)
{
    const struct master_key_target target = {.cost = fixture_cost};
    (void)state;
    fixture_create();
    kill_everywhere(NULL, &target);
}

static void
killed_from_file_to_passphrase(void **state)
{
    SECRET_AUTO *passphrase = secret_of(PASSPHRASE);
    const struct master_key_target target = {.passphrase = passphrase, .cost = fixture_cost};
    (void)state;
    fixture_create();
    kill_everywhere(NULL, &target);
}

static void
killed_from_passphrase_to_file(void **state)
{
    SECRET_AUTO *passphrase = secret_of(PASSPHRASE);
    const struct master_key_target target = {.cost = fixture_cost};
    (void)state;
    fixture_create();
    kill_everywhere(passphrase, &target);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(to_another_file),
        fixture_test(to_a_passphrase_and_back),
        fixture_test(the_same_key_is_none),
        fixture_test(every_sealed_column),
        fixture_test(killed_from_file_to_file),
        fixture_test(killed_from_file_to_passphrase),
        fixture_test(killed_from_passphrase_to_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
