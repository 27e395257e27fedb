/* SPDX-License-Identifier: Apache-2.0
 *
 * A run in a closed room: its settings, and the relay behind its sockets.
 */
#include "run_room.h"

#include "command_run.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* ---- settings ---- */

static enum kh_err
settings_put_paths(const struct run *run, int id, const char **path, size_t *count,
                   struct fault *fault)
{
    const struct options *options = run->setup->options;
    for (size_t i = 0; i < options->given_count; i++) {
        if (options->given[i].id != id)
            continue;
        if (*count == ROOM_PATHS_MAX)
            return fault_set(fault, KH_ERR_USAGE, "%d paths of a kind at most", ROOM_PATHS_MAX);
        path[(*count)++] = options->given[i].value;
    }
    return KH_OK;
}

// "ports" of a row of the broker's answer. Beyond the limit nft redirects, where it is there.
static void
settings_put_ports(const json_t *row, struct room_settings *out)
{
    const json_t *ports = json_object_get(row, "ports");
    for (size_t i = 0; i < json_array_size(ports); i++) {
        json_int_t port = json_integer_value(json_array_get(ports, i));
        bool known = port == 80 || port == 443;
        for (size_t j = 0; j < out->port_count && !known; j++)
            known = out->port[j] == port;
        if (!known && port > 0 && port <= UINT16_MAX && out->port_count < ROOM_PORTS_MAX)
            out->port[out->port_count++] = (uint16_t)port;
    }
}

enum kh_err
run_room_settings(const struct run *run, struct room_settings *out, struct fault *fault)
{
    struct room_settings settings = {.bundle = run->directory.path,
                                     .roots = run->bundle,
                                     .unix_sockets =
                                         options_has(run->setup->options, RUN_OPTION_UNIX_SOCKETS)};
    enum kh_err err =
        settings_put_paths(run, RUN_OPTION_RO, settings.ro, &settings.ro_count, fault);
    if (err == KH_OK)
        err = settings_put_paths(run, RUN_OPTION_RW, settings.rw, &settings.rw_count, fault);
    if (err == KH_OK)
        err = settings_put_paths(run, RUN_OPTION_HIDE, settings.hide, &settings.hide_count, fault);
    for (size_t i = 0; err == KH_OK && i < run->setup->tokens.count; i++) {
        static const char *const list[] = {"credentials", "pass_through"};
        for (size_t j = 0; j < 2; j++) {
            const json_t *rows = json_object_get(run->setup->environment[i].answer, list[j]);
            for (size_t k = 0; k < json_array_size(rows); k++)
                settings_put_ports(json_array_get(rows, k), &settings);
        }
    }
    if (err == KH_OK)
        *out = settings;
    return err;
}

/* ---- the relay ---- */

static int
room_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

// A broker on a network wants a token for hosts without a credential; on a unix socket the room's
// walls say whose connection it is.
static enum kh_err
room_put_token(const struct run *run, struct buffer *out, struct fault *fault)
{
    if (run->setup->broker.unix_path != NULL)
        return KH_OK;
    return run_token_for(&run->setup->tokens.token[0], RUN_PASS_THROUGH, "", out, fault);
}

static enum kh_err
room_serve(struct run *run, struct bytes token, struct fault *fault)
{
    struct preface preface = {.token = token, .hosts = buffer_bytes(&run->hosts)};
    struct room *room = &run->room;
    memcpy(preface.run, run->id, sizeof preface.run);
    enum kh_err err = relay_listen(run->relay, room_take(&room->proxy_fd), &preface, fault);
    preface.kind = PREFACE_TRANSPARENT;
    for (size_t i = 0; err == KH_OK && i < room->transparent_count; i++)
        err = relay_listen(run->relay, room_take(&room->transparent_fd[i]), &preface, fault);
    preface.kind = PREFACE_DNS;
    preface.token = BYTES_EMPTY;
    inet_pton(AF_INET, ROOM_ADDRESS, preface.answer);
    if (err == KH_OK)
        err = relay_serve_dns(run->relay, room_take(&room->dns_udp_fd), &preface, fault);
    if (err == KH_OK)
        err = relay_listen(run->relay, room_take(&room->dns_tcp_fd), &preface, fault);
    return err;
}

static void
room_is_stopped(evutil_socket_t fd, short what, void *context)
{
    struct run *run = context;
    (void)fd;
    (void)what;
    if (!room_attend(&run->room))
        event_del(run->room_event);
}

static enum kh_err
room_open(struct run *run, char *const argv[], struct fault *fault)
{
    struct room_settings settings;
    struct rlimit ours;
    enum kh_err err = run_room_settings(run, &settings, fault);
    if (err != KH_OK)
        return err;
    // The program gets the limit of descriptors that we were given, and not ours.
    getrlimit(RLIMIT_NOFILE, &ours);
    setrlimit(RLIMIT_NOFILE, &run->files_before);
    err = room_start(&settings, argv, run->environment, &run->room, fault);
    setrlimit(RLIMIT_NOFILE, &ours);
    run->isolated = err == KH_OK;
    return err;
}

enum kh_err
run_room_start(struct run *run, char *const argv[], struct fault *fault)
{
    struct buffer token;
    buffer_init_secret(&token, TOKEN_TEXT_MAX);
    enum kh_err err = room_put_token(run, &token, fault);
    if (err == KH_OK)
        err = room_open(run, argv, fault);
    if (err == KH_OK)
        err = room_serve(run, buffer_bytes(&token), fault);
    buffer_free(&token);
    if (err != KH_OK)
        return err;
    run->room_event =
        event_new(run->base, run->room.control_fd, EV_READ | EV_PERSIST, room_is_stopped, run);
    if (run->room_event == NULL || event_add(run->room_event, NULL) != 0)
        return fault_set(fault, KH_ERR_IO, "the room cannot be watched");
    if (!run->room.redirected)
        run_setup_say(run->setup,
                      "without nft (package nftables), or the kernel's part of it, the room has no "
                      "ports but 80, 443 and those of the credentials");
    return room_go(&run->room, fault);
}

void
run_room_end(struct run *run)
{
    if (run->room_event != NULL)
        event_free(run->room_event);
    run->room_event = NULL;
    if (run->isolated)
        room_end(&run->room);
    run->isolated = false;
}
