/*
 * One night against another: which numbers changed, whether that is more than chance, and
 * whether the gates hold. Cells are matched by what a user calls them (model, dataset,
 * subset, condition), so that a changed network meets its former self.
 */
#pragma once

#include "base/mem.h"
#include "results/store.h"

#include <stdio.h>

enum night_verdict { VERDICT_IDENTICAL, VERDICT_SAME, VERDICT_BETTER, VERDICT_WORSE, VERDICT_NEW,
               VERDICT_GONE, VERDICT_UNREACHED, VERDICTS };
extern const char *const verdict_names[VERDICTS];

enum { NIGHT_FLIPS = 20 };

struct night_cell {
    const char *model, *dataset, *condition; /* condition with its kind's whole line */
    int64_t before, after;       /* cell ids; 0: not there */
    bool again;                  /* another row than before: it was computed anew */
    bool paired;                 /* the same samples in both */
    double before_acc, after_acc;
    int64_t n, lost, won, changed; /* changed: predictions, wrong ones included */
    double p, adjusted;          /* McNemar; Holm over all cells computed anew */
    enum night_verdict verdict;
    size_t n_flips;
    const char *flips[NIGHT_FLIPS]; /* keys of samples lost, then won */
};

struct night_gate {
    const char *text, *outcome;  /* "0.8812 >= 0.8795", or why it cannot be judged */
    bool holds;
};

/* Work that took more than it used to: median + 4 robust deviations and 10 % more, of up to
 * seven earlier nights. */
struct night_slow {
    const char *model, *condition; /* "" both: the whole night's peak memory */
    double usual, now;             /* CPU seconds, or MiB of memory */
    const char *since;             /* the start of the night that the level rose in, or NULL */
};

struct night {
    int64_t run, against;        /* run ids; against 0: the first night */
    const char *suite, *started, *against_started;
    bool cut_short;              /* interrupted, or out of budget: what is missing may come */
    size_t n_cells, n_gates, n_slow, counts[VERDICTS];
    struct night_cell *cells;    /* by model, dataset, condition */
    struct night_gate *gates;
    struct night_slow *slow;
    const char *work;            /* what was done and what it took, or NULL; as it was given */
    size_t canaries, canaries_changed; /* computed again this night, and came out different */
    struct arena arena;
};

struct night_options {
    double min_effect;           /* share; a smaller change is `same`; 0.001 is usual */
    const char *work;            /* a line for the report, or NULL */
    const char *const *gates;    /* "acc(int8) >= 0.99*acc(fp32)" */
    size_t n_gates;
};

/* The run that `run` is to be compared with: the last finished one of the same suite
 * before it, or the one pinned under `pin`. 0: none. ERR_NOTFOUND: no such pin. */
enum status night_previous(struct store *store, int64_t run, const char *pin, int64_t *out);
/* Pins a run under a name, for later nights. */
enum status night_pin(struct store *store, int64_t run, const char *name);

/* Compares and judges; stores the comparisons of changed cells where it may write.
 * ERR_USAGE: a gate cannot be read; the message points at the place. */
enum status night_open(struct store *store, int64_t run, int64_t against,
                       const struct night_options *options, struct night **out);
void night_close(struct night *night);

/* Something to wake up for: a worse cell, a failed gate, a changed canary. */
bool night_regressed(const struct night *night);

/* "terminal" (width columns), "markdown", "junit", or "html": a section for the page, as
 * leaderboard_options.above wants it. */
enum status night_write(const struct night *night, const char *format, int width, bool colour,
                        FILE *out);

/*
 * Gates: EXPR CMP EXPR with >= > <= < and numbers, + - * / ( ), and the functions
 * acc(...), worst(...), delta(...), kept(...) over the run's cells: mean accuracy, lowest
 * accuracy, mean change, mean share kept. Selectors in the brackets, separated by commas,
 * must all match: a model's name (shell pattern), a precision, a kind, a noise, a
 * condition's line, or key=value with key one of model precision kind noise condition
 * dataset. Without a kind, noise or condition, clean is meant.
 */
enum status gate_judge(struct store *store, int64_t run, const char *gate, bool *holds,
                       char outcome[128]);
