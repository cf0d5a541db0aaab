/*
 * What every layout of files shares: an index that grows file by file, and from the file
 * names the keys, the split and the classes.
 */
#pragma once

#include "datasets/dataset.h"

struct index_entry {
    const char *key;
    uint64_t offset, size;
};

struct index {
    struct arena *arena;
    struct index_entry *entries;
    size_t count, room, ignored;
};

/*
 * `name` as the archive or file system has it. It becomes the key: a leading "./" or "/"
 * goes, and control characters, '%' and bytes that are not UTF-8 are written %XX, so that
 * a key is one line of valid text whatever the name was. Files that no picture reader
 * knows by their extension are counted and otherwise ignored.
 */
void index_add(struct index *index, const char *name, uint64_t offset, uint64_t size);

/* Sorts, keeps the last of equal keys (as tar does), finds split and classes, and hands
 * everything to the dataset. Frees the index either way. */
enum status index_finish(struct index *index, struct dataset *dataset,
                         const struct dataset_options *options);

/* ".jpg", ".PNG": what may hold a picture. */
bool index_is_picture(const char *name);

/* The key of a name, and back; in the arena, or NULL where '%' is not followed by digits.
 */
char *key_from_name(struct arena *arena, const char *name);
char *key_to_name(const char *key); /* the caller frees */

/* "train", "val", "test", ...: folders that hold class folders rather than pictures. */
bool is_split_word(const char *word, size_t size);

/* Sorts by key. ERR_FORMAT when two are equal or there is none. */
enum status dataset_sort(struct dataset *dataset);

/* The bytes of a file that had `size` bytes when it was indexed; ERR_IO when it has
 * others now, ERR_FORMAT when it was empty or absent. */
enum status sample_read(const char *path, uint64_t size, struct sample_data *out);

/* A PPM or PGM (P5, P6, maxval 255) as pixels. */
bool pnm_sniff(const uint8_t *bytes, size_t size);
enum status pnm_read(const uint8_t *bytes, size_t size, struct image *out);

/* Fills manifest_sha; see manifest.c. */
enum status dataset_manifest(struct dataset *dataset);
