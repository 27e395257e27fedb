/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the preface of a connection, and holding the connection to it.
 */
#include "relayed.h"

#include "proxy.h"
#include "transparent.h"

#include <string.h>

_Static_assert((int)PREFACE_RUN_SIZE == (int)RUN_ID_SIZE, "a run has one name");
_Static_assert((int)PREFACE_MAX <= (int)CONDUIT_IN_MAX,
               "a preface fits the buffer that it is read into");
_Static_assert((int)PREFACE_TOKEN_MAX <= (int)HTTP1_LINE_MAX, "so does its token");

void
relayed_init(struct relayed *relayed)
{
    *relayed = (struct relayed){0};
    buffer_init(&relayed->hosts, (size_t)RELAYED_PREFACES_MAX * (PREFACE_HOSTS_MAX + 1));
}

void
relayed_free(struct relayed *relayed)
{
    buffer_free(&relayed->hosts);
}

void
relayed_begin(struct connection *c)
{
    const struct listener *listener = c->listener;
    // Where names or gateways' questions are the whole business, nobody relays.
    c->relayed.done = listener->kind == LISTENER_DNS_TCP || listener->gateway.only;
    memcpy(c->relayed.answer, listener->answer, sizeof c->relayed.answer);
}

bool
relayed_may_begin(const struct connection *c)
{
    struct preface preface;
    size_t used;
    return !c->relayed.done && !c->tunnel.intercepted &&
           preface_read(buffer_bytes(&c->conduit.in), &preface, &used) != PREFACE_NONE;
}

static bool
keep(struct connection *c, const struct preface *preface)
{
    struct relayed *relayed = &c->relayed;
    static const uint8_t none[PREFACE_RUN_SIZE];
    if (memcmp(preface->run, none, sizeof none) != 0)
        memcpy(relayed->run, preface->run, sizeof relayed->run);
    memcpy(relayed->answer, preface->answer, sizeof relayed->answer);
    relayed->require_token |= preface->require_token;
    if (relayed->hosts.n > 0 && preface->hosts.n > 0)
        buffer_put_byte(&relayed->hosts, '\n');
    buffer_put(&relayed->hosts, preface->hosts);
    if (preface->token.n > 0) {
        relayed->has_token = true;
        buffer_clear(&c->tunnel.token);
        buffer_put(&c->tunnel.token, preface->token);
    }
    return !relayed->hosts.failed && !c->tunnel.token.failed; // a limit that is lost is none
}

static enum step
begin(struct connection *c, enum preface_kind kind, uint16_t port)
{
    switch (kind) {
    case PREFACE_PROXY:
        connection_move(c, CONNECTION_IDLE);
        return STEP_AGAIN;
    case PREFACE_TRANSPARENT:
        transparent_begin(c, port);
        return STEP_AGAIN;
    case PREFACE_DNS:
        connection_move(c, CONNECTION_DNS);
        return STEP_AGAIN;
    case PREFACE_KIND_COUNT:
        break;
    }
    connection_abort(c);
    return STEP_WAIT;
}

enum step
relayed_step(struct connection *c)
{
    struct preface preface;
    size_t used;
    switch (preface_read(buffer_bytes(&c->conduit.in), &preface, &used)) {
    case PREFACE_MORE:
        if (c->conduit.ended != STREAM_OK)
            connection_close(c);
        return STEP_WAIT;
    case PREFACE_NONE: // it began like one
        c->relayed.done = true;
        connection_move(c, CONNECTION_IDLE);
        return STEP_AGAIN;
    case PREFACE_READ:
        break;
    case PREFACE_BAD:
        log_debug("preface", "a preface that is not understood from %s", c->peer);
        connection_abort(c);
        return STEP_WAIT;
    }
    c->relayed.done = preface.kind != PREFACE_PROXY || ++c->relayed.count == RELAYED_PREFACES_MAX;
    if (!keep(c, &preface)) {
        connection_abort(c);
        return STEP_WAIT;
    }
    enum preface_kind kind = preface.kind;
    uint16_t port = preface.port;
    conduit_consume(&c->conduit, used);
    return begin(c, kind, port);
}

bool
relayed_allows(const struct connection *c, struct bytes host)
{
    struct bytes rest = buffer_bytes(&c->relayed.hosts), hosts;
    while (bytes_cut(&rest, '\n', &hosts)) {
        const struct preface preface = {.hosts = hosts};
        if (!preface_allows(&preface, host))
            return false;
    }
    return true;
}
