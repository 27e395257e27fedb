/* SPDX-License-Identifier: Apache-2.0
 *
 * bubblewrap, with what it is given: contents of files, the list of covers, the filter,
 * keyhole-room.
 */
#include "room_internal.h"

#include "room/wire.h"
#include "room_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPAWN_FD_FLOOR = 200 /* above all that bubblewrap is given */ };

// Whoever starts bubblewrap finds its descriptors at fixed numbers: ours must lie above.
static int
spawn_raise(int fd)
{
    int high = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, SPAWN_FD_FLOOR) : -1;
    if (fd >= 0)
        close(fd);
    return high;
}

static int
spawn_contents(struct bytes contents)
{
    int fd = spawn_raise(memfd_create("keyhole-room", MFD_CLOEXEC));
    while (fd >= 0 && contents.n > 0) {
        ssize_t n = write(fd, contents.p, contents.n);
        if (n <= 0) {
            close(fd);
            return -1;
        }
        contents = bytes_from(contents, (size_t)n);
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

static int
spawn_open_helper(struct fault *fault)
{
    char path[PATH_MAX];
#ifdef KEYHOLE_LIBEXEC
    snprintf(path, sizeof path, "%s/keyhole-room", KEYHOLE_LIBEXEC);
#else
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    static const char beside[] = "/libexec/keyhole/keyhole-room";
    path[n > 0 ? n : 0] = '\0';
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(path, '/');
        if (slash != NULL)
            *slash = '\0';
    }
    size_t length = strlen(path);
    if (length + sizeof beside <= sizeof path)
        memcpy(path + length, beside, sizeof beside);
#endif
    int fd = spawn_raise(open(path, O_PATH | O_CLOEXEC));
    if (fd < 0)
        (void)!fault_set(fault, KH_ERR_UNSUPPORTED, "%s: %s: the installation is not complete",
                         path, strerror(errno));
    return fd;
}

static enum kh_err
spawn_open(struct room_making *making, struct fault *fault)
{
    int pair[2] = {-1, -1}, one = 1;
    making->helper = spawn_open_helper(fault);
    if (making->helper < 0)
        return KH_ERR_UNSUPPORTED;
    making->calls = spawn_contents(BYTES_EMPTY);
    making->covers = spawn_contents(buffer_bytes(&making->hidden.covers));
    bool opened = making->calls >= 0 && making->covers >= 0;
    for (size_t i = 0; i < making->layout.data_count; i++) {
        making->data[i] = spawn_contents(bytes_str(making->layout.data[i]));
        opened = opened && making->data[i] >= 0;
    }
    // The credentials say which process the program is, in our numbers.
    if (opened && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
        making->room->control_fd = spawn_raise(pair[0]);
        making->control = spawn_raise(pair[1]);
    }
    if (opened && pipe2(pair, O_CLOEXEC) == 0) {
        making->said[0] = spawn_raise(pair[0]);
        making->said[1] = spawn_raise(pair[1]);
    }
    if (making->room->control_fd < 0 || making->control < 0 || making->said[0] < 0 ||
        making->said[1] < 0 ||
        setsockopt(making->room->control_fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof one) != 0)
        return fault_set(fault, KH_ERR_IO, "starting a room: %s", strerror(errno));
    return room_calls_write(making->settings.unix_sockets, making->calls, fault);
}

// Its own signals wait: bubblewrap would die of what is meant for the program.
static bool
spawn_set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all, usual;
    sigfillset(&all);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    return posix_spawnattr_setsigmask(attributes, &all) == 0 &&
           posix_spawnattr_setsigdefault(attributes, &usual) == 0 &&
           posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) ==
               0;
}

static bool
spawn_set_files(const struct room_making *making, posix_spawn_file_actions_t *actions)
{
    const int given[] = {
        [ROOM_FD_CONTROL] = making->control, [ROOM_FD_COVERS] = making->covers,
        [ROOM_FD_CALLS] = making->calls,     [ROOM_FD_STDERR] = STDERR_FILENO,
        [ROOM_FD_HELPER] = making->helper,
    };
    int result = 0;
    for (int fd = 0; fd < 3 && result == 0; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            result = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
    for (int fd = ROOM_FD_CONTROL; fd < ROOM_FD_DATA && result == 0; fd++)
        result = posix_spawn_file_actions_adddup2(actions, given[fd], fd);
    for (size_t i = 0; i < making->layout.data_count && result == 0; i++)
        result = posix_spawn_file_actions_adddup2(actions, making->data[i], ROOM_FD_DATA + (int)i);
    if (result == 0)
        result = posix_spawn_file_actions_adddup2(actions, making->said[1], STDERR_FILENO);
    if (result == 0)
        result = posix_spawn_file_actions_addclosefrom_np(
            actions, ROOM_FD_DATA + (int)making->layout.data_count);
    return result == 0;
}

static enum kh_err
spawn_bubblewrap(struct room_making *making, struct fault *fault)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = ENOMEM;
    pid_t pid = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    if (spawn_set_files(making, &actions) && spawn_set_attributes(&attributes))
        code = posix_spawnp(&pid, making->layout.arg[0], &actions, &attributes, making->layout.arg,
                            making->environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (code == ENOENT)
        return fault_set(
            fault, KH_ERR_UNSUPPORTED,
            "no room can be made here: bubblewrap is not installed (the program bwrap, "
            "package bubblewrap)");
    if (code != 0)
        return fault_set(fault, KH_ERR_IO, "bwrap: %s", strerror(code));
    making->room->pid = pid;
    close(making->control);
    close(making->said[1]);
    making->control = making->said[1] = -1;
    return KH_OK;
}

enum kh_err
room_spawn(struct room_making *making, struct fault *fault)
{
    enum kh_err err = spawn_open(making, fault);
    return err != KH_OK ? err : spawn_bubblewrap(making, fault);
}
