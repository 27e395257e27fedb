/* SPDX-License-Identifier: Apache-2.0
 *
 * Contexts of a client and of a server that know each other, for a whole group of tests.
 */
#ifndef KEYHOLE_TLS_CONTEXTS_H
#define KEYHOLE_TLS_CONTEXTS_H

#include "tls_test.h"

static struct identity root, leaf;
static SSL_CTX *client, *server;

static int
make_contexts(void **state)
{
    static const struct certificate_wish root_wish = {.common_name = "root", .is_ca = true},
                                         leaf_wish = {.alternative_names = "DNS:a.example"};
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    root = identity_new(NULL, &root_wish);
    leaf = identity_new(&root, &leaf_wish);
    client = client_context(&root);
    server = server_context(&leaf);
    return 0;
}

static int
free_contexts(void **state)
{
    (void)state;
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    identity_free(&root);
    identity_free(&leaf);
    return 0;
}

#endif
