/*
 * Leaderboards: the store read once into a struct board, then written in one of several
 * formats, so that no two formats can disagree.
 *
 * How to add a format: write results/leaderboard/<name>.c ending in `const struct
 * leaderboard_format leaderboard_<name>`, and add the name to results/meson.build.
 */
#pragma once

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "results/metrics/metrics.h"
#include "results/stats.h"
#include "results/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum board_kind { KIND_CLEAN, KIND_SYSTEM, KIND_NATURAL, KIND_ADVERSARIAL, KIND_WORST, KINDS };
extern const char *const board_kind_names[KINDS]; /* "clean", "system", ... */

/* A condition that at least one model of the section has met. */
struct board_condition {
    enum board_kind kind;
    const char *noise, *label, *norm; /* norm NULL: none */
    int severity;                     /* 0: none */
    double eps;                       /* NaN: none */
};

/* One finished cell. Shares are 0..1. */
struct board_cell {
    int64_t cell_id, n, n_ok, n_clean_ok, n_lost, n_won, n_unread;
    bool paired;          /* there is a clean cell: n_clean_ok, lost and won mean something */
    double acc, lo, hi;   /* Wilson */
    double acc5, ece;     /* NaN: unknown */
    double delta, delta_se, kept; /* NaN: not paired */
    const char *flags;    /* codes separated by spaces, or NULL */
    const char *source;   /* surrogate of a transfer attack, or NULL */
    double cpu_s, wall_s; /* its own and its share of what cells share */
    int64_t forwards, backwards, seed;
    const uint8_t *ok;    /* one bit a sample */
};

/* A number with its 95 % interval; absent where there is nothing to compute it from. */
struct board_value {
    bool present;
    double value, lo, hi; /* lo, hi NaN: no interval */
    int conditions;       /* it covers */
    bool partial;         /* fewer than other rows of the section have */
    const struct board_cell *cell; /* the cell it is, where it is a single one */
    int condition;        /* its index, or -1 */
};

/* What boards rank by. DELTA is the mean over the kind's conditions, WORST the lowest. */
enum board_measure {
    MEASURE_CLEAN,
    MEASURE_SYSTEM, MEASURE_SYSTEM_DELTA, MEASURE_SYSTEM_WORST,
    MEASURE_NATURAL, MEASURE_NATURAL_DELTA, MEASURE_NATURAL_WORST,
    MEASURE_ADVERSARIAL, MEASURE_ADVERSARIAL_DELTA, MEASURE_ADVERSARIAL_WORST,
    MEASURE_PERSAMPLE, MEASURE_PERSAMPLE_DELTA, MEASURE_PERSAMPLE_WORST,
    MEASURE_MCE, MEASURE_RELATIVE_MCE, /* percent of the baseline's; lower is better */
    MEASURES
};
struct board_measure_info {
    const char *name;     /* "clean", "natural", "natural_delta", ... */
    const char *title;    /* "Clean", "Natural", "Natural Δ" */
    const char *help;
    enum board_kind kind;
};
extern const struct board_measure_info board_measures[MEASURES];

struct board_row {
    int64_t model_id;
    const char *model, *variant, *precision, *arch, *family, *technique, *gradient;
    const char *twin;     /* NULL: none */
    const char *file_sha, *preproc, *meta; /* the last two are JSON */
    int64_t params, macs, file_bytes;
    const char *flags;    /* of all its cells, each once; NULL: none */
    bool unreliable;      /* one of the flags says that a robust number may be a lie */
    int group;            /* tie group by the board's sort measure, from 1; 0: no value */
    int groups[MEASURES]; /* and by each of the others */
    struct board_value values[MEASURES];
    const struct board_cell **cells; /* [n_conditions]; NULL: not run */
};

/* A compressed network beside its twin, one line per kind; differences are compressed
 * minus twin, on the same samples and conditions. */
struct board_twin_line {
    enum board_kind kind;
    /* "Linf eps=1/255": right under every attack of this ball that was crafted on either of
     * the two, each of which was shown to the other. NULL: the mean over the kind. */
    const char *crafted;
    int conditions;
    double acc, twin_acc;
    double p;                    /* McNemar; NaN where `acc` is a mean of several */
    struct board_value difference;
    struct board_value beyond;   /* difference minus the clean difference */
};
enum { TWIN_UNIONS = 12 };
struct board_twin {
    int row, twin_row;
    size_t n_lines;
    struct board_twin_line lines[KINDS + TWIN_UNIONS];
};

/* One attack crafted on some networks and shown to all. */
struct board_transfer {
    const char *label;               /* without its source= */
    size_t n_sources;
    const char **sources;            /* those that are rows first, in their order */
    const struct board_cell **cells; /* [n_sources][n_rows]; NULL: not run */
};

/* Accuracy of one row under one attack as its radius grows; from view `curve`. */
struct board_curve {
    int row;
    const char *attack, *norm;       /* attack without its eps= */
    size_t n_points;
    double *eps, *acc;               /* radii ascending */
    double median;                   /* smallest distance: NaN unknown, INFINITY most held */
};

/* Decoder x resizer: what deployment does to one model by accident (ImageNet-S). */
struct board_matrix {
    int row;
    size_t n_decoders, n_resizers;
    const char **decoders, **resizers;
    const struct board_cell **cells; /* [n_decoders][n_resizers]; NULL: not run */
    const struct board_cell *own;    /* the model's own pair; NULL: not run */
    double mean, sd, min, max;
    int worst;                       /* index into cells */
    double flip_rate;                /* predictions that differ from the own pair's; NaN */
    double persample_worst;          /* right under every pair */
    /* Against the own pair on the same images, absent without it: the mean of the other
     * pairs' changes, that of `worst`, and of the per-sample worst; and the flip rate. */
    struct board_value mean_delta, worst_delta, persample_delta, flips;
};

/* One model on the perturbation sequences of one difficulty. Rates are per compared pair
 * of frames; means are over the `counted` of ImageNet-P's ten. */
struct board_sequence {
    const char *name;
    bool counts;                     /* one of the ten */
    double flip_rate, top5_distance, right; /* the distance NaN below five classes */
    const double *flips, *spread;    /* [n] per picture */
};
enum { BOARD_SEQUENCES = 32 };
struct board_stability {
    int row, difficulty, n_sequences, counted;
    struct board_sequence sequences[BOARD_SEQUENCES];
    struct board_value flips, top5_distance;
    struct board_value mfr, mt5d;    /* percent of the baseline's; absent without one */
    double right;                    /* mean share of pictures right in all frames */
};

/* One model telling pictures of no known class from the section's: see metrics.h. */
struct board_detection {
    int row;
    const char *name;                /* "imagenet-o (2000 pictures)" */
    struct detection detection;
};

/* One dataset and subset: what may be compared. */
struct board_section {
    const char *dataset, *split, *subset;
    int64_t subset_id, n, n_classes;
    size_t n_conditions, n_rows, n_twins, n_matrices, n_transfers, n_curves, n_cells;
    size_t n_stabilities, n_detections;
    struct board_condition *conditions; /* by kind, noise, severity, eps, label */
    struct board_row *rows;             /* best first */
    int baseline_row;                   /* that mCE and mFR are against; -1: AlexNet, none */
    /* Per condition, what an error counts in mCE and relative mCE; NULL where not all
     * fifteen corruptions at five severities were run, or there is no baseline. */
    double *mce, *relative_mce;
    struct board_twin *twins;
    struct board_matrix *matrices;
    struct board_stability *stabilities; /* by difficulty, fewest flips first */
    struct board_detection *detections;  /* by dataset, then model */
    struct board_transfer *transfers;
    struct board_curve *curves;
};

struct board {
    size_t n_sections;
    struct board_section *sections;
    const char *finished;  /* newest cell's time, ISO 8601; "" on an empty board */
    const char *version;   /* of the program that ran it */
    int64_t n_runs, n_failed;
    enum board_measure sort;
    const char *baseline;  /* borrowed from the options */
    struct arena arena;
};

struct leaderboard_options {
    const char *format;    /* NULL: terminal */
    const char *dataset, *model; /* shell patterns; NULL: all */
    const char *kind;      /* clean system natural adversarial worst; NULL: all */
    const char *sort;      /* a measure's name, or "name"; NULL: clean */
    const char *baseline;  /* the model that mCE and mFR are against; NULL: AlexNet, none */
    bool details;          /* every condition too */
    bool twins;            /* only the twins */
    bool transfer, curves; /* only these */
    int width;             /* terminal columns; 0: 80 */
    bool colour;
    const char *above;     /* html: HTML to put above the boards, or NULL */
};

/* ERR_USAGE: an unknown kind or sort; ERR_NOTFOUND: the filters leave nothing. */
enum status board_open(struct store *store, const struct leaderboard_options *options,
                       struct board **out);
void board_close(struct board *board);

struct leaderboard_format {
    const char *name, *summary;
    const char *extension; /* "md" */
    enum status (*write)(struct store *store, const struct board *board,
                         const struct leaderboard_options *options, FILE *out);
    /* The same as a tree of files below a folder; NULL: this format is one file. */
    enum status (*write_files)(struct store *store, const struct board *board,
                               const char *folder);
};
extern const struct leaderboard_format *const leaderboard_format_registry[];

/* Opens the board, finds the format, writes. ERR_USAGE names the formats there are. */
enum status leaderboard_write(struct store *store, const struct leaderboard_options *options,
                              FILE *out);
/* Likewise into a folder, which is made. ERR_USAGE: the format is one file. */
enum status leaderboard_write_files(struct store *store,
                                    const struct leaderboard_options *options,
                                    const char *folder);

/* The network that mCE is against: the baseline row's model, or "AlexNet". */
const char *board_baseline_name(const struct board_section *section);
/* The clean cell of a row, or NULL. */
const struct board_cell *board_clean(const struct board_section *section,
                                     const struct board_row *row);
/* A cell's change against clean with its paired interval; absent when it is not paired. */
struct board_value board_delta(const struct board_cell *cell);
/* Points with a sign, "+0.12", "-3.40"; 12 bytes at least. NaN gives "". */
const char *board_points(double share, char out[16]);
/* A share in percent, "91.25"; NaN gives "". */
const char *board_percent(double share, char out[16]);
/* Half the interval in points, "0.83"; NaN gives "". */
const char *board_half(const struct board_value *value, char out[16]);
