/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes a token useless from the start. A warning only: that a token allows nothing is safe,
 * and is seldom what was meant.
 */
#include "attenuate.h"
#include "moment.h"
#include "text.h"

// The one predicate of a caveat that admits a list of values and nothing else, or NULL.
static const struct predicate *
warn_list(const struct caveat *caveat)
{
    const struct predicate *predicate = &caveat->predicate[0];
    bool list =
        predicate->operator_kind == OPERATOR_EQUAL || predicate->operator_kind == OPERATOR_IN;
    const struct attribute_info *info = attribute_info(predicate->attribute);
    // A name that the request carries twice, and a group: one value does not shut out the other.
    bool single = !info->keyed && predicate->attribute != ATTRIBUTE_GROUP &&
                  info->type != TYPE_ADDRESS && info->place == PLACE_REQUEST;
    return caveat->count == 1 && list && single ? predicate : NULL;
}

static bool
warn_disjoint(const struct predicate *a, const struct predicate *b)
{
    if (a->attribute != b->attribute)
        return false;
    bool is_size = attribute_info(a->attribute)->type == TYPE_SIZE; // 1KiB is 1024
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (is_size ? a->value[i].number == b->value[j].number
                        : bytes_equal(a->value[i].text, b->value[j].text))
                return false;
    return true;
}

static void
warn_put_pair(struct bytes a, struct bytes b, struct buffer *out)
{
    buffer_put_str(out, "no request can satisfy both '");
    text_put_safe(out, a);
    buffer_put_str(out, "' and '");
    text_put_safe(out, b);
    buffer_put_str(out, "': the token allows nothing\n");
}

static void
warn_with_token(const struct attenuation *a, size_t index, const struct token *token,
                struct buffer *out)
{
    const struct predicate *own = warn_list(a->caveat[index]);
    const struct macaroon_view *root = &token->macaroon[0];
    for (size_t i = 0; own != NULL && i < root->caveat_count; i++) {
        struct caveat *other = NULL;
        if (root->caveat[i].vid.n > 0 || caveat_parse(root->caveat[i].id, &other, NULL) != KH_OK)
            continue;
        const struct predicate *list = warn_list(other);
        if (list != NULL && warn_disjoint(own, list))
            warn_put_pair(root->caveat[i].id, a->text[index], out);
        caveat_free(&other);
    }
    for (size_t i = 0; own != NULL && i < index; i++) {
        const struct predicate *list = warn_list(a->caveat[i]);
        if (list != NULL && warn_disjoint(own, list))
            warn_put_pair(a->text[i], a->text[index], out);
    }
}

static void
warn_with_time(const struct attenuation *a, size_t index, int64_t now, struct buffer *out)
{
    const struct predicate *p = &a->caveat[index]->predicate[0];
    if (a->caveat[index]->count != 1 || p->attribute != ATTRIBUTE_TIME || p->count != 1)
        return;
    int64_t at = p->value[0].number;
    if ((p->operator_kind == OPERATOR_LESS && at <= now) ||
        (p->operator_kind == OPERATOR_LESS_EQUAL && at < now)) {
        buffer_put_str(out, "'");
        text_put_safe(out, a->text[index]);
        buffer_put_str(out, "' is past: the token allows nothing\n");
    }
}

static void
warn_with_expiry(const struct token *token, int64_t now, struct buffer *out)
{
    struct token_identity identity;
    if (token_identity_read(token, &identity, NULL) == KH_OK && identity.expires_at <= now) {
        buffer_put_str(out, "the token has expired: ");
        moment_put_relative(out, identity.expires_at, now);
        buffer_put_byte(out, '\n');
    }
}

void
attenuation_warn(const struct attenuation *a, const struct token *token, int64_t now,
                 struct buffer *out)
{
    warn_with_expiry(token, now, out);
    for (size_t i = 0; i < a->count; i++) {
        warn_with_token(a, i, token, out);
        warn_with_time(a, i, now, out);
    }
}
