/* SPDX-License-Identifier: Apache-2.0
 *
 * PEM with a passphrase is of no use to a broker: when it restarts there is nobody to ask, and
 * without this OpenSSL would ask whoever sits at the terminal.
 */
#ifndef KEYHOLE_NO_PASSPHRASE_H
#define KEYHOLE_NO_PASSPHRASE_H

/* A pem_password_cb that has none. */
int no_passphrase(char *out, int size, int writing, void *context);

#endif
