/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for `listen:` and `names:`. */
#include "config_internal.h"

#include "../caveats/path.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void
config_listener_list_free(struct config_listener_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        config_listener_fini(&list->listener[i]);
    free(list->listener);
    *list = (struct config_listener_list){0};
}

void
config_listeners_free(struct config *config)
{
    struct config_listener_list list = {config->listener, config->listener_count};
    config_listener_list_free(&list);
    config->listener = NULL;
    config->listener_count = 0;
}

void
config_names_free(struct config *config)
{
    for (size_t i = 0; i < config->name_count; i++)
        free(config->name[i]);
    free(config->name);
    config->name = NULL;
    config->name_count = 0;
}

/* ---- addresses ---- */

struct address {
    bool loopback;
    uint16_t port;
};

static bool
port_parse(struct bytes text, uint16_t *out)
{
    uint64_t value;
    if (text.n > 5 || !bytes_to_u64(text, &value) || value > UINT16_MAX)
        return false;
    *out = (uint16_t)value;
    return true;
}

// Numeric alone: what a name resolves to would be decided by whoever answers for it.
static bool
address_parse(const char *text, struct address *out)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2];
    struct in_addr v4;
    struct in6_addr v6;
    size_t n = colon != NULL ? (size_t)(colon - text) : 0;
    if (n == 0 || n >= sizeof(host) || !port_parse(bytes_str(colon + 1), &out->port))
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    if (inet_pton(AF_INET, host, &v4) == 1) {
        out->loopback = ntohl(v4.s_addr) >> 24 == 127;
        return true;
    }
    if (host[0] != '[' || host[n - 1] != ']')
        return false;
    host[n - 1] = '\0';
    if (inet_pton(AF_INET6, host + 1, &v6) != 1)
        return false;
    out->loopback = IN6_IS_ADDR_LOOPBACK(&v6) != 0;
    return true;
}

bool
config_address_is_numeric(const char *text)
{
    struct address address;
    return address_parse(text, &address);
}

/* ---- one listener ---- */

static enum kh_err
flag_read(const struct config_place *place, const char *key, const char *text, bool *out)
{
    int64_t value = 0;
    if (text != NULL && config_value_parse(SETTING_FLAG, bytes_str(text), &value) != KH_OK)
        return config_place_fault(place, key, ".%s: expected true or false, found \"%.40s\"", key,
                                  text);
    *out = value == 1;
    return KH_OK;
}

char *
config_file_name(const char *config_path, const char *name)
{
    const char *slash = strrchr(config_path, '/');
    size_t n = name[0] == '/' || slash == NULL ? 0 : (size_t)(slash - config_path) + 1;
    char *joined = malloc(n + strlen(name) + 1);
    if (joined != NULL) {
        memcpy(joined, config_path, n);
        memcpy(joined + n, name, strlen(name) + 1);
    }
    return joined;
}

static enum kh_err
file_read_name(const struct config_place *place, const char *key, const char *name, char **out)
{
    struct stat status;
    if (name == NULL)
        return KH_OK;
    char *path = config_file_name(place->document->path, name);
    if (path == NULL)
        return fault_set(place->fault, KH_ERR_MEMORY, "no memory for the configuration");
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        free(path);
        return config_place_fault(place, key, ".%s: expected a PEM file, found none at \"%.200s\"",
                                  key, name);
    }
    *out = path;
    return KH_OK;
}

static enum kh_err
listener_check(const struct config_place *place, const struct config_listener_rules *rules,
               const struct config_raw_listener *raw, const struct config_listener *listener)
{
    struct address address;
    if (!address_parse(raw->address, &address))
        return config_place_fault(
            place, "address",
            ".address: expected a numeric ADDRESS:PORT such as 127.0.0.1:8437 or "
            "[::1]:0, found \"%.80s\"",
            raw->address);
    if (listener->insecure && !rules->may_be_insecure)
        return config_place_fault(
            place, "insecure",
            ".insecure: a discharger is not plain on a network: expected tls: true");
    if (!listener->tls && !listener->insecure && !address.loopback)
        return config_place_fault(
            place, "address",
            ": expected tls: true%s for an address that is not loopback, found a plain "
            "listener on %.80s",
            rules->may_be_insecure ? ", or insecure: true," : "", raw->address);
    if (listener->transparent && !rules->may_be_transparent)
        return config_place_fault(place, "transparent", ".transparent: a discharger is none");
    if (listener->transparent && listener->tls)
        return config_place_fault(
            place, "tls",
            ".tls: clients of a transparent listener speak TLS to the destination; "
            "expected no tls: true");
    if ((raw->certificate == NULL) != (raw->key == NULL))
        return config_place_fault(place, raw->key == NULL ? "certificate" : "key",
                                  ": expected certificate and key together, found one of them");
    if (raw->certificate != NULL && !listener->tls)
        return config_place_fault(place, "certificate", ": expected tls: true with a certificate");
    return KH_OK;
}

enum kh_err
config_listener_read(const struct config_place *place, const struct config_listener_rules *rules,
                     const struct config_raw_listener *raw, struct config_listener *out)
{
    enum kh_err err = flag_read(place, "tls", raw->tls, &out->tls);
    if (err == KH_OK)
        err = flag_read(place, "insecure", raw->insecure, &out->insecure);
    if (err == KH_OK)
        err = flag_read(place, "transparent", raw->transparent, &out->transparent);
    if (err == KH_OK)
        err = listener_check(place, rules, raw, out);
    if (err == KH_OK)
        err = file_read_name(place, "certificate", raw->certificate, &out->certificate);
    if (err == KH_OK)
        err = file_read_name(place, "key", raw->key, &out->key);
    return err == KH_OK ? config_text_copy(raw->address, &out->address, place->fault) : err;
}

static enum kh_err
listener_check_unique(const struct config_place *place, const struct config_listener *listener)
{
    const char *address = listener[place->index].address;
    if (bytes_ends(bytes_str(address), BYTES(":0")))
        return KH_OK;
    for (unsigned i = 0; i < place->index; i++) {
        if (strcmp(listener[i].address, address) == 0)
            return config_place_fault(place, "address", ".address: %.80s is given a second time",
                                      address);
    }
    return KH_OK;
}

enum kh_err
config_listener_list_read(const struct config_place *first,
                          const struct config_listener_rules *rules,
                          const struct config_raw_listener *raw, unsigned count,
                          struct config_listener_list *out)
{
    struct config_listener_list made = {.listener = calloc(count + 1u, sizeof(*made.listener))};
    struct config_place place = *first;
    if (made.listener == NULL)
        return fault_set(place.fault, KH_ERR_MEMORY, "no memory for the configuration");
    enum kh_err err = KH_OK;
    for (; err == KH_OK && made.count < count; place.index++) {
        struct config_listener *listener = &made.listener[made.count++];
        err = config_listener_read(&place, rules, &raw[place.index], listener);
        if (err == KH_OK)
            err = listener_check_unique(&place, made.listener);
    }
    if (err == KH_OK)
        *out = made;
    else
        config_listener_list_free(&made);
    return err;
}

enum kh_err
config_listeners_read(struct yaml_text *document, const struct config_raw *raw,
                      struct config *config, struct fault *fault)
{
    static const struct config_listener_rules rules = {.may_be_insecure = true,
                                                       .may_be_transparent = true};
    const struct config_place first = {document, "listen", 0, fault};
    struct config_listener_list list = {0};
    enum kh_err err =
        config_listener_list_read(&first, &rules, raw->listener, raw->listener_count, &list);
    if (err != KH_OK)
        return err;
    config_listeners_free(config);
    config->listener = list.listener;
    config->listener_count = list.count;
    return KH_OK;
}

enum kh_err
config_names_read(struct yaml_text *document, const struct config_raw *raw, struct config *config,
                  struct fault *fault)
{
    config_names_free(config);
    config->name = calloc(raw->name_count + 1u, sizeof(*config->name));
    if (config->name == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for the configuration");
    for (unsigned i = 0; i < raw->name_count; i++) {
        BUFFER_AUTO canonical;
        buffer_init(&canonical, 256);
        if (host_canonical(bytes_str(raw->name[i]), &canonical) != KH_OK)
            return yaml_text_fault(document, yaml_text_line(document, "names[%u]", i), fault,
                                   "names[%u]: expected a host name, found \"%.100s\"", i + 1,
                                   raw->name[i]);
        enum kh_err err = config_text_copy(buffer_text(&canonical), &config->name[i], fault);
        if (err != KH_OK)
            return err;
        config->name_count = i + 1u;
    }
    return KH_OK;
}
