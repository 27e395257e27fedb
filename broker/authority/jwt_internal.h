/* SPDX-License-Identifier: Apache-2.0
 *
 * What jwt.c and jwt_key.c share; nobody else includes this.
 */
#ifndef KEYHOLE_JWT_INTERNAL_H
#define KEYHOLE_JWT_INTERNAL_H

#include "jwt.h"

#include <openssl/evp.h>

struct jwt_key {
    EVP_PKEY *pkey;
    enum jwt_algorithm algorithm;
};

#endif
