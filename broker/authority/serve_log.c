/* SPDX-License-Identifier: Apache-2.0
 *
 * Decisions in the log. Of what the client wrote, only method, host and port: path (and a name of a
 * credential that it made up), query, headers and body are in the audit record as far as they
 * belong there, under the same id.
 */
#include "serve_log.h"

#include "../../caveats/decide.h"
#include "../log.h"

#include <stdio.h>

enum { FIELDS_MAX = 12 };

struct fields {
    struct log_field list[FIELDS_MAX];
    size_t count;
};

static void
add(struct fields *fields, const char *name, struct bytes value)
{
    if (value.n > 0 && fields->count < FIELDS_MAX)
        fields->list[fields->count++] = (struct log_field){name, value};
}

static bool
is_wanted(const struct authority *authority, bool allowed)
{
    int64_t which = authority->config.log_decisions;
    return log_enabled(LOG_LEVEL_INFO) && which != LOG_DECISIONS_NONE &&
           (which == LOG_DECISIONS_ALL || !allowed);
}

static struct bytes
known_credential(const struct authority *authority, struct bytes name)
{
    bool known =
        bytes_is(name, PASS_THROUGH_NAME) || credentials_find(&authority->credentials, name);
    return known ? name : BYTES_EMPTY;
}

KH_COLD static void
log_it(const struct authority *authority, const struct audit_record *record)
{
    char id[2 * REQUEST_ID_SIZE + 1] = "", trace[2 * TRACE_ID_SIZE + 1] = "", port[8] = "";
    struct fields fields = {.count = 0};
    const char *code = record->allow ? "allowed" : kh_reason_code(record->reason);

    const struct bytes credential = known_credential(authority, record->credential);
    if (!bytes_to_hex(bytes_of(record->request_id, REQUEST_ID_SIZE), id, sizeof id))
        return;
    if (record->trace_id &&
        !bytes_to_hex(bytes_of(record->trace_id, TRACE_ID_SIZE), trace, sizeof trace))
        trace[0] = '\0';
    if (record->port)
        snprintf(port, sizeof port, "%u", record->port);
    add(&fields, "request_id", bytes_str(id));
    add(&fields, "decision", record->allow ? BYTES("allow") : BYTES("deny"));
    add(&fields, "code", bytes_str(code));
    add(&fields, "credential", credential);
    add(&fields, "user", record->user);
    add(&fields, "client", record->client);
    add(&fields, "method", record->method);
    add(&fields, "host", record->host);
    add(&fields, "port", bytes_str(port));
    add(&fields, "trace_id", bytes_str(trace));
    log_event_fields(LOG_LEVEL_INFO, "decision", fields.list, fields.count,
                     "%s %.*s %.*s%s%s (%s)%s%.*s%s%.*s, id %s", record->allow ? "allow" : "deny",
                     BYTES_ARG(record->method), BYTES_ARG(record->host), port[0] ? ":" : "", port,
                     code, record->user.n ? " user " : "", BYTES_ARG(record->user),
                     credential.n ? " credential " : "", BYTES_ARG(credential), id);
}

void
serve_log_decision(const struct authority *authority, const struct audit_record *record)
{
    if (is_wanted(authority, record->allow))
        log_it(authority, record);
}

void
serve_log_unrecorded(const struct authority *authority, const uint8_t request_id[REQUEST_ID_SIZE])
{
    const struct audit_record record = {
        .kind = AUDIT_DECISION,
        .request_id = request_id,
        .reason = KH_REASON_BROKER_UNAVAILABLE,
    };
    serve_log_decision(authority, &record);
}
