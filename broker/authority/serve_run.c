/* SPDX-License-Identifier: Apache-2.0
 *
 * What `keyhole run` asks by way of a proxy, and the refusals that it will ask for.
 */
#include "serve_internal.h"

#include "environment.h"

enum {
    CONTENT_MAX = 130000, // of a message, and what stands before it
    ANSWER_MAX = 131072,
    RUN_MAX = 65536,
};

bool
serve_environment_ask(struct channel *channel, void *context, const struct message *message)
{
    struct serve_batch *batch = context;
    struct message_environment_ask ask;
    struct message_environment answer;
    BUFFER_AUTO content, body;

    (void)channel;
    buffer_init(&content, CONTENT_MAX);
    buffer_init(&body, ANSWER_MAX);
    if (message_environment_ask_rx(message->body, &ask))
        return false;
    environment_serve(serve_authority(batch), &ask, &answer, &content);
    message_environment_tx(&answer, &body);
    (void)serve_answer(batch, MESSAGE_ENVIRONMENT, message->id, &body);
    return true;
}

bool
serve_run_ask(struct channel *channel, void *context, const struct message *message)
{
    struct serve_batch *batch = context;
    uint8_t run[RUN_ID_SIZE];
    BUFFER_AUTO text, body;

    (void)channel;
    buffer_init(&text, RUN_MAX);
    buffer_init(&body, RUN_MAX);
    if (message_run_ask_rx(message->body, run))
        return false;
    runs_print(serve_authority(batch)->runs, run, &text);
    if (!text.failed)
        message_text_tx(buffer_bytes(&text), &body);
    (void)serve_answer(batch, MESSAGE_RUN, message->id, &body);
    return true;
}

bool
serve_run_refused(struct channel *channel, void *context, const struct message *message)
{
    struct serve_batch *batch = context;
    struct message_run_refused refused;

    (void)channel;
    if (message_run_refused_rx(message->body, &refused))
        return false;
    runs_note(serve_authority(batch)->runs, refused.run, refused.host, 0,
              kh_reason_code(KH_REASON_HOST_NOT_ALLOWED));
    return true;
}
