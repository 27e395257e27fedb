/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole-proxy: faces clients and upstreams, and holds no secret for longer than a request. It is
 * started by keyholed with a channel, and is of no use by itself.
 */
#include "../metrics.h"
#include "../openssl_memory.h"
#include "../sandbox.h"
#include "proxy.h"

#include <getopt.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MEMORY_ALONE = 1 << 20, // a block that is given back by itself
    MEMORY_KEPT = 2 << 20,  // free memory that is not given back
    // Every handshake that runs has a small key there, and OpenSSL does without no place for it.
    SECURE_HEAP = 2 << 20,
    SECURE_HEAP_MIN = 32,
};

static bool
parse_number(const char *text, int maximum, int *out)
{
    uint64_t value;
    if (!bytes_to_u64(bytes_str(text), &value) || value > (uint64_t)maximum)
        return false;
    *out = (int)value;
    return true;
}

static bool
parse_options(int argc, char **argv, int *channel_fd, int *index, int *metrics_fd, int *journal_fd)
{
    static const struct option options[] = {
        {"channel-fd", required_argument, NULL, 'c'},
        {"index", required_argument, NULL, 'i'},
        {"metrics-fd", required_argument, NULL, 'm'},
        {"journal-fd", required_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    int option;
    *channel_fd = *index = *metrics_fd = *journal_fd = -1;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        bool good = (option == 'c' && parse_number(optarg, 65535, channel_fd)) ||
                    (option == 'i' && parse_number(optarg, 65535, index)) ||
                    (option == 'm' && parse_number(optarg, 65535, metrics_fd)) ||
                    (option == 'j' && parse_number(optarg, 65535, journal_fd));
        if (!good)
            return false;
    }
    return optind == argc && *channel_fd >= 0 && *index >= 0;
}

static struct event_base *
make_base(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    // Other threads wake the loop by a descriptor, so it needs no locks.
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

// The buffers of a long answer come and go with it. Were they given back to the system each time,
// every page of them would be a fault and a page of zeros: 4 % of an answer of 1 MiB.
static void
keep_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, MEMORY_ALONE);
    (void)mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT);
}

static int
serve(struct event_base *base, int channel_fd, const char *log_name)
{
    struct fault fault = {0};
    struct proxy *proxy = NULL;
    enum kh_err r = proxy_new(base, channel_fd, &proxy, &fault);
    if (r == KH_OK)
        proxy->log_name = log_name;
    // Before there are threads, which inherit the filter.
    if (r == KH_OK)
        r = sandbox_enter(ROLE_PROXY, NULL, &fault);
    if (r == KH_OK)
        r = proxy_start(proxy, &fault);
    if (r != KH_OK) {
        log_error("start-failed", "%s", fault.detail);
        proxy_free(&proxy);
        return EXIT_FAILURE;
    }
    r = proxy_run(proxy);
    proxy_free(&proxy);
    return r == KH_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    int channel_fd, index, metrics_fd, journal_fd;
    char name[32];
    struct fault fault = {0};
    sandbox_harden();
    keep_memory();
    openssl_memory_init();
    // Keys of listeners and of leaves are in OpenSSL's hands: its own locked pages.
    (void)CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_HEAP_MIN);
    if (!parse_options(argc, argv, &channel_fd, &index, &metrics_fd, &journal_fd)) {
        fputs("usage: keyhole-proxy --channel-fd N --index I (started by keyholed)\n", stderr);
        return 2;
    }
    snprintf(name, sizeof name, "proxy %d", index);
    log_use_journal(journal_fd);
    log_init(name, LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    signal(SIGPIPE, SIG_IGN);
    if (metrics_fd >= 0 && metrics_attach(metrics_fd, &fault) != KH_OK)
        log_warning("metrics", "%s", fault.detail);
    struct event_base *base = make_base();
    if (!base) {
        log_error("start-failed", "no event base");
        return EXIT_FAILURE;
    }
    int status = serve(base, channel_fd, name);
    event_base_free(base);
    libevent_global_shutdown();
    return status;
}
