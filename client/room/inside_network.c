/* SPDX-License-Identifier: Apache-2.0
 *
 * The network of a room: a loopback with ROOM_ADDRESS, sockets that listen on it, and nothing else.
 * The sockets are accepted from outside.
 */
#include "inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NETWORK_BACKLOG = 1024, NETWORK_DNS_PORT = 53 };

static struct sockaddr_in
network_address(const char *address, uint16_t port)
{
    struct sockaddr_in out = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &out.sin_addr);
    return out;
}

// bubblewrap brought the loopback up with 127.0.0.1; a second address goes on an alias.
static void
network_add_address(void)
{
    struct ifreq request = {.ifr_name = "lo:keyhole"};
    struct sockaddr_in address = network_address(ROOM_ADDRESS, 0);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(&request.ifr_addr, &address, sizeof address);
    if (fd < 0 || ioctl(fd, SIOCSIFADDR, &request) != 0)
        inside_fail("giving the room's loopback its address");
    address = network_address("255.255.255.255", 0);
    memcpy(&request.ifr_netmask, &address, sizeof address);
    if (ioctl(fd, SIOCSIFNETMASK, &request) != 0)
        inside_fail("giving the room's loopback its address");
    close(fd);
}

static int
network_listen(int type, const char *address, uint16_t port)
{
    struct sockaddr_in at = network_address(address, port);
    int one = 1;
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0) ||
        bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        (type == SOCK_STREAM && listen(fd, NETWORK_BACKLOG) != 0))
        inside_fail("opening a socket in the room");
    return fd;
}

bool
inside_redirection(const uint16_t *port, size_t count, uint16_t target, char *out, size_t cap)
{
    int n = snprintf(out, cap,
                     "table ip keyhole {\n chain output {\n"
                     "  type nat hook output priority -100;\n"
                     "  ip daddr " ROOM_ADDRESS " tcp dport != { %d",
                     NETWORK_DNS_PORT);
    for (size_t i = 0; i < count && n > 0 && (size_t)n < cap; i++)
        n += snprintf(out + n, cap - (size_t)n, ", %u", port[i]);
    if (n > 0 && (size_t)n < cap)
        n += snprintf(out + n, cap - (size_t)n, " } dnat to " ROOM_ADDRESS ":%u\n }\n}\n", target);
    return n > 0 && (size_t)n < cap;
}

static void
network_exec_nft(int rules)
{
    static const char *const places[] = {"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"};
    static char name[] = "nft", file[] = "-f", input[] = "-";
    char *arguments[] = {name, file, input, NULL}, *nothing[] = {NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (dup2(rules, STDIN_FILENO) < 0 || null < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0)
        _exit(127);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        execve(places[i], arguments, nothing);
    _exit(127);
}

// Without nft, or where the kernel has no NAT, there are the sockets of the ports that are known.
static bool
network_redirect(const uint16_t *port, size_t count, int fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    char rules[1024];
    int pipe_fd[2], status = 0;
    if (getsockname(fd, (struct sockaddr *)&at, &size) != 0 ||
        !inside_redirection(port, count, ntohs(at.sin_port), rules, sizeof rules) ||
        pipe2(pipe_fd, O_CLOEXEC) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0)
        network_exec_nft(pipe_fd[0]);
    close(pipe_fd[0]);
    bool told = pid > 0 && write(pipe_fd[1], rules, strlen(rules)) == (ssize_t)strlen(rules);
    close(pipe_fd[1]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return told && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
network_hand_out(const int *fd, size_t count, bool redirected)
{
    struct room_report report = {.kind = ROOM_REPORT_SOCKETS, .value = redirected};
    struct iovec part = {.iov_base = &report, .iov_len = sizeof report};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int) * (ROOM_PORTS_MAX + 3 + ROOM_SOCKETS_FIXED))];
    } control;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
    memset(&control, 0, sizeof control);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(rights), fd, sizeof(int) * count);
    if (sendmsg(ROOM_FD_CONTROL, &message, MSG_NOSIGNAL) < 0)
        inside_fail("handing the sockets out");
}

void
inside_open_network(const uint16_t *port, size_t count)
{
    int fd[ROOM_PORTS_MAX + 3 + ROOM_SOCKETS_FIXED];
    size_t n = 0;
    network_add_address();
    fd[n++] = network_listen(SOCK_STREAM, ROOM_PROXY_ADDRESS, ROOM_PROXY_PORT);
    // On every address: without a resolv.conf, C libraries ask 127.0.0.1.
    fd[n++] = network_listen(SOCK_DGRAM, "0.0.0.0", NETWORK_DNS_PORT);
    fd[n++] = network_listen(SOCK_STREAM, "0.0.0.0", NETWORK_DNS_PORT);
    for (size_t i = 0; i < count; i++)
        fd[n++] = network_listen(SOCK_STREAM, ROOM_ADDRESS, port[i]);
    fd[n] = network_listen(SOCK_STREAM, ROOM_ADDRESS, 0);
    bool redirected = network_redirect(port, count, fd[n]);
    network_hand_out(fd, n + redirected, redirected);
    for (size_t i = 0; i <= n; i++)
        close(fd[i]);
}
