/* SPDX-License-Identifier: Apache-2.0
 *
 * How long the parts of a message may be. Both sides check: the writer fails, the reader refuses.
 */
#ifndef KEYHOLE_MESSAGES_LIMITS_H
#define KEYHOLE_MESSAGES_LIMITS_H

enum {
    MESSAGE_NAME_MAX = 64,      /* credentials */
    MESSAGE_HOST_MAX = 255,     /* with a leading "*." */
    MESSAGE_ADDRESS_MAX = 64,   /* IPv6 with a zone, a path is longer: see MESSAGE_LISTENER_MAX */
    MESSAGE_FIELD_MAX = 256,    /* names of header fields and query parameters */
    MESSAGE_POINTER_MAX = 1024, /* JSON pointers: a caveat is no longer */
    MESSAGE_METHOD_MAX = 32,
    MESSAGE_DETAIL_MAX = 4096,  /* sentences for people */
    MESSAGE_LISTENER_MAX = 256, /* a unix socket's path has at most 107 bytes */
    MESSAGE_KEY_MAX = 1024,     /* SubjectPublicKeyInfo */
    MESSAGE_CONFIG_NAMES_MAX = 64,
    MESSAGE_ANY_MAX = 131072, /* bounded by body_max of the message alone */
};

#endif
