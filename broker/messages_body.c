/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: a body on its way to be signed. */
#include "messages.h"

#include "wire.h"

// A part has something in it, and ends within what is signed at most.
static bool
is_within(const struct message_body_part *part)
{
    return part->data.n > 0 && part->offset <= BODY_CONTENT_MAX &&
           part->data.n <= BODY_CONTENT_MAX - part->offset;
}

void
message_body_part_tx(const struct message_body_part *message, struct buffer *out)
{
    wire_put_require(out, is_within(message));
    wire_put_fixed(out, message->request_id, REQUEST_ID_SIZE);
    wire_put_u64(out, message->offset);
    wire_put_bytes(out, message->data, BODY_PART_MAX);
}

enum kh_err
message_body_part_rx(struct bytes body, struct message_body_part *out)
{
    struct message_body_part message = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    wire_get_fixed(&reader, message.request_id, REQUEST_ID_SIZE);
    message.offset = wire_get_u64(&reader);
    message.data = wire_get_bytes(&reader, BODY_PART_MAX);
    wire_require(&reader, is_within(&message));
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = message;
    return KH_OK;
}
