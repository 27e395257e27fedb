/* SPDX-License-Identifier: Apache-2.0
 *
 * What an object carries that is freed when nobody up the stack can touch it any more (proxy_bury).
 */
#ifndef KEYHOLE_PROXY_BURIAL_H
#define KEYHOLE_PROXY_BURIAL_H

struct burial {
    struct burial *next;
    void *object;
    void (*destroy)(void *object);
};

#endif
