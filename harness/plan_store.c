/* The plan and the store: what is noted down, and what is there already. */
#include "harness/plan.h"

#include "base/mem.h"

#include <stdlib.h>

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
    for (size_t i = 0; !st && i < plan->n_models + plan->n_lenders; i++)
        st = record_model(store, &plan->models[i]);
    for (size_t i = 0; !st && i < plan->n_datasets; i++)
        st = record_dataset(store, &plan->datasets[i]);
    for (size_t i = 0; !st && i < plan->conditions.count; i++)
        st = record_condition(store, &plan->conditions.items[i], &plan->condition_ids[i]);
    return st ? st : plan_lookup(plan, store);
}
