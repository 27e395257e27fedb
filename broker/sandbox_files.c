/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock by system call: which files a role may touch, and which TCP ports. */
#include "sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Spelt out here, since the headers of the release that builds are older than the kernels that run:
// linux/landlock.h, ABI 7.
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

#define FS_EXECUTE     (UINT64_C(1) << 0)
#define FS_WRITE_FILE  (UINT64_C(1) << 1)
#define FS_READ_FILE   (UINT64_C(1) << 2)
#define FS_READ_DIR    (UINT64_C(1) << 3)
#define FS_REMOVE_DIR  (UINT64_C(1) << 4)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_CHAR   (UINT64_C(1) << 6)
#define FS_MAKE_DIR    (UINT64_C(1) << 7)
#define FS_MAKE_REG    (UINT64_C(1) << 8)
#define FS_MAKE_SOCK   (UINT64_C(1) << 9)
#define FS_MAKE_FIFO   (UINT64_C(1) << 10)
#define FS_MAKE_BLOCK  (UINT64_C(1) << 11)
#define FS_MAKE_SYM    (UINT64_C(1) << 12)
#define FS_REFER       (UINT64_C(1) << 13) // ABI 2
#define FS_TRUNCATE    (UINT64_C(1) << 14) // ABI 3
#define FS_IOCTL_DEV   (UINT64_C(1) << 15) // ABI 5

#define NET_BIND_TCP    (UINT64_C(1) << 0) // ABI 4
#define NET_CONNECT_TCP (UINT64_C(1) << 1)

#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0) // ABI 6
#define SCOPE_SIGNAL               (UINT64_C(1) << 1)

#define FS_ALL   ((FS_IOCTL_DEV << 1) - 1)
#define FS_READ  (FS_READ_FILE | FS_READ_DIR)
#define FS_WRITE (FS_ALL & ~(FS_READ | FS_EXECUTE | FS_IOCTL_DEV))
// What may stand in a rule for something that is no directory.
#define FS_OF_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define FS_STATE                                                                                   \
    (FS_READ | (FS_WRITE & ~(FS_MAKE_CHAR | FS_MAKE_BLOCK | FS_MAKE_FIFO | FS_MAKE_SYM)))

struct ruleset_attributes {
    uint64_t fs, net, scoped;
};

struct path_beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

struct rule {
    const char *path;
    uint64_t allowed;
};

// What getaddrinfo and OpenSSL read while they run. A file that is later replaced by another of the
// same name is not covered any more, which is why the directories of resolvers stand here too.
static const struct rule proxy_rules[] = {
    {"/etc/resolv.conf", FS_READ},
    {"/run/systemd/resolve", FS_READ},
    {"/run/resolvconf", FS_READ},
    {"/run/NetworkManager/resolv.conf", FS_READ},
    {"/etc/hosts", FS_READ},
    {"/etc/host.conf", FS_READ},
    {"/etc/nsswitch.conf", FS_READ},
    {"/etc/gai.conf", FS_READ},
    {"/etc/services", FS_READ},
    {"/etc/protocols", FS_READ},
    {"/etc/ld.so.cache", FS_READ},
    {"/etc/ssl/certs", FS_READ},
    {"/etc/ssl/cert.pem", FS_READ},
    {"/etc/ssl/openssl.cnf", FS_READ},
    {"/etc/pki/tls", FS_READ},
    {"/etc/pki/ca-trust", FS_READ},
    {"/usr/share/ca-certificates", FS_READ},
    {"/usr/local/share/ca-certificates", FS_READ},
    {"/lib", FS_READ},
    {"/lib64", FS_READ},
    {"/usr/lib", FS_READ},
    {"/usr/lib64", FS_READ},
    {"/etc/localtime", FS_READ},
    {"/dev/null", FS_READ},
    {"/dev/urandom", FS_READ},
#ifdef KH_SANITIZE // the runtimes read maps and task lists for their reports
    {"/proc/self", FS_READ},
#endif
    {NULL, 0},
};

static const struct rule keeper_rules[] = {
    {"/etc/ssl/openssl.cnf", FS_READ},
    {"/usr/lib/ssl", FS_READ},
    {"/etc/localtime", FS_READ},
    {"/dev/null", FS_READ | FS_WRITE_FILE},
    {"/dev/urandom", FS_READ},
#ifdef KH_SANITIZE
    {"/proc/self", FS_READ},
#endif
    {NULL, 0},
};

// The supervisor's walls are inherited by the children that it starts, so it cannot give up what
// one of them needs. It reads certificates wherever the configuration says they are, and must be
// able to signal children that are older than its walls: no scopes.
static const struct rule supervisor_rules[] = {
    {"/dev/null", FS_WRITE_FILE},
    {"/dev/tty", FS_WRITE_FILE},
    {NULL, 0},
};

static const struct wall {
    uint64_t fs, net, scoped;
    uint64_t directory; // allowed below the state directory
    const struct rule *rule;
} walls[] = {
    [ROLE_SUPERVISOR] = {.fs = FS_WRITE, .directory = FS_WRITE, .rule = supervisor_rules},
    [ROLE_PROXY] = {.fs = FS_ALL,
                    .net = NET_BIND_TCP,
                    .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL,
                    .rule = proxy_rules},
    [ROLE_AUTHORITY] = {.fs = FS_ALL,
                        .net = NET_BIND_TCP | NET_CONNECT_TCP,
                        .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL,
                        .directory = FS_STATE,
                        .rule = keeper_rules},
    // It answers on sockets that it is given, and never asks anybody.
    [ROLE_DISCHARGER] = {.fs = FS_ALL,
                         .net = NET_BIND_TCP | NET_CONNECT_TCP,
                         .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL,
                         .directory = FS_STATE,
                         .rule = keeper_rules},
};

int
sandbox_files_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

// Rights that the kernel does not know yet cannot be asked for.
static uint64_t
rights_known(int abi)
{
    if (abi < 2)
        return FS_REFER - 1;
    if (abi < 3)
        return FS_TRUNCATE - 1;
    return abi < 5 ? FS_IOCTL_DEV - 1 : FS_ALL;
}

static int
ruleset_new(const struct wall *wall, int abi)
{
    const struct ruleset_attributes attributes = {
        .fs = wall->fs & rights_known(abi),
        .net = abi >= 4 ? wall->net : 0,
        .scoped = abi >= 6 ? wall->scoped : 0,
    };
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    return (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
}

// 0, or -1 with errno.
static int
ruleset_allow(int ruleset, const char *path, uint64_t allowed)
{
    struct stat status;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fstat(fd, &status);
    if (result == 0) {
        struct path_beneath rule = {
            .allowed = S_ISDIR(status.st_mode) ? allowed : allowed & FS_OF_FILE,
            .parent = fd,
        };
        result = (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

static enum kh_err
ruleset_fill(int ruleset, const struct wall *wall, const char *directory, int abi,
             struct fault *fault)
{
    uint64_t known = wall->fs & rights_known(abi);
    for (const struct rule *rule = wall->rule; rule->path != NULL; rule++) {
        if (ruleset_allow(ruleset, rule->path, rule->allowed & known) != 0 && errno != ENOENT &&
            errno != EACCES && errno != ENOTDIR && errno != ELOOP)
            return fault_set(fault, KH_ERR_PERMISSION, "Landlock, %s: %s", rule->path,
                             strerror(errno));
    }
    if (wall->directory != 0 && ruleset_allow(ruleset, directory, wall->directory & known) != 0)
        return fault_set(fault, KH_ERR_PERMISSION, "Landlock, %s: %s", directory, strerror(errno));
    return KH_OK;
}

enum kh_err
sandbox_files_enter(enum role role, const char *directory, int abi, struct fault *fault)
{
    const struct wall *wall = &walls[role];
    int ruleset = ruleset_new(wall, abi);
    if (ruleset < 0)
        return fault_set(fault, KH_ERR_PERMISSION, "Landlock: %s", strerror(errno));
    enum kh_err err = ruleset_fill(ruleset, wall, directory, abi, fault);
    if (err == KH_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        err = fault_set(fault, KH_ERR_PERMISSION, "Landlock: %s", strerror(errno));
    close(ruleset);
    return err;
}
