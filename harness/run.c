#include "harness/run.h"

#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/threads.h"
#include "harness/calibrate.h"
#include "harness/environment.h"
#include "harness/worst.h"

#include <sqlite3.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A cell that cannot run at all is stored as such, with its reason. */
static enum status put_impossible(struct plan *plan, struct store *store, int64_t run_id)
{
    enum status st = OK;
    for (size_t i = 0; !st && i < plan->n_cells; i++) {
        struct cell *cell = &plan->cells[i];
        if (cell->state != CELL_FAILED || cell->id)
            continue;
        const struct plan_dataset *dataset = &plan->datasets[cell->dataset];
        const struct store_cell row = {
            .run_id = run_id,
            .model_id = plan->models[cell->model].id,
            .dataset_id = dataset->id,
            .cond_id = plan->condition_ids[cell->condition],
            .subset_id = dataset->subset_id,
            .key = cell->key,
            .status = "skipped",
            .error = cell->error,
        };
        st = store_put_cell(store, &row, &cell->id);
    }
    return st;
}

static enum status use_found(struct plan *plan, struct store *store, int64_t run_id)
{
    int64_t *ids = mem_array(plan->n_cells, sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; i < plan->n_cells; i++)
        if (plan->cells[i].state == CELL_FOUND)
            ids[count++] = plan->cells[i].id;
    enum status st = store_use_cells(store, run_id, ids, count);
    free(ids);
    return st;
}

/* Draws finished cells to be computed again. Whether they come out the same is then a
 * question to the store, which keeps equal outcomes once and others twice. */
static void choose_canaries(struct plan *plan, int64_t run_id, size_t count)
{
    size_t found = 0;
    uint32_t *items = mem_array(plan->n_cells, sizeof *items);
    for (size_t i = 0; i < plan->n_cells; i++)
        if (plan->cells[i].state == CELL_FOUND)
            items[found++] = (uint32_t)i;
    struct rng rng;
    rng_open(&rng, (uint64_t)run_id, "cells", "canaries", 0);
    rng_shuffle(&rng, items, found);
    for (size_t i = 0; i < found && i < count; i++) {
        struct cell *cell = &plan->cells[items[i]];
        cell->canary = cell->id;
        cell->state = CELL_WAITING;
    }
    free(items);
}

static size_t steps_to_come(const struct plan *plan)
{
    size_t steps = 0;
    for (size_t i = 0; i < plan->n_cells; i++)
        if (plan->cells[i].state == CELL_WAITING)
            steps += plan->datasets[plan->cells[i].dataset].subset.count;
    return steps;
}

/* What the work ahead will take; under a budget, what is worth doing first. */
static enum status look_ahead(struct plan *plan, struct store *store,
                              const struct run_options *options)
{
    int threads = options->threads > 0 ? options->threads : threads_available();
    struct plan_cost cost;
    enum status st = plan_predict(plan, store, &cost);
    if (!st && cost.cells > cost.unknown && !options->quiet)
        progress_note("%s", run_prospect(&cost, threads));
    if (options->budget_seconds > 0)
        plan_telling_first(plan, options->budget_seconds * threads);
    return st;
}

static enum status run_waves(struct plan *plan, struct store *store, int64_t run_id,
                             const struct run_options *options)
{
    struct session_pool *pool = session_pool_open(options->threads);
    enum status st = OK;
    while (!st) {
        struct wave wave = plan_next(plan);
        if (wave.count)
            st = wave_execute(plan, wave, store, run_id, pool, options);
        free(wave.cells);
        if (!wave.count)
            break;
    }
    session_pool_close(pool);
    return st;
}

/* One number about the run: `sql` has its id as the only parameter. */
static size_t count_of(struct store *store, int64_t run_id, const char *sql)
{
    sqlite3_stmt *query = NULL;
    size_t count = 0;
    if (sqlite3_prepare_v2(store_handle(store), sql, -1, &query, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(query, 1, run_id);
        if (sqlite3_step(query) == SQLITE_ROW)
            count = (size_t)sqlite3_column_int64(query, 0);
    }
    sqlite3_finalize(query);
    return count;
}

static void count_up(struct plan *plan, struct store *store, struct run_report *report)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    report->peak_kb = usage.ru_maxrss;
    report->done = plan_count(plan, CELL_DONE);
    report->found = plan_count(plan, CELL_FOUND);
    report->failed = plan_count(plan, CELL_FAILED) + plan->n_bad;
    report->timed_out = plan_count(plan, CELL_TIMEOUT);
    for (size_t i = 0; i < plan->n_cells; i++) {
        const struct cell *cell = &plan->cells[i];
        if (cell->state != CELL_DONE || isnan(cell->cost))
            continue;
        report->cpu_predicted += cell->cost;
        report->cpu_s += cell->spent;
    }
    report->flagged =
        count_of(store, report->run_id,
                 "SELECT count(DISTINCT cell_id) FROM run_cell JOIN flag USING(cell_id)"
                 " WHERE run_cell.run_id = ?");
    report->unread =
        count_of(store, report->run_id,
                 "SELECT max(n_unread) FROM run_cell JOIN cell USING(cell_id)"
                 " WHERE run_cell.run_id = ?");
}

enum exit_code run_exit_code(const struct run_report *report, enum status st, bool strict)
{
    enum exit_code code = exit_code_of(st);
    if (report->interrupted)
        code = exit_worse(code, EXIT_INTERRUPTED);
    if (report->failed || report->timed_out)
        code = exit_worse(code, EXIT_CELLS);
    if (strict && report->flagged)
        code = exit_worse(code, EXIT_UNRELIABLE);
    return code;
}

enum status run_plan(struct plan *plan, struct store *store, const struct store_run *row,
                     const struct run_options *options, struct run_report *out)
{
    struct store_env env;
    int64_t env_id;
    double started = clock_now();
    *out = (struct run_report){0};
    environment_describe(&env);

    enum status st = plan_record(plan, store);
    if (!st)
        st = store_put_env(store, &env, &env_id);
    if (!st)
        st = store_run_begin(store, env_id, row, &out->run_id);
    if (!st)
        st = use_found(plan, store, out->run_id);
    if (!st)
        calibrate_models(plan);
    if (!st)
        st = put_impossible(plan, store, out->run_id);
    if (st)
        return st;

    choose_canaries(plan, out->run_id, options->canaries);
    st = look_ahead(plan, store, options);
    if (st)
        return st;
    command_interruptible();
    if (options->budget_seconds > 0)
        alarm((unsigned)ceil(options->budget_seconds));
    out->samples = steps_to_come(plan);
    progress_begin(out->samples, "images", options->quiet);
    st = run_waves(plan, store, out->run_id, options);
    progress_end();
    alarm(0);
    if (!st)
        st = worst_put(plan, store, out->run_id);
    if (!st)
        st = store_doubt(store);

    out->interrupted = st == ERR_INTERRUPTED;
    if (out->interrupted)
        st = OK;
    out->seconds = clock_now() - started;
    count_up(plan, store, out);
    enum exit_code code = run_exit_code(out, st, options->strict);
    enum status ended = store_run_end(store, out->run_id,
                                      out->interrupted ? "interrupted"
                                      : st             ? "failed"
                                                       : "done",
                                      (int)code);
    return st ? st : ended;
}
