#include "harness/suite.h"

#include "base/document.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "models/zoo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT(owner, member)                                                              \
    CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, owner,     \
                           member, 0, CYAML_UNLIMITED)
#define NEEDED(owner, member)                                                            \
    CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER, owner, member, 0, CYAML_UNLIMITED)
#define NUMBER(owner, member)                                                            \
    CYAML_FIELD_UINT(#member, CYAML_FLAG_OPTIONAL, owner, member)
#define LIST(owner, member, entry)                                                       \
    CYAML_FIELD_SEQUENCE(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, owner,       \
                         member, entry, 0, CYAML_UNLIMITED)

static const cyaml_schema_value_t line_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t model_fields[] = {
    NEEDED(struct suite_model, file),
    TEXT(struct suite_model, name),
    TEXT(struct suite_model, twin),
    LIST(struct suite_model, set, &line_schema),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t model_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct suite_model, model_fields),
};

static const cyaml_schema_field_t dataset_fields[] = {
    NEEDED(struct suite_dataset, path),
    TEXT(struct suite_dataset, classes),
    TEXT(struct suite_dataset, ids),
    TEXT(struct suite_dataset, sampling),
    TEXT(struct suite_dataset, among),
    TEXT(struct suite_dataset, role),
    NUMBER(struct suite_dataset, limit),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t dataset_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct suite_dataset, dataset_fields),
};

static const cyaml_schema_field_t worst_fields[] = {
    NEEDED(struct suite_worst, name),
    CYAML_FIELD_SEQUENCE("over", CYAML_FLAG_POINTER, struct suite_worst, over,
                         &line_schema, 1, CYAML_UNLIMITED),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t worst_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct suite_worst, worst_fields),
};

static const cyaml_schema_field_t suite_fields[] = {
    NEEDED(struct suite, name),
    NUMBER(struct suite, version),
    TEXT(struct suite, summary),
    NUMBER(struct suite, seed),
    NUMBER(struct suite, limit),
    LIST(struct suite, models, &model_schema),
    LIST(struct suite, datasets, &dataset_schema),
    LIST(struct suite, noises, &line_schema),
    LIST(struct suite, worst, &worst_schema),
    LIST(struct suite, gates, &line_schema),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t suite_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct suite, suite_fields),
};

/* A path of the suite, seen from where the program runs. A word without a slash that is
 * no file beside the suite is a name from the catalogue or a generator. */
static void resolve(char **path, const char *folder, size_t length)
{
    if (!*path || **path == '/' || !length)
        return;
    char *full = mem_format("%.*s/%s", (int)length, folder, *path);
    if (access(full, F_OK) && !strchr(*path, '/')) {
        free(full);
        return;
    }
    free(*path);
    *path = full;
}

enum status suite_load(const char *path, struct suite **out)
{
    enum status st = document_load(path, &suite_schema, (void **)out);
    if (st)
        return st;
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    struct suite *suite = *out;
    for (unsigned i = 0; i < suite->models_count; i++)
        resolve(&suite->models[i].file, path, length);
    for (unsigned i = 0; i < suite->datasets_count; i++) {
        resolve(&suite->datasets[i].path, path, length);
        resolve(&suite->datasets[i].classes, path, length);
        resolve(&suite->datasets[i].ids, path, length);
    }
    return OK;
}

enum status suite_new(struct suite **out)
{
    static const char empty[] = "name: command-line\n";
    return document_parse(empty, sizeof empty - 1, "suite", &suite_schema, (void **)out);
}

void suite_add_model(struct suite *suite, const char *file)
{
    suite->models =
        mem_grow(suite->models, suite->models_count + 1, sizeof *suite->models);
    suite->models[suite->models_count++] = (struct suite_model){.file = mem_copy(file)};
}

void suite_add_dataset(struct suite *suite, const char *path, const char *classes,
                       const char *role, const char *among)
{
    suite->datasets =
        mem_grow(suite->datasets, suite->datasets_count + 1, sizeof *suite->datasets);
    suite->datasets[suite->datasets_count++] =
        (struct suite_dataset){.path = mem_copy(path),
                               .classes = mem_copy(classes),
                               .role = mem_copy(role),
                               .among = mem_copy(among)};
}

void suite_add_noise(struct suite *suite, const char *line)
{
    suite->noises =
        mem_grow(suite->noises, suite->noises_count + 1, sizeof *suite->noises);
    suite->noises[suite->noises_count++] = mem_copy(line);
}

/* "zoo" at `index` becomes the networks of the zoo. */
static void unfold_zoo(struct suite *suite, unsigned index)
{
    unsigned count = suite->models_count, tail = count - index - 1;
    struct suite_model *rest = mem_array(tail + 1, sizeof *rest);
    memcpy(rest, suite->models + index, (tail + 1) * sizeof *rest);
    free(rest[0].file);
    suite->models_count = index;
    for (const struct zoo_file *file = zoo_files; file->name; file++) {
        size_t length = strlen(file->name);
        if (length < 5 || strcmp(file->name + length - 5, ".onnx"))
            continue;
        char *name = mem_format("%.*s", (int)length - 5, file->name);
        suite_add_model(suite, name);
        free(name);
    }
    suite->models = mem_grow(suite->models, suite->models_count + tail + 1,
                             sizeof *suite->models);
    memcpy(suite->models + suite->models_count, rest + 1, tail * sizeof *rest);
    suite->models_count += tail;
    free(rest);
}

bool suite_complete(struct suite *suite)
{
    bool zoo = !suite->models_count && !suite->datasets_count;
    if (zoo) {
        suite_add_model(suite, "zoo");
        suite_add_dataset(suite, ZOO_PICTURES, NULL, NULL, NULL);
    }
    for (unsigned i = suite->models_count; i-- > 0;)
        if (!strcmp(suite->models[i].file, "zoo"))
            unfold_zoo(suite, i);
    return zoo;
}

void suite_free(struct suite *suite)
{
    document_free(&suite_schema, suite);
}

static void add_lines(cJSON *parent, const char *name, char *const *lines, unsigned count)
{
    cJSON *array = cJSON_AddArrayToObject(parent, name);
    for (unsigned i = 0; i < count; i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(lines[i]));
}

static void add_text(cJSON *object, const char *name, const char *value)
{
    if (value)
        cJSON_AddStringToObject(object, name, value);
}

static void add_models(cJSON *json, const struct suite *suite)
{
    cJSON *array = cJSON_AddArrayToObject(json, "models");
    for (unsigned i = 0; i < suite->models_count; i++) {
        const struct suite_model *model = &suite->models[i];
        cJSON *object = cJSON_CreateObject();
        add_text(object, "file", model->file);
        add_text(object, "name", model->name);
        add_text(object, "twin", model->twin);
        if (model->set_count)
            add_lines(object, "set", model->set, model->set_count);
        cJSON_AddItemToArray(array, object);
    }
}

static void add_datasets(cJSON *json, const struct suite *suite)
{
    cJSON *array = cJSON_AddArrayToObject(json, "datasets");
    for (unsigned i = 0; i < suite->datasets_count; i++) {
        const struct suite_dataset *dataset = &suite->datasets[i];
        cJSON *object = cJSON_CreateObject();
        add_text(object, "path", dataset->path);
        add_text(object, "classes", dataset->classes);
        add_text(object, "ids", dataset->ids);
        add_text(object, "sampling", dataset->sampling);
        add_text(object, "among", dataset->among);
        add_text(object, "role", dataset->role);
        if (dataset->limit)
            cJSON_AddNumberToObject(object, "limit", (double)dataset->limit);
        cJSON_AddItemToArray(array, object);
    }
}

char *suite_json(const struct suite *suite)
{
    cJSON *json = cJSON_CreateObject();
    add_text(json, "name", suite->name);
    cJSON_AddNumberToObject(json, "version", (double)suite->version);
    cJSON_AddNumberToObject(json, "seed", (double)suite->seed);
    cJSON_AddNumberToObject(json, "limit", (double)suite->limit);
    add_models(json, suite);
    add_datasets(json, suite);
    add_lines(json, "noises", suite->noises, suite->noises_count);
    cJSON *worst = cJSON_AddObjectToObject(json, "worst");
    for (unsigned i = 0; i < suite->worst_count; i++)
        add_lines(worst, suite->worst[i].name, suite->worst[i].over,
                  suite->worst[i].over_count);

    struct text canonical = {0};
    json_canonical(json, &canonical);
    cJSON_Delete(json);
    return canonical.data;
}
