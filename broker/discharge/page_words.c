/* SPDX-License-Identifier: Apache-2.0
 *
 * What a hole demands, in plain words.
 */
#include "pages.h"

#include "../../caveats/text.h"

void
words_put_factors(struct buffer *out, const struct hole_demand *demand)
{
    const struct {
        bool fills;
        enum hole_factor factor;
    } rows[] = {
        {demand->yubikey, HOLE_FACTOR_YUBIKEY},
        {demand->fido2, HOLE_FACTOR_FIDO2},
        {demand->ssh, HOLE_FACTOR_SSH},
        {demand->ssh_sk, HOLE_FACTOR_SSH_SK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!rows[i].fills)
            continue;
        buffer_printf(out, "%s%s", out->n > 0 ? ", " : "", hole_factor_name(rows[i].factor));
    }
}

static void
put_users(struct buffer *out, const struct hole_demand *demand)
{
    buffer_put_str(out, demand->user_count == 0 ? "you are enrolled here" : "you are ");
    for (size_t i = 0; i < demand->user_count; i++) {
        if (i > 0)
            buffer_put_str(out, i + 1 < demand->user_count ? ", " : " or ");
        text_put_safe(out, demand->user[i]);
    }
}

void
words_put_demand(struct buffer *out, const struct hole_demand *demand)
{
    put_users(out, demand);
    const char *key = demand->fido2 ? "security key" : "YubiKey";
    if (demand->verification)
        buffer_printf(out, ", touch your own %s, and unlock it with its PIN or fingerprint", key);
    else
        buffer_printf(out, ", and touch your own %s", key);
}
