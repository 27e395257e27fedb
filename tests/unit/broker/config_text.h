/* SPDX-License-Identifier: Apache-2.0
 *
 * A configuration that is read from a text, as a file in a directory of the test's own.
 */
#ifndef KEYHOLE_TESTS_BROKER_CONFIG_TEXT_H
#define KEYHOLE_TESTS_BROKER_CONFIG_TEXT_H

#include "../../../broker/config_internal.h"
#include "../scratch.h"

static inline const char *
config_path(void)
{
    return test_path("keyholed.yaml");
}

static inline enum kh_err
read_text(const char *text, struct config *config, struct fault *fault)
{
    *fault = (struct fault){0};
    write_file("keyholed.yaml", text, 0600);
    return config_read(config_path(), config, fault);
}

#endif
