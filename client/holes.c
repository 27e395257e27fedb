/* SPDX-License-Identifier: Apache-2.0
 *
 * Adding holes to a token, offline.
 */
#include "holes.h"

#include "dischargers.h"

#include <sodium.h>
#include <string.h>

enum { HOLES_NO_OPTION = -1 };

void
holes_init(struct holes *holes)
{
    holes->count = 0;
    for (size_t i = 0; i < TOKEN_DISCHARGES_MAX; i++)
        buffer_init(&holes->condition[i], HOLE_TEXT_MAX);
    buffer_init(&holes->refused, TOKEN_TEXT_MAX);
}

void
holes_free(struct holes *holes)
{
    for (size_t i = 0; i < TOKEN_DISCHARGES_MAX; i++)
        buffer_free(&holes->condition[i]);
    buffer_free(&holes->refused);
    holes->count = 0;
}

enum kh_err
holes_add(struct holes *holes, struct bytes text, struct fault *fault)
{
    struct hole hole;
    buffer_clear(&holes->refused);
    if (holes->count == TOKEN_DISCHARGES_MAX)
        return fault_set(fault, KH_ERR_USAGE, "a token has at most %d holes", TOKEN_DISCHARGES_MAX);
    struct buffer *condition = &holes->condition[holes->count];
    buffer_clear(condition);
    enum kh_err err = hole_parse(text, condition, &hole, fault);
    if (err != KH_OK) {
        buffer_put(&holes->refused, text);
        return err;
    }
    if (condition->failed)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    holes->count++;
    return KH_OK;
}

// ---- for which discharger ----

static enum kh_err
holes_take(const struct discharger *found, struct discharger *out, struct fault *fault)
{
    if (found == NULL)
        return fault_set(fault, KH_ERR_NOT_FOUND,
                         "no such discharger is trusted here. Give its address whole "
                         "(--discharger URL#kd1_...), or trust it first: keyhole trust "
                         "URL#kd1_...");
    *out = *found;
    return KH_OK;
}

enum kh_err
holes_discharger(const char *text, struct discharger *out, struct fault *fault)
{
    static const struct options none = {.given_count = 0};
    struct dischargers list = {.count = 0};
    struct bytes given = bytes_str(text);
    char url[DISCHARGER_URL_MAX + 1];
    if (bytes_find(given, BYTES("#")) < given.n)
        return discharger_parse(given, out, fault);
    bool is_url = bytes_find(given, BYTES("://")) < given.n;
    enum kh_err err = is_url ? discharger_url_parse(given, url, fault) : KH_OK;
    if (err == KH_OK)
        err = dischargers_collect(&list, &none, HOLES_NO_OPTION, fault);
    if (err != KH_OK)
        return err;
    if (is_url)
        return holes_take(dischargers_by_url(&list, bytes_str(url)), out, fault);
    if (text != NULL)
        return holes_take(dischargers_by_name(&list, given), out, fault);
    if (list.count == 0)
        return fault_set(fault, KH_ERR_USAGE,
                         "who is to fill the hole? Give --discharger URL#kd1_..., or trust one: "
                         "keyhole trust URL#kd1_...");
    return holes_take(&list.entry[0], out, fault);
}

// ---- adding ----

static enum kh_err
holes_seal(const struct token *token, struct bytes condition, const struct discharger *discharger,
           uint8_t root_key[TOKEN_KEY_SIZE], struct buffer *sealed, struct fault *fault)
{
    struct ticket ticket = {.condition = condition};
    BUFFER_AUTO storage;
    buffer_init(&storage, TOKEN_CAVEAT_MAX);
    randombytes_buf(root_key, TOKEN_KEY_SIZE);
    memcpy(ticket.root_key, root_key, TOKEN_KEY_SIZE);
    enum kh_err err = ticket_describe(token, &ticket, &storage, fault);
    if (err == KH_OK)
        err = ticket_seal(&ticket, discharger->public_key, sealed, fault);
    wipe(ticket.root_key, sizeof ticket.root_key);
    return err;
}

enum kh_err
holes_apply_one(struct bytes text, struct bytes condition, const struct discharger *discharger,
                struct buffer *out, struct fault *fault)
{
    struct token *token = NULL;
    uint8_t root_key[TOKEN_KEY_SIZE];
    BUFFER_AUTO sealed;
    buffer_init(&sealed, TOKEN_CAVEAT_MAX);
    if (sodium_init() < 0)
        return fault_set(fault, KH_ERR_CRYPTO, "libsodium does not start");
    enum kh_err err = token_scan(text, &token, fault);
    if (err != KH_OK)
        return err;
    err = holes_seal(token, condition, discharger, root_key, &sealed, fault);
    if (err == KH_OK)
        err = token_add_hole(token, condition, root_key, buffer_bytes(&sealed),
                             bytes_str(discharger->url), out, fault);
    wipe(root_key, sizeof root_key);
    token_free(&token);
    return err;
}

enum kh_err
holes_apply(const struct holes *holes, const struct discharger *discharger, struct bytes text,
            struct buffer *out, struct fault *fault)
{
    BUFFER_AUTO whole;
    buffer_init_secret(&whole, TOKEN_TEXT_MAX);
    buffer_put(&whole, text);
    if (whole.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "the token is too long");
    for (size_t i = 0; i < holes->count; i++) {
        BUFFER_AUTO next;
        buffer_init_secret(&next, TOKEN_TEXT_MAX);
        enum kh_err err = holes_apply_one(buffer_bytes(&whole), buffer_bytes(&holes->condition[i]),
                                          discharger, &next, fault);
        if (err != KH_OK)
            return err;
        buffer_clear(&whole);
        buffer_put(&whole, buffer_bytes(&next));
    }
    if (!whole.failed)
        buffer_put(out, buffer_bytes(&whole));
    return whole.failed || out->failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up")
                                       : KH_OK;
}
