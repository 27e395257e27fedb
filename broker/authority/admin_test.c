/* SPDX-License-Identifier: Apache-2.0
 *
 * credential.test: one harmless request with the real injection, carried by a proxy as all requests
 * of the authority's own, and what came of it in words. Nothing of the answer but its status comes
 * back.
 */
#include "admin_request.h"

#include "../../caveats/path.h"
#include "access.h"
#include "carry.h"
#include "exchange.h"
#include "inject.h"

#include <event2/event.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 131072, WORDS_MAX = 1024, HOST_TEXT_MAX = 300, ROUNDS_MAX = 8 };

struct probe {
    struct exchange_waiter waiter; // first: it is found from it
    struct authority *authority;
    struct admin_later *later;
    struct carry *carry;
    struct event *begin;
    unsigned rounds;
    char name[CREDENTIAL_NAME_MAX + 1];
    int64_t id;
    uint32_t uid;
    char url[WORDS_MAX];
    struct buffer path, host; // as given, or of the preset
    uint64_t refusal;         // a status that says of this path that the key is wrong; or 0
};

static void
probe_free(struct probe *probe)
{
    exchange_leave(&probe->waiter);
    carry_cancel(&probe->carry);
    if (probe->begin)
        event_free(probe->begin);
    buffer_free(&probe->path);
    buffer_free(&probe->host);
    free(probe);
}

static void
on_gone(void *context)
{
    probe_free(context);
}

// ---- what is said of it ----

struct outcome {
    const char *word;
    unsigned status; // 0: there was no answer
    char detail[WORDS_MAX];
};

static void
record(const struct probe *probe, const struct outcome *outcome)
{
    char detail[64];
    struct audit_record record = {
        .kind = AUDIT_ADMIN,
        .command = BYTES("credential.test"),
        .credential = bytes_str(probe->name),
        .subject = bytes_str(probe->name),
        .has_uid = probe->uid != UINT32_MAX,
        .uid = probe->uid,
    };

    if (outcome->status > 0)
        snprintf(detail, sizeof detail, "%s: %u", outcome->word, outcome->status);
    else
        snprintf(detail, sizeof detail, "%s", outcome->word);
    record.detail = bytes_str(detail);
    audit_append(probe->authority->audit, &record);
}

static void
answer(struct probe *probe, const struct outcome *outcome)
{
    struct fault fault = {.err = KH_ERR_MEMORY};
    BUFFER_AUTO line;
    json_t *result = json_pack("{s:s, s:s, s:b, s:s, s:s}", "credential", probe->name, "outcome",
                               outcome->word, "accepted", strcmp(outcome->word, "accepted") == 0,
                               "request", probe->url, "detail", outcome->detail);

    if (result && outcome->status > 0)
        (void)json_object_set_new(result, "status", json_integer(outcome->status));
    buffer_init(&line, TEXT_MAX);
    record(probe, outcome);
    if (authority_flush_audit(probe->authority, &fault)) {
        json_decref(result);
        result = NULL;
    }
    admin_request_finish(result, &fault, &line);
    json_decref(result);
    admin_later_answer(&probe->later, buffer_bytes(&line));
    probe_free(probe);
}

static void
judge_status(unsigned status, uint64_t refusal, struct outcome *outcome)
{
    outcome->status = status;
    if (status >= 200 && status <= 299) {
        outcome->word = "accepted";
        snprintf(outcome->detail, sizeof outcome->detail, "the upstream took the key");
    } else if (status == 401 || status == 403 || status == refusal) {
        outcome->word = "refused";
        snprintf(outcome->detail, sizeof outcome->detail, "the upstream refuses the key%s",
                 status == 403 ? ", or what it may do" : "");
    } else {
        outcome->word = "unclear";
        snprintf(outcome->detail, sizeof outcome->detail,
                 "the upstream was reached, but this answer says nothing of the key; another path "
                 "may");
    }
}

static void
on_carried(void *context, const struct message_carried *carried)
{
    struct probe *probe = context;
    struct outcome outcome = {.word = "unreachable"};

    probe->carry = NULL;
    if (carried->answered)
        judge_status(carried->status, probe->refusal, &outcome);
    else
        snprintf(outcome.detail, sizeof outcome.detail, "%s%s%.*s",
                 kh_reason_sentence(carried->reason), carried->detail.n > 0 ? " " : "",
                 (int)(carried->detail.n < 400 ? carried->detail.n : 400),
                 (const char *)carried->detail.p);
    answer(probe, &outcome);
}

// ---- the request ----

static void look(struct probe *probe);

static void
on_ready(struct exchange_waiter *waiter)
{
    look((struct probe *)(void *)waiter);
}

static void
no_request(struct probe *probe, const char *word, const char *detail)
{
    struct outcome outcome = {.word = word};

    snprintf(outcome.detail, sizeof outcome.detail, "%s", detail);
    answer(probe, &outcome);
}

// As a proxy writes a segment (RFC 3986 pchar).
static void
put_segment(struct buffer *out, struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (letter || (c != 0 && strchr("-._~!$&'()*+,=:@", c)))
            buffer_put_byte(out, c);
        else
            buffer_printf(out, "%%%02X", c);
    }
}

// A key that goes into the path stands where the probe says {key}.
static bool
place_in_path(const struct injection *injection, struct bytes path, struct buffer *out,
              struct message_carry *carry)
{
    size_t at = bytes_find(path, BYTES("{key}"));
    struct bytes key = BYTES_EMPTY;
    bool found = false;

    for (size_t i = 0; i < injection->edit_count; i++) {
        if (injection->edit[i].kind == EDIT_PATH_SET) {
            key = injection->edit[i].value;
            found = true;
        } else if (injection->edit[i].kind == EDIT_FIELD_SET ||
                   injection->edit[i].kind == EDIT_SUBPROTOCOL_SET) {
            return false;
        } else {
            carry->edit[carry->edit_count++] = injection->edit[i];
        }
    }
    if (found != (at < path.n))
        return false;
    buffer_put(out, bytes_slice(path, 0, at));
    put_segment(out, key);
    buffer_put(out, bytes_from(path, at + (found ? strlen("{key}") : 0)));
    carry->target = buffer_bytes(out);
    return !out->failed;
}

static void
send_probe(struct probe *probe, const struct credential *credential,
           const struct message_decide *request, const struct injection *injection)
{
    struct fault fault = {0};
    struct message_carry carry = {
        .credential = credential->row.name,
        .plain = credential->route.plain,
        .host = request->host,
        .port = request->port,
        .method = request->method,
        .field_count = request->header_count,
        .status_alone = true,
    };
    BUFFER_AUTO target;

    buffer_init_secret(&target, TEXT_MAX);
    memcpy(carry.field, request->header, request->header_count * sizeof carry.field[0]);
    if (!place_in_path(injection, request->path_encoded, &target, &carry))
        no_request(probe, "not-testable",
                   "its key stands where a test cannot put one; for a path give --path with {key} "
                   "in it");
    else if (carry_start(probe->authority, &carry, on_carried, probe, &probe->carry, &fault))
        no_request(probe, "unreachable", fault.detail);
}

static void
wait_for_access(struct probe *probe, const struct credential *waits)
{
    struct authority *authority = probe->authority;
    struct credential *credential = credentials_find(&authority->credentials, waits->row.name);

    probe->waiter.ready = on_ready;
    if (credential && probe->rounds++ < ROUNDS_MAX &&
        exchange_wait(authority, credential, &probe->waiter))
        return;
    no_request(probe, "no-access-token",
               credential && credential->access->failure ? credential->access->detail
                                                         : "there is no access token");
}

// The first line is the path (and a status), the others are headers.
static void
describe(const struct probe *probe, const struct credential *credential,
         struct message_decide *request)
{
    struct bytes rest = buffer_bytes(&probe->path), line;
    const struct route *route = &credential->route;

    *request = (struct message_decide){
        .way = WAY_OWN,
        .scheme = route->plain ? BYTES("http") : BYTES("https"),
        .host = buffer_bytes(&probe->host),
        .port = route->port_count ? route->port[0]
                : route->plain    ? 80
                                  : 443,
        .method = BYTES("GET"),
        .body = {.has_size = true, .has_sha256 = true},
        .slot = route->slot[0],
        .client_uid = UINT32_MAX,
    };
    request->body.value = request->body_value;
    (void)EVP_Digest("", 0, request->body.sha256, NULL, EVP_sha256(), NULL);
    if (bytes_cut(&rest, '\n', &line))
        request->path = request->path_encoded = bytes_slice(line, 0, bytes_index(line, ' '));
    request->header[request->header_count++] = (struct fact_pair){BYTES("accept"), BYTES("*/*")};
    request->header[request->header_count++] =
        (struct fact_pair){BYTES("user-agent"), BYTES("keyhole")};
    while (request->header_count < CARRY_FIELDS_MAX && bytes_cut(&rest, '\n', &line)) {
        size_t colon = bytes_index(line, ':');
        request->header[request->header_count++] = (struct fact_pair){
            bytes_slice(line, 0, colon), bytes_trim(bytes_from(line, colon + 1))};
    }
}

static void
act(struct probe *probe, const struct credential *credential, const struct message_decide *request,
    enum injection_result result, const struct injection *injection)
{
    // Where no status tells, an access token does: its endpoint took the key.
    bool silent = buffer_bytes(&probe->path).p[0] == '-';

    if (result == INJECTION_WAITING)
        wait_for_access(probe, injection->waits);
    else if (result == INJECTION_UNAVAILABLE)
        no_request(probe, "no-access-token", injection->refusal);
    else if (result == INJECTION_REFUSED || result == INJECTION_MISPLACED)
        no_request(probe, "not-testable", injection->refusal);
    else if (result != INJECTION_READY)
        no_request(probe, "not-testable", "the secret could not be put on a request");
    else if (silent && exchange_is_needed(credential))
        no_request(probe, "accepted", "the token endpoint gave an access token");
    else if (silent)
        no_request(probe, "not-testable",
                   "this service's status does not tell whether a key is good; give --path");
    else
        send_probe(probe, credential, request, injection);
}

static void
look(struct probe *probe)
{
    static struct message_decide request; // large
    struct authority *authority = probe->authority;
    const struct credential *credential =
        credentials_find(&authority->credentials, bytes_str(probe->name));
    struct injection injection;

    if (credential == NULL || credential->row.id != probe->id) {
        no_request(probe, "not-testable", "the credential is gone");
        return;
    }
    describe(probe, credential, &request);
    const struct injection_context context = {
        .credentials = &authority->credentials,
        .request = &request,
        .now = clock_now_s(&authority->clock),
        .content_state = CONTENT_HERE, // there is no body
    };
    enum injection_result result = injection_make(credential, &context, &injection);
    act(probe, credential, &request, result, &injection);
    injection_free(&injection);
}

// ---- the command ----

static void
on_begin(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    look(context);
}

// On the next turn: the handle of an answer is for after the call.
static enum kh_err
begin(struct probe *probe, struct fault *fault)
{
    static const struct timeval now;

    probe->begin = evtimer_new(probe->authority->base, on_begin, probe);
    if (probe->begin == NULL || event_add(probe->begin, &now))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    probe->later = admin_server_later(probe->authority->admin, on_gone, probe);
    return probe->later ? KH_OK
                        : fault_set(fault, KH_ERR_UNSUPPORTED, "it is for the admin socket alone");
}

static enum kh_err
choose_host(const struct credential *credential, struct bytes given, struct buffer *out,
            struct fault *fault)
{
    const struct route *route = &credential->route;

    if (given.n > 0) {
        if (host_canonical(given, out))
            return fault_set(fault, KH_ERR_SYNTAX, "host: it is no name and no address");
        for (size_t i = 0; i < route->host_count; i++) {
            if (host_pattern_matches(route->host[i], buffer_bytes(out)))
                return KH_OK;
        }
        return fault_set(fault, KH_ERR_USAGE, "host: it is none of the credential's hosts");
    }
    for (size_t i = 0; i < route->host_count; i++) {
        if (bytes_starts(route->host[i], BYTES("*.")))
            continue;
        buffer_put(out, route->host[i]);
        return KH_OK;
    }
    return fault_set(fault, KH_ERR_USAGE, "the credential names no host but *.; give one");
}

static enum kh_err
choose_path(const struct credential *credential, struct bytes given, struct buffer *out,
            struct fault *fault)
{
    const char *otherwise = credential->preset ? credential->preset->probe : "/";

    if (given.n > 0 && given.p[0] != '/')
        return fault_set(fault, KH_ERR_SYNTAX, "path: it begins with /");
    for (size_t i = 0; i < given.n; i++) {
        if (given.p[i] <= 0x20 || given.p[i] > 0x7e)
            return fault_set(fault, KH_ERR_SYNTAX, "path: it is printable ASCII without spaces");
    }
    buffer_put(out, given.n > 0 ? given : bytes_str(otherwise));
    return KH_OK;
}

static enum kh_err
prepare(struct probe *probe, const struct credential *credential, const json_t *request,
        struct fault *fault)
{
    enum kh_err err = choose_host(credential, admin_text(request, "host"), &probe->host, fault);

    if (!err)
        err = choose_path(credential, admin_text(request, "path"), &probe->path, fault);
    if (err)
        return err;
    struct bytes path = buffer_bytes(&probe->path);
    path = path.p[0] == '-' ? BYTES("/") : bytes_slice(path, 0, bytes_index(path, '\n'));
    size_t space = bytes_index(path, ' ');
    if (space < path.n && !bytes_to_u64(bytes_from(path, space + 1), &probe->refusal))
        return fault_set(fault, KH_ERR_INTERNAL, "the preset's probe cannot be read");
    path = bytes_slice(path, 0, space);
    snprintf(probe->url, sizeof probe->url, "GET %s://%.*s%.*s",
             credential->route.plain ? "http" : "https", BYTES_ARG(buffer_bytes(&probe->host)),
             (int)(path.n < 512 ? path.n : 512), (const char *)path.p);
    return KH_OK;
}

static enum kh_err
credential_test(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct credential *credential;
    enum kh_err err =
        credentials_get(&authority->credentials, admin_text(request, "name"), &credential, fault);

    (void)result;
    if (err)
        return err;
    if (!credential->row.enabled)
        return fault_set(fault, KH_ERR_DENIED, "it is disabled; enable it to test it");
    struct probe *probe = authority->base ? calloc(1, sizeof *probe) : NULL;
    if (probe == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    probe->authority = authority;
    probe->id = credential->row.id;
    probe->uid = authority->actor_uid;
    snprintf(probe->name, sizeof probe->name, "%.*s", BYTES_ARG(credential->row.name));
    buffer_init(&probe->path, 4096);
    buffer_init(&probe->host, HOST_TEXT_MAX);
    err = prepare(probe, credential, request, fault);
    if (!err)
        err = begin(probe, fault);
    if (err)
        probe_free(probe);
    return err;
}

const struct admin_command admin_test_commands[] = {
    {"credential.test",
     credential_test,
     {{"name", ADMIN_TEXT, true}, {"path", ADMIN_TEXT, false}, {"host", ADMIN_TEXT, false}}},
    {0},
};
