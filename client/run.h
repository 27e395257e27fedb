/* SPDX-License-Identifier: Apache-2.0
 *
 * A run: a program whose way out is a relay to the broker. In four steps, so that one may fail and
 * what was begun is still ended.
 */
#ifndef KEYHOLE_CLIENT_RUN_H
#define KEYHOLE_CLIENT_RUN_H

#include "child.h"
#include "relay.h"
#include "room.h"
#include "run_directory.h"
#include "run_report.h"
#include "run_setup.h"
#include "variables.h"

#include <sys/resource.h>

struct run {
    struct run_setup *setup; /* borrowed, must live as long */
    const struct cli *cli;
    uint8_t id[PREFACE_RUN_SIZE];
    struct buffer hosts; /* the limit of this run, as of a preface; empty: none */
    struct run_directory directory;
    char ca[RUN_DIRECTORY_PATH_MAX], bundle[RUN_DIRECTORY_PATH_MAX], wgetrc[RUN_DIRECTORY_PATH_MAX];
    struct variables variables;
    char **environment;

    struct event_base *base;
    struct relay *relay;
    uint64_t lost;
    int signal_fd;
    struct event *signal_event;
    sigset_t mask_before;
    bool mask_changed;
    struct rlimit files_before;

    struct child child; /* unless it is in a room */
    bool isolated;      /* there is a room */
    struct room room;
    struct event *room_event;
    bool ended;
    int status;
    bool handed_over; /* the tokens, to a program */
};

/* Directory, relay and environment; nothing runs yet. */
KH_MUST_CHECK enum kh_err run_prepare(struct run *run, struct run_setup *setup,
                                      struct fault *fault);
/* Start the program. KH_ERR_NOT_FOUND and KH_ERR_PERMISSION when it cannot be executed. */
KH_MUST_CHECK enum kh_err run_start(struct run *run, char *const argv[], struct fault *fault);
/* Relay, and hand signals on, until it has ended; its exit status, 128 and more for a signal. */
int run_wait(struct run *run);
/* Whatever came before: end the relay, revoke, report, remove. `status` is for the report. */
void run_end(struct run *run, int status);

#endif
