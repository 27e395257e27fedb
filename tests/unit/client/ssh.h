/* SPDX-License-Identifier: Apache-2.0
 *
 * SSH keys and an agent of a test's own: nothing of whoever runs it is used.
 */
#ifndef KEYHOLE_CLIENT_SSH_TEST_H
#define KEYHOLE_CLIENT_SSH_TEST_H

#include "../scratch.h"
#include "client_test.h"

#include <signal.h>
#include <sys/types.h>

static pid_t test_agent_pid = -1;

static inline void
test_shell(const char *format, const char *a, const char *b)
{
    char command[1024];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(command, sizeof command, format, a, b);
#pragma GCC diagnostic pop
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

/* A key pair in `test_directory`; gives the path of the private half. */
static inline const char *
test_ssh_key(const char *name, const char *options)
{
    char command[512];
    snprintf(command, sizeof command, "ssh-keygen -q %s -N '' -C '%s key' -f '%s'", options, name,
             test_path(name));
    if (system(command) != 0)
        fail_msg("failed: %s", command);
    return test_path(name);
}

/* A home without keys, and no agent. */
static inline int
test_ssh_setup(void **state)
{
    if (directory_setup(state) != 0)
        return -1;
    setenv("HOME", test_directory, 1);
    unsetenv("SSH_AUTH_SOCK");
    unsetenv("SSH_ASKPASS");
    unsetenv("DISPLAY");
    return mkdir(test_path(".ssh"), 0700);
}

// It goes into the background when it listens, and says who it is.
static inline void
test_ssh_start_agent(void)
{
    char command[256], line[256], *at = NULL;
    snprintf(command, sizeof command, "ssh-agent -s -a '%s'", test_path("agent"));
    FILE *out = popen(command, "r");
    assert_non_null(out);
    while (at == NULL && fgets(line, sizeof line, out) != NULL)
        at = strstr(line, "SSH_AGENT_PID=");
    assert_non_null(at);
    test_agent_pid = (pid_t)atoi(at + strlen("SSH_AGENT_PID="));
    assert_int_equal(pclose(out), 0);
    setenv("SSH_AUTH_SOCK", test_path("agent"), 1);
}

static inline int
test_ssh_teardown(void **state)
{
    if (test_agent_pid > 1)
        kill(test_agent_pid, SIGTERM);
    test_agent_pid = -1;
    unsetenv("SSH_AUTH_SOCK");
    return directory_teardown(state);
}

#endif
