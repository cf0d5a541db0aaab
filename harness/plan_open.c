/* A suite's networks, data and conditions, opened. */
#include "harness/calibrate.h"
#include "harness/plan_parts.h"
#include "harness/sources.h"

#include "base/mem.h"
#include "base/progress.h"
#include "base/text.h"
#include "models/catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

enum status plan_open_model(const struct suite_model *entry, const char *const *more,
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

enum status plan_open_models(const struct suite *suite, const struct plan_options *options,
                             struct plan *plan)
{
    plan->models = mem_array(suite->models_count + 1, sizeof *plan->models);
    for (unsigned i = 0; i < suite->models_count; i++) {
        struct plan_model *model = &plan->models[plan->n_models];
        if (!plan_open_model(&suite->models[i], options->set, model)) {
            plan->n_models++;
            continue;
        }
        plan->n_bad++;
        const char *file = suite->models[i].file;
        if (suite->models_count == 1) /* most messages name it already */
            return strstr(status_message(), file) ? ERR_USAGE
                                                  : status_wrap(ERR_USAGE, "%s", file);
        progress_note("%s: left out: %s", file, status_message());
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

/* Networks choose among the classes that have a sample, as on ImageNet-A and -R. */
static void allow_present(struct plan_dataset *entry)
{
    const struct dataset *dataset = &entry->dataset;
    size_t count = (size_t)dataset->n_classes, present = 0;
    entry->allowed = mem_array(count + 1, sizeof *entry->allowed);
    for (size_t i = 0; i < dataset->count; i++) {
        present += !entry->allowed[dataset->samples[i].label];
        entry->allowed[dataset->samples[i].label] = true;
    }
    if (present < count) {
        subset_mark("among=present", &entry->subset);
    } else { /* all are there: nothing changes */
        free(entry->allowed);
        entry->allowed = NULL;
    }
}

static enum status set_use(const struct suite_dataset *entry, struct plan_dataset *out)
{
    if (entry->role && strcmp(entry->role, "ood"))
        return status_fail(ERR_USAGE, "%s: role: %s: the only role is ood", entry->path,
                           entry->role);
    if (entry->among && strcmp(entry->among, "present") && strcmp(entry->among, "all"))
        return status_fail(ERR_USAGE, "%s: among: %s: choose one of: present, all",
                           entry->path, entry->among);
    out->ood = entry->role || out->dataset.ood;
    if (out->ood)
        subset_mark("role=ood", &out->subset);
    else if (entry->among ? !strcmp(entry->among, "present") : out->dataset.among_present)
        allow_present(out);
    return OK;
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
    return st ? st : set_use(entry, out);
}

enum status plan_open_datasets(const struct suite *suite,
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

enum status plan_open_conditions(const struct suite *suite, const char *only,
                                 struct plan *plan)
{
    struct conditions *all = &plan->conditions;
    size_t kept = 0;
    enum status st = check_only(only);
    if (!st)
        st = conditions_add(all, "clean");
    for (unsigned i = 0; !st && i < suite->noises_count; i++)
        st = sources_add(plan, suite->noises[i], all);
    for (unsigned i = 0; !st && i < suite->worst_count; i++)
        for (unsigned k = 0; !st && k < suite->worst[i].over_count; k++)
            st = sources_add(plan, suite->worst[i].over[k], all);
    for (size_t i = 0; i < all->count; i++) {
        if (wanted(&all->items[i], only))
            all->items[kept++] = all->items[i];
        else
            condition_clear(&all->items[i]);
    }
    all->count = kept;
    plan->condition_ids = mem_array(kept + 1, sizeof *plan->condition_ids);
    return st;
}
