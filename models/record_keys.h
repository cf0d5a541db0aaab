/* The keys of a record as YAML, and setting them one by one. See record.h. */
#pragma once

#include "models/model.h"

#include <cyaml/cyaml.h>

enum record_text {
    RECORD_NAME,
    RECORD_VARIANT,
    RECORD_ARCH,
    RECORD_FAMILY,
    RECORD_PRECISION,
    RECORD_TWIN,
    RECORD_TECHNIQUE,
    RECORD_GRADIENT,
    RECORD_RECIPE,
    RECORD_RESIZE,
    RECORD_RESIZE_RULE,
    RECORD_RESIZER,
    RECORD_DECODER,
    RECORD_ORDER,
    RECORD_LAYOUT,
    RECORD_SCALE,
    RECORD_N_CLASSES,
    RECORD_TEXTS
};
enum record_list { RECORD_INPUT, RECORD_MEAN, RECORD_STD, RECORD_LISTS };

/* As read from YAML: NULL or empty where a key is absent. */
struct record_words {
    char **items;
    unsigned count;
};
struct record_values {
    char *text[RECORD_TEXTS];
    struct record_words list[RECORD_LISTS];
};

extern const char *const record_text_keys[RECORD_TEXTS];
extern const char *const record_list_keys[RECORD_LISTS];

/* Schema fields of all keys, for a struct that holds a record_values at `offset`. */
enum { RECORD_FIELDS = RECORD_TEXTS + RECORD_LISTS };
void record_schema_fields(cyaml_schema_field_t fields[RECORD_FIELDS], size_t offset);

/* A record in the making, and what has been said so far: `pixels` is how they become
 * numbers. */
struct record_draft {
    struct model_record *record;
    bool pixels, resize, n_classes, gradient;
    int depth;
};

/* Sets one key from text as it is typed ("mean", "0.5 0.5 0.5"). ERR_FORMAT says what is
 * wrong with the value, without naming the key's place; an unknown key names the nearest. */
enum status record_set(struct record_draft *draft, const char *key, const char *value);

/* Sets all keys that `values` has, the recipe first. *key is the culprit on failure. */
enum status record_set_values(struct record_draft *draft,
                              const struct record_values *values, const char **key);
