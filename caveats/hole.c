/* SPDX-License-Identifier: Apache-2.0 */
/* What a hole demands: strict reading and canonical printing of the same form. */

#include "hole_internal.h"

#include "duration.h"
#include "quoted.h"

#include <string.h>

static bool is_any(struct bytes text);
static bool is_version(struct bytes text);

/* What values an attribute takes: one of `words`, separated by spaces, or what `check` lets
 * through. */
static const struct hole_attribute {
    const char *name, *words, *says;
    bool (*check)(struct bytes text);
    bool ordered; /* versions: it has more operators, and may be given twice */
} attributes[HOLE_ATTRIBUTES] = {
    [HOLE_USER] = {"user", NULL, "not empty", is_any, false},
    [HOLE_FACTOR] = {"factor", "yubikey fido2 ssh ssh-sk", NULL, NULL, false},
    [HOLE_PRESENCE] = {"presence", "yes", NULL, NULL, false},
    [HOLE_VERIFICATION] = {"verification", "none pin", NULL, NULL, false},
    [HOLE_AAGUID] = {"aaguid", NULL, "written cb69481e-8ff7-4039-93ec-0a2729a154a8",
                     hole_value_is_aaguid, false},
    [HOLE_FIRMWARE] = {"firmware", NULL, "a version as 5.7.4", is_version, true},
};

static const char *const operators[HOLE_OPERATORS] = {
    [HOLE_EQ] = "= ",  [HOLE_IN] = "in ", [HOLE_GE] = ">= ",
    [HOLE_LE] = "<= ", [HOLE_GT] = "> ",  [HOLE_LT] = "< ",
};
enum { UNORDERED_OPERATORS = HOLE_IN + 1 };

struct reader {
    struct bytes whole;
    size_t at;
    struct hole_form *out;
    struct fault *fault;
};

static bool
is_any(struct bytes text)
{
    return text.n > 0;
}

static bool
is_version(struct bytes text)
{
    uint32_t version[HOLE_VERSION_PARTS];
    return hole_value_version(text, version);
}

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
    while (bytes_cut(&rest, ' ', &one)) {
        if (bytes_equal(word, one))
            return true;
    }
    return false;
}

static enum kh_err
read_attribute(struct reader *r, enum hole_attribute_id *out)
{
    struct bytes rest = bytes_from(r->whole, r->at);
    for (int i = 0; i < HOLE_ATTRIBUTES; i++) {
        size_t n = strlen(attributes[i].name);
        if (!bytes_starts(rest, bytes_str(attributes[i].name)) || n == rest.n || rest.p[n] != ' ')
            continue;
        r->at += n + 1;
        *out = (enum hole_attribute_id)i;
        return KH_OK;
    }
    return fault_set(r->fault, KH_ERR_UNKNOWN,
                     "at byte %zu: expected user, factor, presence, verification, aaguid or "
                     "firmware, and one space",
                     r->at + 1);
}

static enum kh_err
read_operator(struct reader *r, bool ordered, enum hole_operator *out)
{
    for (int i = 0; i < (ordered ? HOLE_OPERATORS : UNORDERED_OPERATORS); i++) {
        if (!take(r, operators[i]))
            continue;
        *out = (enum hole_operator)i;
        return KH_OK;
    }
    return fault_set(r->fault, KH_ERR_SYNTAX, "at byte %zu: expected %s, and one space", r->at + 1,
                     ordered ? "=, in, <, <=, > or >=" : "= or in");
}

static enum kh_err
read_value(struct reader *r, const struct hole_attribute *attribute, struct bytes *out)
{
    struct hole_form *form = r->out;
    uint8_t *text = form->text + form->used; /* a value is never longer than it was written */
    size_t n = 0, start = r->at;
    enum kh_err err = quoted_read(r->whole, &r->at, false, text, &n, r->fault);
    if (err)
        return err;
    struct bytes value = bytes_of(text, n);
    if (attribute->words ? !is_word_of(value, attribute->words) : !attribute->check(value))
        return fault_set(r->fault, KH_ERR_TYPE, "at byte %zu: %s is %s%s", start + 1,
                         attribute->name, attribute->words ? "one of " : "",
                         attribute->words ? attribute->words : attribute->says);
    form->used += n;
    *out = value;
    return KH_OK;
}

static enum kh_err
read_values(struct reader *r, struct hole_predicate *predicate)
{
    do {
        if (predicate->value_count == HOLE_VALUES_MAX)
            return fault_set(r->fault, KH_ERR_TOO_LONG, "more than %d values", HOLE_VALUES_MAX);
        if (predicate->value_count > 0)
            (void)take(r, " ");
        enum kh_err err = read_value(r, &attributes[predicate->attribute],
                                     &predicate->value[predicate->value_count]);
        if (err)
            return err;
        predicate->value_count++;
    } while (predicate->op == HOLE_IN && take(r, ","));
    return KH_OK;
}

static enum kh_err
read_predicate(struct reader *r, uint64_t *seen)
{
    struct hole_predicate *predicate = &r->out->predicate[r->out->count];
    *predicate = (struct hole_predicate){.value_count = 0};
    size_t start = r->at;
    enum kh_err err = read_attribute(r, &predicate->attribute);
    if (err)
        return err;
    const struct hole_attribute *attribute = &attributes[predicate->attribute];
    uint64_t bit = UINT64_C(1) << predicate->attribute;
    if ((*seen & bit) && !attribute->ordered)
        return fault_set(r->fault, KH_ERR_SYNTAX, "at byte %zu: %s is given a second time",
                         start + 1, attribute->name);
    *seen |= bit;
    err = read_operator(r, attribute->ordered, &predicate->op);
    if (!err)
        err = read_values(r, predicate);
    if (!err)
        r->out->count++;
    return err;
}

static enum kh_err
read_all(struct reader *r)
{
    uint64_t seen = 0;
    do {
        if (r->out->count == HOLE_PREDICATES_MAX)
            return fault_set(r->fault, KH_ERR_TOO_LONG, "more than %d predicates",
                             HOLE_PREDICATES_MAX);
        enum kh_err err = read_predicate(r, &seen);
        if (err)
            return err;
    } while (take(r, " and "));
    if (!take(r, " for "))
        return fault_set(r->fault, KH_ERR_SYNTAX,
                         "at byte %zu: expected \" and \" and a predicate, or \" for \" and how "
                         "long a discharge is good",
                         r->at + 1);
    return duration_parse(bytes_from(r->whole, r->at), &r->out->lifetime_s, r->fault);
}

enum kh_err
hole_form_read(struct bytes text, struct hole_form *out, struct fault *fault)
{
    if (text.n == 0 || !quoted_text_is_clean(text))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "what a hole demands is empty, not UTF-8, or has a control character");
    if (text.n > HOLE_TEXT_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "what a hole demands is longer than %d bytes",
                         HOLE_TEXT_MAX);
    out->count = 0;
    out->used = 0;
    out->lifetime_s = 0;
    struct reader r = {.whole = text, .out = out, .fault = fault};
    return read_all(&r);
}

static void
print_value(enum hole_attribute_id attribute, struct bytes value, struct buffer *out)
{
    if (attribute != HOLE_AAGUID) {
        quoted_print(value, false, out);
        return;
    }
    for (size_t i = 0; i < value.n; i++) {
        uint8_t c = value.p[i];
        buffer_put_byte(out, c >= 'A' && c <= 'F' ? (uint8_t)(c + ('a' - 'A')) : c);
    }
}

void
hole_predicate_print(const struct hole_predicate *predicate, struct buffer *out)
{
    buffer_printf(out, "%s %s", attributes[predicate->attribute].name, operators[predicate->op]);
    for (size_t i = 0; i < predicate->value_count; i++) {
        buffer_put_str(out, i ? ", " : "");
        print_value(predicate->attribute, predicate->value[i], out);
    }
}

static void
form_print(const struct hole_form *form, struct buffer *out)
{
    for (size_t i = 0; i < form->count; i++) {
        buffer_put_str(out, i ? " and " : "");
        hole_predicate_print(&form->predicate[i], out);
    }
    buffer_put_str(out, " for ");
    duration_print(form->lifetime_s, out);
}

enum kh_err
hole_parse(struct bytes text, struct buffer *canonical, struct hole *out, struct fault *fault)
{
    struct hole_form form;
    struct hole hole = {.names_user = false};
    BUFFER_AUTO printed;
    buffer_init(&printed, HOLE_TEXT_MAX);
    enum kh_err err = hole_form_read(text, &form, fault);
    if (err)
        return err;
    form_print(&form, &printed);
    if (printed.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "what a hole demands is longer than %d bytes",
                         HOLE_TEXT_MAX);
    hole.lifetime_s = form.lifetime_s;
    for (size_t i = 0; i < form.count; i++)
        hole.names_user = hole.names_user || form.predicate[i].attribute == HOLE_USER;
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
