/* SPDX-License-Identifier: Apache-2.0
 *
 * A proxy on a plain listener, with one client that is connected to it, during each test.
 */
#ifndef KEYHOLE_TESTS_PROXY_PLAIN_FIXTURE_H
#define KEYHOLE_TESTS_PROXY_PLAIN_FIXTURE_H

#include "fixture.h"

static struct world *w;
static int client;

static inline int
plain_setup(void **state)
{
    (void)state;
    w = world_plain();
    client = connect_loopback(w->port);
    return 0;
}

static inline int
plain_teardown(void **state)
{
    (void)state;
    close(client);
    world_free(w);
    return 0;
}

#endif
