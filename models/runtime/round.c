#include "base/simd.h"
#include "models/runtime/plan.h"

#include <math.h>
#include <string.h>

static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

SIMD_CLONES
static void round_bf16(float *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = bits_of(x[i]);
        uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
        uint32_t nan = (bits | 0x400000u) & 0xffff0000u;
        x[i] = float_of((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
    }
}

/*
 * Half precision keeps 10 bits behind the leading one, and below 2^-14 a fixed unit of
 * 2^-24. That is float's own unit between 0.5 and 1: adding and taking away 0.75 rounds to
 * it, ties to even.
 */
SIMD_CLONES
static void round_f16(float *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = bits_of(x[i]), sign = bits & 0x80000000u, a = bits ^ sign;
        uint32_t normal = (a + 0xfff + (a >> 13 & 1)) & 0xffffe000u;
        float small = (float_of(a) + 0.75f) - 0.75f;
        uint32_t result = a < 0x38800000u ? bits_of(small) : normal;
        result = result >= 0x47800000u && a <= 0x7f800000u ? 0x7f800000u : result;
        result = a > 0x7f800000u ? a | 0x400000u : result;
        x[i] = float_of(result | sign);
    }
}

void round_floats(float *x, int64_t count, enum rounding to)
{
    if (to == ROUND_F16)
        round_f16(x, count);
    else if (to == ROUND_BF16)
        round_bf16(x, count);
}
