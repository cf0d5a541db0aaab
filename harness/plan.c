#include "harness/plan.h"

#include "harness/calibrate.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/text.h"
#include "models/catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- opening ------------------------------------------------------------------------ */

/* "mean=0.5 0.5 0.5 resize=256": what tells a model with overrides from the plain one. */
static char *join_overrides(const char *const *overrides)
{
    struct text text = {0};
    for (size_t i = 0; overrides[i]; i++)
        text_addf(&text, "%s%s", i ? " " : "", overrides[i]);
    return text.data ? text.data : mem_copy("");
}

static const char **gather_overrides(const struct suite_model *model,
                                     const char *const *more)
{
    size_t count = 0, extra = 0;
    while (more && more[extra])
        extra++;
    const char **all = mem_array(model->set_count + extra + 1, sizeof *all);
    for (unsigned i = 0; i < model->set_count; i++)
        all[count++] = model->set[i];
    for (size_t i = 0; i < extra; i++)
        all[count++] = more[i];
    return all;
}

static enum status open_model(const struct suite_model *entry, const char *const *more,
                              struct plan_model *out)
{
    const char **overrides = gather_overrides(entry, more);
    char *path = NULL;
    *out = (struct plan_model){0};
    enum status st = catalogue_find(entry->file, &path);
    if (!st)
        st = model_open(path, overrides, &out->model);
    if (!st) {
        out->record = model_record(out->model);
        out->name = mem_copy(entry->name ? entry->name : out->record->name);
        out->twin = mem_copy(entry->twin ? entry->twin : out->record->twin);
        char *changed = join_overrides(overrides);
        const char *variant = out->record->variant ? out->record->variant : "";
        out->variant =
            mem_format("%s%s%s", variant, *variant && *changed ? " " : "", changed);
        free(changed);
        out->preprocess = model_preprocess_json(out->model);
    }
    free(path);
    free(overrides);
    return st;
}

/* One bad model costs its own cells only. */
static enum status open_models(const struct suite *suite,
                               const struct plan_options *options, struct plan *plan)
{
    plan->models = mem_array(suite->models_count + 1, sizeof *plan->models);
    for (unsigned i = 0; i < suite->models_count; i++) {
        struct plan_model *model = &plan->models[plan->n_models];
        if (!open_model(&suite->models[i], options->set, model)) {
            plan->n_models++;
            continue;
        }
        plan->n_bad++;
        if (suite->models_count == 1)
            return status_wrap(ERR_USAGE, "%s", suite->models[i].file);
        progress_note("%s: left out: %s", suite->models[i].file, status_message());
    }
    if (!plan->n_models)
        return status_fail(ERR_USAGE, suite->models_count
                                          ? "no model can be opened"
                                          : "no model: give --model FILE");
    return OK;
}

static bool has_sampling(void *context, const struct sample_data *data)
{
    return data->bytes && !strcmp(jpeg_sampling(data->bytes, data->size), context);
}

/* Decoders differ mostly where chroma is subsampled: results on those files alone. */
static enum status narrow(const struct plan_dataset *dataset, const char *sampling,
                          struct subset *subset)
{
    char word[32], wanted[16];
    if (!sampling)
        return OK;
    snprintf(wanted, sizeof wanted, "%s", sampling);
    snprintf(word, sizeof word, "sampling=%s", wanted);
    return subset_narrow(&dataset->dataset, word, has_sampling, wanted, subset);
}

static enum status open_dataset(const struct suite *suite,
                                const struct suite_dataset *entry,
                                const struct plan_options *options,
                                struct plan_dataset *out)
{
    const struct dataset_options how = {.classes = entry->classes};
    size_t limit = options->limit ? options->limit
                   : entry->limit ? entry->limit
                                  : suite->limit;
    *out = (struct plan_dataset){0};
    enum status st = dataset_open(entry->path, &how, &out->dataset);
    if (st)
        return st;
    const struct dataset *dataset = &out->dataset;
    st = entry->ids ? subset_ids(dataset, entry->ids, &out->subset)
         : limit && limit < dataset->count
             ? subset_limit(dataset, limit, options->seed, &out->subset)
             : subset_all(dataset, &out->subset);
    if (!st)
        st = narrow(out, options->sampling ? options->sampling : entry->sampling,
                    &out->subset);
    if (!st)
        st = subset_limit(dataset, CALIBRATION, options->seed, &out->calibration);
    if (!st && !out->subset.count)
        st = status_fail(ERR_USAGE, "%s: no samples", entry->path);
    return st;
}

static enum status open_datasets(const struct suite *suite,
                                 const struct plan_options *options, struct plan *plan)
{
    if (!suite->datasets_count)
        return status_fail(ERR_USAGE, "no data: give --dataset PATH");
    plan->datasets = mem_array(suite->datasets_count, sizeof *plan->datasets);
    for (unsigned i = 0; i < suite->datasets_count; i++) {
        plan->n_datasets++;
        enum status st =
            open_dataset(suite, &suite->datasets[i], options, &plan->datasets[i]);
        if (st)
            return st;
    }
    return OK;
}

static bool wanted(const struct condition *condition, const char *only)
{
    if (!only || !strcmp(condition->kind, "clean"))
        return true;
    if (!strncmp(only, "kind=", 5))
        return !strcmp(condition->kind, only + 5);
    if (!strncmp(only, "noise=", 6))
        return !strcmp(condition->noise, only + 6);
    return true;
}

static enum status check_only(const char *only)
{
    if (!only || !strncmp(only, "kind=", 5) || !strncmp(only, "noise=", 6) ||
        !strncmp(only, "model=", 6))
        return OK;
    return status_fail(ERR_USAGE, "--only %s: write kind=KIND, noise=NAME or model=NAME",
                       only);
}

static enum status open_conditions(const struct suite *suite, const char *only,
                                   struct plan *plan)
{
    struct conditions all = {0};
    enum status st = conditions_add(&all, "clean");
    for (unsigned i = 0; !st && i < suite->noises_count; i++)
        st = conditions_add(&all, suite->noises[i]);
    for (unsigned i = 0; i < suite->worst_count; i++)
        for (unsigned k = 0; !st && k < suite->worst[i].over_count; k++)
            st = conditions_add(&all, suite->worst[i].over[k]);
    for (size_t i = 0; !st && i < all.count; i++)
        if (wanted(&all.items[i], only))
            st = conditions_add(&plan->conditions, all.items[i].label);
    conditions_clear(&all);
    plan->condition_ids =
        mem_array(plan->conditions.count + 1, sizeof *plan->condition_ids);
    return st;
}

/* --- cells -------------------------------------------------------------------------- */

static int find_source(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->n_models; i++)
        if (!strcmp(plan->models[i].name, name) ||
            !strcmp(plan->models[i].record->path, name))
            return (int)i;
    return -1;
}

/* What the arithmetic of floats depends on besides the program's text: how wide the
 * convolution kernels are. */
static const char *numeric_profile(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bw"))
        return "f32-avx512";
    if (__builtin_cpu_supports("avx2"))
        return "f32-avx2";
    return "f32-sse4";
#else
    return "f32-generic";
#endif
}

static void make_key(const struct plan *plan, uint64_t seed, struct cell *cell)
{
    const struct plan_model *model = &plan->models[cell->model];
    const struct plan_dataset *dataset = &plan->datasets[cell->dataset];
    const struct condition *condition = &plan->conditions.items[cell->condition];
    bool random = condition->n_naturals || condition->sequence || condition->attack;
    struct hash hash;
    hash_init(&hash);
    hash_add_string(&hash, "cell 1");
    hash_add_string(&hash, model->record->file_sha);
    hash_add_string(&hash, model->preprocess);
    hash_add_string(&hash, model->name);
    hash_add_string(&hash, model->variant);
    hash_add_string(&hash, dataset->dataset.manifest_sha);
    hash_add_string(&hash, dataset->subset.sha);
    hash_add_string(&hash, condition->json);
    hash_add_string(&hash, cell->route.fit_key);
    hash_add_string(&hash, numeric_profile());
    hash_add_string(&hash, calibrate_needed(plan, cell)
                               ? calibrate_data(plan, cell->model)->calibration.sha
                               : NULL);
    hash_add_u64(&hash, random ? seed : 0);
    hash_add_string(
        &hash, cell->source < 0 ? NULL : plan->models[cell->source].record->file_sha);
    hash_finish(&hash, cell->key);
}

static enum status check_source(const struct plan *plan, const struct cell *cell)
{
    const struct condition *condition = &plan->conditions.items[cell->condition];
    if (!condition->source)
        return OK;
    if (cell->source < 0)
        return status_fail(ERR_USAGE, "source=%s is not among the models of this run",
                           condition->source);
    const struct model_record *to = plan->models[cell->model].record;
    const struct model_record *from = plan->models[cell->source].record;
    if (to->n_classes != from->n_classes ||
        to->preprocess.width != from->preprocess.width ||
        to->preprocess.height != from->preprocess.height)
        return status_fail(
            ERR_USAGE, "source=%s sees %dx%d and %d classes, %s %dx%d and %d",
            condition->source, from->preprocess.width, from->preprocess.height,
            from->n_classes, plan->models[cell->model].name, to->preprocess.width,
            to->preprocess.height, to->n_classes);
    return OK;
}

static enum status check_gradient(const struct plan *plan, const struct cell *cell)
{
    const struct condition *condition = &plan->conditions.items[cell->condition];
    const struct model_record *record = plan->models[cell->model].record;
    if (condition->attack && condition->attack->needs_gradient && cell->source < 0 &&
        record->gradient == GRADIENT_NONE)
        return status_fail(
            ERR_UNSUPPORTED,
            "%s needs gradients and this network has none: use a black-box "
            "attack or source=MODEL",
            condition->attack->name);
    return OK;
}

static void add_cell(struct plan *plan, uint64_t seed, size_t dataset, size_t condition,
                     size_t model)
{
    const struct condition *c = &plan->conditions.items[condition];
    struct cell *cell = &plan->cells[plan->n_cells++];
    *cell = (struct cell){.model = model,
                          .dataset = dataset,
                          .condition = condition,
                          .source = c->source ? find_source(plan, c->source) : -1};
    enum status st = route_plan(c, &plan->models[model].record->preprocess, &cell->route);
    if (!st)
        st = check_source(plan, cell);
    if (!st)
        st = check_gradient(plan, cell);
    make_key(plan, seed, cell);
    if (st) {
        cell->state = CELL_FAILED;
        cell->error = mem_copy(status_message());
    }
}

/* A dataset meets the networks that tell as many classes apart. */
static bool meets(const struct plan *plan, size_t model, size_t dataset)
{
    return plan->models[model].record->n_classes ==
           plan->datasets[dataset].dataset.n_classes;
}

static enum status check_pairs(const struct plan *plan)
{
    for (size_t d = 0; d < plan->n_datasets; d++)
        for (size_t m = 0; m < plan->n_models; m++)
            if (meets(plan, m, d))
                return OK;
    return status_fail(
        ERR_USAGE,
        "%s has %d classes and %s tells %d apart; where folders are only some "
        "of the classes, give --classes FILE.tsv (index, folder, name)",
        plan->datasets[0].dataset.name, plan->datasets[0].dataset.n_classes,
        plan->models[0].name, plan->models[0].record->n_classes);
}

/* Clean belongs to every shard, since deltas are against it; the rest is dealt out by
 * condition, so that the networks of a condition stay together and share its pixels. */
static bool in_shard(const struct plan_options *options, size_t condition)
{
    return options->n_shards <= 1 || !condition ||
           condition % (size_t)options->n_shards == (size_t)options->shard - 1;
}

static enum status make_cells(struct plan *plan, const struct plan_options *options)
{
    enum status st = check_pairs(plan);
    if (st)
        return st;
    const char *model_only =
        options->only && !strncmp(options->only, "model=", 6) ? options->only + 6 : NULL;
    plan->cells = mem_array(plan->n_datasets * plan->conditions.count * plan->n_models,
                            sizeof *plan->cells);
    for (size_t d = 0; d < plan->n_datasets; d++)
        for (size_t c = 0; c < plan->conditions.count; c++)
            for (size_t m = 0; m < plan->n_models; m++)
                if (meets(plan, m, d) && in_shard(options, c) &&
                    (!model_only || !strcmp(plan->models[m].name, model_only)))
                    add_cell(plan, options->seed, d, c, m);
    for (size_t m = 0; m < plan->n_models; m++) {
        bool met = false;
        for (size_t d = 0; d < plan->n_datasets; d++)
            met = met || meets(plan, m, d);
        if (!met)
            progress_note("%s: no dataset here has its %d classes", plan->models[m].name,
                          plan->models[m].record->n_classes);
    }
    if (!plan->n_cells)
        return status_fail(ERR_USAGE, "nothing to run: no cell fits --only %s",
                           options->only ? options->only : "");
    return OK;
}

enum status plan_open(const struct suite *suite, const struct plan_options *options,
                      struct plan *out)
{
    *out = (struct plan){.suite = suite};
    enum status st = check_only(options->only);
    if (!st)
        st = open_conditions(suite, options->only, out);
    if (!st)
        st = open_models(suite, options, out);
    if (!st)
        st = open_datasets(suite, options, out);
    if (!st)
        st = make_cells(out, options);
    if (st)
        plan_close(out);
    return st;
}

void plan_close(struct plan *plan)
{
    for (size_t i = 0; i < plan->n_cells; i++)
        free(plan->cells[i].error);
    for (size_t i = 0; i < plan->n_models; i++) {
        model_close(plan->models[i].model);
        free(plan->models[i].name);
        free(plan->models[i].variant);
        free(plan->models[i].twin);
        free(plan->models[i].preprocess);
    }
    for (size_t i = 0; i < plan->n_datasets; i++) {
        subset_clear(&plan->datasets[i].subset);
        subset_clear(&plan->datasets[i].calibration);
        dataset_close(&plan->datasets[i].dataset);
    }
    conditions_clear(&plan->conditions);
    free(plan->condition_ids);
    free(plan->cells);
    free(plan->models);
    free(plan->datasets);
    *plan = (struct plan){0};
}

/* --- looking ------------------------------------------------------------------------ */

size_t plan_count(const struct plan *plan, enum cell_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->n_cells; i++)
        count += plan->cells[i].state == state;
    return count;
}

const struct condition *cell_condition(const struct plan *plan, const struct cell *cell)
{
    return &plan->conditions.items[cell->condition];
}

const struct sample *cell_sample(const struct plan *plan, const struct cell *cell,
                                 size_t item)
{
    const struct plan_dataset *dataset = &plan->datasets[cell->dataset];
    return &dataset->dataset.samples[dataset->subset.items[item]];
}

const char *cell_name(const struct plan *plan, const struct cell *cell)
{
    static _Thread_local char name[256];
    const struct plan_model *model = &plan->models[cell->model];
    snprintf(name, sizeof name, "%s%s%s | %s | %s", model->name,
             *model->variant ? " " : "", model->variant,
             plan->datasets[cell->dataset].dataset.name,
             cell_condition(plan, cell)->label);
    return name;
}

/* --- waves -------------------------------------------------------------------------- */

enum { WAVE_CELLS = 64, WAVE_MODELS = 8, WAVE_VERDICTS = 1 << 20 };

static bool is_clean(const struct plan *plan, const struct cell *cell)
{
    return !strcmp(cell_condition(plan, cell)->kind, "clean");
}

static bool same_wave(const struct plan *plan, const struct cell *a, const struct cell *b)
{
    return a->dataset == b->dataset && is_clean(plan, a) == is_clean(plan, b) &&
           !cell_condition(plan, a)->attack == !cell_condition(plan, b)->attack &&
           !strcmp(a->route.fit_key, b->route.fit_key);
}

static int by_pixels(const void *a, const void *b)
{
    const struct cell *const *left = a, *const *right = b;
    int order = strcmp((*left)->route.pixel_key, (*right)->route.pixel_key);
    return order ? order : (*left > *right) - (*left < *right);
}

static bool room_for_model(const struct wave *wave, const struct cell *cell)
{
    size_t models[WAVE_MODELS], count = 0;
    for (size_t i = 0; i < wave->count; i++) {
        size_t model = wave->cells[i]->model, k = 0;
        if (model == cell->model)
            return true;
        while (k < count && models[k] != model)
            k++;
        if (k == count && count < WAVE_MODELS)
            models[count++] = model;
    }
    return count < WAVE_MODELS;
}

/* The first waiting cell that can go: a clean one if there is any. */
static struct cell *first_waiting(struct plan *plan)
{
    struct cell *first = NULL;
    for (size_t i = 0; i < plan->n_cells; i++) {
        struct cell *cell = &plan->cells[i];
        if (cell->state != CELL_WAITING)
            continue;
        if (is_clean(plan, cell))
            return cell;
        if (!first)
            first = cell;
    }
    return first;
}

struct wave plan_next(struct plan *plan)
{
    struct wave wave = {0};
    struct cell *first = first_waiting(plan);
    if (!first)
        return wave;
    size_t n = plan->datasets[first->dataset].subset.count;
    size_t most = WAVE_VERDICTS / n < WAVE_CELLS ? WAVE_VERDICTS / n : WAVE_CELLS;
    const struct condition *condition = cell_condition(plan, first);
    wave.slow = condition->attack || condition->sequence;
    wave.cells = mem_array(WAVE_CELLS, sizeof *wave.cells);
    for (struct cell *cell = first; cell < plan->cells + plan->n_cells; cell++)
        if (cell->state == CELL_WAITING && same_wave(plan, first, cell) &&
            room_for_model(&wave, cell) && (wave.count < most || !wave.count))
            wave.cells[wave.count++] = cell;
    qsort(wave.cells, wave.count, sizeof *wave.cells, by_pixels);
    return wave;
}

/* --- the store ---------------------------------------------------------------------- */

static enum status record_model(struct store *store, struct plan_model *model)
{
    static const char *const gradients[] = {"exact", "surrogate", "none"};
    const struct model_record *record = model->record;
    const struct store_model row = {
        .name = model->name,
        .variant = model->variant,
        .arch = record->arch,
        .family = record->family,
        .precision = record->precision,
        .technique = record->technique,
        .gradient = gradients[record->gradient],
        .twin = model->twin,
        .file_sha = record->file_sha,
        .preprocess_json = model->preprocess,
        .file_bytes = record->file_bytes,
        .params = record->params,
        .macs = record->macs,
        .n_classes = record->n_classes,
    };
    return store_put_model(store, &row, &model->id);
}

static enum status record_dataset(struct store *store, struct plan_dataset *entry)
{
    const struct dataset *dataset = &entry->dataset;
    const char **keys = mem_array(dataset->count, sizeof *keys);
    int *labels = mem_array(dataset->count, sizeof *labels);
    for (size_t i = 0; i < dataset->count; i++) {
        keys[i] = dataset->samples[i].key;
        labels[i] = dataset->samples[i].label;
    }
    const struct store_dataset row = {
        .name = dataset->name,
        .split = dataset->split,
        .manifest_sha = dataset->manifest_sha,
        .n_classes = dataset->n_classes,
        .count = dataset->count,
        .keys = keys,
        .labels = labels,
        .class_names = (const char *const *)dataset->class_names,
    };
    enum status st = store_put_dataset(store, &row, &entry->id);
    free(keys);
    free(labels);
    const struct store_subset subset = {
        .dataset_id = entry->id,
        .spec = entry->subset.spec,
        .sha = entry->subset.sha,
        .count = entry->subset.count,
        .items = entry->subset.items,
    };
    return st ? st : store_put_subset(store, &subset, &entry->subset_id);
}

static enum status record_condition(struct store *store,
                                    const struct condition *condition, int64_t *id)
{
    const struct store_condition row = {
        .kind = condition->kind,
        .noise = condition->noise,
        .impl = condition->impl,
        .label = condition->label,
        .severity = condition->severity,
        .norm = condition->norm,
        .eps = condition->eps,
        .params_json = condition->json,
        .params_sha = condition->sha,
    };
    return store_put_condition(store, &row, id);
}

enum status plan_lookup(struct plan *plan, struct store *store)
{
    enum status st = OK;
    for (size_t i = 0; !st && i < plan->n_cells; i++) {
        struct cell *cell = &plan->cells[i];
        if (cell->state != CELL_WAITING)
            continue;
        st = store_find_cell(store, cell->key, &cell->id);
        if (cell->id)
            cell->state = CELL_FOUND;
    }
    return st;
}

enum status plan_record(struct plan *plan, struct store *store)
{
    enum status st = OK;
    for (size_t i = 0; !st && i < plan->n_models; i++)
        st = record_model(store, &plan->models[i]);
    for (size_t i = 0; !st && i < plan->n_datasets; i++)
        st = record_dataset(store, &plan->datasets[i]);
    for (size_t i = 0; !st && i < plan->conditions.count; i++)
        st = record_condition(store, &plan->conditions.items[i], &plan->condition_ids[i]);
    return st ? st : plan_lookup(plan, store);
}
