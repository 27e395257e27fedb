/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/http/body_place.c
 *
 * A place in a body that is found is found again when another value was put there, and JSON's own
 * readers (ours for caveats) find that value; nothing before or behind it changed.
 *
 * Input: a field's name or pointer, the value to be put there, a line each, and a body.
 */

#include "../../../broker/http/body_place.h"
#include "../../../caveats/body.h"
#include "../../../caveats/path.h"
#include "../fuzz.h"

static void
check_json(struct bytes body, struct bytes pointer, struct bytes value)
{
    struct body_value found;
    BUFFER_AUTO storage = {0};
    buffer_init(&storage, BODY_VALUES_TEXT_MAX);
    FUZZ_CHECK(buffer_reserve(&storage, BODY_VALUES_TEXT_MAX));
    /* The scanner for places does not look at what it passes by. */
    if (body_read(body, &pointer, 1, &found, &storage) != KH_OK || found.type == BODY_VALUE_LONG)
        return;
    FUZZ_CHECK(found.type == BODY_VALUE_STRING);
    if (bytes_is_utf8(value))
        FUZZ_SAME(found.text, value);
}

static void
check_form(struct bytes raw, struct bytes value)
{
    BUFFER_AUTO decoded = {0};
    buffer_init(&decoded, 1 << 18);
    if (bytes_index(value, '\0') < value.n)
        return;
    FUZZ_CHECK(form_decode(raw, &decoded) == KH_OK);
    FUZZ_SAME(buffer_bytes(&decoded), value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes body = bytes_of(data, size), name = fuzz_line(&body), value = fuzz_line(&body);
    struct body_place place = {0}, again = {0};
    BUFFER_AUTO changed = {0};

    /* Into an empty value nothing is put: there was no token. */
    if (body_place_find(body, name, &place) != BODY_FOUND_ONE || place.n == 0)
        return 0;
    FUZZ_CHECK(place.start <= body.n && place.n <= body.n - place.start);
    FUZZ_CHECK(place.json == (name.n > 0 && name.p[0] == '/'));
    buffer_init(&changed, 1 << 20);
    buffer_put(&changed, bytes_slice(body, 0, place.start));
    body_place_write(&place, value, &changed);
    size_t written = changed.n - place.start;
    buffer_put(&changed, bytes_from(body, place.start + place.n));
    FUZZ_CHECK(!changed.failed);
    FUZZ_CHECK(body_place_find(buffer_bytes(&changed), name, &again) == BODY_FOUND_ONE);
    FUZZ_CHECK(again.start == place.start && again.n == written && again.json == place.json);
    if (place.json)
        check_json(buffer_bytes(&changed), name, value);
    else
        check_form(bytes_slice(buffer_bytes(&changed), again.start, again.n), value);
    return 0;
}
