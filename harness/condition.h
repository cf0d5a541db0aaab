/*
 * A condition: everything done to a sample before and around the network, in one line,
 * written in the order in which it happens:
 *
 *     clean
 *     decode=stb
 *     decode=ffmpeg resize=pillow-lanczos
 *     gaussian_noise:3 store=jpeg85
 *     tilt-p
 *     precision=bf16
 *     pgd-linf eps=8/255 steps=20
 *     decode=stb + jpeg_compression:2 + pgd-linf eps=2/255
 *
 * `key=value` before the first noise is a system step; a bare word is a noise, `:N` its
 * severity, and the `key=value` after it are its parameters. A name that ends in -p is one
 * of ImageNet-P's sequences, `:2` and `:3` its difficulties: the picture becomes some
 * thirty frames, which the network should see alike. " + " may stand anywhere between
 * steps. The same line is used on the command line, in suites, in the database and on the
 * leaderboard.
 */
#pragma once

#include "base/params.h"
#include "base/status.h"
#include "models/model.h"
#include "noises/adversarial/adversarial.h"
#include "noises/natural/natural.h"
#include "noises/natural/perturbation.h"
#include "noises/system/system.h"

#include <stdbool.h>
#include <stddef.h>

enum { CONDITION_NATURALS = 4 };

struct natural_step {
    const struct natural *noise;
    int severity;
    int set; /* an enum natural_set, or -1: chosen by the picture's size */
    struct params params;
};

/* How source= was written: sources.h. The first means most networks. */
enum pairing { PAIR_NAMED, PAIR_ALL, PAIR_TWINS };

struct condition {
    /* Steps, in the order of the pipeline. NULL, -1 and 0: as the model's record says. */
    const struct decoder *decoder;
    bool orient, strict, no_smoothing;
    const struct resizer *resizer;
    bool linear_light;
    double gap;     /* Pillow's reducing_gap; 0: none */
    int size, crop; /* enum size_rounding, enum crop_rounding, or -1 */
    bool squash;
    const struct colour *colour;
    size_t n_naturals;
    struct natural_step naturals[CONDITION_NATURALS];
    const struct perturbation *sequence; /* instead of natural noises; NULL: none */
    int difficulty, sequence_set;        /* 1..3; an enum natural_set, or -1: by size */
    int store_quality;     /* JPEG between corruption and network; 0: none */
    const char *precision; /* "fp16", ..., "int8-simulated", or NULL */
    bool ceil_mode, no_fold;
    enum normalise normalise;
    const struct attack *attack;
    struct params attack_params;
    char *source; /* model that the gradients come from, or NULL: the model itself */
    enum pairing pairing; /* no part of the identity */

    /* Identity: made by condition_parse(). */
    char *label;        /* the canonical line, which parses to the same condition */
    char *json;         /* canonical; all defaults and implementation numbers included */
    char sha[65];       /* of json */
    const char *kind;   /* clean system natural sequence adversarial */
    char *noise;        /* "clean", "decode", "decode+resize", "gaussian_noise", "tilt-p" */
    int impl, severity; /* severity 0: none; of a sequence: its difficulty */
    const char *norm;   /* "Linf" "L2" "L1" or NULL */
    double eps;         /* < 0: none */
};

/* ERR_USAGE: the message has the line and a caret under the word that is meant. */
enum status condition_parse(const char *line, struct condition *out);
void condition_clear(struct condition *condition);

/*
 * Lines that stand for several: `gaussian_noise:1-5`, `[fog,snow]:[2,4]`,
 * `decode=[turbo,stb] resize=*`, `imagenet-c:1-5` (all fifteen), `imagenet-c-extra:3`,
 * `imagenet-c-bar:1-5` (all ten), `imagenet-p` (all ten), `imagenet-p-extra`.
 * Conditions that are equal are kept once, in the order of their first appearance.
 */
struct conditions {
    struct condition *items;
    size_t count;
};
enum status conditions_add(struct conditions *conditions, const char *line);
void conditions_clear(struct conditions *conditions);

/* The keys of system steps, for help and lists: {key, choices, meaning}, ended by {0}. */
struct system_key {
    const char *key, *choices, *help;
    enum status (*set)(struct condition *condition, const char *value);
    const char *(*show)(const struct condition *condition, char out[64]);
};
extern const struct system_key condition_keys[];
