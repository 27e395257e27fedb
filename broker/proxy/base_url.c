/* SPDX-License-Identifier: Apache-2.0
 *
 * Link has places between '<' and '>' (RFC 8288), the other fields are one place.
 */
#include "base_url.h"

#include <stdio.h>
#include <string.h>

bool
base_url_is_in(struct bytes field)
{
    static const char *const names[] = {
        "location",
        "content-location",
        "link",
        "x-goog-upload-url", // resumable uploads of Google
        "x-goog-upload-control-url",
        "operation-location", // what Azure does for long
        "azure-asyncoperation",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bytes_equal_nocase(field, bytes_str(names[i])))
            return true;
    return false;
}

static bool
starts_nocase(struct bytes text, struct bytes prefix)
{
    return text.n >= prefix.n && bytes_equal_nocase(bytes_slice(text, 0, prefix.n), prefix);
}

// "https://host", with its port when that is written: its length, 0 if another place begins there.
static size_t
origin_of(const struct base_url *base, struct bytes place)
{
    uint16_t usual = base->plain ? 80 : 443;
    char port[8];
    struct bytes scheme = base->plain ? BYTES("http://") : BYTES("https://");

    if (!starts_nocase(place, scheme) || !starts_nocase(bytes_from(place, scheme.n), base->host))
        return 0;
    size_t n = scheme.n + base->host.n;
    snprintf(port, sizeof port, ":%u", base->port);
    if (bytes_starts(bytes_from(place, n), bytes_str(port)))
        n += strlen(port);
    else if (base->port != usual)
        return 0;
    return n == place.n || strchr("/?#", place.p[n]) != NULL ? n : 0;
}

static void
write_place(const struct base_url *base, struct bytes place, struct buffer *out)
{
    size_t origin = origin_of(base, place);

    if (origin > 0) {
        buffer_put(out, base->url);
        place = bytes_from(place, origin);
    } else if (bytes_starts(place, BYTES("/")) && !bytes_starts(place, BYTES("//"))) {
        buffer_put(out, base->path);
    }
    buffer_put(out, place);
}

void
base_url_write(const struct base_url *base, struct bytes value, struct buffer *out)
{
    if (bytes_index(value, '<') == value.n) {
        write_place(base, value, out);
        return;
    }
    while (value.n > 0) {
        size_t open = bytes_index(value, '<');
        struct bytes rest = bytes_from(value, open + 1);
        size_t close = bytes_index(rest, '>');
        buffer_put(out, bytes_slice(value, 0, open + 1));
        write_place(base, bytes_slice(rest, 0, close), out);
        value = bytes_from(rest, close);
    }
}
