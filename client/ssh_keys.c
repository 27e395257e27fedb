/* SPDX-License-Identifier: Apache-2.0
 *
 * SSH keys that could sign.
 */
#include "ssh_keys.h"

#include "../caveats/base64.h"
#include "cli.h"
#include "files.h"
#include "process.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SSH_ADD_TIMEOUT_MS = 10000, SSH_PATH_MAX = 4096 };

static const char *const ssh_types[] = {
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa", // the type of the key; it signs with rsa-sha2
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
};

static bool
ssh_type_is_taken(struct bytes type)
{
    for (size_t i = 0; i < sizeof ssh_types / sizeof ssh_types[0]; i++)
        if (bytes_is(type, ssh_types[i]))
            return true;
    return false;
}

static void
ssh_fingerprint_of(struct bytes blob, char out[SSH_FINGERPRINT_TEXT])
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    BUFFER_AUTO text;
    buffer_init(&text, 64);
    crypto_hash_sha256(digest, blob.p, blob.n);
    base64_encode(BASE64_STANDARD, bytes_of(digest, sizeof digest), &text);
    snprintf(out, SSH_FINGERPRINT_TEXT, "SHA256:%.43s", buffer_text(&text));
}

enum kh_err
ssh_key_read(struct bytes line, struct ssh_key *out, struct fault *fault)
{
    struct bytes rest = bytes_trim(line), type, encoded;
    BUFFER_AUTO blob;
    buffer_init(&blob, SSH_KEY_BLOB_MAX);
    if (line.n > SSH_KEY_LINE_MAX || !bytes_cut(&rest, ' ', &type) ||
        !bytes_cut(&rest, ' ', &encoded) || memchr(line.p, '\0', line.n) != NULL)
        return fault_set(fault, KH_ERR_SYNTAX, "that is no public key of SSH: TYPE BASE64 COMMENT");
    if (!ssh_type_is_taken(type))
        return fault_set(fault, KH_ERR_UNSUPPORTED,
                         "SSH keys are taken of the types ed25519, ecdsa, rsa, and their sk forms");
    // The blob names its type too: a length of four bytes, and the name.
    if (!base64_decode(BASE64_STANDARD, encoded, &blob) || blob.n < 4 + type.n ||
        !bytes_equal(bytes_slice(buffer_bytes(&blob), 4, type.n), type))
        return fault_set(fault, KH_ERR_SYNTAX, "the public key is damaged");
    struct ssh_key key = {.line = strndup((const char *)line.p, line.n)};
    if (key.line == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    snprintf(key.type, sizeof key.type, "%.*s", BYTES_ARG(type));
    ssh_fingerprint_of(buffer_bytes(&blob), key.fingerprint);
    *out = key;
    return KH_OK;
}

enum kh_err
ssh_keys_add_agent(struct ssh_keys *keys, struct fault *fault)
{
    static const char *const argv[] = {"ssh-add", "-L", NULL};
    struct process_run run = {.argv = argv, .timeout_ms = SSH_ADD_TIMEOUT_MS, .quiet = true};
    struct fault ignored = {.err = KH_OK};
    int status = 0;
    if (cli_environment("SSH_AUTH_SOCK") == NULL)
        return KH_OK;
    BUFFER_AUTO text;
    buffer_init(&text, SSH_KEYS_TEXT_MAX);
    enum kh_err err = process_run(&run, &text, &status, fault);
    if (err != KH_OK || status != 0) // 1: it has none; 2: it cannot be reached
        return err;
    struct bytes rest = buffer_bytes(&text), line;
    while (keys->count < SSH_KEYS_MAX && bytes_cut(&rest, '\n', &line))
        if (ssh_key_read(line, &keys->key[keys->count], &ignored) == KH_OK)
            keys->count++;
    return KH_OK;
}

static enum kh_err
ssh_keys_read_public(const char *path, struct ssh_key *out, struct fault *fault)
{
    struct bytes line;
    BUFFER_AUTO text;
    buffer_init(&text, SSH_KEY_LINE_MAX);
    enum kh_err err = files_read(path, &text, fault);
    if (err != KH_OK)
        return err;
    struct bytes rest = buffer_bytes(&text);
    err = bytes_cut(&rest, '\n', &line) ? ssh_key_read(line, out, fault)
                                        : fault_set(fault, KH_ERR_SYNTAX, "it is empty");
    if (err != KH_OK)
        fault_prefix(fault, "%s: ", path);
    return err;
}

enum kh_err
ssh_keys_add_file(struct ssh_keys *keys, const char *file, struct fault *fault)
{
    struct ssh_key key = {.line = NULL};
    if (keys->count == SSH_KEYS_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "more than %d SSH keys", SSH_KEYS_MAX);
    BUFFER_AUTO public_path;
    buffer_init(&public_path, SSH_PATH_MAX);
    bool is_public = bytes_ends(bytes_str(file), BYTES(".pub"));
    buffer_printf(&public_path, "%s%s", file, is_public ? "" : ".pub");
    enum kh_err err = ssh_keys_read_public(buffer_text(&public_path), &key, fault);
    // Without the public half at hand the discharger is left to say whether it knows the key.
    if (err == KH_ERR_NOT_FOUND && !is_public)
        err = KH_OK;
    if (err != KH_OK)
        return err;
    if (!is_public && (key.file = strdup(file)) == NULL) {
        free(key.line);
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    keys->key[keys->count++] = key;
    return KH_OK;
}

void
ssh_keys_add_default_files(struct ssh_keys *keys)
{
    // The order of preference: what needs a touch first.
    static const char *const name[] = {"id_ed25519_sk", "id_ecdsa_sk", "id_ed25519", "id_ecdsa",
                                       "id_rsa"};
    const char *home = cli_environment("HOME");
    for (size_t i = 0; home != NULL && i < sizeof name / sizeof name[0]; i++) {
        struct fault ignored = {.err = KH_OK};
        BUFFER_AUTO path;
        buffer_init(&path, SSH_PATH_MAX);
        buffer_printf(&path, "%s/.ssh/%s", home, name[i]);
        size_t before = keys->count;
        if (ssh_keys_add_file(keys, buffer_text(&path), &ignored) == KH_OK &&
            keys->key[before].line == NULL) { // no public half: nothing is known of it
            free(keys->key[before].file);
            keys->count = before;
        }
    }
}

void
ssh_keys_free(struct ssh_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        free(keys->key[i].line);
        free(keys->key[i].file);
    }
    *keys = (struct ssh_keys){0};
}
