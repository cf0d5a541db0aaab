/*
 * A suite: which networks meet which data under which conditions, as a YAML file.
 *
 *     name: cifar-system
 *     version: 1
 *     seed: 0
 *     limit: 500
 *     models:
 *       - file: ../shared/data/models/cifar10_resnet20_fp32.onnx
 *       - file: resnet20_int8.onnx
 *         twin: cifar10_resnet20_fp32
 *         set: [mean=0.5 0.5 0.5]
 *     datasets:
 *       - path: ../shared/data/cifar10-test.tar
 *     noises:
 *       - clean
 *       - decode=[turbo,stb] resize=[pillow-bilinear,opencv-bilinear]
 *       - gaussian_noise:1-5
 *       - pgd-linf eps=[1/255,2/255]
 *     worst:
 *       - name: worst-decoder
 *         over: ["decode=*"]
 *     gates:
 *       - acc(int8) >= 0.99*acc(fp32)
 *
 * Paths are relative to the suite's own folder. A key that is not known is an error with
 * its line. The command line adds to what the file names.
 */
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct suite_model {
    char *file, *name, *twin;
    char **set; /* overrides of the model's record, "key=value" */
    unsigned set_count;
};

struct suite_dataset {
    char *path, *classes, *ids;
    char *sampling; /* only JPEGs of this chroma sampling: "4:2:0" */
    char *among;    /* "present": networks choose among the classes that are there */
    char *role;     /* "ood": pictures of no known class, for their detection */
    uint64_t limit; /* 0: the suite's */
};

/* Per-sample worst over a set of conditions: the worst decoder, WCAR. */
struct suite_worst {
    char *name;
    char **over; /* condition lines */
    unsigned over_count;
};

struct suite {
    char *name, *summary;
    uint64_t version, seed, limit; /* limit 0: every sample */
    struct suite_model *models;
    unsigned models_count;
    struct suite_dataset *datasets;
    unsigned datasets_count;
    char **noises;
    unsigned noises_count;
    struct suite_worst *worst;
    unsigned worst_count;
    char **gates; /* what a nightly run must hold: "acc(int8) >= 0.99*acc(fp32)" */
    unsigned gates_count;
};

/* ERR_FORMAT names file, line and the nearest key. */
enum status suite_load(const char *path, struct suite **out);
enum status suite_new(struct suite **out); /* empty, for the command line alone */
void suite_add_model(struct suite *suite, const char *file);
/* role and among as in struct suite_dataset, or NULL. */
void suite_add_dataset(struct suite *suite, const char *path, const char *classes,
                       const char *role, const char *among);
void suite_add_noise(struct suite *suite, const char *line);
/* Unfolds the model "zoo" into the networks that travel in the program. With neither model
 * nor data they and their test pictures are meant; then it returns true. */
bool suite_complete(struct suite *suite);
void suite_free(struct suite *suite);

/* The suite as it will run, as canonical JSON: stored with the run. The caller frees. */
char *suite_json(const struct suite *suite);
