/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed.yaml, whole or not at all. */
#include "config_internal.h"

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
file_read_open(const char *path, int fd, struct buffer *out, struct fault *fault)
{
    for (;;) {
        uint8_t *p = buffer_reserve(out, 4096);
        if (p == NULL)
            return fault_set(fault, KH_ERR_TOO_LONG, "%s: longer than %d bytes", path, FILE_MAX);
        ssize_t n = read(fd, p, 4096);
        if (n == 0)
            return KH_OK;
        if (n < 0 && errno != EINTR)
            return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
        buffer_advance(out, n > 0 ? (size_t)n : 0);
    }
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
        err = file_read_open(path, fd, out, fault);
    close(fd);
    return err;
}

/* ---- what cyaml says ---- */

struct cyaml_report {
    char first[200]; // its first complaint, for what config_document_explain does not find
    size_t line;     // near which it was
};

static void
cyaml_report_log(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    struct cyaml_report *report = context;
    char text[sizeof(report->first)];
    (void)level;
    (void)vsnprintf(text, sizeof(text), format, arguments);
    text[strcspn(text, "\n")] = '\0';
    const char *line = strstr(text, "(line: ");
    if (line != NULL && report->line == 0)
        (void)sscanf(line, "(line: %zu", &report->line);
    const char *backtrace = strstr(text, "Backtrace");
    if (report->first[0] == '\0' && line == NULL && backtrace == NULL)
        memcpy(report->first, text, sizeof(text));
}

static enum kh_err
raw_load(struct config_document *document, struct bytes text, const struct config_schema *schema,
         const cyaml_config_t *cyaml, struct config_raw **out, struct fault *fault)
{
    struct cyaml_report *report = cyaml->log_ctx;
    cyaml_data_t *data = NULL;
    cyaml_err_t err = cyaml_load_data(text.p != NULL ? text.p : (const uint8_t *)"", text.n, cyaml,
                                      &schema->root, &data, NULL);
    if (err == CYAML_OK) {
        *out = data;
        return KH_OK;
    }
    if (err == CYAML_ERR_ALIAS)
        return config_fault(document, report->line > 0 ? report->line : 1, fault,
                            "aliases are not taken: write the value out");
    if (!config_document_explain(document, &schema->root, fault))
        return config_fault(document, report->line > 0 ? report->line : 1, fault, "%s",
                            report->first[0] != '\0' ? report->first : cyaml_strerror(err));
    return KH_ERR_CONFIG;
}

/* ---- values ---- */

static enum kh_err
setting_fault(struct config_document *document, const struct config_setting *setting,
              const char *text, enum kh_err why, struct fault *fault)
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
    size_t line = config_document_line(document, grouped ? setting->group : setting->key, -1,
                                       grouped ? setting->key : NULL);
    return config_fault(document, line, fault, "%s: expected %s, found \"%.60s\"",
                        buffer_text(&name), buffer_text(&expected), text);
}

static enum kh_err
settings_read(struct config_document *document, const struct config_schema *schema,
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
raw_read(struct config_document *document, const struct config_schema *schema,
         const struct config_raw *raw, struct config *config, struct fault *fault)
{
    enum kh_err err = settings_read(document, schema, raw, config, fault);
    if (err == KH_OK && config_document_has(document, "listen"))
        err = config_listeners_read(document, raw, config, fault);
    if (err == KH_OK && config_document_has(document, "names"))
        err = config_names_read(document, raw, config, fault);
    return err;
}

static enum kh_err
document_read(struct config_document *document, struct bytes text, struct config *config,
              struct fault *fault)
{
    struct config_schema schema;
    struct cyaml_report report = {0};
    struct config_raw *raw = NULL;
    const cyaml_config_t cyaml = {
        .log_fn = cyaml_report_log,
        .log_ctx = &report,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_NO_ALIAS,
    };
    if (config_document_is_empty(document)) // every default
        return KH_OK;
    config_schema_init(&schema);
    enum kh_err err = raw_load(document, text, &schema, &cyaml, &raw, fault);
    if (err != KH_OK)
        return err;
    // cyaml gives nothing at all for a mapping in which nothing is set, as "listen: []".
    const struct config_raw nothing = {0};
    err = raw_read(document, &schema, raw != NULL ? raw : &nothing, config, fault);
    if (raw != NULL)
        (void)cyaml_free(&cyaml, &schema.root, raw, 0);
    return err;
}

enum kh_err
config_read(const char *path, struct config *config, struct fault *fault)
{
    BUFFER_AUTO text;
    struct config_document document;
    struct config fresh;
    buffer_init(&text, FILE_MAX);
    enum kh_err err = file_read(path, &text, fault);
    if (err == KH_OK)
        err = config_document_load(path, buffer_bytes(&text), &document, fault);
    if (err != KH_OK)
        return err;
    config_init(&fresh);
    err = document_read(&document, buffer_bytes(&text), &fresh, fault);
    config_document_free(&document);
    if (err != KH_OK) {
        config_free(&fresh);
        return err;
    }
    config_free(config);
    *config = fresh;
    return KH_OK;
}
