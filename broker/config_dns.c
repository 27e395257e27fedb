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
dns_read(const struct config_place *place, const struct config_raw_dns *raw, struct config_dns *out)
{
    if (!config_address_is_numeric(raw->address) || is_unspecified(raw->address))
        return config_place_fault(place, "address",
                                  ".address: expected one numeric ADDRESS:PORT such as "
                                  "192.0.2.10:53 or [::1]:5353, found \"%.80s\"",
                                  raw->address);
    struct in_addr answer;
    // Nobody can connect to that network.
    if (inet_pton(AF_INET, raw->answer, &answer) != 1 || ntohl(answer.s_addr) >> 24 == 0)
        return config_place_fault(place, "answer",
                                  ".answer: expected the IPv4 address that allowed names get, such "
                                  "as 192.0.2.10, found \"%.80s\"",
                                  raw->answer);
    memcpy(out->answer, &answer, sizeof out->answer);
    return config_text_copy(raw->address, &out->address, place->fault);
}

static enum kh_err
dns_check_unique(const struct config_place *place, const struct config_dns *dns)
{
    const char *address = dns[place->index].address;
    if (bytes_ends(bytes_str(address), BYTES(":0")))
        return KH_OK;
    for (unsigned i = 0; i < place->index; i++) {
        // The schema has it: libcyaml takes none without an address.
        // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker)
        if (strcmp(dns[i].address, address) == 0)
            return config_place_fault(
                place, "address", ".address: expected one that is not given twice, found \"%.80s\"",
                address);
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
        const struct config_place place = {document, "dns", i, fault};
        enum kh_err err = dns_read(&place, &raw->dns[i], &config->dns[i]);
        if (err != KH_OK)
            return err;
        config->dns_count = i + 1u;
        err = dns_check_unique(&place, config->dns);
        if (err != KH_OK)
            return err;
    }
    return KH_OK;
}
