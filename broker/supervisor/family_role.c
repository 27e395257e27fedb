/* SPDX-License-Identifier: Apache-2.0 */
/* What the children differ in: their programs and arguments, and what each may say. */
#include "family_internal.h"

#include "../log.h"
#include "../messages.h"
#include "spawn.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { RELOAD_REPORT_MAX = 60000 };

/* ---- what children say ---- */

static bool
child_on_ready(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    (void)message;
    struct family_child *child = context;
    if (child->state == CHILD_SERVING)
        family_set_fault(child, "said twice that it is ready");
    family_step(child, CHILD_READY);
    return true;
}

// Only the number of a life is looked at; why, the authority has logged itself.
static bool
authority_on_peer_fault(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    const struct family_child *authority = context;
    struct family *family = authority->family;
    for (size_t i = 0; i < family->child_count; i++) {
        struct family_child *child = &family->child[i];
        if (child->role != ROLE_PROXY || child->pid == 0 || child->life != message->id)
            continue;
        log_error("peer-fault", "the authority says that %s broke the protocol", child->name);
        family_set_fault(child, "broke the protocol with the authority");
        family_step(child, CHILD_FAULT);
    }
    return true;
}

// A file's name may be any bytes, and what is sent is a text.
static void
make_text(struct buffer *report)
{
    if (bytes_is_utf8(buffer_bytes(report)))
        return;
    for (size_t i = 0; i < report->n; i++)
        if (report->p[i] >= 0x80)
            report->p[i] = '?';
}

// The lowest bit of the id is all that is looked at.
static void
answer_reload(struct channel *channel, const struct family *family, uint64_t id,
              enum message_type type)
{
    BUFFER_AUTO report;
    BUFFER_AUTO body;
    buffer_init(&report, RELOAD_REPORT_MAX);
    buffer_init(&body, RELOAD_REPORT_MAX + 16);
    if (family->callbacks.reload != NULL)
        family->callbacks.reload(family->context, id & 1, &report);
    else
        buffer_put_str(&report, "failed\nthere is no configuration");
    make_text(&report);
    if (report.failed)
        message_text_tx(BYTES("failed\nthere is more to tell than fits; see the log"), &body);
    else
        message_text_tx(buffer_bytes(&report), &body);
    channel_send(channel, type, id, buffer_bytes(&body));
}

static bool
authority_on_reload(struct channel *channel, void *context, const struct message *message)
{
    const struct family_child *authority = context;
    answer_reload(channel, authority->family, message->id, MESSAGE_RELOAD_DONE);
    return true;
}

// It faces the network: of a broker's configuration it may not even be told.
static bool
discharger_on_reload(struct channel *channel, void *context, const struct message *message)
{
    const struct family_child *discharger = context;
    const struct family *family = discharger->family;
    bool alone = true;
    BUFFER_AUTO body;
    for (size_t i = 0; i < family->child_count; i++)
        alone = alone && family->child[i].role == ROLE_DISCHARGER;
    if (alone) {
        answer_reload(channel, family, message->id, MESSAGE_DISCHARGER_RELOAD_DONE);
        return true;
    }
    buffer_init(&body, 256);
    message_text_tx(BYTES("failed\nthe broker reads it, and is the one to ask"), &body);
    channel_send(channel, MESSAGE_DISCHARGER_RELOAD_DONE, message->id, buffer_bytes(&body));
    return true;
}

// It faces the network: where it is, is not for it to say, since clients trust what they are told
// of it. Its key is its own affair.
static bool
discharger_on_ready(struct channel *channel, void *context, const struct message *message)
{
    struct family_child *child = context;
    struct family *family = child->family;
    struct discharger said;
    if (message_discharger_ready_rx(message->body, &said) != KH_OK ||
        strcmp(said.url, family->discharger.url) != 0 ||
        sodium_is_zero(said.public_key, sizeof(said.public_key)))
        return false;
    if (family->local_known &&
        memcmp(family->local.public_key, said.public_key, sizeof(said.public_key)) != 0)
        log_warning("discharger-key", "the discharger has another key than before: holes that are "
                                      "open cannot be filled any more");
    family->local = said;
    (void)snprintf(family->local.name, sizeof(family->local.name), "local");
    family->local_known = true;
    family_send_dischargers(family);
    return child_on_ready(channel, context, message);
}

static const struct channel_handler proxy_handlers[] = {
    {MESSAGE_PROXY_READY, child_on_ready},
    {0, NULL},
};

static const struct channel_handler authority_handlers[] = {
    {MESSAGE_AUTHORITY_READY, child_on_ready},
    {MESSAGE_PEER_FAULT, authority_on_peer_fault},
    {MESSAGE_RELOAD_ASK, authority_on_reload},
    {0, NULL},
};

static const struct channel_handler discharger_handlers[] = {
    {MESSAGE_DISCHARGER_READY, discharger_on_ready},
    {MESSAGE_DISCHARGER_RELOAD_ASK, discharger_on_reload},
    {0, NULL},
};

/* ---- what they are ---- */

// Variables that the sanitizers need are passed on in such a build alone.
#ifdef KH_SANITIZE
#define KEEPS_ALWAYS "JOURNAL_STREAM", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", NULL
#else
#define KEEPS_ALWAYS "JOURNAL_STREAM", NULL
#endif
static const char *const keeper_keeps[] = {"CREDENTIALS_DIRECTORY", KEEPS_ALWAYS};
static const char *const proxy_keeps[] = {KEEPS_ALWAYS};

const struct family_role *
family_role(enum role role)
{
    static const struct family_role roles[FAMILY_ROLES] = {
        [ROLE_AUTHORITY] = {.program = "keyhole-authority",
                            .takes_directory = true,
                            .takes_passphrase = true,
                            .keep = keeper_keeps,
                            .handler = authority_handlers,
                            .stop = MESSAGE_AUTHORITY_STOP,
                            .introduce = family_introduce_authority},
        [ROLE_PROXY] = {.program = "keyhole-proxy",
                        .takes_index = true,
                        .keep = proxy_keeps,
                        .handler = proxy_handlers,
                        .stop = MESSAGE_PROXY_DRAIN,
                        .introduce = family_introduce_proxy},
        [ROLE_DISCHARGER] = {.program = "keyhole-discharger",
                             .takes_directory = true,
                             .keep = keeper_keeps,
                             .handler = discharger_handlers,
                             .stop = MESSAGE_DISCHARGER_DRAIN,
                             .introduce = family_introduce_discharger},
    };
    return &roles[role];
}

/* ---- starting one ---- */

enum { ARGUMENTS_MAX = 12 };

struct arguments {
    const char *argv[ARGUMENTS_MAX + 1];
    char index[16], directory[PATH_MAX];
};

static void
arguments_fill(const struct family_child *child, bool with_passphrase, struct arguments *out)
{
    const struct family_role *role = family_role(child->role);
    size_t n = 0;
    out->argv[n++] = role->program;
    out->argv[n++] = "--channel-fd";
    out->argv[n++] = "3"; // SPAWN_CHANNEL_FD
    if (role->takes_index) {
        (void)snprintf(out->index, sizeof(out->index), "%u", child->index);
        out->argv[n++] = "--index";
        out->argv[n++] = out->index;
    }
    if (role->takes_directory) {
        (void)snprintf(out->directory, sizeof(out->directory), "%.*s%s", PATH_MAX - 16,
                       child->family->directory,
                       child->role == ROLE_DISCHARGER ? "/discharger" : "");
        out->argv[n++] = "--dir";
        out->argv[n++] = out->directory;
    }
    if (with_passphrase) {
        out->argv[n++] = "--passphrase-fd";
        out->argv[n++] = "4"; // SPAWN_EXTRA_FD
    }
    out->argv[n++] = "--metrics-fd";
    out->argv[n++] = "5"; // SPAWN_METRICS_FD
    if (log_journal() >= 0) {
        out->argv[n++] = "--journal-fd";
        out->argv[n++] = "6"; // SPAWN_JOURNAL_FD
    }
    out->argv[n] = NULL;
}

static enum kh_err
child_exec(struct family_child *child, int channel_fd, struct fault *fault)
{
    const struct family *family = child->family;
    const struct family_role *role = family_role(child->role);
    struct arguments arguments;
    struct spawn spawn = {
        .program = family->program[child->role],
        .argv = arguments.argv,
        .keep = role->keep,
        .channel_fd = channel_fd,
        .extra_fd = -1,
        .metrics_fd = child->page_fd,
        .journal_fd = log_journal(),
        .null_fd = family->null_fd,
    };
    enum kh_err err = KH_OK;
    if (role->takes_passphrase)
        err = secret_pipe(family->passphrase, &spawn.extra_fd, fault);
    arguments_fill(child, spawn.extra_fd >= 0, &arguments);
    if (err == KH_OK)
        err = spawn_child(&spawn, &child->pid, fault);
    if (spawn.extra_fd >= 0)
        close(spawn.extra_fd);
    return err;
}

static void
child_on_closed(struct channel *channel, void *context, const char *why)
{
    (void)channel;
    struct family_child *child = context;
    channel_free(&child->channel);
    log_debug("child-channel", "the channel of %s is closed: %s", child->name, why);
    // A process that ends closes its channel first; how it ended, its status will say.
    if (bytes_ends(bytes_str(why), BYTES("closed the channel"))) {
        family_step(child, CHILD_CLOSED);
    } else {
        family_set_fault(child, why);
        family_step(child, CHILD_FAULT);
    }
}

enum kh_err
family_spawn(struct family_child *child, struct fault *fault)
{
    int ends[2];
    enum kh_err err = channel_pair(ends, fault);
    if (err != KH_OK)
        return err;
    struct channel_options options = {
        .base = child->family->base,
        .self = ROLE_SUPERVISOR,
        .peer = child->role,
        .handler = family_role(child->role)->handler,
        .context = child,
        .closed = child_on_closed,
    };
    err = channel_new(ends[0], &options, &child->channel, fault);
    if (err == KH_OK)
        err = child_exec(child, ends[1], fault);
    close(ends[1]);
    if (err != KH_OK)
        channel_free(&child->channel);
    return err;
}
