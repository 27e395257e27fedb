/* SPDX-License-Identifier: Apache-2.0
 *
 * Holes at the mint: each is sealed to its discharger, with what a person has to know who fills it.
 */
#include "mint_hole.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define LOCATION    "keyhole"
#define BROKER_NAME "keyhole"

enum {
    BROKER_NAME_MAX = 64,
    DISCHARGE_CAVEATS = 3, // time, label, parent
    DISCHARGE_REST = 512,  // bytes of a discharge beside its ticket: those caveats, and the frame
    CAVEATS_OF_A_HOLE = 2, // what it demands, and the ticket
};

// ---- what is demanded ----

enum kh_err
mint_holes_add(struct mint_holes *holes, struct bytes text, struct fault *fault)
{
    struct hole hole;
    BUFFER_AUTO canonical;

    buffer_init(&canonical, HOLE_TEXT_MAX);
    if (holes->count == MINT_HOLES_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "holes: at most %d", MINT_HOLES_MAX);
    enum kh_err err = hole_parse(text, &canonical, &hole, fault);
    if (err)
        return err;
    (void)snprintf(holes->text[holes->count++], sizeof holes->text[0], "%s",
                   buffer_text(&canonical));
    return KH_OK;
}

static bool
is_given(const struct mint_holes *holes, struct bytes demand, struct bytes user)
{
    for (size_t i = 0; i < holes->count; i++) {
        if (hole_satisfies(bytes_str(holes->text[i]), demand, user))
            return true;
    }
    return false;
}

static enum kh_err
add_for_user(struct mint_holes *holes, const struct policy_hole *demand, struct bytes user,
             struct fault *fault)
{
    BUFFER_AUTO text;

    buffer_init(&text, HOLE_TEXT_MAX);
    hole_print_for_user(demand->text, demand->names_user, user, &text);
    if (text.failed)
        return fault_set(fault, KH_ERR_TOO_LONG,
                         "the hole that a grant demands is longer than %d bytes with the user's "
                         "name in it",
                         HOLE_TEXT_MAX);
    return mint_holes_add(holes, buffer_bytes(&text), fault);
}

enum kh_err
mint_holes_demand(struct mint_holes *holes, const struct policy_mint *demanded, struct bytes user,
                  struct fault *fault)
{
    enum kh_err err = KH_OK;

    for (size_t i = 0; !err && i < demanded->hole_count; i++) {
        if (!is_given(holes, demanded->hole[i]->text, user))
            err = add_for_user(holes, demanded->hole[i], user, fault);
    }
    return err;
}

enum kh_err
mint_find_discharger(const struct authority *authority, struct bytes name,
                     const struct discharger **out, struct fault *fault)
{
    const struct message_dischargers *known = &authority->dischargers;

    if (known->count == 0)
        return fault_set(fault, KH_ERR_NOT_FOUND,
                         "this broker knows no discharger that could fill a hole: enable the one "
                         "beside it, or name one under dischargers: in its configuration");
    for (size_t i = 0; i < known->count; i++) {
        if (name.n == 0 || bytes_equal(bytes_str(known->discharger[i].name), name)) {
            *out = &known->discharger[i];
            return KH_OK;
        }
    }
    BUFFER_AUTO names;
    buffer_init(&names, 2048);
    for (size_t i = 0; i < known->count; i++)
        buffer_printf(&names, "%s%s", i ? ", " : "", known->discharger[i].name);
    return fault_set(fault, KH_ERR_NOT_FOUND, "discharger: none has that name; there is %s",
                     buffer_text(&names));
}

// ---- tickets ----

struct sealed {
    uint8_t root_key[TOKEN_KEY_SIZE];
    struct buffer ticket;
};

static struct bytes
broker_name(const struct authority *authority)
{
    struct bytes name = authority->config.name_count > 0 ? bytes_str(authority->config.name[0])
                                                         : BYTES(BROKER_NAME);

    return bytes_slice(name, 0, name.n < BROKER_NAME_MAX ? name.n : BROKER_NAME_MAX);
}

// What every ticket of this token says of it, from the token as it is before the holes: as the
// tickets of holes that are added later do.
static enum kh_err
describe(const struct authority *authority, const struct mint_text *text,
         const struct token_minted_caveat *list, struct token **token, struct ticket *out,
         struct buffer *storage, struct fault *fault)
{
    BUFFER_AUTO bare;

    buffer_init_secret(&bare, TOKEN_TEXT_MAX);
    enum kh_err err = token_mint_with_holes(text->identity, text->key, BYTES(LOCATION), list,
                                            text->caveat_count, &bare, fault);
    if (!err)
        err = token_scan(buffer_bytes(&bare), token, fault);
    if (!err)
        err = ticket_describe(*token, out, storage, fault);
    out->broker = broker_name(authority);
    return err;
}

static enum kh_err
seal(const struct mint_text *text, const struct ticket *described, struct bytes condition,
     struct sealed *out, struct fault *fault)
{
    struct ticket ticket = *described;

    randombytes_buf(out->root_key, sizeof out->root_key);
    memcpy(ticket.root_key, out->root_key, sizeof ticket.root_key);
    ticket.condition = condition;
    enum kh_err err = ticket_seal(&ticket, text->discharger->public_key, &out->ticket, fault);
    wipe(ticket.root_key, sizeof ticket.root_key);
    return err;
}

static enum kh_err
seal_all(const struct authority *authority, const struct mint_text *text, struct sealed *sealed,
         struct token_minted_caveat *list, struct fault *fault)
{
    struct token *token = NULL;
    struct ticket described = {.condition = BYTES_EMPTY};

    if (text->holes->count == 0)
        return KH_OK;
    BUFFER_AUTO storage;
    buffer_init(&storage, TOKEN_CAVEAT_MAX);
    enum kh_err err = describe(authority, text, list, &token, &described, &storage, fault);
    for (size_t i = 0; !err && i < text->holes->count; i++) {
        struct bytes condition = bytes_str(text->holes->text[i]);
        err = seal(text, &described, condition, &sealed[i], fault);
        list[text->caveat_count + i] = (struct token_minted_caveat){
            .text = condition,
            .root_key = sealed[i].root_key,
            .ticket = buffer_bytes(&sealed[i].ticket),
            .location = bytes_str(text->discharger->url),
        };
    }
    token_free(&token);
    return err;
}

// ---- the text ----

// A token whose holes cannot all be filled is worth nothing.
static enum kh_err
check_room(const struct mint_text *text, const struct sealed *sealed, size_t caveats,
           const struct buffer *out, struct fault *fault)
{
    size_t holes = text->holes->count, discharges = 0;

    for (size_t i = 0; i < holes; i++)
        discharges += sealed[i].ticket.n + DISCHARGE_REST;
    if (out->failed || out->n > TOKEN_TEXT_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG,
                         "the token would be longer than %d characters: fewer or shorter caveats",
                         TOKEN_TEXT_MAX);
    if (caveats + holes * DISCHARGE_CAVEATS > TOKEN_CAVEATS_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG,
                         "with its holes filled the token would have more than %d caveats: fewer "
                         "caveats or holes",
                         TOKEN_CAVEATS_MAX);
    if (out->n + (discharges + 2) / 3 * 4 > TOKEN_TEXT_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG,
                         "with its holes filled the token would be longer than %d characters: "
                         "fewer or shorter caveats, or fewer holes",
                         TOKEN_TEXT_MAX);
    return KH_OK;
}

static enum kh_err
read_back(const struct buffer *text, uint8_t lineage[LINEAGE_ID_SIZE], struct fault *fault)
{
    struct token *token = NULL;
    enum kh_err err = token_scan(buffer_bytes(text), &token, fault);

    if (!err)
        token_lineage_last(token, lineage);
    token_free(&token);
    return err;
}

enum kh_err
mint_make_text(const struct authority *authority, const struct mint_text *text, struct buffer *out,
               uint8_t lineage[LINEAGE_ID_SIZE], struct fault *fault)
{
    struct token_minted_caveat list[TOKEN_CAVEATS_MAX + MINT_HOLES_MAX];
    struct sealed sealed[MINT_HOLES_MAX] = {{.root_key = {0}}};
    size_t holes = text->holes->count;

    if (text->caveat_count > TOKEN_CAVEATS_MAX || (holes > 0 && text->discharger == NULL))
        return fault_set(fault, KH_ERR_INTERNAL, "a token that was not checked");
    for (size_t i = 0; i < holes; i++)
        buffer_init(&sealed[i].ticket, TOKEN_CAVEAT_MAX);
    for (size_t i = 0; i < text->caveat_count; i++)
        list[i] = (struct token_minted_caveat){.text = text->caveat[i]};
    enum kh_err err = seal_all(authority, text, sealed, list, fault);
    if (!err)
        buffer_put(out, text->prefix);
    if (!err)
        err = token_mint_with_holes(text->identity, text->key, BYTES(LOCATION), list,
                                    text->caveat_count + holes, out, fault);
    if (!err)
        err = check_room(text, sealed, text->caveat_count + holes * CAVEATS_OF_A_HOLE, out, fault);
    if (!err)
        err = read_back(out, lineage, fault);
    for (size_t i = 0; i < holes; i++)
        buffer_free(&sealed[i].ticket);
    wipe(sealed, sizeof sealed);
    return err;
}
