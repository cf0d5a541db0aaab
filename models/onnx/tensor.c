#include "models/onnx/read.h"

#include "base/mem.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void external_clear(struct external *external)
{
    for (int i = 0; i < external->count; i++) {
        free(external->files[i].location);
        file_unmap(&external->files[i].mapping);
    }
    *external = (struct external){0};
}

/* The file must lie inside the model's folder, links followed. */
static enum status resolve(const char *folder, const char *location, char path[PATH_MAX])
{
    char root[PATH_MAX], joined[PATH_MAX];
    if (location[0] == '/' || strstr(location, ".."))
        return status_fail(ERR_FORMAT, "external data '%s' is outside the model's folder",
                           location);
    if (!realpath(folder, root) ||
        snprintf(joined, sizeof joined, "%s/%s", root, location) >= (int)sizeof joined ||
        !realpath(joined, path))
        return status_fail(ERR_IO, "external data '%s' is not there", location);
    size_t length = strlen(root);
    if (strncmp(path, root, length) || (path[length] != '/' && length > 1))
        return status_fail(ERR_FORMAT, "external data '%s' is outside the model's folder",
                           location);
    return OK;
}

static enum status open_file(struct external *external, const char *location,
                             struct external_file **out)
{
    for (int i = 0; i < external->count; i++)
        if (!strcmp(external->files[i].location, location)) {
            *out = &external->files[i];
            return OK;
        }
    if (!external->folder)
        return status_fail(ERR_UNSUPPORTED, "external data '%s', but no folder", location);
    if (external->count == (int)(sizeof external->files / sizeof *external->files))
        return status_fail(ERR_LIMIT, "more than %d files of external data", external->count);

    char path[PATH_MAX];
    struct external_file *file = &external->files[external->count];
    enum status st = resolve(external->folder, location, path);
    if (!st)
        st = file_map(path, &file->mapping);
    if (st)
        return st;
    file->location = mem_copy(location);
    external->count++;
    *out = file;
    return OK;
}

static enum status read_number(const char *key, const char *text, size_t *out)
{
    char *end = NULL;
    unsigned long long value = text ? strtoull(text, &end, 10) : 0;
    if (!text || *text < '0' || *text > '9' || *end || value > SIZE_MAX / 2)
        return status_fail(ERR_FORMAT, "external data: %s '%s'", key, text ? text : "");
    *out = (size_t)value;
    return OK;
}

static enum status external_bytes(struct external *external, const Onnx__TensorProto *proto,
                                  size_t want, const uint8_t **out)
{
    const char *location = NULL;
    size_t offset = 0, length = want;
    enum status st = OK;
    for (size_t i = 0; i < proto->n_external_data && !st; i++) {
        const char *key = proto->external_data[i]->key, *value = proto->external_data[i]->value;
        if (!key)
            continue;
        if (!strcmp(key, "location"))
            location = value;
        else if (!strcmp(key, "offset"))
            st = read_number(key, value, &offset);
        else if (!strcmp(key, "length"))
            st = read_number(key, value, &length);
    }
    if (!st && !location)
        st = status_fail(ERR_FORMAT, "external data without a location");
    struct external_file *file = NULL;
    if (!st)
        st = open_file(external, location, &file);
    if (st)
        return st;
    if (length != want || offset > file->mapping.size || want > file->mapping.size - offset)
        return status_fail(ERR_FORMAT, "%zu bytes at %zu of '%s', which has %zu: %zu needed",
                           length, offset, location, file->mapping.size, want);
    if (want > file->mapping.size - file->used)
        return status_fail(ERR_LIMIT, "tensors take more from '%s' than its %zu bytes",
                           location, file->mapping.size);
    file->used += want;
    *out = file->mapping.data + offset;
    return OK;
}

static enum status read_shape(const Onnx__TensorProto *proto, struct shape *shape,
                              int64_t *count)
{
    *shape = (struct shape){0};
    *count = 1;
    if (proto->n_dims > TENSOR_MAX_RANK)
        return status_fail(ERR_LIMIT, "%zu dimensions, at most %d", proto->n_dims,
                           TENSOR_MAX_RANK);
    for (size_t i = 0; i < proto->n_dims; i++) {
        int64_t dim = proto->dims[i];
        if (dim < 0 || __builtin_mul_overflow(*count, dim, count) || *count > INT64_MAX / 16)
            return status_fail(ERR_FORMAT, "dimension %zu is %lld", i, (long long)dim);
        shape->dim[shape->rank++] = dim;
    }
    return OK;
}

static enum status need_count(size_t have, int64_t want)
{
    if (have == (size_t)want)
        return OK;
    return status_fail(ERR_FORMAT, "its shape says %lld elements, its data hold %zu",
                       (long long)want, have);
}

/* The typed fields; int32_data also carries the smaller integers and the bits of halves. */
static enum status typed_count(const Onnx__TensorProto *proto, enum dtype dtype,
                               int64_t count)
{
    switch (dtype) {
    case DTYPE_F32: return need_count(proto->n_float_data, count);
    case DTYPE_F64: return need_count(proto->n_double_data, count);
    case DTYPE_I64: return need_count(proto->n_int64_data, count);
    case DTYPE_U32:
    case DTYPE_U64: return need_count(proto->n_uint64_data, count);
    case DTYPE_I4:
    case DTYPE_U4: return need_count(proto->n_int32_data, (count + 1) / 2);
    default: return need_count(proto->n_int32_data, count);
    }
}

static void typed_copy(const Onnx__TensorProto *proto, struct tensor *tensor, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        switch (tensor->dtype) {
        case DTYPE_F32: ((float *)tensor->data)[i] = proto->float_data[i]; break;
        case DTYPE_F64: ((double *)tensor->data)[i] = proto->double_data[i]; break;
        case DTYPE_I64: ((int64_t *)tensor->data)[i] = proto->int64_data[i]; break;
        case DTYPE_U64: ((uint64_t *)tensor->data)[i] = proto->uint64_data[i]; break;
        case DTYPE_U32: ((uint32_t *)tensor->data)[i] = (uint32_t)proto->uint64_data[i]; break;
        case DTYPE_I32: ((int32_t *)tensor->data)[i] = proto->int32_data[i]; break;
        case DTYPE_I16:
        case DTYPE_U16:
        case DTYPE_F16:
        case DTYPE_BF16:
            ((uint16_t *)tensor->data)[i] = (uint16_t)proto->int32_data[i];
            break;
        default: ((uint8_t *)tensor->data)[i] = (uint8_t)proto->int32_data[i]; break;
        }
}

static bool is_nibble(enum dtype dtype)
{
    return dtype == DTYPE_I4 || dtype == DTYPE_U4;
}

/* Two elements a byte, the first in the low half; here one a byte. */
static void unpack(const Onnx__TensorProto *proto, const uint8_t *raw, struct tensor *tensor,
                   int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        int byte = raw ? raw[i / 2] : (int)(proto->int32_data[i / 2] & 255);
        int nibble = i % 2 ? byte >> 4 : byte & 15;
        bool negative = tensor->dtype == DTYPE_I4 && nibble > 7;
        ((int8_t *)tensor->data)[i] = (int8_t)(negative ? nibble - 16 : nibble);
    }
}

enum status onnx_tensor(struct arena *arena, const Onnx__TensorProto *proto,
                        struct external *external, struct tensor *out)
{
    enum dtype dtype = onnx_dtype(proto->data_type);
    if (!dtype)
        return status_fail(ERR_UNSUPPORTED, "data type %d", (int)proto->data_type);
    int64_t count;
    struct tensor tensor = {.dtype = dtype};
    enum status st = read_shape(proto, &tensor.shape, &count);
    if (st)
        return st;

    bool nibbles = is_nibble(dtype);
    size_t room = (size_t)count * dtype_size(dtype);
    size_t size = nibbles ? ((size_t)count + 1) / 2 : room;
    const uint8_t *raw = NULL;
    if (proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        st = external_bytes(external, proto, size, &raw);
    else if (!proto->has_raw_data)
        st = typed_count(proto, dtype, count);
    else if (proto->raw_data.len != size)
        st = status_fail(ERR_FORMAT, "its shape says %zu bytes, its data hold %zu", size,
                         proto->raw_data.len);
    else
        raw = proto->raw_data.data;
    if (st)
        return st;

    tensor.data = arena_try(arena, room);
    if (!tensor.data)
        return status_fail(ERR_NOMEM, "no memory for %zu bytes", room);
    if (nibbles)
        unpack(proto, raw, &tensor, raw || !proto->has_raw_data ? count : 0);
    else if (raw && size)
        memcpy(tensor.data, raw, size);
    else if (!proto->has_raw_data)
        typed_copy(proto, &tensor, proto->data_location ? 0 : count);
    if (dtype == DTYPE_BOOL)
        for (int64_t i = 0; i < count; i++)
            ((uint8_t *)tensor.data)[i] = ((uint8_t *)tensor.data)[i] != 0;
    *out = tensor;
    return OK;
}
