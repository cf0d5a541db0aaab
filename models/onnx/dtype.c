#include "models/onnx/onnx.h"

/* TensorProto.DataType of onnx.proto, by our dtype. */
static const int numbers[] = {
    [DTYPE_F32] = 1,  [DTYPE_U8] = 2,   [DTYPE_I8] = 3,   [DTYPE_U16] = 4,  [DTYPE_I16] = 5,
    [DTYPE_I32] = 6,  [DTYPE_I64] = 7,  [DTYPE_BOOL] = 9, [DTYPE_F16] = 10, [DTYPE_F64] = 11,
    [DTYPE_U32] = 12, [DTYPE_U64] = 13, [DTYPE_BF16] = 16, [DTYPE_U4] = 21,  [DTYPE_I4] = 22,
};

enum dtype onnx_dtype(int64_t number)
{
    for (size_t i = 1; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i] == number)
            return (enum dtype)i;
    return DTYPE_NONE;
}

int onnx_dtype_number(enum dtype dtype)
{
    return numbers[dtype];
}
