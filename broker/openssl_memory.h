/* SPDX-License-Identifier: Apache-2.0
 *
 * What OpenSSL frees is wiped: it wipes keys that it knows as such, but not the DER of a private
 * key that its decoders have read, nor the records that a key went through.
 */
#ifndef KEYHOLE_OPENSSL_MEMORY_H
#define KEYHOLE_OPENSSL_MEMORY_H

/* Call first in main(), before anything else of OpenSSL's. */
void openssl_memory_init(void);

#endif
