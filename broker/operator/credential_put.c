/* SPDX-License-Identifier: Apache-2.0 */
/* What is given on the command line, as members of a request. */
#include "credential_put.h"

#include "values.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { UPSTREAM_CA_MAX = 65536 };

static enum operator_exit
put_upstream_ca(const struct invocation *invocation, struct admin_request *request)
{
    const char *path = invocation_value(invocation, "upstream-ca");
    if (path == NULL)
        return EXIT_DONE;
    BUFFER_AUTO pem;
    buffer_init(&pem, UPSTREAM_CA_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = -1;
    uint8_t *room = NULL;
    while (fd >= 0 && (room = buffer_reserve(&pem, 4096)) != NULL && (n = read(fd, room, 4096)) > 0)
        buffer_advance(&pem, (size_t)n);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && room == NULL)
        return command_failed("--upstream-ca: %s is too large", path);
    if (fd < 0 || n < 0)
        return command_failed("--upstream-ca: %s: %s", path, strerror(error));
    if (pem.n == 0)
        return command_failed("--upstream-ca: %s is empty", path);
    admin_put_bytes(request, "upstream_ca", buffer_bytes(&pem));
    return EXIT_DONE;
}

static enum operator_exit
put_ports(const struct invocation *invocation, struct admin_request *request)
{
    const struct invocation_values *values = invocation_values(invocation, "port");
    if (values->count == 0)
        return EXIT_DONE;
    json_t *list = json_array();
    for (size_t i = 0; i < values->count; i++) {
        uint64_t port;
        struct fault fault = {0};
        if (value_number(values->value[i], 1, 65535, &port, &fault) != KH_OK) {
            json_decref(list);
            return usage_fault(invocation, "--port: %s", fault.detail);
        }
        if (json_array_append_new(list, json_integer((json_int_t)port)) != 0)
            request->failed = "ports";
    }
    admin_put(request, "ports", list);
    return EXIT_DONE;
}

enum operator_exit
credential_put_settings(const struct invocation *invocation, struct admin_request *request)
{
    const char *foreign = invocation_value(invocation, "foreign");
    if (foreign != NULL && strcmp(foreign, "refuse") != 0 && strcmp(foreign, "pass") != 0)
        return usage_fault(invocation, "--foreign is refuse or pass");
    admin_put_list(request, "hosts", invocation_values(invocation, "host"));
    admin_put_list(request, "slots", invocation_values(invocation, "slot"));
    admin_put_text(request, "inject", invocation_value(invocation, "inject"));
    admin_put_list(request, "options", invocation_values(invocation, "option"));
    admin_put_list(request, "resolve", invocation_values(invocation, "resolve"));
    admin_put_list(request, "allow_networks", invocation_values(invocation, "allow-network"));
    admin_put_list(request, "path_exceptions", invocation_values(invocation, "path-exception"));
    admin_put_text(request, "foreign", foreign);
    enum operator_exit status = put_ports(invocation, request);
    return status == EXIT_DONE ? put_upstream_ca(invocation, request) : status;
}
