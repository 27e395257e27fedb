/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a policy from a file or from standard input. */
#include "policy_file.h"

#include "operator.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static enum kh_err
read_all(int fd, const char *name, struct buffer *out, struct fault *fault)
{
    for (;;) {
        uint8_t *room = buffer_reserve(out, 4096);
        if (room == NULL)
            return fault_set(fault, KH_ERR_TOO_LONG, "%s: a policy has at most %d KiB", name,
                             POLICY_TEXT_MAX / 1024);
        ssize_t n = read(fd, room, 4096);
        if (n == 0)
            return KH_OK;
        if (n < 0 && errno != EINTR)
            return fault_set(fault, KH_ERR_IO, "%s: %s", name, strerror(errno));
        buffer_advance(out, n > 0 ? (size_t)n : 0);
    }
}

bool
policy_file_read(const char *path, struct policy_file *out)
{
    struct fault fault = {0};
    bool is_input = strcmp(path, "-") == 0;
    enum kh_err err;
    *out = (struct policy_file){.name = is_input ? "standard-input" : path};
    buffer_init(&out->text, POLICY_TEXT_MAX + 4096);
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        err = fault_set(&fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    else
        err = read_all(fd, out->name, &out->text, &fault);
    if (fd >= 0 && !is_input)
        close(fd);
    if (err == KH_OK)
        err = policy_read(out->name, buffer_bytes(&out->text), &out->policy, &fault);
    if (err != KH_OK)
        (void)command_failed("%s", fault.detail);
    return err == KH_OK;
}

void
policy_file_free(struct policy_file *file)
{
    policy_free(&file->policy);
    buffer_free(&file->text);
}
