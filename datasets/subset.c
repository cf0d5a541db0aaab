#include "datasets/dataset.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static void finish(const struct dataset *dataset, char *spec, struct subset *subset)
{
    struct hash hash;
    hash_init(&hash);
    hash_add_string(&hash, "gauntlet subset 1");
    hash_add_string(&hash, dataset->manifest_sha);
    for (size_t i = 0; i < subset->count; i++)
        hash_add_string(&hash, dataset->samples[subset->items[i]].key);
    hash_finish(&hash, subset->sha);
    subset->spec = spec;
}

enum status subset_all(const struct dataset *dataset, struct subset *out)
{
    *out = (struct subset){.count = dataset->count};
    out->items = mem_array(dataset->count, sizeof *out->items);
    for (size_t i = 0; i < dataset->count; i++)
        out->items[i] = (uint32_t)i;
    finish(dataset, mem_copy("all"), out);
    return OK;
}

/*
 * Every sample draws a number from (seed, key). Its rank among its class and then the
 * number itself give one order of all samples, whose first `limit` are taken: each class
 * gives its r-th before any gives its r+1-th, and a smaller limit is a prefix of a
 * larger.
 */
struct draw {
    uint64_t number;
    int label;
    uint32_t rank, item;
};

static int by_class(const void *a, const void *b)
{
    const struct draw *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static int by_rank(const void *a, const void *b)
{
    const struct draw *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

enum status subset_limit(const struct dataset *dataset, size_t limit, uint64_t seed,
                         struct subset *out)
{
    *out = (struct subset){0};
    if (!limit)
        return status_fail(ERR_USAGE, "a subset of 0 samples is of no use");
    if (limit >= dataset->count)
        return subset_all(dataset, out);

    struct draw *draws = mem_array(dataset->count, sizeof *draws);
    for (size_t i = 0; i < dataset->count; i++) {
        char *word =
            mem_format("%llu:%s", (unsigned long long)seed, dataset->samples[i].key);
        draws[i] =
            (struct draw){hash_key(word), dataset->samples[i].label, 0, (uint32_t)i};
        free(word);
    }
    qsort(draws, dataset->count, sizeof *draws, by_class);
    for (size_t i = 1; i < dataset->count; i++)
        if (draws[i].label == draws[i - 1].label)
            draws[i].rank = draws[i - 1].rank + 1;
    qsort(draws, dataset->count, sizeof *draws, by_rank);

    out->count = limit;
    out->items = mem_array(limit, sizeof *out->items);
    for (size_t i = 0; i < limit; i++)
        out->items[i] = draws[i].item;
    free(draws);
    qsort(out->items, limit, sizeof *out->items, by_value);
    finish(dataset, mem_format("limit=%zu seed=%llu", limit, (unsigned long long)seed),
           out);
    return OK;
}

static int key_against_sample(const void *key, const void *sample)
{
    return strcmp(key, ((const struct sample *)sample)->key);
}

static enum status add_key(const struct dataset *dataset, const char *key,
                           const char *path, size_t line, bool *taken)
{
    const struct sample *found = bsearch(key, dataset->samples, dataset->count,
                                         sizeof *dataset->samples, key_against_sample);
    if (!found)
        return status_fail(ERR_FORMAT,
                           "%s:%zu: no sample '%.200s' in dataset %s (its keys look "
                           "like '%s')",
                           path, line, key, dataset->name, dataset->samples[0].key);
    taken[found - dataset->samples] = true;
    return OK;
}

static enum status read_keys(const struct dataset *dataset, const char *path, char *text,
                             bool *taken)
{
    size_t number = 0;
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        number++;
        size_t size = strcspn(line, "\r");
        while (size && strchr(" \t", line[size - 1]))
            size--;
        line[size] = 0;
        if (!size || *line == '#')
            continue;
        enum status st = add_key(dataset, line, path, number, taken);
        if (st)
            return st;
    }
    return OK;
}

enum status subset_ids(const struct dataset *dataset, const char *path,
                       struct subset *out)
{
    *out = (struct subset){0};
    struct mapping file;
    enum status st = file_map(path, &file);
    if (st)
        return st;
    char *text = mem_new(file.size + 1);
    if (file.size)
        memcpy(text, file.data, file.size);
    file_unmap(&file);
    bool *taken = mem_array(dataset->count, sizeof *taken);
    st = read_keys(dataset, path, text, taken);
    free(text);

    out->items = mem_array(dataset->count, sizeof *out->items);
    for (size_t i = 0; i < dataset->count; i++)
        if (taken[i])
            out->items[out->count++] = (uint32_t)i;
    free(taken);
    if (!st && !out->count)
        st = status_fail(ERR_FORMAT, "%s: names no sample", path);
    if (st)
        subset_clear(out);
    else
        finish(dataset, mem_format("ids=%s", path), out);
    return st;
}

enum status subset_narrow(const struct dataset *dataset, const char *word,
                          bool (*keeps)(void *context, const struct sample_data *data),
                          void *context, struct subset *subset)
{
    size_t kept = 0;
    for (size_t i = 0; i < subset->count; i++) {
        struct sample_data data = {0};
        enum status st = dataset_load(dataset, subset->items[i], &data);
        if (!st && keeps(context, &data))
            subset->items[kept++] = subset->items[i];
        sample_data_clear(&data);
        /* What cannot be read is left to the run, which records it. */
    }
    if (!kept)
        return status_fail(ERR_USAGE, "%s: none of %zu samples has %s", dataset->name,
                           subset->count, word);
    subset->count = kept;
    char *spec = mem_format("%s %s", subset->spec, word);
    free(subset->spec);
    finish(dataset, spec, subset);
    return OK;
}

void subset_mark(const char *word, struct subset *subset)
{
    struct hash hash;
    hash_init(&hash);
    hash_add_string(&hash, subset->sha);
    hash_add_string(&hash, word);
    hash_finish(&hash, subset->sha);
    char *spec = mem_format("%s %s", subset->spec, word);
    free(subset->spec);
    subset->spec = spec;
}

void subset_clear(struct subset *subset)
{
    free(subset->items);
    free(subset->spec);
    *subset = (struct subset){0};
}
