/* SPDX-License-Identifier: Apache-2.0 */
/* What the items of the file's lists have in common: their place, their texts, their sockets. */
#include "config_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOCKET_PATH_MAX = 107 };

enum kh_err
config_place_fault(const struct config_place *place, const char *key, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t line = yaml_text_line(place->document, "%s[%u].%s", place->list, place->index, key);
    return yaml_text_fault(place->document, line, place->fault, "%s[%u]%s", place->list,
                           place->index + 1, text);
}

enum kh_err
config_text_copy(const char *text, char **out, struct fault *fault)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for the configuration");
    *out = copy;
    return KH_OK;
}

bool
config_text_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

enum kh_err
config_socket_check(const struct config_place *place, const char *socket,
                    const struct config_raw_listener *listener)
{
    if (socket[0] != '/' || strlen(socket) > SOCKET_PATH_MAX)
        return config_place_fault(place, "socket",
                                  ".socket: expected an absolute path of at most %d bytes",
                                  SOCKET_PATH_MAX);
    if (listener->tls != NULL || listener->insecure != NULL || listener->certificate != NULL ||
        listener->key != NULL)
        return config_place_fault(place, "socket", ": a socket has no TLS");
    return KH_OK;
}

bool
config_listener_same(const struct config_listener *a, const struct config_listener *b)
{
    return config_text_same(a->address, b->address) && a->tls == b->tls &&
           config_text_same(a->certificate, b->certificate) && config_text_same(a->key, b->key);
}

void
config_listener_fini(struct config_listener *listener)
{
    free(listener->address);
    free(listener->certificate);
    free(listener->key);
    *listener = (struct config_listener){0};
}
