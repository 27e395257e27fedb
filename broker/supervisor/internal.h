/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the supervisor share.
 *
 *     supervisor.c   set up, serve, drain, stop
 *     listeners.c    what is listened on
 *     reload.c       the configuration, read at the start and again on SIGHUP
 *     discharger.c   where the discharger beside the broker is
 */
#ifndef KEYHOLE_SUPERVISOR_INTERNAL_H
#define KEYHOLE_SUPERVISOR_INTERNAL_H

#include "family.h"
#include "lock.h"
#include "notify.h"
#include "supervisor.h"

enum { SUPERVISOR_SIGNALS = 4 };

enum supervisor_phase { PHASE_STARTING = 0, PHASE_SERVING, PHASE_STOPPING };

struct supervisor_discharger {
    struct listener *listener;
    size_t listener_count;
    struct listener admin;
    char url[DISCHARGER_URL_MAX + 1]; /* "": there is none */
};

struct supervisor {
    const struct supervisor_options *options;
    enum supervisor_phase phase;
    int exit_status;
    char directory[PATH_MAX];   /* absolute */
    char config_path[PATH_MAX]; /* "" when there is no file */
    struct config config;       /* as in effect */
    struct secret passphrase;
    struct notify notify;
    int lock_fd, null_fd;
    struct listener *listener; /* the proxies'; those of the configuration, and the unix socket */
    size_t listener_count;
    struct listener admin;
    size_t proxies;
    struct supervisor_discharger discharger;
    struct event_base *base;
    struct event *signal[SUPERVISOR_SIGNALS], *watchdog, *watch;
    struct family family;
};

/* The configuration with the listeners of the command line in it. */
KH_MUST_CHECK enum kh_err supervisor_effective_config(const struct supervisor_options *options,
                                                      struct config *config, char *used,
                                                      struct fault *fault);
/* Takes `made` over, also on failure. */
KH_MUST_CHECK enum kh_err supervisor_add_listener(struct supervisor *supervisor,
                                                  struct listener *made, struct fault *fault);
/* All that the configuration wants, the discharger's and the unix sockets. */
KH_MUST_CHECK enum kh_err supervisor_open_listeners(struct supervisor *supervisor,
                                                    struct fault *fault);
/* Leave what is listened on with the service manager, if there is one. */
void supervisor_keep_listeners(struct supervisor *supervisor);
/* Without `all`, those that serve metrics stay open. */
void supervisor_close_listeners(struct supervisor *supervisor, bool all);
/* Read the configuration, and apply what can be; with `look` apply nothing. `report`: "ok", the
 * file, and a line for each setting that changed (name, old, new, what becomes of it, with tabs
 * between), or "failed" and why. */
void supervisor_reload(struct supervisor *supervisor, bool look, struct buffer *report);
/* The configuration in effect is the one that was just read. */
void supervisor_note_config(void);

/* The discharger's sockets and URL, when the configuration wants one. */
KH_MUST_CHECK enum kh_err discharger_open(struct supervisor_discharger *discharger,
                                          const struct config *config, const char *directory,
                                          struct fault *fault);
void discharger_close(struct supervisor_discharger *discharger);
/* Put what the command line says into the configuration. */
KH_MUST_CHECK enum kh_err discharger_apply_options(const struct supervisor_options *options,
                                                   struct config *config, struct fault *fault);

/* Which of `wanted` are served already (`found[i]`), and which served ones are still wanted
 * (`kept[i]`); one of port 0 stands for one. Unix sockets are always kept. */
void reload_match(const struct listener *served, size_t served_count,
                  const struct config_listener *wanted, size_t wanted_count, bool *kept,
                  bool *found);

#endif
