/* SPDX-License-Identifier: Apache-2.0 */
/* Whether all is well; and where it is not, what to do. */
#include "admin.h"
#include "health.h"
#include "status.h"
#include "values.h"

#include "../../caveats/timestamp.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    BEHIND_WRONG = 100000, /* records that no head vouches for: more than a second's */
    CA_SOON_S = 30 * 86400,
    KEY_OLD_S = 366 * 86400,
    RESTARTS_NOTED = 3,
};

struct judging {
    json_t *wrong, *notes;
    int64_t now;
};

static void say(json_t *list, const char *what, const char *advice, ...)
    __attribute__((format(printf, 3, 4)));

static void
say(json_t *list, const char *what, const char *advice, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, advice);
    vsnprintf(text, sizeof(text), advice, arguments);
    va_end(arguments);
    json_array_append_new(list, json_pack("{s:s, s:s}", "what", what, "do", text));
}

static bool
moment(const json_t *object, const char *member, int64_t *out)
{
    return timestamp_parse(bytes_str(admin_text(object, member)), out);
}

static void
judge_process(struct judging *j, const json_t *process)
{
    char what[400];
    const char *note = admin_text(process, "note");
    long long restarts = (long long)admin_number(process, "restarts");
    bool running = json_is_true(json_object_get(process, "running"));
    if (!running)
        snprintf(what, sizeof(what), "the process %.32s %lld is down%s%.250s",
                 admin_text(process, "role"), (long long)admin_number(process, "index"),
                 note[0] != '\0' ? ": " : "", note);
    else
        snprintf(what, sizeof(what), "the process %.32s %lld was started again %lld times%s%.250s",
                 admin_text(process, "role"), (long long)admin_number(process, "index"), restarts,
                 note[0] != '\0' ? ", the last time after: " : "", note);
    if (!running || restarts >= RESTARTS_NOTED)
        say(running ? j->notes : j->wrong, what,
            "it is started again by itself; the broker's log "
            "says why it ended");
}

static void
judge_credential(struct judging *j, const json_t *credential)
{
    char text[200], what[400];
    const char *name = admin_text(credential, "name");
    health_print(json_object_get(credential, "refused_by_upstream"), text, sizeof(text));
    if (text[0] != '\0') {
        snprintf(what, sizeof(what), "the key of %.64s is %s", name, text);
        say(j->wrong, what,
            "keyholed credential test %.64s, and keyholed credential rotate %.64s with a new key",
            name, name);
    }
    health_print_token_answers(json_object_get(credential, "token_answers_refused"), text,
                               sizeof(text));
    if (text[0] != '\0') {
        snprintf(what, sizeof(what), "answers to %.64s were %s", name, text);
        say(j->notes, what, "keyholed credential set %.64s --option token-answers=…", name);
    }
}

static void
judge_ca(struct judging *j, const json_t *ca)
{
    int64_t expires;
    char span[48], what[120];
    if (!moment(ca, "expires_at", &expires) || expires > j->now + CA_SOON_S)
        return;
    value_print_span(expires - j->now, span, sizeof(span));
    snprintf(what, sizeof(what),
             expires > j->now ? "the local CA's certificate expires in %s"
                              : "the local CA's certificate has expired%.0s",
             span);
    say(expires > j->now ? j->notes : j->wrong, what,
        "a new one is made by keyholed init in a new state directory; clients trust it by "
        "keyholed ca show");
}

static void
judge_audit(struct judging *j, const json_t *audit)
{
    char what[120];
    int64_t behind = admin_number(audit, "behind");
    if (json_is_object(audit) && json_object_get(audit, "bytes") == NULL)
        say(j->wrong, "the audit log is not where it was",
            "see %.250s; without it requests are denied", admin_text(audit, "file"));
    if (behind <= BEHIND_WRONG)
        return;
    snprintf(what, sizeof(what), "%lld records of the audit log are not signed yet",
             (long long)behind);
    say(j->wrong, what, "is the disk full or slow? The broker's log says more");
}

static void
judge_keys(struct judging *j, const json_t *keys)
{
    const json_t *key;
    size_t i;
    json_array_foreach(keys, i, key)
    {
        int64_t created;
        if (json_is_true(json_object_get(key, "active")) && moment(key, "created_at", &created) &&
            j->now - created > KEY_OLD_S)
            say(j->notes, "the root key is more than a year old",
                "keyholed key rotate; tokens that "
                "are out there stay valid");
    }
}

void
status_judge(int64_t now, json_t *status)
{
    struct judging j = {.wrong = json_array(), .notes = json_array(), .now = now};
    const json_t *item, *credentials = json_object_get(status, "credential_list");
    size_t i;
    json_array_foreach(json_object_get(status, "processes"), i, item)
    {
        judge_process(&j, item);
    }
    json_array_foreach(credentials, i, item)
    {
        judge_credential(&j, item);
    }
    if (json_array_size(json_object_get(status, "listeners")) == 0)
        say(j.wrong, "nothing is listened on",
            "see listen: in keyholed.yaml, and the broker's log");
    if (json_is_array(credentials) && json_array_size(credentials) == 0)
        say(j.notes, "there is no credential yet", "keyholed credential add NAME --preset …");
    judge_ca(&j, json_object_get(status, "ca"));
    judge_audit(&j, json_object_get(status, "audit"));
    judge_keys(&j, json_object_get(status, "root_keys"));
    json_t *health = json_pack("{s:b, s:o, s:o}", "ok", json_array_size(j.wrong) == 0, "wrong",
                               j.wrong, "notes", j.notes);
    json_object_set_new(status, "health", health);
}
