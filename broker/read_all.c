/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are configuration, keys, policies: all of them small. */
#include "read_all.h"

#include <errno.h>
#include <unistd.h>

enum kh_err
read_all(int fd, struct buffer *out)
{
    for (;;) {
        uint8_t *room = buffer_reserve(out, READ_ALL_STEP);
        if (room == NULL)
            return KH_ERR_TOO_LONG;
        ssize_t n = read(fd, room, READ_ALL_STEP);
        if (n == 0)
            return KH_OK;
        if (n < 0 && errno != EINTR)
            return KH_ERR_IO;
        buffer_advance(out, n > 0 ? (size_t)n : 0);
    }
}
