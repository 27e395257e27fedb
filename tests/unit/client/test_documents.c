/* SPDX-License-Identifier: Apache-2.0 */
/* docs/CAVEATS.md and docs/TOKENS.md say what is so: examples parse, counter-examples do not, every
 * attribute and operator is there, the test vector verifies. Tests run in the top directory. */
#include "../../../caveats/caveat.h"
#include "../../../caveats/hole.h"
#include "../../../caveats/ticket.h"
#include "client_test.h"

static char *page, *tokens_page;

static char *
read_file(const char *name)
{
    FILE *file = fopen(name, "r");
    if (file == NULL)
        return NULL;
    char *text = calloc(1, 1 << 18);
    size_t n = fread(text, 1, (1 << 18) - 1, file);
    fclose(file);
    assert_true(n > 0);
    return text;
}

static int
read_pages(void **state)
{
    (void)state;
    page = read_file("docs/CAVEATS.md");
    tokens_page = read_file("docs/TOKENS.md");
    return page != NULL && tokens_page != NULL ? 0 : -1;
}

static int
free_pages(void **state)
{
    (void)state;
    free(page);
    free(tokens_page);
    return 0;
}

// Call `check` for each line in the boxes that begin with ```kind.
static size_t
each_line(const char *kind, void (*check)(struct bytes line))
{
    struct bytes rest = bytes_str(page), line;
    char opening[64];
    bool inside = false;
    size_t count = 0;
    snprintf(opening, sizeof opening, "```%s", kind);
    while (bytes_cut(&rest, '\n', &line)) {
        if (bytes_starts(line, BYTES("```"))) {
            inside = bytes_is(line, opening);
        } else if (inside) {
            check(line);
            count++;
        }
    }
    return count;
}

static void
must_parse(struct bytes line)
{
    struct fault fault = {.err = KH_OK};
    struct caveat *caveat = NULL, *again = NULL;
    if (caveat_parse(line, &caveat, &fault) != KH_OK)
        fail_msg("%.*s: %s", BYTES_ARG(line), fault.detail);
    BUFFER_AUTO text;
    buffer_init(&text, CAVEAT_TEXT_MAX);
    caveat_print(caveat, &text);
    assert_ok(caveat_parse(buffer_bytes(&text), &again, &fault));
    caveat_free(&caveat);
    caveat_free(&again);
}

static void
must_not_parse(struct bytes line)
{
    struct fault fault = {.err = KH_OK};
    struct caveat *caveat = NULL;
    if (caveat_parse(line, &caveat, &fault) == KH_OK)
        fail_msg("the page says that this is refused: %.*s", BYTES_ARG(line));
}

static void
test_counter_examples(void **state)
{
    (void)state;
    assert_true(each_line("caveat-refused", must_not_parse) >= 10);
}

static void
test_examples(void **state)
{
    (void)state;
    assert_true(each_line("caveat", must_parse) >= 40);
}

static void
must_be_a_hole(struct bytes line)
{
    struct fault fault = {.err = KH_OK};
    struct hole hole;
    BUFFER_AUTO text;
    buffer_init(&text, HOLE_TEXT_MAX);
    if (hole_parse(line, &text, &hole, &fault) != KH_OK)
        fail_msg("%.*s: %s", BYTES_ARG(line), fault.detail);
    assert_true(bytes_equal(buffer_bytes(&text), line));
}

static void
must_not_be_a_hole(struct bytes line)
{
    struct hole hole;
    BUFFER_AUTO text;
    buffer_init(&text, HOLE_TEXT_MAX);
    if (hole_parse(line, &text, &hole, NULL) == KH_OK)
        fail_msg("the page says that this is refused: %.*s", BYTES_ARG(line));
}

static void
test_holes(void **state)
{
    (void)state;
    static const char *const rows[] = {"| `user` |",         "| `factor` |", "| `presence` |",
                                       "| `verification` |", "| `aaguid` |", "| `firmware` |"};
    assert_true(each_line("hole", must_be_a_hole) >= 5);
    assert_true(each_line("hole-refused", must_not_be_a_hole) >= 10);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_contains(page, rows[i]);
    for (int i = HOLE_FACTOR_FIDO2; i <= HOLE_FACTOR_SSH_SK; i++) {
        char text[32];
        snprintf(text, sizeof text, "| `%s` |", hole_factor_name((enum hole_factor)i));
        assert_contains(page, text);
    }
}

static void
test_every_attribute_is_described(void **state)
{
    (void)state;
    for (int i = ATTRIBUTE_UNSET + 1; i < ATTRIBUTE_COUNT; i++) {
        const struct attribute_info *info = attribute_info((enum attribute)i);
        char row[64];
        const char *key = i == ATTRIBUTE_BODY ? "[/pointer]" : info->keyed ? "[name]" : "";
        snprintf(row, sizeof row, "\n| `%s%s` |", info->text, key);
        assert_contains(page, row);
    }
}

static void
test_every_operator_is_described(void **state)
{
    (void)state;
    static const char *const operator_text[] = {"=", "!=", "in", "not in", "~",       "!~",
                                                "<", "<=", ">",  ">=",     "present", "absent"};
    for (size_t i = 0; i < sizeof operator_text / sizeof operator_text[0]; i++) {
        char text[32];
        snprintf(text, sizeof text, "`%s`", operator_text[i]);
        assert_contains(page, text);
    }
}

// The nth value of that name in a box of test vectors.
static struct bytes
vector_of(const char *opening, const char *name, size_t nth)
{
    const char *box = strstr(tokens_page, opening);
    assert_non_null(box);
    struct bytes rest = bytes_str(box + strlen(opening)), line;
    while (bytes_cut(&rest, '\n', &line) && !bytes_is(line, "```")) {
        struct bytes word = bytes_slice(line, 0, bytes_index(line, ' '));
        if (bytes_is(word, name) && nth-- == 0)
            return bytes_trim(bytes_from(line, word.n));
    }
    fail_msg("the vector has no %s", name);
    return BYTES_EMPTY;
}

static struct bytes
vector(const char *name, size_t nth)
{
    return vector_of("```vector\n", name, nth);
}

static struct bytes
hole_vector(const char *name, size_t nth)
{
    return vector_of("```hole-vector\n", name, nth);
}

static void
assert_lineage(const struct token *token, size_t nth)
{
    char hex[2 * LINEAGE_ID_SIZE + 1];
    uint8_t lineage[LINEAGE_ID_SIZE];
    token_lineage_last(token, lineage);
    assert_true(bytes_to_hex(bytes_of(lineage, sizeof lineage), hex, sizeof hex));
    assert_true(bytes_is(vector("lineage", nth), hex));
}

static void
test_vector(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    uint8_t key[TOKEN_KEY_SIZE], identifier[TOKEN_IDENTIFIER_MAX];
    struct bytes hex = vector("identifier", 0);
    struct token *token = NULL, *narrow = NULL;
    struct token_identity identity;
    BUFFER_AUTO minted, attenuated;
    buffer_init(&minted, TOKEN_TEXT_MAX);
    buffer_init(&attenuated, TOKEN_TEXT_MAX);
    assert_true(bytes_from_hex(vector("root-key", 0), key, sizeof key));
    assert_true(bytes_from_hex(hex, identifier, hex.n / 2));

    assert_ok(token_scan(vector("token", 0), &token, &fault));
    assert_true(bytes_equal(token->macaroon[0].identifier, bytes_of(identifier, hex.n / 2)));
    assert_lineage(token, 0);
    assert_ok(token_identity_read(token, &identity, &fault));
    struct bytes caveat = vector("caveat", 0), added = vector("added", 0);
    assert_ok(token_mint(&identity, key, vector("location", 0), &caveat, 1, &minted, &fault));
    assert_true(bytes_equal(buffer_bytes(&minted), vector("token", 0)));

    assert_ok(token_attenuate(token, &added, 1, &attenuated, &fault));
    assert_true(bytes_equal(buffer_bytes(&attenuated), vector("attenuated", 0)));
    assert_ok(token_scan(buffer_bytes(&attenuated), &narrow, &fault));
    assert_lineage(narrow, 1);
    struct token_verified *verified = calloc(1, sizeof *verified);
    assert_ok(token_verify(narrow, key, verified, &fault));
    assert_int_equal(verified->condition_count, 2);
    free(verified);
    token_free(&token);
    token_free(&narrow);
}

// The ticket opens to what the page says, the discharge is made again byte for byte, and the whole
// verifies.
static void
test_hole_vector(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    uint8_t secret_key[TICKET_SECRET_KEY_SIZE], caveat_key[TOKEN_KEY_SIZE], key[TOKEN_KEY_SIZE];
    struct discharger discharger;
    struct token *holed = NULL, *filled = NULL;
    struct ticket ticket;
    BUFFER_AUTO sealed, raw, text;
    buffer_init(&sealed, TOKEN_CAVEAT_MAX);
    buffer_init(&raw, TOKEN_TEXT_MAX);
    buffer_init(&text, TOKEN_TEXT_MAX);
    assert_true(bytes_from_hex(hole_vector("secret-key", 0), secret_key, sizeof secret_key));
    assert_true(bytes_from_hex(hole_vector("caveat-key", 0), caveat_key, sizeof caveat_key));
    assert_true(bytes_from_hex(vector("root-key", 0), key, sizeof key));
    assert_true(base64_decode(BASE64_URL, hole_vector("ticket", 0), &sealed));
    assert_ok(discharger_parse(hole_vector("discharger", 0), &discharger, &fault));
    assert_ok(
        ticket_open(buffer_bytes(&sealed), discharger.public_key, secret_key, &ticket, &fault));
    assert_memory_equal(ticket.root_key, caveat_key, sizeof caveat_key);
    assert_true(bytes_equal(ticket.condition, hole_vector("condition", 0)));
    assert_true(bytes_equal(ticket.broker, vector("location", 0)));
    assert_true(bytes_is(ticket.principal, "alice"));
    assert_true(bytes_equal(ticket.caveat[0], vector("caveat", 0)));
    ticket_free(&ticket);

    assert_ok(token_scan(hole_vector("holed", 0), &holed, &fault));
    assert_true(bytes_equal(holed->caveat[2].id, buffer_bytes(&sealed)));
    const struct bytes says[] = {hole_vector("says", 0), hole_vector("says", 1),
                                 hole_vector("says", 2)};
    assert_ok(token_discharge_make(buffer_bytes(&sealed), caveat_key, bytes_str(discharger.url),
                                   says, 3, &raw, &fault));
    const struct bytes discharge = buffer_bytes(&raw);
    assert_ok(token_add_discharges(holed, &discharge, 1, &text, &fault));
    assert_true(bytes_equal(buffer_bytes(&text), hole_vector("filled", 0)));
    assert_ok(token_scan(buffer_bytes(&text), &filled, &fault));
    struct token_verified *verified = calloc(1, sizeof *verified);
    assert_ok(token_verify(filled, key, verified, &fault));
    free(verified);
    token_free(&holed);
    token_free(&filled);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counter_examples),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_every_attribute_is_described),
        cmocka_unit_test(test_every_operator_is_described),
        cmocka_unit_test(test_vector),
        cmocka_unit_test(test_holes),
        cmocka_unit_test(test_hole_vector),
    };
    return cmocka_run_group_tests(tests, read_pages, free_pages);
}
