/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a discharger's question, and refusing one that is not the answer to ours.
 */
#include "question.h"

#include "../caveats/timestamp.h"

#include <stdlib.h>
#include <string.h>

static const char *const question_names[] = {[QUESTION_UNSET] = "",
                                             [QUESTION_FIDO2] = "fido2",
                                             [QUESTION_SSH] = "ssh",
                                             [QUESTION_BROWSER] = "user_interactive"};

static enum kh_err
question_refuse(const struct question *question, const char *what, struct fault *fault)
{
    return fault_set(fault, KH_ERR_PROTOCOL,
                     "the question of %s is refused: %s; nothing was touched or signed",
                     question->url, what);
}

// An answer goes to the discharger that asked, whatever it says: below its own origin.
static bool
question_is_below(const char *url, const char *origin)
{
    size_t n = strlen(origin);
    if (url == NULL || strncmp(url, origin, n) != 0 || url[n] != '/' || strlen(url) >= HTTP_URL_MAX)
        return false;
    for (const char *p = url; *p != '\0'; p++)
        if (*p <= 0x20 || *p >= 0x7f || strchr("\"'<>\\^`{|}", *p) != NULL)
            return false;
    return true;
}

// The host of a URL as a WebAuthn RP ID: without scheme and port, as the discharger has it.
static struct bytes
question_host(const char *url)
{
    struct bytes host = bytes_str(strstr(url, "://") + 3);
    if (host.n > 0 && host.p[0] == '[')
        return bytes_slice(host, 0, bytes_index(host, ']') + 1);
    return bytes_slice(host, 0, bytes_index(host, ':'));
}

// ---- members ----

static enum kh_err
question_read_credentials(struct question *question, const json_t *array, struct fault *fault)
{
    if (array == NULL)
        return KH_OK;
    if (!json_is_array(array) || json_array_size(array) > QUESTION_CREDENTIALS_MAX)
        return question_refuse(question, "its list of credentials is none, or too long", fault);
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct buffer *credential = &question->credential[question->credential_count++];
        buffer_init(credential, QUESTION_CREDENTIAL_MAX);
        json_t *wrapper = json_pack("{s:O}", "id", json_array_get(array, i));
        bool ok = wrapper != NULL && answer_base64(wrapper, "id", credential);
        json_decref(wrapper);
        if (!ok)
            return question_refuse(question, "a credential in it is not base64url", fault);
    }
    return KH_OK;
}

// What a new credential is made from.
static enum kh_err
question_read_creation(struct question *question, const json_t *member, struct fault *fault)
{
    const json_t *list = json_object_get(member, "algorithms");
    question->user_name = answer_string(member, "user_name");
    for (size_t i = 0; i < json_array_size(list) && i < QUESTION_ALGORITHMS_MAX; i++) {
        json_int_t algorithm = json_integer_value(json_array_get(list, i));
        if (algorithm < 0 && algorithm >= INT32_MIN)
            question->algorithm[question->algorithm_count++] = (int)algorithm;
    }
    if (question->user_name == NULL || question->rp_name == NULL ||
        question->algorithm_count == 0 || !answer_base64(member, "user_id", &question->user_id))
        return question_refuse(question, "it does not say for whom", fault);
    return KH_OK;
}

static enum kh_err
question_read_fido2(struct question *question, const json_t *member, bool enrolment,
                    struct fault *fault)
{
    question->rp_id = answer_string(member, "rp_id");
    question->origin = answer_string(member, "origin");
    question->rp_name = answer_string(member, "rp_name");
    question->verification = json_is_true(json_object_get(member, "verification"));
    // A key signs for the site that it is told; only we know which one we are at (WebAuthn 13.4.9).
    if (question->origin == NULL || strcmp(question->origin, question->url) != 0)
        return question_refuse(question, "it is for another origin", fault);
    if (question->rp_id == NULL || !bytes_is(question_host(question->url), question->rp_id))
        return question_refuse(question, "it is for another site (rp_id)", fault);
    enum kh_err err = enrolment ? question_read_creation(question, member, fault) : KH_OK;
    if (err != KH_OK)
        return err;
    const char *list = enrolment ? "exclude" : "credentials";
    return question_read_credentials(question, json_object_get(member, list), fault);
}

static enum kh_err
question_read_ssh(struct question *question, const json_t *member, enum challenge_purpose purpose,
                  struct fault *fault)
{
    question->name_space = answer_string(member, "namespace");
    // A signature in another namespace would be good for something else: a commit, a login.
    if (question->name_space == NULL ||
        strcmp(question->name_space, challenge_ssh_namespace(purpose)) != 0)
        return question_refuse(question, "its SSH namespace is not that of Keyhole", fault);
    return KH_OK;
}

static void
question_read_expiry(struct question *question, const json_t *member)
{
    const json_t *value = json_object_get(member, "expires_at");
    int64_t at = 0;
    if (json_is_integer(value))
        question->expires_at = json_integer_value(value);
    else if (json_is_string(value) && timestamp_parse(bytes_str(json_string_value(value)), &at))
        question->expires_at = at;
}

// ---- the text ----

static enum kh_err
question_check_text(const struct question *question, const struct question_expectation *expectation,
                    struct fault *fault)
{
    const struct {
        enum challenge_key key;
        struct bytes expected; /* empty: anything */
        const char *otherwise;
    } row[] = {
        {CHALLENGE_DISCHARGER, bytes_str(expectation->url), "its text is another discharger's"},
        {CHALLENGE_PARENT, expectation->parent, "its text is about another token's lineage"},
        {CHALLENGE_CONDITION, expectation->condition,
         "its text vouches for something else than the token demands"},
        {CHALLENGE_AUTHENTICATOR, expectation->name, "its text names another authenticator"},
        {CHALLENGE_CODE, bytes_str(question->code), "its text has another code"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct bytes found = challenge_find(question->line, question->line_count, row[i].key);
        if (row[i].expected.n > 0 && !bytes_equal(found, row[i].expected))
            return question_refuse(question, row[i].otherwise, fault);
    }
    return KH_OK;
}

static enum kh_err
question_read_text(struct question *question, const json_t *member,
                   const struct question_expectation *expectation, struct fault *fault)
{
    struct fault why = {.err = KH_OK};
    BUFFER_AUTO nonce;
    buffer_init(&nonce, CHALLENGE_NONCE_SIZE);
    const char *text = answer_string(member, "text");
    buffer_put_str(&question->text, text != NULL ? text : "");
    if (!answer_base64(member, "nonce", &nonce) || nonce.n != CHALLENGE_NONCE_SIZE)
        return question_refuse(question, "it has no nonce", fault);
    if (text == NULL || question->text.failed ||
        challenge_text_parse(buffer_bytes(&question->text), &question->storage, question->line,
                             &question->line_count, &why) != KH_OK)
        return question_refuse(question, "its text is not of the form that it should be", fault);
    enum kh_err err = question_check_text(question, expectation, fault);
    if (err == KH_OK && !challenge_digest(expectation->purpose, buffer_bytes(&question->text),
                                          nonce.p, question->challenge))
        err = fault_set(fault, KH_ERR_CRYPTO, "a SHA-256 could not be computed");
    return err;
}

static enum kh_err
question_read_members(struct question *question, const struct question_expectation *expectation,
                      struct fault *fault)
{
    const json_t *member = question->object;
    bool enrolment = expectation->purpose == CHALLENGE_ENROLL;
    const char *code = answer_string(member, "code");
    question->code = code != NULL ? code : "";
    question_read_expiry(question, member);
    if (question->kind == QUESTION_BROWSER) {
        question->user_url = answer_string(member, "user_url");
        question->poll_url = answer_string(member, "poll_url");
        if (question_is_below(question->user_url, question->url) &&
            question_is_below(question->poll_url, question->url))
            return KH_OK;
        return question_refuse(question, "its links lead elsewhere", fault);
    }
    question->answer_url = answer_string(member, "answer_url");
    if (!question_is_below(question->answer_url, question->url))
        return question_refuse(question, "the answer would go elsewhere", fault);
    enum kh_err err = question->kind == QUESTION_FIDO2
                          ? question_read_fido2(question, member, enrolment, fault)
                          : question_read_ssh(question, member, expectation->purpose, fault);
    return err != KH_OK ? err : question_read_text(question, member, expectation, fault);
}

enum kh_err
question_read(enum question_kind kind, json_t *member,
              const struct question_expectation *expectation, struct question **out,
              struct fault *fault)
{
    struct question *question = calloc(1, sizeof *question);
    if (question == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    question->kind = kind;
    question->url = expectation->url;
    question->object = json_incref(member);
    buffer_init(&question->text, CHALLENGE_TEXT_MAX);
    buffer_init(&question->storage, CHALLENGE_TEXT_MAX);
    buffer_init(&question->user_id, QUESTION_USER_ID_MAX);
    enum kh_err err = json_is_object(member) ? question_read_members(question, expectation, fault)
                                             : fault_set(fault, KH_ERR_PROTOCOL,
                                                         "%s answers with a \"%s\" that is none",
                                                         expectation->url, question_names[kind]);
    if (err != KH_OK)
        question_free(&question);
    else
        *out = question;
    return err;
}

void
question_free(struct question **question)
{
    if (*question == NULL)
        return;
    for (size_t i = 0; i < (*question)->credential_count; i++)
        buffer_free(&(*question)->credential[i]);
    buffer_free(&(*question)->text);
    buffer_free(&(*question)->storage);
    buffer_free(&(*question)->user_id);
    json_decref((*question)->object);
    free(*question);
    *question = NULL;
}

bool
question_has_fingerprint(const struct question *question, const char *fingerprint)
{
    const json_t *list = json_object_get(question->object, "fingerprints");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text != NULL && strcmp(text, fingerprint) == 0)
            return true;
    }
    return false;
}
