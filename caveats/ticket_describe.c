/* SPDX-License-Identifier: Apache-2.0 */
/* What a ticket says of the token that its hole is in: as that token says it of itself. */

#include <string.h>

#include "caveat.h"
#include "challenge.h"
#include "quoted.h"
#include "ticket.h"

enum { BROKER_NAME_MAX = 64, LABEL_MAX = 255 };

static const char ellipsis[] = "…";

/* The longest beginning that does not cut a character in two. */
static struct bytes
cut_text(struct bytes text, size_t max)
{
    while (max > 0 && max < text.n && (text.p[max] & 0xc0) == 0x80)
        max--;
    return bytes_slice(text, 0, max);
}

/* A label may be long, and may say characters that no ticket takes: for people it is shortened, and
 * those are made visible. */
static void
put_label(struct bytes label, struct buffer *out)
{
    BUFFER_AUTO shown;
    buffer_init(&shown, (size_t)TOKEN_CAVEAT_MAX * 8);
    if (quoted_text_is_clean(label))
        buffer_put(&shown, label);
    else
        challenge_escape(label, &shown);
    bool fits = shown.n <= LABEL_MAX;
    buffer_clear(out);
    buffer_put(out, cut_text(buffer_bytes(&shown), fits ? shown.n : LABEL_MAX - strlen(ellipsis)));
    buffer_put_str(out, fits ? "" : ellipsis);
    out->failed = out->failed || shown.failed;
}

static void
describe_caveat(struct bytes text, struct ticket *ticket, struct buffer *label)
{
    struct caveat *caveat = NULL;
    if (caveat_parse(text, &caveat, NULL) != KH_OK) {
        ticket->caveats_left_out++;
        return;
    }
    const struct predicate *first = &caveat->predicate[0];
    bool is_alone = caveat->count == 1 && first->count == 1;
    if (is_alone && first->attribute == ATTRIBUTE_LABEL)
        put_label(first->value[0].text, label);
    else if (is_alone && first->attribute == ATTRIBUTE_HOLE)
        ; /* limits nothing */
    else if (ticket->caveat_count < TICKET_CAVEATS_MAX)
        ticket->caveat[ticket->caveat_count++] = text;
    else
        ticket->caveats_left_out++;
    caveat_free(&caveat);
}

enum kh_err
ticket_describe(const struct token *token, struct ticket *ticket, struct buffer *storage,
                struct fault *fault)
{
    struct token_identity identity;
    const struct macaroon_view *root = &token->macaroon[0];
    BUFFER_AUTO label;
    buffer_init(&label, LABEL_MAX);
    enum kh_err err = token_identity_read(token, &identity, fault);
    if (err)
        return err;
    struct ticket described = *ticket;
    described.broker =
        root->location.n ? cut_text(root->location, BROKER_NAME_MAX) : BYTES("keyhole");
    described.principal = identity.principal;
    memcpy(described.token_id, identity.token_id, TOKEN_ID_SIZE);
    described.expires_at = identity.expires_at;
    memcpy(described.credential, identity.credential, sizeof described.credential);
    described.credential_count = identity.credential_count;
    described.caveat_count = described.caveats_left_out = 0;
    for (size_t i = 0; i < root->caveat_count; i++) {
        if (!root->caveat[i].vid.n)
            describe_caveat(root->caveat[i].id, &described, &label);
    }
    size_t at = storage->n;
    buffer_put(storage, buffer_bytes(&label));
    if (label.failed || storage->failed)
        err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    described.label = bytes_from(buffer_bytes(storage), at);
    if (!err)
        *ticket = described;
    wipe(described.root_key, sizeof described.root_key);
    return err;
}
