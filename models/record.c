#include "models/record.h"

#include "base/document.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "models/catalogue.h"
#include "models/zoo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The axes of an image input: channels first, or last, or neither. */
static int channel_axis(const struct shape *input)
{
    if (input->rank != 4)
        return 0;
    bool first = input->dim[1] == 3 || input->dim[1] == 1;
    bool last = input->dim[3] == 3 || input->dim[3] == 1;
    return first ? 1 : last ? 3 : 0;
}

static int side_or(int64_t side, int fallback)
{
    return side > 0 && side <= 65535 ? (int)side : fallback;
}

/*
 * What is usual for an input of that shape. ImageNet networks see the centre of a picture
 * whose short side is 8/7 of theirs; small networks see small pictures as they are.
 */
static void guess(const struct record_facts *facts, struct model_record *record)
{
    struct preprocess *preprocess = &record->preprocess;
    bool last = channel_axis(&facts->input) == 3;
    int axis = last ? 1 : 2;
    bool image = facts->input.rank == 4;
    preprocess->height = side_or(image ? facts->input.dim[axis] : 0, 224);
    preprocess->width = side_or(image ? facts->input.dim[axis + 1] : 0, 224);
    strcpy(preprocess->layout, last ? "nhwc" : "nchw");
    strcpy(preprocess->order, "rgb");
    strcpy(preprocess->resizer, "pillow-bilinear");
    strcpy(preprocess->decoder, "turbo");
    preprocess->scale = 1.0 / 255;

    static const double imagenet[2][3] = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
    static const double cifar[2][3] = {{0.4914, 0.4822, 0.4465},
                                       {0.2470, 0.2435, 0.2616}};
    const double(*usual)[3] = preprocess->width > 64 ? imagenet : cifar;
    memcpy(preprocess->mean, usual[0], sizeof preprocess->mean);
    memcpy(preprocess->std, usual[1], sizeof preprocess->std);

    snprintf(record->precision, sizeof record->precision, "%s",
             facts->precision ? facts->precision : "fp32");
    record->n_classes = facts->n_classes;
}

/* The properties that the ONNX standard itself defines for images. */
static enum status set_standard(struct record_draft *draft, const char *key,
                                const char *value)
{
    struct preprocess *preprocess = &draft->record->preprocess;
    if (!strcmp(key, "Image.BitmapPixelFormat")) {
        strcpy(preprocess->order, !strncmp(value, "Bgr", 3) ? "bgr" : "rgb");
        return OK;
    }
    bool raw = !strcmp(value, "NominalRange_0_255"),
         unit = !strcmp(value, "Normalized_0_1");
    bool both = !strcmp(value, "Normalized_1_1");
    if (strcmp(key, "Image.NominalPixelRange") || !(raw || unit || both))
        return OK;
    draft->pixels = true;
    preprocess->scale = raw ? 1 : 1.0 / 255;
    for (int i = 0; i < 3; i++) {
        preprocess->mean[i] = both ? 0.5 : 0;
        preprocess->std[i] = both ? 0.5 : 1;
    }
    return OK;
}

static enum status set_metadata(struct record_draft *draft,
                                const struct record_facts *facts)
{
    static const char prefix[] = "gauntlet.";
    enum status st = OK;
    for (int i = 0; !st && i < facts->n_metadata; i++) {
        const char *key = facts->metadata[i][0], *value = facts->metadata[i][1];
        st = set_standard(draft, key, value);
        if (st || strncmp(key, prefix, sizeof prefix - 1))
            continue;
        /* Trainers also leave what is no key of ours, such as gauntlet.command. */
        const char *name = key + sizeof prefix - 1;
        bool known = false;
        for (int k = 0; k < RECORD_TEXTS; k++)
            known = known || !strcmp(name, record_text_keys[k]);
        for (int k = 0; k < RECORD_LISTS; k++)
            known = known || !strcmp(name, record_list_keys[k]);
        if (known)
            st = status_wrap(record_set(draft, name, value), "metadata %s", key);
    }
    return st;
}

static enum status set_catalogue(struct record_draft *draft)
{
    const struct catalogue *catalogue;
    enum status st = catalogue_load(&catalogue);
    if (st)
        return st;
    const struct catalogue_model *entry =
        catalogue_by_sha(catalogue, draft->record->file_sha);
    const char *key;
    return entry ? record_set_values(draft, &entry->values, &key) : OK;
}

/* Line of "key:" in a sidecar, for messages about its value. */
static int line_of_key(const struct mapping *file, const char *key)
{
    size_t size = strlen(key);
    int line = 1;
    for (size_t at = 0; at < file->size; line++) {
        const char *text = (const char *)file->data + at;
        size_t left = file->size - at;
        if (left > size && !memcmp(text, key, size) && strchr(": ", text[size]))
            return line;
        const char *end = memchr(text, '\n', left);
        at = end ? (size_t)(end + 1 - (const char *)file->data) : file->size;
    }
    return 1;
}

/* "models/a.onnx" -> "models/a.yaml" */
static char *sidecar_path(const char *onnx_path)
{
    char *stem = file_stem(onnx_path);
    const char *slash = strrchr(onnx_path, '/');
    char *path = mem_format("%.*s%s.yaml", slash ? (int)(slash + 1 - onnx_path) : 0,
                            onnx_path, stem);
    free(stem);
    return path;
}

static enum status read_sidecar(struct record_draft *draft, const char *path)
{
    cyaml_schema_field_t fields[RECORD_FIELDS + 1] = {0};
    record_schema_fields(fields, 0);
    const cyaml_schema_value_t schema = {
        CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct record_values, fields),
    };
    struct mapping file;
    void *values = NULL;
    const char *key = NULL;
    enum status st = zoo_map(path, &file);
    if (st)
        return st;
    st = document_parse(file.data, file.size, path, &schema, &values);
    if (!st) {
        st = record_set_values(draft, values, &key);
        st = status_wrap(st, "%s:%d", path, st ? line_of_key(&file, key) : 0);
    }
    document_free(&schema, values);
    zoo_unmap(&file);
    return st;
}

static enum status set_sidecar(struct record_draft *draft, const char *onnx_path)
{
    char *path = sidecar_path(onnx_path);
    enum status st = zoo_has(path) ? read_sidecar(draft, path) : OK;
    free(path);
    return st;
}

static enum status set_overrides(struct record_draft *draft, const char *const *overrides)
{
    for (; overrides && *overrides; overrides++) {
        const char *equals = strchr(*overrides, '=');
        if (!equals)
            return status_fail(ERR_USAGE, "'%s': expected key=value", *overrides);
        char *key = mem_format("%.*s", (int)(equals - *overrides), *overrides);
        enum status st = record_set(draft, key, equals + 1);
        free(key);
        if (st)
            return ERR_USAGE;
    }
    return OK;
}

/* Resize and its rule, where only one of them, or neither, was said. */
static void complete_resize(struct record_draft *draft)
{
    struct preprocess *preprocess = &draft->record->preprocess;
    int side =
        preprocess->width > preprocess->height ? preprocess->width : preprocess->height;
    bool none = !strcmp(preprocess->resize_rule, "none");
    if (!draft->resize && !none && side > 64)
        preprocess->resize = (side * 8 + 3) / 7;
    if (none)
        preprocess->resize = 0;
    if (!preprocess->resize_rule[0])
        strcpy(preprocess->resize_rule, preprocess->resize ? "short" : "none");
    if (!preprocess->resize)
        strcpy(preprocess->resize_rule, "none");
}

static void complete_identity(struct record_draft *draft, const char *path)
{
    struct model_record *record = draft->record;
    if (!record->name || !*record->name) {
        free(record->name);
        record->name = file_stem(path);
    }
    if (!record->variant)
        record->variant = mem_copy("");
    if (!record->arch)
        record->arch = mem_copy(record->name);
    if (!record->family)
        record->family = mem_copy("");
    bool floating =
        !strcmp(record->precision, "fp32") || !strcmp(record->precision, "fp16") ||
        !strcmp(record->precision, "bf16") || !strcmp(record->precision, "codebook");
    if (!draft->gradient)
        record->gradient = floating ? GRADIENT_EXACT : GRADIENT_SURROGATE;
}

/* What the record says of the input must be what the graph takes. */
static enum status check(const struct record_draft *draft,
                         const struct record_facts *facts)
{
    const struct model_record *record = draft->record;
    const struct preprocess *preprocess = &record->preprocess;
    const int64_t *dim = facts->input.dim;
    if (facts->input.rank == 4) {
        bool last = !strcmp(preprocess->layout, "nhwc");
        int64_t height = dim[last ? 1 : 2], width = dim[last ? 2 : 3],
                channels = dim[last ? 3 : 1];
        char text[128];
        if ((height > 0 && height != preprocess->height) ||
            (width > 0 && width != preprocess->width) || (channels > 0 && channels > 4))
            return status_fail(ERR_FORMAT,
                               "the record says input %dx%d, layout %s, and the "
                               "graph takes %s",
                               preprocess->width, preprocess->height, preprocess->layout,
                               shape_text(&facts->input, text));
    }
    int longest =
        preprocess->width > preprocess->height ? preprocess->width : preprocess->height;
    if (preprocess->resize && preprocess->resize < longest)
        return status_fail(ERR_FORMAT,
                           "resize: to %d, and then a crop of %dx%d: the crop must "
                           "fit",
                           preprocess->resize, preprocess->width, preprocess->height);
    if (draft->n_classes && facts->n_classes && facts->n_classes != record->n_classes)
        return status_fail(ERR_FORMAT,
                           "n_classes: the record says %d and the graph has %d "
                           "outputs",
                           record->n_classes, facts->n_classes);
    return OK;
}

enum status record_read(const char *path, const struct record_facts *facts,
                        const char *const *overrides, struct model_record *out)
{
    *out = (struct model_record){.path = mem_copy(path)};
    struct record_draft draft = {.record = out};
    struct mapping file = {0};
    enum status st = zoo_map(path, &file);
    if (st)
        goto out;
    hash_bytes(file.data, file.size, out->file_sha);
    out->file_bytes = (int64_t)file.size;
    zoo_unmap(&file);
    guess(facts, out);
    st = status_wrap(set_metadata(&draft, facts), "%s", path);
    if (!st)
        st = set_catalogue(&draft);
    if (!st)
        st = set_sidecar(&draft, path);
    if (!st)
        st = set_overrides(&draft, overrides);
    if (st)
        goto out;
    complete_resize(&draft);
    complete_identity(&draft, path);
    out->preprocess.guessed = !draft.pixels;
    st = status_wrap(check(&draft, facts), "%s", path);
out:
    if (st)
        record_clear(out);
    return st;
}

void record_clear(struct model_record *record)
{
    free(record->name);
    free(record->variant);
    free(record->path);
    free(record->arch);
    free(record->family);
    free(record->twin);
    free(record->technique);
    *record = (struct model_record){0};
}

char *record_preprocess_json(const struct model_record *record)
{
    const struct preprocess *preprocess = &record->preprocess;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "width", preprocess->width);
    cJSON_AddNumberToObject(json, "height", preprocess->height);
    cJSON_AddNumberToObject(json, "resize", preprocess->resize);
    cJSON_AddStringToObject(json, "resize_rule", preprocess->resize_rule);
    cJSON_AddStringToObject(json, "resizer", preprocess->resizer);
    cJSON_AddStringToObject(json, "decoder", preprocess->decoder);
    cJSON_AddStringToObject(json, "order", preprocess->order);
    cJSON_AddStringToObject(json, "layout", preprocess->layout);
    cJSON_AddNumberToObject(json, "scale", preprocess->scale);
    cJSON_AddItemToObject(json, "mean", cJSON_CreateDoubleArray(preprocess->mean, 3));
    cJSON_AddItemToObject(json, "std", cJSON_CreateDoubleArray(preprocess->std, 3));
    struct text out = {0};
    json_canonical(json, &out);
    cJSON_Delete(json);
    return out.data;
}

static void put_numbers(struct text *out, const char *key, const double values[3])
{
    char a[32], b[32], c[32];
    text_addf(out, "%s: [%s, %s, %s]\n", key, text_number(values[0], a),
              text_number(values[1], b), text_number(values[2], c));
}

/* A YAML string in double quotes: JSON's escapes are YAML's. */
static void put_string(struct text *out, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    text_addf(out, "%s: ", key);
    json_string(out, value);
    text_add(out, "\n");
}

enum status record_write(const struct model_record *record, const char *onnx_path)
{
    static const char *const gradients[] = {"exact", "surrogate", "none"};
    const struct preprocess *preprocess = &record->preprocess;
    struct text out = {0};
    char number[32];
    put_string(&out, "name", record->name);
    put_string(&out, "variant", record->variant);
    put_string(&out, "arch", record->arch);
    put_string(&out, "family", record->family);
    put_string(&out, "precision", record->precision);
    put_string(&out, "twin", record->twin);
    put_string(&out, "technique", record->technique);
    put_string(&out, "gradient", gradients[record->gradient]);
    text_addf(&out, "input: [%d, %d]\n", preprocess->width, preprocess->height);
    text_addf(&out, "resize: %d\nresize_rule: %s\n", preprocess->resize,
              preprocess->resize_rule);
    text_addf(&out, "resizer: %s\ndecoder: %s\norder: %s\nlayout: %s\n",
              preprocess->resizer, preprocess->decoder, preprocess->order,
              preprocess->layout);
    text_addf(&out, "scale: %s\n", text_number(preprocess->scale, number));
    put_numbers(&out, "mean", preprocess->mean);
    put_numbers(&out, "std", preprocess->std);
    if (record->n_classes)
        text_addf(&out, "n_classes: %d\n", record->n_classes);
    char *path = sidecar_path(onnx_path);
    enum status st = file_replace(path, out.data, out.size);
    free(path);
    text_clear(&out);
    return st;
}
