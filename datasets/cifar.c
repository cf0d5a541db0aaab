/*
 * CIFAR-10 and CIFAR-100 binary batches: records of one label byte (two for CIFAR-100:
 * coarse, fine) and 3072 bytes of pixels, a plane each of red, green and blue, 32x32. The
 * pixels have no codec.
 *
 * Source: Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html
 */
#include "datasets/index.h"

#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE, MAX_FILES = 16 };

static const char *const cifar10_names[] = {"airplane", "automobile", "bird", "cat",
                                            "deer",     "dog",        "frog", "horse",
                                            "ship",     "truck"};

struct batches {
    int label_bytes; /* 1: CIFAR-10, 2: CIFAR-100 */
    int count;
    struct mapping file[MAX_FILES];
};

static bool ends_in_bin(const char *name)
{
    size_t size = strlen(name);
    return size > 4 && !strcmp(name + size - 4, ".bin");
}

/* Bytes before the pixels of a file of that size; 0 when it is no such batch. */
static int label_bytes(uint64_t size)
{
    return !size ? 0 : size % (PIXELS + 1) == 0 ? 1 : size % (PIXELS + 2) == 0 ? 2 : 0;
}

static int batch_kind(const char *path)
{
    struct stat info;
    return ends_in_bin(path) && !stat(path, &info) && S_ISREG(info.st_mode)
               ? label_bytes((uint64_t)info.st_size)
               : 0;
}

static bool is_test(const char *name)
{
    return !strncmp(name, "test", 4);
}

static int by_string(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The batch files of a folder, or the file itself; sorted. Returns their number. */
static int list_batches(const char *path, const char *split, char *out[MAX_FILES])
{
    int count = 0;
    if (batch_kind(path)) {
        out[count++] = mem_copy(path);
        return count;
    }
    DIR *folder = opendir(path);
    for (struct dirent *entry;
         folder && (entry = readdir(folder)) && count < MAX_FILES;) {
        char *file = mem_format("%s/%s", path, entry->d_name);
        if (batch_kind(file) && (!split || is_test(entry->d_name) == is_test(split)))
            out[count++] = file;
        else
            free(file);
    }
    if (folder)
        closedir(folder);
    qsort(out, (size_t)count, sizeof *out, by_string);
    return count;
}

static bool probe(const char *path)
{
    char *files[MAX_FILES];
    int count = list_batches(path, NULL, files);
    for (int i = 0; i < count; i++)
        free(files[i]);
    return count > 0;
}

static enum status add_batch(struct dataset *dataset, const char *path)
{
    struct batches *batches = dataset->state;
    struct mapping *file = &batches->file[batches->count];
    enum status st = file_map(path, file);
    if (st)
        return st;
    int kind = label_bytes(file->size);
    if (!kind || (batches->count && kind != batches->label_bytes))
        return status_fail(ERR_FORMAT,
                           "%s: %zu bytes are no whole number of records like "
                           "those of the other batches",
                           path, file->size);
    batches->label_bytes = kind;
    size_t record = (size_t)(PIXELS + kind), count = file->size / record;
    int n_classes = kind == 1 ? 10 : 100;
    char *stem = file_stem(path);
    dataset->samples =
        mem_grow(dataset->samples, dataset->count + count, sizeof *dataset->samples);
    for (size_t i = 0; !st && i < count; i++) {
        int label = file->data[i * record + (size_t)kind - 1];
        if (label >= n_classes)
            st = status_fail(ERR_FORMAT,
                             "%s: label %d in record %zu; the classes are 0..%d", path,
                             label, i, n_classes - 1);
        dataset->samples[dataset->count++] =
            (struct sample){arena_format(&dataset->arena, "%s/%05zu", stem, i), label,
                            (uint64_t)batches->count << 48 | i, PIXELS};
    }
    free(stem);
    batches->count++;
    return st;
}

/* One name a line, in the order of the labels; wrong counts leave the names unread. */
static bool read_names(struct dataset *dataset, const char *folder, const char *name)
{
    char *path = mem_format("%s/%s", folder, name);
    struct mapping file;
    enum status st = file_map(path, &file);
    free(path);
    if (st)
        return false;
    char *text = mem_new(file.size + 1);
    if (file.size)
        memcpy(text, file.data, file.size);
    file_unmap(&file);
    int count = 0;
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        line[strcspn(line, "\r")] = 0;
        if (*line && count < dataset->n_classes)
            dataset->class_names[count++] = arena_copy(&dataset->arena, line);
    }
    free(text);
    return count == dataset->n_classes;
}

static void name_classes(struct dataset *dataset, const char *first_file)
{
    dataset->class_names =
        arena_alloc(&dataset->arena, (size_t)dataset->n_classes * sizeof(char *));
    char *folder = mem_copy(first_file);
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = 0;
    bool ten = dataset->n_classes == 10;
    if (!read_names(dataset, slash ? folder : ".",
                    ten ? "batches.meta.txt" : "fine_label_names.txt"))
        for (int i = 0; i < dataset->n_classes; i++)
            dataset->class_names[i] = ten ? arena_copy(&dataset->arena, cifar10_names[i])
                                          : arena_format(&dataset->arena, "%d", i);
    free(folder);
}

static enum status open_cifar(struct dataset *dataset,
                              const struct dataset_options *options)
{
    dataset->state = mem_new(sizeof(struct batches));
    const char *split = options && options->split ? options->split : "test";
    char *files[MAX_FILES];
    int count = list_batches(dataset->path, split, files);
    enum status st = count ? OK
                           : status_fail(ERR_NOTFOUND,
                                         "%s: no batches of split '%s' "
                                         "there",
                                         dataset->path, split);
    for (int i = 0; !st && i < count; i++)
        st = add_batch(dataset, files[i]);
    if (!st) {
        dataset->n_classes =
            ((struct batches *)dataset->state)->label_bytes == 1 ? 10 : 100;
        name_classes(dataset, files[0]);
        const char *slash = strrchr(files[0], '/');
        free(dataset->split);
        dataset->split =
            mem_copy(is_test(slash ? slash + 1 : files[0]) ? "test" : "train");
    }
    for (int i = 0; i < count; i++)
        free(files[i]);
    return st ? st : dataset_sort(dataset);
}

static enum status load(const struct dataset *dataset, size_t i, struct sample_data *out)
{
    const struct batches *batches = dataset->state;
    uint64_t place = dataset->samples[i].offset;
    size_t record = (size_t)(PIXELS + batches->label_bytes);
    const uint8_t *planes = batches->file[place >> 48].data +
                            (place & 0xffffffffffffu) * record + batches->label_bytes;
    enum status st = image_init(&out->pixels, SIDE, SIDE, 3);
    for (int p = 0; !st && p < PLANE; p++)
        for (int c = 0; c < 3; c++)
            out->pixels.data[3 * p + c] = planes[c * PLANE + p];
    return st;
}

static void close_cifar(struct dataset *dataset)
{
    struct batches *batches = dataset->state;
    for (int i = 0; batches && i < MAX_FILES; i++)
        file_unmap(&batches->file[i]);
    free(batches);
}

const struct dataset_format dataset_format_cifar = {
    .name = "cifar",
    .summary = "CIFAR-10 or CIFAR-100 binary batches (*.bin)",
    .probe = probe,
    .open = open_cifar,
    .load = load,
    .close = close_cifar,
};
