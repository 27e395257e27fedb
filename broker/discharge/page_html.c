/* SPDX-License-Identifier: Apache-2.0
 *
 * HTML: escaping, templates, and the frame around every page.
 */
#include "pages.h"

#include "../../caveats/text.h"

#include <string.h>

// No third party, no inline code, no other site around it or as the target of its forms.
const char service_page_policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
                                   "connect-src 'self'; form-action 'self'; base-uri 'none'; "
                                   "frame-ancestors 'none'";

static const char *
entity(uint8_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void
html_put(struct buffer *out, struct bytes text)
{
    BUFFER_AUTO safe;
    buffer_init(&safe, PAGE_MAX);
    text_put_safe(&safe, text);
    out->failed |= safe.failed;
    for (size_t i = 0; i < safe.n; i++) {
        const char *escaped = entity(safe.p[i]);
        if (escaped)
            buffer_put_str(out, escaped);
        else
            buffer_put_byte(out, safe.p[i]);
    }
}

static const struct html_value *
find_value(const struct html_value *values, struct bytes name)
{
    for (; values->name; values++) {
        if (bytes_is(name, values->name))
            return values;
    }
    return NULL;
}

bool
html_fill(struct bytes template, const struct html_value *values, struct buffer *out)
{
    while (template.n > 0) {
        size_t open = bytes_find(template, BYTES("{{"));
        buffer_put(out, bytes_slice(template, 0, open));
        template = bytes_from(template, open + 2);
        if (template.n == 0)
            break;
        size_t close = bytes_find(template, BYTES("}}"));
        const struct html_value *value = find_value(values, bytes_slice(template, 0, close));
        if (value == NULL || close == template.n)
            return false;
        if (value->markup)
            buffer_put(out, value->text);
        else
            html_put(out, value->text);
        template = bytes_from(template, close + 2);
    }
    return !out->failed;
}

static void
put_script(struct buffer *out, const char *script)
{
    if (script)
        buffer_printf(out, "<script type=\"module\" src=\"/assets/%s/%s\"></script>", asset_folder,
                      script);
}

void
page_write(struct service_response *response, int status, const char *title, struct bytes main,
           const char *script)
{
    BUFFER_AUTO scripts;
    buffer_init(&scripts, 256);
    put_script(&scripts, script);
    const struct html_value values[] = {
        {"title", bytes_str(title), false},
        {"assets", bytes_str(asset_folder), false},
        {"script", buffer_bytes(&scripts), true},
        {"main", main, true},
        {NULL, BYTES_EMPTY, false},
    };
    buffer_clear(&response->body);
    response->status = status;
    response->content_type = "text/html; charset=utf-8";
    response->page = true;
    if (html_fill(asset_find("frame.html"), values, &response->body))
        return;
    buffer_clear(&response->body);
    buffer_put_str(&response->body, "<!doctype html><title>Keyhole</title><p>This page cannot be "
                                    "shown. Tell the operator.");
    response->status = 500;
}

void
page_write_ended(struct service_response *response, int status, const char *title, const char *text,
                 const char *advice)
{
    BUFFER_AUTO main;
    buffer_init(&main, PAGE_MAX);
    const struct html_value values[] = {
        {"title", bytes_str(title), false},
        {"text", bytes_str(text), false},
        {"advice", bytes_str(advice), false},
        {NULL, BYTES_EMPTY, false},
    };
    if (!html_fill(asset_find("ended.html"), values, &main))
        buffer_clear(&main);
    page_write(response, status, title, buffer_bytes(&main), NULL);
}

void
page_write_failure(struct service_response *response, enum failure failure)
{
    const char *title = failure == FAILURE_NOT_FOUND ? "Nothing here" : "That did not work";
    page_write_ended(response, failure_status(failure), title, failure_sentence(failure),
                     failure_advice(failure));
}
