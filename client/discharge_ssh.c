/* SPDX-License-Identifier: Apache-2.0
 *
 * Answering with an SSH key.
 */
#include "discharge.h"

#include "ssh_sign.h"

#include <string.h>

// The first key that is asked for; one whose public half is not at hand is left to the discharger.
static const struct ssh_key *
discharge_choose_ssh(const struct ssh_keys *keys, const struct question *question)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->key[i].fingerprint[0] == '\0' ||
            question_has_fingerprint(question, keys->key[i].fingerprint))
            return &keys->key[i];
    return NULL;
}

static enum kh_err
discharge_collect_ssh(const struct discharge_settings *settings, struct ssh_keys *keys,
                      struct fault *fault)
{
    if (settings->ssh_key != NULL)
        return ssh_keys_add_file(keys, settings->ssh_key, fault);
    enum kh_err err = ssh_keys_add_agent(keys, fault);
    // Without OpenSSH's ssh-add there is no agent either, and ssh-keygen says so itself.
    if (err != KH_OK && err != KH_ERR_NOT_FOUND)
        return err;
    ssh_keys_add_default_files(keys);
    return KH_OK;
}

static enum kh_err
discharge_sign_with(const struct discharge_settings *settings, const struct question *question,
                    const struct ssh_key *key, json_t **out, struct fault *fault)
{
    BUFFER_AUTO armour;
    buffer_init(&armour, SSH_SIGNATURE_TEXT_MAX);
    discharge_say(settings, "signing with the SSH key %s%s",
                  key->fingerprint[0] != '\0' ? key->fingerprint : key->file,
                  strncmp(key->type, "sk-", 3) == 0 ? ": touch it when it blinks" : "");
    enum kh_err err =
        ssh_sign(key, question->name_space, bytes_of(question->challenge, CHALLENGE_SIZE),
                 discharge_time_left(settings, INT32_MAX), &armour, fault);
    if (err != KH_OK)
        return err;
    *out = json_pack("{s:s}", "signature", buffer_text(&armour));
    return *out != NULL ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
}

enum kh_err
discharge_sign_ssh(const struct discharge_settings *settings, const struct question *question,
                   json_t **out, struct fault *fault)
{
    struct ssh_keys keys = {.count = 0};
    enum kh_err err = discharge_collect_ssh(settings, &keys, fault);
    const struct ssh_key *key = discharge_choose_ssh(&keys, question);
    if (err == KH_OK && key == NULL)
        err = fault_set(fault, KH_ERR_NOT_FOUND,
                        "no SSH key %s is one that %s asks for; enrol one first: keyhole enroll "
                        "--ssh, or name its file: --ssh-key",
                        settings->ssh_key != NULL ? "in that file" : "of the agent or in ~/.ssh",
                        question->url);
    if (err == KH_OK)
        err = discharge_sign_with(settings, question, key, out, fault);
    ssh_keys_free(&keys);
    return err;
}
