#include "base/tensor.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t dtype_size(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_I8:
    case DTYPE_U8:
    case DTYPE_I4:
    case DTYPE_U4:
    case DTYPE_BOOL: return 1;
    case DTYPE_F16:
    case DTYPE_BF16:
    case DTYPE_I16:
    case DTYPE_U16: return 2;
    case DTYPE_F32:
    case DTYPE_I32:
    case DTYPE_U32: return 4;
    case DTYPE_F64:
    case DTYPE_I64:
    case DTYPE_U64: return 8;
    case DTYPE_NONE: break;
    }
    return 0;
}

const char *dtype_name(enum dtype dtype)
{
    static const char *const names[] = {
        "none",  "float32", "float64", "float16", "bfloat16", "int8",   "uint8",
        "int16", "uint16",  "int32",   "uint32",  "int64",    "uint64", "bool",
        "int4",  "uint4"};
    return names[dtype];
}

int64_t shape_count(const struct shape *shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        count *= shape->dim[i];
    return count;
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
    return a->rank == b->rank &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

const char *shape_text(const struct shape *shape, char out[128])
{
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < shape->rank && used < 100; i++)
        used += (size_t)snprintf(out + used, 128 - used, "%s%lld", i ? "x" : "",
                                 (long long)shape->dim[i]);
    if (!shape->rank)
        snprintf(out, 128, "scalar");
    return out;
}

enum status tensor_init(struct tensor *tensor, enum dtype dtype,
                        const struct shape *shape)
{
    *tensor = (struct tensor){0};
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] < 0 || __builtin_mul_overflow(count, shape->dim[i], &count))
            return status_fail(ERR_LIMIT, "a tensor's dimension %d is %lld", i,
                               (long long)shape->dim[i]);
    if (count > (int64_t)1 << 40)
        return status_fail(ERR_LIMIT, "a tensor of %lld elements", (long long)count);
    void *data = mem_try((size_t)count, dtype_size(dtype));
    if (!data)
        return status_fail(ERR_NOMEM, "no memory for a tensor of %lld elements",
                           (long long)count);
    *tensor = (struct tensor){dtype, *shape, data, true};
    return OK;
}

enum status tensor_copy(const struct tensor *in, struct tensor *out)
{
    enum status st = tensor_init(out, in->dtype, &in->shape);
    if (!st)
        memcpy(out->data, in->data,
               (size_t)shape_count(&in->shape) * dtype_size(in->dtype));
    return st;
}

void tensor_clear(struct tensor *tensor)
{
    if (tensor->owned)
        free(tensor->data);
    *tensor = (struct tensor){0};
}

double tensor_get(const struct tensor *tensor, int64_t i)
{
    const void *data = tensor->data;
    switch (tensor->dtype) {
    case DTYPE_F32: return (double)((const float *)data)[i];
    case DTYPE_F64: return ((const double *)data)[i];
    case DTYPE_F16: return (double)f16_to_float(((const uint16_t *)data)[i]);
    case DTYPE_BF16: return (double)bf16_to_float(((const uint16_t *)data)[i]);
    case DTYPE_U64: return (double)((const uint64_t *)data)[i];
    default: return (double)tensor_get_int(tensor, i);
    }
}

int64_t tensor_get_int(const struct tensor *tensor, int64_t i)
{
    const void *data = tensor->data;
    switch (tensor->dtype) {
    case DTYPE_I4:
    case DTYPE_I8: return ((const int8_t *)data)[i];
    case DTYPE_U4:
    case DTYPE_BOOL:
    case DTYPE_U8: return ((const uint8_t *)data)[i];
    case DTYPE_I16: return ((const int16_t *)data)[i];
    case DTYPE_U16: return ((const uint16_t *)data)[i];
    case DTYPE_I32: return ((const int32_t *)data)[i];
    case DTYPE_U32: return ((const uint32_t *)data)[i];
    case DTYPE_I64: return ((const int64_t *)data)[i];
    case DTYPE_U64: return (int64_t)((const uint64_t *)data)[i];
    default: break;
    }
    double value = tensor_get(tensor, i);
    if (isnan(value))
        return 0;
    return value >= 0x1p63 ? INT64_MAX : value < -0x1p63 ? INT64_MIN : (int64_t)value;
}

static int64_t saturate(double value, double low, double high)
{
    double rounded = rint(value);
    if (isnan(rounded))
        return 0;
    return (int64_t)(rounded < low ? low : rounded > high ? high : rounded);
}

void tensor_set(struct tensor *tensor, int64_t i, double value)
{
    void *data = tensor->data;
    switch (tensor->dtype) {
    case DTYPE_F32: ((float *)data)[i] = (float)value; break;
    case DTYPE_F64: ((double *)data)[i] = value; break;
    case DTYPE_F16: ((uint16_t *)data)[i] = f16_from_float((float)value); break;
    case DTYPE_BF16: ((uint16_t *)data)[i] = bf16_from_float((float)value); break;
    case DTYPE_I8: ((int8_t *)data)[i] = (int8_t)saturate(value, -128, 127); break;
    case DTYPE_U8: ((uint8_t *)data)[i] = (uint8_t)saturate(value, 0, 255); break;
    case DTYPE_I4: ((int8_t *)data)[i] = (int8_t)saturate(value, -8, 7); break;
    case DTYPE_U4: ((uint8_t *)data)[i] = (uint8_t)saturate(value, 0, 15); break;
    case DTYPE_BOOL: ((uint8_t *)data)[i] = value != 0; break;
    case DTYPE_I16: ((int16_t *)data)[i] = (int16_t)saturate(value, -32768, 32767); break;
    case DTYPE_U16: ((uint16_t *)data)[i] = (uint16_t)saturate(value, 0, 65535); break;
    case DTYPE_I32:
        ((int32_t *)data)[i] = (int32_t)saturate(value, -0x1p31, 0x1p31 - 1);
        break;
    case DTYPE_U32:
        ((uint32_t *)data)[i] = (uint32_t)saturate(value, 0, 0x1p32 - 1);
        break;
    case DTYPE_I64: ((int64_t *)data)[i] = saturate(value, -0x1p63, 0x1p63 - 1024); break;
    case DTYPE_U64:
        ((uint64_t *)data)[i] = (uint64_t)saturate(value, 0, 0x1p63 - 1024);
        break;
    case DTYPE_NONE: break;
    }
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t f16_from_float(float value)
{
    uint32_t bits = bits_of(value);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return sign | 0x7e00;
    if (magnitude >= 0x477ff000) /* 65520 and above round to infinity */
        return sign | 0x7c00;
    if (magnitude < 0x38800000) { /* below 2^-14: subnormal, in units of 2^-24 */
        float units = rintf(float_of(magnitude) * 0x1p24f);
        return (uint16_t)(sign | (uint16_t)units);
    }
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | (rounded - 0x38000000) >> 13);
}

float f16_to_float(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t magnitude = bits & 0x7fff;
    if (magnitude >= 0x7c00)
        return float_of(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
    if (magnitude < 0x400) {
        float value = (float)magnitude * 0x1p-24f;
        return sign ? -value : value;
    }
    return float_of(sign | ((magnitude << 13) + 0x38000000));
}

uint16_t bf16_from_float(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float bf16_to_float(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}
