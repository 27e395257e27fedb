/* SPDX-License-Identifier: Apache-2.0
 *
 * SSH keys that could sign: those of the agent, and key files. Only public halves are read here.
 */
#ifndef KEYHOLE_CLIENT_SSH_KEYS_H
#define KEYHOLE_CLIENT_SSH_KEYS_H

#include "../caveats/errors.h"

enum {
    SSH_KEYS_MAX = 64,
    SSH_KEY_LINE_MAX = 8192,
    SSH_KEY_BLOB_MAX = 4096,
    SSH_KEYS_TEXT_MAX = 262144, /* of all the agent's keys */
    SSH_FINGERPRINT_TEXT = 51,  /* "SHA256:", 43 characters, and a NUL */
};

struct ssh_key {
    char fingerprint[SSH_FINGERPRINT_TEXT]; /* "" when the public half is not at hand */
    char type[64];                          /* "ssh-ed25519" */
    char *line;                             /* owned; "type base64 comment" without a newline */
    char *file;                             /* owned; of the private half; NULL: the agent has it */
};

struct ssh_keys {
    struct ssh_key key[SSH_KEYS_MAX];
    size_t count;
};

/* One line as in id_ed25519.pub. KH_ERR_SYNTAX; KH_ERR_UNSUPPORTED for certificates and key types
 * that no discharger takes. `out->file` is not set. */
KH_MUST_CHECK enum kh_err ssh_key_read(struct bytes line, struct ssh_key *out, struct fault *fault);

/* Those of the agent; none when there is no agent. KH_ERR_NOT_FOUND when ssh-add is missing. */
KH_MUST_CHECK enum kh_err ssh_keys_add_agent(struct ssh_keys *keys, struct fault *fault);
/* A key file: the private half (FILE, its public half in FILE.pub if there is one), or a public
 * half whose private one the agent has. */
KH_MUST_CHECK enum kh_err ssh_keys_add_file(struct ssh_keys *keys, const char *file,
                                            struct fault *fault);
/* ~/.ssh/id_* that have a public half, the sk kinds first. */
void ssh_keys_add_default_files(struct ssh_keys *keys);
void ssh_keys_free(struct ssh_keys *keys);

#endif
