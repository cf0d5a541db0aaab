/* What a wave has found, into the store: one transaction a cell. */
#include "harness/wave.h"
#include "noises/adversarial/protocol.h"

#include "base/mem.h"
#include "base/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Column vectors of a cell for the store. */
struct vectors {
    int *top1, *rank, *queries, *flips, *spread;
    float *margin, *confidence, *distance;
    int pairs;
    const char **broken_by;
    struct store_failure *failures;
    size_t n_failures;
};

static int by_item(const void *a, const void *b)
{
    const struct store_failure *left = a, *right = b;
    return (left->item > right->item) - (left->item < right->item);
}

static void gather(const struct wave_run *run, size_t index, struct vectors *out)
{
    const struct verdict *verdicts = run->cells[index].verdicts;
    size_t n = run->n;
    *out = (struct vectors){
        .top1 = mem_array(n, sizeof(int)),
        .rank = mem_array(n, sizeof(int)),
        .queries = mem_array(n, sizeof(int)),
        .flips = mem_array(n, sizeof(int)),
        .spread = mem_array(n, sizeof(int)),
        .margin = mem_array(n, sizeof(float)),
        .confidence = mem_array(n, sizeof(float)),
        .distance = mem_array(n, sizeof(float)),
        .broken_by = mem_array(n, sizeof(char *)),
        .failures = mem_array(run->n_failures + 1, sizeof(struct store_failure)),
    };
    for (size_t i = 0; i < n; i++) {
        out->top1[i] = verdicts[i].top1;
        out->rank[i] = verdicts[i].rank;
        out->queries[i] = verdicts[i].queries;
        bool whole = verdicts[i].stability.pairs > 0;
        out->pairs = whole ? verdicts[i].stability.pairs : out->pairs;
        out->flips[i] = whole ? verdicts[i].stability.flips : -1;
        out->spread[i] = whole ? verdicts[i].stability.spread : -1;
        out->margin[i] = verdicts[i].margin;
        out->confidence[i] = verdicts[i].confidence;
        out->distance[i] = verdicts[i].distance;
        out->broken_by[i] = verdicts[i].broken_by;
    }
    for (size_t i = 0; i < run->n_failures; i++)
        if (run->failures[i].cell == index)
            out->failures[out->n_failures++] = (struct store_failure){
                run->failures[i].item, run->failures[i].stage, run->failures[i].message};
    qsort(out->failures, out->n_failures, sizeof *out->failures, by_item);
}

static void clear_vectors(struct vectors *v)
{
    free(v->top1);
    free(v->rank);
    free(v->queries);
    free(v->flips);
    free(v->spread);
    free(v->margin);
    free(v->confidence);
    free(v->distance);
    free(v->broken_by);
    free(v->failures);
}

struct sums {
    uint64_t forwards, backwards;
    size_t attacked, zero_gradient, lost_8bit;
    double max_distance;
    struct flag_sums flags;
};

/* The part of a verdict that an attack gave, as the family's flags want it. */
static struct attack_result as_result(const struct verdict *v)
{
    return (struct attack_result){
        .broken = v->broken,
        .broken_8bit = v->broken_8bit,
        .budget_violated = v->violated,
        .zero_gradient = v->zero_gradient,
        .broken_by = v->broken_by,
        .steps_done = v->steps_done,
        .survives_all = v->survives_all,
        .preflight = v->preflight,
    };
}

static struct sums sum_up(const struct wave_run *run, size_t index)
{
    struct sums sums = {0};
    for (size_t i = 0; i < run->n; i++) {
        const struct verdict *v = &run->cells[index].verdicts[i];
        sums.forwards += v->forwards;
        sums.backwards += v->backwards;
        sums.zero_gradient += v->zero_gradient;
        sums.lost_8bit += v->broken && !v->broken_8bit;
        if (v->broken && isfinite(v->distance))
            sums.max_distance = fmax(sums.max_distance, (double)v->distance);
        if (v->queries <= 0)
            continue;
        const struct attack_result result = as_result(v);
        sums.attacked++;
        flags_add(&sums.flags, &result);
    }
    return sums;
}

/* Flags that follow from the verdicts alone; thresholds in noises/adversarial/protocol.h.
 */
static size_t raise_flags(const struct sums *sums, const struct condition *condition,
                          size_t n, int n_classes, struct store_flag *flags)
{
    struct flag raised[FLAGS_MAX];
    size_t count = 0, found = 0;
    if (condition->attack && sums->attacked)
        found = flags_list(&sums->flags, n, condition->attack, &condition->attack_params,
                           n_classes, raised);
    for (size_t i = 0; i < found; i++)
        flags[count++] =
            (struct store_flag){raised[i].code, raised[i].message, raised[i].value};
    if (sums->lost_8bit)
        flags[count++] = (struct store_flag){
            "FLOAT_ONLY", "samples broken in float and not on the 8-bit lattice",
            (double)sums->lost_8bit};
    return count;
}

static int by_value(const void *a, const void *b)
{
    float left = *(const float *)a, right = *(const float *)b;
    return (left > right) - (left < right);
}

/* Of the distances found for the samples that were attacked; INFINITY where most held. */
static double median_distance(const struct wave_run *run, size_t index)
{
    const struct verdict *verdicts = run->cells[index].verdicts;
    float *found = mem_array(run->n + 1, sizeof *found);
    size_t count = 0;
    for (size_t i = 0; i < run->n; i++)
        if (verdicts[i].queries > 0)
            found[count++] = verdicts[i].distance;
    qsort(found, count, sizeof *found, by_value);
    double median = count ? ((double)found[(count - 1) / 2] + (double)found[count / 2]) / 2
                          : (double)NAN;
    free(found);
    return median;
}

static size_t gather_measures(const struct wave_run *run, size_t index,
                              const struct sums *sums, struct store_measure *out)
{
    const struct condition *condition = cell_condition(run->plan, run->wave.cells[index]);
    struct finding found[PREFLIGHT_FINDINGS];
    size_t count = 0, findings = preflight_list(&sums->flags, found);
    for (size_t i = 0; i < findings; i++)
        out[count++] = (struct store_measure){found[i].name, found[i].value};
    if (condition->attack && condition->attack->minimum_norm && sums->attacked)
        out[count++] =
            (struct store_measure){"median_distance", median_distance(run, index)};
    return count;
}

static int64_t peak_kb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static enum status put(struct wave_run *run, size_t index, int64_t run_id, double wall_s)
{
    struct plan *plan = run->plan;
    struct cell *cell = run->wave.cells[index];
    const struct progress_of_cell *progress = &run->cells[index];
    const struct plan_dataset *dataset = &plan->datasets[cell->dataset];
    const struct condition *condition = cell_condition(plan, cell);
    bool attacked = condition->attack != NULL;
    struct vectors v;
    struct store_flag flags[FLAGS_MAX + 1];
    struct store_measure measures[PREFLIGHT_FINDINGS + 1];
    gather(run, index, &v);
    const struct sums sums = sum_up(run, index);
    char *all_failed =
        v.n_failures == run->n && run->n
            ? mem_format("all %zu samples failed; the first: %s: %s", run->n,
                         v.failures[0].stage, v.failures[0].message)
            : NULL;
    struct store_cell row = {
        .run_id = run_id,
        .model_id = plan->models[cell->model].id,
        .dataset_id = dataset->id,
        .cond_id = plan->condition_ids[cell->condition],
        .subset_id = dataset->subset_id,
        .source_id = cell->source < 0 ? 0 : plan->models[cell->source].id,
        .key = cell->key,
        .status = progress->error || all_failed ? "failed"
                  : progress->timed_out         ? "timeout"
                                                : "done",
        .error = progress->error       ? progress->error
                 : all_failed          ? all_failed
                 : progress->timed_out ? "ran past --timeout-cell"
                                       : NULL,
        .wall_s = wall_s,
        .cpu_s = progress->cpu_s,
        .rss_kb = peak_kb(),
        .zero_grad =
            sums.attacked ? (double)sums.zero_gradient / (double)sums.attacked : 0,
        .max_pert = attacked ? sums.max_distance : (double)NAN,
        .forwards = sums.forwards,
        .backwards = sums.backwards,
        .n_flags = raise_flags(&sums, condition, run->n,
                               plan->models[cell->model].record->n_classes, flags),
        .flags = flags,
        .n_failures = v.n_failures,
        .failures = v.failures,
    };
    cell->spent = progress->cpu_s;
    cell->state = CELL_FAILED;
    if (!strcmp(row.status, "timeout"))
        cell->state = CELL_TIMEOUT;
    if (!strcmp(row.status, "done")) {
        cell->state = CELL_DONE;
        row.n = run->n;
        row.n_measures = gather_measures(run, index, &sums, measures);
        row.measures = measures;
        row.top1 = v.top1;
        row.rank = v.rank;
        row.margin = v.margin;
        row.confidence = v.confidence;
        row.distance = attacked ? v.distance : NULL;
        row.queries = attacked ? v.queries : NULL;
        row.broken_by = attacked ? v.broken_by : NULL;
        if (condition->sequence) {
            row.pairs = v.pairs;
            row.flips = v.flips;
            row.spread = v.spread;
        }
    } else {
        cell->error = mem_copy(row.error);
        row.n_failures = all_failed ? row.n_failures : 0;
    }
    enum status st = store_put_cell(run->store, &row, &cell->id);
    clear_vectors(&v);
    free(all_failed);
    return st;
}

enum status cells_put(struct wave_run *run, int64_t run_id)
{
    double total = 0, wall = clock_now() - run->started;
    for (size_t i = 0; i < run->wave.count; i++)
        total += run->cells[i].cpu_s;
    enum status st = OK;
    for (size_t i = 0; !st && i < run->wave.count; i++) {
        double share = total > 0 ? run->cells[i].cpu_s / total : 1;
        st = put(run, i, run_id, wall * share);
    }
    return st;
}
