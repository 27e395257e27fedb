/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/config_read.c broker/config_value.c broker/config_schema.c broker/config_listen.c
 * broker/config_gateway.c broker/config_dns.c broker/config_discharger.c
 * broker/config_pass_through.c
 *
 * A configuration is read whole or not at all: what is refused leaves the old one as it was, with
 * the file, and the line where there is one, in the reason. What is read is read the same again,
 * each setting is within the limits of its row (schema/config.def), and no listener is plain on an
 * address that is not loopback unless the file says `insecure`.
 *
 * Input: keyholed.yaml.
 */

#include "../../../broker/config.h"
#include "../fuzz.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD "old.example"

static void
check_settings(const struct config *config)
{
#define KH_SETTING(field, group, key, type, default_, minimum, maximum, reload, description)       \
    FUZZ_CHECK(config->field >= (minimum) && config->field <= (maximum));
#include "../../../schema/config.def"
}

static void
check_listener(const struct config_listener *listener)
{
    struct bytes address = bytes_str(listener->address);
    FUZZ_CHECK(bytes_index(address, ':') < address.n);
    FUZZ_CHECK(!listener->tls || !listener->insecure || listener->address);
    FUZZ_CHECK((listener->certificate == NULL) == (listener->key == NULL));
    if (listener->tls || listener->insecure || listener->transparent)
        return;
    FUZZ_CHECK(bytes_starts(address, BYTES("127.")) || bytes_starts(address, BYTES("[::1]:")) ||
               bytes_starts(address, BYTES("localhost:")) ||
               bytes_starts(address, BYTES("[::ffff:127.")));
}

static void
check(const struct config *config)
{
    check_settings(config);
    for (size_t i = 0; i < config->listener_count; i++)
        check_listener(&config->listener[i]);
    for (size_t i = 0; i < config->discharger.listener_count; i++) {
        check_listener(&config->discharger.listener[i]);
        FUZZ_CHECK(!config->discharger.listener[i].insecure);
    }
    for (size_t i = 0; i < config->gateway_count; i++) {
        const struct config_gateway *gateway = &config->gateway[i];
        FUZZ_CHECK((gateway->socket == NULL) != (gateway->listener.address == NULL));
        // Whoever asks has a way to prove that it is a gateway.
        if (gateway->socket)
            FUZZ_CHECK(gateway->socket[0] == '/' && (gateway->group || gateway->user_count > 0));
        else
            check_listener(&gateway->listener);
    }
    for (size_t i = 0; i < config->pass_through_count; i++)
        FUZZ_CHECK(config->pass_through[i].host && config->pass_through[i].route.n > 0);
}

static enum kh_err
read_file(const char *path, struct config *config, struct fault *fault)
{
    *fault = (struct fault){0};
    return config_read(path, config, fault);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config = {0}, again = {0};
    struct fault fault, same;
    char path[64];
    BUFFER_AUTO differs = {0};

    if (size > 65536)
        return 0;
    int fd = memfd_create("keyholed.yaml", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && fchmod(fd, 0600) == 0);
    FUZZ_CHECK(write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    config_init(&config);
    config_init(&again);
    char *name = strdup(OLD);
    config.name = malloc(sizeof *config.name);
    FUZZ_CHECK(name && config.name);
    config.name[0] = name;
    config.name_count = 1;
    enum kh_err err = read_file(path, &config, &fault);
    FUZZ_CHECK(read_file(path, &again, &same) == err);
    if (err) {
        FUZZ_CHECK(config.name_count == 1 && strcmp(config.name[0], OLD) == 0);
        FUZZ_CHECK(bytes_starts(bytes_str(fault.detail), bytes_str(path)));
        FUZZ_CHECK(strcmp(fault.detail, same.detail) == 0);
        FUZZ_CHECK(bytes_is_utf8(bytes_str(fault.detail)));
    } else {
        buffer_init(&differs, 4096);
        config_restart_needed(&config, &again, &differs);
        FUZZ_CHECK(differs.n == 0 && config.name_count == again.name_count);
        check(&config);
    }
    config_free(&config);
    config_free(&again);
    close(fd);
    return 0;
}
