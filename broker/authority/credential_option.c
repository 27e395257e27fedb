/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of options, and the types that their values have.
 */
#include "credential_option.h"

#include "../../caveats/path.h"
#include "../admin/suggest.h"
#include "credential_answer.h"

#include <string.h>

enum option_type {
    OPTION_TEXT,
    OPTION_WORD,
    OPTION_HEADER,
    OPTION_URL,
    OPTION_CHOICE,
    OPTION_NUMBER,
    OPTION_ANSWERS,
    OPTION_COOKIES,
    OPTION_FIELDS,
    OPTION_TYPES
};

static const struct option_rules {
    const char *name;
    unsigned kinds;
    enum option_type type;
    const char *values;
} table[] = {
#define OF(kind) (1u << INJECT_##kind)
#define ANY      UINT32_MAX
#define KH_OPTION(name_, kinds_, type_, values_, doc_)                                             \
    {.name = (name_), .kinds = (kinds_), .type = OPTION_##type_, .values = (values_)},
#include "../../schema/credential_options.def"
#undef OF
#undef ANY
};

enum { COUNT = sizeof table / sizeof table[0] };

_Static_assert(INJECT_COUNT <= 32, "kinds are bits");

// ---- types ----

static enum kh_err
check_text(const struct option_rules *rules, struct bytes value, struct fault *fault)
{
    (void)rules;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < 0x20 || value.p[i] > 0x7e)
            return fault_set(fault, KH_ERR_SYNTAX, "it is printable ASCII");
    }
    return KH_OK;
}

static enum kh_err
check_word(const struct option_rules *rules, struct bytes value, struct fault *fault)
{
    (void)rules;
    for (size_t i = 0; i < value.n; i++) {
        uint8_t c = value.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == 0 || strchr("-._~:/@+", c) == NULL))
            return fault_set(fault, KH_ERR_SYNTAX, "it has letters, digits and -._~:/@+");
    }
    return KH_OK;
}

static enum kh_err
check_header(const struct option_rules *rules, struct bytes value, struct fault *fault)
{
    BUFFER_AUTO lower;

    (void)rules;
    buffer_init(&lower, CREDENTIAL_FIELD_MAX);
    return credential_field_name(value, &lower, fault);
}

static enum kh_err
check_url(const struct option_rules *rules, struct bytes value, struct fault *fault)
{
    bool plain = bytes_starts(value, BYTES("http://"));
    struct bytes rest = bytes_from(value, plain ? 7 : 8);
    struct bytes authority = bytes_slice(rest, 0, bytes_index(rest, '/'));
    uint16_t port;
    BUFFER_AUTO host;

    buffer_init(&host, 512);
    if ((!plain && !bytes_starts(value, BYTES("https://"))) || check_text(rules, value, NULL) ||
        bytes_index(value, '#') < value.n || bytes_index(value, ' ') < value.n ||
        bytes_index(authority, '?') < authority.n || authority_split(authority, &host, &port))
        return fault_set(fault, KH_ERR_SYNTAX, "it is https://HOST/PATH");
    return KH_OK;
}

static enum kh_err
check_choice(const struct option_rules *rules, struct bytes value, struct fault *fault)
{
    struct bytes rest = bytes_str(rules->values), word;

    while (preset_word(&rest, &word)) {
        if (bytes_equal(word, value))
            return KH_OK;
    }
    return fault_set(fault, KH_ERR_UNKNOWN, "it is one of: %s", rules->values);
}

static enum kh_err
check_number(const struct option_rules *rules, struct bytes value, struct fault *fault)
{
    struct bytes rest = bytes_str(rules->values), word;
    uint64_t least = 0, most = 0, number;

    bool known = preset_word(&rest, &word) && bytes_to_u64(word, &least) &&
                 preset_word(&rest, &word) && bytes_to_u64(word, &most);
    if (!known || !bytes_to_u64(value, &number) || number < least || number > most)
        return fault_set(fault, KH_ERR_RANGE, "it is a number from %llu to %llu",
                         (unsigned long long)least, (unsigned long long)most);
    return KH_OK;
}

static enum kh_err
check_answers(const struct option_rules *rules, struct bytes value, struct fault *fault)
{
    (void)rules;
    return credential_check_token_answers(value, fault);
}

static enum kh_err
check_cookies(const struct option_rules *rules, struct bytes value, struct fault *fault)
{
    (void)rules;
    return credential_check_answer_cookies(value, fault);
}

static enum kh_err
check_fields(const struct option_rules *rules, struct bytes value, struct fault *fault)
{
    (void)rules;
    return credential_check_answer_fields(value, fault);
}

static enum kh_err (*const check_of[OPTION_TYPES])(const struct option_rules *rules,
                                                   struct bytes value, struct fault *fault) = {
    [OPTION_TEXT] = check_text,       [OPTION_WORD] = check_word,
    [OPTION_HEADER] = check_header,   [OPTION_URL] = check_url,
    [OPTION_CHOICE] = check_choice,   [OPTION_NUMBER] = check_number,
    [OPTION_ANSWERS] = check_answers, [OPTION_COOKIES] = check_cookies,
    [OPTION_FIELDS] = check_fields,
};

// ---- items ----

static struct bytes
name_of(struct bytes item)
{
    return bytes_slice(item, 0, bytes_index(item, '='));
}

static const struct option_rules *
find(struct bytes name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (bytes_is(name, table[i].name))
            return &table[i];
    }
    return NULL;
}

static enum kh_err
unknown(struct bytes name, struct fault *fault)
{
    struct suggestion suggestion;

    suggest_begin(&suggestion, name);
    for (size_t i = 0; i < COUNT; i++)
        suggest_offer(&suggestion, bytes_str(table[i].name));
    return fault_set(fault, KH_ERR_UNKNOWN, "there is no such option%s", suggest_text(&suggestion));
}

enum kh_err
credential_add_option(struct credential *credential, struct bytes text, struct fault *fault)
{
    struct bytes name = name_of(text), value = bytes_from(text, name.n + 1);
    const struct option_rules *rules = find(name);

    if (name.n == text.n)
        return fault_set(fault, KH_ERR_SYNTAX, "an option is NAME=VALUE");
    if (rules == NULL)
        return unknown(name, fault);
    if (credential_option(credential, rules->name).n > 0)
        return fault_set(fault, KH_ERR_EXISTS, "%s is given twice", rules->name);
    if (value.n == 0 || value.n > CREDENTIAL_OPTION_MAX)
        return fault_set(fault, KH_ERR_RANGE, "%s: it has 1 to %d characters", rules->name,
                         CREDENTIAL_OPTION_MAX);
    enum kh_err err = check_of[rules->type](rules, value, fault);
    if (err) {
        fault_prefix(fault, "%s: ", rules->name);
        return err;
    }
    return credential_list_add(credential, STORE_LIST_OPTIONS, text, fault);
}

static bool
belongs(const struct credential *credential, const struct option_rules *rules)
{
    return rules && (rules->kinds & 1u << credential->route.inject_kind) != 0;
}

enum kh_err
credential_complete_options(struct credential *credential, struct fault *fault)
{
    struct bytes rest = bytes_str(credential->preset ? credential->preset->options : ""), line;
    enum kh_err err = KH_OK;

    while (!err && bytes_cut(&rest, '\n', &line)) {
        const struct option_rules *rules = find(name_of(line));
        if (belongs(credential, rules) && credential_option(credential, rules->name).n == 0)
            err = credential_add_option(credential, line, fault);
    }
    if (err)
        fault_prefix(fault, "options: ");
    return err;
}

enum kh_err
credential_check_options(const struct credential *credential, struct fault *fault)
{
    const struct store_credential *row = &credential->row;

    for (size_t i = 0; i < row->item_count[STORE_LIST_OPTIONS]; i++) {
        struct bytes name = name_of(row->item[STORE_LIST_OPTIONS][i]);
        if (!belongs(credential, find(name)))
            return fault_set(fault, KH_ERR_USAGE, "options: %.*s does not belong to this injection",
                             BYTES_ARG(name));
    }
    return KH_OK;
}

// ---- values ----

struct bytes
credential_option(const struct credential *credential, const char *name)
{
    const struct store_credential *row = &credential->row;

    for (size_t i = 0; i < row->item_count[STORE_LIST_OPTIONS]; i++) {
        struct bytes item = row->item[STORE_LIST_OPTIONS][i], own = name_of(item);
        if (bytes_is(own, name))
            return bytes_from(item, own.n + 1);
    }
    return BYTES_EMPTY;
}

struct bytes
credential_option_or(const struct credential *credential, const char *name, const char *otherwise)
{
    struct bytes value = credential_option(credential, name);
    return value.n > 0 ? value : bytes_str(otherwise);
}

bool
credential_is_token_host(const struct credential *credential, struct bytes host)
{
    struct bytes url = credential_option(credential, "token-url");
    size_t scheme = bytes_find(url, BYTES("://"));
    struct bytes rest = bytes_from(url, scheme + 3), authority;
    uint16_t port;
    BUFFER_AUTO own;

    buffer_init(&own, 512);
    authority = bytes_slice(rest, 0, bytes_index(rest, '/'));
    authority = bytes_slice(authority, 0, bytes_index(authority, '?'));
    return url.n > 0 && authority_split(authority, &own, &port) == KH_OK &&
           bytes_equal(buffer_bytes(&own), host);
}

int64_t
credential_option_number(const struct credential *credential, const char *name, int64_t otherwise)
{
    uint64_t number;
    return bytes_to_u64(credential_option(credential, name), &number) ? (int64_t)number : otherwise;
}
