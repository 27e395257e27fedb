/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the listeners of whoever watches. */
#include "watch.h"

#include "socket_group.h"

enum kh_err
watch_check(const struct config_metrics *config, struct fault *fault)
{
    gid_t group;
    if (config->socket == NULL)
        return listener_check(&config->listener, fault);
    enum kh_err err = socket_group_find_directory("metrics", config->socket, fault);
    return err == KH_OK && config->group != NULL
               ? socket_group_find("metrics", config->group, &group, fault)
               : err;
}

enum kh_err
watch_open(const struct config_metrics *config, struct listener *out, struct fault *fault)
{
    struct listener made = {.fd = -1};
    enum kh_err err = config->socket == NULL ? listener_open_tcp(&config->listener, &made, fault)
                                             : listener_open_unix(config->socket, &made, fault);
    if (err == KH_OK && config->group != NULL) {
        err = socket_group_open("metrics", config->socket, config->group, fault);
        if (err != KH_OK)
            listener_close(&made);
    }
    if (err != KH_OK)
        return err;
    made.metrics = true;
    *out = made;
    return KH_OK;
}
