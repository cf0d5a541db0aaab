#include "harness/wave.h"

#include "base/mem.h"
#include "base/progress.h"
#include "base/threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAVE_SECONDS = 10 };

static double thread_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- bookkeeping shared by workers: all of it under one lock ------------------------ */

static void charge(struct wave_run *run, size_t cell, double seconds)
{
#pragma omp critical(wave)
    {
        struct progress_of_cell *progress = &run->cells[cell];
        progress->cpu_s += seconds;
        if (run->options->cell_seconds > 0 &&
            progress->cpu_s > run->options->cell_seconds)
            progress->timed_out = true;
    }
}

static void fail_cell(struct wave_run *run, size_t cell)
{
#pragma omp critical(wave)
    if (!run->cells[cell].error)
        run->cells[cell].error = mem_copy(status_message());
}

static bool stopped(struct wave_run *run, size_t cell)
{
    bool stop;
#pragma omp critical(wave)
    stop = run->cells[cell].error || run->cells[cell].timed_out;
    return stop;
}

static void fail_sample(struct wave_run *run, size_t cell, size_t item, const char *stage)
{
#pragma omp critical(wave)
    {
        run->failures =
            mem_grow(run->failures, run->n_failures + 1, sizeof *run->failures);
        run->failures[run->n_failures++] = (struct sample_failure){
            cell, (uint32_t)item, stage, mem_copy(status_message())};
    }
}

static void finish_sample(struct wave_run *run, size_t cell, size_t item,
                          const struct verdict *verdict)
{
    run->cells[cell].verdicts[item] = *verdict;
    __atomic_store_n(&run->cells[cell].done[item], 1, __ATOMIC_RELEASE);
    progress_step(1);
}

/* Every ten seconds, or less often where saving itself takes long. */
static enum status save_if_due(struct wave_run *run)
{
    enum status st = OK;
#pragma omp critical(wave)
    {
        double now = clock_now();
        if (now - run->saved > SAVE_SECONDS + 20 * run->save_cost) {
            st = checkpoint_save(run);
            run->saved = clock_now();
            run->save_cost = run->saved - now;
        }
    }
    return st;
}

/* --- one chunk ---------------------------------------------------------------------- */

static bool is_done(const struct wave_run *run, size_t cell, size_t item)
{
    return __atomic_load_n(&run->cells[cell].done[item], __ATOMIC_RELAXED);
}

static bool wanted_by_any(struct wave_run *run, size_t first, size_t last, size_t item)
{
    for (size_t c = first; c < last; c++)
        if (!is_done(run, c, item) && !stopped(run, c))
            return true;
    return false;
}

/* The sample has failed before it met a network: in every cell of first..last-1. */
static void fail_in_cells(struct wave_run *run, size_t first, size_t last, size_t item,
                          const char *stage)
{
    for (size_t c = first; c < last; c++)
        if (!is_done(run, c, item)) {
            fail_sample(run, c, item, stage);
            finish_sample(run, c, item, &verdict_none);
        }
}

/* One sample in one cell; false when the cell has stopped. */
static bool run_sample(struct job *job, size_t index, int worker, size_t item,
                       const struct image *frames, int n_frames)
{
    struct wave_run *run = &job->run;
    struct verdict verdict = verdict_none;
    const char *stage;
    if (is_done(run, index, item))
        return true;
    if (stopped(run, index) || (run->wave.slow && threads_interrupted()))
        return false;
    double before = thread_cpu();
    enum status st =
        evaluate(job, index, worker, item, frames, n_frames, &verdict, &stage);
    if (st && !stage) {
        fail_cell(run, index);
        return false;
    }
    if (st) {
        fail_sample(run, index, item, stage);
        verdict = verdict_none;
    }
    finish_sample(run, index, item, &verdict);
    charge(run, index, thread_cpu() - before);
    return true;
}

/* One sample in cells first..last-1, which share an attack's points: all at once, or one by
 * one where one of them fails, so that its failure is its own. */
static void run_together(struct job *job, size_t first, size_t last, int worker, size_t item,
                         const struct image *pixels)
{
    struct wave_run *run = &job->run;
    struct verdict verdicts[WAVE_CELLS];
    size_t cells[WAVE_CELLS], count = 0;
    const char *stage;
    for (size_t c = first; c < last; c++)
        if (!is_done(run, c, item) && !stopped(run, c)) {
            verdicts[count] = verdict_none;
            cells[count++] = c;
        }
    if (!count || threads_interrupted())
        return;
    double before = thread_cpu();
    enum status st = count < 2 ? ERR_USAGE
                               : evaluate_attack(job, cells, count, worker, item, pixels,
                                                 verdicts, &stage);
    double share = (thread_cpu() - before) / (double)count;
    for (size_t i = 0; i < count; i++) {
        if (!st)
            finish_sample(run, cells[i], item, &verdicts[i]);
        charge(run, cells[i], share);
        if (st)
            run_sample(job, cells[i], worker, item, pixels, 1);
    }
}

static size_t end_of_sharing(const struct wave_run *run, size_t first, size_t last)
{
    size_t c = first + 1;
    while (c < last && cells_share_points(run->plan, run->wave.cells[first],
                                          run->wave.cells[c]))
        c++;
    return c;
}

/* Cells first..last-1 are one, or share an attack's points. */
static void run_cells(struct job *job, size_t first, size_t last, int worker, size_t start,
                      size_t count)
{
    struct bench *bench = &job->benches[worker];
    for (size_t k = 0; k < count; k++) {
        if (!bench->usable[k])
            continue;
        if (last - first > 1)
            run_together(job, first, last, worker, start + k, &bench->noisy[k]);
        else if (!run_sample(job, first, worker, start + k, &bench->noisy[k], 1))
            return;
    }
}

/* Cells first..last-1 see the same frames, which are too many to keep for a whole chunk. */
static void run_sequences(struct job *job, size_t first, size_t last, int worker,
                          size_t start, size_t count)
{
    struct wave_run *run = &job->run;
    const struct cell *any = run->wave.cells[first];
    for (size_t k = 0; k < count; k++) {
        struct image frames[PERTURBATION_MAX_FRAMES] = {{0}};
        const struct image *whole = &job->benches[worker].fitted[k];
        const char *key = cell_sample(run->plan, any, start + k)->key, *stage;
        int n_frames;
        double before = thread_cpu();
        if (!whole->data || !wanted_by_any(run, first, last, start + k))
            continue;
        if (pipeline_frames(&any->route, key, run->options->seed, whole, frames, &n_frames,
                            &stage))
            fail_in_cells(run, first, last, start + k, stage);
        double shared = (thread_cpu() - before) / (double)(last - first);
        for (size_t c = first; c < last; c++) {
            charge(run, c, shared);
            if (n_frames)
                run_sample(job, c, worker, start + k, frames, n_frames);
        }
        for (int i = 0; i < n_frames; i++)
            image_clear(&frames[i]);
    }
}

/* Cells first..last-1 see the same pixels: corrupt once, show to each. */
static void run_group(struct job *job, size_t first, size_t last, int worker,
                      size_t start, size_t count)
{
    struct wave_run *run = &job->run;
    struct bench *bench = &job->benches[worker];
    const struct cell *any = run->wave.cells[first];
    double before = thread_cpu();
    for (size_t k = 0; k < count; k++) {
        const char *stage = "noise";
        const struct image *fitted = &bench->fitted[k];
        bench->usable[k] = false;
        if (!fitted->data || !wanted_by_any(run, first, last, start + k))
            continue;
        enum status st = image_copy(fitted, &bench->noisy[k]);
        if (!st)
            st =
                pipeline_corrupt(&any->route, cell_sample(run->plan, any, start + k)->key,
                                 run->options->seed, &bench->noisy[k], &stage);
        if (st)
            fail_in_cells(run, first, last, start + k, stage);
        bench->usable[k] = !st;
    }
    double shared = (thread_cpu() - before) / (double)(last - first);
    for (size_t c = first; c < last; c++)
        charge(run, c, shared);
    for (size_t c = first, next; c < last; c = next) {
        next = end_of_sharing(run, c, last);
        run_cells(job, c, next, worker, start, count);
    }
    for (size_t k = 0; k < count; k++)
        image_clear(&bench->noisy[k]);
}

static void fit_chunk(struct job *job, int worker, size_t start, size_t count)
{
    struct wave_run *run = &job->run;
    struct bench *bench = &job->benches[worker];
    const struct cell *any = run->wave.cells[0];
    const struct plan_dataset *dataset = &run->plan->datasets[any->dataset];
    double before = thread_cpu();
    for (size_t k = 0; k < count; k++) {
        const char *stage;
        if (wanted_by_any(run, 0, run->wave.count, start + k) &&
            pipeline_fit(&any->route, &dataset->dataset, dataset->subset.items[start + k],
                         &bench->fitted[k], &stage))
            fail_in_cells(run, 0, run->wave.count, start + k, stage);
    }
    double shared = (thread_cpu() - before) / (double)run->wave.count;
    for (size_t c = 0; c < run->wave.count; c++)
        charge(run, c, shared);
}

static enum status run_chunk(void *context, size_t item, int worker)
{
    struct job *job = context;
    struct wave_run *run = &job->run;
    struct bench *bench = &job->benches[worker];
    size_t start = item * job->chunk;
    size_t count = run->n - start < job->chunk ? run->n - start : job->chunk;

    fit_chunk(job, worker, start, count);
    for (size_t first = 0, last; first < run->wave.count; first = last) {
        const char *pixels = run->wave.cells[first]->route.pixel_key;
        for (last = first + 1; last < run->wave.count; last++)
            if (strcmp(run->wave.cells[last]->route.pixel_key, pixels))
                break;
        if (cell_condition(run->plan, run->wave.cells[first])->sequence)
            run_sequences(job, first, last, worker, start, count);
        else
            run_group(job, first, last, worker, start, count);
    }
    for (size_t k = 0; k < count; k++)
        image_clear(&bench->fitted[k]);
    return save_if_due(run);
}

/* --- the whole ---------------------------------------------------------------------- */

static void open_job(struct job *job)
{
    struct wave_run *run = &job->run;
    const struct plan *plan = run->plan;
    size_t x_size = 0, n_classes = 0;
    for (size_t i = 0; i < run->wave.count; i++) {
        const struct model_record *record =
            plan->models[run->wave.cells[i]->model].record;
        size_t size =
            (size_t)record->preprocess.width * (size_t)record->preprocess.height * 3;
        x_size = size > x_size ? size : x_size;
        n_classes =
            (size_t)record->n_classes > n_classes ? (size_t)record->n_classes : n_classes;
    }
    size_t room = n_classes * (run->wave.slow ? PERTURBATION_MAX_FRAMES : 1);
    job->benches = mem_array((size_t)job->threads, sizeof *job->benches);
    for (int i = 0; i < job->threads; i++) {
        job->benches[i].x = mem_array(x_size, sizeof(float));
        job->benches[i].logits = mem_array(room, sizeof(float));
    }
    run->cells = mem_array(run->wave.count, sizeof *run->cells);
    for (size_t i = 0; i < run->wave.count; i++) {
        run->cells[i].verdicts = mem_array(run->n, sizeof(struct verdict));
        run->cells[i].done = mem_array(run->n, 1);
    }
    /* What takes long and unequally is handed out one by one. */
    size_t even = run->n / (size_t)(4 * job->threads);
    job->chunk = run->wave.slow ? 1 : even < 1 ? 1 : even > CHUNK ? CHUNK : even;
}

static void close_job(struct job *job)
{
    struct wave_run *run = &job->run;
    for (int i = 0; i < job->threads; i++) {
        free(job->benches[i].x);
        free(job->benches[i].logits);
    }
    free(job->benches);
    for (size_t i = 0; i < run->wave.count; i++) {
        free(run->cells[i].verdicts);
        free(run->cells[i].done);
        free(run->cells[i].error);
    }
    free(run->cells);
    for (size_t i = 0; i < run->n_failures; i++)
        free(run->failures[i].message);
    free(run->failures);
    for (size_t i = 0; i < run->n_names; i++)
        free(run->names[i]);
    free(run->names);
}

/* Samples that a checkpoint brought count as steps taken. */
static void count_resumed(const struct wave_run *run)
{
    size_t resumed = 0;
    for (size_t i = 0; i < run->wave.count; i++)
        for (size_t k = 0; k < run->n; k++)
            resumed += run->cells[i].done[k];
    progress_step(resumed);
}

enum status wave_execute(struct plan *plan, struct wave wave, struct store *store,
                         int64_t run_id, struct session_pool *pool,
                         const struct run_options *options)
{
    struct job job = {
        .run = {.plan = plan,
                .wave = wave,
                .options = options,
                .store = store,
                .n = plan->datasets[wave.cells[0]->dataset].subset.count},
        .pool = pool,
        .threads = options->threads > 0 ? options->threads : threads_available(),
    };
    session_pool_trim(pool, plan, &wave);
    open_job(&job);
    job.run.started = job.run.saved = clock_now();
    progress_label(cell_name(plan, wave.cells[0]));

    enum status st = checkpoint_load(&job.run);
    if (!st) {
        count_resumed(&job.run);
        size_t chunks = (job.run.n + job.chunk - 1) / job.chunk;
        st = threads_each(job.threads, chunks, run_chunk, &job);
        if (st == ERR_INTERRUPTED) {
            enum status saved = checkpoint_save(&job.run);
            st = saved ? saved : status_fail(ERR_INTERRUPTED, "interrupted");
        }
    }
    if (!st)
        st = cells_put(&job.run, run_id);
    close_job(&job);
    return st;
}
