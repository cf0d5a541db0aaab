/* Which cells run together, and in which order. */
#include "harness/plan.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

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
