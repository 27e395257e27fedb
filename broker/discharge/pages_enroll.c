/* SPDX-License-Identifier: Apache-2.0
 *
 * The page on which a security key is registered.
 */
#include "service_internal.h"

#include "pages.h"

enum failure
page_enroll(struct exchange *x)
{
    BUFFER_AUTO main;
    buffer_init(&main, PAGE_MAX);
    const struct html_value values[] = {
        {"host", bytes_str(x->service->rp_id), false},
        {NULL, BYTES_EMPTY, false},
    };
    if (!html_fill(asset_find("enroll.html"), values, &main))
        return FAILURE_INTERNAL;
    page_write(x->response, 200, "Register a security key", buffer_bytes(&main), "enroll.js");
    return FAILURE_NONE;
}
