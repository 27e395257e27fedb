/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/proxy/relayed.c caveats/preface.c
 *
 * Prefaces of runs within runs, one behind the other: what a connection is held to is what each of
 * them says by itself, and all of it. A host is allowed when every one allows it; a demand for a
 * token stays; the token and the run are the last that were named; there are no more than
 * RELAYED_PREFACES_MAX of them, and none behind one for DNS or a transparent connection. However
 * the bytes arrive, the same comes of it.
 *
 * Input: a byte for the pieces in which it arrives, then the bytes of a connection.
 */

#include "../../../broker/proxy/proxy.h"
#include "../../../broker/proxy/transparent.h"
#include "../fuzz.h"

// Instead of those of the proxy: the state alone.
void
connection_move(struct connection *c, enum connection_state state)
{
    c->state = state;
}

void
connection_abort(struct connection *c)
{
    c->state = CONNECTION_CLOSED;
}

void
connection_close(struct connection *c)
{
    c->state = CONNECTION_CLOSED;
}

void
transparent_begin(struct connection *c, uint16_t port)
{
    c->tunnel.port = port;
    c->state = CONNECTION_PEEKING;
}

void
conduit_consume(struct conduit *conduit, size_t n)
{
    buffer_consume(&conduit->in, n);
}

static void
begin(struct connection *c, const struct listener *listener)
{
    memset(c, 0, sizeof *c);
    c->listener = listener;
    c->state = CONNECTION_IDLE;
    buffer_init(&c->conduit.in, CONDUIT_IN_MAX);
    buffer_init(&c->tunnel.token, HTTP1_LINE_MAX);
    relayed_init(&c->relayed);
    relayed_begin(c);
}

static void
end(struct connection *c)
{
    buffer_free(&c->conduit.in);
    buffer_free(&c->tunnel.token);
    relayed_free(&c->relayed);
}

// As connection_run does it, until more bytes are needed. False: something else has begun.
static bool
run(struct connection *c)
{
    for (;;) {
        if (c->state == CONNECTION_IDLE) {
            if (c->conduit.in.n == 0)
                return true;
            if (!relayed_may_begin(c))
                return false;
            c->state = CONNECTION_PREFACE;
        }
        if (c->state != CONNECTION_PREFACE)
            return false;
        if (relayed_step(c) == STEP_WAIT)
            return c->state == CONNECTION_PREFACE;
    }
}

static void
arrive(struct connection *c, struct bytes input, size_t piece)
{
    while (input.n > 0) {
        struct bytes part = bytes_slice(input, 0, piece ? piece : input.n);
        input = bytes_from(input, part.n);
        buffer_put(&c->conduit.in, part);
        if (!run(c)) {
            buffer_put(&c->conduit.in, input);
            return;
        }
    }
}

/* ---- what it must come to, from the prefaces alone ---- */

struct expected {
    enum connection_state state;
    struct preface preface[RELAYED_PREFACES_MAX];
    size_t count;
    struct bytes rest;
};

static struct expected
expect(struct bytes input)
{
    static const enum connection_state next[] = {
        [PREFACE_PROXY] = CONNECTION_IDLE,
        [PREFACE_TRANSPARENT] = CONNECTION_PEEKING,
        [PREFACE_DNS] = CONNECTION_DNS,
    };
    struct expected e = {.state = CONNECTION_IDLE, .rest = input};
    while (e.state == CONNECTION_IDLE && e.count < RELAYED_PREFACES_MAX && e.rest.n > 0) {
        size_t used = 0;
        enum preface_result result = preface_read(e.rest, &e.preface[e.count], &used);
        if (result == PREFACE_NONE)
            break;
        if (result != PREFACE_READ) {
            e.state = result == PREFACE_MORE ? CONNECTION_PREFACE : CONNECTION_CLOSED;
            break;
        }
        e.rest = bytes_from(e.rest, used);
        e.state = next[e.preface[e.count].kind];
        e.count++;
    }
    return e;
}

static void
check_hosts(const struct connection *c, const struct expected *e)
{
    static const char *const host[] = {"a.example", "api.openai.com", "b.wild.example", "127.0.0.1",
                                       "::1",       "localhost"};
    for (size_t i = 0; i < sizeof host / sizeof host[0]; i++) {
        bool allowed = true;
        for (size_t j = 0; j < e->count; j++)
            allowed &= preface_allows(&e->preface[j], bytes_str(host[i]));
        FUZZ_CHECK(relayed_allows(c, bytes_str(host[i])) == allowed);
    }
}

static void
check(const struct connection *c, const struct expected *e)
{
    static const uint8_t none[RUN_ID_SIZE];
    const uint8_t *run_id = none;
    struct bytes token = BYTES_EMPTY;
    bool require = false;

    FUZZ_CHECK(c->state == e->state);
    if (c->state == CONNECTION_CLOSED)
        return; // nothing is done any more
    FUZZ_SAME(buffer_bytes(&c->conduit.in), e->rest);
    for (size_t i = 0; i < e->count; i++) {
        require |= e->preface[i].require_token;
        if (e->preface[i].token.n > 0)
            token = e->preface[i].token;
        if (memcmp(e->preface[i].run, none, sizeof none) != 0)
            run_id = e->preface[i].run;
    }
    FUZZ_CHECK(c->relayed.require_token == require);
    FUZZ_CHECK(c->relayed.has_token == (token.n > 0));
    FUZZ_SAME(buffer_bytes(&c->tunnel.token), token);
    FUZZ_SAME(bytes_of(c->relayed.run, RUN_ID_SIZE), bytes_of(run_id, RUN_ID_SIZE));
    check_hosts(c, e);
    if (e->count > 0 && c->state == CONNECTION_PEEKING)
        FUZZ_CHECK(c->tunnel.port == e->preface[e->count - 1].port);
    // Another one cannot begin where there may be no more.
    if (e->count == RELAYED_PREFACES_MAX)
        FUZZ_CHECK(!relayed_may_begin(c));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct listener listener = {.kind = LISTENER_TCP};
    static struct connection c;
    struct bytes input = bytes_of(data, size);
    size_t piece = fuzz_u8(&input);
    if (input.n > CONDUIT_IN_MAX)
        return 0;
    struct expected expected = expect(input);

    begin(&c, &listener);
    arrive(&c, input, piece);
    check(&c, &expected);
    end(&c);
    return 0;
}
