/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own chain of signatures beside other libraries: makes macaroons and judges those of others.
 *
 *     macaroons make SEED COUNT    a line of JSON each: key, whether it is good, and three formats
 *     macaroons verify             "KEY TEXT" a line, in; "CHAIN LIBRARY CONDITIONS" a line, out
 */

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../caveats/foreign.h"
#include "../../../caveats/token_internal.h"

enum { CAVEATS_MAX = 8, MACAROONS_MAX = 3, TEXT_MAX = 64, LINE_MAX_N = 65536 };

/* xorshift64* */
static uint64_t state;

static unsigned
below(unsigned n)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (unsigned)((state * UINT64_C(2685821657736338717) >> 33) % n);
}

static void
must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "macaroons: %s\n", what);
    exit(1);
}

/* ---- making ---- */

struct made {
    struct token_caveat caveat[CAVEATS_MAX];
    char text[CAVEATS_MAX][TEXT_MAX];
    uint8_t vid[CAVEATS_MAX][TOKEN_VID_SIZE];
    uint8_t hole_key[CAVEATS_MAX][TOKEN_KEY_SIZE];
    char identifier[TEXT_MAX];
    uint8_t signature[TOKEN_SIGNATURE_SIZE];
    struct macaroon_view view;
};

static void
start(struct made *m, struct token_hmac *hmac, const uint8_t key[TOKEN_KEY_SIZE],
      struct bytes identifier)
{
    m->view = (struct macaroon_view){.location = BYTES("https://a.example"),
                                     .identifier = identifier,
                                     .signature = bytes_of(m->signature, sizeof m->signature),
                                     .caveat = m->caveat};
    must(token_chain_start(hmac, key, identifier, m->signature), "start");
}

static void
add(struct made *m, struct token_hmac *hmac)
{
    static const char letters[] = "abcdefghij klmnop=<>/*.,-_:0123456789[]{}()'~!";
    size_t at = m->view.caveat_count++, n = 1 + below(TEXT_MAX - 2);
    for (size_t i = 0; i < n; i++)
        m->text[at][i] = letters[below(sizeof letters - 1)];
    m->caveat[at] = (struct token_caveat){.id = bytes_of(m->text[at], n)};
    must(token_chain_step(hmac, &m->caveat[at], m->signature), "step");
}

static void
add_hole(struct made *m, struct token_hmac *hmac, unsigned number)
{
    size_t at = m->view.caveat_count++;
    snprintf(m->text[at], TEXT_MAX, "ticket %u of %u", number, below(1000000));
    for (size_t i = 0; i < TOKEN_KEY_SIZE; i++)
        m->hole_key[at][i] = (uint8_t)below(256);
    for (size_t i = 0; i < crypto_secretbox_NONCEBYTES; i++)
        m->vid[at][i] = (uint8_t)below(256);
    must(crypto_secretbox_easy(m->vid[at] + crypto_secretbox_NONCEBYTES, m->hole_key[at],
                               TOKEN_KEY_SIZE, m->vid[at], m->signature) == 0,
         "seal");
    m->caveat[at] = (struct token_caveat){.id = bytes_str(m->text[at]),
                                          .vid = bytes_of(m->vid[at], TOKEN_VID_SIZE),
                                          .location = BYTES("https://d.example")};
    must(token_chain_step(hmac, &m->caveat[at], m->signature), "step");
}

static void
bind(struct made *m, const struct made *root, struct token_hmac *hmac)
{
    uint8_t bound[TOKEN_SIGNATURE_SIZE];
    must(token_chain_bind(hmac, root->signature, m->signature, bound), "bind");
    memcpy(m->signature, bound, sizeof bound);
}

/* Spoil one bit or letter; false when it was left as it is. */
static bool
spoil(struct made *made, size_t count)
{
    struct made *m = &made[below((unsigned)count)];
    size_t at = m->view.caveat_count ? below((unsigned)m->view.caveat_count) : 0;
    switch (below(6)) {
    case 0:
        m->signature[below(TOKEN_SIGNATURE_SIZE)] ^= (uint8_t)(1U << below(8));
        return true;
    case 1:
        if (m->view.caveat_count == 0 || m->caveat[at].vid.n)
            return false;
        m->text[at][below((unsigned)m->caveat[at].id.n)] ^= 1;
        return true;
    case 2:
        if (m->view.caveat_count == 0 || m->caveat[at].vid.n == 0)
            return false;
        m->vid[at][below(TOKEN_VID_SIZE)] ^= 4;
        return true;
    case 3:
        if (m != made || m->caveat[m->view.caveat_count - 1].vid.n || m->view.caveat_count == 0)
            return false;
        m->view.caveat_count--;
        return true;
    default:
        return false;
    }
}

static void
print(const char *name, const struct token *token, enum foreign_format format)
{
    BUFFER_AUTO out;
    buffer_init(&out, FOREIGN_TEXT_MAX);
    must(foreign_export(token, format, &out, NULL) == KH_OK, "export");
    while (out.n && out.p[out.n - 1] == '\n')
        out.n--;
    for (size_t i = 0; i < out.n; i++)
        if (out.p[i] == '\n')
            out.p[i] = ' ';
    const char *quote = format == FOREIGN_V2_JSON ? "" : "\"";
    printf(", \"%s\": %s%.*s%s", name, quote, BYTES_ARG(buffer_bytes(&out)), quote);
}

static void
make_one(struct token_hmac *hmac)
{
    static struct made made[MACAROONS_MAX];
    uint8_t key[TOKEN_KEY_SIZE], derived[TOKEN_KEY_SIZE];
    char hex[2 * TOKEN_KEY_SIZE + 1];
    struct macaroon_view view[MACAROONS_MAX];
    struct token *token = NULL;
    size_t count = 1, holes = below(MACAROONS_MAX);
    BUFFER_AUTO text;

    memset(made, 0, sizeof made);
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)below(256);
    must(token_chain_root_key(hmac, key, derived), "derive");
    snprintf(made[0].identifier, TEXT_MAX, "identifier %u", below(1000000));
    start(&made[0], hmac, derived, bytes_str(made[0].identifier));
    for (unsigned n = below(4); n > 0; n--)
        add(&made[0], hmac);
    for (size_t i = 0; i < holes; i++) {
        size_t at = made[0].view.caveat_count;
        add_hole(&made[0], hmac, (unsigned)i);
        start(&made[count], hmac, made[0].hole_key[at], made[0].caveat[at].id);
        for (unsigned n = below(3); n > 0; n--)
            add(&made[count], hmac);
        count++;
    }
    for (unsigned n = below(2); n > 0; n--)
        add(&made[0], hmac);
    bool unbound = holes > 0 && below(12) == 0;
    for (size_t i = 1; i < count && !unbound; i++)
        bind(&made[i], &made[0], hmac);
    bool good = !unbound && (below(2) == 0 || !spoil(made, count));
    for (size_t i = 0; i < count; i++)
        view[i] = made[i].view;
    buffer_init(&text, TOKEN_TEXT_MAX);
    token_write_text(view, count, BYTES_EMPTY, &text);
    must(!text.failed && token_scan(buffer_bytes(&text), &token, NULL) == KH_OK, "scan");
    must(bytes_to_hex(bytes_of(key, sizeof key), hex, sizeof hex), "hex");
    printf("{\"key\": \"%s\", \"good\": %s", hex, good ? "true" : "false");
    print("v1", token, FOREIGN_V1);
    print("v2", token, FOREIGN_V2);
    print("json", token, FOREIGN_V2_JSON);
    puts("}");
    token_free(&token);
}

/* ---- judging ---- */

static void
judge(struct bytes hex, struct bytes foreign)
{
    static struct token_verified verified;
    uint8_t key[TOKEN_KEY_SIZE];
    const bool bound[TOKEN_DISCHARGES_MAX + 1] = {true, true, true, true, true,
                                                  true, true, true, true};
    struct token *token = NULL;
    struct fault fault = {0};
    size_t conditions = 0;
    BUFFER_AUTO text;

    must(bytes_from_hex(hex, key, sizeof key), "a key of 32 bytes in hexadecimal");
    buffer_init(&text, TOKEN_TEXT_MAX);
    if (foreign_import(foreign, &text, &fault) != KH_OK ||
        token_scan(buffer_bytes(&text), &token, &fault) != KH_OK) {
        printf("unreadable: %s\n", fault.detail);
        return;
    }
    for (size_t i = 0; i < token->caveat_count; i++)
        conditions += token->caveat[i].vid.n == 0;
    bool chain = token_verify(token, key, &verified, &fault) == KH_OK;
    bool library = token_open_holes(token, NULL, 0) == 0 &&
                   token_library_verify(token, key, bound, conditions, NULL) == KH_OK;
    printf("%s %s %zu\n", chain ? "yes" : "no", library ? "yes" : "no",
           chain ? verified.condition_count : 0);
    token_free(&token);
}

int
main(int argc, char **argv)
{
    static char line[LINE_MAX_N];
    struct token_hmac hmac;
    must(sodium_init() >= 0 && token_hmac_init(&hmac), "no cryptography");
    if (argc == 4 && strcmp(argv[1], "make") == 0) {
        state = strtoull(argv[2], NULL, 10) * 2 + 1;
        for (unsigned long n = strtoul(argv[3], NULL, 10); n > 0; n--)
            make_one(&hmac);
    } else if (argc == 2 && strcmp(argv[1], "verify") == 0) {
        while (fgets(line, sizeof line, stdin)) {
            struct bytes rest = bytes_trim(bytes_of(line, strcspn(line, "\n"))), hex;
            (void)bytes_cut(&rest, ' ', &hex);
            /* Several V1 macaroons of a line stand on one each. */
            for (char *c = line; rest.n && rest.p[0] != '{' && rest.p[0] != '[' && *c; c++)
                if (*c == ' ' && (const uint8_t *)c > rest.p)
                    *c = '\n';
            judge(hex, rest);
        }
    } else {
        fputs("usage: macaroons make SEED COUNT | macaroons verify\n", stderr);
        return 2;
    }
    token_hmac_fini(&hmac);
    return 0;
}
