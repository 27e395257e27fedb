/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/http/client_hello.c
 *
 * A ClientHello is read the same however much of what follows is there, waits only for bytes that
 * are missing, and names a canonical host or none.
 *
 * Input: the first flight of a TLS client.
 */

#include "../../../broker/http/client_hello.h"
#include "../../../caveats/path.h"
#include "../fuzz.h"

static void
check_name(const struct client_hello *hello)
{
    FUZZ_CHECK(hello->name_n <= CLIENT_HELLO_NAME_MAX && hello->name[hello->name_n] == '\0');
    FUZZ_CHECK(hello->name_n == 0 || host_is_canonical(bytes_of(hello->name, hello->name_n)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct client_hello whole, part;
    struct bytes in = bytes_of(data, size);
    enum client_hello_result result = client_hello_read(in, &whole);
    BUFFER_AUTO name = {0};

    FUZZ_CHECK(result != CLIENT_HELLO_REJECT || whole.why);
    FUZZ_CHECK(result != CLIENT_HELLO_MORE || whole.need > size);
    if (result == CLIENT_HELLO_DONE)
        check_name(&whole);
    for (size_t n = 0; n < size; n += 1 + size / 50) {
        enum client_hello_result before = client_hello_read(bytes_slice(in, 0, n), &part);
        if (before == CLIENT_HELLO_MORE)
            continue;
        FUZZ_CHECK(before == result);
        if (before == CLIENT_HELLO_DONE)
            FUZZ_SAME(bytes_str(part.name), bytes_str(whole.name));
    }
    if (result == CLIENT_HELLO_MORE)
        for (size_t n = 0; n < size; n += 1 + size / 50)
            FUZZ_CHECK(client_hello_read(bytes_slice(in, 0, n), &part) == CLIENT_HELLO_MORE);
    buffer_init(&name, 1024);
    if (client_hello_server_name(in, &name))
        FUZZ_CHECK(host_is_canonical(buffer_bytes(&name)));
    else
        FUZZ_CHECK(name.n == 0);
    return 0;
}
