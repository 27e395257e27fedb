/* SPDX-License-Identifier: Apache-2.0
 *
 * What has to be there before a program runs: its files, its way out, its environment.
 */
#include "command_run.h"
#include "run.h"

#include "../caveats/path.h"
#include "bundle.h"
#include "files.h"
#include "run_room.h"
#include "run_variables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WGETRC_MAX = 1 << 20 };

/* ---- the hosts of this run ---- */

static enum kh_err
hosts_put(struct buffer *hosts, const char *text, struct fault *fault)
{
    BUFFER_AUTO canonical;
    buffer_init(&canonical, 512);
    struct bytes host = bytes_str(text);
    bool wild = bytes_starts(host, BYTES("*."));
    buffer_put_str(&canonical, wild ? "*." : "");
    if (host_canonical(bytes_from(host, wild ? 2 : 0), &canonical) != KH_OK || canonical.failed ||
        !host_pattern_check(buffer_bytes(&canonical)))
        return fault_set(fault, KH_ERR_USAGE, "--allow-host %.100s: that is no host, nor *.HOST",
                         text);
    if (hosts->n > 0)
        buffer_put_byte(hosts, ' ');
    buffer_put(hosts, buffer_bytes(&canonical));
    return hosts->failed ? fault_set(fault, KH_ERR_USAGE, "--allow-host: too many hosts") : KH_OK;
}

// Beside what is allowed by name, what the tokens are for: --host is there to narrow that.
static enum kh_err
prepare_hosts(struct run *run, struct fault *fault)
{
    const struct run_setup *setup = run->setup;
    enum kh_err err = KH_OK;
    for (size_t i = 0; err == KH_OK && i < setup->options->given_count; i++)
        if (setup->options->given[i].id == RUN_OPTION_ALLOW_HOST)
            err = hosts_put(&run->hosts, setup->options->given[i].value, fault);
    if (run->hosts.n == 0)
        return err;
    for (size_t i = 0; i < setup->tokens.count; i++)
        for (size_t j = 0; j < setup->environment[i].count; j++) {
            const struct environment_credential *c = &setup->environment[i].credential[j];
            for (size_t k = 0; err == KH_OK && k < c->host_count; k++)
                err = run_tokens_find(&setup->tokens, c->name) != NULL
                          ? hosts_put(&run->hosts, c->host[k], fault)
                          : KH_OK;
        }
    return err;
}

/* ---- files ---- */

// Debian's wget is linked with GnuTLS, and no variable says what it is to trust. The file takes the
// place of the user's own, which is read as well.
static enum kh_err
prepare_wgetrc(struct run *run, struct fault *fault)
{
    const char *own = cli_environment("WGETRC"), *home = cli_environment("HOME");
    char path[4096];
    BUFFER_AUTO text;
    buffer_init(&text, WGETRC_MAX);
    if (own == NULL && home != NULL &&
        snprintf(path, sizeof path, "%s/.wgetrc", home) < (int)sizeof path)
        own = path;
    if (own != NULL && files_read(own, &text, NULL) != KH_OK)
        buffer_clear(&text);
    buffer_printf(&text, "\nca_certificate = %s\n", run->bundle);
    return run_directory_write(&run->directory, "wgetrc", buffer_bytes(&text), run->wgetrc, fault);
}

// PHP's cURL has what it is to trust from its settings alone.
static enum kh_err
prepare_php_ini(struct run *run, struct fault *fault)
{
    char path[RUN_DIRECTORY_PATH_MAX];
    BUFFER_AUTO text;
    buffer_init(&text, 2 * RUN_DIRECTORY_PATH_MAX + 64);
    buffer_printf(&text, "curl.cainfo = \"%s\"\nopenssl.cafile = \"%s\"\n", run->bundle,
                  run->bundle);
    return run_directory_write(&run->directory, "php.ini", buffer_bytes(&text), path, fault);
}

static enum kh_err
prepare_files(struct run *run, struct fault *fault)
{
    BUFFER_AUTO ca, bundle;
    buffer_init(&ca, BUNDLE_MAX);
    buffer_init(&bundle, BUNDLE_MAX);
    bundle_put(bytes_str(run->setup->environment[0].ca), &ca);
    enum kh_err err = bundle_make(buffer_bytes(&ca), &bundle, fault);
    if (err == KH_OK)
        err = run_directory_make(&run->directory, fault);
    if (err == KH_OK)
        err = run_directory_write(&run->directory, "ca.pem", buffer_bytes(&ca), run->ca, fault);
    if (err == KH_OK)
        err = run_directory_write(&run->directory, "bundle.pem", buffer_bytes(&bundle), run->bundle,
                                  fault);
    if (err == KH_OK)
        err = prepare_wgetrc(run, fault);
    return err == KH_OK ? prepare_php_ini(run, fault) : err;
}

/* ---- the way out ---- */

static int
prepare_listen(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &(socklen_t){sizeof address}) != 0) {
        close(fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static enum kh_err
prepare_relay(struct run *run, uint16_t *port, struct fault *fault)
{
    run->base = event_base_new();
    if (run->base == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    enum kh_err err =
        relay_new(run->base, &run->setup->broker, run->setup->ca_file, &run->relay, fault);
    if (err != KH_OK)
        return err;
    // Two descriptors for each connection; the program gets the limit that we were given.
    getrlimit(RLIMIT_NOFILE, &run->files_before);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = run->files_before.rlim_max,
                                              .rlim_max = run->files_before.rlim_max});
    if (options_has(run->setup->options, RUN_OPTION_ISOLATE))
        return KH_OK; // the room's sockets are all there is
    int fd = prepare_listen(port);
    if (fd < 0)
        return fault_set(fault, KH_ERR_IO, "no port of 127.0.0.1 can be listened on: %s",
                         strerror(errno));
    // Anybody on this machine reaches the port: hosts without a credential want a token here too.
    struct preface preface = {.require_token = true, .hosts = buffer_bytes(&run->hosts)};
    memcpy(preface.run, run->id, sizeof preface.run);
    return relay_listen(run->relay, fd, &preface, fault);
}

/* ---- the environment ---- */

static enum kh_err
prepare_environment(struct run *run, uint16_t port, struct fault *fault)
{
    char base[64];
    BUFFER_AUTO notes;
    buffer_init(&notes, 16384);
    bool isolated = options_has(run->setup->options, RUN_OPTION_ISOLATE);
    snprintf(base, sizeof base, "http://127.0.0.1:%u", isolated ? (unsigned)ROOM_PROXY_PORT : port);
    const struct run_place place = {
        .base = base,
        .proxy_token = !isolated, // nobody else reaches the room's port
        .ca = run->ca,
        .bundle = run->bundle,
        .wgetrc = run->wgetrc,
        .php_ini = run->directory.path,
        .clear_keys = options_has(run->setup->options, RUN_OPTION_CLEAR_KEYS),
    };
    enum kh_err err = run_variables_make(&run->setup->tokens, run->setup->environment, &place,
                                         environ, &run->variables, &notes, fault);
    if (err != KH_OK)
        return err;
    run_setup_say_notes(run->setup, &notes);
    run->environment = variables_apply(&run->variables, environ);
    return run->environment != NULL ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
}

enum kh_err
run_prepare(struct run *run, struct run_setup *setup, struct fault *fault)
{
    uint16_t port = 0;
    *run = (struct run){.setup = setup, .cli = setup->cli, .signal_fd = -1, .directory.fd = -1};
    randombytes_buf(run->id, sizeof run->id);
    run->id[0] |= 1; // zeros are no run
    buffer_init(&run->hosts, PREFACE_HOSTS_MAX);
    enum kh_err err = prepare_hosts(run, fault);
    if (err == KH_OK)
        err = prepare_files(run, fault);
    if (err == KH_OK)
        err = prepare_relay(run, &port, fault);
    if (err == KH_OK)
        err = prepare_environment(run, port, fault);
    return err;
}
