/*
 * Time and memory are noisy: a night counts as slow when it is beyond the median of up to
 * seven earlier ones by four robust deviations and a tenth. A fit of steps to the whole
 * history then says since when.
 */
#include "results/night_parts.h"

#include "base/mem.h"
#include "results/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { USUAL = 7, USUAL_LEAST = 3, HISTORY = 365 };

/* One quantity over the nights, oldest first; the last is tonight's. */
struct series {
    double values[HISTORY];
    char *started[HISTORY];
    size_t count;
};

static void series_clear(struct series *series)
{
    for (size_t i = 0; i < series->count; i++)
        free(series->started[i]);
    series->count = 0;
}

/* Rows of a query: value, start of the night; newest first. */
static enum status series_read(struct query *query, struct series *series)
{
    series->count = 0;
    while (series->count < HISTORY && query_row(query)) {
        series->values[series->count] = query_real(query, 0);
        series->started[series->count++] = mem_copy(query_text(query, 1));
    }
    for (size_t i = 0; i < series->count / 2; i++) {
        size_t other = series->count - 1 - i;
        double value = series->values[i];
        char *started = series->started[i];
        series->values[i] = series->values[other];
        series->started[i] = series->started[other];
        series->values[other] = value;
        series->started[other] = started;
    }
    return query_end(query);
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return count % 2 ? values[count / 2]
                     : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Is the last value unusual? Three earlier ones are needed to know what is usual. */
static bool rose(const struct series *series, double *usual)
{
    double before[USUAL], off[USUAL];
    size_t count = series->count ? series->count - 1 : 0;
    count = count < USUAL ? count : USUAL;
    if (count < USUAL_LEAST)
        return false;
    double now = series->values[series->count - 1];
    memcpy(before, &series->values[series->count - 1 - count], count * sizeof *before);
    *usual = median(before, count);
    for (size_t i = 0; i < count; i++)
        off[i] = fabs(before[i] - *usual);
    return now > fmax(*usual + 4 * 1.4826 * median(off, count), 1.1 * *usual);
}

/* The night in which the level that stands at the end began, if it is higher than the one
 * before it. */
static const char *since(const struct series *series)
{
    struct step steps[STEPS_MAX];
    size_t count = stats_steps(series->values, series->count, steps);
    if (count < 2 || steps[count - 1].level <= steps[count - 2].level)
        return NULL;
    return series->started[steps[count - 1].start];
}

static void add(struct night *night, const struct series *series, const char *model,
                const char *condition, double usual)
{
    const char *date = since(series);
    night->slow = mem_grow(night->slow, night->n_slow + 1, sizeof *night->slow);
    night->slow[night->n_slow++] = (struct night_slow){
        .model = model, .condition = condition, .usual = usual,
        .now = series->values[series->count - 1],
        .since = date ? arena_copy(&night->arena, date) : NULL};
}

/* CPU seconds of the same work: same network and samples, same condition. */
static enum status read_times(sqlite3 *db, int64_t run, int64_t cell, struct series *series)
{
    struct query query;
    query_begin(&query, db,
                "SELECT x.cpu_s, r.started FROM cell c JOIN cell e ON (e.model_id, e.subset_id,"
                " e.cond_id) = (c.model_id, c.subset_id, c.cond_id) JOIN run_cell x ON"
                " x.cell_id = e.cell_id JOIN run r ON r.run_id = x.run_id WHERE c.cell_id = ?"
                " AND x.run_id <= ? AND x.cpu_s > 0 ORDER BY x.run_id DESC", "ii", cell, run);
    return series_read(&query, series);
}

enum status night_find_slow(sqlite3 *db, struct night *night)
{
    struct series *series = mem_new(sizeof *series);
    enum status st = OK;
    for (size_t i = 0; i < night->n_cells && !st; i++) {
        const struct night_cell *cell = &night->cells[i];
        int64_t us = 0;
        double usual;
        st = sql_int(db, 0, &us, "SELECT CAST(1e6 * cpu_s AS INTEGER) FROM run_cell WHERE"
                     " run_id = ? AND cell_id = ?", "ii", night->run, cell->after);
        if (st || us < 1000) /* not computed this night, or too short to tell */
            continue;
        st = read_times(db, night->run, cell->after, series);
        if (!st && rose(series, &usual))
            add(night, series, cell->model, cell->condition, usual);
        series_clear(series);
    }
    free(series);
    return st;
}

enum status night_find_large(sqlite3 *db, struct night *night)
{
    struct series *series = mem_new(sizeof *series);
    struct query query;
    double usual;
    query_begin(&query, db,
                "SELECT max(x.rss_kb) / 1024.0, r.started FROM run_cell x JOIN run r"
                " USING(run_id) WHERE x.rss_kb > 0 AND r.suite = ? AND r.run_id <= ? GROUP BY"
                " r.run_id HAVING count(*) >= (SELECT count(*) FROM run_cell WHERE run_id = ?"
                " AND rss_kb > 0) ORDER BY r.run_id DESC", "tii", night->suite, night->run,
                night->run);
    enum status st = series_read(&query, series);
    bool tonight = series->count &&
                   !strcmp(series->started[series->count - 1], night->started);
    if (!st && tonight && rose(series, &usual))
        add(night, series, "", "", usual);
    series_clear(series);
    free(series);
    return st;
}
