/*
 * ImageNet's flat validation folder: pictures in one folder and a list "file label" in
 * it, val.txt. The label is a class number or a WNID; the numbers are those that networks
 * use (0..999 by sorted WNID), not those of the original development kit.
 */
#include "datasets/index.h"

#include "base/file.h"
#include "datasets/classes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const list_names[] = {"val.txt", "test.txt", "labels.txt",
                                         "train.txt"};

static bool is_folder(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISDIR(info.st_mode);
}

/* The list of `path`, or NULL: `path` itself, or the first of the usual names in it. */
static char *find_list(const char *path, const char *split)
{
    size_t size = strlen(path);
    if (!is_folder(path))
        return size > 4 && !strcmp(path + size - 4, ".txt") ? mem_copy(path) : NULL;
    struct stat info;
    for (size_t i = 0; i < sizeof list_names / sizeof *list_names; i++) {
        char *list = mem_format("%s/%s", path, list_names[i]);
        if (!stat(list, &info) && S_ISREG(info.st_mode) &&
            (!split || !strncmp(list_names[i], split, strlen(split))))
            return list;
        free(list);
    }
    return NULL;
}

/* Cuts "file label" in two in place; false for a line that is no such pair. */
static bool split_line(char *line, char **label)
{
    size_t size = strlen(line);
    while (size && strchr(" \t\r\n", line[size - 1]))
        line[--size] = 0;
    char *word = line + size;
    while (word > line && !strchr(" \t,", word[-1]))
        word--;
    char *end = word;
    while (end > line && strchr(" \t,", end[-1]))
        *--end = 0;
    *label = word;
    return end > line && *word;
}

/* Other text files lie about too: the first line must speak of a picture. */
static bool probe(const char *path)
{
    char *list = find_list(path, NULL), *label, line[4096];
    FILE *file = list ? fopen(list, "r") : NULL;
    bool fits = false;
    while (file && fgets(line, sizeof line, file))
        if (line[strspn(line, " \t\r\n")] && *line != '#') {
            fits = split_line(line, &label) && index_is_picture(line);
            break;
        }
    if (file)
        fclose(file);
    free(list);
    return fits;
}

struct list {
    const char *path, *folder;
    size_t line;
    struct dataset *dataset;
    size_t room;
    struct class_list classes; /* count 0: numbers up to the largest seen */
    int largest;
};

static enum status label_of(const struct list *list, const char *word, int *label)
{
    char *end;
    errno = 0;
    long number = strtol(word, &end, 10);
    int limit = list->classes.count ? list->classes.count : CLASSES_MAX;
    if (end != word && !*end && !errno) {
        if (number < 0 || number >= limit)
            return status_fail(ERR_FORMAT, "%s:%zu: label %ld lies outside 0..%d",
                               list->path, list->line, number, limit - 1);
        *label = (int)number;
        return OK;
    }
    for (int i = 0; i < list->classes.count; i++)
        if (!strcmp(list->classes.folders[i], word)) {
            *label = i;
            return OK;
        }
    if ((*label = imagenet_class(word)) >= 0 && !list->classes.count)
        return OK;
    return status_fail(ERR_FORMAT,
                       "%s:%zu: '%.100s' is neither a class number nor a class of "
                       "the list",
                       list->path, list->line, word);
}

static enum status add_line(struct list *list, char *line)
{
    char *word;
    line += strspn(line, " \t\r");
    if (!*line || *line == '#')
        return OK;
    if (!split_line(line, &word))
        return status_fail(ERR_FORMAT, "%s:%zu: expected 'file label'", list->path,
                           list->line);

    struct dataset *dataset = list->dataset;
    if (dataset->count == list->room) {
        list->room = list->room ? 2 * list->room : 1024;
        dataset->samples =
            mem_grow(dataset->samples, list->room, sizeof *dataset->samples);
    }
    struct sample *sample = &dataset->samples[dataset->count];
    enum status st = label_of(list, word, &sample->label);
    if (st)
        return st;
    if (sample->label > list->largest)
        list->largest = sample->label;

    char *path = mem_format("%s/%s", list->folder, line);
    struct stat info;
    bool there = !stat(path, &info) && S_ISREG(info.st_mode);
    free(path);
    sample->key = key_from_name(&dataset->arena, line);
    sample->size = there ? (uint64_t)info.st_size : 0;
    sample->offset = there ? (uint64_t)info.st_mtim.tv_sec * 1000000000u +
                                 (uint64_t)info.st_mtim.tv_nsec
                           : 0;
    dataset->count++;
    return OK;
}

/* ImageNet's own file names ("ILSVRC2012_val_00000001.JPEG") say which classes there are.
 */
static bool is_imagenet(const struct dataset *dataset)
{
    const char *slash = strrchr(dataset->samples[0].key, '/');
    const char *name = slash ? slash + 1 : dataset->samples[0].key;
    return !strncmp(name, "ILSVRC2012_", 11);
}

static enum status read_list(struct list *list)
{
    struct mapping file;
    enum status st = file_map(list->path, &file);
    if (st)
        return st;
    char *text = mem_new(file.size + 1);
    if (file.size)
        memcpy(text, file.data, file.size);
    file_unmap(&file);
    for (char *rest = text, *line; !st && (line = strsep(&rest, "\n"));) {
        list->line++;
        st = add_line(list, line);
    }
    free(text);
    if (!st && !list->dataset->count)
        st = status_fail(ERR_FORMAT, "%s: no line of the form 'file label'", list->path);
    return st;
}

static enum status open_list(struct dataset *dataset,
                             const struct dataset_options *options)
{
    const char *classes = options ? options->classes : NULL;
    char *path = find_list(dataset->path, options ? options->split : NULL);
    if (!path)
        return status_fail(ERR_NOTFOUND, "%s: no list of split '%s' there", dataset->path,
                           options->split);
    char *folder = mem_copy(path);
    *strrchr(folder, '/') = 0;
    dataset->state = folder;
    struct list list = {.path = path, .folder = folder, .dataset = dataset};
    enum status st = OK;
    if (classes && strcmp(classes, "sorted"))
        st = class_list_read(classes, &dataset->arena, &list.classes);
    if (!st)
        st = read_list(&list);
    if (!st && !list.classes.count && (is_imagenet(dataset) || list.largest == 999))
        class_list_imagenet(&dataset->arena, &list.classes);
    if (!st && list.classes.count) {
        dataset->class_names = list.classes.names;
        dataset->n_classes = list.classes.count;
    } else if (!st) {
        dataset->n_classes = list.largest + 1;
        dataset->class_names =
            arena_alloc(&dataset->arena, (size_t)dataset->n_classes * sizeof(char *));
        for (int i = 0; i < dataset->n_classes; i++)
            dataset->class_names[i] = arena_format(&dataset->arena, "%d", i);
    }
    if (!st && !dataset->split)
        dataset->split = file_stem(path);
    free(path);
    return st ? st : dataset_sort(dataset);
}

static enum status load(const struct dataset *dataset, size_t i, struct sample_data *out)
{
    const struct sample *sample = &dataset->samples[i];
    char *name = key_to_name(sample->key);
    char *path =
        mem_format("%s/%s", (const char *)dataset->state, name ? name : sample->key);
    free(name);
    enum status st = sample_read(path, sample->size, out);
    free(path);
    return st;
}

static void close_list(struct dataset *dataset)
{
    free(dataset->state);
}

const struct dataset_format dataset_format_list = {
    .name = "list",
    .summary = "a flat folder and its list of labels (ImageNet's val.txt)",
    .probe = probe,
    .open = open_list,
    .load = load,
    .close = close_list,
};
