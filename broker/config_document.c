/* SPDX-License-Identifier: Apache-2.0 */
/* In which line of the file something stands. cyaml decides whether a file fits its schema, but
 * tells the place of the event before, and none for values: libyaml's document knows them all. */
#include "config_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 8 };

enum kh_err
config_fault(const struct config_document *document, size_t line, struct fault *fault,
             const char *format, ...)
{
    char sentence[sizeof(fault->detail)];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return fault_set(fault, KH_ERR_CONFIG, "%s:%zu: %s", document->path, line, sentence);
}

// At the end of the file libyaml tells the line after the last one.
static enum kh_err
syntax_fault(const struct config_document *document, const yaml_parser_t *parser,
             struct fault *fault)
{
    size_t line = parser->problem_mark.line + 1;
    return config_fault(document, line > document->lines ? document->lines : line, fault,
                        "this is no YAML: %s",
                        parser->problem != NULL ? parser->problem : "memory is used up");
}

static enum kh_err
config_parser_load(yaml_parser_t *parser, struct config_document *document, struct fault *fault)
{
    yaml_document_t second;
    if (yaml_parser_load(parser, &document->yaml) == 0)
        return syntax_fault(document, parser, fault);
    document->loaded = true;
    // The end of the stream comes as a document without a root, as does an empty file.
    if (yaml_document_get_root_node(&document->yaml) == NULL)
        return KH_OK;
    if (yaml_parser_load(parser, &second) == 0)
        return syntax_fault(document, parser, fault);
    bool more = yaml_document_get_root_node(&second) != NULL;
    size_t line = second.start_mark.line + 1;
    yaml_document_delete(&second);
    return more ? config_fault(document, line, fault, "expected one document, found a second")
                : KH_OK;
}

static size_t
count_lines(struct bytes text)
{
    struct bytes line;
    size_t count = 0;
    while (bytes_cut(&text, '\n', &line))
        count += line.n > 0 || text.n > 0 ? 1 : 0;
    return count > 0 ? count : 1;
}

enum kh_err
config_document_load(const char *path, struct bytes text, struct config_document *out,
                     struct fault *fault)
{
    yaml_parser_t parser;
    *out = (struct config_document){.path = path, .lines = count_lines(text)};
    if (yaml_parser_initialize(&parser) == 0)
        return fault_set(fault, KH_ERR_MEMORY, "no memory to read %s", path);
    yaml_parser_set_input_string(&parser, text.p != NULL ? text.p : (const uint8_t *)"", text.n);
    enum kh_err err = config_parser_load(&parser, out, fault);
    yaml_parser_delete(&parser);
    if (err != KH_OK)
        config_document_free(out);
    return err;
}

void
config_document_free(struct config_document *document)
{
    if (document->loaded)
        yaml_document_delete(&document->yaml);
    document->loaded = false;
}

static size_t
node_line(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

static struct bytes
node_text(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE)
        return BYTES_EMPTY;
    return bytes_of(node->data.scalar.value, node->data.scalar.length);
}

/* ---- the line of a setting ---- */

static const yaml_node_t *
mapping_find(struct config_document *document, const yaml_node_t *mapping, const char *key)
{
    if (mapping == NULL || mapping->type != YAML_MAPPING_NODE)
        return NULL;
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *node = yaml_document_get_node(&document->yaml, pair->key);
        if (node != NULL && bytes_is(node_text(node), key))
            return yaml_document_get_node(&document->yaml, pair->value);
    }
    return NULL;
}

static const yaml_node_t *
sequence_find(struct config_document *document, const yaml_node_t *sequence, int index)
{
    if (sequence == NULL || sequence->type != YAML_SEQUENCE_NODE)
        return NULL;
    const yaml_node_item_t *item = sequence->data.sequence.items.start + index;
    return item < sequence->data.sequence.items.top ? yaml_document_get_node(&document->yaml, *item)
                                                    : NULL;
}

bool
config_document_is_empty(struct config_document *document)
{
    const yaml_node_t *root = yaml_document_get_root_node(&document->yaml);
    return root == NULL || (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0);
}

bool
config_document_has(struct config_document *document, const char *name)
{
    return mapping_find(document, yaml_document_get_root_node(&document->yaml), name) != NULL;
}

size_t
config_document_line(struct config_document *document, const char *first, int index,
                     const char *second)
{
    const yaml_node_t *node =
        document->loaded ? yaml_document_get_root_node(&document->yaml) : NULL;
    const yaml_node_t *found = node;
    node = mapping_find(document, node, first);
    if (node != NULL && index >= 0)
        node = sequence_find(document, node, index);
    found = node != NULL ? node : found;
    if (second != NULL)
        node = mapping_find(document, node, second);
    found = node != NULL ? node : found;
    return found != NULL ? node_line(found) : 1;
}

/* ---- why cyaml refused ---- */

struct explanation {
    struct config_document *document;
    struct fault *fault;
};

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
        if (bytes_is(node_text(key), field[i].key))
            return &field[i];
    }
    BUFFER_AUTO keys;
    buffer_init(&keys, 1024);
    describe_keys(field, &keys);
    describe_text(node_text(key), text);
    (void)config_fault(why->document, node_line(key), why->fault,
                       "%s%sunknown setting \"%s\"; expected one of %s", name,
                       name[0] != '\0' ? ": " : "", text, buffer_text(&keys));
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
            (void)config_fault(why->document, node_line(key), why->fault, "%s: given a second time",
                               child);
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
        (void)config_fault(why->document, node_line(node), why->fault, "%s: %s is missing", name,
                           field[i].key);
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
        (void)config_fault(why->document, node_line(node), why->fault,
                           "%s: expected at most %u items, found %zu", name, schema->sequence.max,
                           count);
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
    static const char *const found[] = {
        [YAML_NO_NODE] = "nothing",
        [YAML_SCALAR_NODE] = "a single value",
        [YAML_SEQUENCE_NODE] = "a list",
        [YAML_MAPPING_NODE] = "a group of settings",
    };
    bool nothing = node->type == YAML_SCALAR_NODE && node_text(node).n == 0;
    (void)config_fault(why->document, node_line(node), why->fault, "%s%sexpected %s, found %s",
                       name, name[0] != '\0' ? ": " : "", expected,
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
    (void)config_fault(why->document, node_line(node), why->fault,
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
    if (schema->type == CYAML_STRING)
        return explain_scalar(why, node, schema, name);
    if (schema->type == CYAML_SEQUENCE)
        return node->type == YAML_SEQUENCE_NODE ? explain_sequence(why, node, schema, name, depth)
                                                : explain_type(why, node, name, "a list");
    bool may_be_empty = (schema->flags & CYAML_FLAG_POINTER_NULL) == CYAML_FLAG_POINTER_NULL;
    if (may_be_empty && node->type == YAML_SCALAR_NODE && node_text(node).n == 0)
        return false;
    return node->type == YAML_MAPPING_NODE
               ? explain_mapping(why, node, schema->mapping.fields, name, depth)
               : explain_type(why, node, name, "a group of settings");
}

bool
config_document_explain(struct config_document *document, const cyaml_schema_value_t *schema,
                        struct fault *fault)
{
    struct explanation why = {document, fault};
    const yaml_node_t *root = yaml_document_get_root_node(&document->yaml);
    return root != NULL && explain_value(&why, root, schema, "", 0);
}
