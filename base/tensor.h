/*
 * A dense tensor in row-major order: what constants, goldens and the reference operators
 * are made of. Execution plans have their own blocked layouts and never show them here.
 */
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TENSOR_MAX_RANK = 8 };

enum dtype {
    DTYPE_NONE = 0,
    DTYPE_F32,
    DTYPE_F64,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_I8,
    DTYPE_U8,
    DTYPE_I16,
    DTYPE_U16,
    DTYPE_I32,
    DTYPE_U32,
    DTYPE_I64,
    DTYPE_U64,
    DTYPE_BOOL, /* one byte, 0 or 1 */
    DTYPE_I4,   /* one byte in memory, two elements a byte in a file */
    DTYPE_U4,
};

struct shape {
    int rank; /* 0 is a scalar: one element */
    int64_t dim[TENSOR_MAX_RANK];
};

struct tensor {
    enum dtype dtype;
    struct shape shape;
    void *data; /* aligned to 64 bytes when we allocated it */
    bool owned; /* tensor_clear() frees data */
};

size_t dtype_size(enum dtype dtype);
const char *dtype_name(enum dtype dtype); /* "float32", "int8", as numpy */

int64_t
shape_count(const struct shape *shape); /* elements; the dims are known positive */
bool shape_equal(const struct shape *a, const struct shape *b);
/* "1x3x224x224"; `out` of at least 128 bytes. */
const char *shape_text(const struct shape *shape, char out[128]);

/* Zeroed elements. ERR_LIMIT when a dimension is negative or the product overflows. */
enum status tensor_init(struct tensor *tensor, enum dtype dtype,
                        const struct shape *shape);
enum status tensor_copy(const struct tensor *in, struct tensor *out);
void tensor_clear(struct tensor *tensor);

/* Element i as a number, whatever the type; and back, rounding to nearest even and
 * saturating integers. */
double tensor_get(const struct tensor *tensor, int64_t i);
void tensor_set(struct tensor *tensor, int64_t i, double value);
int64_t tensor_get_int(const struct tensor *tensor, int64_t i);

/* IEEE half and bfloat16: round to nearest even, overflow to infinity, NaN stays NaN. */
uint16_t f16_from_float(float value);
float f16_to_float(uint16_t bits);
uint16_t bf16_from_float(float value);
float bf16_to_float(uint16_t bits);
