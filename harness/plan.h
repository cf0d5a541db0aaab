/*
 * The plan of a run: a suite's networks, data and conditions opened, multiplied out into
 * cells, and the cells dealt out to waves that share decoded pixels.
 */
#pragma once

#include "harness/condition.h"
#include "harness/pipeline.h"
#include "harness/suite.h"
#include "results/store.h"

struct plan_model {
    struct model *model;
    const struct model_record *record;
    char *name, *variant, *twin, *preprocess;
    int64_t id; /* in the store; 0 until plan_record() */
};

struct plan_dataset {
    struct dataset dataset;
    struct subset subset, calibration; /* calibration: see calibrate.h */
    bool ood;      /* pictures of no known class: seen clean, their labels mean nothing */
    bool *allowed; /* [n_classes] that networks choose among; NULL: all */
    int64_t id, subset_id;
};

enum cell_state { CELL_WAITING, CELL_FOUND, CELL_DONE, CELL_FAILED, CELL_TIMEOUT };

struct cell {
    size_t model, dataset, condition;
    int source; /* index of the model that gives gradients, or -1 */
    struct route route;
    char key[65]; /* of all that can change the numbers, and nothing else */
    enum cell_state state;
    int64_t id;     /* in the store, once known */
    int64_t canary; /* its former id, when it is computed again; else 0 */
    int turn;       /* lower ones run first: clean before what is compared with it */
    double cost;    /* CPU seconds that it will take, going by past cells; NaN: no idea */
    double spent;   /* and those that it took in this run; 0: not run */
    char *error;
};

struct plan {
    const struct suite *suite;
    struct plan_model *models; /* [n_models + n_lenders] */
    size_t n_models, n_lenders; /* lenders: known by source= alone, without cells */
    const char *const *set; /* of the options; borrowed */
    struct plan_dataset *datasets;
    size_t n_datasets;
    struct conditions conditions; /* the first is clean */
    int64_t *condition_ids;
    struct cell *cells; /* by dataset, then condition, then model */
    size_t n_cells;
    size_t n_bad; /* models that could not be opened: noted, and left out */
    double wave_cost; /* under a budget: CPU seconds that a wave should cost; 0: any */
};

struct plan_options {
    uint64_t seed;
    size_t limit;           /* samples of each dataset; 0: all */
    int shard, n_shards;    /* 1..n; n_shards 0 or 1: everything */
    const char *sampling;   /* only JPEGs of this chroma sampling, or NULL */
    const char *only;       /* "kind=adversarial", "noise=fog", "model=NAME", or NULL */
    const char *const *set; /* overrides for every model, NULL ends; or NULL */
};

/* One network with the overrides of its entry and `more`, which may be NULL. */
enum status plan_open_model(const struct suite_model *entry, const char *const *more,
                            struct plan_model *out);

enum status plan_open(const struct suite *suite, const struct plan_options *options,
                      struct plan *out);
void plan_close(struct plan *plan);

/* Puts models, data and conditions into the store and marks the cells that it has. */
enum status plan_record(struct plan *plan, struct store *store);

/* The same marks without writing, for --dry-run. */
enum status plan_lookup(struct plan *plan, struct store *store);

size_t plan_count(const struct plan *plan, enum cell_state state);
const struct condition *cell_condition(const struct plan *plan, const struct cell *cell);
const struct sample *cell_sample(const struct plan *plan, const struct cell *cell,
                                 size_t item);
/* "resnet20 | cifar10-test | gaussian_noise:3": as messages name it. Static per thread. */
const char *cell_name(const struct plan *plan, const struct cell *cell);

/* Is the attack the same on the same pixels, crafted on a network of its own? Then its
 * points need be found once for both cells, or for one alone when a is b. */
bool cells_share_points(const struct plan *plan, const struct cell *a, const struct cell *b);

/* What the waiting cells will take, going by what like cells took: the same condition and
 * network; else the condition on other networks, by the networks' speed; else the noise at
 * other strengths. Sets their `cost`, too. */
struct plan_cost {
    double cpu_s, bytes;  /* of those with a precedent; what the store will grow by */
    size_t cells, unknown; /* waiting; of these without a precedent */
};
enum status plan_predict(struct plan *plan, struct store *store, struct plan_cost *out);

/* For a budget that may end the run: the most telling cells first, that is clean, then the
 * middle strength of each noise, then the rest, cheap before dear; and small waves, so that
 * most of what was begun is finished. After plan_predict(). */
void plan_telling_first(struct plan *plan, double budget_cpu_s);

/*
 * A wave: cells that start from the same fitted pictures (decoded, resized, cropped), in
 * an order that puts equal pixels side by side. Clean cells go first in waves of their
 * own, since every delta is against them; what takes long per sample (attacks, sequences)
 * does not mix with the rest. What is crafted on one source is shown to all networks of the
 * wave: such a wave has no other conditions.
 */
enum { WAVE_CELLS = 64 }; /* at most */
struct wave {
    struct cell **cells;
    size_t count;
    bool slow;
};
/* The next cells to run, or a count of 0. The caller frees `cells`. */
struct wave plan_next(struct plan *plan);
