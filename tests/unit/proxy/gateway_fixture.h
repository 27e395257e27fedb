/* SPDX-License-Identifier: Apache-2.0
 *
 * A proxy with a listener for gateways, and questions as nginx and Envoy ask them.
 */
#ifndef KEYHOLE_TESTS_GATEWAY_FIXTURE_H
#define KEYHOLE_TESTS_GATEWAY_FIXTURE_H

#include "fixture.h"

#include "../../../broker/gateway_key.h"

#define GATEWAY_KEY "khg_test-test-test-test-test-test-test-test"
#define SAYS                                                                                       \
    "Host: keyhole\r\nKeyhole-Check-Destination: https://api.test:443\r\n"                         \
    "Keyhole-Check-Client: 192.0.2.1\r\nKeyhole-Gateway-Key: " GATEWAY_KEY "\r\n"
#define ALL_NAMES                                                                                  \
    "authorization,host,keyhole-check-destination,keyhole-check-client,keyhole-gateway-key,"       \
    "keyhole-check-prefix,keyhole-check-headers,keyhole-check-body,keyhole-check-method,"          \
    "keyhole-check-target,keyhole-check-length,keyhole-check-coding"
#define NGINX_ASKS(target)                                                                         \
    "GET /nginx/api HTTP/1.1\r\n" SAYS "Keyhole-Check-Prefix: -\r\n"                               \
    "Keyhole-Check-Headers: " ALL_NAMES "\r\nKeyhole-Check-Body: unseen\r\n"                       \
    "Keyhole-Check-Method: POST\r\nKeyhole-Check-Target: " target "\r\n"
#define ENVOY_ASKS(method, target, body)                                                           \
    method " /envoy/api" target " HTTP/1.1\r\n" SAYS "Keyhole-Check-Prefix: /~api\r\n"             \
           "Keyhole-Check-Headers: authorization\r\nKeyhole-Check-Body: " body "\r\n"
#define BEARER "Authorization: Bearer " TOKEN "\r\n"

static UNUSED struct world *
gateway_world(uint16_t *port)
{
    const struct world_route route = {.credential = "api", .host = "api.test", .tls = true};
    struct world *w = world_new(&route, 1, NULL);
    int fd = listen_loopback(port);
    BUFFER_AUTO body;
    buffer_init(&body, 65536);
    struct message_listener message = {.kind = LISTENER_TCP, .name = BYTES("127.0.0.1:1")};
    message.gateway.only = true;
    message.gateway.key_count = 1;
    gateway_key_hash(GATEWAY_KEY, message.gateway.key_hash[0]);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    message_listener_tx(&message, &body);
    assert_false(body.failed);
    send_frame(w->supervisor, MESSAGE_LISTENER, 0, buffer_bytes(&body), fd);
    close(fd);
    return w;
}

/* The answer to what was refused by the proxy itself, for `reason`. */
static UNUSED void
expect_check_refused(struct world *w, uint16_t port, const char *request, enum kh_reason reason)
{
    int client = connect_loopback(port);
    send_text(client, request);
    const struct message_decide *decide = expect_decide(w);
    if (decide->refused != reason)
        fail_msg("refused for %s, not %s: %s", kh_reason_code(decide->refused),
                 kh_reason_code(reason), request);
    assert_int_equal(decide->way, reason == KH_REASON_REQUEST_MALFORMED ? decide->way : WAY_CHECK);
    deny(w, reason);
    assert_contains(read_answer(client), kh_reason_code(reason));
    close(client);
}

#endif
