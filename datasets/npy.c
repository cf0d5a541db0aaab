/*
 * Pictures in a NumPy array, as CIFAR-10-C and CIFAR-100-C come: PATH/fog.npy holds
 * [N][H][W][3] uint8 and labels.npy beside it [N] integers; five severities of N/5
 * pictures follow each other. The pixels have no codec. split=3 is one severity.
 *
 * Source: numpy.lib.format, version 1.0 to 3.0; Hendrycks & Dietterich, ICLR 2019.
 */
#include "datasets/index.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

enum { SEVERITIES = 5 };

struct array {
    struct mapping file;
    size_t start; /* of the elements */
    size_t dim[4];
    int rank;
    char type;    /* 'u' or 'i' */
    size_t width; /* bytes of an element */
};

/* The text after "'key':" in the header, which is a Python dictionary. */
static const char *header_value(const char *header, const char *key)
{
    char *quoted = mem_format("'%s':", key);
    const char *at = strstr(header, quoted);
    size_t skip = strlen(quoted);
    free(quoted);
    return at ? at + skip + strspn(at + skip, " ") : NULL;
}

static bool read_shape(struct array *array, const char *at)
{
    if (*at++ != '(')
        return false;
    for (array->rank = 0; array->rank < 4;) {
        at += strspn(at, " ,");
        if (*at == ')')
            break;
        char *end;
        unsigned long long side = strtoull(at, &end, 10);
        if (end == at || !side || side > (1ull << 40))
            return false;
        array->dim[array->rank++] = (size_t)side;
        at = end;
    }
    at += strspn(at, " ,");
    return *at == ')' && array->rank;
}

static bool parse_header(struct array *array, const char *header)
{
    const char *descr = header_value(header, "descr");
    const char *order = header_value(header, "fortran_order");
    const char *shape = header_value(header, "shape");
    if (!descr || !order || !shape || strncmp(order, "False", 5) || *descr != '\'' ||
        !strchr("|<", descr[1]) || !strchr("ui", descr[2]) || !read_shape(array, shape))
        return false;
    array->type = descr[2];
    array->width = (size_t)strtoul(descr + 3, NULL, 10);
    return array->width == 1 || array->width == 2 || array->width == 4 ||
           array->width == 8;
}

/* Number of elements of one row of the first dimension; 0 when it overflows. */
static size_t row_elements(const struct array *array)
{
    size_t count = 1;
    for (int i = 1; i < array->rank; i++)
        if (__builtin_mul_overflow(count, array->dim[i], &count))
            return 0;
    return count;
}

static enum status open_array(const char *path, struct array *array)
{
    enum status st = file_map(path, &array->file);
    if (st)
        return st;
    const uint8_t *data = array->file.data;
    size_t size = array->file.size, head = 0, length = 0;
    if (size > 12 && !memcmp(data, "\x93NUMPY", 6)) {
        head = data[6] == 1 ? 10 : 12;
        length = (size_t)data[8] | (size_t)data[9] << 8;
        if (head == 12)
            length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    }
    if (!head || length > size - head || length > 65536)
        return status_fail(ERR_FORMAT, "%s: not a NumPy array", path);
    char *header = mem_new(length + 1);
    memcpy(header, data + head, length);
    bool fits = parse_header(array, header);
    free(header);
    array->start = head + length;
    size_t row = fits ? row_elements(array) : 0, need;
    if (!row || __builtin_mul_overflow(row, array->dim[0], &need) ||
        __builtin_mul_overflow(need, array->width, &need) || need > size - array->start)
        return status_fail(ERR_FORMAT,
                           "%s: an array of another kind than integers in row-major "
                           "order, or cut short",
                           path);
    return OK;
}

static int64_t element(const struct array *array, size_t i)
{
    const uint8_t *at = array->file.data + array->start + i * array->width;
    uint64_t bits = 0;
    for (size_t k = array->width; k--;)
        bits = bits << 8 | at[k];
    int unused = 64 - 8 * (int)array->width;
    return array->type == 'i' ? (int64_t)(bits << unused) >> unused : (int64_t)bits;
}

static bool probe(const char *path)
{
    size_t size = strlen(path);
    return size > 4 && !strcmp(path + size - 4, ".npy");
}

static char *labels_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    return mem_format("%.*slabels.npy", slash ? (int)(slash + 1 - path) : 0, path);
}

static enum status check(const struct dataset *dataset, const struct array *pictures,
                         const struct array *labels)
{
    if (pictures->rank != 4 || pictures->dim[3] != 3 || pictures->width != 1 ||
        pictures->type != 'u' || pictures->dim[1] > IMAGE_MAX_SIDE ||
        pictures->dim[2] > IMAGE_MAX_SIDE)
        return status_fail(ERR_FORMAT, "%s: pictures are [N][H][W][3] uint8",
                           dataset->path);
    if (labels->rank != 1 || labels->dim[0] < pictures->dim[0])
        return status_fail(ERR_FORMAT, "%s: %zu pictures and %zu labels beside them",
                           dataset->path, pictures->dim[0], labels->dim[0]);
    return OK;
}

static enum status fill(struct dataset *dataset, const struct array *pictures,
                        const struct array *labels, int severity)
{
    size_t total = pictures->dim[0];
    bool stacked = total % SEVERITIES == 0 && total >= 10000;
    size_t block = stacked ? total / SEVERITIES : total;
    dataset->samples = mem_array(total, sizeof *dataset->samples);
    for (size_t i = 0; i < total; i++) {
        int64_t label = element(labels, i);
        int level = (int)(i / block) + 1;
        if (label < 0 || label > 99999)
            return status_fail(ERR_FORMAT, "%s: label %lld of picture %zu", dataset->path,
                               (long long)label, i);
        if (label >= dataset->n_classes)
            dataset->n_classes = (int)label + 1;
        if (stacked && severity && level != severity)
            continue;
        char *key = stacked ? arena_format(&dataset->arena, "%s/%d/%05zu", dataset->name,
                                           level, i % block)
                            : arena_format(&dataset->arena, "%s/%05zu", dataset->name, i);
        dataset->samples[dataset->count++] =
            (struct sample){key, (int)label, i, row_elements(pictures)};
    }
    return OK;
}

static enum status open_npy(struct dataset *dataset,
                            const struct dataset_options *options)
{
    struct array *pictures = dataset->state = mem_new(sizeof *pictures), labels = {0};
    const char *split = options ? options->split : NULL;
    int severity =
        split && strlen(split) == 1 && *split >= '1' && *split <= '5' ? *split - '0' : 0;
    if (split && !severity)
        return status_fail(ERR_USAGE, "%s: split=%s: a severity from 1 to 5",
                           dataset->path, split);
    char *beside = labels_path(dataset->path);
    enum status st = open_array(dataset->path, pictures);
    if (!st)
        st = open_array(beside, &labels);
    free(beside);
    if (!st)
        st = check(dataset, pictures, &labels);
    if (!st)
        st = fill(dataset, pictures, &labels, severity);
    file_unmap(&labels.file);
    if (st)
        return st;
    dataset->class_names =
        arena_alloc(&dataset->arena, (size_t)dataset->n_classes * sizeof(char *));
    for (int i = 0; i < dataset->n_classes; i++)
        dataset->class_names[i] = arena_format(&dataset->arena, "%d", i);
    if (split) {
        free(dataset->split);
        dataset->split = mem_copy(split);
    }
    return dataset_sort(dataset);
}

static enum status load(const struct dataset *dataset, size_t i, struct sample_data *out)
{
    const struct array *array = dataset->state;
    const struct sample *sample = &dataset->samples[i];
    enum status st = image_init(&out->pixels, (int)array->dim[2], (int)array->dim[1], 3);
    if (!st)
        memcpy(out->pixels.data,
               array->file.data + array->start + sample->offset * sample->size,
               sample->size);
    return st;
}

static void close_npy(struct dataset *dataset)
{
    struct array *array = dataset->state;
    if (array)
        file_unmap(&array->file);
    free(array);
}

const struct dataset_format dataset_format_npy = {
    .name = "npy",
    .summary = "a NumPy array of pictures beside its labels.npy (CIFAR-10-C)",
    .probe = probe,
    .open = open_npy,
    .load = load,
    .close = close_npy,
};
