/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines that a person reads and vouches for.
 */
#include "fill.h"

#include "../../caveats/timestamp.h"

#include <stdio.h>
#include <string.h>

struct lines {
    struct challenge_line line[CHALLENGE_LINES_MAX];
    size_t count;
};

// What is empty has no line.
static void
add(struct lines *lines, enum challenge_key key, struct bytes value)
{
    if (value.n > 0 && lines->count < CHALLENGE_LINES_MAX)
        lines->line[lines->count++] = (struct challenge_line){key, value};
}

enum kh_err
fill_text(const struct service *service, struct bytes asked_by, struct question *question,
          struct fault *fault)
{
    const struct ticket *ticket = &question->ticket;
    char token_id[2 * TOKEN_ID_SIZE + 1], left_out[24] = "", expires[TIMESTAMP_SIZE];
    struct lines lines = {.count = 0};

    if (!bytes_to_hex(bytes_of(ticket->token_id, TOKEN_ID_SIZE), token_id, sizeof token_id))
        return fault_set(fault, KH_ERR_INTERNAL, "the token id does not fit");
    if (ticket->caveats_left_out > 0)
        snprintf(left_out, sizeof left_out, "%u", ticket->caveats_left_out);
    timestamp_print(question->expires_at, expires);

    add(&lines, CHALLENGE_DISCHARGER, bytes_str(service->self.url));
    add(&lines, CHALLENGE_BROKER, ticket->broker);
    add(&lines, CHALLENGE_CONDITION, ticket->condition);
    add(&lines, CHALLENGE_USER, ticket->principal);
    for (size_t i = 0; i < ticket->credential_count; i++)
        add(&lines, CHALLENGE_CREDENTIAL, ticket->credential[i]);
    add(&lines, CHALLENGE_TOKEN_ID, bytes_str(token_id));
    add(&lines, CHALLENGE_LABEL, ticket->label);
    for (size_t i = 0; i < ticket->caveat_count; i++)
        add(&lines, CHALLENGE_CAVEAT, ticket->caveat[i]);
    add(&lines, CHALLENGE_CAVEATS_LEFT_OUT, bytes_str(left_out));
    add(&lines, CHALLENGE_PARENT, buffer_bytes(&question->parent));
    add(&lines, CHALLENGE_ASKED_BY, asked_by);
    add(&lines, CHALLENGE_CODE, bytes_str(question->code));
    add(&lines, CHALLENGE_EXPIRES, bytes_str(expires));
    return challenge_text_print(lines.line, lines.count, &question->text, fault);
}
