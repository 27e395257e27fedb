/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokens of a run.
 */
#include "run_tokens.h"

#include "files.h"
#include "input.h"
#include "inspect.h"
#include "moment.h"
#include "terminal.h"

#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void
run_tokens_free(struct run_tokens *tokens)
{
    for (size_t i = 0; i < tokens->count; i++) {
        token_free(&tokens->token[i].given);
        token_free(&tokens->token[i].token);
    }
    *tokens = (struct run_tokens){0};
}

/* ---- where they come from ---- */

static enum kh_err
tokens_take(struct run_tokens *tokens, struct bytes text, struct fault *fault)
{
    if (tokens->count == RUN_TOKENS_MAX)
        return fault_set(fault, KH_ERR_USAGE, "a run has %d tokens at most", RUN_TOKENS_MAX);
    struct token *token = NULL;
    enum kh_err err = input_scan(text, &token, fault);
    if (err == KH_OK)
        tokens->token[tokens->count++] = (struct run_token){.given = token};
    return err;
}

static enum kh_err
tokens_read_stdin(const struct cli *cli, struct buffer *out, struct fault *fault)
{
    for (;;) {
        uint8_t *room = buffer_reserve(out, 1024);
        size_t n = room != NULL ? fread(room, 1, 1024, cli->in) : 0;
        buffer_advance(out, n);
        if (out->failed || ferror(cli->in))
            return fault_set(fault, KH_ERR_IO, "no token could be read from standard input");
        if (n == 0)
            return KH_OK;
    }
}

enum kh_err
run_tokens_add(struct run_tokens *tokens, const struct cli *cli, const char *source,
               struct fault *fault)
{
    uint64_t fd;
    struct buffer text;
    buffer_init_secret(&text, INPUT_TEXT_MAX);
    enum kh_err err = KH_OK;
    if (strcmp(source, "-") == 0)
        err = tokens_read_stdin(cli, &text, fault);
    else if (source[0] == '@')
        err = files_read(source + 1, &text, fault);
    else if (strncmp(source, "fd:", 3) == 0)
        err = bytes_to_u64(bytes_str(source + 3), &fd) && fd <= INT32_MAX
                  ? terminal_read_descriptor((int)fd, &text, fault)
                  : fault_set(fault, KH_ERR_USAGE, "fd: wants a number, as fd:3");
    else
        buffer_put_str(&text, source);
    if (err == KH_OK)
        err = tokens_take(tokens, buffer_bytes(&text), fault);
    if (err != KH_OK)
        fault_prefix(fault, "--token: ");
    buffer_free(&text);
    return err;
}

enum kh_err
run_tokens_add_environment(struct run_tokens *tokens, struct fault *fault)
{
    const char *several = cli_environment("KEYHOLE_TOKENS"),
               *one = cli_environment("KEYHOLE_TOKEN");
    struct bytes rest = bytes_str(several != NULL ? several : one), part;
    while (bytes_cut(&rest, several != NULL ? ' ' : '\0', &part)) {
        if (part.n == 0)
            continue;
        enum kh_err err = tokens_take(tokens, part, fault);
        if (err != KH_OK) {
            fault_prefix(fault, "in %s: ", several != NULL ? "KEYHOLE_TOKENS" : "KEYHOLE_TOKEN");
            return err;
        }
    }
    return KH_OK;
}

/* ---- what they are for ---- */

// Whether a caveat looks at nothing but the credential, and is against this one.
static bool
caveat_excludes(struct bytes text, const char *credential)
{
    struct caveat *caveat = NULL;
    struct facts facts = {.credential = bytes_str(credential)};
    if (caveat_parse(text, &caveat, NULL) != KH_OK)
        return false;
    bool only = true;
    for (size_t i = 0; i < caveat->count; i++)
        only = only && caveat->predicate[i].attribute == ATTRIBUTE_CREDENTIAL;
    bool excludes = only && !caveat_holds(caveat, &facts);
    caveat_free(&caveat);
    return excludes;
}

bool
run_token_covers(const struct token *token, const char *credential)
{
    struct token_identity identity;
    bool named = false;
    if (token_identity_read(token, &identity, NULL) != KH_OK)
        return false;
    for (size_t i = 0; i < identity.credential_count; i++)
        named = named || bytes_is(identity.credential[i], credential);
    const struct macaroon_view *root = &token->macaroon[0];
    for (size_t i = 0; named && i < root->caveat_count; i++)
        named = root->caveat[i].vid.n > 0 || !caveat_excludes(root->caveat[i].id, credential);
    return named;
}

static void
put_covered(const struct token *token, struct buffer *out)
{
    struct token_identity identity;
    if (token_identity_read(token, &identity, NULL) != KH_OK)
        return;
    for (size_t i = 0; i < identity.credential_count; i++) {
        char name[65];
        snprintf(name, sizeof name, "%.*s", BYTES_ARG(identity.credential[i]));
        if (run_token_covers(token, name))
            buffer_printf(out, "%s%s", out->n > 0 ? ", " : "", name);
    }
}

static enum kh_err
tokens_check_picks(const struct run_tokens *tokens, struct fault *fault)
{
    for (size_t i = 0; i < tokens->pick_count; i++) {
        bool found = false;
        for (size_t j = 0; j < tokens->count; j++)
            found = found || run_token_covers(tokens->token[j].given, tokens->pick[i]);
        if (found)
            continue;
        BUFFER_AUTO covered;
        buffer_init(&covered, 400);
        for (size_t j = 0; j < tokens->count; j++)
            put_covered(tokens->token[j].given, &covered);
        return fault_set(fault, KH_ERR_USAGE, "--credential %.64s: the token is for %s",
                         tokens->pick[i], covered.n > 0 ? buffer_text(&covered) : "nothing");
    }
    return KH_OK;
}

static bool
token_is_picked(const struct run_tokens *tokens, const struct token *token)
{
    bool picked = tokens->pick_count == 0;
    for (size_t i = 0; i < tokens->pick_count; i++)
        picked = picked || run_token_covers(token, tokens->pick[i]);
    return picked;
}

static enum kh_err
token_check(struct run_token *token, int64_t now, struct fault *fault)
{
    struct inspection *inspection = NULL;
    enum kh_err err = inspect_token(token->given, now, &inspection, fault);
    if (err != KH_OK)
        return err;
    token->ends_at = inspection->ends_at;
    size_t open = inspection->holes_open;
    inspection_free(&inspection);
    if (open > 0)
        return fault_set(fault, KH_ERR_DENIED,
                         "the token has %zu hole%s to be filled first, and is of no use before "
                         "that:\n  KEYHOLE_TOKEN=$(keyhole discharge) keyhole run …",
                         open, open == 1 ? "" : "s");
    if (token->ends_at > now)
        return KH_OK;
    BUFFER_AUTO when;
    buffer_init(&when, 64);
    moment_put_relative(&when, token->ends_at, now);
    return fault_set(fault, KH_ERR_DENIED, "the token has expired: %s", buffer_text(&when));
}

enum kh_err
run_tokens_check(struct run_tokens *tokens, int64_t now, struct fault *fault)
{
    enum kh_err err = tokens_check_picks(tokens, fault);
    if (err != KH_OK)
        return err;
    size_t kept = 0;
    for (size_t i = 0; i < tokens->count; i++) {
        if (token_is_picked(tokens, tokens->token[i].given))
            tokens->token[kept++] = tokens->token[i];
        else
            token_free(&tokens->token[i].given);
    }
    tokens->count = kept;
    for (size_t i = 0; i < tokens->count; i++)
        if ((err = token_check(&tokens->token[i], now, fault)) != KH_OK)
            return err;
    return KH_OK;
}

/* ---- narrowing ---- */

void
run_label(const char *program, char out[RUN_LABEL_MAX])
{
    const char *slash = strrchr(program, '/');
    const char *name = slash != NULL && slash[1] != '\0' ? slash + 1 : program;
    uint32_t id = randombytes_random() & 0xffffff;
    size_t n = (size_t)snprintf(out, RUN_LABEL_MAX, "run:");
    // It is read in audit logs: nothing that needs quotes.
    for (; *name != '\0' && n < RUN_LABEL_MAX - 10; name++)
        out[n++] = isalnum((unsigned char)*name) || strchr("._+", *name) ? *name : '-';
    snprintf(out + n, RUN_LABEL_MAX - n, "-%06x", id);
}

static enum kh_err
narrowing_collect(struct attenuation *a, const struct run_tokens *tokens,
                  const struct attenuation *conditions, const char *label, const char *run,
                  struct fault *fault)
{
    struct bytes pick[TOKEN_CREDENTIALS_MAX + 1];
    size_t count = 0;
    // Labels first: they head the caveats of this holder. That of the run makes the lineage its
    // own, so that ending it ends nothing else.
    enum kh_err err = label != NULL ? attenuation_add_label(a, bytes_str(label), fault) : KH_OK;
    if (err == KH_OK)
        err = attenuation_add_label(a, bytes_str(run), fault);
    for (size_t i = 0; err == KH_OK && i < conditions->count; i++)
        err = attenuation_add(a, conditions->text[i], fault);
    for (; count < tokens->pick_count; count++)
        pick[count] = bytes_str(tokens->pick[count]);
    if (count > 0)
        pick[count++] = BYTES(RUN_PASS_THROUGH);
    if (err == KH_OK)
        err = attenuation_add_any(a, ATTRIBUTE_CREDENTIAL, pick, count, fault);
    return err;
}

static enum kh_err
token_narrow(struct run_token *token, const struct run_tokens *tokens,
             const struct attenuation *conditions, const char *label, const char *run, int64_t now,
             int64_t lifetime_s, struct fault *fault)
{
    struct attenuation a;
    struct buffer text;
    attenuation_init(&a);
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    enum kh_err err = narrowing_collect(&a, tokens, conditions, label, run, fault);
    if (err == KH_OK && token->ends_at - now > lifetime_s) {
        err = attenuation_add_lifetime(&a, now, lifetime_s, fault);
        token->ends_at = now + lifetime_s;
    }
    if (err == KH_OK)
        err = attenuation_apply(&a, token->given, &BYTES_EMPTY, &text, fault);
    if (err == KH_OK)
        err = token_scan(buffer_bytes(&text), &token->token, fault);
    buffer_free(&text);
    attenuation_free(&a);
    return err;
}

enum kh_err
run_tokens_narrow(struct run_tokens *tokens, const struct attenuation *conditions,
                  const char *label, const char *run, int64_t now, int64_t lifetime_s,
                  struct fault *fault)
{
    for (size_t i = 0; i < tokens->count; i++) {
        enum kh_err err =
            token_narrow(&tokens->token[i], tokens, conditions, label, run, now, lifetime_s, fault);
        if (err != KH_OK)
            return err;
    }
    return KH_OK;
}

const struct run_token *
run_tokens_find(const struct run_tokens *tokens, const char *credential)
{
    for (size_t i = 0; i < tokens->count; i++)
        if (run_token_covers(tokens->token[i].token, credential))
            return &tokens->token[i];
    return NULL;
}

enum kh_err
run_token_for(const struct run_token *token, const char *credential, const char *prefix,
              struct buffer *out, struct fault *fault)
{
    struct attenuation a;
    struct bytes name = bytes_str(credential), before = bytes_str(prefix);
    attenuation_init(&a);
    enum kh_err err = attenuation_add_any(&a, ATTRIBUTE_CREDENTIAL, &name, 1, fault);
    if (err == KH_OK)
        err = attenuation_apply(&a, token->token, &before, out, fault);
    attenuation_free(&a);
    return err;
}
