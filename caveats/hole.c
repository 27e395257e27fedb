/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what a hole demands, and its canonical text. */

#include "hole.h"

#include "duration.h"
#include "quoted.h"

#include <string.h>

/* Words that an attribute may have, separated by spaces; NULL for any word. */
static const struct hole_attribute {
    const char *name, *words;
    bool ordered; /* versions */
} attributes[] = {
    {"user", NULL, false},      {"factor", "yubikey fido2 ssh ssh-sk", false},
    {"presence", "yes", false}, {"verification", "none pin", false},
    {"aaguid", NULL, false},    {"firmware", NULL, true},
};
enum { ATTRIBUTES = sizeof attributes / sizeof attributes[0] };

struct reader {
    struct bytes whole;
    size_t at;
    struct buffer *out;
    struct fault *fault;
};

static bool
take(struct reader *r, const char *text)
{
    if (!bytes_starts(bytes_from(r->whole, r->at), bytes_str(text)))
        return false;
    r->at += strlen(text);
    return true;
}

static bool
is_word_of(struct bytes word, const char *words)
{
    struct bytes rest = bytes_str(words), one;
    if (words == NULL)
        return word.n > 0;
    while (bytes_cut(&rest, ' ', &one)) {
        if (bytes_equal(word, one))
            return true;
    }
    return false;
}

static enum kh_err
read_attribute(struct reader *r, const struct hole_attribute **out)
{
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        size_t n = strlen(attributes[i].name);
        struct bytes rest = bytes_from(r->whole, r->at);
        if (!bytes_starts(rest, bytes_str(attributes[i].name)) || n == rest.n || rest.p[n] != ' ')
            continue;
        r->at += n + 1;
        *out = &attributes[i];
        buffer_put_str(r->out, attributes[i].name);
        return KH_OK;
    }
    return fault_set(r->fault, KH_ERR_UNKNOWN,
                     "at byte %zu: expected user, factor, presence, verification, aaguid or "
                     "firmware, and one space",
                     r->at + 1);
}

static enum kh_err
read_operator(struct reader *r, const struct hole_attribute *attribute, bool *is_list)
{
    static const char *const operators[] = {"= ", "in ", ">= ", "<= ", "> ", "< "};
    size_t count = attribute->ordered ? 6 : 2;
    for (size_t i = 0; i < count; i++) {
        if (!take(r, operators[i]))
            continue;
        *is_list = i == 1;
        buffer_printf(r->out, " %s", operators[i]);
        return KH_OK;
    }
    return fault_set(r->fault, KH_ERR_SYNTAX, "at byte %zu: expected %s, and one space", r->at + 1,
                     attribute->ordered ? "=, in, <, <=, > or >=" : "= or in");
}

static enum kh_err
read_values(struct reader *r, const struct hole_attribute *attribute, bool is_list)
{
    for (size_t count = 1;; count++) {
        uint8_t text[HOLE_TEXT_MAX];
        size_t n, start = r->at;
        enum kh_err err = quoted_read(r->whole, &r->at, false, text, &n, r->fault);
        if (err)
            return err;
        if (!is_word_of(bytes_of(text, n), attribute->words))
            return fault_set(r->fault, KH_ERR_TYPE, "at byte %zu: %s is %s%s", start + 1,
                             attribute->name, attribute->words ? "one of " : "",
                             attribute->words ? attribute->words : "not empty");
        quoted_print(bytes_of(text, n), false, r->out);
        if (!is_list || !take(r, ","))
            return KH_OK;
        if (count == HOLE_VALUES_MAX)
            return fault_set(r->fault, KH_ERR_TOO_LONG, "more than %d values", HOLE_VALUES_MAX);
        (void)take(r, " ");
        buffer_put_str(r->out, ", ");
    }
}

static enum kh_err
read_predicate(struct reader *r, uint64_t *seen)
{
    const struct hole_attribute *attribute = NULL;
    bool is_list = false;
    size_t start = r->at;
    enum kh_err err = read_attribute(r, &attribute);
    if (err)
        return err;
    uint64_t bit = UINT64_C(1) << (attribute - attributes);
    if ((*seen & bit) && !attribute->ordered)
        return fault_set(r->fault, KH_ERR_SYNTAX, "at byte %zu: %s is given a second time",
                         start + 1, attribute->name);
    *seen |= bit;
    err = read_operator(r, attribute, &is_list);
    return err ? err : read_values(r, attribute, is_list);
}

static enum kh_err
read_all(struct reader *r, struct hole *out)
{
    uint64_t seen = 0;
    for (size_t count = 0;; count++) {
        if (count == HOLE_PREDICATES_MAX)
            return fault_set(r->fault, KH_ERR_TOO_LONG, "more than %d predicates",
                             HOLE_PREDICATES_MAX);
        enum kh_err err = read_predicate(r, &seen);
        if (err)
            return err;
        if (!take(r, " and "))
            break;
        buffer_put_str(r->out, " and ");
    }
    if (!take(r, " for "))
        return fault_set(r->fault, KH_ERR_SYNTAX,
                         "at byte %zu: expected \" and \" and a predicate, or \" for \" and how "
                         "long a discharge is good",
                         r->at + 1);
    out->names_user = seen & 1;
    enum kh_err err = duration_parse(bytes_from(r->whole, r->at), &out->lifetime_s, r->fault);
    if (err)
        return err;
    buffer_put_str(r->out, " for ");
    duration_print(out->lifetime_s, r->out);
    return KH_OK;
}

enum kh_err
hole_parse(struct bytes text, struct buffer *canonical, struct hole *out, struct fault *fault)
{
    struct hole hole = {0};
    BUFFER_AUTO printed;
    buffer_init(&printed, HOLE_TEXT_MAX);
    if (text.n == 0 || !quoted_text_is_clean(text))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "what a hole demands is empty, not UTF-8, or has a control character");
    if (text.n > HOLE_TEXT_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "what a hole demands is longer than %d bytes",
                         HOLE_TEXT_MAX);
    struct reader r = {.whole = text, .out = &printed, .fault = fault};
    enum kh_err err = read_all(&r, &hole);
    if (!err && printed.failed)
        err = fault_set(fault, KH_ERR_TOO_LONG, "what a hole demands is longer than %d bytes",
                        HOLE_TEXT_MAX);
    if (err)
        return err;
    buffer_put(canonical, buffer_bytes(&printed));
    *out = hole;
    return KH_OK;
}

void
hole_print_for_user(struct bytes demand, bool names_user, struct bytes user, struct buffer *out)
{
    if (!names_user) {
        buffer_put_str(out, "user = ");
        quoted_print(user, false, out);
        buffer_put_str(out, " and ");
    }
    buffer_put(out, demand);
}

bool
hole_satisfies(struct bytes filled, struct bytes demand, struct bytes user)
{
    if (bytes_equal(filled, demand))
        return true;
    BUFFER_AUTO for_user;
    buffer_init(&for_user, HOLE_TEXT_MAX + 256);
    hole_print_for_user(demand, false, user, &for_user);
    return !for_user.failed && bytes_equal(filled, buffer_bytes(&for_user));
}
