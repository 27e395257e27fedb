/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed: the broker's supervisor, and the operator's commands. */
#include "openssl_memory.h"
#include "operator/operator.h"
#include "sandbox.h"

int
main(int argc, char **argv)
{
    // Secrets pass through: no core file, no ptrace, no file that others can read.
    sandbox_harden();
    openssl_memory_init();
    return operator_main(argc, argv);
}
