/* SPDX-License-Identifier: Apache-2.0
 *
 * The files that pages load, and the templates that pages are made of, compiled in.
 */
#include "pages.h"
#include "service_internal.h"

#include <string.h>

static const struct {
    const char *name, *text;
} files[] = {
#include "assets.inc"
};
enum { FILES = sizeof files / sizeof files[0] };

// Templates have no type: they are not for browsers as they are.
static const struct {
    const char *ending, *content_type;
} types[] = {
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
};
enum { TYPES = sizeof types / sizeof types[0] };

const char asset_folder[] = ASSETS_DIGEST;

static struct bytes
find(struct bytes name)
{
    for (size_t i = 0; i < FILES; i++) {
        if (bytes_is(name, files[i].name))
            return bytes_str(files[i].text);
    }
    return BYTES_EMPTY;
}

struct bytes
asset_find(const char *name)
{
    return find(bytes_str(name));
}

enum failure
asset_get(struct exchange *x)
{
    struct service_response *response = x->response;
    struct bytes name = x->segment[1], text = find(name);
    if (!bytes_is(x->segment[0], asset_folder))
        return FAILURE_NOT_FOUND;
    for (size_t i = 0; text.n > 0 && i < TYPES; i++) {
        if (!bytes_ends(name, bytes_str(types[i].ending)))
            continue;
        buffer_put(&response->body, text);
        response->status = 200;
        response->content_type = types[i].content_type;
        response->cacheable = true;
        return FAILURE_NONE;
    }
    return FAILURE_NOT_FOUND;
}
