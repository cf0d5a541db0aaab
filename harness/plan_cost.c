/*
 * How long will it take? A network's speed is what it took a clean sample, or follows from
 * its operations where it was never run; a condition's weight is how much longer it took
 * than clean.
 */
#include "harness/plan.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct past {
    struct store_cost *items;
    size_t count;
    double *scratch; /* [count], for medians */
};

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Of the values gathered in scratch; NaN of none. */
static double median(const struct past *past, size_t count)
{
    if (!count)
        return (double)NAN;
    qsort(past->scratch, count, sizeof *past->scratch, by_value);
    return past->scratch[count / 2];
}

static bool is_model(const struct store_cost *item, const struct plan_model *model)
{
    return !strcmp(item->model, model->name) && !strcmp(item->variant, model->variant);
}

/* The clean seconds of the network that `item` is of; NaN: not known. */
static double clean_of(const struct past *past, const struct store_cost *item)
{
    for (size_t i = 0; i < past->count; i++)
        if (!strcmp(past->items[i].kind, "clean") &&
            !strcmp(past->items[i].model, item->model) &&
            !strcmp(past->items[i].variant, item->variant))
            return past->items[i].seconds;
    return (double)NAN;
}

/* Clean seconds a sample of a network of the plan. */
static double speed_of(const struct past *past, const struct plan_model *model)
{
    size_t count = 0;
    for (size_t i = 0; i < past->count; i++) {
        const struct store_cost *item = &past->items[i];
        if (strcmp(item->kind, "clean"))
            continue;
        if (is_model(item, model))
            return item->seconds;
        if (item->macs > 0)
            past->scratch[count++] =
                item->seconds / (double)item->macs * (double)model->record->macs;
    }
    return median(past, count);
}

/* What a match of the condition (exactly, or by its noise alone) took on this network, or
 * on others by their speed. */
static double like(const struct past *past, const struct plan_model *model,
                   const struct condition *condition, bool exactly, bool here, double speed)
{
    size_t count = 0;
    for (size_t i = 0; i < past->count; i++) {
        const struct store_cost *item = &past->items[i];
        const char *mine = exactly ? condition->label : condition->noise;
        if (strcmp(item->kind, condition->kind) || is_model(item, model) != here ||
            strcmp(exactly ? item->condition : item->noise, mine))
            continue;
        double seconds =
            here ? item->seconds : item->seconds / clean_of(past, item) * speed;
        if (isfinite(seconds))
            past->scratch[count++] = seconds;
    }
    return median(past, count);
}

static double predict(const struct past *past, const struct plan *plan,
                      const struct cell *cell, double speed)
{
    const struct plan_model *model = &plan->models[cell->model];
    const struct condition *condition = cell_condition(plan, cell);
    double seconds = like(past, model, condition, true, true, speed);
    if (isnan(seconds))
        seconds = like(past, model, condition, true, false, speed);
    if (isnan(seconds))
        seconds = like(past, model, condition, false, true, speed);
    if (isnan(seconds))
        seconds = like(past, model, condition, false, false, speed);
    return seconds;
}

enum status plan_predict(struct plan *plan, struct store *store, struct plan_cost *out)
{
    struct arena arena = {0};
    struct past past = {0};
    double bytes = 0;
    *out = (struct plan_cost){0};
    enum status st = store_costs(store, &arena, &past.items, &past.count);
    if (!st)
        st = store_sample_bytes(store, &bytes);
    past.scratch = mem_array(past.count + 1, sizeof *past.scratch);
    double *speeds = mem_array(plan->n_models + 1, sizeof *speeds);
    for (size_t i = 0; i < plan->n_models; i++)
        speeds[i] = speed_of(&past, &plan->models[i]);
    for (size_t i = 0; !st && i < plan->n_cells; i++) {
        struct cell *cell = &plan->cells[i];
        size_t n = plan->datasets[cell->dataset].subset.count;
        if (cell->state != CELL_WAITING)
            continue;
        cell->cost = predict(&past, plan, cell, speeds[cell->model]) * (double)n;
        out->cells++;
        out->bytes += bytes * (double)n;
        if (isnan(cell->cost))
            out->unknown++;
        else
            out->cpu_s += cell->cost;
    }
    free(past.items);
    free(past.scratch);
    free(speeds);
    arena_clear(&arena);
    return st;
}
