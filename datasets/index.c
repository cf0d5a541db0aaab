#include "datasets/index.h"

#include "base/text.h"
#include "datasets/classes.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool index_is_picture(const char *name)
{
    static const char *const endings[] = {"jpg",  "jpeg", "jpe", "jfif", "png", "bmp",
                                          "webp", "ppm",  "pgm", "gif",  "tif", "tiff"};
    const char *slash = strrchr(name, '/');
    const char *file = slash ? slash + 1 : name;
    const char *dot = strrchr(file, '.');
    if (*file == '.' || !dot)
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot + 1, endings[i]))
            return true;
    return false;
}

/* Bytes of the UTF-8 sequence at `s`, or 0 where there is no valid one (RFC 3629). */
static int utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    int n = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
            : (s[0] & 0xf0) == 0xe0        ? 3
            : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                           : 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

char *key_from_name(struct arena *arena, const char *name)
{
    for (;;) {
        if (name[0] == '/')
            name++;
        else if (name[0] == '.' && name[1] == '/')
            name += 2;
        else
            break;
    }
    struct text key = {0};
    text_add(&key, "");
    for (const unsigned char *at = (const unsigned char *)name; *at;) {
        int n = utf8_length(at);
        if (n > 1 || (n == 1 && *at >= 0x20 && *at != 0x7f && *at != '%'))
            text_add_bytes(&key, at, (size_t)n);
        else
            text_addf(&key, "%%%02X", *at);
        at += n > 1 ? n : 1;
    }
    char *copy = arena_copy(arena, key.data);
    text_clear(&key);
    return copy;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *key_to_name(const char *key)
{
    char *name = mem_new(strlen(key) + 1), *out = name;
    for (; *key; key++) {
        if (*key != '%') {
            *out++ = *key;
            continue;
        }
        int high = hex_digit(key[1]), low = high < 0 ? -1 : hex_digit(key[2]);
        if (low < 0) {
            free(name);
            return NULL;
        }
        *out++ = (char)(high << 4 | low);
        key += 2;
    }
    return name;
}

bool is_split_word(const char *word, size_t size)
{
    static const char *const words[] = {"train", "training", "val", "valid", "validation",
                                        "test",  "testing",  "dev", "eval"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == size && !strncasecmp(word, words[i], size))
            return true;
    return false;
}

void index_add(struct index *index, const char *name, uint64_t offset, uint64_t size)
{
    if (!index_is_picture(name)) {
        index->ignored++;
        return;
    }
    if (index->count == index->room) {
        index->room = index->room ? index->room * 2 : 1024;
        index->entries = mem_grow(index->entries, index->room, sizeof *index->entries);
    }
    index->entries[index->count++] =
        (struct index_entry){key_from_name(index->arena, name), offset, size};
}

/* By key; of equal keys the one read first comes first. */
static int by_key_then_offset(const void *a, const void *b)
{
    const struct index_entry *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

static void keep_last_of_equals(struct index *index)
{
    size_t kept = 0;
    for (size_t i = 0; i < index->count; i++)
        if (i + 1 == index->count ||
            strcmp(index->entries[i].key, index->entries[i + 1].key))
            index->entries[kept++] = index->entries[i];
    index->count = kept;
}

/* Length of the folder part that all keys share, with its final '/'; 0 for none. */
static size_t shared_folder(const struct index *index)
{
    const char *first = index->entries[0].key;
    const char *last = index->entries[index->count - 1].key;
    size_t same = 0;
    while (first[same] && first[same] == last[same])
        same++;
    while (same && first[same - 1] != '/')
        same--;
    return same;
}

/* The component of `key` that starts at `at`, without its '/'; 0 for a plain file. */
static size_t component(const char *key, size_t at)
{
    const char *slash = strchr(key + at, '/');
    return slash ? (size_t)(slash - (key + at)) : 0;
}

/* Whether below `prefix` there are only split folders with class folders in them. */
static bool holds_splits(const struct index *index, size_t prefix)
{
    for (size_t i = 0; i < index->count; i++) {
        const char *key = index->entries[i].key;
        size_t size = component(key, prefix);
        if (!size || !is_split_word(key + prefix, size) ||
            !component(key, prefix + size + 1))
            return false;
    }
    return true;
}

static enum status which_split(const struct index *index, size_t prefix, const char *path)
{
    struct text list = {0};
    const char *before = NULL;
    for (size_t i = 0; i < index->count; i++) {
        const char *at = index->entries[i].key + prefix;
        size_t size = component(at, 0);
        if (before && !strncmp(before, at, size + 1))
            continue;
        text_addf(&list, "%s%.*s", before ? ", " : "", (int)size, at);
        before = at;
    }
    enum status st = status_fail(ERR_USAGE,
                                 "%s: holds the splits %s: say which is meant "
                                 "(split=NAME)",
                                 path, list.data);
    text_clear(&list);
    return st;
}

/* Drops what is outside split `name`; ERR_NOTFOUND when that is everything. */
static enum status keep_split(struct index *index, size_t prefix, const char *name,
                              const char *path)
{
    size_t kept = 0, size = strlen(name);
    for (size_t i = 0; i < index->count; i++) {
        const char *key = index->entries[i].key;
        if (component(key, prefix) == size && !strncmp(key + prefix, name, size))
            index->entries[kept++] = index->entries[i];
    }
    if (!kept)
        return status_fail(ERR_NOTFOUND, "%s: no split '%s' there", path, name);
    index->count = kept;
    return OK;
}

/*
 * Finds where class folders begin in every key. Normally that is below the deepest folder
 * that all keys share; where that folder holds pictures and nothing else, it is the one
 * class there is.
 */
static enum status find_classes(const struct index *index, const char *path,
                                size_t *prefix)
{
    size_t at = shared_folder(index), plain = 0;
    const char *stray = NULL;
    for (size_t i = 0; i < index->count; i++)
        if (!component(index->entries[i].key, at)) {
            plain++;
            stray = index->entries[i].key;
        }
    if (plain && plain < index->count)
        return status_fail(ERR_FORMAT,
                           "%s: '%s' lies beside the class folders, in none of "
                           "them (%zu such pictures)",
                           path, stray, plain);
    if (plain) {
        if (!at)
            return status_fail(ERR_FORMAT,
                               "%s: %zu pictures, but no class folder around "
                               "them and no list of labels (val.txt)",
                               path, plain);
        for (at--; at && index->entries[0].key[at - 1] != '/';)
            at--;
    }
    *prefix = at;
    return OK;
}

static void name_split(struct dataset *dataset, const char *key, size_t prefix)
{
    if (dataset->split || prefix < 2)
        return;
    size_t start = prefix - 1;
    while (start && key[start - 1] != '/')
        start--;
    dataset->split = mem_format("%.*s", (int)(prefix - 1 - start), key + start);
}

static int by_string(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The class folders, sorted and unique. */
static size_t collect_folders(const struct index *index, size_t prefix, char **folders)
{
    size_t count = 0;
    for (size_t i = 0; i < index->count; i++) {
        const char *at = index->entries[i].key + prefix;
        size_t size = component(at, 0);
        if (count && !strncmp(folders[count - 1], at, size) && !folders[count - 1][size])
            continue;
        folders[count++] = mem_format("%.*s", (int)size, at);
    }
    /* Keys are sorted with their '/', folders want to be without: "a-b/" comes before
     * "a/". */
    qsort(folders, count, sizeof *folders, by_string);
    size_t unique = 0;
    for (size_t i = 0; i < count; i++) {
        if (unique && !strcmp(folders[unique - 1], folders[i]))
            free(folders[i]);
        else
            folders[unique++] = folders[i];
    }
    return unique;
}

static enum status assign(struct index *index, struct dataset *dataset, size_t prefix,
                          const char *list)
{
    char **folders = mem_array(index->count, sizeof *folders);
    size_t n = collect_folders(index, prefix, folders);
    int *labels = mem_array(n, sizeof *labels);
    struct class_list classes;
    enum status st =
        n > CLASSES_MAX
            ? status_fail(ERR_LIMIT, "%zu class folders: the limit is %d", n, CLASSES_MAX)
            : classes_map((const char *const *)folders, n, list, &dataset->arena,
                          &classes, labels);
    if (!st) {
        dataset->class_names = classes.names;
        dataset->n_classes = classes.count;
        dataset->count = index->count;
        dataset->samples = mem_array(index->count, sizeof *dataset->samples);
    }
    for (size_t i = 0; !st && i < index->count; i++) {
        const struct index_entry *entry = &index->entries[i];
        char *folder =
            mem_format("%.*s", (int)component(entry->key, prefix), entry->key + prefix);
        char **found = bsearch(&folder, folders, n, sizeof *folders, by_string);
        dataset->samples[i] = (struct sample){entry->key, labels[found - folders],
                                              entry->offset, entry->size};
        free(folder);
    }
    for (size_t i = 0; i < n; i++)
        free(folders[i]);
    free(folders);
    free(labels);
    return status_wrap(st, "%s", dataset->path);
}

static bool all_in_folders(const struct index *index, size_t prefix)
{
    for (size_t i = 0; i < index->count; i++)
        if (!component(index->entries[i].key, prefix))
            return false;
    return true;
}

static void assign_one(const struct index *index, struct dataset *dataset)
{
    dataset->class_names = arena_alloc(&dataset->arena, sizeof(char *));
    dataset->class_names[0] = arena_copy(&dataset->arena, "unlabelled");
    dataset->n_classes = 1;
    dataset->count = index->count;
    dataset->samples = mem_array(index->count, sizeof *dataset->samples);
    for (size_t i = 0; i < index->count; i++) {
        const struct index_entry *entry = &index->entries[i];
        dataset->samples[i] = (struct sample){entry->key, 0, entry->offset, entry->size};
    }
}

enum status index_finish(struct index *index, struct dataset *dataset,
                         const struct dataset_options *options)
{
    const char *split = options ? options->split : NULL;
    size_t prefix = 0;
    enum status st = OK;
    dataset->ignored = index->ignored;
    if (!index->count) {
        st = status_fail(ERR_FORMAT, "%s: no pictures there (%zu other files)",
                         dataset->path, index->ignored);
        goto out;
    }
    qsort(index->entries, index->count, sizeof *index->entries, by_key_then_offset);
    keep_last_of_equals(index);

    prefix = shared_folder(index);
    if (split && holds_splits(index, prefix))
        st = keep_split(index, prefix, split, dataset->path);
    else if (!split && holds_splits(index, prefix))
        st = which_split(index, prefix, dataset->path);
    if (!st && options && options->unlabelled && !all_in_folders(index, prefix)) {
        assign_one(index, dataset);
        goto out;
    }
    if (!st)
        st = find_classes(index, dataset->path, &prefix);
    if (!st)
        name_split(dataset, index->entries[0].key, prefix);
    if (!st && split && (!dataset->split || strcmp(split, dataset->split)))
        st = status_fail(ERR_NOTFOUND, "%s: no split '%s' there%s%s", dataset->path,
                         split, dataset->split ? "; it holds " : "",
                         dataset->split ? dataset->split : "");
    if (!st)
        st = assign(index, dataset, prefix, options ? options->classes : NULL);
out:
    free(index->entries);
    index->entries = NULL;
    return st;
}

static int by_key(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    return strcmp(x->key, y->key);
}

enum status dataset_sort(struct dataset *dataset)
{
    if (!dataset->count)
        return status_fail(ERR_FORMAT, "%s: no samples there", dataset->path);
    qsort(dataset->samples, dataset->count, sizeof *dataset->samples, by_key);
    for (size_t i = 1; i < dataset->count; i++)
        if (!strcmp(dataset->samples[i - 1].key, dataset->samples[i].key))
            return status_fail(ERR_FORMAT, "%s: '%s' stands there twice", dataset->path,
                               dataset->samples[i].key);
    return OK;
}
