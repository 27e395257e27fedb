/* SPDX-License-Identifier: Apache-2.0
 *
 * The pages: templates of broker/discharge/assets, filled with text that was escaped. Plain HTML
 * from the server; one script each for what WebAuthn needs.
 */
#ifndef KEYHOLE_DISCHARGE_PAGES_H
#define KEYHOLE_DISCHARGE_PAGES_H

#include "../../caveats/hole.h"
#include "service.h"

enum { PAGE_MAX = 131072 };

/* ---- page_html.c ---- */

/* Text between tags or in a quoted attribute. Characters that hide or reorder text are shown as
 * what they are (\u{202e}). */
void html_put(struct buffer *out, struct bytes text);

struct html_value {
    const char *name; /* "code"; NULL ends */
    struct bytes text;
    bool markup; /* HTML of our own; else it is escaped */
};
/* A template with "{{name}}" in it. False when it names what is not there. */
KH_MUST_CHECK bool html_fill(struct bytes template, const struct html_value *values,
                             struct buffer *out);
/* A whole page around `main` (HTML of our own); `script` names an asset or is NULL. */
void page_write(struct service_response *response, int status, const char *title, struct bytes main,
                const char *script);
/* That something ended, is not there, or failed. */
void page_write_ended(struct service_response *response, int status, const char *title,
                      const char *text, const char *advice);
void page_write_failure(struct service_response *response, enum failure failure);

/* ---- page_words.c ---- */

/* "you are alice, and touch your own YubiKey": for a page, so of FIDO2 alone. */
void words_put_demand(struct buffer *out, const struct hole_demand *demand);
/* "fido2, yubikey": the factors that can fill it. */
void words_put_factors(struct buffer *out, const struct hole_demand *demand);

/* ---- assets.c ---- */

/* A file of broker/discharge/assets by its name; empty when there is none. */
struct bytes asset_find(const char *name);
extern const char asset_folder[]; /* of their addresses: a hash of all of them */

#endif
