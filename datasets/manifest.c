/*
 * The manifest hash: what makes two datasets the same. It is SHA-256 over the number of
 * classes and, for each sample in the order of the keys, its key, label, size and the
 * SHA-256 of its contents (encoded bytes, or pixels where there is no codec). Neither the
 * path nor the container enters, so that a tar and the folder it was made from agree.
 *
 * Contents are read by all workers. For more than CACHE_FROM bytes the result is kept in
 * the cache folder under a hash of path, file sizes and times of change; files that
 * changed within the last seconds are not trusted to have a telling time, as in git.
 */
#include "datasets/index.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/threads.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const uint64_t CACHE_FROM = 256u << 20;
enum { SETTLED_SECONDS = 3, DIGEST = HASH_HEX };

struct digests {
    const struct dataset *dataset;
    char (*hex)[DIGEST];
};

/* A sample that cannot be loaded has an empty digest: it is a failure in every run. */
static enum status digest(void *context, size_t i, int worker)
{
    (void)worker;
    struct digests *digests = context;
    struct sample_data data;
    if (dataset_load(digests->dataset, i, &data))
        return OK;
    if (data.pixels.data)
        hash_bytes(data.pixels.data, image_size(&data.pixels), digests->hex[i]);
    else
        hash_bytes(data.bytes, data.size, digests->hex[i]);
    sample_data_clear(&data);
    return OK;
}

static enum status hash_contents(struct dataset *dataset)
{
    struct digests digests = {dataset, mem_array(dataset->count, DIGEST)};
    enum status st = dataset->format->identify
                         ? OK
                         : threads_each(0, dataset->count, digest, &digests);
    struct hash hash;
    hash_init(&hash);
    hash_add_string(&hash, "gauntlet dataset 1");
    hash_add_u64(&hash, (uint64_t)dataset->n_classes);
    if (!st && dataset->format->identify)
        st = dataset->format->identify(dataset, &hash);
    for (size_t i = 0; i < dataset->count; i++) {
        const struct sample *sample = &dataset->samples[i];
        hash_add_string(&hash, sample->key);
        hash_add_u64(&hash, (uint64_t)sample->label);
        hash_add_u64(&hash, sample->size);
        hash_add_string(&hash, digests.hex[i]);
    }
    hash_finish(&hash, dataset->manifest_sha);
    free(digests.hex);
    return st;
}

/* Where the hash of these very files is kept; NULL when it should not be. */
static char *cache_file(const struct dataset *dataset)
{
    uint64_t total = 0;
    for (size_t i = 0; i < dataset->count; i++)
        total += dataset->samples[i].size;
    struct stat info;
    char *real = realpath(dataset->path, NULL);
    if (dataset->format->identify || total < CACHE_FROM || !real || stat(real, &info)) {
        free(real);
        return NULL;
    }
    uint64_t newest = (uint64_t)info.st_mtim.tv_sec;
    struct hash hash;
    hash_init(&hash);
    hash_add_string(&hash, "gauntlet dataset 1");
    hash_add_string(&hash, dataset->format->name);
    hash_add_string(&hash, real);
    hash_add_u64(&hash, (uint64_t)info.st_size);
    hash_add_u64(&hash, (uint64_t)info.st_ino);
    hash_add_u64(&hash, (uint64_t)info.st_mtim.tv_sec);
    hash_add_u64(&hash, (uint64_t)info.st_mtim.tv_nsec);
    hash_add_u64(&hash, (uint64_t)dataset->n_classes);
    for (size_t i = 0; i < dataset->count; i++) {
        const struct sample *sample = &dataset->samples[i];
        hash_add_string(&hash, sample->key);
        hash_add_u64(&hash, (uint64_t)sample->label);
        hash_add_u64(&hash, sample->size);
        hash_add_u64(&hash,
                     sample->offset); /* the time of change, where a sample is a file */
        if (S_ISDIR(info.st_mode) && sample->offset / 1000000000u > newest)
            newest = sample->offset / 1000000000u;
    }
    char hex[HASH_HEX];
    hash_finish(&hash, hex);
    free(real);
    if (newest + SETTLED_SECONDS > (uint64_t)time(NULL))
        return NULL;
    char *name = mem_format("manifests/%s", hex);
    char *path = file_cache_path(name);
    free(name);
    return path;
}

static bool read_cached(const char *path, char sha[HASH_HEX])
{
    struct mapping file;
    if (file_map(path, &file))
        return false;
    bool whole = file.size == HASH_HEX - 1;
    for (size_t i = 0; whole && i < file.size; i++)
        whole = memchr("0123456789abcdef", file.data[i], 16) != NULL;
    if (whole)
        memcpy(sha, file.data, HASH_HEX - 1);
    file_unmap(&file);
    return whole;
}

enum status dataset_manifest(struct dataset *dataset)
{
    char *cache = cache_file(dataset);
    if (cache && read_cached(cache, dataset->manifest_sha)) {
        free(cache);
        return OK;
    }
    enum status st = hash_contents(dataset);
    /* A cache that cannot be written costs time, nothing else. */
    if (!st && cache)
        (void)file_replace(cache, dataset->manifest_sha, HASH_HEX - 1);
    free(cache);
    return st;
}
