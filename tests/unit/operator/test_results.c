/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands ask a broker for, and what they print of its answer: the result alone on
 * standard output, talk on standard error. The broker is a child that knows one exchange. */
#include "support.h"

#include "../../../broker/operator/operator.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct captured captured;

static const struct exchange {
    const char *arguments, *input, *asked, *answer;
    const char *out; /* "" or what standard output must be */
    const char *err; /* must be in standard error */
} exchanges[] = {
    {"mint --credential a --credential b --for 1h30m --user u --caveat x --prefix sk-", "",
     "{\"credentials\":[\"a\",\"b\"],\"user\":\"u\",\"lifetime_s\":5400,\"caveats\":[\"x\"],"
     "\"prefix\":\"sk-\",\"command\":\"mint\"}\n",
     "{\"token\":\"sk-kh1_x\",\"token_id\":\"00ff\",\"user\":\"u\",\"expires_at\":\"then\"}",
     "sk-kh1_x\n", "token 00ff for u, until then"},
    {"mint --credential a", "", "{\"credentials\":[\"a\"],\"command\":\"mint\"}\n",
     "{\"token\":\"kh1_x\"}", "kh1_x\n", ""},
    {"mint --credential a --json", "", "{\"credentials\":[\"a\"],\"command\":\"mint\"}\n",
     "{\"token\":\"kh1_x\"}", "{\"token\":\"kh1_x\"}\n", ""},
    {"revoke -", " kh1_token \n", "{\"token\":\"kh1_token\",\"command\":\"revoke\"}\n",
     "{\"revoked\":\"all of it\"}", "", "revoked: all of it"},
    {"revoke - --lineage", "kh1_token",
     "{\"token\":\"kh1_token\",\"lineage\":true,\"command\":\"revoke\"}\n", "{\"revoked\":\"it\"}",
     "", "revoked: it"},
    {"revoke 00112233445566778899aabbccddeeff", "",
     "{\"id\":\"00112233445566778899aabbccddeeff\",\"command\":\"revoke\"}\n", "{}", "",
     "revoked:"},
    {"revoke --lineage 00112233445566778899aabbccddeeff", "",
     "{\"lineage\":\"00112233445566778899aabbccddeeff\",\"command\":\"revoke\"}\n", "{}", "",
     "revoked:"},
    {"revoke --minted-before 2026-12-01T00:00:00Z", "",
     "{\"minted_before\":\"2026-12-01T00:00:00Z\",\"command\":\"revoke\"}\n", "{}", "", "revoked:"},
    {"revoke --user u", "", "{\"user\":\"u\",\"command\":\"revoke\"}\n", "{}", "", "revoked:"},
    {"revoke --credential c", "", "{\"credential\":\"c\",\"command\":\"revoke\"}\n", "{}", "",
     "revoked:"},
    {"credential add n --preset p --no-scrub --plain --foreign pass --port 1 --port 2", "key\n",
     "{\"name\":\"n\",\"preset\":\"p\",\"plain\":true,\"scrub\":false,\"foreign\":\"pass\","
     "\"ports\":[1,2],\"secret\":\"key\",\"command\":\"credential.add\"}\n",
     "{\"name\":\"n\"}", "", "n is stored"},
    {"credential add n --host h --slot bearer --inject basic --resolve r --allow-network c "
     "--path-exception x",
     "key",
     "{\"name\":\"n\",\"hosts\":[\"h\"],\"slots\":[\"bearer\"],\"inject\":\"basic\",\"resolve\":["
     "\"r\"],"
     "\"allow_networks\":[\"c\"],\"path_exceptions\":[\"x\"],\"secret\":\"key\","
     "\"command\":\"credential.add\"}\n",
     "{\"name\":\"n\"}", "", "n is stored"},
    {"credential rotate n", "new\n",
     "{\"name\":\"n\",\"secret\":\"new\",\"command\":\"credential.rotate\"}\n", "{}", "",
     "new secret"},
    {"credential set n --option a=b --option c=d --unset e --unset port --unset upstream-ca", "",
     "{\"name\":\"n\",\"options\":[\"a=b\",\"c=d\"],\"ports\":[],\"upstream_ca\":\"\","
     "\"unset\":[\"e\"],\"command\":\"credential.set\"}\n",
     "{\"changes\":[\"option a: none -> b\\u001b\"]}", "", "n: option a: none -> b\\x1b\n"},
    {"credential set n --host h --slot s --inject i --port 1 --resolve r --allow-network c "
     "--path-exception x --foreign pass --scrub --no-plain",
     "",
     "{\"name\":\"n\",\"hosts\":[\"h\"],\"slots\":[\"s\"],\"inject\":\"i\",\"resolve\":[\"r\"],"
     "\"allow_networks\":[\"c\"],\"path_exceptions\":[\"x\"],\"foreign\":\"pass\",\"ports\":[1],"
     "\"plain\":false,\"scrub\":true,\"command\":\"credential.set\"}\n",
     "{\"changes\":[]}", "", "n is as it was"},
    {"credential set n --plain --no-scrub --unset resolve --unset allow-network "
     "--unset path-exception --json",
     "",
     "{\"name\":\"n\",\"resolve\":[],\"allow_networks\":[],\"path_exceptions\":[],\"plain\":true,"
     "\"scrub\":false,\"command\":\"credential.set\"}\n",
     "{\"changes\":[]}", "{\"changes\":[]}\n", ""},
    {"credential disable n", "", "{\"name\":\"n\",\"command\":\"credential.disable\"}\n", "{}", "",
     "n is disabled"},
    {"credential enable n", "", "{\"name\":\"n\",\"command\":\"credential.enable\"}\n", "{}", "",
     "n is enabled"},
    {"credential remove n", "", "{\"name\":\"n\",\"command\":\"credential.remove\"}\n", "{}", "",
     "n is removed"},
    {"credential list", "", "{\"command\":\"credential.list\"}\n", "{\"credentials\":[]}", "",
     "no credentials"},
    {"credential list", "", "{\"command\":\"credential.list\"}\n",
     "{\"credentials\":[{\"name\":\"n\",\"enabled\":true,\"hosts\":[\"h\",\"i\"]},"
     "{\"name\":\"m\",\"enabled\":false,\"hosts\":[]}]}",
     "n                   enabled   h i\nm                   disabled  \n", ""},
    {"credential show n", "", "{\"name\":\"n\",\"command\":\"credential.show\"}\n",
     "{\"name\":\"n\",\"ports\":[443],\"slots\":[\"a\",\"b\"],\"resolve\":[],\"preset\":null,"
     "\"upstream_ca\":\"-----BEGIN CERTIFICATE-----\",\"scrub\":true,\"created_at\":\"\\u001b\"}",
     "name            n\nports           443\nslots           a\n                b\n"
     "upstream ca     PEM\nscrub           yes\ncreated at      \\x1b\n",
     ""},
    {"key rotate", "", "{\"command\":\"key.rotate\"}\n", "{\"id\":7}", "7\n", ""},
    {"key list", "", "{\"command\":\"key.list\"}\n",
     "{\"keys\":[{\"id\":1,\"created_at\":\"then\",\"retired_at\":\"now\",\"active\":false},"
     "{\"id\":2,\"created_at\":\"now\",\"active\":true}]}",
     "1     then                    retired now\n2     now                     active\n", ""},
    {"key retire 7", "", "{\"id\":7,\"command\":\"key.retire\"}\n", "{\"id\":7}", "",
     "key 7 is retired"},
    {"ca show", "", "{\"command\":\"ca.show\"}\n",
     "{\"pem\":\"PEM\\n\",\"expires_at\":\"then\",\"sha256\":\"ab\"}", "PEM\n", "SHA-256 ab"},
    {"policy apply - -m why", "version: 1\n",
     "{\"text\":\"version: 1\\n\",\"name\":\"standard-input\",\"comment\":\"why\","
     "\"command\":\"policy.apply\"}\n",
     "{\"version\":4,\"changes\":[\"grant g: removed\"],\"notes\":[]}", "",
     "  grant g: removed\npolicy version 4 is in force"},
    {"policy rollback 3 --json", "", "{\"version\":3,\"command\":\"policy.rollback\"}\n",
     "{\"version\":5}", "{\"version\":5}\n", ""},
    {"policy show", "", "{\"command\":\"policy.show\"}\n", "{\"text\":\"version: 1\\n\"}",
     "version: 1\n", ""},
    {"policy show 0", "", "{\"version\":0,\"command\":\"policy.show\"}\n", "{\"text\":\"\"}", "",
     "no policy"},
    {"policy list", "", "{\"command\":\"policy.list\"}\n",
     "{\"active\":2,\"versions\":[{\"version\":2,\"applied_at\":\"now\",\"uid\":5,\"active\":true,"
     "\"comment\":\"a\\u001b\",\"restores\":0,\"changes\":[\"grant g: added\"]}]}",
     "2     now  uid 5  as version 0 was  in force  a\\x1b\n      grant g: added\n", ""},
    {"policy list", "", "{\"command\":\"policy.list\"}\n", "{\"active\":0,\"versions\":[]}", "",
     "no policy was ever applied"},
    {"policy check -", "version: 1\ngrants: [{name: g, to: [everyone], credentials: [x]}]\n",
     "{\"text\":\"version: 1\\ngrants: [{name: g, to: [everyone], credentials: [x]}]\\n\","
     "\"name\":\"standard-input\",\"command\":\"policy.check\"}\n",
     "{\"notes\":[\"g: there is no credential x\"]}", "",
     "note: g: there is no credential x\nstandard-input: fine: 1 grants"},
    {"policy test", "", "{\"command\":\"policy.show\"}\n",
     "{\"text\":\"version: 1\\ntests: [{request: GET https://a.example/, user: u, credential: c, "
     "expect: deny}]\"}",
     "ok    policy:2  test 1: GET https://a.example/, u: deny\n", "1 passed, 0 failed"},
    {"explain - --request GET --header a:b --client unix --at then --credential c", " kh1_t \n",
     "{\"token\":\"kh1_t\",\"request\":\"GET\",\"credential\":\"c\",\"headers\":[\"a:b\"],"
     "\"client\":\"unix\",\"time\":\"then\",\"command\":\"explain\"}\n",
     "{\"verdict\":\"allow\",\"policy\":null}",
     "allow\n\nChecks\n\nNo caveats\n\nNo policy: whatever the operator minted is granted\n", ""},
    {"user add alice", "", "{\"name\":\"alice\",\"command\":\"user.add\"}\n",
     "{\"name\":\"alice\"}", "", "keyholed invite alice"},
    {"user remove alice", "", "{\"name\":\"alice\",\"command\":\"user.remove\"}\n",
     "{\"name\":\"alice\"}", "", "keyholed revoke --user alice"},
    {"user list", "", "{\"command\":\"user.list\"}\n", "{\"users\":[]}", "", "no users"},
    {"user list", "", "{\"command\":\"user.list\"}\n",
     "{\"users\":[{\"name\":\"alice\",\"created_at\":\"then\",\"authenticators\":1},"
     "{\"name\":\"bob\",\"created_at\":\"now\",\"authenticators\":0}]}",
     "alice                   then                    1 authenticator\n"
     "bob                     now                     0 authenticators\n",
     ""},
    {"invite alice", "", "{\"user\":\"alice\",\"command\":\"invite\"}\n",
     "{\"code\":\"K7QF-2M9X-0TRB\",\"url\":\"http://localhost:8438/enroll\","
     "\"expires_at\":\"then\"}",
     "K7QF-2M9X-0TRB\n",
     "until then, for alice to register a security key or an SSH key:\n"
     "  keyhole enroll --discharger http://localhost:8438 --code CODE\n"
     "  http://localhost:8438/enroll in a browser\n"},
    {"invite alice --json", "", "{\"user\":\"alice\",\"command\":\"invite\"}\n",
     "{\"code\":\"K7QF\"}", "{\"code\":\"K7QF\"}\n", ""},
    {"authenticator list --user alice", "",
     "{\"user\":\"alice\",\"command\":\"authenticator.list\"}\n",
     "{\"authenticators\":[{\"user\":\"alice\",\"name\":\"blue\\u001b\",\"kind\":\"fido2\","
     "\"yubikey\":true,\"attested\":true,\"firmware\":\"5.7.4\",\"credential\":\"ab\","
     "\"used_at\":\"then\",\"cloned_at\":\"now\"},"
     "{\"user\":\"alice\",\"name\":\"laptop\",\"kind\":\"ssh\",\"credential\":\"cd\"}]}",
     "alice           blue\\x1b                   fido2   YubiKey 5.7.4   credential ab  used "
     "then  blocked since now: there may be a copy of it\n"
     "alice           laptop                  ssh                     credential cd  never used\n",
     ""},
    {"authenticator list", "", "{\"command\":\"authenticator.list\"}\n", "{\"authenticators\":[]}",
     "", "no authenticators"},
    {"authenticator remove alice blue", "",
     "{\"user\":\"alice\",\"name\":\"blue\",\"command\":\"authenticator.remove\"}\n",
     "{\"user\":\"alice\",\"name\":\"blue\"}", "", "blue of alice is removed"},
};

/* ---- the broker ---- */

_Noreturn static void
answer_once(int fd, const struct exchange *exchange)
{
    char text[4096];
    size_t n = 0;
    int peer = accept(fd, NULL, NULL);
    while (n < sizeof(text) - 1 && (n == 0 || text[n - 1] != '\n')) {
        ssize_t got = read(peer, text + n, sizeof(text) - 1 - n);
        if (got <= 0)
            _exit(2);
        n += (size_t)got;
    }
    text[n] = '\0';
    bool right = strcmp(text, exchange->asked) == 0;
    n = (size_t)snprintf(text, sizeof(text), "{\"ok\":true,\"result\":%s}\n", exchange->answer);
    if (write(peer, text, n) != (ssize_t)n)
        _exit(3);
    _exit(right ? 0 : 1);
}

// Those who ask about people ask the discharger.
static const char *
socket_of(const struct exchange *exchange)
{
    static const char *const people[] = {"user ", "invite ", "authenticator "};
    for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++)
        if (strncmp(exchange->arguments, people[i], strlen(people[i])) == 0)
            return "discharger.sock";
    return "admin.sock";
}

static pid_t
broker(const struct exchange *exchange)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, test_path(socket_of(exchange)));
    unlink(address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    pid_t pid = fork();
    if (pid == 0)
        answer_once(fd, exchange);
    close(fd);
    return pid;
}

/* ---- the command ---- */

static int
command(const struct exchange *exchange)
{
    char text[512];
    char *argv[48] = {(char *)(uintptr_t) "keyholed"};
    int argc = 1, ends[2], before = dup(STDIN_FILENO);
    strcpy(text, exchange->arguments);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc++] = (char *)(uintptr_t) "--dir";
    argv[argc++] = test_directory;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], exchange->input, strlen(exchange->input)),
                     strlen(exchange->input));
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    capture_begin();
    int status = operator_main(argc, argv);
    capture_end(&captured);
    dup2(before, STDIN_FILENO);
    close(before);
    return status;
}

static void
each_exchange(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
        const struct exchange *exchange = &exchanges[i];
        int answered = -1;
        pid_t pid = broker(exchange);
        int status = command(exchange);
        assert_int_equal(waitpid(pid, &answered, 0), pid);
        if (answered != 0)
            fail_msg("keyholed %s: asked for something else than %s", exchange->arguments,
                     exchange->asked);
        if (status != EXIT_DONE || strcmp(captured.out, exchange->out) != 0 ||
            strstr(captured.err, exchange->err) == NULL)
            fail_msg("keyholed %s: exit status %d\nstdout: %s\nstderr: %s", exchange->arguments,
                     status, captured.out, captured.err);
    }
}

static void
status_for_people(void **state)
{
    (void)state;
    static const struct exchange exchange = {
        "status",
        "",
        "{\"command\":\"status\"}\n",
        "{\"version\":\"9.9\",\"started_at\":\"2026-11-21T18:00:00Z\",\"listeners\":[\"http=a\","
        "\"unix=b\"],"
        "\"processes\":[{\"role\":\"proxy\",\"index\":1,\"pid\":77,\"running\":true,\"restarts\":2,"
        "\"note\":\"signal "
        "9\"}],\"credentials\":3,\"tokens_minted\":4,\"revocations\":5,\"keys\":1,"
        "\"decisions\":{\"allow\":6,\"deny\":7},\"audit\":{\"seq\":8,\"hash\":\"ab\",\"file\":"
        "\"f\"}}",
        "",
        ""};
    int answered;
    pid_t pid = broker(&exchange);
    // Its audit log is not there, so something is wrong.
    assert_int_equal(command(&exchange), EXIT_FAILED);
    waitpid(pid, &answered, 0);
    static const char *const words[] = {"9.9",     "http=a", "unix=b",   "proxy 1",
                                        "running", "77",     "signal 9", "6 allowed, 7 denied",
                                        "8:ab"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_contains(captured.out, words[i]);
}

static void
status_as_json(void **state)
{
    (void)state;
    static const struct exchange exchange = {
        "status --json", "", "{\"command\":\"status\"}\n", "{\"version\":\"1\"}", "", ""};
    int answered;
    pid_t pid = broker(&exchange);
    assert_int_equal(command(&exchange), EXIT_FAILED);
    waitpid(pid, &answered, 0);
    assert_contains(captured.out, "{\"version\":\"1\",\"role\":\"broker\",");
    assert_contains(captured.out, "\"health\":{\"ok\":false,\"wrong\":[{\"what\":");
}

static void
a_secret_that_is_not_there(void **state)
{
    (void)state;
    static const struct exchange exchange = {"credential add n --preset p", "\n", "", "", "", ""};
    unlink(test_path("admin.sock"));
    assert_int_equal(command(&exchange), EXIT_FAILED);
    assert_contains(captured.err, "nothing was given");
    static const struct exchange no_ca = {
        "credential add n --preset p --upstream-ca /nonexistent", "key", "", "", "", ""};
    assert_int_equal(command(&no_ca), EXIT_FAILED);
    assert_contains(captured.err, "--upstream-ca: /nonexistent");
    assert_null(strstr(captured.err, "key\n"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_that_is_not_there),
        cmocka_unit_test(each_exchange),
        cmocka_unit_test(status_as_json),
        cmocka_unit_test(status_for_people),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
