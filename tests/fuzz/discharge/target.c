/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/discharge/service_json.c broker/discharge/service_route.c
 * broker/discharge/service.c broker/discharge/fill.c broker/discharge/fill_answer.c
 * broker/discharge/fill_offer.c broker/discharge/fill_page.c broker/discharge/fill_text.c
 * broker/discharge/enroll.c broker/discharge/enroll_answer.c broker/discharge/pages_approve.c
 * broker/discharge/pages_enroll.c broker/discharge/question.c broker/discharge/question_table.c
 * broker/discharge/page_html.c
 *
 * Requests to a discharger, one after the other, by somebody who has no key: there is an answer to
 * each, of a status that exists; a failure is JSON with its code, or a page; nothing of what a
 * ticket or a request says stands in a page as markup, or in the log as more than one line; a page
 * of another site changes nothing; and whatever is sent, no hole is filled and nothing enrolled.
 *
 * Input: a line a request: METHOD, path, content type, origin, Sec-Fetch-Site and body, with '|'
 * between. $(ticket) and $(code) are good ones; $(NAME) is the last text of that name in an answer,
 * of a URL the path.
 */

#include "../../../broker/discharge/service.h"
#include "../../../caveats/base64.h"
#include "../signer.h"

#include <jansson.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#define URL "http://localhost:8438"

enum { NOW = 1793000000, REQUESTS_MAX = 12, NAMES_MAX = 24, ANSWER_MAX = 262144 };

static struct discharger self = {.name = "local", .url = URL};
static uint8_t secret_key[TICKET_SECRET_KEY_SIZE];
static struct discharge_store *store;

/* ---- the names of an input ---- */

static struct names {
    char *name[NAMES_MAX], *text[NAMES_MAX];
    size_t count;
} names;

static void
names_set(const char *name, const char *text)
{
    size_t i = 0;
    while (i < names.count && strcmp(names.name[i], name) != 0)
        i++;
    if (i == NAMES_MAX)
        return;
    if (i == names.count)
        names.name[names.count++] = strdup(name);
    else
        free(names.text[i]);
    if (strncmp(text, URL, sizeof URL - 1) == 0)
        text += sizeof URL - 1;
    names.text[i] = strdup(text);
}

static void
names_clear(void)
{
    for (size_t i = 0; i < names.count; i++) {
        free(names.name[i]);
        free(names.text[i]);
    }
    names.count = 0;
}

static void
names_collect(const json_t *json)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        if (json_is_string(value))
            names_set(name, json_string_value(value));
        else
            names_collect(value);
    }
}

static void
expand(struct bytes text, struct buffer *out)
{
    while (text.n > 0) {
        size_t at = bytes_find(text, BYTES("$("));
        buffer_put(out, bytes_slice(text, 0, at));
        text = bytes_from(text, at);
        size_t end = bytes_index(text, ')');
        struct bytes name = end > 2 ? bytes_slice(text, 2, end - 2) : BYTES_EMPTY;
        for (size_t i = 0; i < names.count; i++) {
            if (bytes_is(name, names.name[i]))
                buffer_put_str(out, names.text[i]);
        }
        text = bytes_from(text, end + 1);
    }
}

/* ---- the discharger ---- */

static void
die_of(const char *what, const struct fault *fault)
{
    fprintf(stderr, "%s: %s\n", what, fault->detail);
    abort();
}

static void
open_store(void)
{
    static char directory[] = "/dev/shm/kh-fuzz-XXXXXX", elsewhere[] = "/tmp/kh-fuzz-XXXXXX";
    char path[64];
    struct fault fault = {0};
    const char *made = mkdtemp(directory) ? directory : mkdtemp(elsewhere);
    static const char *const left[] = {"", "-wal", "-shm"};

    if (!made || sodium_init() < 0 || crypto_box_keypair(self.public_key, secret_key) != 0)
        abort();
    snprintf(path, sizeof path, "%s/db", made);
    if (discharge_store_open(path, &store, &fault))
        die_of(path, &fault);
    for (int i = 0; i < 3; i++) { // gone with this process
        snprintf(path, sizeof path, "%s/db%s", made, left[i]);
        (void)unlink(path);
    }
    (void)rmdir(made);
}

static void
enroll_alice(struct fault *fault)
{
    static uint8_t hash[32], cose[SIGNER_COSE_SIZE];
    bool taken = false;
    signer_cose(cose);
    const struct discharge_authenticator row = {
        .kind = AUTHENTICATOR_FIDO2,
        .user = BYTES("alice"),
        .name = BYTES("a <b>key</b>"),
        .credential_id = BYTES("idid"),
        .public_key = bytes_of(cose, sizeof cose),
        .algorithm = -8,
    };
    enum kh_err err = discharge_user_remove(store, BYTES("alice"), fault);
    if (!err || err == KH_ERR_NOT_FOUND)
        err = discharge_user_add(store, BYTES("alice"), NOW, fault);
    if (!err)
        err = discharge_invitation_add(store, BYTES("alice"), hash, NOW + 600, fault);
    if (!err)
        err = discharge_authenticator_enroll(store, &row, hash, NOW, &taken, fault);
    if (err)
        die_of("alice", fault);
}

static void
give_names(struct service *service, struct fault *fault)
{
    static const struct ticket ticket = {
        .root_key = {1, 2, 3},
        .condition = {(const uint8_t *)"user = alice for 8h", 19},
        .broker = {(const uint8_t *)"<b>broker</b>", 13},
        .principal = {(const uint8_t *)"alice", 5},
        .expires_at = NOW + 3600,
        .credential = {{(const uint8_t *)"openai", 6}},
        .credential_count = 1,
        .label = {(const uint8_t *)"<b>label</b> & \"more\"", 21},
    };
    BUFFER_AUTO sealed = {0};
    BUFFER_AUTO text = {0};
    BUFFER_AUTO code = {0};
    buffer_init(&sealed, 4096);
    buffer_init(&text, 8192);
    buffer_init(&code, 64);
    if (ticket_seal(&ticket, self.public_key, &sealed, fault) ||
        service_invite(service, BYTES("alice"), NOW, &code, fault))
        die_of("names", fault);
    base64_encode(BASE64_URL, buffer_bytes(&sealed), &text);
    names_set("ticket", buffer_text(&text));
    names_set("code", buffer_text(&code));
}

/* ---- one request ---- */

static bool
has_markup(struct bytes body)
{
    return bytes_find(body, BYTES("<b>")) < body.n || bytes_find(body, BYTES("</b>")) < body.n;
}

static void
check(const struct service_request *request, const struct service_response *response,
      const json_t *json)
{
    struct bytes body = buffer_bytes(&response->body), log = bytes_str(response->log);
    FUZZ_CHECK(response->status >= 200 && response->status <= 599);
    FUZZ_CHECK(response->status == 303 || response->content_type != NULL);
    FUZZ_CHECK(!response->body.failed);
    FUZZ_CHECK((response->status == 405) == (response->allow != NULL));
    FUZZ_CHECK((response->status == 303) == (response->location[0] != '\0'));
    FUZZ_CHECK((response->failure != FAILURE_NONE) == (response->status >= 400));
    if (response->page || response->status == 303)
        FUZZ_CHECK(!has_markup(body));
    else if (response->content_type && strcmp(response->content_type, "application/json") == 0)
        FUZZ_CHECK(body.n == 0 || json_is_object(json));
    if (response->status >= 400 && !response->page)
        FUZZ_CHECK(json_is_string(json_object_get(json, "error")));
    FUZZ_CHECK(json_object_get(json, "discharge") == NULL);
    FUZZ_CHECK(bytes_is_utf8(log));
    for (size_t i = 0; i < log.n; i++)
        FUZZ_CHECK(log.p[i] >= 0x20 && log.p[i] != 0x7f);
    // Whoever is asked by a page of another site gives and takes nothing.
    bool foreign = request->origin.n > 0 && !bytes_is(request->origin, URL);
    if (bytes_is(request->method, "POST") && foreign)
        FUZZ_CHECK(response->status >= 400);
}

static void
ask(struct service *service, struct bytes line, int64_t now)
{
    struct bytes field[5] = {BYTES_EMPTY};
    struct service_response response = {.status = 0};
    BUFFER_AUTO path = {0};
    BUFFER_AUTO body = {0};

    for (int i = 0; i < 5; i++)
        (void)bytes_cut(&line, '|', &field[i]);
    buffer_init(&path, 16384);
    buffer_init(&body, SERVICE_BODY_MAX * 2);
    expand(field[1], &path);
    expand(line, &body);
    buffer_init(&response.body, ANSWER_MAX);
    const struct service_request request = {
        .method = field[0],
        .path = buffer_bytes(&path),
        .content_type = field[2],
        .origin = field[3],
        .fetch_site = field[4],
        .body = buffer_bytes(&body),
        .client = BYTES("192.0.2.7"),
        .now = now,
    };
    service_answer(service, &request, &response);
    json_t *json =
        json_loadb((const char *)response.body.p, response.body.n, JSON_REJECT_DUPLICATES, NULL);
    check(&request, &response, json);
    names_collect(json);
    json_decref(json);
    buffer_free(&response.body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_of(data, size), line;
    struct service *service = NULL;
    struct service_counts counts;
    struct fault fault = {0};

    if (!store)
        open_store();
    enroll_alice(&fault);
    const struct service_options options = {
        .self = self,
        .secret_key = secret_key,
        .store = store,
        .roots = "/nonexistent",
        .settings = {.attestation = ATTESTATION_OPTIONAL},
    };
    if (service_new(&options, &service, &fault))
        die_of("service", &fault);
    give_names(service, &fault);
    for (int i = 0; i < REQUESTS_MAX && bytes_cut(&rest, '\n', &line); i++)
        ask(service, line, NOW + i);
    service_count(service, &counts);
    FUZZ_CHECK(counts.discharges == 0 && counts.enrolments == 0);
    FUZZ_CHECK(counts.questions <= REQUESTS_MAX);
    service_free(&service);
    names_clear();
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const words[] = {
        "POST|/.well-known/macfly/3p|application/"
        "json|||{\"ticket\":\"$(ticket)\",\"prefer\":\"browser\"}",
        "POST|/.well-known/macfly/3p|application/"
        "json|||{\"ticket\":\"$(ticket)\",\"prefer\":\"fido2\"}",
        "POST|/.well-known/macfly/3p|application/"
        "json|||{\"ticket\":\"$(ticket)\",\"prefer\":\"ssh\"}",
        "GET|$(poll_url)||||",
        "GET|$(user_url)||||",
        "POST|$(user_url)/challenge|application/json|||{}",
        "POST|$(user_url)/decline|application/x-www-form-urlencoded|||",
        "POST|$(user_url)/answer|application/json|||{}",
        "POST|$(answer_url)|application/json|||{}",
        "POST|/.well-known/keyhole/enroll|application/"
        "json|||{\"code\":\"$(code)\",\"kind\":\"fido2\"}",
        "GET|/enroll||||",
        "GET|/.well-known/keyhole/discharger||||",
        NULL,
    };
    return fuzz_mutate_lines(data, size, max, seed, words);
}
