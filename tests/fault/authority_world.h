/* SPDX-License-Identifier: Apache-2.0
 *
 * An authority whose calls fail, and a proxy that is a bare socket: what the test itself does is
 * neither counted nor made to fail.
 */
#ifndef KEYHOLE_TESTS_AUTHORITY_WORLD_H
#define KEYHOLE_TESTS_AUTHORITY_WORLD_H

#include "../unit/authority/proxy_peer.h"
#include "job.h"

#include "../../broker/log.h"
#include "../../caveats/chain.h"

#include <sys/socket.h>

#define WORLD_POLICY                                                                               \
    "version: 1\\ngrants:\\n  - name: all\\n    to: [user alice, user operator]\\n"                \
    "    credentials: [openai]\\n    caveats: [path ~ /v1/**]\\n"                                  \
    "forbid:\\n  - name: no-deletes\\n    when: [method = DELETE]\\n"

static struct authority authority;
static int world_proxy = -1; /* our end */
static uint8_t world_input[262144];

static inline void
world_connect(void)
{
    int ends[2];

    if (world_proxy >= 0)
        close(world_proxy);
    assert_ok(channel_pair(ends, fault));
    world_proxy = ends[1];
    assert_ok(serve_proxy_add(&authority, ends[0], 4711, fault));
}

/* Everything that is ready, and what comes of it. */
static inline void
world_turn(void)
{
    for (int i = 0; i < 8; i++)
        (void)event_base_loop(authority.base, EVLOOP_NONBLOCK);
}

/* Read away what was sent to the proxy. False: the channel is closed. */
static inline bool
world_drain(void)
{
    for (;;) {
        ssize_t n = recv(world_proxy, world_input, sizeof world_input, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return false;
        if (n < 0)
            return true;
    }
}

/* What became of the channel: a proxy that lost it is given another one. */
static inline void
world_settle(void)
{
    world_turn();
    if (authority.proxy_count == 0 || !world_drain()) {
        world_turn();
        assert_int_equal(authority.proxy_count, 0);
        world_connect();
    }
    world_turn();
    assert_true(world_drain());
}

static inline void
world_open(void)
{
    fixture_open(&authority);
    fixture_dischargers(&authority);
    authority.base = peer_base();
    world_connect();
    world_settle();
}

static inline void
world_close(void)
{
    serve_proxies_close(&authority);
    if (world_proxy >= 0)
        close(world_proxy);
    world_proxy = -1;
    event_base_free(authority.base);
    authority_close(&authority);
}

static inline void
world_create(bool with_policy)
{
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    if (with_policy)
        json_decref(fixture_do(&authority, "{\"command\": \"policy.apply\", \"text\": "
                                           "\"" WORLD_POLICY "\"}"));
    authority_close(&authority);
}

static inline int
world_setup(void **state)
{
    log_init("fault", LOG_FORMAT_HUMAN, LOG_LEVEL_ERROR);
    if (nth_job_setup(state) || fixture_setup(state))
        return -1;
    world_create(true);
    world_open();
    return 0;
}

static inline int
world_teardown(void **state)
{
    (void)nth_job_teardown(state);
    world_close();
    return fixture_teardown(state);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

/* ---- frames ---- */

static inline void
world_number(uint8_t *p, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

static inline void
world_send(enum message_type type, uint64_t id, struct bytes body)
{
    uint8_t header[16];
    world_number(header, body.n, 4);
    world_number(header + 4, type, 2);
    world_number(header + 6, 0, 2);
    world_number(header + 8, id, 8);
    struct iovec part[2] = {{header, sizeof header}, {(void *)(uintptr_t)body.p, body.n}};
    struct msghdr message = {.msg_iov = part, .msg_iovlen = 2};
    assert_int_equal(sendmsg(world_proxy, &message, MSG_NOSIGNAL), sizeof header + body.n);
}

static inline void
world_send_decide(uint64_t id, const struct message_decide *request)
{
    BUFFER_AUTO body;

    buffer_init(&body, 131072);
    message_decide_tx(request, &body);
    assert_false(body.failed);
    world_send(MESSAGE_DECIDE, id, buffer_bytes(&body));
}

/* The next message to the proxy, borrowed until the next call; false: there is none. */
static inline bool
world_next(enum message_type *type, uint64_t *id, struct bytes *body)
{
    static size_t at, n;

    if (at == n) {
        ssize_t got = recv(world_proxy, world_input, sizeof world_input, MSG_DONTWAIT);
        at = n = 0;
        if (got < 16)
            return false;
        n = (size_t)got;
    }
    const uint8_t *p = world_input + at;
    size_t size = p[0] | p[1] << 8 | (size_t)p[2] << 16;
    *type = (enum message_type)(p[4] | p[5] << 8);
    *id = 0;
    for (int k = 7; k >= 0; k--)
        *id = *id << 8 | p[8 + k];
    *body = bytes_of(p + 16, size);
    at += 16 + size;
    return true;
}

/* The answer of that type and id among all that was sent; false: none came. The body stays valid
 * until the next call. */
static inline bool
world_answer(enum message_type type, uint64_t id, struct bytes *out)
{
    static uint8_t kept[262144];
    enum message_type got;
    uint64_t got_id;
    struct bytes body;
    bool found = false;

    while (world_next(&got, &got_id, &body)) {
        if (got != type || got_id != id)
            continue;
        assert_false(found); // one question, one answer
        memcpy(kept, body.p, body.n);
        *out = bytes_of(kept, body.n);
        found = true;
    }
    return found;
}

/* How many of the decisions that were sent allow. */
static inline unsigned
world_allows(void)
{
    static struct message_decision decision;
    enum message_type type;
    uint64_t id;
    struct bytes body;
    unsigned n = 0;

    while (world_next(&type, &id, &body))
        n += type == MESSAGE_DECISION && message_decision_rx(body, &decision) == KH_OK &&
             decision.allow;
    return n;
}

/* How often that stands in the audit log. */
static inline size_t
world_recorded(const char *first, const char *second)
{
    struct buffer log;
    struct bytes rest = fixture_read(fixture_path("state/audit.log"), &log), line;
    size_t n = 0;

    while (bytes_cut(&rest, '\n', &line))
        n += bytes_find(line, bytes_str(first)) < line.n &&
             bytes_find(line, bytes_str(second)) < line.n;
    buffer_free(&log);
    return n;
}

/* kill -9 now: what is on the disk, as another broker would find it. */
static inline void
world_copy(const char *name)
{
    char command[640];

    snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s' '%s'", fixture_path(name),
             fixture_path("state"), fixture_path(name));
    assert_int_equal(system(command), 0);
}

#endif
