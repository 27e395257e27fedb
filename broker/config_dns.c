/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for `dns:`, where names are answered. */
#include "config_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
config_dns_free(struct config *config)
{
    for (size_t i = 0; i < config->dns_count; i++)
        free(config->dns[i].address);
    free(config->dns);
    config->dns = NULL;
    config->dns_count = 0;
}

bool
config_dns_equal(const struct config *a, const struct config *b)
{
    bool equal = a->dns_count == b->dns_count;
    for (size_t i = 0; equal && i < a->dns_count; i++)
        equal = strcmp(a->dns[i].address, b->dns[i].address) == 0 &&
                memcmp(a->dns[i].answer, b->dns[i].answer, sizeof a->dns[i].answer) == 0;
    return equal;
}

static enum kh_err
dns_fault(struct yaml_text *document, unsigned index, const char *key, const char *expected,
          const char *found, struct fault *fault)
{
    return yaml_text_fault(document, yaml_text_line(document, "dns[%u].%s", index, key), fault,
                           "dns[%u].%s: expected %s, found \"%.80s\"", index + 1, key, expected,
                           found);
}

// Answers go out by the address that was asked: on all addresses at once nobody could say which.
static bool
is_unspecified(const char *address)
{
    struct bytes host =
        bytes_slice(bytes_str(address), 0, (size_t)(strrchr(address, ':') - address));
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    bool six = host.p[0] == '[';
    struct bytes bare = six ? bytes_slice(host, 1, host.n - 2) : host;
    (void)snprintf(text, sizeof text, "%.*s", BYTES_ARG(bare));
    return six ? inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&v6)
               : inet_pton(AF_INET, text, &v4) == 1 && v4.s_addr == 0;
}

static enum kh_err
dns_read(struct yaml_text *document, const struct config_raw_dns *raw, unsigned index,
         struct config_dns *out, struct fault *fault)
{
    if (!config_address_is_numeric(raw->address) || is_unspecified(raw->address))
        return dns_fault(document, index, "address",
                         "one numeric ADDRESS:PORT such as 192.0.2.10:53 or [::1]:5353",
                         raw->address, fault);
    struct in_addr answer;
    // Nobody can connect to that network.
    if (inet_pton(AF_INET, raw->answer, &answer) != 1 || ntohl(answer.s_addr) >> 24 == 0)
        return dns_fault(document, index, "answer",
                         "the IPv4 address that allowed names get, such as 192.0.2.10", raw->answer,
                         fault);
    memcpy(out->answer, &answer, sizeof out->answer);
    out->address = strdup(raw->address);
    return out->address ? KH_OK
                        : fault_set(fault, KH_ERR_MEMORY, "no memory for the configuration");
}

static enum kh_err
dns_check_unique(struct yaml_text *document, const struct config_dns *dns, unsigned index,
                 struct fault *fault)
{
    const char *address = dns[index].address;
    if (bytes_ends(bytes_str(address), BYTES(":0")))
        return KH_OK;
    for (unsigned i = 0; i < index; i++) {
        // The schema has it: libcyaml takes none without an address.
        // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker)
        if (strcmp(dns[i].address, address) == 0)
            return dns_fault(document, index, "address", "one that is not given twice", address,
                             fault);
    }
    return KH_OK;
}

enum kh_err
config_dns_read(struct yaml_text *document, const struct config_raw *raw, struct config *config,
                struct fault *fault)
{
    config_dns_free(config);
    config->dns = calloc(raw->dns_count + 1u, sizeof(*config->dns));
    if (config->dns == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for the configuration");
    for (unsigned i = 0; i < raw->dns_count; i++) {
        enum kh_err err = dns_read(document, &raw->dns[i], i, &config->dns[i], fault);
        if (err != KH_OK)
            return err;
        config->dns_count = i + 1u;
        err = dns_check_unique(document, config->dns, i, fault);
        if (err != KH_OK)
            return err;
    }
    return KH_OK;
}
