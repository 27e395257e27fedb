/* SPDX-License-Identifier: Apache-2.0 */
/* The commands as a whole: usage, help, and what they say when they cannot. */
#include "support.h"

#include <glob.h>

#include "../../../broker/operator/operator.h"

static struct captured captured;

/* Words separated by spaces; %s is the test's directory. */
static int
keyholed(const char *line)
{
    static char text[1024];
    char *argv[32];
    int argc = 0;
    char format[512];
    snprintf(format, sizeof(format), "keyholed %s", line);
    text[0] = '\0';
    for (char *word = strtok(format, " "); word != NULL; word = strtok(NULL, " ")) {
        char *start = text + strlen(text) + (argc > 0 ? 1 : 0);
        if (argc > 0)
            start = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
        strcpy(start, strcmp(word, "%s") == 0 ? test_directory : word);
        argv[argc++] = start;
    }
    argv[argc] = NULL;
    capture_begin();
    int status = operator_main(argc, argv);
    capture_end(&captured);
    return status;
}

static void
usage_errors(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"", "usage: keyholed COMMAND"},
        {"mnit", "did you mean keyholed mint?"},
        {"credentail list", "did you mean keyholed credential list?"},
        {"credential lst", "did you mean keyholed credential list?"},
        {"credential", "keyholed credential add"},
        {"credential frobnicate", "there is no command credential frobnicate"},
        {"xyzzy", "keyholed help lists them"},
        {"help xyzzy", "there is no command xyzzy"},
        {"mint", "--credential is missing"},
        {"completion", "bash|zsh|fish is missing"},
        {"completion tcsh", "for which shell?"},
        {"mint --credential a --for 1x", "is no duration"},
        {"credential add", "NAME is missing"},
        {"credential add x", "--preset, or --host"},
        {"credential add x --host h --port 0", "--port"},
        {"credential add x --host h --foreign maybe", "refuse or pass"},
        {"credential add x --preset y --secret-fd z", "--secret-fd"},
        {"revoke", "what is to be revoked is missing"},
        {"revoke abc", "neither a token"},
        {"revoke --user a --credential b", "one thing at a time"},
        {"revoke - --user a", "one thing at a time"},
        {"revoke --user a --lineage", "--lineage goes with a token"},
        {"revoke --minted-before yesterday", "RFC 3339"},
        {"user", "keyholed user add"},
        {"user ad alice", "did you mean keyholed user add?"},
        {"user add", "NAME is missing"},
        {"invite", "NAME is missing"},
        {"authenticator remove alice", "USER NAME"},
        {"key retire x", "is no number"},
        {"audit tail -n x --dir %s", "-n"},
        {"audit query --decision maybe", "allow or deny"},
        {"audit query --since never", "neither a moment"},
        {"audit verify --head x --dir %s", "SEQ:HASH"},
        {"run --listen 8437", "ADDRESS:PORT"},
        {"run --listen 0.0.0.0:0", "plain HTTP on a network"},
        {"run --passphrase-fd x", "--passphrase-fd"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = keyholed(rows[i].line);
        if (status != EXIT_USAGE)
            fail_msg("keyholed %s: exit status %d, %s", rows[i].line, status, captured.err);
        if (strstr(captured.err, rows[i].says) == NULL)
            fail_msg("keyholed %s: expected \"%s\" in: %s", rows[i].line, rows[i].says,
                     captured.err);
        assert_string_equal(captured.out, "");
    }
}

static void
what_may_be_a_token_is_not_repeated(void **state)
{
    (void)state;
    assert_int_equal(keyholed("revok kh1_AgJ6AQAAAAEx"), EXIT_USAGE);
    assert_null(strstr(captured.err, "kh1_"));
    assert_int_equal(keyholed("revoke sk-live-pasted-into-the-wrong-window"), EXIT_USAGE);
    assert_null(strstr(captured.err, "pasted"));
}

static void
failures(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"status --dir %s", "no broker is running"},
        {"mint --credential a --dir %s", "no broker is running"},
        {"revoke 0123456789abcdef0123456789abcdef --dir %s", "no broker is running"},
        {"credential list --dir %s", "no broker is running"},
        {"key list --dir %s", "no broker is running"},
        {"ca show --dir %s", "no broker is running"},
        {"user add alice --dir %s", "no discharger is running"},
        {"user list --dir %s", "start it with keyholed run (or keyholed discharger run)"},
        {"invite alice --dir %s", "no discharger is running"},
        {"authenticator list --dir %s", "no discharger is running"},
        {"audit tail --dir %s", "no audit log"},
        {"audit query --dir %s", "no audit log"},
        {"audit verify --dir %s", "there is no audit log"},
        {"check --config /nonexistent.yaml --dir %s", "/nonexistent.yaml"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = keyholed(rows[i].line);
        if (status != EXIT_FAILED || strstr(captured.err, rows[i].says) == NULL)
            fail_msg("keyholed %s: exit status %d, %s", rows[i].line, status, captured.err);
        assert_string_equal(captured.out, "");
    }
}

/* What was begun and has no head is another matter than what was never begun. */
static void
verify_without_a_head(void **state)
{
    static const char *const names[] = {"audit.log", "audit.log.000000000001"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        write_file(names[i], "", 0600);
        assert_int_equal(keyholed("audit verify --dir %s"), EXIT_FAILED);
        assert_contains(captured.err, "audit.head is gone: ");
        unlink(test_path(names[i]));
    }
    assert_int_equal(keyholed("audit verify --dir %s"), EXIT_FAILED);
    assert_contains(captured.err, "a broker begins it when it first starts");
}

static void
check_names_the_line(void **state)
{
    (void)state;
    write_file("keyholed.yaml", "workers: 1\nwrokers: 2\n", 0600);
    assert_int_equal(keyholed("check --dir %s"), EXIT_FAILED);
    assert_contains(captured.err, "keyholed.yaml:2");
    write_file("keyholed.yaml", "workers: 1\n", 0600);
    assert_int_equal(keyholed("check --dir %s"), EXIT_DONE);
    assert_contains(captured.err, "ok");
    unlink(test_path("keyholed.yaml"));
    assert_int_equal(keyholed("check --dir %s"), EXIT_DONE);
    assert_contains(captured.err, "the defaults");
}

/* Every command has help with an example that begins as one would type it, and every option a text.
 */
static void
help_of_every_command(void **state)
{
    (void)state;
    assert_int_equal(keyholed("help"), EXIT_DONE);
    char all[sizeof(captured.out)];
    strcpy(all, captured.out);
    const struct operator_command *c;
    for (size_t i = 0; (c = operator_command_at(i)) != NULL; i++) {
        char line[128];
        assert_contains(all, c->name);
        assert_contains(c->examples, "  keyholed ");
        snprintf(line, sizeof(line), "%s --help", c->name);
        assert_int_equal(keyholed(line), EXIT_DONE);
        assert_string_equal(captured.err, "");
        snprintf(line, sizeof(line), "keyholed %s", c->name);
        assert_contains(c->examples, line);
        assert_contains(captured.out, c->examples);
        char before[sizeof(captured.out)];
        strcpy(before, captured.out);
        snprintf(line, sizeof(line), "help %s", c->name);
        assert_int_equal(keyholed(line), EXIT_DONE);
        assert_string_equal(captured.out, before);
        for (const struct operator_option *o = c->option; o != NULL && o->name != NULL; o++) {
            snprintf(line, sizeof(line), "--%s", o->name);
            assert_contains(captured.out, line);
            assert_true(strlen(o->help) >= 5);
        }
        snprintf(line, sizeof(line), "manual: keyholed-%.*s(8)\n", (int)strcspn(c->name, " "),
                 c->name);
        assert_contains(captured.out, line);
    }
}

static char page[65536];

/* The page of a command is called after its first word, by its file or in its list of names. */
static const char *
read_page(const char *command)
{
    static char path[256];
    char name[64];
    glob_t found;
    snprintf(name, sizeof(name), "\n.Nm keyholed-%.*s", (int)strcspn(command, " "), command);
    assert_int_equal(glob("docs/man/keyholed-*.8", 0, NULL, &found), 0);
    path[0] = '\0';
    for (size_t i = 0; path[0] == '\0' && i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "r");
        assert_non_null(file);
        page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
        fclose(file);
        const char *at = strstr(page, name);
        if (at != NULL && strchr(" \n", at[strlen(name)]) != NULL)
            snprintf(path, sizeof(path), "%s", found.gl_pathv[i]);
    }
    globfree(&found);
    if (path[0] == '\0')
        fail_msg("no manual is called keyholed-%.*s", (int)strcspn(command, " "), command);
    return path;
}

/* "Fl -name", or one more behind a comma. */
static bool
page_has_option(const char *name)
{
    char text[64];
    snprintf(text, sizeof(text), " -%s", name);
    for (const char *at = page; (at = strstr(at, text)) != NULL; at++)
        if (strchr(" \n", at[strlen(text)]) != NULL)
            return true;
    return false;
}

static bool
has_option(const struct operator_command *command, const char *name, size_t n)
{
    for (const struct operator_option *o = command->option; o != NULL && o->name != NULL; o++)
        if (strlen(o->name) == n && strncmp(o->name, name, n) == 0)
            return true;
    return false;
}

/* The manuals have every command and every option, */
static void
manual_has_every_command_and_option(void **state)
{
    (void)state;
    const struct operator_command *c;
    for (size_t i = 0; (c = operator_command_at(i)) != NULL; i++) {
        char text[128];
        const char *path = read_page(c->name);
        snprintf(text, sizeof(text), ".It Cm %s", c->name);
        if (strstr(page, text) == NULL && strstr(page, text + 4) == NULL)
            fail_msg("%s does not have \"%s\"", path, c->name);
        for (const struct operator_option *o = c->option; o != NULL && o->name != NULL; o++)
            if (!page_has_option(o->name))
                fail_msg("%s does not have --%s of %s", path, o->name, c->name);
    }
}

/* and none that there is not. */
static void
manual_has_no_other_option(void **state)
{
    (void)state;
    static const char *const common[] = {"dir", "color", "json", "help"};
    const struct operator_command *c, *other;
    for (size_t i = 0; (c = operator_command_at(i)) != NULL; i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s", read_page(c->name));
        for (const char *at = page; (at = strstr(at, "Fl -")) != NULL;) {
            // Of others it may speak, but not list them.
            bool own = at - page >= 4 && strncmp(at - 4, ".It ", 4) == 0;
            at += 4;
            size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-");
            bool known = false;
            for (size_t k = 0; k < sizeof(common) / sizeof(common[0]); k++)
                known = known || (strlen(common[k]) == n && strncmp(common[k], at, n) == 0);
            for (size_t k = 0; !known && (other = operator_command_at(k)) != NULL; k++) {
                char name[64];
                snprintf(name, sizeof(name), "\n.Nm keyholed-%.*s", (int)strcspn(other->name, " "),
                         other->name);
                known = (!own || strstr(page, name) != NULL) && has_option(other, at, n);
            }
            if (!known)
                fail_msg("%s has --%.*s, the program has not", path, (int)n, at);
        }
    }
}

static void
version(void **state)
{
    (void)state;
    assert_int_equal(keyholed("--version"), EXIT_DONE);
    assert_string_equal(captured.out, "keyholed " KEYHOLE_VERSION "\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_errors),
        cmocka_unit_test(what_may_be_a_token_is_not_repeated),
        cmocka_unit_test(failures),
        cmocka_unit_test(verify_without_a_head),
        cmocka_unit_test(check_names_the_line),
        cmocka_unit_test(help_of_every_command),
        cmocka_unit_test(manual_has_every_command_and_option),
        cmocka_unit_test(manual_has_no_other_option),
        cmocka_unit_test(version),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
