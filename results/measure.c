/* What a board's rows come to: means over conditions with their intervals, ranks, ties. */
#include "results/board_parts.h"

#include "base/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// clang-format off
const struct board_measure_info board_measures[MEASURES] = {
    {"clean", "Clean", "top-1 on clean samples", KIND_CLEAN},
    {"system", "System", "mean top-1 over decoders, resizers, colour, precision", KIND_SYSTEM},
    {"system_delta", "System Δ", "mean change against clean", KIND_SYSTEM},
    {"system_worst", "System worst", "lowest top-1 of a system condition", KIND_SYSTEM},
    {"natural", "Natural", "mean top-1 over corruptions and severities", KIND_NATURAL},
    {"natural_delta", "Natural Δ", "mean change against clean", KIND_NATURAL},
    {"natural_worst", "Natural worst", "lowest top-1 of a corruption", KIND_NATURAL},
    {"adversarial", "Adversarial", "mean top-1 under attack", KIND_ADVERSARIAL},
    {"adversarial_delta", "Adversarial Δ", "mean change against clean", KIND_ADVERSARIAL},
    {"adversarial_worst", "Adversarial worst", "lowest top-1 under an attack", KIND_ADVERSARIAL},
    {"persample", "Per-sample worst", "mean share right under every condition of a set", KIND_WORST},
    {"persample_delta", "Per-sample worst Δ", "its change against clean", KIND_WORST},
    {"persample_worst", "Lowest per-sample worst", "lowest share right under a whole set", KIND_WORST},
    {"mce", "mCE", "mean corruption error, AlexNet on ImageNet-C = 100; lower is better", KIND_NATURAL},
    {"relative_mce", "Relative mCE", "errors beyond clean, AlexNet = 100; lower is better", KIND_NATURAL},
};
// clang-format on

static const struct {
    enum board_measure mean, delta, worst;
} of_kind[KINDS] = {
    [KIND_CLEAN] = {MEASURE_CLEAN, MEASURES, MEASURES},
    [KIND_SYSTEM] = {MEASURE_SYSTEM, MEASURE_SYSTEM_DELTA, MEASURE_SYSTEM_WORST},
    [KIND_NATURAL] = {MEASURE_NATURAL, MEASURE_NATURAL_DELTA, MEASURE_NATURAL_WORST},
    [KIND_ADVERSARIAL] = {MEASURE_ADVERSARIAL, MEASURE_ADVERSARIAL_DELTA,
                          MEASURE_ADVERSARIAL_WORST},
    [KIND_WORST] = {MEASURE_PERSAMPLE, MEASURE_PERSAMPLE_DELTA, MEASURE_PERSAMPLE_WORST},
};

SIMD_CLONES static void add_bits(const uint8_t *ok, size_t n, double weight, double *x)
{
    size_t whole = n / 8;
    for (size_t i = 0; i < whole; i++)
        for (int k = 0; k < 8; k++)
            x[8 * i + (size_t)k] += weight * (double)(ok[i] >> k & 1);
    for (size_t i = 8 * whole; i < n; i++)
        x[i] += weight * (double)(ok[i / 8] >> (i % 8) & 1);
}

void board_add_bits(const struct board_cell *cell, double weight, double *x)
{
    add_bits(cell->ok, (size_t)cell->n, weight, x);
}

const struct board_cell *board_clean(const struct board_section *section,
                                     const struct board_row *row)
{
    for (size_t c = 0; c < section->n_conditions; c++)
        if (section->conditions[c].kind == KIND_CLEAN && row->cells[c])
            return row->cells[c];
    return NULL;
}

static struct board_value of_cell(const struct board_cell *cell, int condition)
{
    return (struct board_value){.present = true, .value = cell->acc, .lo = cell->lo,
                                .hi = cell->hi, .conditions = 1, .cell = cell,
                                .condition = condition};
}

static double mean_of(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

/* Mean, mean change and lowest accuracy over one kind's conditions. Conditions that
 * share all images are resampled jointly: the mean is taken per image first. */
static void measure_kind(const struct board_section *section, enum board_kind kind,
                         const struct bootstrap *bootstrap, struct board_row *row, double *x)
{
    size_t n = (size_t)section->n;
    struct board_value *worst = &row->values[of_kind[kind].worst];
    int count = 0;
    memset(x, 0, n * sizeof *x);
    for (size_t c = 0; c < section->n_conditions; c++) {
        const struct board_cell *cell = row->cells[c];
        if (section->conditions[c].kind != kind || !cell)
            continue;
        board_add_bits(cell, 1, x);
        if (!count++ || cell->acc < worst->value)
            *worst = of_cell(cell, (int)c);
    }
    if (!count)
        return;
    worst->conditions = count;
    for (size_t i = 0; i < n; i++)
        x[i] /= count;
    struct interval interval = bootstrap_interval(bootstrap, x, NULL);
    row->values[of_kind[kind].mean] = (struct board_value){
        .present = true, .value = mean_of(x, n), .lo = interval.lo, .hi = interval.hi,
        .conditions = count, .condition = -1};
    const struct board_cell *clean = board_clean(section, row);
    if (!clean)
        return;
    board_add_bits(clean, -1, x);
    interval = bootstrap_interval(bootstrap, x, NULL);
    row->values[of_kind[kind].delta] = (struct board_value){
        .present = true, .value = mean_of(x, n), .lo = interval.lo, .hi = interval.hi,
        .conditions = count, .condition = -1};
}

static void mark_partial(struct board_section *section)
{
    for (int m = 0; m < MEASURES; m++) {
        int most = 0;
        for (size_t i = 0; i < section->n_rows; i++)
            if (section->rows[i].values[m].present &&
                section->rows[i].values[m].conditions > most)
                most = section->rows[i].values[m].conditions;
        for (size_t i = 0; i < section->n_rows; i++)
            section->rows[i].values[m].partial =
                section->rows[i].values[m].present &&
                section->rows[i].values[m].conditions < most;
    }
}

static void measure_mce(const struct board_section *section,
                        const struct bootstrap *bootstrap, struct board_row *row, double *x)
{
    for (int relative = 0; relative < 2; relative++) {
        memset(x, 0, (size_t)section->n * sizeof *x);
        if (!board_mce(section, row, relative, 1, x))
            continue;
        struct interval interval = bootstrap_interval(bootstrap, x, NULL);
        row->values[relative ? MEASURE_RELATIVE_MCE : MEASURE_MCE] = (struct board_value){
            .present = true, .value = mean_of(x, (size_t)section->n), .lo = interval.lo,
            .hi = interval.hi, .conditions = 75, .condition = -1};
    }
}

void board_measure(struct board_section *section, const struct bootstrap *bootstrap)
{
    double *x = mem_array((size_t)section->n, sizeof *x);
    for (size_t i = 0; i < section->n_rows; i++) {
        struct board_row *row = &section->rows[i];
        for (int m = 0; m < MEASURES; m++)
            row->values[m] = (struct board_value){.condition = -1};
        for (size_t c = 0; c < section->n_conditions; c++)
            if (section->conditions[c].kind == KIND_CLEAN && row->cells[c])
                row->values[MEASURE_CLEAN] = of_cell(row->cells[c], (int)c);
        for (int kind = KIND_SYSTEM; kind < KINDS; kind++)
            measure_kind(section, (enum board_kind)kind, bootstrap, row, x);
        measure_mce(section, bootstrap, row, x);
    }
    mark_partial(section);
    free(x);
}

/* Per-image values of a row's measure that is a mean, for paired comparisons. */
static void per_image(const struct board_section *section, const struct board_row *row,
                      enum board_measure sort, double weight, double *x)
{
    enum board_kind kind = board_measures[sort].kind;
    if (sort == MEASURE_MCE || sort == MEASURE_RELATIVE_MCE) {
        board_mce(section, row, sort == MEASURE_RELATIVE_MCE, weight, x);
        return;
    }
    if (sort == of_kind[kind].delta)
        board_add_bits(board_clean(section, row), -weight, x);
    int count = 0;
    for (size_t c = 0; c < section->n_conditions; c++)
        count += section->conditions[c].kind == kind && row->cells[c];
    for (size_t c = 0; c < section->n_conditions; c++)
        if (section->conditions[c].kind == kind && row->cells[c])
            board_add_bits(row->cells[c], weight / count, x);
}

struct contest {
    const struct board_section *section;
    const struct bootstrap *bootstrap;
    enum board_measure sort;
    double *x;
};

/* Two single cells: McNemar. Two means: does the interval of the per-image difference
 * hold zero? Another number of conditions is another contest. */
static bool differ(const void *context, size_t a, size_t b)
{
    const struct contest *contest = context;
    const struct board_row *first = &contest->section->rows[a];
    const struct board_row *second = &contest->section->rows[b];
    const struct board_value *left = &first->values[contest->sort];
    const struct board_value *right = &second->values[contest->sort];
    if (!left->present || !right->present || left->conditions != right->conditions)
        return true;
    if (left->cell && right->cell) {
        int64_t only_a, only_b;
        stats_discordant(left->cell->ok, right->cell->ok, (size_t)(left->cell->n + 7) / 8,
                         &only_a, &only_b);
        return stats_mcnemar(only_a, only_b) <= 0.05;
    }
    memset(contest->x, 0, (size_t)contest->section->n * sizeof *contest->x);
    per_image(contest->section, first, contest->sort, 1, contest->x);
    per_image(contest->section, second, contest->sort, -1, contest->x);
    struct interval interval = bootstrap_interval(contest->bootstrap, contest->x, NULL);
    return interval.lo > 0 || interval.hi < 0;
}

static int by_names(const struct board_row *a, const struct board_row *b)
{
    int order = strcmp(a->model, b->model);
    return order ? order : strcmp(a->variant, b->variant);
}

static int by_measure(const void *left, const void *right, void *context)
{
    const struct board_row *a = left, *b = right;
    enum board_measure sort = *(enum board_measure *)context;
    if (sort == MEASURES)
        return by_names(a, b);
    const struct board_value *x = &a->values[sort], *y = &b->values[sort];
    if (x->present != y->present)
        return x->present ? -1 : 1;
    if (x->present && x->partial != y->partial)
        return x->partial ? 1 : -1;
    if (x->present && x->value != y->value) {
        bool low_is_good = sort == MEASURE_MCE || sort == MEASURE_RELATIVE_MCE;
        return (x->value > y->value) != low_is_good ? -1 : 1;
    }
    return by_names(a, b);
}

void board_rank(struct board_section *section, enum board_measure sort,
                const struct bootstrap *bootstrap)
{
    qsort_r(section->rows, section->n_rows, sizeof *section->rows, by_measure, &sort);
    if (sort == MEASURES)
        return;
    size_t ranked = 0;
    while (ranked < section->n_rows && section->rows[ranked].values[sort].present)
        ranked++;
    int *group = mem_array(ranked + 1, sizeof *group);
    struct contest contest = {section, bootstrap, sort,
                              mem_array((size_t)section->n, sizeof(double))};
    stats_tie_groups(ranked, differ, &contest, group);
    for (size_t i = 0; i < ranked; i++)
        section->rows[i].group = group[i];
    free(contest.x);
    free(group);
}
