/* SPDX-License-Identifier: Apache-2.0 */
/* The software authenticator behind a socket: libfido2's I/O functions, presence, being unplugged.
 */

#include "fido.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "../../support/softauthn_server.h"

struct process {
    pid_t pid;
    int control, events;
    const char *path;
};

static void
say(const struct process *p, const char *line)
{
    assert_int_equal(write(p->control, line, strlen(line)), strlen(line));
}

/* The next line of what happens; a minute without one is a failure. */
static void
expect_event(const struct process *p, const char *wanted)
{
    char line[64] = "";
    for (size_t n = 0; n < sizeof(line) - 1; n++) {
        struct pollfd wait = {.fd = p->events, .events = POLLIN};
        if (poll(&wait, 1, 60000) <= 0 || read(p->events, line + n, 1) != 1)
            fail_msg("waited for \"%s\", got \"%s\" and no more", wanted, line);
        if (line[n] != '\n')
            continue;
        line[n] = '\0';
        assert_string_equal(line, wanted);
        return;
    }
    fail_msg("too long a line: %s", line);
}

static struct process
begin(struct softauthn_server_options options)
{
    int control[2], events[2];
    assert_int_equal(pipe(control), 0);
    assert_int_equal(pipe(events), 0);
    options.path = test_path("key");
    options.control = control[0];
    options.events = events[1];
    if (options.presence == NULL)
        options.presence = "auto";
    struct process p = {.pid = fork(), .control = control[1], .events = events[0]};
    assert_true(p.pid >= 0);
    if (p.pid == 0) {
        close(control[1]);
        close(events[0]);
        fprintf(stderr, "softauthn: %s\n", softauthn_serve(&options));
        _exit(1);
    }
    close(control[0]);
    close(events[1]);
    p.path = options.path;
    expect_event(&p, "ready");
    return p;
}

static void
end(struct process *p)
{
    int status = -1;
    kill(p->pid, SIGTERM);
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(access(p->path, F_OK), -1); // a key that is not there has no device
    close(p->control);
    close(p->events);
}

static void
test_bad_options(void **state)
{
    (void)state;
    assert_false(softauthn_presence_known(""));
    assert_false(softauthn_presence_known("file:"));
    assert_false(softauthn_presence_known("Auto"));
    assert_true(softauthn_presence_known("file:/x"));
    struct softauthn_server_options options = {.presence = "sometimes", .path = test_path("x")};
    assert_non_null(softauthn_serve(&options));
    assert_null(softauthn_fido_connect(test_path("nobody")));
}

static void
test_register_and_assert(void **state)
{
    (void)state;
    for (int format = SOFTAUTHN_PACKED; format <= SOFTAUTHN_U2F; format += SOFTAUTHN_U2F) {
        struct process p = begin((struct softauthn_server_options){
            .authenticator.format = (enum softauthn_format)format, .root = test_path("root.pem")});
        assert_int_equal(access(test_path("root.pem"), R_OK), 0);
        fido_dev_t *dev = softauthn_fido_connect(p.path);
        assert_non_null(dev);
        fido_cred_t *cred = new_cred(COSE_ES256);
        assert_fido(FIDO_OK, fido_dev_make_cred(dev, cred, NULL));
        expect_event(&p, "touched");
        assert_fido(FIDO_OK, verify_cred(cred));
        close_dev(&dev);
        // another client, later
        dev = softauthn_fido_connect(p.path);
        assert_non_null(dev);
        fido_assert_t *assert = new_assert(cred);
        assert_fido(FIDO_OK, fido_dev_get_assert(dev, assert, NULL));
        assert_fido(FIDO_OK, verify_assert(assert, cred));
        fido_assert_free(&assert);
        fido_cred_free(&cred);
        close_dev(&dev);
        end(&p);
    }
}

static void
test_refuse_and_time_out(void **state)
{
    (void)state;
    struct process p = begin((struct softauthn_server_options){.presence = "deny"});
    fido_dev_t *dev = softauthn_fido_connect(p.path);
    fido_cred_t *cred = new_cred(COSE_ES256);
    assert_fido(FIDO_ERR_OPERATION_DENIED, fido_dev_make_cred(dev, cred, NULL));
    expect_event(&p, "denied");
    say(&p, "presence timeout\n");
    assert_fido(FIDO_ERR_USER_ACTION_TIMEOUT, fido_dev_make_cred(dev, cred, NULL));
    expect_event(&p, "waiting");
    expect_event(&p, "timeout");
    say(&p, "presence tomorrow\n");
    expect_event(&p, "what?");
    say(&p, "presence auto\nlie rphash\n");
    assert_fido(FIDO_OK, fido_dev_make_cred(dev, cred, NULL));
    expect_event(&p, "touched");
    assert_int_not_equal(fido_cred_verify(cred), FIDO_OK);
    fido_cred_free(&cred);
    close_dev(&dev);
    end(&p);
}

/* A child makes a credential and ends with libfido2's status; a signal makes it cancel. */
enum { NOT_OF_THE_KEY = 254 }; /* libfido2's own errors are negative */
static fido_dev_t *child_dev;

static void
cancel(int signal_number)
{
    (void)signal_number;
    fido_dev_cancel(child_dev);
}

static pid_t
make_in_child(const char *path)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    child_dev = softauthn_fido_connect(path);
    if (child_dev == NULL)
        _exit(255);
    signal(SIGUSR1, cancel);
    fido_cred_t *cred = new_cred(COSE_ES256);
    int r = fido_dev_make_cred(child_dev, cred, NULL);
    if (r == FIDO_OK)
        r = fido_cred_verify(cred);
    _exit(r < 0 ? NOT_OF_THE_KEY : r);
}

static int
status_of(pid_t pid)
{
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
test_touch_by_line_and_file(void **state)
{
    (void)state;
    struct process p = begin((struct softauthn_server_options){.presence = "line"});
    pid_t child = make_in_child(p.path);
    expect_event(&p, "waiting");
    say(&p, "touch\n");
    expect_event(&p, "touched");
    assert_fido(FIDO_OK, status_of(child));

    child = make_in_child(p.path);
    expect_event(&p, "waiting");
    say(&p, "deny\n");
    expect_event(&p, "denied");
    assert_fido(FIDO_ERR_OPERATION_DENIED, status_of(child));

    char line[200];
    snprintf(line, sizeof(line), "presence file:%s\nwhat is that\n", test_path("touch"));
    say(&p, line);
    expect_event(&p, "what?");
    child = make_in_child(p.path);
    expect_event(&p, "waiting");
    write_file("touch", "", 0600);
    expect_event(&p, "touched");
    assert_fido(FIDO_OK, status_of(child));
    assert_int_equal(access(test_path("touch"), F_OK), -1);
    end(&p);
}

static void
test_cancel(void **state)
{
    (void)state;
    struct process p = begin((struct softauthn_server_options){.presence = "never"});
    pid_t child = make_in_child(p.path);
    expect_event(&p, "waiting");
    kill(child, SIGUSR1);
    expect_event(&p, "cancelled");
    assert_fido(FIDO_ERR_KEEPALIVE_CANCEL, status_of(child));
    // a client that goes away is waited for no longer
    child = make_in_child(p.path);
    expect_event(&p, "waiting");
    kill(child, SIGKILL);
    expect_event(&p, "cancelled");
    assert_int_equal(waitpid(child, NULL, 0), child);
    end(&p);
}

static void
test_unplugged_in_the_middle(void **state)
{
    (void)state;
    struct process p = begin((struct softauthn_server_options){.presence = "never"});
    pid_t child = make_in_child(p.path);
    expect_event(&p, "waiting");
    end(&p);
    assert_int_equal(status_of(child), NOT_OF_THE_KEY); // FIDO_ERR_RX: nobody answers any more
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_register_and_assert),
        cmocka_unit_test(test_refuse_and_time_out),
        cmocka_unit_test(test_touch_by_line_and_file),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_unplugged_in_the_middle),
    };
    fido_init(0);
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
