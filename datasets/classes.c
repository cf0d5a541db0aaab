#include "datasets/classes.h"

#include "base/file.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int imagenet_class(const char *wnid)
{
    if (wnid[0] != 'n' || strlen(wnid) != 9 || strspn(wnid + 1, "0123456789") != 8)
        return -1;
    uint32_t offset = (uint32_t)strtoul(wnid + 1, NULL, 10);
    int low = 0, high = IMAGENET_CLASSES;
    while (low < high) {
        int middle = (low + high) / 2;
        if (imagenet_wnids[middle] < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < IMAGENET_CLASSES && imagenet_wnids[low] == offset ? low : -1;
}

static void list_init(struct class_list *list, struct arena *arena, size_t count)
{
    list->count = (int)count;
    list->folders = arena_alloc(arena, count * sizeof *list->folders);
    list->names = arena_alloc(arena, count * sizeof *list->names);
}

void class_list_imagenet(struct arena *arena, struct class_list *out)
{
    list_init(out, arena, IMAGENET_CLASSES);
    for (int i = 0; i < IMAGENET_CLASSES; i++)
        out->folders[i] = out->names[i] = arena_format(arena, "n%08u", imagenet_wnids[i]);
}

/* A whole number from 0 to CLASSES_MAX - 1 that fills the string, or -1. */
static int whole_number(const char *word)
{
    size_t digits = strspn(word, "0123456789");
    if (!digits || word[digits] || digits > 6)
        return -1;
    int value = atoi(word);
    return value < CLASSES_MAX ? value : -1;
}

struct class_line {
    int index;
    char *folder, *name;
};

/* Splits "3<TAB>cat<TAB>tabby cat" in place; the name defaults to the folder. */
static bool split_line(char *line, struct class_line *out)
{
    char *folder = strchr(line, '\t');
    if (!folder)
        return false;
    *folder++ = 0;
    char *name = strchr(folder, '\t');
    if (name) {
        *name++ = 0;
        name[strcspn(name, "\t")] = 0;
    }
    *out = (struct class_line){whole_number(line), folder, name && *name ? name : folder};
    return out->index >= 0 && *folder;
}

static enum status place_lines(const char *path, const struct class_line *lines,
                               size_t count, struct arena *arena, struct class_list *out)
{
    if (!count)
        return status_fail(ERR_FORMAT,
                           "%s: no line of the form index<TAB>folder<TAB>name", path);
    list_init(out, arena, count);
    for (size_t i = 0; i < count; i++) {
        size_t at = (size_t)lines[i].index;
        if (at >= count)
            return status_fail(ERR_FORMAT,
                               "%s: class %zu, but there are %zu classes: the "
                               "numbers must run from 0 without a gap",
                               path, at, count);
        if (out->folders[at])
            return status_fail(ERR_FORMAT, "%s: class %zu stands there twice", path, at);
        out->folders[at] = arena_copy(arena, lines[i].folder);
        out->names[at] = arena_copy(arena, lines[i].name);
    }
    return OK;
}

enum status class_list_read(const char *path, struct arena *arena, struct class_list *out)
{
    *out = (struct class_list){0};
    struct mapping file;
    enum status st = file_map(path, &file);
    if (st)
        return st;

    char *text = mem_new(file.size + 1);
    if (file.size)
        memcpy(text, file.data, file.size);
    file_unmap(&file);

    struct class_line *lines = NULL;
    size_t count = 0, number = 0;
    for (char *rest = text, *line; !st && (line = strsep(&rest, "\n"));) {
        number++;
        line[strcspn(line, "\r")] = 0;
        if (!*line || *line == '#')
            continue;
        struct class_line parsed;
        if (split_line(line, &parsed)) {
            lines = mem_grow(lines, count + 1, sizeof *lines);
            lines[count++] = parsed;
        } else if (number > 1) { /* the first may be a header */
            st = status_fail(ERR_FORMAT,
                             "%s:%zu: expected index<TAB>folder<TAB>name, "
                             "with an index from 0 to %d",
                             path, number, CLASSES_MAX - 1);
        }
    }
    if (!st)
        st = place_lines(path, lines, count, arena, out);
    if (st)
        *out = (struct class_list){0};
    free(lines);
    free(text);
    return st;
}

static int find_folder(const struct class_list *list, const char *folder)
{
    for (int i = 0; i < list->count; i++)
        if (!strcmp(list->folders[i], folder))
            return i;
    return -1;
}

static enum status map_by_list(const char *const *folders, size_t count, const char *path,
                               struct arena *arena, struct class_list *out, int *labels)
{
    enum status st = class_list_read(path, arena, out);
    for (size_t i = 0; !st && i < count; i++) {
        labels[i] = find_folder(out, folders[i]);
        if (labels[i] >= 0)
            continue;
        const char *near = text_nearest(folders[i], (const char *const *)out->folders,
                                        (size_t)out->count);
        st = status_fail(ERR_FORMAT, "class folder '%s' is not in %s%s%s%s", folders[i],
                         path, near ? " (did you mean '" : "", near ? near : "",
                         near ? "'?)" : "");
    }
    return st;
}

static bool map_imagenet(const char *const *folders, size_t count, int *labels)
{
    for (size_t i = 0; i < count; i++)
        if ((labels[i] = imagenet_class(folders[i])) < 0)
            return false;
    return true;
}

/* false where a name is no number, or two ("1", "01") are the same one. */
static bool map_numbers(const char *const *folders, size_t count, int *labels,
                        int *n_classes)
{
    bool *seen = mem_array(CLASSES_MAX, sizeof *seen);
    bool fits = true;
    *n_classes = 0;
    for (size_t i = 0; fits && i < count; i++) {
        labels[i] = whole_number(folders[i]);
        fits = labels[i] >= 0 && !seen[labels[i]];
        if (!fits)
            break;
        seen[labels[i]] = true;
        if (labels[i] >= *n_classes)
            *n_classes = labels[i] + 1;
    }
    free(seen);
    return fits;
}

enum status classes_map(const char *const *folders, size_t count, const char *list,
                        struct arena *arena, struct class_list *out, int *labels)
{
    *out = (struct class_list){0};
    bool sorted = list && !strcmp(list, "sorted");
    int n_classes = 0;
    if (list && !sorted)
        return map_by_list(folders, count, list, arena, out, labels);
    if (!sorted && map_imagenet(folders, count, labels)) {
        class_list_imagenet(arena, out);
        return OK;
    }
    if (!sorted && map_numbers(folders, count, labels, &n_classes)) {
        list_init(out, arena, (size_t)n_classes);
        for (int i = 0; i < n_classes; i++)
            out->folders[i] = out->names[i] = arena_format(arena, "%d", i);
        return OK;
    }
    list_init(out, arena, count);
    for (size_t i = 0; i < count; i++) {
        out->folders[i] = out->names[i] = arena_copy(arena, folders[i]);
        labels[i] = (int)i;
    }
    return OK;
}
