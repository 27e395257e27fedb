/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies: one decoder for all framings, a table of what to do in each state.
 */
#include "http1.h"

#include "../../caveats/field_name.h"
#include "grammar.h"

#include <string.h>

enum body_state {
    STATE_REFUSED = 0, /* zero value: a reader that was not started reads nothing */
    STATE_DONE,
    STATE_LENGTH,
    STATE_CLOSE,
    STATE_SIZE, /* in a chunk-size line */
    STATE_SIZE_LF,
    STATE_DATA,
    STATE_DATA_CR, /* after the data of a chunk */
    STATE_DATA_LF,
    STATE_TRAILER, /* in a line of the trailer section */
    STATE_TRAILER_LF,
    STATES,
};

/* What a step works on. */
struct body_input {
    struct bytes in;
    size_t used;
    struct bytes data;
    const char *why;
};

/* Each takes at least one byte, or changes the state; there is at least one byte to take. */
typedef void body_step(struct http1_body_reader *reader, struct body_input *input);

KH_COLD static void
refuse(struct http1_body_reader *reader, struct body_input *input, const char *sentence)
{
    reader->state = STATE_REFUSED;
    input->why = sentence;
}

/* ---- data ---- */

static void
take_data(struct http1_body_reader *reader, struct body_input *input)
{
    size_t n = input->in.n - input->used;

    if (reader->state != STATE_CLOSE && n > reader->left)
        n = (size_t)reader->left;
    input->data = bytes_slice(input->in, input->used, n);
    input->used += n;
    reader->total += n;
    if (reader->state == STATE_CLOSE)
        return;
    reader->left -= n;
    if (reader->left == 0)
        reader->state = reader->state == STATE_LENGTH ? STATE_DONE : STATE_DATA_CR;
}

static void
take_data_end(struct http1_body_reader *reader, struct body_input *input)
{
    bool cr = reader->state == STATE_DATA_CR;

    if (input->in.p[input->used] != (cr ? '\r' : '\n')) {
        refuse(reader, input, "the data of a chunk is not followed by CRLF");
        return;
    }
    input->used++;
    reader->state = cr ? STATE_DATA_LF : STATE_SIZE;
}

/* ---- lines ---- */

/* Collect up to CR; the first HTTP1_CHUNK_LINE_MAX bytes are kept. */
static void
take_line(struct http1_body_reader *reader, struct body_input *input)
{
    bool size = reader->state == STATE_SIZE;

    while (input->used < input->in.n) {
        uint8_t c = input->in.p[input->used++];

        if (!size && ++reader->trailer_length > HTTP1_TRAILER_MAX) {
            refuse(reader, input, "the trailer section is larger than 8 KiB");
            return;
        }
        if (c == '\r') {
            reader->state = size ? STATE_SIZE_LF : STATE_TRAILER_LF;
            return;
        }
        if (grammar_is_control(c)) {
            refuse(reader, input,
                   c == '\n' ? "a line of a chunked body ends in LF without CR"
                             : "there is a control character in a line of a chunked body");
            return;
        }
        if (reader->line_length < sizeof reader->line)
            reader->line[reader->line_length] = c;
        reader->line_length++;
        if (size && reader->line_length >= HTTP1_CHUNK_LINE_MAX) { /* its CR counts, too */
            refuse(reader, input, "a chunk-size line is longer than 256 bytes");
            return;
        }
    }
}

static bool
take_lf(struct http1_body_reader *reader, struct body_input *input)
{
    if (input->in.p[input->used] != '\n') {
        refuse(reader, input, "there is a CR inside a line of a chunked body");
        return false;
    }
    input->used++;
    return true;
}

static void
end_size_line(struct http1_body_reader *reader, struct body_input *input)
{
    struct bytes line = bytes_of(reader->line, reader->line_length);
    size_t size = bytes_index(line, ';');

    if (!take_lf(reader, input))
        return;
    if (!grammar_chunk_size(bytes_slice(line, 0, size), &reader->left)) {
        refuse(reader, input, "the size of a chunk is not 1 to 15 hexadecimal digits");
        return;
    }
    if (!grammar_is_chunk_extension(bytes_from(line, size))) {
        refuse(reader, input, "the extension of a chunk is not well-formed");
        return;
    }
    reader->line_length = 0;
    reader->state = reader->left == 0 ? STATE_TRAILER : STATE_DATA;
}

static void
end_trailer_line(struct http1_body_reader *reader, struct body_input *input)
{
    size_t kept =
        reader->line_length < sizeof reader->line ? reader->line_length : sizeof reader->line;
    struct bytes line = bytes_of(reader->line, kept);
    struct bytes name = bytes_slice(line, 0, bytes_index(line, ':'));

    if (!take_lf(reader, input))
        return;
    if (line.n == 0) {
        reader->state = STATE_DONE;
        return;
    }
    /* A name that goes on where the kept part ends has no colon here. */
    if (name.n == line.n || !grammar_is_token(name))
        refuse(reader, input, "a trailer field is not well-formed");
    else if (field_traits(name) & FIELD_NO_TRAILER)
        refuse(reader, input, "a trailer field carries framing, a cookie or a credential");
    else if (++reader->trailer_count > HTTP1_FIELDS_MAX)
        refuse(reader, input, "there are more than 100 trailer fields");
    else {
        reader->line_length = 0;
        reader->state = STATE_TRAILER;
    }
}

static body_step *const steps[STATES] = {
    [STATE_LENGTH] = take_data,
    [STATE_CLOSE] = take_data,
    [STATE_SIZE] = take_line,
    [STATE_SIZE_LF] = end_size_line,
    [STATE_DATA] = take_data,
    [STATE_DATA_CR] = take_data_end,
    [STATE_DATA_LF] = take_data_end,
    [STATE_TRAILER] = take_line,
    [STATE_TRAILER_LF] = end_trailer_line,
};

/* ---- the reader ---- */

void
http1_body_start(struct http1_body_reader *reader, const struct http1_head *head)
{
    static const enum body_state first[] = {
        [BODY_NONE] = STATE_DONE,
        [BODY_LENGTH] = STATE_LENGTH,
        [BODY_CHUNKED] = STATE_SIZE,
        [BODY_CLOSE] = STATE_CLOSE,
    };

    memset(reader, 0, offsetof(struct http1_body_reader, line));
    reader->kind = head->body;
    reader->state = (int)first[head->body];
    if (head->body == BODY_LENGTH) {
        reader->left = head->content_length;
        if (reader->left == 0)
            reader->state = STATE_DONE;
    }
}

enum http1_result
http1_body_read(struct http1_body_reader *reader, struct bytes in, size_t *used, struct bytes *data,
                const char **why)
{
    struct body_input input = {.in = in, .why = "the body was refused before"};

    while (steps[reader->state] != NULL && input.used < in.n && input.data.n == 0)
        steps[reader->state](reader, &input);
    *used = input.used;
    *data = input.data;
    if (reader->state == STATE_REFUSED) {
        *data = BYTES_EMPTY;
        *why = input.why;
        return HTTP1_REJECT;
    }
    return reader->state == STATE_DONE ? HTTP1_DONE : HTTP1_MORE;
}

bool
http1_body_end(struct http1_body_reader *reader)
{
    return reader->state == STATE_DONE || reader->state == STATE_CLOSE;
}
