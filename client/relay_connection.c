/* SPDX-License-Identifier: Apache-2.0
 *
 * One relayed connection: a lane each way, with a bound. What is full is not read from, so that the
 * slower side sets the pace.
 */
#include "relay_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LANE_SIZE = 32768,
    LANE_ROUNDS_MAX = 8, // then others have their turn
    DISCARD_S = 10,      // for a client that goes on sending what nobody wants
};

_Static_assert((int)LANE_SIZE >= (int)PREFACE_MAX, "a preface is the first that a lane carries");

struct lane {
    struct relay_side *from, *to;
    size_t start, end;
    bool ended;     // nothing more comes in
    bool failed;    // and that was no orderly end
    bool passed_on; // the other side knows
    bool discard;   // the other side takes nothing more
    short from_interest, to_interest;
    uint8_t bytes[LANE_SIZE];
};

enum lane_result { LANE_RESTS = 0, LANE_MOVES, LANE_BROKEN };

struct relay_connection {
    LIST_ENTRY(relay_connection) entry;
    struct relay *relay;
    struct relay_side client, broker;
    struct event *turn, *deadline;
    bool open;
    struct lane up, down;
};

/* ---- lanes ---- */

// Whether something came.
static bool
lane_fill(struct lane *lane)
{
    size_t n;
    lane->from_interest = 0;
    if (lane->start > 0 && lane->end == LANE_SIZE) {
        memmove(lane->bytes, lane->bytes + lane->start, lane->end - lane->start);
        lane->end -= lane->start;
        lane->start = 0;
    }
    if (lane->ended || lane->end == LANE_SIZE)
        return false;
    enum wire_result result =
        wire_read(&lane->from->wire, lane->bytes + lane->end, LANE_SIZE - lane->end, &n);
    lane->from_interest = relay_interest(result);
    if (result == WIRE_DONE && !lane->discard)
        lane->end += n;
    lane->failed = result == WIRE_FAILED;
    lane->ended = lane->failed || result == WIRE_END;
    return result == WIRE_DONE;
}

static enum lane_result
lane_drain(struct lane *lane)
{
    size_t n;
    lane->to_interest = 0;
    if (lane->start == lane->end)
        return LANE_RESTS;
    enum wire_result result =
        wire_write(&lane->to->wire, lane->bytes + lane->start, lane->end - lane->start, &n);
    lane->to_interest = relay_interest(result);
    if (result == WIRE_FAILED)
        return LANE_BROKEN;
    if (result != WIRE_DONE)
        return LANE_RESTS;
    lane->start += n;
    if (lane->start == lane->end)
        lane->start = lane->end = 0;
    return LANE_MOVES;
}

static enum lane_result
lane_pass_end_on(struct lane *lane)
{
    if (!lane->ended || lane->passed_on || lane->start < lane->end)
        return LANE_RESTS;
    if (lane->failed)
        return LANE_BROKEN;
    enum wire_result result = lane->discard ? WIRE_DONE : wire_end(&lane->to->wire);
    lane->to_interest |= relay_interest(result);
    lane->passed_on = result == WIRE_DONE;
    return result == WIRE_FAILED ? LANE_BROKEN : LANE_RESTS;
}

static enum lane_result
lane_move(struct lane *lane)
{
    for (unsigned i = 0; i < LANE_ROUNDS_MAX; i++) {
        bool came = lane_fill(lane);
        enum lane_result drained = lane_drain(lane);
        if (drained == LANE_BROKEN || lane_pass_end_on(lane) == LANE_BROKEN)
            return LANE_BROKEN;
        if (!came && drained == LANE_RESTS)
            return LANE_RESTS;
    }
    return LANE_MOVES;
}

/* ---- connections ---- */

static void connection_run(struct relay_connection *connection);

static void
connection_end(struct relay_connection *connection, bool abort)
{
    LIST_REMOVE(connection, entry);
    relay_side_close(&connection->client, abort);
    relay_side_close(&connection->broker, abort);
    if (connection->turn != NULL)
        event_free(connection->turn);
    if (connection->deadline != NULL)
        event_free(connection->deadline);
    wipe(&connection->up, sizeof connection->up);
    wipe(&connection->down, sizeof connection->down);
    free(connection);
}

void
relay_connection_free(struct relay_connection *connection)
{
    connection_end(connection, true);
}

static void
connection_is_ready(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    connection_run(context);
}

static void
connection_is_late(evutil_socket_t fd, short what, void *context)
{
    struct relay_connection *connection = context;
    (void)fd;
    (void)what;
    connection->relay->lost += !connection->open;
    connection_end(connection, true);
}

static void
connection_watch(struct relay_connection *connection)
{
    const struct lane *up = &connection->up, *down = &connection->down;
    relay_side_watch(&connection->client, up->from_interest | down->to_interest,
                     connection_is_ready, connection);
    relay_side_watch(&connection->broker, up->to_interest | down->from_interest,
                     connection_is_ready, connection);
}

// A broker that has answered may close before it has read all: its answer is delivered, and what
// the client still sends goes nowhere.
static void
connection_discard(struct relay_connection *connection)
{
    struct lane *up = &connection->up;
    up->discard = true;
    up->start = up->end = 0;
    up->to_interest = 0;
}

static void
connection_carry(struct relay_connection *connection)
{
    struct lane *up = &connection->up, *down = &connection->down;
    enum lane_result above = lane_move(up);
    if (above == LANE_BROKEN && !up->failed && !up->discard) {
        connection_discard(connection);
        above = lane_move(up);
    }
    enum lane_result below = above == LANE_BROKEN ? LANE_BROKEN : lane_move(down);
    if (below == LANE_BROKEN) {
        connection_end(connection, true);
        return;
    }
    if (up->passed_on && down->passed_on) {
        connection_end(connection, false);
        return;
    }
    if (up->discard && down->passed_on && !event_pending(connection->deadline, EV_TIMEOUT, NULL))
        event_add(connection->deadline, &(struct timeval){.tv_sec = DISCARD_S});
    connection_watch(connection);
    if (above == LANE_MOVES || below == LANE_MOVES)
        event_add(connection->turn, &(struct timeval){0});
}

static void
connection_connect(struct relay_connection *connection)
{
    // Its descriptor may be another one afterwards.
    relay_side_watch(&connection->broker, 0, NULL, NULL);
    enum wire_result result = wire_connect(&connection->broker.wire);
    if (result == WIRE_FAILED) {
        connection->relay->lost++;
        connection_end(connection, true);
    } else if (result == WIRE_LATER) {
        event_add(connection->turn, &(struct timeval){.tv_usec = RELAY_FULL_PAUSE_US});
    } else if (result == WIRE_DONE) {
        connection->open = true;
        event_del(connection->deadline);
        connection_carry(connection);
    } else {
        relay_side_watch(&connection->broker, relay_interest(result), connection_is_ready,
                         connection);
    }
}

static void
connection_run(struct relay_connection *connection)
{
    if (connection->open)
        connection_carry(connection);
    else
        connection_connect(connection);
}

bool
relay_connection_start(struct relay *relay, int fd, struct bytes preface)
{
    struct relay_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        close(fd);
        return false;
    }
    connection->relay = relay;
    LIST_INSERT_HEAD(&relay->connections, connection, entry);
    bool ready = relay_side_init(&connection->client, relay->base) &&
                 relay_side_init(&connection->broker, relay->base);
    wire_init_accepted(&connection->client.wire, fd);
    wire_init(&connection->broker.wire, relay->target);
    connection->up.from = connection->down.to = &connection->client;
    connection->up.to = connection->down.from = &connection->broker;
    memcpy(connection->up.bytes, preface.p, preface.n);
    connection->up.end = preface.n;
    connection->turn = evtimer_new(relay->base, connection_is_ready, connection);
    connection->deadline = evtimer_new(relay->base, connection_is_late, connection);
    if (!ready || connection->turn == NULL || connection->deadline == NULL) {
        connection_end(connection, true);
        return false;
    }
    event_add(connection->deadline, &(struct timeval){.tv_sec = RELAY_CONNECT_S});
    connection_connect(connection);
    return true;
}
