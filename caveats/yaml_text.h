/* SPDX-License-Identifier: Apache-2.0
 *
 * A YAML file that people wrote: read by a cyaml schema, with faults that name file and line.
 *
 * cyaml decides whether a file fits its schema; in which line something stands, and why it does not
 * fit, is told from libyaml's document of the same text. One document, no aliases.
 */
#ifndef KEYHOLE_YAML_TEXT_H
#define KEYHOLE_YAML_TEXT_H

#include "bytes.h"
#include "errors.h"

#include <cyaml/cyaml.h>
#include <yaml.h>

/* What the parts of the file are called in messages. */
struct yaml_text_words {
    const char *key;     /* "setting" */
    const char *mapping; /* "a group of settings" */
};

struct yaml_text {
    const char *path;             /* borrowed; stands before each message */
    struct yaml_text_words words; /* { NULL, NULL }: "key", "a mapping" */
    yaml_document_t yaml;
    size_t lines;
    bool loaded;
};

/* Syntax alone: one YAML document, or KH_ERR_CONFIG with its line. yaml_text_free in any case. */
KH_MUST_CHECK enum kh_err yaml_text_load(const char *path, struct bytes text, struct yaml_text *out,
                                         struct fault *fault);
void yaml_text_free(struct yaml_text *document);

/* Nothing, or nothing but comments. */
bool yaml_text_is_empty(struct yaml_text *document);
/* Whether there is a key of that name at the top level. */
bool yaml_text_has(struct yaml_text *document, const char *name);
/* The value of a key at the top level; NULL when there is none. */
const yaml_node_t *yaml_text_find(struct yaml_text *document, const char *name);
/* The bytes of a scalar; empty for anything else. */
struct bytes yaml_text_scalar(const yaml_node_t *node);
size_t yaml_text_node_line(const yaml_node_t *node);

/* The line of a place: "name", "name.key", "name[2].key[0]" (indices from 0). What is not there is
 * told by what surrounds it. */
size_t yaml_text_line(struct yaml_text *document, const char *place, ...)
    __attribute__((format(printf, 2, 3)));

/* Load by the schema. `text` is the one that was loaded. `*out` is NULL for a mapping in which
 * nothing is set; else free it with yaml_text_release. KH_ERR_CONFIG with place and reason. */
KH_MUST_CHECK enum kh_err yaml_text_read(struct yaml_text *document, struct bytes text,
                                         const cyaml_schema_value_t *schema, void **out,
                                         struct fault *fault);
void yaml_text_release(const cyaml_schema_value_t *schema, void *data);

/* The first place that the schema does not allow, in words; false when there is none. Strings,
 * sequences, mappings and ignored values are known. */
bool yaml_text_explain(struct yaml_text *document, const cyaml_schema_value_t *schema,
                       struct fault *fault);

/* KH_ERR_CONFIG with "PATH:LINE: " before the sentence. */
enum kh_err yaml_text_fault(const struct yaml_text *document, size_t line, struct fault *fault,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
