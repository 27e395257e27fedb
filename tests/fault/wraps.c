/* SPDX-License-Identifier: Apache-2.0
 *
 * calls.def as functions: the linker leads every call of NAME to __wrap_NAME.
 */
#include "nth.h"

#include <cyaml/cyaml.h>
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fido.h>
#include <idn2.h>
#include <macaroons.h>
#include <netdb.h>
#include <openssl/conf.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <sodium.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <yaml.h>

#define NTH_CALL(kind, type, name, parameters, arguments, failure, error)                          \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        if (!nth_fails(NTH_##kind, #name))                                                         \
            return __real_##name arguments;                                                        \
        errno = error;                                                                             \
        return failure;                                                                            \
    }
#include "calls.def"
