/*
 * YAML read against a libcyaml schema, with errors a person can act on:
 * "suite.yaml:7: unknown key 'modles': did you mean 'models'?".
 */
#pragma once

#include "base/status.h"

#include <cyaml/cyaml.h>

#include <stddef.h>

/* `schema` is a mapping with CYAML_FLAG_POINTER; *out is released with document_free().
 * An empty document is ERR_FORMAT. */
enum status document_load(const char *path, const cyaml_schema_value_t *schema,
                          void **out);

/* The same from memory; `name` stands for the file in messages. */
enum status document_parse(const void *bytes, size_t size, const char *name,
                           const cyaml_schema_value_t *schema, void **out);
void document_free(const cyaml_schema_value_t *schema, void *data);
