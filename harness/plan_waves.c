/* Which cells run together, and in which order. */
#include "harness/plan.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of networks: fewer where each may need the memory of a gradient, too. */
enum { WAVE_MODELS = 8, WAVE_SHOWN = 16, WAVE_VERDICTS = 1 << 20 };

static bool shares(const struct plan *plan, const struct cell *cell)
{
    return cells_share_points(plan, cell, cell);
}

/* Attacks take long: under a budget each comes alone, so that it is done sooner. */
static bool same_attack(const struct plan *plan, const struct cell *a, const struct cell *b)
{
    bool attack = cell_condition(plan, a)->attack != NULL;
    bool alone = plan->wave_cost > 0 || shares(plan, a) || shares(plan, b);
    return attack == (cell_condition(plan, b)->attack != NULL) &&
           (!attack || !alone || a->condition == b->condition);
}

static bool same_wave(const struct plan *plan, const struct cell *a, const struct cell *b)
{
    return a->dataset == b->dataset && a->turn == b->turn && same_attack(plan, a, b) &&
           !strcmp(a->route.fit_key, b->route.fit_key);
}

static int by_pixels(const void *a, const void *b)
{
    const struct cell *const *left = a, *const *right = b;
    int order = strcmp((*left)->route.pixel_key, (*right)->route.pixel_key);
    return order ? order : (*left > *right) - (*left < *right);
}

static bool room_for_model(const struct wave *wave, size_t most, const struct cell *cell)
{
    size_t models[WAVE_SHOWN], count = 0;
    for (size_t i = 0; i < wave->count; i++) {
        size_t model = wave->cells[i]->model, k = 0;
        if (model == cell->model)
            return true;
        while (k < count && models[k] != model)
            k++;
        if (k == count && count < most)
            models[count++] = model;
    }
    return count < most;
}

/* Of the lowest turn; under a budget the cheapest of these, the unknown last. */
static bool goes_before(const struct plan *plan, const struct cell *a, const struct cell *b)
{
    if (a->turn != b->turn || plan->wave_cost <= 0)
        return a->turn < b->turn;
    return a->cost < b->cost || (isnan(b->cost) && !isnan(a->cost));
}

static struct cell *first_waiting(struct plan *plan)
{
    struct cell *first = NULL;
    for (size_t i = 0; i < plan->n_cells; i++) {
        struct cell *cell = &plan->cells[i];
        if (cell->state == CELL_WAITING && (!first || goes_before(plan, cell, first)))
            first = cell;
    }
    return first;
}

/* Cells up to a number of verdicts, and under a budget up to a cost, which what shares
 * its points hardly adds to. */
static bool room_for(const struct plan *plan, const struct wave *wave, size_t most,
                     const struct cell *cell)
{
    bool shown = shares(plan, cell);
    double cost = cell->cost;
    for (size_t i = 0; i < wave->count; i++)
        cost += wave->cells[i]->cost;
    return wave->count < most &&
           room_for_model(wave, shown ? WAVE_SHOWN : WAVE_MODELS, cell) &&
           (shown || !(plan->wave_cost > 0 && cost > plan->wave_cost));
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
    wave.cells[wave.count++] = first;
    for (struct cell *cell = plan->cells; cell < plan->cells + plan->n_cells; cell++)
        if (cell != first && cell->state == CELL_WAITING && same_wave(plan, first, cell) &&
            room_for(plan, &wave, most, cell))
            wave.cells[wave.count++] = cell;
    qsort(wave.cells, wave.count, sizeof *wave.cells, by_pixels);
    return wave;
}

/* Its place among the conditions of its kind and noise, and how many these are. */
static void place_in_noise(const struct plan *plan, size_t condition, size_t *place,
                           size_t *count)
{
    const struct condition *items = plan->conditions.items;
    *place = *count = 0;
    for (size_t i = 0; i < plan->conditions.count; i++) {
        if (strcmp(items[i].kind, items[condition].kind) ||
            strcmp(items[i].noise, items[condition].noise))
            continue;
        *place += i < condition;
        ++*count;
    }
}

void plan_telling_first(struct plan *plan, double budget_cpu_s)
{
    enum { WAVES = 20 }; /* that a budget should hold at least */
    plan->wave_cost = budget_cpu_s / WAVES;
    for (size_t i = 0; i < plan->n_cells; i++) {
        size_t place, count;
        place_in_noise(plan, plan->cells[i].condition, &place, &count);
        if (plan->cells[i].condition)
            plan->cells[i].turn = place == (count - 1) / 2 ? 1 : 2;
    }
}
