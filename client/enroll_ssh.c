/* SPDX-License-Identifier: Apache-2.0
 *
 * Registering an SSH key: its public half, and a signature by the private one.
 */
#include "enroll.h"

#include "ssh_sign.h"

static enum kh_err
enroll_choose_ssh(const struct discharge_settings *settings, struct ssh_keys *keys,
                  struct fault *fault)
{
    enum kh_err err = KH_OK;
    if (settings->ssh_key != NULL) {
        err = ssh_keys_add_file(keys, settings->ssh_key, fault);
        if (err == KH_OK && keys->key[0].line == NULL)
            err = fault_set(fault, KH_ERR_USAGE,
                            "there is no %s.pub: make it with ssh-keygen -y -f %s > %s.pub",
                            settings->ssh_key, settings->ssh_key, settings->ssh_key);
        return err;
    }
    err = ssh_keys_add_agent(keys, fault);
    if (err != KH_OK && err != KH_ERR_NOT_FOUND)
        return err;
    if (keys->count == 0)
        ssh_keys_add_default_files(keys);
    // Which one vouches for a person is for that person to say.
    if (keys->count != 1)
        return fault_set(fault, KH_ERR_USAGE,
                         "%s: name the key's file, as in --ssh ~/.ssh/id_ed25519",
                         keys->count == 0 ? "there is no SSH key in the agent or in ~/.ssh"
                                          : "there are several SSH keys");
    return KH_OK;
}

enum kh_err
enroll_sign_ssh(const struct discharge_settings *settings, const struct question *question,
                json_t **out, struct fault *fault)
{
    struct ssh_keys keys = {.count = 0};
    BUFFER_AUTO armour;
    buffer_init(&armour, SSH_SIGNATURE_TEXT_MAX);
    enum kh_err err = enroll_choose_ssh(settings, &keys, fault);
    if (err == KH_OK) {
        cli_say(settings->fido.cli, "signing with the SSH key %s", keys.key[0].fingerprint);
        err = ssh_sign(&keys.key[0], question->name_space,
                       bytes_of(question->challenge, CHALLENGE_SIZE),
                       discharge_time_left(settings, INT32_MAX), &armour, fault);
    }
    if (err == KH_OK) {
        *out = json_pack("{s:s, s:s}", "public_key", keys.key[0].line, "signature",
                         buffer_text(&armour));
        // A comment that is not UTF-8 is the only thing that JSON could not carry.
        if (*out == NULL)
            err = fault_set(fault, KH_ERR_USAGE, "the comment of the SSH key is not UTF-8");
    }
    ssh_keys_free(&keys);
    return err;
}
