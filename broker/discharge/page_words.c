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
    if (demand->user_count == 0)
        buffer_put_str(out, "anybody who is enrolled here");
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
    buffer_printf(out, ", with %s that is touched", demand->fido2 ? "a security key" : "a YubiKey");
    if (demand->verification)
        buffer_put_str(out, ", and its PIN or fingerprint");
}
