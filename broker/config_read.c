/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed.yaml, whole or not at all. */
#include "config_internal.h"

#include "read_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

/* ---- the file ---- */

static enum kh_err
file_check(const char *path, int fd, struct fault *fault)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return fault_set(fault, KH_ERR_CONFIG, "%s: expected a file", path);
    // Whoever can write the configuration decides which certificate and which listener is used.
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return fault_set(fault, KH_ERR_PERMISSION,
                         "%s: its group or others may write to it (mode %04o); expected 0644 or "
                         "stricter",
                         path, (unsigned)(status.st_mode & 07777));
    return KH_OK;
}

static enum kh_err
file_read(const char *path, struct buffer *out, struct fault *fault)
{
    // Not blocking, for a named pipe at this place.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fault_set(fault, errno == ENOENT ? KH_ERR_NOT_FOUND : KH_ERR_IO, "%s: %s", path,
                         strerror(errno));
    enum kh_err err = file_check(path, fd, fault);
    if (err == KH_OK)
        err = read_all(fd, out);
    if (err == KH_ERR_TOO_LONG)
        fault_set(fault, err, "%s: longer than %d bytes", path, FILE_MAX);
    if (err == KH_ERR_IO)
        fault_set(fault, err, "%s: %s", path, strerror(errno));
    close(fd);
    return err;
}

/* ---- values ---- */

static enum kh_err
setting_fault(struct yaml_text *document, const struct config_setting *setting, const char *text,
              enum kh_err why, struct fault *fault)
{
    BUFFER_AUTO name, expected;
    buffer_init(&name, 128);
    buffer_init(&expected, 256);
    config_setting_name(setting, &name);
    if (why == KH_ERR_TYPE) {
        config_type_describe(setting->type, &expected);
    } else {
        config_value_print(setting->type, setting->minimum, &expected);
        buffer_put_str(&expected, " to ");
        config_value_print(setting->type, setting->maximum, &expected);
    }
    bool grouped = setting->group[0] != '\0';
    size_t line = yaml_text_line(document, "%s%s%s", grouped ? setting->group : "",
                                 grouped ? "." : "", setting->key);
    return yaml_text_fault(document, line, fault, "%s: expected %s, found \"%.60s\"",
                           buffer_text(&name), buffer_text(&expected), text);
}

static enum kh_err
settings_read(struct yaml_text *document, const struct config_schema *schema,
              const struct config_raw *raw, struct config *config, struct fault *fault)
{
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        const struct config_setting *setting = &config_setting[i];
        const char *text = config_raw_value(schema, raw, setting);
        int64_t value;
        if (text == NULL)
            continue;
        enum kh_err err = config_value_parse(setting->type, bytes_str(text), &value);
        if (err == KH_OK && (value < setting->minimum || value > setting->maximum))
            err = KH_ERR_RANGE;
        if (err != KH_OK)
            return setting_fault(document, setting, text, err, fault);
        config_set(config, setting, value);
    }
    return KH_OK;
}

static enum kh_err
raw_read(struct yaml_text *document, const struct config_schema *schema,
         const struct config_raw *raw, struct config *config, struct fault *fault)
{
    enum kh_err err = settings_read(document, schema, raw, config, fault);
    if (err == KH_OK && yaml_text_has(document, "listen"))
        err = config_listeners_read(document, raw, config, fault);
    if (err == KH_OK && yaml_text_has(document, "names"))
        err = config_names_read(document, raw, config, fault);
    if (err == KH_OK && yaml_text_has(document, "gateway"))
        err = config_gateways_read(document, raw, config, fault);
    if (err == KH_OK && yaml_text_has(document, "metrics"))
        err = config_metrics_read(document, raw, config, fault);
    if (err == KH_OK && yaml_text_has(document, "dns"))
        err = config_dns_read(document, raw, config, fault);
    if (err == KH_OK && yaml_text_has(document, "pass-through"))
        err = config_pass_through_read(document, raw, config, fault);
    return err == KH_OK ? config_dischargers_read(document, raw, config, fault) : err;
}

static enum kh_err
document_read(struct yaml_text *document, struct bytes text, struct config *config,
              struct fault *fault)
{
    struct config_schema schema;
    void *raw = NULL;
    if (yaml_text_is_empty(document)) // every default
        return KH_OK;
    config_schema_init(&schema);
    enum kh_err err = yaml_text_read(document, text, &schema.root, &raw, fault);
    if (err != KH_OK)
        return err;
    // cyaml gives nothing at all for a mapping in which nothing is set, as "listen: []".
    const struct config_raw nothing = {0};
    err = raw_read(document, &schema, raw != NULL ? raw : &nothing, config, fault);
    yaml_text_release(&schema.root, raw);
    return err;
}

enum kh_err
config_read(const char *path, struct config *config, struct fault *fault)
{
    BUFFER_AUTO text;
    struct yaml_text document;
    struct config fresh;
    buffer_init(&text, FILE_MAX + READ_ALL_STEP);
    enum kh_err err = file_read(path, &text, fault);
    if (err == KH_OK)
        err = yaml_text_load(path, buffer_bytes(&text), &document, fault);
    if (err != KH_OK)
        return err;
    document.words = (struct yaml_text_words){"setting", "a group of settings"};
    config_init(&fresh);
    err = document_read(&document, buffer_bytes(&text), &fresh, fault);
    yaml_text_free(&document);
    if (err != KH_OK) {
        config_free(&fresh);
        return err;
    }
    config_free(config);
    *config = fresh;
    return KH_OK;
}
