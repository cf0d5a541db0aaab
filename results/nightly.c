#include "results/night_parts.h"

#include "results/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const verdict_names[VERDICTS] = {"identical", "same", "better", "worse", "new",
                                             "gone", "not reached"};

enum status night_previous(struct store *store, int64_t run, const char *pin, int64_t *out)
{
    sqlite3 *db = store_handle(store);
    if (!pin)
        return sql_int(db, 0, out,
                       "SELECT p.run_id FROM run p JOIN run r ON r.run_id = ? WHERE p.suite ="
                       " r.suite AND p.status = 'done' AND p.run_id <> r.run_id AND"
                       " (p.started, p.run_id) < (r.started, r.run_id)"
                       " ORDER BY p.started DESC, p.run_id DESC LIMIT 1", "i", run);
    enum status st = sql_int(db, 0, out, "SELECT run_id FROM pin WHERE name = ?", "t", pin);
    if (!st && !*out)
        st = status_fail(ERR_NOTFOUND, "no run is pinned as '%s'", pin);
    return st;
}

enum status night_pin(struct store *store, int64_t run, const char *name)
{
    sqlite3 *db = store_handle(store);
    enum status st = sql_begin(db);
    if (st)
        return st;
    st = sql_run(db, "INSERT OR REPLACE INTO pin(name, run_id) VALUES(?, ?)", "ti", name, run);
    return sql_end(db, st);
}

/* Both nights' cells under their names; of two with one name the later one counts. */
static const char pairs_sql[] =
    "WITH side AS (SELECT x.run_id AS run, n.model || iif(n.variant = '', '', '/' || n.variant)"
    "  AS model, n.dataset || '/' || n.split || ' ' || n.subset AS dataset,"
    "  n.kind || '|' || n.condition || ifnull(' source=' || n.source, '') AS condition,"
    "  max(n.cell_id) AS cell_id FROM run_cell x JOIN cell_named n USING(cell_id)"
    "  WHERE x.run_id IN (?, ?) GROUP BY 1, 2, 3, 4),"
    " a AS MATERIALIZED (SELECT * FROM side WHERE run = ?),"
    " b AS MATERIALIZED (SELECT * FROM side WHERE run = ?)"
    " SELECT model, dataset, condition, a.cell_id, b.cell_id FROM a LEFT JOIN b"
    "  USING(model, dataset, condition) UNION ALL"
    " SELECT model, dataset, condition, a.cell_id, b.cell_id FROM b LEFT JOIN a"
    "  USING(model, dataset, condition) WHERE a.cell_id IS NULL ORDER BY 1, 2, 3";

static enum status read_pairs(sqlite3 *db, struct night *night)
{
    struct query query;
    size_t room = 0;
    query_begin(&query, db, pairs_sql, "iiii", night->against, night->run, night->against,
                night->run);
    while (query_row(&query)) {
        if (night->n_cells == room)
            night->cells = mem_grow(night->cells, room = 2 * room + 64, sizeof *night->cells);
        struct night_cell *cell = &night->cells[night->n_cells++];
        *cell = (struct night_cell){
            .model = arena_copy(&night->arena, query_text(&query, 0)),
            .dataset = arena_copy(&night->arena, query_text(&query, 1)),
            .condition = arena_copy(&night->arena, strchr(query_text(&query, 2), '|') + 1),
            .before = query_int(&query, 3),
            .after = query_int(&query, 4),
            .p = 1,
            .adjusted = 1,
        };
        cell->again = cell->before && cell->after && cell->before != cell->after;
    }
    return query_end(&query);
}

static enum status read_accuracy(sqlite3 *db, int64_t id, double *acc, int64_t *n)
{
    struct query query;
    *acc = (double)NAN;
    query_begin(&query, db, "SELECT 1.0 * n_ok / n, n FROM cell WHERE cell_id = ?", "i", id);
    if (query_row(&query)) {
        *acc = query_real(&query, 0);
        *n = query_int(&query, 1);
    }
    return query_end(&query);
}

/* Sample by sample, in C: both vectors, the labels behind them, and the keys of flips. */
static enum status pair(sqlite3 *db, struct night *night, struct night_cell *cell)
{
    struct query query;
    query_begin(&query, db,
                "WITH a AS MATERIALIZED (SELECT pos, key, label, top1 FROM pred_row WHERE"
                " cell_id = ?), b AS MATERIALIZED (SELECT pos, top1 FROM pred_row WHERE cell_id"
                " = ?) SELECT a.key, a.top1 = a.label, b.top1 = a.label FROM a CROSS JOIN b"
                " USING(pos) WHERE a.top1 <> b.top1"
                " ORDER BY (a.top1 = a.label) DESC, (b.top1 = a.label) DESC, pos", "ii",
                cell->before, cell->after);
    while (query_row(&query)) {
        bool was = query_int(&query, 1), is = query_int(&query, 2);
        cell->changed++;
        cell->lost += was && !is;
        cell->won += is && !was;
        if (was != is && cell->n_flips < NIGHT_FLIPS)
            cell->flips[cell->n_flips++] =
                arena_copy(&night->arena, query_text(&query, 0));
    }
    cell->p = stats_mcnemar(cell->lost, cell->won);
    return query_end(&query);
}

static enum status compare(sqlite3 *db, struct night *night, struct night_cell *cell)
{
    int64_t same = 0;
    enum status st = OK;
    cell->before_acc = cell->after_acc = (double)NAN;
    if (cell->before)
        st = read_accuracy(db, cell->before, &cell->before_acc, &cell->n);
    if (!st && cell->after)
        st = read_accuracy(db, cell->after, &cell->after_acc, &cell->n);
    if (st || !cell->again)
        return st;
    st = sql_int(db, 0, &same, "SELECT count(*) FROM cell a JOIN cell b USING(subset_id) JOIN"
                 " pred p ON p.cell_id = a.cell_id JOIN pred q ON q.cell_id = b.cell_id WHERE"
                 " a.cell_id = ? AND b.cell_id = ?", "ii", cell->before, cell->after);
    cell->paired = same;
    return st || !same ? st : pair(db, night, cell);
}

/* Holm over what was computed anew: chosen before anybody looked at the outcome. */
static void adjust(struct night *night)
{
    double *p = mem_array(night->n_cells + 1, sizeof *p);
    double *adjusted = mem_array(night->n_cells + 1, sizeof *p);
    size_t count = 0, at = 0;
    for (size_t i = 0; i < night->n_cells; i++)
        if (night->cells[i].paired)
            p[count++] = night->cells[i].p;
    stats_holm(p, count, adjusted);
    for (size_t i = 0; i < night->n_cells; i++)
        if (night->cells[i].paired)
            night->cells[i].adjusted = adjusted[at++];
    free(p);
    free(adjusted);
}

/* Without common samples (another subset, or vectors pruned): two independent shares. */
static bool apart_unpaired(const struct night_cell *cell)
{
    double n = (double)cell->n, a = cell->before_acc, b = cell->after_acc;
    return fabs(a - b) > 1.959964 * sqrt((a * (1 - a) + b * (1 - b)) / n);
}

static enum night_verdict judge(const struct night *night, const struct night_cell *cell,
                                double min_effect)
{
    if (!cell->after)
        return night->cut_short ? VERDICT_UNREACHED : VERDICT_GONE;
    if (!cell->before)
        return VERDICT_NEW;
    if (!cell->again || (cell->paired && !cell->changed))
        return VERDICT_IDENTICAL;
    double change = cell->after_acc - cell->before_acc;
    bool significant = cell->paired ? cell->adjusted <= 0.05 : apart_unpaired(cell);
    if (!significant || fabs(change) < min_effect)
        return VERDICT_SAME;
    return change > 0 ? VERDICT_BETTER : VERDICT_WORSE;
}

static enum status judge_gates(struct store *store, const struct night_options *options,
                               struct night *night)
{
    night->gates = mem_array(options->n_gates + 1, sizeof *night->gates);
    enum status st = OK;
    for (size_t i = 0; i < options->n_gates && !st; i++) {
        char outcome[128];
        struct night_gate *gate = &night->gates[night->n_gates++];
        gate->text = arena_copy(&night->arena, options->gates[i]);
        st = gate_judge(store, night->run, options->gates[i], &gate->holds, outcome);
        gate->outcome = arena_copy(&night->arena, outcome);
    }
    return st;
}

/* Cells that this run computed again: a copy with the same key and other predictions is
 * what a failed canary leaves. */
static enum status count_canaries(sqlite3 *db, struct night *night)
{
    int64_t again = 0, changed = 0;
    enum status st = sql_int(db, 0, &again, "SELECT count(*) FROM run_cell WHERE run_id = ? AND"
                             " role = 'canary'", "i", night->run);
    if (!st)
        st = sql_int(db, 0, &changed, "SELECT count(*) FROM run_cell x JOIN cell c"
                     " USING(cell_id) WHERE x.run_id = ? AND c.run_id = x.run_id AND"
                     " c.status = 'done' AND EXISTS (SELECT 1 FROM cell e WHERE e.key = c.key"
                     " AND e.status = 'done' AND e.cell_id < c.cell_id)", "i", night->run);
    night->canaries = (size_t)(again + changed);
    night->canaries_changed = (size_t)changed;
    return st;
}

static enum status read_runs(sqlite3 *db, struct night *night)
{
    struct query query;
    query_begin(&query, db, "SELECT r.suite, r.started, (SELECT started FROM run WHERE run_id ="
                " ?), r.status = 'interrupted' FROM run r WHERE r.run_id = ?", "ii", night->against, night->run);
    night->suite = night->started = night->against_started = "";
    if (query_row(&query)) {
        night->suite = arena_copy(&night->arena, query_text(&query, 0));
        night->started = arena_copy(&night->arena, query_text(&query, 1));
        if (!query_null(&query, 2))
            night->against_started = arena_copy(&night->arena, query_text(&query, 2));
        night->cut_short = query_int(&query, 3);
    }
    return query_end(&query);
}

/* For the table `comparison`: n11 n10 n01 n00 of what was computed anew. */
static enum status keep_comparisons(sqlite3 *db, const struct night *night)
{
    if (sqlite3_db_readonly(db, "main"))
        return OK;
    enum status st = sql_begin(db);
    if (st)
        return st;
    for (size_t i = 0; i < night->n_cells && !st; i++) {
        const struct night_cell *cell = &night->cells[i];
        if (!cell->paired)
            continue;
        int64_t right = llround(cell->before_acc * (double)cell->n);
        st = sql_run(db, "INSERT OR REPLACE INTO comparison(a, b, n11, n10, n01, n00, p,"
                     " verdict) VALUES(?,?,?,?,?,?,?,?)", "iiiiiidt", cell->before, cell->after,
                     right - cell->lost, cell->lost, cell->won, cell->n - right - cell->won,
                     cell->p, verdict_names[cell->verdict]);
    }
    return sql_end(db, st);
}

enum status night_open(struct store *store, int64_t run, int64_t against,
                       const struct night_options *options, struct night **out)
{
    sqlite3 *db = store_handle(store);
    struct night *night = mem_new(sizeof *night);
    night->run = run;
    night->against = against;
    night->work = options->work ? arena_copy(&night->arena, options->work) : NULL;
    *out = NULL;
    enum status st = read_runs(db, night);
    if (!st)
        st = read_pairs(db, night);
    for (size_t i = 0; i < night->n_cells && !st; i++)
        st = compare(db, night, &night->cells[i]);
    adjust(night);
    for (size_t i = 0; i < night->n_cells && !st; i++) {
        night->cells[i].verdict = judge(night, &night->cells[i], options->min_effect);
        night->counts[night->cells[i].verdict]++;
    }
    if (!st)
        st = judge_gates(store, options, night);
    if (!st)
        st = night_find_slow(db, night);
    if (!st)
        st = night_find_large(db, night);
    if (!st)
        st = count_canaries(db, night);
    if (!st)
        st = keep_comparisons(db, night);
    if (st)
        night_close(night);
    else
        *out = night;
    return st;
}

void night_close(struct night *night)
{
    if (!night)
        return;
    free(night->cells);
    free(night->gates);
    free(night->slow);
    arena_clear(&night->arena);
    free(night);
}

bool night_regressed(const struct night *night)
{
    bool gates = false;
    for (size_t i = 0; i < night->n_gates; i++)
        gates = gates || !night->gates[i].holds;
    return gates || night->counts[VERDICT_WORSE] || night->canaries_changed;
}
