/*
 * Datasets: encoded samples and their labels, read in place.
 *
 * How to add a layout: write datasets/<name>.c ending in `const struct dataset_format
 * dataset_format_<name>`, and add the name to meson.build. `probe` says whether a path is
 * this layout (cheaply, without reading samples); `open` builds the index; `load` fetches
 * the bytes of one sample and may be called by several workers at once; `close` frees.
 */
#pragma once

#include "base/image.h"
#include "base/mem.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One sample of the index. Keys are unique, stable under moving the dataset, and ordered:
 * "test/cat/0002.jpg". */
struct sample {
    const char *key;
    int label;       /* 0..n_classes-1 */
    uint64_t offset; /* layout's own business */
    uint64_t size;   /* encoded bytes */
};

/* What `load` hands out: encoded bytes (JPEG, PNG, ...) or ready pixels (CIFAR binaries,
 * which have no codec: decode= conditions do not apply). Exactly one of the two is set.
 */
struct sample_data {
    const uint8_t *bytes;
    size_t size;
    struct image pixels;
    void *owned; /* freed by sample_data_clear */
};
void sample_data_clear(struct sample_data *data);

struct hash;

struct dataset {
    const struct dataset_format *format;
    char *path, *name, *split;
    struct sample *samples; /* sorted by key */
    size_t count;
    char **class_names; /* [n_classes]: folder names, or names from the class list */
    int n_classes;
    char manifest_sha[65]; /* over keys, labels, sizes and contents; see manifest.c */
    size_t ignored;        /* files there that are no pictures: lists, notes, archives */
    bool ood;              /* the catalogue says: pictures of no known class */
    bool among_present;    /* it says: choose among the classes that are there */
    struct arena arena;    /* keys, names */
    void *state;           /* of the format */
};

struct dataset_options {
    const char
        *classes; /* TSV "index<TAB>folder<TAB>name"; "sorted"; NULL: see classes.h */
    const char *split; /* "test"; NULL: the only one there, or for CIFAR the test split */
    bool unlabelled;   /* pictures need no class folders: where some have none, all are of
                          one class, "unlabelled" (calibration) */
};

struct dataset_format {
    const char *name, *summary;
    bool (*probe)(const char *path);
    enum status (*open)(struct dataset *dataset, const struct dataset_options *options);
    enum status (*load)(const struct dataset *dataset, size_t index,
                        struct sample_data *out);
    /* Adds to a hash what the contents depend on, where reading them all would be absurd
     * (a generator). NULL: the contents are read and hashed. */
    enum status (*identify)(const struct dataset *dataset, struct hash *hash);
    void (*close)(struct dataset *dataset);
};
extern const struct dataset_format *const dataset_format_registry[];

/* `spec` is a path, a generator such as "synthetic:SEED:N", or a name: of a file in a
 * folder of GAUNTLET_DATASETS, or of the catalogue once fetched. The error says what was
 * found there and which layouts there are. options may be NULL. The name is that of the
 * file or folder ("cifar10-test.tar" is "cifar10-test"), the split that of the folder
 * around the class folders ("test"). */
enum status dataset_open(const char *spec, const struct dataset_options *options,
                         struct dataset *out);
/* PPM and PGM have no codec either: they come out as pixels. Thread-safe. */
enum status dataset_load(const struct dataset *dataset, size_t index,
                         struct sample_data *out);
void dataset_close(struct dataset *dataset);

/*
 * A subset: indices into a dataset, ascending. Stratified: classes differ by at most one
 * sample, chosen by (seed, key), so that a smaller limit is a subset of a larger one.
 */
struct subset {
    uint32_t *items;
    size_t count;
    char *spec;   /* "all", "limit=500 seed=0", "ids=FILE" */
    char sha[65]; /* over the manifest and the chosen keys */
};
enum status subset_all(const struct dataset *dataset, struct subset *out);
enum status subset_limit(const struct dataset *dataset, size_t limit, uint64_t seed,
                         struct subset *out);
/* One key a line; '#' starts a comment; an unknown key is an error with its line. */
enum status subset_ids(const struct dataset *dataset, const char *path,
                       struct subset *out);
/* Keeps those samples whose encoded bytes `keeps` wants; `word` joins the spec
 * ("limit=500 seed=0 sampling=4:2:0"). ERR_USAGE when none is left. */
enum status subset_narrow(const struct dataset *dataset, const char *word,
                          bool (*keeps)(void *context, const struct sample_data *data),
                          void *context, struct subset *subset);
/* A use of the samples that changes what results mean: `word` ("role=ood") joins the spec,
 * and the hash changes. */
void subset_mark(const char *word, struct subset *subset);
void subset_clear(struct subset *subset);
