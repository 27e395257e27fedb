/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners for gateways, and who may ask there. */
#include "gateway.h"

#include "../gateway_key.h"
#include "socket_group.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

static enum kh_err
find_user(const char *text, uint32_t *out, struct fault *fault)
{
    uint64_t number;
    const struct passwd *user = getpwnam(text);
    if (user != NULL) {
        *out = user->pw_uid;
        return KH_OK;
    }
    if (!bytes_to_u64(bytes_str(text), &number) || number >= UINT32_MAX)
        return fault_set(fault, KH_ERR_CONFIG, "gateway: there is no user \"%.80s\"", text);
    *out = (uint32_t)number;
    return KH_OK;
}

static enum kh_err
read_users(const struct config_gateway *config, struct message_listener_gateway *out,
           struct fault *fault)
{
    _Static_assert((int)CONFIG_GATEWAY_USERS_MAX <= (int)LISTENER_UIDS_MAX, "all of them fit");
    enum kh_err err = KH_OK;
    out->only = true;
    for (size_t i = 0; err == KH_OK && i < config->user_count; i++) {
        err = find_user(config->user[i], &out->uid[i], fault);
        out->uid_count = i + 1;
    }
    return err;
}

static enum kh_err
read_keys(const char *directory, struct message_listener_gateway *out, struct fault *fault)
{
    struct gateway_keys keys;
    enum kh_err err = gateway_keys_read(directory, &keys, fault);
    if (err != KH_OK)
        return err;
    out->only = true;
    out->key_count = keys.count;
    for (size_t i = 0; i < keys.count; i++)
        gateway_key_hash(keys.text[i], out->key_hash[i]);
    wipe(&keys, sizeof keys);
    return KH_OK;
}

// The mode says who may connect: the group, or with a list of users anybody, and the list decides.
static enum kh_err
open_to(const struct config_gateway *config, struct fault *fault)
{
    if (config->group == NULL)
        return chmod(config->socket, 0666) == 0
                   ? KH_OK
                   : fault_set(fault, KH_ERR_IO, "%s: %s", config->socket, strerror(errno));
    return socket_group_open("gateway", config->socket, config->group, fault);
}

enum kh_err
gateway_check(const struct config_gateway *config, const char *directory, struct fault *fault)
{
    struct message_listener_gateway gateway = {0};
    gid_t group;
    if (config->socket == NULL) {
        enum kh_err err = listener_check(&config->listener, fault);
        return err == KH_OK ? read_keys(directory, &gateway, fault) : err;
    }
    enum kh_err err = socket_group_find_directory("gateway", config->socket, fault);
    if (err == KH_OK)
        err = read_users(config, &gateway, fault);
    return err == KH_OK && config->group != NULL
               ? socket_group_find("gateway", config->group, &group, fault)
               : err;
}

enum kh_err
gateway_open(const struct config_gateway *config, const char *directory, struct listener *out,
             struct fault *fault)
{
    struct message_listener_gateway gateway = {0};
    struct listener made = {.fd = -1};
    enum kh_err err = config->socket != NULL ? read_users(config, &gateway, fault)
                                             : read_keys(directory, &gateway, fault);
    if (err != KH_OK)
        return err;
    if (config->socket == NULL) {
        err = listener_open_tcp(&config->listener, &made, fault);
    } else {
        err = listener_open_unix(config->socket, &made, fault);
        if (err == KH_OK && (err = open_to(config, fault)) != KH_OK)
            listener_close(&made);
    }
    if (err != KH_OK)
        return err;
    made.gateway = gateway;
    *out = made;
    return KH_OK;
}
