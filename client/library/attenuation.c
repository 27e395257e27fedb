/* SPDX-License-Identifier: Apache-2.0
 *
 * Narrowing: what is to be added is collected and checked, and then put behind a token.
 */
#include "internal.h"

#include "../moment.h"

#include <stdlib.h>

_Static_assert((int)KEYHOLE_HOLE_MAX == (int)HOLE_TEXT_MAX, "keyhole.h");

enum { ATTENUATION_WARNINGS_MAX = 65536 };

static enum keyhole_status
attenuation_missing(struct keyhole_error *error)
{
    return library_refuse(error, "an attenuation and what is to be added to it are needed");
}

enum keyhole_status
keyhole_attenuation_new(struct keyhole_attenuation **out, struct keyhole_error *error)
{
    if (out == NULL)
        return library_refuse(error, "a place for the attenuation is needed");
    struct keyhole_attenuation *made = calloc(1, sizeof *made);
    if (made == NULL)
        return library_fail(error, KH_ERR_MEMORY, NULL);
    attenuation_init(&made->conditions);
    holes_init(&made->holes);
    buffer_init(&made->prefix, KEYHOLE_PREFIX_MAX + 1);
    *out = made;
    return KEYHOLE_OK;
}

void
keyhole_attenuation_free(struct keyhole_attenuation *attenuation)
{
    if (attenuation == NULL)
        return;
    attenuation_free(&attenuation->conditions);
    holes_free(&attenuation->holes);
    buffer_free(&attenuation->prefix);
    free(attenuation);
}

// ---- collecting ----

static enum keyhole_status
attenuation_put(struct attenuation *a, struct bytes text, size_t index, struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    enum kh_err err = attenuation_add(a, text, &fault);
    return err == KH_OK ? KEYHOLE_OK : library_fail_at(error, err, &fault, index, a->refused.n > 0);
}

enum keyhole_status
keyhole_attenuation_add_caveat(struct keyhole_attenuation *attenuation, const char *text,
                               size_t size, struct keyhole_error *error)
{
    struct bytes given;
    if (attenuation == NULL || !library_take(text, size, &given))
        return attenuation_missing(error);
    return attenuation_put(&attenuation->conditions, given, 0, error);
}

// Which of them it was: the first that is refused by itself.
static size_t
attenuation_find_refused(enum attribute attribute, const struct bytes *value, size_t count)
{
    size_t index = 0;
    for (bool good = true; good && index < count; index += good) {
        struct attenuation one;
        attenuation_init(&one);
        good = attenuation_add_any(&one, attribute, &value[index], 1, NULL) == KH_OK;
        attenuation_free(&one);
    }
    return index < count ? index : SIZE_MAX;
}

static enum keyhole_status
attenuation_put_any(struct keyhole_attenuation *attenuation, enum attribute attribute,
                    const char *const *text, size_t count, struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct bytes value[KEYHOLE_CAVEATS_MAX];
    if (attenuation == NULL || text == NULL || count == 0)
        return attenuation_missing(error);
    if (count > KEYHOLE_CAVEATS_MAX)
        return library_fail(
            error, fault_set(&fault, KH_ERR_RANGE, "at most %d of them", KEYHOLE_CAVEATS_MAX),
            &fault);
    for (size_t i = 0; i < count; i++)
        if (!library_take(text[i], KEYHOLE_WHOLE, &value[i]))
            return attenuation_missing(error);
    enum kh_err err =
        attenuation_add_any(&attenuation->conditions, attribute, value, count, &fault);
    if (err == KH_OK)
        return KEYHOLE_OK;
    return library_fail_at(error, err, &fault, attenuation_find_refused(attribute, value, count),
                           false);
}

enum keyhole_status
keyhole_attenuation_add_hosts(struct keyhole_attenuation *attenuation, const char *const *host,
                              size_t count, struct keyhole_error *error)
{
    return attenuation_put_any(attenuation, ATTRIBUTE_HOST, host, count, error);
}

enum keyhole_status
keyhole_attenuation_add_methods(struct keyhole_attenuation *attenuation, const char *const *method,
                                size_t count, struct keyhole_error *error)
{
    return attenuation_put_any(attenuation, ATTRIBUTE_METHOD, method, count, error);
}

enum keyhole_status
keyhole_attenuation_add_paths(struct keyhole_attenuation *attenuation, const char *const *path,
                              size_t count, struct keyhole_error *error)
{
    return attenuation_put_any(attenuation, ATTRIBUTE_PATH, path, count, error);
}

enum keyhole_status
keyhole_attenuation_add_lifetime(struct keyhole_attenuation *attenuation, int64_t now,
                                 int64_t seconds, struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    if (attenuation == NULL)
        return attenuation_missing(error);
    enum kh_err err = seconds < 1 || seconds > MOMENT_SPAN_MAX
                          ? fault_set(&fault, KH_ERR_RANGE, "a lifetime is a second to ten years")
                          : attenuation_add_lifetime(&attenuation->conditions, library_moment(now),
                                                     seconds, &fault);
    return err == KH_OK ? KEYHOLE_OK : library_fail(error, err, &fault);
}

enum keyhole_status
keyhole_attenuation_add_label(struct keyhole_attenuation *attenuation, const char *label,
                              struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct bytes given;
    if (attenuation == NULL || !library_take(label, KEYHOLE_WHOLE, &given))
        return attenuation_missing(error);
    enum kh_err err = attenuation_add_label(&attenuation->conditions, given, &fault);
    return err == KH_OK ? KEYHOLE_OK : library_fail(error, err, &fault);
}

enum keyhole_status
keyhole_attenuation_add_hole(struct keyhole_attenuation *attenuation, const char *demand,
                             const char *discharger, struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct discharger found;
    struct bytes given, address;
    if (attenuation == NULL || !library_take(demand, KEYHOLE_WHOLE, &given) ||
        !library_take(discharger, KEYHOLE_WHOLE, &address))
        return attenuation_missing(error);
    enum kh_err err = discharger_parse(address, &found, &fault);
    if (err != KH_OK) {
        fault_prefix(&fault, "the discharger: ");
        return library_fail(error, err, &fault);
    }
    struct holes *holes = &attenuation->holes;
    err = holes_add(holes, given, &fault);
    if (err != KH_OK)
        return library_fail_at(error, err, &fault, SIZE_MAX, holes->refused.n > 0);
    attenuation->discharger[holes->count - 1] = found;
    return KEYHOLE_OK;
}

enum keyhole_status
keyhole_attenuation_set_prefix(struct keyhole_attenuation *attenuation, const char *prefix,
                               struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct bytes given;
    if (attenuation == NULL || !library_take(prefix, KEYHOLE_WHOLE, &given))
        return attenuation_missing(error);
    enum kh_err err = attenuation_check_prefix(given, &fault);
    if (err != KH_OK)
        return library_fail(error, err, &fault);
    buffer_clear(&attenuation->prefix);
    buffer_put(&attenuation->prefix, given);
    attenuation->has_prefix = !attenuation->prefix.failed;
    return attenuation->has_prefix ? KEYHOLE_OK : library_fail(error, KH_ERR_MEMORY, NULL);
}

// ---- applying ----

enum keyhole_status
keyhole_token_attenuate(const struct keyhole_token *token,
                        const struct keyhole_attenuation *attenuation, struct keyhole_token **out,
                        struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    if (token == NULL || attenuation == NULL || out == NULL)
        return library_refuse(error, "a token, an attenuation and a place for the new token are "
                                     "needed");
    const struct bytes prefix = buffer_bytes(&attenuation->prefix);
    BUFFER_AUTO text;
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    enum kh_err err = attenuation_apply(&attenuation->conditions, token->token,
                                        attenuation->has_prefix ? &prefix : NULL, &text, &fault);
    for (size_t i = 0; err == KH_OK && i < attenuation->holes.count; i++) {
        BUFFER_AUTO next;
        buffer_init_secret(&next, TOKEN_TEXT_MAX);
        err = holes_apply_one(buffer_bytes(&text), buffer_bytes(&attenuation->holes.condition[i]),
                              &attenuation->discharger[i], &next, &fault);
        buffer_clear(&text);
        buffer_put(&text, buffer_bytes(&next));
    }
    return err == KH_OK ? library_token_read(&text, out, error) : library_fail(error, err, &fault);
}

enum keyhole_status
keyhole_token_narrow(const struct keyhole_token *token, const char *const *caveat, size_t count,
                     struct keyhole_token **out, struct keyhole_error *error)
{
    struct keyhole_attenuation *attenuation = NULL;
    if (token == NULL || out == NULL || (caveat == NULL && count > 0))
        return library_refuse(error, "a token, caveats and a place for the new token are needed");
    enum keyhole_status status = keyhole_attenuation_new(&attenuation, error);
    for (size_t i = 0; attenuation != NULL && status == KEYHOLE_OK && i < count; i++) {
        struct bytes given;
        status = library_take(caveat[i], KEYHOLE_WHOLE, &given)
                     ? attenuation_put(&attenuation->conditions, given, i, error)
                     : attenuation_missing(error);
    }
    if (status == KEYHOLE_OK)
        status = keyhole_token_attenuate(token, attenuation, out, error);
    keyhole_attenuation_free(attenuation);
    return status;
}

enum keyhole_status
keyhole_attenuation_warnings(const struct keyhole_attenuation *attenuation,
                             const struct keyhole_token *token, int64_t now, char **text,
                             struct keyhole_error *error)
{
    if (token == NULL || attenuation == NULL || text == NULL)
        return library_refuse(error, "an attenuation, a token and a place for the text are needed");
    BUFFER_AUTO out;
    buffer_init(&out, ATTENUATION_WARNINGS_MAX);
    attenuation_warn(&attenuation->conditions, token->token, library_moment(now), &out);
    return library_give(&out, text, NULL, error);
}

enum keyhole_status
keyhole_caveat_check(const char *text, size_t size, char **canonical, struct keyhole_error *error)
{
    struct bytes given;
    struct attenuation one;
    if (!library_take(text, size, &given))
        return library_refuse(error, "a caveat is needed");
    attenuation_init(&one);
    enum keyhole_status status = attenuation_put(&one, given, 0, error);
    if (status == KEYHOLE_OK && canonical != NULL)
        status = library_give(&one.storage[0], canonical, NULL, error);
    attenuation_free(&one);
    return status;
}
