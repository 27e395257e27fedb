/* SPDX-License-Identifier: Apache-2.0 */
/* In which line of the file something stands. cyaml tells the place of the event before, and none
 * for values: libyaml's document knows them all. */
#include "yaml_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum kh_err
yaml_text_fault(const struct yaml_text *document, size_t line, struct fault *fault,
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
syntax_fault(const struct yaml_text *document, const yaml_parser_t *parser, struct fault *fault)
{
    size_t line = parser->problem_mark.line + 1;
    return yaml_text_fault(document, line > document->lines ? document->lines : line, fault,
                           "this is no YAML: %s",
                           parser->problem != NULL ? parser->problem : "memory is used up");
}

/* ---- how deep it is ---- */

enum { NESTING_MAX = 32 };

static int
step_of(yaml_event_type_t type)
{
    switch (type) {
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return 1;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return -1;
    default:
        return 0;
    }
}

// The time that libyaml takes grows with the square of the depth, for minutes. What is no YAML is
// told by whoever loads it.
static enum kh_err
check_nesting(yaml_parser_t *parser, struct yaml_text *document, struct fault *fault)
{
    int depth = 0;
    bool more = true;
    size_t line = 0;
    while (more && depth <= NESTING_MAX) {
        yaml_event_t event;
        if (yaml_parser_parse(parser, &event) == 0)
            return KH_OK;
        depth += step_of(event.type);
        line = event.start_mark.line + 1;
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    return depth <= NESTING_MAX
               ? KH_OK
               : yaml_text_fault(document, line, fault, "this is nested more than %d levels deep",
                                 NESTING_MAX);
}

/* ---- loading ---- */

static enum kh_err
parser_load(yaml_parser_t *parser, struct yaml_text *document, struct fault *fault)
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
    return more ? yaml_text_fault(document, line, fault, "expected one document, found a second")
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

static enum kh_err
with_parser(struct bytes text, struct yaml_text *document,
            enum kh_err (*call)(yaml_parser_t *parser, struct yaml_text *document,
                                struct fault *fault),
            struct fault *fault)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0)
        return fault_set(fault, KH_ERR_MEMORY, "no memory to read %s", document->path);
    yaml_parser_set_input_string(&parser, text.p != NULL ? text.p : (const uint8_t *)"", text.n);
    enum kh_err err = call(&parser, document, fault);
    yaml_parser_delete(&parser);
    return err;
}

enum kh_err
yaml_text_load(const char *path, struct bytes text, struct yaml_text *out, struct fault *fault)
{
    *out = (struct yaml_text){.path = path, .lines = count_lines(text)};
    enum kh_err err = with_parser(text, out, check_nesting, fault);
    if (err == KH_OK)
        err = with_parser(text, out, parser_load, fault);
    if (err != KH_OK)
        yaml_text_free(out);
    return err;
}

void
yaml_text_free(struct yaml_text *document)
{
    if (document->loaded)
        yaml_document_delete(&document->yaml);
    document->loaded = false;
}

size_t
yaml_text_node_line(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

struct bytes
yaml_text_scalar(const yaml_node_t *node)
{
    if (node == NULL || node->type != YAML_SCALAR_NODE)
        return BYTES_EMPTY;
    return bytes_of(node->data.scalar.value, node->data.scalar.length);
}

/* ---- finding ---- */

static const yaml_node_t *
mapping_find(struct yaml_text *document, const yaml_node_t *mapping, struct bytes key)
{
    if (mapping == NULL || mapping->type != YAML_MAPPING_NODE)
        return NULL;
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *node = yaml_document_get_node(&document->yaml, pair->key);
        if (node != NULL && bytes_equal(yaml_text_scalar(node), key))
            return yaml_document_get_node(&document->yaml, pair->value);
    }
    return NULL;
}

static const yaml_node_t *
sequence_find(struct yaml_text *document, const yaml_node_t *sequence, uint64_t index)
{
    if (sequence == NULL || sequence->type != YAML_SEQUENCE_NODE)
        return NULL;
    const yaml_node_item_t *item = sequence->data.sequence.items.start;
    return index < (size_t)(sequence->data.sequence.items.top - item)
               ? yaml_document_get_node(&document->yaml, item[index])
               : NULL;
}

static const yaml_node_t *
root_of(struct yaml_text *document)
{
    return document->loaded ? yaml_document_get_root_node(&document->yaml) : NULL;
}

bool
yaml_text_is_empty(struct yaml_text *document)
{
    const yaml_node_t *root = root_of(document);
    return root == NULL || (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0);
}

const yaml_node_t *
yaml_text_find(struct yaml_text *document, const char *name)
{
    return mapping_find(document, root_of(document), bytes_str(name));
}

bool
yaml_text_has(struct yaml_text *document, const char *name)
{
    return yaml_text_find(document, name) != NULL;
}

// One step of a place: "name" or "[2]"; the rest follows.
static const yaml_node_t *
place_step(struct yaml_text *document, const yaml_node_t *node, struct bytes *place)
{
    size_t n = 0;
    uint64_t index;
    if (place->p[0] == '[') {
        n = bytes_index(*place, ']');
        struct bytes digits = bytes_slice(*place, 1, n - 1);
        *place = bytes_from(*place, n + 1);
        return bytes_to_u64(digits, &index) ? sequence_find(document, node, index) : NULL;
    }
    while (n < place->n && place->p[n] != '.' && place->p[n] != '[')
        n++;
    struct bytes key = bytes_slice(*place, 0, n);
    *place = bytes_from(*place, n);
    return mapping_find(document, node, key);
}

size_t
yaml_text_line(struct yaml_text *document, const char *place, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, place);
    (void)vsnprintf(text, sizeof(text), place, arguments);
    va_end(arguments);
    struct bytes rest = bytes_str(text);
    const yaml_node_t *node = root_of(document), *found = node;
    while (node != NULL && rest.n > 0) {
        if (rest.p[0] == '.')
            rest = bytes_from(rest, 1);
        node = rest.n > 0 ? place_step(document, node, &rest) : NULL;
        found = node != NULL ? node : found;
    }
    return found != NULL ? yaml_text_node_line(found) : 1;
}
