/* The plan itself: cells and their keys. */
#include "harness/calibrate.h"
#include "harness/plan_parts.h"
#include "harness/sources.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    hash_add_u64(&hash, ENGINE_IMPL);
    hash_add_string(&hash, calibrate_needed(plan, cell)
                               ? calibrate_data(plan, cell->model)->calibration.sha
                               : NULL);
    hash_add_u64(&hash, random ? seed : 0);
    hash_add_string(
        &hash, cell->source < 0 ? NULL : plan->models[cell->source].record->file_sha);
    if (cell->source >= 0)
        hash_add_string(&hash, plan->models[cell->source].preprocess);
    hash_finish(&hash, cell->key);
}

static enum status check_classes(const struct plan *plan, const struct cell *cell)
{
    const struct condition *condition = &plan->conditions.items[cell->condition];
    if (condition->attack && plan->datasets[cell->dataset].allowed)
        return status_fail(ERR_UNSUPPORTED,
                           "%s would attack all classes, and here only those present count",
                           condition->attack->name);
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
                          .turn = condition > 0, /* the first is clean */
                          .cost = (double)NAN,
                          .source = c->source ? sources_find(plan, c->source) : -1};
    enum status st = route_plan(c, &plan->models[model].record->preprocess, &cell->route);
    if (!st)
        st = sources_check(plan, cell);
    if (!st)
        st = check_gradient(plan, cell);
    if (!st)
        st = check_classes(plan, cell);
    make_key(plan, seed, cell);
    if (st) {
        cell->state = CELL_FAILED;
        cell->error = mem_copy(status_message());
    }
}

/* A dataset meets the networks that tell as many classes apart; one of unknown classes
 * meets all. */
static bool meets(const struct plan *plan, size_t model, size_t dataset)
{
    return plan->datasets[dataset].ood ||
           plan->models[model].record->n_classes ==
               plan->datasets[dataset].dataset.n_classes;
}

/* What is unknown is seen clean, which is always the first condition. */
static bool wanted_under(const struct plan *plan, size_t dataset, size_t condition)
{
    return !condition || !plan->datasets[dataset].ood;
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
                if (meets(plan, m, d) && wanted_under(plan, d, c) && in_shard(options, c) &&
                    sources_meet(plan, &plan->conditions.items[c], m) &&
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
    *out = (struct plan){.suite = suite, .set = options->set};
    enum status st = plan_open_models(suite, options, out);
    if (!st)
        st = plan_open_conditions(suite, options->only, out);
    if (!st)
        st = plan_open_datasets(suite, options, out);
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
    for (size_t i = 0; i < plan->n_models + plan->n_lenders; i++) {
        model_close(plan->models[i].model);
        free(plan->models[i].name);
        free(plan->models[i].variant);
        free(plan->models[i].twin);
        free(plan->models[i].preprocess);
    }
    for (size_t i = 0; i < plan->n_datasets; i++) {
        free(plan->datasets[i].allowed);
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

bool cells_share_points(const struct plan *plan, const struct cell *a, const struct cell *b)
{
    const struct condition *condition = cell_condition(plan, a);
    return a->condition == b->condition && a->dataset == b->dataset && a->source >= 0 &&
           attack_crafts_apart(condition->attack, &condition->attack_params) &&
           !strcmp(a->route.pixel_key, b->route.pixel_key);
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
