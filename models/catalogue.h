/*
 * Public networks: what they are, how they want their input, where they come from and
 * what their file hashes to. models/catalogue.yaml is built into the program; files named
 * in GAUNTLET_CATALOGUE (separated by ':') add to it and win over it.
 */
#pragma once

#include "models/record_keys.h"

struct catalogue_model {
    struct record_values values; /* values.text[RECORD_NAME] is always there */
    char *sha256;
    int64_t bytes, params;
    char *licence, *source;     /* source: repository and commit, or paper */
    char *dataset;              /* what it was trained for: cifar10, imagenet */
    double published, measured; /* top-1 %, 0: none; measured: on our JPEGs */
    char *note;
    struct record_words urls; /* as written: see catalogue_urls() */
};

struct catalogue;

/* Read once, then kept. ERR_FORMAT names file and line of a mistake in a user's file. */
enum status catalogue_load(const struct catalogue **out);

size_t catalogue_count(const struct catalogue *catalogue);
const struct catalogue_model *catalogue_at(const struct catalogue *catalogue,
                                           size_t index);

/* NULL when there is none. */
const struct catalogue_model *catalogue_by_name(const struct catalogue *catalogue,
                                                const char *name);
const struct catalogue_model *catalogue_by_sha(const struct catalogue *catalogue,
                                               const char *sha256);

/* A named preparation, or NULL; and the error that says so, with the near or all names. */
const struct record_values *catalogue_recipe(const struct catalogue *catalogue,
                                             const char *name);
enum status catalogue_no_recipe(const struct catalogue *catalogue, const char *name);

/* Where a network can be had, "BASE:PATH" spelled out, the preferred place first. NULL-ended;
 * the caller frees each and the list. Empty when it cannot be had. */
char **catalogue_urls(const struct catalogue *catalogue,
                      const struct catalogue_model *model);

/*
 * The file of a network: `name` itself when it is a path, else NAME.onnx in one of the
 * folders of GAUNTLET_MODELS (separated by ':'), where `gauntlet fetch` puts it, or in the
 * program itself (models/zoo.h). The caller frees *out. ERR_NOTFOUND says where it looked, what is near,
 * and whether it can be fetched.
 */
enum status catalogue_find(const char *name, char **out);
