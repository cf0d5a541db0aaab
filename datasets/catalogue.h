/*
 * Public datasets by name: where they come from, what they hash to and how they are
 * opened. datasets/catalogue.yaml is built into the program; the section `datasets` of
 * the files named in GAUNTLET_CATALOGUE adds to it and wins over it.
 */
#pragma once

#include "datasets/dataset.h"

struct dataset_entry {
    char *name, *summary, *licence, *note;
    char *sha256, *md5; /* of the file that is downloaded */
    int64_t bytes;
    char **urls; /* the preferred one first */
    unsigned n_urls;
    bool unpack;           /* into a folder; otherwise the archive is read in place */
    char *inside;          /* the folder of the unpacked archive to open */
    char *split, *classes; /* as in dataset_options */
    char *spec;            /* a generator's, "synthetic:0:2000"; needs no download */
    bool ood;              /* pictures of no known class */
    bool among_present;    /* networks choose among the classes that it has */
};

struct dataset_catalogue;

/* Read once, then kept. ERR_FORMAT names file and line of a mistake. */
enum status dataset_catalogue_load(const struct dataset_catalogue **out);
size_t dataset_catalogue_count(const struct dataset_catalogue *catalogue);
const struct dataset_entry *
dataset_catalogue_at(const struct dataset_catalogue *catalogue, size_t index);
const struct dataset_entry *
dataset_catalogue_by_name(const struct dataset_catalogue *catalogue, const char *name);

/* "datasets/NAME.tgz" below the cache folder, or "datasets/NAME" when it is unpacked: where
 * a download lies. NULL without a cache folder. The caller frees. */
char *dataset_entry_place(const struct dataset_entry *entry);

/*
 * What a name stands for: *spec a path or generator, freed by the caller. A folder of
 * GAUNTLET_DATASETS (separated by ':') that holds NAME or NAME.tar comes first, then the
 * catalogue, whose entry is *entry (else NULL). ERR_NOTFOUND says what to fetch, or what
 * is near.
 */
enum status dataset_find(const char *name, char **spec,
                         const struct dataset_entry **entry);
