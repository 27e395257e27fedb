/* SPDX-License-Identifier: Apache-2.0 */
/* The broker of this machine: where it is, and its admin socket. */
#include "../../../client/local_broker.h"
#include "../scratch.h"
#include "client_test.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static void
test_directory_is_keyholeds(void **state)
{
    (void)state;
    char path[LOCAL_BROKER_PATH_MAX];
    struct fault fault = {.err = KH_OK};
    setenv("STATE_DIRECTORY", "/var/lib/a:/var/lib/b", 1);
    assert_ok(local_broker_directory(path, &fault));
    assert_string_equal(path, "/var/lib/a");
    setenv("STATE_DIRECTORY", "relative", 1); // is not trusted
    setenv("XDG_STATE_HOME", "/x", 1);
    assert_ok(local_broker_directory(path, &fault));
    assert_string_equal(path, geteuid() == 0 ? "/var/lib/keyholed" : "/x/keyholed");
    unsetenv("STATE_DIRECTORY");
    unsetenv("XDG_STATE_HOME");
}

static int
listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", test_path(name));
    unlink(address.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void
test_the_socket_that_somebody_listens_on(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct broker_address address = {0};
    int fd = listen_at("proxy.sock");
    assert_ok(local_broker_find(test_directory, true, &address, &fault));
    assert_string_equal(address.unix_path, test_path("proxy.sock"));
    broker_address_free(&address);
    close(fd); // a socket that is left over is none
    enum kh_err err = local_broker_find(test_directory, true, &address, &fault);
    if (err == KH_OK) { // a broker runs on this machine's port
        assert_string_equal(address.url, LOCAL_BROKER_URL);
        broker_address_free(&address);
    } else {
        assert_int_equal(err, KH_ERR_USAGE);
        assert_contains(fault.detail, "KEYHOLE_BROKER");
    }
}

static pid_t
answer_once(const char *answer)
{
    int fd = listen_at("admin.sock");
    pid_t pid = fork();
    if (pid == 0) {
        char line[4096];
        int client = accept(fd, NULL, NULL);
        size_t n = 0;
        while (n == 0 || line[n - 1] != '\n') {
            ssize_t part = read(client, line + n, sizeof line - 1 - n);
            if (part <= 0)
                _exit(2);
            n += (size_t)part;
        }
        line[n] = '\0';
        bool asked = strcmp(line, "{\"command\":\"mint\",\"credentials\":[\"a\",\"b\"],"
                                  "\"lifetime_s\":60}\n") == 0;
        if (write(client, answer, strlen(answer)) < 0)
            _exit(3);
        _exit(!asked);
    }
    close(fd);
    return pid;
}

static enum kh_err
mint(struct token **out, struct fault *fault)
{
    static const char *const credential[] = {"a", "b"};
    *fault = (struct fault){.err = KH_OK};
    return local_broker_mint(test_directory, credential, 2, 60, out, fault);
}

static void
expect_exit(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void
test_mints_that_fail(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *says;
        enum kh_err err;
    } row[] = {
        {"{\"ok\":false,\"code\":\"not-found\",\"message\":\"no a here\"}\n", "no a here",
         KH_ERR_DENIED},
        {"{\"ok\":true,\"result\":{}}\n", "not as documented", KH_ERR_PROTOCOL},
        {"{\"ok\":true,\"result\":{\"token\":\"kh1_x\"}}\n", "", KH_ERR_MALFORMED},
        {"nonsense\n", "not as documented", KH_ERR_PROTOCOL},
        {"{\"ok\":true", "no answer", KH_ERR_IO},
        {"", "no answer", KH_ERR_IO},
    };
    struct fault fault;
    struct token *token = NULL;
    unlink(test_path("admin.sock"));
    assert_int_equal(mint(&token, &fault), KH_ERR_NOT_FOUND);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        pid_t pid = answer_once(row[i].answer);
        enum kh_err err = mint(&token, &fault);
        if (err != row[i].err || strstr(fault.detail, row[i].says) == NULL)
            fail_msg("%s: %s: %s", row[i].answer, kh_err_code(err), fault.detail);
        assert_null(token);
        expect_exit(pid);
    }
}

static void
test_a_mint(void **state)
{
    (void)state;
    struct fault fault;
    struct token *token = NULL;
    char *text = test_mint(NULL), answer[TOKEN_TEXT_MAX + 100];
    snprintf(answer, sizeof answer, "{\"ok\":true,\"result\":{\"token\":\"%s\"}}\n", text);
    pid_t pid = answer_once(answer);
    assert_ok(mint(&token, &fault));
    expect_exit(pid);
    token_free(&token);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directory_is_keyholeds),
        cmocka_unit_test(test_the_socket_that_somebody_listens_on),
        cmocka_unit_test(test_mints_that_fail),
        cmocka_unit_test(test_a_mint),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
