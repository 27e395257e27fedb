/* SPDX-License-Identifier: Apache-2.0 */
/* Loading by a schema, and why cyaml refused. */
#include "yaml_text.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 8 };

struct explanation {
    struct yaml_text *document;
    struct fault *fault;
};

static const char *
key_word(const struct explanation *why)
{
    return why->document->words.key != NULL ? why->document->words.key : "key";
}

static const char *
mapping_word(const struct explanation *why)
{
    return why->document->words.mapping != NULL ? why->document->words.mapping : "a mapping";
}

static bool explain_value(struct explanation *why, const yaml_node_t *node,
                          const cyaml_schema_value_t *schema, const char *name, unsigned depth);

static void
describe_keys(const cyaml_schema_field_t *field, struct buffer *out)
{
    for (size_t i = 0; field[i].key != NULL; i++)
        buffer_printf(out, "%s%s", i > 0 ? ", " : "", field[i].key);
}

// A key goes into the message as far as it is printable: it is the operator's own file.
static void
describe_text(struct bytes text, char out[64])
{
    size_t n = 0;
    for (size_t i = 0; i < text.n && n < 60; i++)
        out[n++] = text.p[i] >= 0x20 && text.p[i] < 0x7f ? (char)text.p[i] : '?';
    out[n] = '\0';
}

static const cyaml_schema_field_t *
explain_key(struct explanation *why, const yaml_node_t *key, const cyaml_schema_field_t *field,
            const char *name)
{
    char text[64];
    for (size_t i = 0; field[i].key != NULL; i++) {
        if (bytes_is(yaml_text_scalar(key), field[i].key))
            return &field[i];
    }
    BUFFER_AUTO keys;
    buffer_init(&keys, 1024);
    describe_keys(field, &keys);
    describe_text(yaml_text_scalar(key), text);
    (void)yaml_text_fault(why->document, yaml_text_node_line(key), why->fault,
                          "%s%sunknown %s \"%s\"; expected one of %s", name,
                          name[0] != '\0' ? ": " : "", key_word(why), text, buffer_text(&keys));
    return NULL;
}

static bool
explain_mapping(struct explanation *why, const yaml_node_t *node, const cyaml_schema_field_t *field,
                const char *name, unsigned depth)
{
    yaml_document_t *yaml = &why->document->yaml;
    uint64_t seen = 0;
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(yaml, pair->key);
        const cyaml_schema_field_t *found = explain_key(why, key, field, name);
        if (found == NULL)
            return true;
        uint64_t bit = UINT64_C(1) << ((size_t)(found - field) % 64);
        char child[160];
        (void)snprintf(child, sizeof(child), "%s%s%s", name, name[0] != '\0' ? "." : "",
                       found->key);
        if ((seen & bit) != 0) {
            (void)yaml_text_fault(why->document, yaml_text_node_line(key), why->fault,
                                  "%s: given a second time", child);
            return true;
        }
        seen |= bit;
        if (explain_value(why, yaml_document_get_node(yaml, pair->value), &found->value, child,
                          depth + 1))
            return true;
    }
    for (size_t i = 0; field[i].key != NULL; i++) {
        if ((field[i].value.flags & CYAML_FLAG_OPTIONAL) != 0 ||
            (seen & UINT64_C(1) << (i % 64)) != 0)
            continue;
        (void)yaml_text_fault(why->document, yaml_text_node_line(node), why->fault,
                              "%s%s%s is missing", name, name[0] != '\0' ? ": " : "", field[i].key);
        return true;
    }
    return false;
}

static bool
explain_sequence(struct explanation *why, const yaml_node_t *node,
                 const cyaml_schema_value_t *schema, const char *name, unsigned depth)
{
    const yaml_node_item_t *first = node->data.sequence.items.start;
    size_t count = (size_t)(node->data.sequence.items.top - first);
    if (count > schema->sequence.max) {
        (void)yaml_text_fault(why->document, yaml_text_node_line(node), why->fault,
                              "%s: expected at most %u items, found %zu", name,
                              schema->sequence.max, count);
        return true;
    }
    if (count < schema->sequence.min) {
        (void)yaml_text_fault(why->document, yaml_text_node_line(node), why->fault,
                              "%s: expected at least %u item%s, found %s", name,
                              schema->sequence.min, schema->sequence.min == 1 ? "" : "s",
                              count == 0 ? "none" : "fewer");
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        char child[160];
        (void)snprintf(child, sizeof(child), "%s[%zu]", name, i + 1);
        if (explain_value(why, yaml_document_get_node(&why->document->yaml, first[i]),
                          schema->sequence.entry, child, depth + 1))
            return true;
    }
    return false;
}

static bool
explain_type(struct explanation *why, const yaml_node_t *node, const char *name,
             const char *expected)
{
    const char *const found[] = {
        [YAML_NO_NODE] = "nothing",
        [YAML_SCALAR_NODE] = "a single value",
        [YAML_SEQUENCE_NODE] = "a list",
        [YAML_MAPPING_NODE] = mapping_word(why),
    };
    bool nothing = node->type == YAML_SCALAR_NODE && yaml_text_scalar(node).n == 0;
    (void)yaml_text_fault(why->document, yaml_text_node_line(node), why->fault,
                          "%s%sexpected %s, found %s", name, name[0] != '\0' ? ": " : "", expected,
                          nothing ? "nothing" : found[node->type]);
    return true;
}

static bool
explain_scalar(struct explanation *why, const yaml_node_t *node, const cyaml_schema_value_t *schema,
               const char *name)
{
    if (node->type != YAML_SCALAR_NODE)
        return explain_type(why, node, name, "a single value");
    if (node->data.scalar.length <= schema->string.max)
        return false;
    (void)yaml_text_fault(why->document, yaml_text_node_line(node), why->fault,
                          "%s: expected at most %u bytes, found %zu", name, schema->string.max,
                          node->data.scalar.length);
    return true;
}

static bool
explain_value(struct explanation *why, const yaml_node_t *node, const cyaml_schema_value_t *schema,
              const char *name, unsigned depth)
{
    if (node == NULL || depth > DEPTH_MAX)
        return false;
    if (schema->type == CYAML_IGNORE)
        return false;
    if (schema->type == CYAML_STRING)
        return explain_scalar(why, node, schema, name);
    if (schema->type == CYAML_SEQUENCE)
        return node->type == YAML_SEQUENCE_NODE ? explain_sequence(why, node, schema, name, depth)
                                                : explain_type(why, node, name, "a list");
    bool may_be_empty = (schema->flags & CYAML_FLAG_POINTER_NULL) == CYAML_FLAG_POINTER_NULL;
    if (may_be_empty && node->type == YAML_SCALAR_NODE && yaml_text_scalar(node).n == 0)
        return false;
    return node->type == YAML_MAPPING_NODE
               ? explain_mapping(why, node, schema->mapping.fields, name, depth)
               : explain_type(why, node, name, mapping_word(why));
}

bool
yaml_text_explain(struct yaml_text *document, const cyaml_schema_value_t *schema,
                  struct fault *fault)
{
    struct explanation why = {document, fault};
    const yaml_node_t *root = yaml_document_get_root_node(&document->yaml);
    return root != NULL && explain_value(&why, root, schema, "", 0);
}

/* ---- loading ---- */

struct cyaml_report {
    char first[200]; // its first complaint, for what yaml_text_explain does not find
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

static cyaml_config_t
loader(struct cyaml_report *report)
{
    return (cyaml_config_t){
        .log_fn = cyaml_report_log,
        .log_ctx = report,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

// cyaml hands texts out as C strings: what stands after a NUL would be lost without a word.
static enum kh_err
check_scalars(struct yaml_text *document, struct fault *fault)
{
    const yaml_node_t *node = document->yaml.nodes.start;
    for (; node < document->yaml.nodes.top; node++) {
        if (node->type == YAML_SCALAR_NODE &&
            memchr(node->data.scalar.value, 0, node->data.scalar.length))
            return yaml_text_fault(document, yaml_text_node_line(node), fault,
                                   "a NUL character stands in the text");
    }
    return KH_OK;
}

enum kh_err
yaml_text_read(struct yaml_text *document, struct bytes text, const cyaml_schema_value_t *schema,
               void **out, struct fault *fault)
{
    struct cyaml_report report = {0};
    const cyaml_config_t cyaml = loader(&report);
    cyaml_data_t *data = NULL;
    enum kh_err check = check_scalars(document, fault);
    if (check)
        return check;
    cyaml_err_t err = cyaml_load_data(text.p != NULL ? text.p : (const uint8_t *)"", text.n, &cyaml,
                                      schema, &data, NULL);
    size_t line = report.line > 0 ? report.line : 1;
    if (err == CYAML_OK) {
        *out = data;
        return KH_OK;
    }
    if (err == CYAML_ERR_ALIAS)
        return yaml_text_fault(document, line, fault, "aliases are not taken: write the value out");
    if (!yaml_text_explain(document, schema, fault))
        return yaml_text_fault(document, line, fault, "%s",
                               report.first[0] != '\0' ? report.first : cyaml_strerror(err));
    return KH_ERR_CONFIG;
}

void
yaml_text_release(const cyaml_schema_value_t *schema, void *data)
{
    struct cyaml_report report = {0};
    const cyaml_config_t cyaml = loader(&report);
    if (data != NULL)
        (void)cyaml_free(&cyaml, schema, data, 0);
}
