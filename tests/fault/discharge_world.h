/* SPDX-License-Identifier: Apache-2.0
 *
 * A discharger whose calls fail while it answers one request. Requests are made ready before and
 * answers are read after: what the test itself does is neither counted nor made to fail.
 */
#ifndef KEYHOLE_TESTS_DISCHARGE_WORLD_H
#define KEYHOLE_TESTS_DISCHARGE_WORLD_H

#include "../unit/discharge/services.h"
#include "job.h"

#include "../../broker/json_memory.h"
#include "../../broker/log.h"

#define FOR_ALICE "user = alice and factor = fido2 for 8h"

static struct services world;
static struct softauthn *world_key;
static char world_id[256];
static unsigned world_serial;
static char world_client[32];

/* The request at hand. */
static struct {
    const char *method;
    char path[300];
    char *body; /* NULL: none */
} world_request;

static inline void
world_setup_services(void)
{
    services_open(&world, ATTESTATION_OPTIONAL);
    services_add_user(&world, "alice");
    world_key = services_key();
    services_enroll(&world, "alice", "desk", world_key, world_id);
}

static inline int
world_setup(void **state)
{
    log_init("fault", LOG_FORMAT_HUMAN, LOG_LEVEL_ERROR);
    if (nth_job_setup(state) || fixture_setup(state))
        return -1;
    world_setup_services();
    return 0;
}

static inline int
world_teardown(void **state)
{
    (void)nth_job_teardown(state);
    softauthn_free(&world_key);
    services_close(&world);
    return fixture_teardown(state);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

/* Each run is another client, some time later: limits and old questions are not what is tried. */
static inline void
world_later(void)
{
    snprintf(world_client, sizeof world_client, "198.51.%u.%u", world_serial / 250 % 250,
             world_serial % 250);
    world_serial++;
    world.client = world_client;
    world.now += 2;
    service_tick(world.service, world.now);
}

/* Takes over `body`, which may be NULL. */
static inline void
world_prepare(const char *method, const char *path, json_t *body)
{
    const char *own = world.self.url;
    world_request.method = method;
    snprintf(world_request.path, sizeof world_request.path, "%s",
             strncmp(path, own, strlen(own)) ? path : path + strlen(own));
    free(world_request.body);
    world_request.body = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    buffer_free(&world.response.body);
    world.response = (struct service_response){0};
    buffer_init(&world.response.body, 262144);
}

static inline void
world_act(void *context)
{
    (void)context;
    const struct service_request request = {
        .method = bytes_str(world_request.method),
        .path = bytes_str(world_request.path),
        .content_type = bytes_str(world_request.body ? world.content_type : ""),
        .origin = bytes_str(world.origin),
        .fetch_site = bytes_str(world.fetch_site),
        .body = bytes_str(world_request.body ? world_request.body : ""),
        .client = bytes_str(world.client),
        .now = world.now,
    };
    service_answer(world.service, &request, &world.response);
}

/* Reads the answer. True: it is `status`, and whole. Without a fault it is nothing else. */
static inline bool
world_answered(int status, bool fired)
{
    struct buffer *body = &world.response.body;

    json_decref(world.json);
    world.json = body->failed
                     ? NULL
                     : json_loadb((const char *)body->p, body->n, JSON_REJECT_DUPLICATES, NULL);
    bool good = world.response.status == status && !body->failed;
    if (!fired && !good)
        fail_msg("%s %s: %d, not %d: %s", world_request.method, world_request.path,
                 world.response.status, status, services_body(&world));
    if (!good && json_object_get(world.json, "discharge"))
        fail_msg("%s: REFUSED WITH A DISCHARGE: %s", world_request.path, services_body(&world));
    free(world_request.body);
    world_request.body = NULL;
    return good;
}

/* A discharge for that condition is to be had: the discharger is none the worse. */
static inline void
world_still_fills(void)
{
    char text[1024];
    world_later();
    services_ask(&world, FOR_ALICE, "fido2");
    assert_answer(&world, 201);
    services_answer(&world, world_key, world_id, NULL);
    assert_answer(&world, 200);
    services_discharge(&world, text);
}

/* kill -9 now, and what is on the disk opened; discharge_store_close. */
static inline struct discharge_store *
world_killed(void)
{
    struct discharge_store *store = NULL;
    char command[640];

    snprintf(command, sizeof command, "rm -rf '%s' && mkdir -m 700 '%s' && cp -a '%s'* '%s'",
             fixture_path("copy"), fixture_path("copy"), fixture_path("discharger.db"),
             fixture_path("copy"));
    assert_int_equal(system(command), 0);
    assert_ok(discharge_store_open(fixture_path("copy/discharger.db"), &store, fault));
    return store;
}

#endif
