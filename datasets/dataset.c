#include "datasets/dataset.h"

#include "base/text.h"
#include "datasets/catalogue.h"
#include "datasets/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

void sample_data_clear(struct sample_data *data)
{
    image_clear(&data->pixels);
    free(data->owned);
    *data = (struct sample_data){0};
}

enum status sample_read(const char *path, uint64_t size, struct sample_data *out)
{
    int fd = size ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    struct stat info;
    if (!size)
        return status_fail(ERR_FORMAT,
                           "%s: was empty or absent when the dataset was indexed", path);
    enum status st = OK;
    if (fd < 0 || fstat(fd, &info))
        st = status_fail(ERR_IO, "%s: %s", path, strerror(errno));
    else if ((uint64_t)info.st_size != size)
        st = status_fail(ERR_IO,
                         "%s: has %lld bytes, and had %llu when the dataset was indexed",
                         path, (long long)info.st_size, (unsigned long long)size);
    else if (!(out->owned = mem_try(1, size)))
        st = status_fail(ERR_NOMEM, "%s: no memory for %llu bytes", path,
                         (unsigned long long)size);
    for (uint64_t done = 0; !st && done < size;) {
        ssize_t got = read(fd, (char *)out->owned + done, size - done);
        if (got <= 0 && errno != EINTR)
            st =
                status_fail(ERR_IO, "%s: %s", path, got ? strerror(errno) : "ends early");
        done += got > 0 ? (uint64_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    out->bytes = st ? NULL : out->owned;
    out->size = st ? 0 : size;
    return st;
}

/* "cifar10-test.tar.gz" -> "cifar10-test"; a file ends in one of these, a folder may not.
 */
static char *plain_name(const char *base, bool is_file)
{
    static const char *const endings[] = {".tar",    ".tar.gz",  ".tgz",
                                          ".tar.xz", ".tar.zst", ".tar.bz2",
                                          ".bin",    ".txt",     ".npy"};
    char *name = mem_copy(base);
    size_t size = strlen(name);
    for (size_t i = 0; is_file && i < sizeof endings / sizeof *endings; i++) {
        size_t cut = strlen(endings[i]);
        if (size > cut && !strcasecmp(name + size - cut, endings[i])) {
            name[size - cut] = 0;
            break;
        }
    }
    return name;
}

/* Name and, where the folder is called "test", the split; from the absolute path. */
static void name_dataset(struct dataset *dataset)
{
    char *real = realpath(dataset->path, NULL);
    struct stat info;
    if (!real || stat(real, &info)) {
        free(real);
        dataset->name = mem_copy(dataset->path);
        return;
    }
    char *slash = strrchr(real, '/');
    if (S_ISDIR(info.st_mode) && slash > real &&
        is_split_word(slash + 1, strlen(slash + 1))) {
        dataset->split = mem_copy(slash + 1);
        *slash = 0;
        slash = strrchr(real, '/');
    }
    dataset->name = plain_name(slash[1] ? slash + 1 : real, !S_ISDIR(info.st_mode));
    free(real);
}

static enum status no_layout(const char *spec)
{
    struct text list = {0};
    for (size_t i = 0; dataset_format_registry[i]; i++)
        text_addf(&list, "%s%s", i ? "; " : "", dataset_format_registry[i]->summary);
    struct stat info;
    enum status st =
        stat(spec, &info)
            ? status_fail(errno == ENOENT ? ERR_NOTFOUND : ERR_IO,
                          "dataset '%s': %s. A dataset is one of: %s", spec,
                          strerror(errno), list.data)
            : status_fail(ERR_FORMAT,
                          "dataset '%s': a file of %lld bytes of no layout that is read "
                          "here. A dataset is one of: %s",
                          spec, (long long)info.st_size, list.data);
    text_clear(&list);
    return st;
}

static const struct dataset_format *find_format(const char *spec)
{
    for (size_t i = 0; dataset_format_registry[i]; i++)
        if (dataset_format_registry[i]->probe(spec))
            return dataset_format_registry[i];
    return NULL;
}

static enum status open_spec(const char *spec, const struct dataset_options *options,
                             struct dataset *out)
{
    out->format = find_format(spec);
    if (!out->format)
        return no_layout(spec);
    out->path = mem_copy(spec);
    size_t size = strlen(out->path);
    while (size > 1 && out->path[size - 1] == '/')
        out->path[--size] = 0;
    name_dataset(out);
    enum status st = out->format->open(out, options);
    if (!st && !out->split)
        out->split = mem_copy("all");
    return st ? st : dataset_manifest(out);
}

/* A name of the catalogue, with the split and classes that it says unless told otherwise. */
static enum status open_name(const char *name, const struct dataset_options *options,
                             struct dataset *out)
{
    const struct dataset_entry *entry;
    struct dataset_options merged = options ? *options : (struct dataset_options){0};
    char *spec;
    enum status st = dataset_find(name, &spec, &entry);
    if (st)
        return st;
    if (entry && !merged.split)
        merged.split = entry->split;
    if (entry && !merged.classes)
        merged.classes = entry->classes;
    st = open_spec(spec, &merged, out);
    free(spec);
    if (!st && entry) {
        free(out->name);
        out->name = mem_copy(name);
        out->ood = entry->ood;
        out->among_present = entry->among_present;
    }
    return st;
}

enum status dataset_open(const char *spec, const struct dataset_options *options,
                         struct dataset *out)
{
    *out = (struct dataset){0};
    bool is_name = access(spec, F_OK) && !strpbrk(spec, "/:");
    enum status st =
        is_name ? open_name(spec, options, out) : open_spec(spec, options, out);
    if (st)
        dataset_close(out);
    return st;
}

enum status dataset_load(const struct dataset *dataset, size_t index,
                         struct sample_data *out)
{
    *out = (struct sample_data){0};
    enum status st = dataset->format->load(dataset, index, out);
    if (!st && out->bytes && pnm_sniff(out->bytes, out->size)) {
        struct sample_data pixels = {0};
        st = pnm_read(out->bytes, out->size, &pixels.pixels);
        sample_data_clear(out);
        *out = pixels;
    }
    if (st)
        sample_data_clear(out);
    return st;
}

void dataset_close(struct dataset *dataset)
{
    if (dataset->format && dataset->format->close)
        dataset->format->close(dataset);
    free(dataset->path);
    free(dataset->name);
    free(dataset->split);
    free(dataset->samples);
    arena_clear(&dataset->arena);
    *dataset = (struct dataset){0};
}
