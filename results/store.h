/*
 * The result store: one SQLite file that anyone can query. schema.sql is its definition;
 * this header is the only door for writing.
 *
 * One transaction per cell holds the cell, its predictions and its flags: a kill at any
 * moment leaves a store without half a cell. Finished cells are append-only.
 */
#pragma once

#include "base/mem.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum store_mode { STORE_CREATE, STORE_WRITE, STORE_READ };

/* STORE_CREATE makes a missing file; older versions are migrated (with a backup beside
 * them) unless STORE_READ. ERR_STORE: newer, corrupt, read-only, full; the message says
 * which and what to do. */
enum status store_open(const char *path, enum store_mode mode, struct store **out);
void store_close(struct store *store);

/* What a user should know about an opened store, or NULL: it lies on a network file
 * system, was migrated just now, could be opened read-only without its latest writes. */
const char *store_warning(const struct store *store);

struct store_env {
    const char *host, *os, *kernel, *arch, *cpu, *accel;
    int cores;
    int64_t ram_mb;
    const char *version, *git_commit, *binary_sha, *compiler, *cflags, *simd, *libs_json;
    bool git_dirty;
};
struct store_model {
    const char *name, *variant, *arch, *family, *precision, *technique, *gradient;
    const char *twin;            /* NULL or name of the full-precision twin; may be stored later */
    const char *file_sha, *preprocess_json, *meta_json;
    int64_t file_bytes, params, macs;
    int n_classes;
};
struct store_dataset {
    const char *name, *split, *manifest_sha;
    int n_classes;
    size_t count;
    const char *const *keys;     /* [count] */
    const int *labels;           /* [count] */
    const char *const *class_names; /* [n_classes], or NULL */
};
struct store_subset {
    int64_t dataset_id;
    const char *spec, *sha;
    size_t count;
    const uint32_t *items;       /* [count] indices into the dataset */
};
struct store_condition {
    const char *kind;            /* clean system natural sequence adversarial worst */
    const char *noise;           /* "clean", "decode", "resize", "gaussian_noise", "pgd-linf" */
    int impl;
    const char *label;           /* the canonical line */
    int severity;                /* 0: none */
    const char *norm;            /* "Linf" "L2" "L1" or NULL */
    double eps;                  /* < 0: none */
    const char *params_json, *params_sha;
    size_t n_members;            /* kind worst: conditions it is the worst over */
    const int64_t *members;
};
struct store_run {
    const char *suite, *suite_sha, *config, *argv;
    uint64_t seed;
    int shard, n_shards;
    int64_t parent_id;           /* 0: none */
};

/* Each finds an equal row or inserts one, and gives its id. */
enum status store_put_env(struct store *, const struct store_env *, int64_t *id);
enum status store_put_model(struct store *, const struct store_model *, int64_t *id);
enum status store_put_dataset(struct store *, const struct store_dataset *, int64_t *id);
enum status store_put_subset(struct store *, const struct store_subset *, int64_t *id);
enum status store_put_condition(struct store *, const struct store_condition *, int64_t *id);

enum status store_run_begin(struct store *, int64_t env_id, const struct store_run *,
                            int64_t *run_id);
/* state: "done", "failed" or "interrupted". */
enum status store_run_end(struct store *, int64_t run_id, const char *state, int exit_code);

struct store_flag {
    const char *code, *message;  /* "ZERO_GRAD", "decode-failed", ...: specs A7.3 */
    double value;
};

struct store_measure {
    const char *name;            /* "gradient_fidelity", ...: table measure */
    double value;
};

/* One finished or failed cell. Vectors have n entries in the subset's order, or are NULL. */
struct store_cell {
    int64_t run_id, model_id, dataset_id, cond_id, subset_id;
    int64_t source_id;           /* surrogate of a transfer attack, or 0 */
    const char *key;             /* SHA-256 of all that can change the numbers */
    const char *status;          /* done failed timeout skipped */
    const char *error;           /* why not done */
    size_t n;
    const int *top1;             /* predicted class; -1: the sample failed to decode */
    const int *rank;             /* rank of the true class, 0 = top-1; -1 failed */
    const float *margin;         /* z_y minus the largest other logit */
    const float *confidence;     /* softmax probability of top1: for ECE */
    const float *distance;       /* adversarial: found; NaN not attacked, INFINITY none */
    const int *queries;          /* adversarial: forwards spent */
    const char *const *broken_by; /* adversarial: member that broke it, or NULL entries */
    int pairs;                   /* sequences: pairs of frames compared; 0: no sequence */
    const int *flips, *spread;   /* sequences: see struct stability; -1 none */
    uint64_t forwards, backwards;
    double wall_s, cpu_s, zero_grad, max_pert;
    int64_t rss_kb;
    size_t n_flags;
    const struct store_flag *flags;
    size_t n_measures;
    const struct store_measure *measures;
    size_t n_failures;           /* samples that could not be read */
    const struct store_failure {
        uint32_t item;           /* position in the subset */
        const char *stage, *message;
    } *failures;
};
/* Computes n_ok, n_ok5, ECE, and against the model's clean cell on the same subset the
 * clean-correct count, lost and won. The clean cell must be put first. A cell that is in
 * the store with the same key and the same predictions is not stored twice: the run is
 * noted beside it. A done cell must cover its whole subset (n) and have top1. */
enum status store_put_cell(struct store *, const struct store_cell *, int64_t *cell_id);

/* NOT_MONOTONE and RANDOM_WINS, which follow from several cells: drawn anew from the
 * current ones, after a run and after a merge. */
enum status store_doubt(struct store *);

/* The finished cell with this key: its id, or 0. */
enum status store_find_cell(struct store *, const char *key, int64_t *cell_id);

/* A run that finds cells finished says so, so that nights can be compared whole. */
enum status store_use_cells(struct store *, int64_t run_id, const int64_t *cell_ids,
                            size_t count);

/* A finished cell computed again by this run: how many predictions came out different
 * (0 is what determinism promises). Timings are kept; the cell itself stays as it is. */
enum status store_put_canary(struct store *, int64_t run_id, int64_t cell_id, size_t n,
                             const int *top1, double wall_s, double cpu_s, int64_t rss_kb,
                             size_t *n_different);

/* Progress inside a cell that takes long: opaque JSON by cell key, dropped by
 * store_put_cell. `*json` is NULL when there is none; the caller frees. */
enum status store_put_checkpoint(struct store *, const char *key, const char *json);
enum status store_get_checkpoint(struct store *, const char *key, char **json);

/* ---- what work takes: cost.c ---- */

/* CPU seconds a sample that a network took under a condition, over all runs here. */
struct store_cost {
    const char *model, *variant, *kind, *noise, *condition;
    int64_t macs;
    double seconds;
};
/* By model, then condition, as they came into the store. Strings live in the arena; the
 * caller frees *out. */
enum status store_costs(struct store *store, struct arena *arena, struct store_cost **out,
                        size_t *count);
/* Bytes that a verdict takes in the file, going by the newest cells; 0: there are none. */
enum status store_sample_bytes(struct store *store, double *out);

/* ---- care: merge.c, care.c ---- */

/* Puts what the file FROM has and the store lacks into it, in one transaction; a second
 * time changes nothing. The same key with other predictions is kept twice and counted as
 * a conflict: two runs that should agree did not. */
struct store_merge {
    int64_t runs, cells;     /* new ones */
    int64_t known;           /* cells that were there already */
    int64_t conflicts;       /* keys with more than one outcome in the merged store */
};
enum status store_merge(struct store *store, const char *from, struct store_merge *report);
/* "2/8 5/8" for every suite run in shards of which some have not been merged as done; NULL
 * when none is missing. The caller frees. */
enum status store_missing_shards(struct store *store, char **missing);

/* Drops the vectors of cells that no board shows, no pinned run and none of the last
 * `keep` runs uses; their numbers stay. Counts without dropping when `dry`. */
enum status store_prune(struct store *store, int keep, bool dry, int64_t *n_cells);

/* A compact copy that opens on read-only media; an existing file is replaced at once. */
enum status store_export(struct store *store, const char *path);

/* Checks everything, one line per finding to `tell`; with `repair`, runs left 'running' by
 * dead processes become 'interrupted'. *n_problems counts what is wrong; a dead run is
 * told and not counted. */
enum status store_check(struct store *store, bool repair,
                        void (*tell)(void *context, const char *line), void *context,
                        int64_t *n_problems);

/* SHA-256 over all finished cells' identities and predictions, whatever their order,
 * numbers and times: equal for an undisturbed run and one that was killed and resumed. */
enum status store_digest(struct store *store, char hex[65]);

/* The connection, for read-only queries by leaderboards and doctor (struct sqlite3 *). */
void *store_handle(struct store *store);
