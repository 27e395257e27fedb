/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator of make bench, for what packaged ones cannot do: requests at a fixed rate on
 * an even schedule, with latency from when a request was due; CONNECT; resumed and full handshakes
 * for each request; thousands of connections that rest. */
#ifndef KEYHOLE_BENCH_LOAD_H
#define KEYHOLE_BENCH_LOAD_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_handshake { HANDSHAKE_KEPT, HANDSHAKE_RESUMED, HANDSHAKE_FULL };

struct load_options {
    int port, connections;
    double seconds, rate; // rate 0: each connection as fast as it goes
    const char *host, *path;
    const char *authority;         // what Host says, where it is not the host alone
    const char *connect;           // CONNECT to this HOST:PORT first
    bool tls, idle;                // idle: one request on each, then rest
    enum load_handshake handshake; // not kept: a new connection for each request
};

enum load_state { CLOSED, DIALLING, TUNNELLING, SHAKING, READY, WAITING };

struct load_connection {
    int fd;
    enum load_state state;
    SSL *ssl;
    SSL_SESSION *session; // the last one; each client resumes its own
    uint64_t due_ns;      // of the request that is under way
    size_t used;          // of `input`, while the head is not complete
    uint64_t left;        // of the answer's body
    bool in_body, answered;
    char input[4096];
};

struct load {
    struct load_options options;
    struct sockaddr_in address;
    SSL_CTX *tls;
    int epoll;
    char request[16384], tunnel[512];
    size_t request_length, tunnel_length;
    uint64_t count, bad, errors, resumed, handshakes;
    uint32_t *latency_us;
    size_t capacity;
    bool counting;
};

/* What became of a connection when something could be done on it. */
enum load_event { LOAD_NOTHING, LOAD_READY, LOAD_ANSWERED, LOAD_FAILED };

uint64_t load_now_ns(void);
bool connection_open(struct load *load, struct load_connection *c);
void connection_close(struct load *load, struct load_connection *c);
bool connection_send(struct load *load, struct load_connection *c);
enum load_event connection_run(struct load *load, struct load_connection *c);

#endif
