/* SPDX-License-Identifier: Apache-2.0
 *
 * What a relay says of a connection before the connection's own bytes (caveats/preface.h), and what
 * follows from it for everything that comes after. docs/PROTOCOL.run.md.
 */
#ifndef KEYHOLE_PROXY_RELAYED_H
#define KEYHOLE_PROXY_RELAYED_H

#include "../../caveats/preface.h"
#include "../messages.h"

struct connection;
enum step;

enum { RELAYED_PREFACES_MAX = 4 };

/* Zeros: nothing was said. A relay may stand behind another one (a run within a run): each puts its
 * preface first, and what comes later narrows further. */
struct relayed {
    bool done; /* no preface can come any more */
    unsigned count;
    bool require_token;
    bool has_token;           /* it is the connection's tunnel.token */
    uint8_t run[RUN_ID_SIZE]; /* of the last that names one; zeros: none */
    uint8_t answer[4];        /* for DNS */
    struct buffer hosts;      /* a list of patterns a line, each a limit; empty: none */
};

void relayed_init(struct relayed *relayed);
void relayed_free(struct relayed *relayed);

/* What the connection's listener says of it. */
void relayed_begin(struct connection *connection);
/* Whether a connection's first bytes may be a preface. */
bool relayed_may_begin(const struct connection *connection);
/* The step of CONNECTION_PREFACE. */
enum step relayed_step(struct connection *connection);

/* Whether the connection may be used for that canonical host: to be asked for every destination but
 * the broker itself. */
KH_MUST_CHECK bool relayed_allows(const struct connection *connection, struct bytes host);
/* The sentence for whoever it is not. */
#define RELAYED_REFUSAL "the run that this connection is of may not reach that host"

#endif
