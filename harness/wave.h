/*
 * Running a wave: workers take chunks of samples; a chunk is decoded, resized and
 * corrupted once and then shown to every cell of the wave.
 */
#pragma once

#include "harness/plan.h"

struct run_options {
    uint64_t seed;
    int threads;         /* 0: all */
    double cell_seconds; /* a cell that has worked longer times out; 0: never */
    bool quiet;
    size_t canaries;       /* finished cells to compute again */
    bool strict;           /* flags count: see run_exit_code() */
    double budget_seconds; /* then the run stops as if interrupted; 0: never */
    const char *save_folder; /* adversarial examples as PNG; NULL: none */
};

/* A sample that gave no prediction in some cell. */
struct sample_failure {
    size_t cell; /* of the wave */
    uint32_t item;
    const char *stage;
    char *message;
};

/* What a cell has come to so far. */
struct progress_of_cell {
    struct verdict *verdicts; /* [n], valid where done */
    unsigned char *done;      /* [n] */
    double cpu_s;             /* its own and its share of what was shared */
    bool timed_out;
    char *error; /* what stopped the whole cell, or NULL */
};

struct wave_run {
    struct plan *plan;
    struct wave wave;
    const struct run_options *options;
    struct store *store;
    size_t n; /* samples of the subset */
    struct progress_of_cell *cells;
    struct sample_failure *failures;
    size_t n_failures;
    char **names; /* broken_by words that a checkpoint brought; owned */
    size_t n_names;
    double started, saved, save_cost;
};

/* Sessions, one per worker, network and way of computing; opened when first needed and
 * kept from wave to wave. */
struct session_pool;
struct session_pool *session_pool_open(int threads);
void session_pool_close(struct session_pool *pool);

enum { CHUNK = 16 };

/* What a worker needs while it is at a chunk. */
struct bench {
    struct image fitted[CHUNK], noisy[CHUNK];
    bool usable[CHUNK]; /* of noisy */
    float *x, *logits; /* logits: of all frames of a sequence */
};

struct job {
    struct wave_run run;
    struct session_pool *pool;
    struct bench *benches; /* one per worker */
    int threads;
    size_t chunk;
};

/* Runs to the end, or to ERR_INTERRUPTED with a checkpoint of every unfinished cell. Cells'
 * own troubles are theirs; an error here stops the run. `run_id` owns what is stored. */
enum status wave_execute(struct plan *plan, struct wave wave, struct store *store,
                         int64_t run_id, struct session_pool *pool,
                         const struct run_options *options);

/*
 * harness/evaluate.c: one sample in one cell: a picture, or the frames of a sequence. On
 * failure `*stage` is "model" or "attack", or NULL when the cell itself cannot run.
 */
enum status evaluate(struct job *job, size_t index, int worker, size_t item,
                     const struct image *frames, int n_frames, struct verdict *verdict,
                     const char **stage);

/*
 * Of one sample in `count` cells, by their places in the wave, whose attacks are crafted on
 * one source (cells_share_points()): crafted once and shown to the network of each.
 * Verdicts as evaluate() gives them. On failure, whosever it was, there are none:
 * evaluate() on each then tells.
 */
enum status evaluate_attack(struct job *job, const size_t *cells, size_t count, int worker,
                            size_t item, const struct image *pixels,
                            struct verdict *verdicts, const char **stage);

/* harness/cells.c: the finished, failed and timed-out cells into the store. */
enum status cells_put(struct wave_run *run, int64_t run_id);

/* harness/checkpoint.c */
enum status checkpoint_save(struct wave_run *run);
/* A checkpoint that does not fit is dropped with a note, never guessed at. */
enum status checkpoint_load(struct wave_run *run);

/* harness/sessions.c: the worker's session, or an error that is the cell's own. */
enum status session_pool_get(struct session_pool *pool, int worker,
                             const struct model *model,
                             const struct session_options *options, struct session **out);
/* Closes what the wave has no use for. */
void session_pool_trim(struct session_pool *pool, const struct plan *plan,
                       const struct wave *wave);
