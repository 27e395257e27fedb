/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a running broker: read at the start, and again on SIGHUP. */
#include "internal.h"

#include "../log.h"
#include "../metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kh_err
supervisor_read_config(const char *directory, const char *path, struct config *config, char *used,
                       struct fault *fault)
{
    used[0] = '\0';
    char standard[PATH_MAX], real[PATH_MAX];
    if (path == NULL) {
        if (snprintf(standard, sizeof(standard), "%s/keyholed.yaml", directory) >= PATH_MAX)
            return fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
        // A file that is there and cannot be read is an error; only one that is not there is none.
        if (access(standard, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
            return KH_OK;
        // A packaged one is a link to /etc, and files in it are named from there.
        path = realpath(standard, real) != NULL ? real : standard;
    }
    if (snprintf(used, PATH_MAX, "%s", path) >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the configuration file's name is too long");
    return config_read(path, config, fault);
}

static void
config_listeners_clear(struct config *config)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        free(config->listener[i].address);
        free(config->listener[i].certificate);
        free(config->listener[i].key);
    }
    free(config->listener);
    config->listener = NULL;
    config->listener_count = 0;
}

static enum kh_err
config_listeners_replace(struct config *config, const char *const *address, size_t count,
                         struct fault *fault)
{
    struct config_listener *listener = calloc(count, sizeof(*listener));
    if (listener == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for the listeners");
    config_listeners_clear(config);
    config->listener = listener;
    for (; config->listener_count < count; config->listener_count++) {
        size_t i = config->listener_count;
        if ((listener[i].address = strdup(address[i])) == NULL)
            return fault_set(fault, KH_ERR_MEMORY, "no memory for the listeners");
    }
    return KH_OK;
}

enum kh_err
supervisor_effective_config(const struct supervisor_options *options, struct config *config,
                            char *used, struct fault *fault)
{
    enum kh_err err =
        supervisor_read_config(options->directory, options->config_path, config, used, fault);
    if (err == KH_OK && options->listen_count > 0)
        err = config_listeners_replace(config, options->listen, options->listen_count, fault);
    return err == KH_OK ? discharger_apply_options(options, config, fault) : err;
}

/* ---- what changed ---- */

static bool
text_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
listener_same(const struct config_listener *a, const struct config_listener *b)
{
    return text_same(a->address, b->address) && a->tls == b->tls &&
           a->transparent == b->transparent && text_same(a->certificate, b->certificate) &&
           text_same(a->key, b->key);
}

void
reload_match(const struct listener *served, size_t served_count,
             const struct config_listener *wanted, size_t wanted_count, bool *kept, bool *found)
{
    for (size_t i = 0; i < served_count; i++)
        kept[i] = served[i].local || served[i].gateway.only || served[i].metrics || served[i].dns;
    for (size_t i = 0; i < wanted_count; i++) {
        found[i] = false;
        for (size_t j = 0; j < served_count && !found[i]; j++)
            if (!kept[j] && listener_same(&served[j].config, &wanted[i]))
                found[i] = kept[j] = true;
    }
}

static bool
address_is_served(const struct supervisor *supervisor, const char *address)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || strcmp(colon, ":0") == 0)
        return false;
    for (size_t i = 0; i < supervisor->listener_count; i++)
        if (supervisor->listener[i].dns != LISTENER_DNS_UDP &&
            text_same(supervisor->listener[i].config.address, address))
            return true;
    return false;
}

static void
put_line(struct buffer *report, const char *name, const char *old, const char *new,
         const char *outcome)
{
    buffer_printf(report, "%s\t%s\t%s\t%s\n", name, old, new, outcome);
}

// An address that is served already, in another way, waits for the restart that was asked for.
static size_t
reload_add_listeners(struct supervisor *supervisor, const struct config *new, const bool *found,
                     bool look, struct buffer *report)
{
    size_t added = 0;
    for (size_t i = 0; i < new->listener_count; i++) {
        const struct config_listener *wanted = &new->listener[i];
        struct listener made;
        struct fault fault = {0};
        if (found[i] || address_is_served(supervisor, wanted->address))
            continue;
        if (!look && (listener_open_tcp(wanted, &made, &fault) != KH_OK ||
                      supervisor_add_listener(supervisor, &made, &fault) != KH_OK)) {
            log_error("reload", "%s", fault.detail);
            buffer_printf(report, "listen\t\t%s\tfailed: %s\n", wanted->address, fault.detail);
            continue;
        }
        added += !look;
        put_line(report, "listen", "", wanted->address, "applied");
    }
    return added;
}

static void
reload_tell_gone(const char *name, bool look, struct buffer *report)
{
    put_line(report, "listen", name, "", "restart");
    if (!look)
        log_warning("restart-needed",
                    "the listener %s is gone from the configuration or changed in it, and "
                    "serves as before until the next start",
                    name);
}

static size_t
reload_listeners(struct supervisor *supervisor, const struct config *new, bool look,
                 struct buffer *report)
{
    if (supervisor->options->discharger_alone)
        return 0; // those are a broker's, and nobody here would serve them
    size_t served = supervisor->listener_count, added = 0;
    bool *kept = calloc(served + 1, sizeof(*kept));
    bool *found = calloc(new->listener_count + 1, sizeof(*found));
    if (kept == NULL || found == NULL) {
        log_error("reload", "no memory to compare the listeners; they stay as they were");
    } else {
        reload_match(supervisor->listener, served, new->listener, new->listener_count, kept, found);
        for (size_t i = 0; i < served; i++)
            if (!kept[i])
                reload_tell_gone(supervisor->listener[i].name, look, report);
        added = reload_add_listeners(supervisor, new, found, look, report);
    }
    free(kept);
    free(found);
    return added;
}

static void
report_change(void *context, const struct config_change *change)
{
    put_line(context, change->name, change->old, change->new,
             change->restart ? "restart" : "applied");
}

static void
reload_log(const struct config *old, const struct config *new)
{
    struct buffer settings;
    buffer_init(&settings, 4096);
    config_restart_needed(old, new, &settings);
    if (settings.n > 0)
        log_warning("restart-needed", "these settings change with the next start: %s",
                    buffer_text(&settings));
    buffer_free(&settings);
}

// Settings that need a restart stay as they are in effect, so that the next reload names them
// again.
static void
reload_keep(const struct config *old, struct config *new)
{
#define KEEP_RELOAD(field)
#define KEEP_RESTART(field) new->field = old->field;
#define KH_SETTING(field, group, key, type, default_, minimum, maximum, reload, description)       \
    KEEP_##reload(field)
#include "../../schema/config.def"
#undef KEEP_RELOAD
#undef KEEP_RESTART
}

// The same for where the discharger is; what it may accept is new.
static void
reload_keep_discharger(struct config *old, struct config *new)
{
    const struct discharger_settings settings = new->discharger.settings;
    struct config_discharger swapped = new->discharger;
    new->discharger = old->discharger;
    new->discharger.settings = settings;
    old->discharger = swapped;
}

// And for the sockets that are opened at the start alone. What is not kept is freed with `old`.
#define SWAP(a, b)                                                                                 \
    do {                                                                                           \
        __typeof__(a) swapped = (a);                                                               \
        (a) = (b);                                                                                 \
        (b) = swapped;                                                                             \
    } while (0)

static void
reload_keep_sockets(struct config *old, struct config *new)
{
    SWAP(old->gateway, new->gateway);
    SWAP(old->gateway_count, new->gateway_count);
    SWAP(old->metrics, new->metrics);
    SWAP(old->metrics_count, new->metrics_count);
    SWAP(old->dns, new->dns);
    SWAP(old->dns_count, new->dns_count);
}

static void
note_failed_reload(const struct fault *fault)
{
    log_error("reload-failed", "the configuration stays as it was: %s", fault->detail);
    metrics_set(METRIC_RELOAD_GOOD, 0);
    metrics_cell_add(&metrics_own->reloads[0], 1);
}

void
supervisor_note_config(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    metrics_set(METRIC_RELOAD_GOOD, 1);
    metrics_set(METRIC_RELOAD_TIME, (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

static void
reload_apply(struct supervisor *supervisor, struct config *new, struct buffer *report)
{
    reload_log(&supervisor->config, new);
    size_t added = reload_listeners(supervisor, new, false, report);
    config_diff(&supervisor->config, new, report_change, report);
    reload_keep(&supervisor->config, new);
    reload_keep_discharger(&supervisor->config, new);
    reload_keep_sockets(&supervisor->config, new);
    log_set_level((enum log_level) new->log_level);
    config_free(&supervisor->config);
    supervisor->config = *new;
    family_send_config(&supervisor->family);
    family_set_listeners(&supervisor->family, supervisor->listener, supervisor->listener_count,
                         added);
    if (added > 0)
        supervisor_keep_listeners(supervisor);
    supervisor_note_config();
    metrics_cell_add(&metrics_own->reloads[1], 1);
    log_info("reloaded", "%s",
             supervisor->config_path[0] != '\0' ? supervisor->config_path : "the defaults");
}

void
supervisor_reload(struct supervisor *supervisor, bool look, struct buffer *report)
{
    struct fault fault = {0};
    struct config new;
    char used[PATH_MAX];
    const char *status = "serving";
    if (!look)
        notify_reloading(&supervisor->notify);
    config_init(&new);
    if (supervisor_effective_config(supervisor->options, &new, used, &fault) != KH_OK) {
        if (!look)
            note_failed_reload(&fault);
        buffer_printf(report, "failed\n%s; the configuration stays as it was", fault.detail);
        config_free(&new);
        status = "serving; the last reload failed";
    } else {
        buffer_printf(report, "ok\n%s\n", used);
        memcpy(supervisor->config_path, used, sizeof(used));
        if (look) {
            (void)reload_listeners(supervisor, &new, true, report);
            config_diff(&supervisor->config, &new, report_change, report);
            config_free(&new);
        } else {
            reload_apply(supervisor, &new, report);
        }
    }
    if (!look)
        notify_ready(&supervisor->notify, status);
}
