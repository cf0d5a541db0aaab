#include "models/record_keys.h"

#include "base/mem.h"
#include "base/text.h"
#include "models/catalogue.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 8 }; /* of recipes that build on recipes */

const char *const record_text_keys[RECORD_TEXTS] = {
    "name",      "variant",  "arch",   "family", "precision",   "twin",
    "technique", "gradient", "recipe", "resize", "resize_rule", "resizer",
    "decoder",   "order",    "layout", "scale",  "n_classes",
};
const char *const record_list_keys[RECORD_LISTS] = {"input", "mean", "std"};

static const cyaml_schema_value_t word_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, 256),
};

void record_schema_fields(cyaml_schema_field_t fields[RECORD_FIELDS], size_t offset)
{
    for (size_t i = 0; i < RECORD_TEXTS; i++)
        fields[i] = (cyaml_schema_field_t){
            .key = record_text_keys[i],
            .value = {.type = CYAML_STRING,
                      .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                      .data_size = 1,
                      .string = {.min = 0, .max = 256}},
            .data_offset = (uint32_t)(offset + offsetof(struct record_values, text) +
                                      i * sizeof(char *)),
        };
    for (size_t i = 0; i < RECORD_LISTS; i++) {
        size_t at = offset + offsetof(struct record_values, list) +
                    i * sizeof(struct record_words);
        fields[RECORD_TEXTS + i] = (cyaml_schema_field_t){
            .key = record_list_keys[i],
            .value = {.type = CYAML_SEQUENCE,
                      .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                      .data_size = sizeof(char *),
                      .sequence = {.entry = &word_schema, .min = 1, .max = 3}},
            .data_offset = (uint32_t)(at + offsetof(struct record_words, items)),
            .count_offset = (uint32_t)(at + offsetof(struct record_words, count)),
            .count_size = sizeof(unsigned),
        };
    }
}

static enum status set_string(char **field, const char *value)
{
    free(*field);
    *field = mem_copy(value);
    return OK;
}

/* A word of `choices` into a field of that size. */
static enum status set_choice(char *field, size_t size, const char *value,
                              const char *const *choices, size_t count)
{
    struct text list = {0};
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(value, choices[i])) {
            text_clear(&list);
            snprintf(field, size, "%s", value);
            return OK;
        }
        text_addf(&list, "%s%s", i ? ", " : "", choices[i]);
    }
    enum status st = status_fail(ERR_FORMAT, "'%s' is not one of %s", value, list.data);
    text_clear(&list);
    return st;
}
#define SET_CHOICE(field, value, ...)                                                    \
    set_choice(field, sizeof(field), value, (const char *const[]){__VA_ARGS__},          \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static enum status set_whole(int *field, const char *value, int least, int most)
{
    double number;
    if (!text_parse_number(value, &number) || number != floor(number) || number < least ||
        number > most)
        return status_fail(ERR_FORMAT, "'%s' is not a whole number from %d to %d", value,
                           least, most);
    *field = (int)number;
    return OK;
}

/* The name of a decoder or resizer; whether there is such a one is seen when it is used. */
static enum status set_member(char *field, size_t size, const char *value)
{
    size_t length = strlen(value);
    if (!length || length >= size ||
        strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != length)
        return status_fail(ERR_FORMAT,
                           "'%s' is not a name of at most %zu small letters, "
                           "digits and hyphens",
                           value, size - 1);
    memcpy(field, value, length + 1);
    return OK;
}

/* Numbers between blanks, commas or 'x': 1 to `most` of them. Returns how many, or 0. */
static int numbers(const char *value, double *out, int most)
{
    char *copy = mem_copy(value);
    int count = 0;
    for (char *rest = copy, *word; (word = strsep(&rest, " ,x\t"));) {
        if (!*word)
            continue;
        if (count == most || !text_parse_number(word, &out[count])) {
            count = 0;
            break;
        }
        count++;
    }
    free(copy);
    return count;
}

static enum status set_size(struct preprocess *preprocess, const char *value)
{
    double side[2];
    int count = numbers(value, side, 2);
    if (count == 1)
        side[1] = side[0];
    for (int i = 0; i < 2; i++)
        if (!count || side[i] != floor(side[i]) || side[i] < 1 || side[i] > 65535)
            return status_fail(ERR_FORMAT,
                               "'%s' is not a width and a height from 1 to 65535", value);
    preprocess->width = (int)side[0];
    preprocess->height = (int)side[1];
    return OK;
}

static enum status set_channels(double field[3], const char *value, bool positive)
{
    double read[3];
    int count = numbers(value, read, 3);
    if (count != 1 && count != 3)
        return status_fail(ERR_FORMAT, "'%s' is neither one number nor three", value);
    for (int i = 0; i < 3; i++) {
        double number = read[count == 3 ? i : 0];
        if (fabs(number) > 1e6 || (positive && number < 1e-6))
            return status_fail(ERR_FORMAT, "%g is out of range%s", number,
                               positive ? ": a standard deviation is positive" : "");
        field[i] = number;
    }
    return OK;
}

static enum status set_scale(double *field, const char *value)
{
    double number;
    if (!text_parse_number(value, &number) || number < 1e-6 || number > 1e6)
        return status_fail(ERR_FORMAT, "'%s' is not a positive number such as 1/255 or 1",
                           value);
    *field = number;
    return OK;
}

static enum status set_gradient(struct model_record *record, const char *value)
{
    char word[12];
    enum status st = SET_CHOICE(word, value, "exact", "surrogate", "none");
    if (!st)
        record->gradient = word[0] == 'e'   ? GRADIENT_EXACT
                           : word[0] == 's' ? GRADIENT_SURROGATE
                                            : GRADIENT_NONE;
    return st;
}

static enum status set_recipe(struct record_draft *draft, const char *value)
{
    const struct catalogue *catalogue;
    enum status st = catalogue_load(&catalogue);
    if (st)
        return st;
    const struct record_values *recipe = catalogue_recipe(catalogue, value);
    if (!recipe)
        return catalogue_no_recipe(catalogue, value);
    if (draft->depth == MAX_DEPTH)
        return status_fail(ERR_FORMAT, "recipe '%s' leads back to itself", value);

    struct record_values values = *recipe;
    const char *key;
    values.text[RECORD_NAME] = NULL; /* the recipe's own */
    draft->depth++;
    st = record_set_values(draft, &values, &key);
    draft->depth--;
    return st;
}

static enum status set_text(struct record_draft *draft, enum record_text key,
                            const char *value)
{
    struct model_record *record = draft->record;
    struct preprocess *preprocess = &record->preprocess;
    switch (key) {
    case RECORD_NAME: return set_string(&record->name, value);
    case RECORD_VARIANT: return set_string(&record->variant, value);
    case RECORD_ARCH: return set_string(&record->arch, value);
    case RECORD_FAMILY: return set_string(&record->family, value);
    case RECORD_TWIN: return set_string(&record->twin, *value ? value : NULL);
    case RECORD_TECHNIQUE: return set_string(&record->technique, *value ? value : NULL);
    case RECORD_RECIPE: return set_recipe(draft, value);
    case RECORD_PRECISION:
        return SET_CHOICE(record->precision, value, "fp32", "fp16", "bf16", "int8",
                          "int4", "int2", "ternary", "binary", "codebook", "snn");
    case RECORD_GRADIENT: draft->gradient = true; return set_gradient(record, value);
    case RECORD_RESIZE:
        draft->resize = true;
        return set_whole(&preprocess->resize, value, 0, 65535);
    case RECORD_RESIZE_RULE:
        return SET_CHOICE(preprocess->resize_rule, value, "short", "squash", "none");
    case RECORD_RESIZER:
        return set_member(preprocess->resizer, sizeof preprocess->resizer, value);
    case RECORD_DECODER:
        return set_member(preprocess->decoder, sizeof preprocess->decoder, value);
    case RECORD_ORDER:
        draft->pixels = true;
        return SET_CHOICE(preprocess->order, value, "rgb", "bgr");
    case RECORD_LAYOUT: return SET_CHOICE(preprocess->layout, value, "nchw", "nhwc");
    case RECORD_SCALE: draft->pixels = true; return set_scale(&preprocess->scale, value);
    case RECORD_N_CLASSES:
        draft->n_classes = true;
        return set_whole(&record->n_classes, value, 2, 1000000);
    case RECORD_TEXTS: break;
    }
    return OK;
}

static enum status set_list(struct record_draft *draft, enum record_list key,
                            const char *value)
{
    struct preprocess *preprocess = &draft->record->preprocess;
    if (key == RECORD_INPUT)
        return set_size(preprocess, value);
    draft->pixels = true;
    return key == RECORD_MEAN ? set_channels(preprocess->mean, value, false)
                              : set_channels(preprocess->std, value, true);
}

static enum status unknown_key(const char *key)
{
    const char *all[RECORD_FIELDS];
    memcpy(all, record_text_keys, sizeof record_text_keys);
    memcpy(all + RECORD_TEXTS, record_list_keys, sizeof record_list_keys);
    const char *near = text_nearest(key, all, RECORD_FIELDS);
    if (near)
        return status_fail(ERR_FORMAT, "unknown key '%s': did you mean '%s'?", key, near);
    struct text list = {0};
    for (size_t i = 0; i < RECORD_FIELDS; i++)
        text_addf(&list, "%s%s", i ? ", " : "", all[i]);
    enum status st =
        status_fail(ERR_FORMAT, "unknown key '%s' (there are: %s)", key, list.data);
    text_clear(&list);
    return st;
}

enum status record_set(struct record_draft *draft, const char *key, const char *value)
{
    for (int i = 0; i < RECORD_TEXTS; i++)
        if (!strcmp(key, record_text_keys[i]))
            return status_wrap(set_text(draft, (enum record_text)i, value), "%s", key);
    for (int i = 0; i < RECORD_LISTS; i++)
        if (!strcmp(key, record_list_keys[i]))
            return status_wrap(set_list(draft, (enum record_list)i, value), "%s", key);
    return unknown_key(key);
}

static enum status set_words(struct record_draft *draft, enum record_list key,
                             const struct record_words *words)
{
    struct text line = {0};
    for (unsigned i = 0; i < words->count; i++)
        text_addf(&line, "%s%s", i ? " " : "", words->items[i]);
    enum status st = record_set(draft, record_list_keys[key], line.data);
    text_clear(&line);
    return st;
}

enum status record_set_values(struct record_draft *draft,
                              const struct record_values *values, const char **key)
{
    enum status st = OK;
    *key = record_text_keys[RECORD_RECIPE];
    if (values->text[RECORD_RECIPE])
        st = record_set(draft, *key, values->text[RECORD_RECIPE]);
    for (int i = 0; !st && i < RECORD_TEXTS; i++)
        if (values->text[i] && i != RECORD_RECIPE) {
            *key = record_text_keys[i];
            st = record_set(draft, *key, values->text[i]);
        }
    for (int i = 0; !st && i < RECORD_LISTS; i++)
        if (values->list[i].count) {
            *key = record_list_keys[i];
            st = set_words(draft, (enum record_list)i, &values->list[i]);
        }
    return st;
}
