/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands of the discharger's admin socket.
 */
#include "admin.h"

#include "../../caveats/text.h"
#include "../admin/request.h"
#include "../log.h"
#include "../webauthn/ssh_signature.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { CREDENTIAL_NAME_SIZE = 8 }; // of the hash that labels show

// As a token's principal, so that a hole can name every user.
static enum kh_err
check_user(struct bytes name, struct fault *fault)
{
    bool good = name.n > 0 && name.n <= DISCHARGE_USER_MAX;

    for (size_t i = 0; good && i < name.n; i++) {
        uint8_t c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        good = letter || (i > 0 && c != 0 && strchr("._@+-", c) != NULL);
    }
    return good ? KH_OK
                : fault_set(fault, KH_ERR_SYNTAX,
                            "a user's name is 1 to %d letters, digits or \"._@+-\", and begins "
                            "with a letter or digit",
                            DISCHARGE_USER_MAX);
}

// It is printed to a terminal, and in messages.
static enum kh_err
check_authenticator_name(struct bytes name, struct fault *fault)
{
    return name.n > 0 && name.n <= DISCHARGE_NAME_MAX
               ? KH_OK
               : fault_set(fault, KH_ERR_SYNTAX, "an authenticator's name has 1 to %d bytes",
                           DISCHARGE_NAME_MAX);
}

// ---- users ----

static enum kh_err
user_add(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct discharge_admin *admin = context;
    struct bytes name = admin_text(request, "name");
    enum kh_err err = check_user(name, fault);

    if (!err)
        err = discharge_user_add(admin->store, name, admin->now(), fault);
    if (err)
        return err;
    log_info("user-added", "%.*s", BYTES_ARG(name));
    return admin_put_text(result, "name", name, fault);
}

static enum kh_err
user_remove(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct discharge_admin *admin = context;
    struct bytes name = admin_text(request, "name");
    enum kh_err err = check_user(name, fault);

    if (!err)
        err = discharge_user_remove(admin->store, name, fault);
    if (err)
        return err;
    log_info("user-removed", "%.*s", BYTES_ARG(name));
    return admin_put_text(result, "name", name, fault);
}

static enum kh_err
no_memory(struct fault *fault)
{
    return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
}

// Takes `object` over.
static enum kh_err
append_object(json_t *array, json_t *object, enum kh_err err, struct fault *fault)
{
    if (err)
        json_decref(object);
    else if (json_array_append_new(array, object))
        err = no_memory(fault);
    return err;
}

static enum kh_err
append_user(void *context, const struct discharge_user *row, struct fault *fault)
{
    json_t *object = json_object();

    if (object == NULL)
        return no_memory(fault);
    enum kh_err err = admin_put_text(object, "name", row->name, fault);
    if (!err)
        err = admin_put_time(object, "created_at", row->created_at, fault);
    if (!err)
        err = admin_put_number(object, "authenticators", row->authenticators, fault);
    return append_object(context, object, err, fault);
}

static enum kh_err
user_list(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct discharge_admin *admin = context;
    json_t *users = json_array();

    (void)request;
    if (users == NULL)
        return no_memory(fault);
    enum kh_err err = discharge_user_each(admin->store, append_user, users, fault);
    if (err) {
        json_decref(users);
        return err;
    }
    return admin_put(result, "users", users, fault);
}

// ---- invitations ----

static enum kh_err
put_invitation(struct discharge_admin *admin, struct bytes code, int64_t now, json_t *result,
               struct fault *fault)
{
    char url[DISCHARGER_URL_MAX + 16];

    snprintf(url, sizeof url, "%s/enroll", admin->self.url);
    enum kh_err err = admin_put_text(result, "code", code, fault);
    if (!err)
        err = admin_put_text(result, "url", bytes_str(url), fault);
    if (!err)
        err = admin_put_time(result, "expires_at", now + SERVICE_INVITATION_LIFETIME_S, fault);
    return err;
}

static enum kh_err
invite(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct discharge_admin *admin = context;
    struct bytes user = admin_text(request, "user");
    int64_t now = admin->now();
    BUFFER_AUTO code;

    buffer_init_secret(&code, 64);
    enum kh_err err = check_user(user, fault);
    if (!err)
        err = service_invite(admin->service, user, now, &code, fault);
    if (!err && code.failed)
        err = no_memory(fault);
    if (err)
        return err;
    log_info("invited", "%.*s", BYTES_ARG(user));
    return put_invitation(admin, buffer_bytes(&code), now, result, fault);
}

// ---- authenticators ----

// What the label of a discharge calls it, and so the audit log.
static enum kh_err
put_credential(const struct discharge_authenticator *row, json_t *object, struct fault *fault)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    char fingerprint[SSH_FINGERPRINT_SIZE];

    (void)crypto_hash_sha256(hash, row->credential_id.p, row->credential_id.n);
    enum kh_err err = admin_put_hex(object, "credential", hash, CREDENTIAL_NAME_SIZE, fault);
    if (err || row->kind == AUTHENTICATOR_FIDO2)
        return err ? err : admin_put_hex(object, "fingerprint", hash, sizeof hash, fault);
    if (!ssh_fingerprint(row->public_key, fingerprint))
        return no_memory(fault);
    return admin_put_text(object, "fingerprint", bytes_str(fingerprint), fault);
}

static enum kh_err
put_model(const struct discharge_authenticator *row, json_t *object, struct fault *fault)
{
    static const uint8_t none[WEBAUTHN_AAGUID_SIZE];
    char aaguid[AAGUID_TEXT_SIZE], firmware[16];
    enum kh_err err = KH_OK;

    if (memcmp(row->aaguid, none, sizeof none) != 0) {
        webauthn_aaguid_print(row->aaguid, aaguid);
        err = admin_put_text(object, "aaguid", bytes_str(aaguid), fault);
    }
    if (!err && row->firmware != 0) {
        webauthn_firmware_print(row->firmware, firmware);
        err = admin_put_text(object, "firmware", bytes_str(firmware), fault);
    }
    return err;
}

static enum kh_err
put_times(const struct discharge_authenticator *row, json_t *object, struct fault *fault)
{
    enum kh_err err = admin_put_time(object, "created_at", row->created_at, fault);

    if (!err && row->used_at)
        err = admin_put_time(object, "used_at", row->used_at, fault);
    if (!err && row->cloned_at)
        err = admin_put_time(object, "cloned_at", row->cloned_at, fault);
    return err;
}

static enum kh_err
put_authenticator(const struct discharge_authenticator *row, json_t *object, struct fault *fault)
{
    struct bytes kind = bytes_str(authenticator_kind_name(row->kind));
    enum kh_err err = admin_put_text(object, "user", row->user, fault);

    if (!err)
        err = admin_put_text(object, "name", row->name, fault);
    if (!err)
        err = admin_put_text(object, "kind", kind, fault);
    if (!err)
        err = put_credential(row, object, fault);
    if (!err)
        err = admin_put(object, "attested", json_boolean(row->attested), fault);
    if (!err)
        err = admin_put(object, "yubikey", json_boolean(row->yubikey), fault);
    if (!err)
        err = put_model(row, object, fault);
    if (!err)
        err = admin_put_number(object, "counter", row->counter, fault);
    return err ? err : put_times(row, object, fault);
}

static enum kh_err
append_authenticator(void *context, const struct discharge_authenticator *row, struct fault *fault)
{
    json_t *object = json_object();

    if (object == NULL)
        return no_memory(fault);
    return append_object(context, object, put_authenticator(row, object, fault), fault);
}

static enum kh_err
authenticator_list(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct discharge_admin *admin = context;
    struct bytes user = admin_text(request, "user");
    bool exists = true;
    enum kh_err err = KH_OK;

    if (user.n > 0)
        err = discharge_user_exists(admin->store, user, &exists, fault);
    if (!err && !exists)
        err = fault_set(fault, KH_ERR_NOT_FOUND, "there is no such user");
    json_t *array = err ? NULL : json_array();
    if (array == NULL)
        return err ? err : no_memory(fault);
    err = discharge_authenticator_each(admin->store, user, append_authenticator, array, fault);
    if (err) {
        json_decref(array);
        return err;
    }
    return admin_put(result, "authenticators", array, fault);
}

static enum kh_err
authenticator_remove(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct discharge_admin *admin = context;
    struct bytes user = admin_text(request, "user"), name = admin_text(request, "name");
    BUFFER_AUTO safe;

    buffer_init(&safe, 1024);
    enum kh_err err = check_user(user, fault);
    if (!err)
        err = check_authenticator_name(name, fault);
    if (!err)
        err = discharge_authenticator_remove(admin->store, user, name, fault);
    if (err)
        return err;
    text_put_safe(&safe, name);
    log_info("authenticator-removed", "%s of %.*s", buffer_text(&safe), BYTES_ARG(user));
    err = admin_put_text(result, "user", user, fault);
    return err ? err : admin_put_text(result, "name", name, fault);
}

// ---- status ----

static enum kh_err
count_user(void *context, const struct discharge_user *row, struct fault *fault)
{
    uint64_t *count = context;

    (void)fault;
    count[0]++;
    count[1] += row->authenticators;
    return KH_OK;
}

static enum kh_err
put_counts(struct discharge_admin *admin, json_t *result, struct fault *fault)
{
    uint64_t count[2] = {0};
    struct service_counts counts;
    enum kh_err err = discharge_user_each(admin->store, count_user, count, fault);

    service_count(admin->service, &counts);
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"users", count[0]},
        {"authenticators", count[1]},
        {"questions", counts.questions},
        {"discharges", counts.discharges},
        {"declines", counts.declines},
        {"failures", counts.failures},
        {"enrolments", counts.enrolments},
    };
    for (size_t i = 0; !err && i < sizeof numbers / sizeof numbers[0]; i++)
        err = admin_put_number(result, numbers[i].name, (int64_t)numbers[i].value, fault);
    return err;
}

static enum kh_err
status(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct discharge_admin *admin = context;
    BUFFER_AUTO address;

    (void)request;
    buffer_init(&address, DISCHARGER_TEXT_MAX + 1);
    discharger_print(&admin->self, &address);
    struct bytes text = buffer_bytes(&address);
    struct bytes key = bytes_from(text, bytes_index(text, '#') + 1);
    enum kh_err err = admin_put_text(result, "url", bytes_str(admin->self.url), fault);
    if (!err)
        err = admin_put_text(result, "public_key", key, fault);
    if (!err)
        err = admin_put_text(result, "version", bytes_str(KEYHOLE_VERSION), fault);
    if (!err)
        err = admin_put_time(result, "started_at", admin->started_at, fault);
    return err ? err : put_counts(admin, result, fault);
}

// ---- the configuration: of one that runs alone; its supervisor alone reads it ----

static enum kh_err
config_reload(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct discharge_admin *admin = context;

    (void)request, (void)result;
    return admin_reload_ask(&admin->reloads, admin->server, UINT32_MAX, false, fault);
}

static enum kh_err
config_look(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct discharge_admin *admin = context;

    (void)request, (void)result;
    return admin_reload_ask(&admin->reloads, admin->server, UINT32_MAX, true, fault);
}

static const struct admin_command commands[] = {
    {"status", status, {{0}}},
    {"config.reload", config_reload, {{0}}},
    {"config.diff", config_look, {{0}}},
    {"user.add", user_add, {{"name", ADMIN_TEXT, true}}},
    {"user.remove", user_remove, {{"name", ADMIN_TEXT, true}}},
    {"user.list", user_list, {{0}}},
    {"invite", invite, {{"user", ADMIN_TEXT, true}}},
    {"authenticator.list", authenticator_list, {{"user", ADMIN_TEXT, false}}},
    {"authenticator.remove",
     authenticator_remove,
     {{"user", ADMIN_TEXT, true}, {"name", ADMIN_TEXT, true}}},
    {0},
};

void
discharge_admin_answer(void *context, uint32_t uid, struct bytes line, struct buffer *out)
{
    static const struct admin_command *const tables[] = {commands};

    (void)uid;
    admin_request_answer(tables, 1, context, line, out);
}
