/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a credential's requests go on the network: pinned addresses, allowed networks, the
 * upstream's own CA.
 */
#include "credential.h"

#include "credential_option.h"

#include "../../caveats/address.h"
#include "../route_text.h"

// ---- --resolve HOST:PORT:ADDRESS:PORT ----

static void
put_host(struct buffer *out, struct bytes host)
{
    bool v6 = bytes_index(host, ':') < host.n;

    if (v6)
        buffer_put_byte(out, '[');
    buffer_put(out, host);
    if (v6)
        buffer_put_byte(out, ']');
}

enum kh_err
credential_add_resolve(struct credential *credential, struct bytes text, struct fault *fault)
{
    struct route *route = &credential->route;
    struct route_resolve resolve = {0};
    BUFFER_AUTO host, address, canonical;

    buffer_init(&host, 512);
    buffer_init(&address, ADDRESS_TEXT_SIZE);
    buffer_init(&canonical, 1024);
    if (route->resolve_count == ROUTE_RESOLVE_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "there are more than %d", ROUTE_RESOLVE_MAX);
    enum kh_err err = route_resolve_read(text, &host, &address, &resolve, fault);
    if (err)
        return err;
    if (!route_lists_host(route, buffer_bytes(&host)) &&
        !credential_is_token_host(credential, buffer_bytes(&host)))
        return fault_set(fault, KH_ERR_USAGE, "%s is none of the credential's hosts",
                         buffer_text(&host));
    put_host(&canonical, buffer_bytes(&host));
    buffer_printf(&canonical, ":%u:", resolve.port);
    put_host(&canonical, buffer_bytes(&address));
    buffer_printf(&canonical, ":%u", resolve.address_port);
    if (canonical.failed || credential_keep(credential, buffer_bytes(&host), &resolve.host) ||
        credential_keep(credential, buffer_bytes(&address), &resolve.address))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    err = credential_list_add(credential, STORE_LIST_RESOLVE, buffer_bytes(&canonical), fault);
    if (!err)
        route->resolve[route->resolve_count++] = resolve;
    return err;
}

// ---- --allow-network CIDR ----

enum kh_err
credential_add_network(struct credential *credential, struct bytes text, struct fault *fault)
{
    struct route *route = &credential->route;
    struct route_network network;
    char canonical[ADDRESS_TEXT_SIZE];

    if (route->network_count == ROUTE_NETWORKS_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "there are more than %d", ROUTE_NETWORKS_MAX);
    enum kh_err err = route_network_read(text, &network, fault);
    if (err)
        return err;
    address_network_print(network.address, network.prefix_bits, canonical);
    err = credential_list_add(credential, STORE_LIST_NETWORKS, bytes_str(canonical), fault);
    if (!err)
        route->network[route->network_count++] = network;
    return err;
}

// ---- --upstream-ca FILE ----

enum kh_err
credential_set_upstream_ca(struct credential *credential, struct bytes pem, struct fault *fault)
{
    BUFFER_AUTO text;

    buffer_init(&text, ROUTE_CA_MAX);
    enum kh_err err = route_certificates_read(pem, &text, fault);
    if (err) {
        fault_prefix(fault, "upstream_ca: ");
        return err;
    }
    if (credential_keep(credential, buffer_bytes(&text), &credential->route.upstream_ca))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    credential->row.upstream_ca = credential->route.upstream_ca;
    return KH_OK;
}
