/* SPDX-License-Identifier: Apache-2.0 */
/* A plan of two credentials, for the tests of what is printed. */
#ifndef KEYHOLE_TESTS_GATEWAY_PLANS_H
#define KEYHOLE_TESTS_GATEWAY_PLANS_H

#include "support.h"

#include "../../../broker/operator/gateway_plan.h"

static inline void
plan_of_two(struct gateway_plan *plan)
{
    *plan = (struct gateway_plan){
        .upstream = {{.credential = "one", .host = "one.example", .port = 443},
                     {.credential = "two",
                      .host = "two.example",
                      .port = 8443,
                      .address = "::1",
                      .address_port = 9443}},
        .count = 2,
        .listen = "127.0.0.1:8480",
        .trusted = "/roots.pem",
        .socket = "/run/g.sock",
    };
    gateway_fields_add(&plan->upstream[0].set, "Authorization");
    gateway_fields_add(&plan->upstream[1].set, "X-Key");
    gateway_fields_add(&plan->upstream[1].slots, "authorization");
}

#define assert_has(out, text)                                                                      \
    do {                                                                                           \
        if (strstr(buffer_text(out), text) == NULL)                                                \
            fail_msg("expected \"%s\" in:\n%s", text, buffer_text(out));                           \
    } while (0)
#define assert_has_not(out, text)                                                                  \
    do {                                                                                           \
        if (strstr(buffer_text(out), text) != NULL)                                                \
            fail_msg("found \"%s\" in:\n%s", text, buffer_text(out));                              \
    } while (0)

#endif
