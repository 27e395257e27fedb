/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a policy from a file or from standard input. */
#include "policy_file.h"

#include "operator.h"

#include "../read_all.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum kh_err
policy_file_read_text(const char *path, const char *name, size_t max, struct buffer *out,
                      struct fault *fault)
{
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fault_set(fault, KH_ERR_IO, "%s: %s", name, strerror(errno));
    enum kh_err err = read_all(fd, out);
    if (err == KH_ERR_TOO_LONG || out->n > max)
        err = fault_set(fault, KH_ERR_TOO_LONG, "%s: it is longer than %zu KiB", name, max / 1024);
    else if (err)
        err = fault_set(fault, err, "%s: %s", name, strerror(errno));
    if (!is_input)
        close(fd);
    return err;
}

bool
policy_file_read(const char *path, struct policy_file *out)
{
    struct fault fault = {0};
    *out = (struct policy_file){.name = strcmp(path, "-") == 0 ? "standard-input" : path};
    buffer_init(&out->text, POLICY_TEXT_MAX + 4096);
    enum kh_err err = policy_file_read_text(path, out->name, POLICY_TEXT_MAX, &out->text, &fault);
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
