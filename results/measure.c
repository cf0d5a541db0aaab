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
    {"mce", "mCE", "mean corruption error, the baseline (AlexNet) = 100; lower is better", KIND_NATURAL},
    {"relative_mce", "Relative mCE", "errors beyond clean, the baseline (AlexNet) = 100; lower is better", KIND_NATURAL},
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

struct board_value board_delta(const struct board_cell *cell)
{
    double half = 1.959964 * cell->delta_se;
    return (struct board_value){.present = cell->paired, .value = cell->delta,
                                .lo = cell->delta - half, .hi = cell->delta + half,
                                .conditions = 1, .cell = cell, .condition = -1};
}

static struct board_value of_cell(const struct board_cell *cell, int condition)
{
    return (struct board_value){.present = true, .value = cell->acc, .lo = cell->lo,
                                .hi = cell->hi, .conditions = 1, .cell = cell,
                                .condition = condition};
}

struct board_value board_of_images(const double *x, size_t n, int conditions,
                                   const struct bootstrap *bootstrap)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    struct interval interval = bootstrap_interval(bootstrap, x, NULL);
    return (struct board_value){.present = true, .value = sum / (double)n, .lo = interval.lo,
                                .hi = interval.hi, .conditions = conditions,
                                .condition = -1};
}

/* x: per image, the share of a kind's conditions it is right under. How many there are;
 * the one with the lowest accuracy goes to *worst. */
static int image_means(const struct board_section *section, enum board_kind kind,
                       const struct board_row *row, double *x, struct board_value *worst)
{
    int count = 0;
    memset(x, 0, (size_t)section->n * sizeof *x);
    for (size_t c = 0; c < section->n_conditions; c++) {
        const struct board_cell *cell = row->cells[c];
        if (section->conditions[c].kind != kind || !cell)
            continue;
        board_add_bits(cell, 1, x);
        if (!count++ || cell->acc < worst->value)
            *worst = of_cell(cell, (int)c);
    }
    worst->conditions = count;
    for (int64_t i = 0; count && i < section->n; i++)
        x[i] /= count;
    return count;
}

/* Two single cells: McNemar. Two means: the paired normal test of the per-image
 * differences. Another number of conditions is another contest. */
struct contest {
    const struct board_section *section;
    enum board_measure measure;
    const size_t *order; /* rows by the measure, best first */
    const double *x;     /* [rows][n] per-image values of a mean */
};

static bool differ(const void *context, size_t a, size_t b)
{
    const struct contest *contest = context;
    const struct board_section *section = contest->section;
    size_t first = contest->order[a], second = contest->order[b], n = (size_t)section->n;
    const struct board_value *left = &section->rows[first].values[contest->measure];
    const struct board_value *right = &section->rows[second].values[contest->measure];
    if (left->conditions != right->conditions)
        return true;
    if (left->cell && right->cell) {
        int64_t only_a, only_b;
        stats_discordant(left->cell->ok, right->cell->ok, (n + 7) / 8, &only_a, &only_b);
        return stats_mcnemar(only_a, only_b) <= 0.05;
    }
    const double *x = contest->x + first * n, *y = contest->x + second * n;
    double sum = 0, squares = 0, count = (double)n;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] - y[i];
        squares += (x[i] - y[i]) * (x[i] - y[i]);
    }
    double variance = fmax(0, squares / count - sum / count * (sum / count)) / count;
    return fabs(sum / count) > 1.959964 * sqrt(variance);
}

static int by_names(const struct board_row *a, const struct board_row *b)
{
    int order = strcmp(a->model, b->model);
    return order ? order : strcmp(a->variant, b->variant);
}

static bool low_is_good(enum board_measure measure)
{
    return measure == MEASURE_MCE || measure == MEASURE_RELATIVE_MCE;
}

static int by_measure(const struct board_row *a, const struct board_row *b,
                      enum board_measure sort)
{
    if (sort == MEASURES)
        return by_names(a, b);
    const struct board_value *x = &a->values[sort], *y = &b->values[sort];
    if (x->present != y->present)
        return x->present ? -1 : 1;
    if (x->present && x->partial != y->partial)
        return x->partial ? 1 : -1;
    if (x->present && x->value != y->value)
        return (x->value > y->value) != low_is_good(sort) ? -1 : 1;
    return by_names(a, b);
}

static int rows_by_measure(const void *left, const void *right, void *context)
{
    return by_measure(left, right, *(enum board_measure *)context);
}

static int order_by_measure(const void *left, const void *right, void *context)
{
    const struct contest *contest = context;
    const struct board_row *rows = contest->section->rows;
    return by_measure(&rows[*(const size_t *)left], &rows[*(const size_t *)right],
                      contest->measure);
}

static void tie(struct board_section *section, enum board_measure measure, const double *x)
{
    size_t *order = mem_array(section->n_rows + 1, sizeof *order), count = 0;
    int *group = mem_array(section->n_rows + 1, sizeof *group);
    struct contest contest = {section, measure, order, x};
    for (size_t i = 0; i < section->n_rows; i++)
        if (section->rows[i].values[measure].present)
            order[count++] = i;
    qsort_r(order, count, sizeof *order, order_by_measure, &contest);
    stats_tie_groups(count, differ, &contest, group);
    for (size_t i = 0; i < count; i++)
        section->rows[order[i]].groups[measure] = group[i];
    free(order);
    free(group);
}

static void mark_partial(struct board_section *section, enum board_measure measure)
{
    int most = 0;
    for (size_t i = 0; i < section->n_rows; i++)
        if (section->rows[i].values[measure].conditions > most)
            most = section->rows[i].values[measure].conditions;
    for (size_t i = 0; i < section->n_rows; i++) {
        struct board_value *value = &section->rows[i].values[measure];
        value->partial = value->present && value->conditions < most;
    }
}

/* Mean, worst, then, with clean taken off every image, the mean change. */
static void measure_kind(struct board_section *section, enum board_kind kind,
                         const struct bootstrap *bootstrap, double *x)
{
    size_t n = (size_t)section->n;
    enum board_measure mean = of_kind[kind].mean, delta = of_kind[kind].delta;
    enum board_measure worst = of_kind[kind].worst;
    for (size_t r = 0; r < section->n_rows; r++) {
        struct board_row *row = &section->rows[r];
        int count = image_means(section, kind, row, x + r * n, &row->values[worst]);
        if (count)
            row->values[mean] = board_of_images(x + r * n, n, count, bootstrap);
    }
    mark_partial(section, mean);
    mark_partial(section, worst);
    tie(section, mean, x);
    tie(section, worst, NULL);
    for (size_t r = 0; r < section->n_rows; r++) {
        struct board_row *row = &section->rows[r];
        const struct board_cell *clean = board_clean(section, row);
        if (!clean || !row->values[mean].present)
            continue;
        board_add_bits(clean, -1, x + r * n);
        row->values[delta] =
            board_of_images(x + r * n, n, row->values[mean].conditions, bootstrap);
    }
    mark_partial(section, delta);
    tie(section, delta, x);
}

static void measure_mce(struct board_section *section, bool relative,
                        const struct bootstrap *bootstrap, double *x)
{
    size_t n = (size_t)section->n;
    enum board_measure measure = relative ? MEASURE_RELATIVE_MCE : MEASURE_MCE;
    memset(x, 0, section->n_rows * n * sizeof *x);
    for (size_t r = 0; r < section->n_rows; r++)
        if (board_mce(section, &section->rows[r], relative, 1, x + r * n))
            section->rows[r].values[measure] = board_of_images(x + r * n, n, 75, bootstrap);
    tie(section, measure, x);
}

static void measure_clean(struct board_section *section)
{
    for (size_t r = 0; r < section->n_rows; r++) {
        struct board_row *row = &section->rows[r];
        for (int m = 0; m < MEASURES; m++)
            row->values[m] = (struct board_value){.condition = -1};
        for (size_t c = 0; c < section->n_conditions; c++)
            if (section->conditions[c].kind == KIND_CLEAN && row->cells[c])
                row->values[MEASURE_CLEAN] = of_cell(row->cells[c], (int)c);
    }
    tie(section, MEASURE_CLEAN, NULL);
}

void board_measure(struct board_section *section, enum board_measure sort,
                   const struct bootstrap *bootstrap)
{
    double *x = mem_array(section->n_rows * (size_t)section->n + 1, sizeof *x);
    measure_clean(section);
    for (int kind = KIND_SYSTEM; kind < KINDS; kind++)
        measure_kind(section, (enum board_kind)kind, bootstrap, x);
    measure_mce(section, false, bootstrap, x);
    measure_mce(section, true, bootstrap, x);
    free(x);
    qsort_r(section->rows, section->n_rows, sizeof *section->rows, rows_by_measure, &sort);
    for (size_t r = 0; r < section->n_rows && sort != MEASURES; r++)
        section->rows[r].group = section->rows[r].groups[sort];
}
