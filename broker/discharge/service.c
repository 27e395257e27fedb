/* SPDX-License-Identifier: Apache-2.0
 *
 * The discharger as a whole: made, asked, told the time.
 */
#include "service_internal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

// The host of the URL: the scope of credentials (WebAuthn section 5.1.2, relying party id).
static enum kh_err
read_rp_id(const char *url, char out[DISCHARGER_URL_MAX + 1], struct fault *fault)
{
    const char *host = strstr(url, "://");
    if (host == NULL)
        return fault_set(fault, KH_ERR_USAGE, "the discharger's URL has no scheme: %s", url);
    host += 3;
    size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    if (n == 0 || n > DISCHARGER_URL_MAX)
        return fault_set(fault, KH_ERR_USAGE, "the discharger's URL has no host: %s", url);
    memcpy(out, host, n);
    out[n] = '\0';
    return KH_OK;
}

enum kh_err
service_new(const struct service_options *options, struct service **out, struct fault *fault)
{
    struct service *service = calloc(1, sizeof *service);
    if (service == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    service->self = options->self;
    service->secret_key = options->secret_key;
    service->store = options->store;
    service->settings = options->settings;
    service->roots = strdup(options->roots ? options->roots : "");
    enum kh_err err = service->roots ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    if (!err && sodium_init() < 0)
        err = fault_set(fault, KH_ERR_CRYPTO, "libsodium does not start");
    if (!err)
        err = read_rp_id(service->self.url, service->rp_id, fault);
    if (!err)
        err = decoys_init(&service->decoys, options->secret_key, TICKET_SECRET_KEY_SIZE, fault);
    if (err)
        service_free(&service);
    else
        *out = service;
    return err;
}

void
service_free(struct service **service)
{
    if (*service == NULL)
        return;
    question_table_free(&(*service)->questions);
    free((*service)->roots);
    wipe(*service, sizeof **service);
    free(*service);
    *service = NULL;
}

void
service_set_settings(struct service *service, const struct discharger_settings *settings)
{
    service->settings = *settings;
}

void
service_tick(struct service *service, int64_t now)
{
    question_table_tick(&service->questions, now);
    if (now - service->pruned_at < SERVICE_PRUNE_INTERVAL_S)
        return;
    service->pruned_at = now;
    // Rows that are past are looked at by their time as well: a failure costs room, not safety.
    struct fault fault = {.err = KH_OK};
    enum kh_err err = discharge_store_prune(service->store, now, &fault);
    (void)err;
}

void
service_count(const struct service *service, struct service_counts *out)
{
    *out = service->counts;
    out->questions = question_table_open(&service->questions);
}

enum failure
service_take_question(struct exchange *x, enum challenge_purpose purpose, enum question_way way,
                      struct question **out, uint8_t challenge[CHALLENGE_SIZE])
{
    struct question_table *table = &x->service->questions;
    struct question *q = question_table_find(table, QUESTION_ID_ANSWER, x->id);
    // A browser answers a ticket under the page's id.
    if (q == NULL || (q->way == QUESTION_BROWSER && q->purpose == CHALLENGE_DISCHARGE))
        return FAILURE_CHALLENGE_UNKNOWN;
    question_table_take(table, q);
    enum failure failure = FAILURE_NONE;
    if (q->purpose != purpose || (way != QUESTION_WAY_UNSET && q->way != way))
        failure = FAILURE_CHALLENGE_PURPOSE;
    else if (!question_is_open(q))
        failure = q->failure;
    else if (!question_digest(q, challenge))
        failure = FAILURE_INTERNAL;
    else if (!question_step(q, QUESTION_EVENT_TAKE))
        failure = FAILURE_CHALLENGE_UNKNOWN;
    if (failure != FAILURE_NONE)
        question_free(&q);
    else
        *out = q;
    return failure;
}

enum failure
service_describe(struct exchange *x)
{
    struct service *service = x->service;
    BUFFER_AUTO address;
    buffer_init(&address, DISCHARGER_TEXT_MAX + 1);
    discharger_print(&service->self, &address);
    struct bytes text = buffer_bytes(&address);
    struct bytes key = bytes_from(text, bytes_index(text, '#') + 1);
    return service_write(x, 200,
                         json_pack("{s:s, s:o, s:i}", "url", service->self.url, "public_key",
                                   service_json_text(key), "version", 1));
}
