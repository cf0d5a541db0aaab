#include "harness/lists.h"

#include "base/document.h"
#include "base/text.h"
#include "datasets/catalogue.h"
#include "harness/suite.h"
#include "models/catalogue.h"
#include "models/model.h"
#include "models/zoo.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add(struct named **list, size_t *count, struct named entry)
{
    *list = mem_grow(*list, *count + 1, sizeof **list);
    (*list)[(*count)++] = entry;
}

static const char *model_detail(struct arena *arena, const struct catalogue_model *model)
{
    struct text text = {0};
    if (model->dataset)
        text_addf(&text, "%s", model->dataset);
    if (model->values.text[RECORD_PRECISION])
        text_addf(&text, " %s", model->values.text[RECORD_PRECISION]);
    if (model->bytes)
        text_addf(&text, " %.1f MB", (double)model->bytes / 1e6);
    if (model->measured > 0)
        text_addf(&text, " top-1 %.2f %%", model->measured);
    const char *copy = arena_copy(arena, text.data ? text.data : "");
    text_clear(&text);
    return copy;
}

/* The networks inside the program, which are always here. */
static enum status list_zoo(struct arena *arena, struct named **out, size_t *count)
{
    for (const struct zoo_file *file = zoo_files; file->name; file++) {
        size_t length = strlen(file->name);
        if (length < 5 || strcmp(file->name + length - 5, ".onnx"))
            continue;
        struct model *model;
        const char *path = arena_format(arena, "zoo:/%s", file->name);
        enum status st = model_open(path, NULL, &model);
        if (st)
            return st;
        const struct model_record *r = model_record(model);
        add(out, count,
            (struct named){"inside", arena_copy(arena, r->name),
                           arena_format(arena, "synthetic %s %.2f MB", r->precision,
                                        (double)file->size / 1e6),
                           arena_format(arena, "%s, %s", r->arch,
                                        r->technique ? r->technique : "plain")});
        model_close(model);
    }
    return OK;
}

enum status list_models(struct arena *arena, struct named **out, size_t *count)
{
    const struct catalogue *catalogue;
    enum status st = catalogue_load(&catalogue);
    if (st)
        return st;
    for (size_t i = 0; i < catalogue_count(catalogue); i++) {
        const struct catalogue_model *model = catalogue_at(catalogue, i);
        char *path = NULL;
        bool here = !catalogue_find(model->values.text[RECORD_NAME], &path);
        free(path);
        add(out, count,
            (struct named){here ? "here" : "elsewhere", model->values.text[RECORD_NAME],
                           model_detail(arena, model), model->note});
    }
    return list_zoo(arena, out, count);
}

enum status list_datasets(struct arena *arena, struct named **out, size_t *count)
{
    const struct dataset_catalogue *catalogue;
    enum status st = dataset_catalogue_load(&catalogue);
    if (st)
        return st;
    for (size_t i = 0; i < dataset_catalogue_count(catalogue); i++) {
        const struct dataset_entry *entry = dataset_catalogue_at(catalogue, i);
        const struct dataset_entry *same;
        char *place = NULL;
        bool here = !dataset_find(entry->name, &place, &same);
        free(place);
        add(out, count,
            (struct named){here ? "here" : "elsewhere", entry->name,
                           arena_copy(arena, entry->spec ? entry->spec : ""),
                           entry->summary});
    }
    for (size_t i = 0; dataset_format_registry[i]; i++)
        add(out, count,
            (struct named){"layout", dataset_format_registry[i]->name, "",
                           dataset_format_registry[i]->summary});
    return OK;
}

/* --- suites ------------------------------------------------------------------------- */

static const char *const suite_folders[] = {"suites", GAUNTLET_SUITES};

char *suite_path(const char *name)
{
    if (strchr(name, '/') || !access(name, F_OK))
        return mem_copy(name);
    for (size_t i = 0; i < sizeof suite_folders / sizeof *suite_folders; i++) {
        char *path = mem_format("%s/%s.yaml", suite_folders[i], name);
        if (!access(path, R_OK))
            return path;
        free(path);
    }
    return mem_copy(name);
}

static bool is_listed(const struct named *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(list[i].name, name))
            return true;
    return false;
}

static enum status list_folder(struct arena *arena, const char *folder,
                               struct named **out, size_t *count)
{
    char *pattern = mem_format("%s/*.yaml", folder);
    glob_t found = {0};
    enum status st = OK;
    if (!glob(pattern, 0, NULL, &found))
        for (size_t i = 0; !st && i < found.gl_pathc; i++) {
            const char *path = arena_copy(arena, found.gl_pathv[i]);
            const char *base = strrchr(path, '/') + 1;
            const char *name = arena_format(arena, "%.*s", (int)(strlen(base) - 5), base);
            struct suite *suite = NULL;
            st = suite_load(path, &suite);
            if (!st && !is_listed(*out, *count, name))
                add(out, count,
                    (struct named){
                        "suite", name, path,
                        arena_copy(arena, suite->summary ? suite->summary : "")});
            suite_free(suite);
        }
    globfree(&found);
    free(pattern);
    return st;
}

enum status list_suites(struct arena *arena, struct named **out, size_t *count)
{
    enum status st = OK;
    for (size_t i = 0; !st && i < sizeof suite_folders / sizeof *suite_folders; i++)
        st = list_folder(arena, suite_folders[i], out, count);
    return st;
}
