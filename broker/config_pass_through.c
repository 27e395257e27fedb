/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for `pass-through:`: each item is made into the route that the proxies will get. */
#include "config_internal.h"

#include "messages.h"
#include "route_text.h"

#include "../caveats/decide.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BODY_MAX = 131072, // of the message
    TEXT_MAX = 65536,  // of what one item names
};

// What is read; the slices of `route` point into `text`, which never moves.
struct item {
    struct yaml_text *document;
    const struct config_raw_pass_through *raw;
    unsigned index;
    struct route route;
    struct buffer text, certificates;
    struct fault *fault;
};

void
config_pass_through_free(struct config *config)
{
    for (size_t i = 0; i < config->pass_through_count; i++) {
        free(config->pass_through[i].host);
        buffer_free(&config->pass_through[i].route);
    }
    free(config->pass_through);
    config->pass_through = NULL;
    config->pass_through_count = 0;
}

static enum kh_err item_fault(const struct item *item, const char *key, int index,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));

// `index` of the key's list; -1: it is none.
static enum kh_err
item_fault(const struct item *item, const char *key, int index, const char *format, ...)
{
    char text[512], list[32] = "";
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (index >= 0)
        (void)snprintf(list, sizeof(list), "[%d]", index);
    size_t line = yaml_text_line(item->document, "pass-through[%u].%s%s", item->index, key, list);
    if (index >= 0)
        (void)snprintf(list, sizeof(list), "[%d]", index + 1);
    return yaml_text_fault(item->document, line, item->fault, "pass-through[%u].%s%s: %s",
                           item->index + 1, key, list, text);
}

// A copy that lives as long as the item.
static struct bytes
keep(struct item *item, struct bytes text)
{
    size_t at = item->text.n;
    buffer_put(&item->text, text);
    return item->text.failed ? BYTES_EMPTY : bytes_of(item->text.p + at, text.n);
}

static enum kh_err
host_read(struct item *item)
{
    BUFFER_AUTO host;
    struct fault why = {0};
    buffer_init(&host, 512);
    if (route_host_read(bytes_str(item->raw->host), &host, &why) != KH_OK)
        return item_fault(item, "host", -1, "%s", why.detail);
    item->route.host[0] = keep(item, buffer_bytes(&host));
    item->route.host_count = 1;
    return KH_OK;
}

static enum kh_err
ports_read(struct item *item)
{
    struct route *route = &item->route;
    for (unsigned i = 0; i < item->raw->port_count; i++) {
        uint16_t port;
        if (!route_port_read(bytes_str(item->raw->port[i]), &port))
            return item_fault(item, "ports", (int)i,
                              "expected a number from 1 to 65535, found \"%.40s\"",
                              item->raw->port[i]);
        for (size_t j = 0; j < route->port_count; j++)
            if (route->port[j] == port)
                return item_fault(item, "ports", (int)i, "%u is given a second time", port);
        route->port[route->port_count++] = port;
    }
    if (route->port_count == 0)
        route->port[route->port_count++] = route->plain ? 80 : 443;
    return KH_OK;
}

static bool
lists_port(const struct route *route, uint16_t port)
{
    for (size_t i = 0; i < route->port_count; i++) {
        if (route->port[i] == port)
            return true;
    }
    return false;
}

static enum kh_err
resolve_read(struct item *item)
{
    struct route *route = &item->route;
    for (unsigned i = 0; i < item->raw->resolve_count; i++) {
        struct route_resolve *out = &route->resolve[i];
        struct fault why = {0};
        BUFFER_AUTO host, address;
        buffer_init(&host, 512);
        buffer_init(&address, 64);
        if (route_resolve_read(bytes_str(item->raw->resolve[i]), &host, &address, out, &why) !=
            KH_OK)
            return item_fault(item, "resolve", (int)i, "%s, found \"%.100s\"", why.detail,
                              item->raw->resolve[i]);
        if (!route_lists_host(route, buffer_bytes(&host)))
            return item_fault(item, "resolve", (int)i, "%s is not %s", buffer_text(&host),
                              item->raw->host);
        if (!lists_port(route, out->port))
            return item_fault(item, "resolve", (int)i, "port %u is none of its ports", out->port);
        out->host = keep(item, buffer_bytes(&host));
        out->address = keep(item, buffer_bytes(&address));
        route->resolve_count = i + 1u;
    }
    return KH_OK;
}

static enum kh_err
networks_read(struct item *item)
{
    for (unsigned i = 0; i < item->raw->network_count; i++) {
        struct fault why = {0};
        if (route_network_read(bytes_str(item->raw->network[i]), &item->route.network[i], &why) !=
            KH_OK)
            return item_fault(item, "allow-networks", (int)i, "%s, found \"%.60s\"", why.detail,
                              item->raw->network[i]);
        item->route.network_count = i + 1u;
    }
    if (item->route.plain && item->route.network_count == 0)
        return item_fault(item, "plain", -1,
                          "expected allow-networks beside it: HTTP goes to networks that are named "
                          "alone");
    return KH_OK;
}

static enum kh_err
file_read(const char *path, struct buffer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0) {
        uint8_t *p = buffer_reserve(out, 4096);
        n = p ? read(fd, p, 4096) : -1;
        buffer_advance(out, n > 0 ? (size_t)n : 0);
    }
    if (fd >= 0)
        close(fd);
    return n == 0 ? KH_OK : KH_ERR_IO;
}

static enum kh_err
certificates_read(struct item *item)
{
    const char *name = item->raw->upstream_ca;
    struct fault why = {0};
    BUFFER_AUTO pem;
    buffer_init(&pem, ROUTE_CA_MAX + 4096);
    if (name == NULL)
        return KH_OK;
    char *path = config_file_name(item->document->path, name);
    if (path == NULL)
        return fault_set(item->fault, KH_ERR_MEMORY, "no memory for the configuration");
    enum kh_err err = file_read(path, &pem);
    free(path);
    if (err != KH_OK)
        return item_fault(item, "upstream-ca", -1,
                          "expected a PEM file, found none that can be read at \"%.200s\"", name);
    if (route_certificates_read(buffer_bytes(&pem), &item->certificates, &why) != KH_OK)
        return item_fault(item, "upstream-ca", -1, "%.200s: %s", name, why.detail);
    item->route.upstream_ca = buffer_bytes(&item->certificates);
    return KH_OK;
}

static enum kh_err
plain_read(struct item *item)
{
    int64_t value = 0;
    const char *text = item->raw->plain;
    if (text != NULL && config_value_parse(SETTING_FLAG, bytes_str(text), &value) != KH_OK)
        return item_fault(item, "plain", -1, "expected true or false, found \"%.40s\"", text);
    item->route.plain = value == 1;
    return KH_OK;
}

// Two items for one destination could say two things of it.
static enum kh_err
check_unique(const struct item *item, const struct config *config)
{
    for (size_t i = 0; i < config->pass_through_count; i++) {
        struct route other;
        if (message_route_rx(buffer_bytes(&config->pass_through[i].route), &other) != KH_OK ||
            !bytes_equal(other.host[0], item->route.host[0]))
            continue;
        for (size_t a = 0; a < other.port_count; a++)
            for (size_t b = 0; b < item->route.port_count; b++)
                if (other.port[a] == item->route.port[b])
                    return item_fault(item, "host", -1,
                                      "%.100s with port %u is given a second time", item->raw->host,
                                      other.port[a]);
    }
    return KH_OK;
}

static enum kh_err
item_add(const struct item *item, struct config *config)
{
    struct config_pass_through *out = &config->pass_through[config->pass_through_count];
    out->host = strndup((const char *)item->route.host[0].p, item->route.host[0].n);
    if (out->host == NULL || item->text.failed)
        return fault_set(item->fault, KH_ERR_MEMORY, "no memory for the configuration");
    config->pass_through_count++;
    buffer_init(&out->route, BODY_MAX);
    message_route_tx(&item->route, &out->route);
    if (out->route.failed)
        return item_fault(item, "host", -1, "all that is said of it is too long");
    return KH_OK;
}

static enum kh_err
item_read(struct item *item, struct config *config)
{
    static enum kh_err (*const parts[])(struct item *) = {
        plain_read, host_read, ports_read, resolve_read, networks_read, certificates_read,
    };
    buffer_init(&item->text, TEXT_MAX);
    buffer_init(&item->certificates, ROUTE_CA_MAX);
    enum kh_err err = buffer_reserve(&item->text, TEXT_MAX)
                          ? KH_OK
                          : fault_set(item->fault, KH_ERR_MEMORY, "no memory");
    for (size_t i = 0; err == KH_OK && i < sizeof(parts) / sizeof(parts[0]); i++)
        err = parts[i](item);
    if (err == KH_OK)
        err = check_unique(item, config);
    if (err == KH_OK)
        err = item_add(item, config);
    buffer_free(&item->text);
    buffer_free(&item->certificates);
    return err;
}

enum kh_err
config_pass_through_read(struct yaml_text *document, const struct config_raw *raw,
                         struct config *config, struct fault *fault)
{
    config_pass_through_free(config);
    config->pass_through = calloc(raw->pass_through_count + 1u, sizeof(*config->pass_through));
    enum kh_err err = config->pass_through
                          ? KH_OK
                          : fault_set(fault, KH_ERR_MEMORY, "no memory for the configuration");
    for (unsigned i = 0; err == KH_OK && i < raw->pass_through_count; i++) {
        struct item item = {
            .document = document,
            .raw = &raw->pass_through[i],
            .index = i,
            .fault = fault,
            .route = {.credential = BYTES(PASS_THROUGH_NAME),
                      .enabled = true,
                      .pass_through = true},
        };
        err = item_read(&item, config);
    }
    return err;
}
