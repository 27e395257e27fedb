/* SPDX-License-Identifier: Apache-2.0 */
/* Places of a body, each once. */

#include "body_need.h"

#include <string.h>

static bool
need_has(const struct body_need *need, struct bytes pointer)
{
    for (size_t i = 0; i < need->count; i++) {
        if (bytes_equal(need->pointer[i], pointer))
            return true;
    }
    return false;
}

void
body_need_init(struct body_need *need)
{
    need->sha256 = need->content = false;
    need->count = need->text_used = 0;
}

bool
body_need_add(struct body_need *need, const struct caveat *caveat)
{
    for (size_t i = 0; i < caveat->count; i++) {
        const struct predicate *p = &caveat->predicate[i];
        if (p->attribute == ATTRIBUTE_BODY_SHA256)
            need->sha256 = true;
        if (p->attribute != ATTRIBUTE_BODY || need_has(need, p->key))
            continue;
        if (need->count == BODY_POINTERS_MAX || p->key.n > sizeof need->text - need->text_used)
            return false;
        uint8_t *text = need->text + need->text_used;
        if (p->key.n)
            memcpy(text, p->key.p, p->key.n);
        need->pointer[need->count++] = bytes_of(text, p->key.n);
        need->text_used += p->key.n;
    }
    return true;
}
