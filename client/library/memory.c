/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts that callers own, and texts that they give.
 */
#include "internal.h"

#include "../../caveats/timestamp.h"

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

// How much is to be wiped stands before the text, which may be a token.
struct library_text {
    size_t n;
    char text[];
};

char *
library_text(struct bytes text)
{
    struct library_text *block = malloc(sizeof *block + text.n + 1);
    if (block == NULL)
        return NULL;
    block->n = text.n;
    if (text.n > 0)
        memcpy(block->text, text.p, text.n);
    block->text[text.n] = '\0';
    // keyhole_free finds the block by its text.
    // cppcheck-suppress memleak
    return block->text;
}

void
keyhole_free(char *text)
{
    if (text == NULL)
        return;
    struct library_text *block = (void *)(text - offsetof(struct library_text, text));
    wipe(block->text, block->n);
    free(block);
}

enum keyhole_status
library_give(const struct buffer *from, char **text, size_t *size, struct keyhole_error *error)
{
    char *given = from->failed ? NULL : library_text(buffer_bytes(from));
    if (given == NULL)
        return library_fail(error, KH_ERR_MEMORY, NULL);
    *text = given;
    if (size != NULL)
        *size = from->n;
    return KEYHOLE_OK;
}

bool
library_take(const char *text, size_t size, struct bytes *out)
{
    if (text == NULL)
        return false;
    *out = bytes_of(text, size == KEYHOLE_WHOLE ? strlen(text) : size);
    return true;
}

int64_t
library_moment(int64_t now)
{
    if (now == KEYHOLE_NOW)
        return time(NULL);
    return now < 0 ? 0 : now > TIMESTAMP_MAX ? TIMESTAMP_MAX : now;
}
