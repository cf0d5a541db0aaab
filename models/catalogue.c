#include "models/catalogue.h"

#include "base/document.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "models/zoo.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const char models_catalogue_yaml[]; /* catalogue.yaml, see meson.build */

/* A place that holds many files: "onnx-zoo:PATH" is PATH below each of its addresses. */
struct base {
    char *name;
    struct record_words urls;
};

/* One catalogue file. */
struct shelf {
    struct base *bases;
    struct record_values *recipes; /* each with a name */
    struct catalogue_model *models;
    unsigned n_bases, n_recipes, n_models;
};

enum { MAX_SHELVES = 16 };

struct catalogue {
    struct shelf *shelves[MAX_SHELVES]; /* the user's first */
    char *paths[MAX_SHELVES];
    size_t n_shelves, count;
    const struct catalogue_model **models;
};

/* The schema is filled in when first needed: its fields are those of a record and more. */
static cyaml_schema_field_t recipe_fields[RECORD_FIELDS + 1];
static cyaml_schema_field_t model_fields[RECORD_FIELDS + 16];

static const cyaml_schema_value_t word = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, 1024),
};
static const cyaml_schema_field_t base_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct base, name, 1, 64),
    CYAML_FIELD_SEQUENCE_COUNT("urls", CYAML_FLAG_POINTER, struct base, urls.items,
                               urls.count, &word, 1, 16),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t base_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct base, base_fields),
};
static const cyaml_schema_value_t recipe_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct record_values, recipe_fields),
};
static const cyaml_schema_value_t model_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct catalogue_model, model_fields),
};
#define MANY(key, member, counter, schema)                                               \
    CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,            \
                               struct shelf, member, counter, schema, 0,                 \
                               CYAML_UNLIMITED)
static const cyaml_schema_field_t shelf_fields[] = {
    MANY("bases", bases, n_bases, &base_schema),
    MANY("recipes", recipes, n_recipes, &recipe_schema),
    MANY("models", models, n_models, &model_schema),
    CYAML_FIELD_IGNORE("datasets",
                       CYAML_FLAG_OPTIONAL), /* datasets/catalogue.c reads it */
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t shelf_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct shelf, shelf_fields),
};

#define TEXT(member)                                                                     \
    CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,            \
                           struct catalogue_model, member, 0, 1024)
static void build_schemas(void)
{
    const cyaml_schema_field_t more[] = {
        TEXT(sha256),
        TEXT(licence),
        TEXT(source),
        TEXT(dataset),
        TEXT(note),
        CYAML_FIELD_INT("bytes", CYAML_FLAG_OPTIONAL, struct catalogue_model, bytes),
        CYAML_FIELD_INT("params", CYAML_FLAG_OPTIONAL, struct catalogue_model, params),
        CYAML_FIELD_FLOAT("published", CYAML_FLAG_OPTIONAL, struct catalogue_model,
                          published),
        CYAML_FIELD_FLOAT("measured", CYAML_FLAG_OPTIONAL, struct catalogue_model,
                          measured),
        CYAML_FIELD_SEQUENCE_COUNT("urls", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                                   struct catalogue_model, urls.items, urls.count, &word,
                                   1, 16),
        CYAML_FIELD_END,
    };
    _Static_assert(sizeof more / sizeof *more <= 16, "model_fields is too small");
    record_schema_fields(recipe_fields, 0);
    record_schema_fields(model_fields, offsetof(struct catalogue_model, values));
    memcpy(model_fields + RECORD_FIELDS, more, sizeof more);
    recipe_fields[RECORD_FIELDS] = more[sizeof more / sizeof *more - 1];
}

/* Line of the index-th "- " item after the line "SECTION:", for messages. */
static int line_of(const char *text, const char *section, unsigned index)
{
    int line = 1, found = 0;
    unsigned items = 0;
    size_t size = strlen(section);
    for (const char *at = text; at && *at;
         at = strchr(at, '\n'), at = at ? at + 1 : NULL, line++) {
        if (*at != ' ' && *at != '#' && *at != '-' && *at != '\n')
            found = !strncmp(at, section, size) && at[size] == ':';
        const char *dash = at + strspn(at, " ");
        if (found && dash[0] == '-' && dash - at <= 2 && items++ == index)
            return line;
    }
    return 1;
}

static bool is_sha256(const char *hex)
{
    return strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}

/* What the schema cannot say. */
static enum status check(const struct shelf *shelf, const char *name, const char *text)
{
    for (unsigned i = 0; i < shelf->n_recipes; i++)
        if (!shelf->recipes[i].text[RECORD_NAME])
            return status_fail(ERR_FORMAT, "%s:%d: a recipe without a name", name,
                               line_of(text, "recipes", i));
    for (unsigned i = 0; i < shelf->n_models; i++) {
        const struct catalogue_model *model = &shelf->models[i];
        int line = line_of(text, "models", i);
        const char *title = model->values.text[RECORD_NAME];
        if (!title || !*title)
            return status_fail(ERR_FORMAT, "%s:%d: a model without a name", name, line);
        if (model->sha256 && !is_sha256(model->sha256))
            return status_fail(ERR_FORMAT,
                               "%s:%d: sha256 of %s: expected 64 small hexadecimal "
                               "digits",
                               name, line, title);
        if (model->urls.count && !model->sha256)
            return status_fail(ERR_FORMAT,
                               "%s:%d: %s has urls and no sha256, which is what "
                               "downloads are checked against",
                               name, line, title);
    }
    return OK;
}

/* Every model's values must be settable, recipes known and all. */
static enum status check_values(const struct catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        struct model_record record = {0};
        struct record_draft draft = {.record = &record};
        const char *key;
        const struct record_values *values = &catalogue->models[i]->values;
        enum status st = record_set_values(&draft, values, &key);
        free(record.name), free(record.variant), free(record.arch);
        free(record.family), free(record.twin), free(record.technique);
        if (st)
            return status_wrap(st, "catalogue: model %s", values->text[RECORD_NAME]);
    }
    return OK;
}

static enum status add_shelf(struct catalogue *catalogue, const char *name,
                             const char *text)
{
    void *document;
    enum status st = document_parse(text, strlen(text), name, &shelf_schema, &document);
    if (st)
        return st;
    if (catalogue->n_shelves == MAX_SHELVES)
        return status_fail(ERR_LIMIT, "%s: more than %d catalogues", name, MAX_SHELVES);
    catalogue->paths[catalogue->n_shelves] = mem_copy(name);
    catalogue->shelves[catalogue->n_shelves++] = document;
    return check(document, name, text);
}

static enum status add_file(struct catalogue *catalogue, const char *path)
{
    struct mapping file;
    enum status st = file_map(path, &file);
    if (st)
        return status_wrap(st, "GAUNTLET_CATALOGUE");
    char *text = mem_new(file.size + 1);
    if (file.size)
        memcpy(text, file.data, file.size);
    file_unmap(&file);
    st = add_shelf(catalogue, path, text);
    free(text);
    return st;
}

static void index_models(struct catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->n_shelves; i++)
        catalogue->count += catalogue->shelves[i]->n_models;
    catalogue->models = mem_array(catalogue->count, sizeof *catalogue->models);
    size_t at = 0;
    for (size_t i = 0; i < catalogue->n_shelves; i++)
        for (unsigned k = 0; k < catalogue->shelves[i]->n_models; k++)
            catalogue->models[at++] = &catalogue->shelves[i]->models[k];
}

static struct {
    pthread_mutex_t lock;
    bool done;
    enum status st;
    char *message;
    struct catalogue catalogue;
} built = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void build(void)
{
    struct catalogue *catalogue = &built.catalogue;
    enum status st = OK;
    build_schemas();
    const char *paths = getenv("GAUNTLET_CATALOGUE");
    char *copy = mem_copy(paths ? paths : "");
    for (char *rest = copy, *path; !st && (path = strsep(&rest, ":"));)
        if (*path)
            st = add_file(catalogue, path);
    free(copy);
    if (!st)
        st = add_shelf(catalogue, "models/catalogue.yaml", models_catalogue_yaml);
    if (!st)
        index_models(catalogue);
    built.done = true; /* recipes are looked up while values are checked */
    if (!st)
        st = check_values(catalogue);
    built.st = st;
    built.message = st ? mem_copy(status_message()) : NULL;
}

enum status catalogue_load(const struct catalogue **out)
{
    static _Thread_local bool building;
    if (!building) {
        pthread_mutex_lock(&built.lock);
        building = true;
        if (!built.done)
            build();
        building = false;
        pthread_mutex_unlock(&built.lock);
    }
    *out = built.st ? NULL : &built.catalogue;
    return built.st ? status_fail(built.st, "%s", built.message) : OK;
}

size_t catalogue_count(const struct catalogue *catalogue)
{
    return catalogue->count;
}

const struct catalogue_model *catalogue_at(const struct catalogue *catalogue,
                                           size_t index)
{
    return catalogue->models[index];
}

const struct catalogue_model *catalogue_by_name(const struct catalogue *catalogue,
                                                const char *name)
{
    for (size_t i = 0; i < catalogue->count; i++)
        if (!strcmp(catalogue->models[i]->values.text[RECORD_NAME], name))
            return catalogue->models[i];
    return NULL;
}

const struct catalogue_model *catalogue_by_sha(const struct catalogue *catalogue,
                                               const char *sha256)
{
    for (size_t i = 0; i < catalogue->count; i++)
        if (catalogue->models[i]->sha256 && !strcmp(catalogue->models[i]->sha256, sha256))
            return catalogue->models[i];
    return NULL;
}

const struct record_values *catalogue_recipe(const struct catalogue *catalogue,
                                             const char *name)
{
    for (size_t i = 0; i < catalogue->n_shelves; i++)
        for (unsigned k = 0; k < catalogue->shelves[i]->n_recipes; k++)
            if (!strcmp(catalogue->shelves[i]->recipes[k].text[RECORD_NAME], name))
                return &catalogue->shelves[i]->recipes[k];
    return NULL;
}

enum status catalogue_no_recipe(const struct catalogue *catalogue, const char *name)
{
    const char *names[256];
    size_t count = 0;
    struct text list = {0};
    for (size_t i = 0; i < catalogue->n_shelves; i++)
        for (unsigned k = 0; k < catalogue->shelves[i]->n_recipes && count < 256; k++) {
            names[count] = catalogue->shelves[i]->recipes[k].text[RECORD_NAME];
            text_addf(&list, "%s%s", count ? ", " : "", names[count]);
            count++;
        }
    const char *near = text_nearest(name, names, count);
    enum status st =
        near ? status_fail(ERR_FORMAT, "no recipe '%s': did you mean '%s'?", name, near)
             : status_fail(ERR_FORMAT, "no recipe '%s' (there are: %s)", name,
                           list.data ? list.data : "none");
    text_clear(&list);
    return st;
}

static const struct base *find_base(const struct catalogue *catalogue, const char *name,
                                    size_t size)
{
    for (size_t i = 0; i < catalogue->n_shelves; i++)
        for (unsigned k = 0; k < catalogue->shelves[i]->n_bases; k++) {
            const struct base *base = &catalogue->shelves[i]->bases[k];
            if (strlen(base->name) == size && !memcmp(base->name, name, size))
                return base;
        }
    return NULL;
}

char **catalogue_urls(const struct catalogue *catalogue,
                      const struct catalogue_model *model)
{
    char **urls = mem_array(1, sizeof *urls);
    size_t count = 0;
    for (unsigned i = 0; i < model->urls.count; i++) {
        const char *url = model->urls.items[i];
        size_t colon = strcspn(url, ":");
        const struct base *base = url[colon] && strncmp(url + colon, "://", 3)
                                      ? find_base(catalogue, url, colon)
                                      : NULL;
        for (unsigned k = 0; k < (base ? base->urls.count : 1); k++) {
            urls = mem_grow(urls, count + 2, sizeof *urls);
            urls[count++] = base
                                ? mem_format("%s%s", base->urls.items[k], url + colon + 1)
                                : mem_copy(url);
            urls[count] = NULL;
        }
    }
    return urls;
}

static char *in_folder(const char *folder, const char *name)
{
    char *path = mem_format("%s/%s.onnx", folder, name);
    if (!access(path, R_OK))
        return path;
    free(path);
    return NULL;
}

static char *look(const char *name)
{
    char *found = NULL;
    const char *folders = getenv("GAUNTLET_MODELS");
    char *copy = mem_copy(folders ? folders : "");
    for (char *rest = copy, *folder; !found && (folder = strsep(&rest, ":"));)
        if (*folder)
            found = in_folder(folder, name);
    free(copy);
    char *cache = found ? NULL : file_cache_path("models/x");
    if (cache) {
        *strrchr(cache, '/') = 0;
        found = in_folder(cache, name);
        free(cache);
    }
    return found ? found : zoo_find(name);
}

enum status catalogue_find(const char *name, char **out)
{
    *out = NULL;
    if ((*out = zoo_find(name)) && strchr(name, '/'))
        return OK;
    free(*out);
    *out = NULL;
    if (strchr(name, '/') || !access(name, R_OK)) {
        if (access(name, R_OK))
            return status_fail(ERR_NOTFOUND, "%s: no such file", name);
        *out = mem_copy(name);
        return OK;
    }
    if ((*out = look(name)))
        return OK;

    const struct catalogue *catalogue;
    enum status st = catalogue_load(&catalogue);
    if (st)
        return st;
    const struct catalogue_model *model = catalogue_by_name(catalogue, name);
    if (model && model->urls.count)
        return status_fail(ERR_NOTFOUND,
                           "model '%s' is in the catalogue and not on this "
                           "machine yet: gauntlet fetch %s",
                           name, name);
    if (model)
        return status_fail(ERR_NOTFOUND,
                           "model '%s' is in the catalogue, but %s.onnx is in no "
                           "folder of GAUNTLET_MODELS and it cannot be fetched",
                           name, name);
    const char **names = mem_array(catalogue->count, sizeof *names);
    for (size_t i = 0; i < catalogue->count; i++)
        names[i] = catalogue->models[i]->values.text[RECORD_NAME];
    const char *near = text_nearest(name, names, catalogue->count);
    st = status_fail(ERR_NOTFOUND,
                     "model '%s': no such file, and no network of that name in "
                     "GAUNTLET_MODELS or the catalogue%s%s%s",
                     name, near ? " (did you mean '" : "", near ? near : "",
                     near ? "'?)" : "");
    free(names);
    return st;
}
