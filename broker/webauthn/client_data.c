/* SPDX-License-Identifier: Apache-2.0 */
/* Client data by a real parser: two readers that take the same bytes for different texts are how a
 * signature for one site opens another. */
#include "client_data.h"

#include "../../caveats/json_parse.h"

#include <stdio.h>
#include <string.h>

static bool
member_read(const json_t *object, const char *name, struct bytes *out, char why[WHY_MAX])
{
    const json_t *member = json_object_get(object, name);
    if (!json_is_string(member))
        return why_not(why, "%s is missing or is no text", name);
    *out = bytes_of(json_string_value(member), json_string_length(member));
    return true;
}

static bool
text_is_plain(struct bytes text, char why[WHY_MAX])
{
    if (text.n > CLIENT_DATA_MAX)
        return why_not(why, "it is longer than %d bytes", CLIENT_DATA_MAX);
    if (bytes_starts(text, BYTES("\xef\xbb\xbf")))
        return why_not(why, "it begins with a byte order mark");
    if (bytes_index(text, '\0') < text.n)
        return why_not(why, "there is a NUL in it");
    return bytes_is_utf8(text) || why_not(why, "it is not UTF-8");
}

bool
client_data_read(struct bytes text, struct client_data *out, char why[WHY_MAX])
{
    json_error_t error;
    *out = (struct client_data){0};
    if (!text_is_plain(text, why))
        return false;
    out->json = json_parse(text, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(out->json)) {
        // What the parser says repeats the text, which is somebody else's.
        if (out->json == NULL && json_error_code(&error) == json_error_duplicate_key)
            return why_not(why, "it names a member twice");
        return why_not(why, "it is not a JSON object");
    }
    const json_t *cross = json_object_get(out->json, "crossOrigin");
    out->cross_origin = cross != NULL && !json_is_false(cross);
    out->top_origin = json_object_get(out->json, "topOrigin") != NULL;
    return member_read(out->json, "type", &out->type, why) &&
           member_read(out->json, "challenge", &out->challenge, why) &&
           member_read(out->json, "origin", &out->origin, why);
}

void
client_data_free(struct client_data *client)
{
    json_decref(client->json);
    *client = (struct client_data){0};
}
