#include "noises/system/resize/pillow_sums.h"

#include "base/simd.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_AVX2 1
#include <immintrin.h>
#else
#define HAVE_AVX2 0
#endif

enum { STRIP = 512, SPLIT_BITS = 11 };

static inline uint8_t clip8(int32_t sum, int bits)
{
    int32_t v = sum >> bits;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void row_sums(const struct pillow_axis *axis, const uint8_t *in, uint8_t *out)
{
    for (int i = 0; i < axis->count; i++) {
        const int32_t *w = axis->weights + (size_t)i * (size_t)axis->taps;
        const uint8_t *p = in + 3 * (size_t)axis->from[i];
        int32_t r = 1 << (axis->bits - 1), g = r, b = r;
        for (int k = 0; k < axis->used[i]; k++, p += 3) {
            r += p[0] * w[k];
            g += p[1] * w[k];
            b += p[2] * w[k];
        }
        out[3 * i] = clip8(r, axis->bits);
        out[3 * i + 1] = clip8(g, axis->bits);
        out[3 * i + 2] = clip8(b, axis->bits);
    }
}

void pillow_row_sums_c(const struct pillow_axis *axis, const uint8_t *in, size_t stride,
                       const uint8_t *end, int rows, uint8_t *out)
{
    (void)end;
    for (int y = 0; y < rows; y++)
        row_sums(axis, in + (size_t)y * stride, out + 3 * (size_t)y * (size_t)axis->count);
}

SIMD_CLONES
void pillow_column_sums_c(const int32_t *weights, int used, int bits, const uint8_t *in,
                          size_t stride, int bytes, uint8_t *out)
{
    int32_t sum[STRIP];
    for (int x = 0; x < bytes; x += STRIP) {
        int n = bytes - x < STRIP ? bytes - x : STRIP;
        for (int i = 0; i < n; i++)
            sum[i] = 1 << (bits - 1);
        for (int k = 0; k < used; k++) {
            const uint8_t *row = in + (size_t)k * stride + x;
            int32_t w = weights[k];
            for (int i = 0; i < n; i++)
                sum[i] += row[i] * w;
        }
        for (int i = 0; i < n; i++)
            out[x + i] = clip8(sum[i], bits);
    }
}

static int groups_of(const struct pillow_axis *axis)
{
    return (axis->taps + 3) / 4;
}

/* w = 2048 high + low, both in 16 bits; |w| <= 2^22. */
static inline int16_t high_of(int32_t w)
{
    return (int16_t)(w >> SPLIT_BITS);
}

static inline int16_t low_of(int32_t w)
{
    return (int16_t)(w & ((1 << SPLIT_BITS) - 1));
}

/* Four taps a group: the pairs (0,1) for the lower half, (2,3) for the upper, each four
 * times for red, green, blue and nothing; 16 high parts, then 16 low ones. */
void pillow_split_fill(struct pillow_axis *axis)
{
    int groups = groups_of(axis);
    for (int i = 0; i < axis->count; i++)
        for (int g = 0; g < groups; g++) {
            int16_t *to = axis->split + ((size_t)i * (size_t)groups + (size_t)g) * 32;
            for (int k = 0; k < 16; k++) {
                int tap = 4 * g + k / 8 * 2 + k % 2;
                int32_t w = tap < axis->taps
                                ? axis->weights[(size_t)i * (size_t)axis->taps + (size_t)tap]
                                : 0;
                to[k] = high_of(w);
                to[16 + k] = low_of(w);
            }
        }
}

#if HAVE_AVX2
#define AVX2 __attribute__((target("avx2")))

/* Bytes of four RGB pixels to 16-bit pairs: r0 r1 g0 g1 b0 b1 0 0 | r2 r3 g2 g3 b2 b3 0 0. */
AVX2 static inline __m256i pixel_pairs(const uint8_t *p)
{
    const char z = (char)-1;
    const __m256i order = _mm256_setr_epi8(0, z, 3, z, 1, z, 4, z, 2, z, 5, z, z, z, z, z, 6, z,
                                           9, z, 7, z, 10, z, 8, z, 11, z, z, z, z, z);
    __m128i bytes;
    memcpy(&bytes, p, sizeof bytes);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), order);
}

/* high * 2048 + low, both halves added, rounded, shifted: three 32-bit values. */
AVX2 static inline __m128i finish(__m256i high, __m256i low, __m128i round, __m128i bits)
{
    __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, SPLIT_BITS), low);
    __m128i both = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    return _mm_sra_epi32(_mm_add_epi32(both, round), bits);
}

/* Two rows at once, which share the weights. Three bytes are written as four, from left to
 * right, but for the last pixel. */
AVX2 static void row_sums_pair(const struct pillow_axis *axis, const uint8_t *a, const uint8_t *b,
                               uint8_t *out_a, uint8_t *out_b)
{
    int groups = groups_of(axis);
    const __m128i round = _mm_set1_epi32(1 << (axis->bits - 1));
    const __m128i bits = _mm_cvtsi32_si128(axis->bits);
    for (int i = 0; i < axis->count; i++) {
        size_t at = 3 * (size_t)axis->from[i];
        const __m256i *w = (const void *)(axis->split + (size_t)i * (size_t)groups * 32);
        __m256i high_a = _mm256_setzero_si256(), low_a = high_a, high_b = high_a, low_b = high_a;
        int needed = (axis->used[i] + 3) / 4;
        for (int g = 0; g < needed; g++, at += 12) {
            __m256i high = _mm256_loadu_si256(w + 2 * g), low = _mm256_loadu_si256(w + 2 * g + 1);
            __m256i pa = pixel_pairs(a + at), pb = pixel_pairs(b + at);
            high_a = _mm256_add_epi32(high_a, _mm256_madd_epi16(pa, high));
            low_a = _mm256_add_epi32(low_a, _mm256_madd_epi16(pa, low));
            high_b = _mm256_add_epi32(high_b, _mm256_madd_epi16(pb, high));
            low_b = _mm256_add_epi32(low_b, _mm256_madd_epi16(pb, low));
        }
        __m128i words = _mm_packs_epi32(finish(high_a, low_a, round, bits),
                                        finish(high_b, low_b, round, bits));
        uint64_t both = (uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(words, words));
        uint32_t pixel_a = (uint32_t)both, pixel_b = (uint32_t)(both >> 32);
        size_t n = i + 1 < axis->count ? 4 : 3;
        if (n == 4) {
            memcpy(out_a + 3 * (size_t)i, &pixel_a, 4);
            memcpy(out_b + 3 * (size_t)i, &pixel_b, 4);
        } else {
            memcpy(out_a + 3 * (size_t)i, &pixel_a, 3);
            memcpy(out_b + 3 * (size_t)i, &pixel_b, 3);
        }
    }
}

/* A group reads 16 bytes from its first pixel, up to 13 past the row: rows too near the end
 * of the picture take the plain way. */
static void row_sums_avx2(const struct pillow_axis *axis, const uint8_t *in, size_t stride,
                          const uint8_t *end, int rows, uint8_t *out)
{
    size_t width = 3 * (size_t)axis->count;
    int y = 0;
    for (; y + 1 < rows && in + ((size_t)y + 2) * stride + 16 <= end; y += 2)
        row_sums_pair(axis, in + (size_t)y * stride, in + ((size_t)y + 1) * stride,
                      out + (size_t)y * width, out + ((size_t)y + 1) * width);
    pillow_row_sums_c(axis, in + (size_t)y * stride, stride, end, rows - y,
                      out + (size_t)y * width);
}

/* The two weights of a pair of rows, side by side, eight times. */
AVX2 static inline __m256i weight_pair(int16_t a, int16_t b)
{
    return _mm256_set1_epi32((int32_t)((uint32_t)(uint16_t)a | (uint32_t)(uint16_t)b << 16));
}

/* Sixteen values of the result. */
AVX2 static inline void column_step(const int32_t *weights, int used, int bits,
                                    const uint8_t *in, size_t stride, uint8_t *out)
{
    __m256i high0 = _mm256_setzero_si256(), low0 = high0, high1 = high0, low1 = high0;
    for (int k = 0; k < used; k += 2) {
        bool two = k + 1 < used;
        __m128i a, b = _mm_setzero_si128();
        memcpy(&a, in + (size_t)k * stride, sizeof a);
        if (two)
            memcpy(&b, in + ((size_t)k + 1) * stride, sizeof b);
        int32_t wa = weights[k], wb = two ? weights[k + 1] : 0;
        __m256i high = weight_pair(high_of(wa), high_of(wb));
        __m256i low = weight_pair(low_of(wa), low_of(wb));
        __m256i p0 = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b));
        __m256i p1 = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
        high0 = _mm256_add_epi32(high0, _mm256_madd_epi16(p0, high));
        low0 = _mm256_add_epi32(low0, _mm256_madd_epi16(p0, low));
        high1 = _mm256_add_epi32(high1, _mm256_madd_epi16(p1, high));
        low1 = _mm256_add_epi32(low1, _mm256_madd_epi16(p1, low));
    }
    __m256i round = _mm256_set1_epi32(1 << (bits - 1));
    __m128i shift = _mm_cvtsi32_si128(bits);
    __m256i s0 = _mm256_add_epi32(_mm256_slli_epi32(high0, SPLIT_BITS), low0);
    __m256i s1 = _mm256_add_epi32(_mm256_slli_epi32(high1, SPLIT_BITS), low1);
    s0 = _mm256_sra_epi32(_mm256_add_epi32(s0, round), shift);
    s1 = _mm256_sra_epi32(_mm256_add_epi32(s1, round), shift);
    /* Packing works within halves: 0-3 8-11 | 4-7 12-15, put in order before the last. */
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(s0, s1), 0xD8);
    __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words),
                                     _mm256_extracti128_si256(words, 1));
    memcpy(out, &bytes, sizeof bytes);
}

AVX2 static void column_sums_avx2(const int32_t *weights, int used, int bits, const uint8_t *in,
                                  size_t stride, int bytes, uint8_t *out)
{
    int x = 0;
    for (; x + 16 <= bytes; x += 16)
        column_step(weights, used, bits, in + x, stride, out + x);
    if (x < bytes)
        pillow_column_sums_c(weights, used, bits, in + x, stride, bytes - x, out + x);
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

pillow_row_sums *pillow_row_sums_best(void)
{
    return has_avx2() ? row_sums_avx2 : pillow_row_sums_c;
}

pillow_column_sums *pillow_column_sums_best(void)
{
    return has_avx2() ? column_sums_avx2 : pillow_column_sums_c;
}

size_t pillow_split_size(const struct pillow_axis *axis)
{
    return has_avx2() ? (size_t)axis->count * (size_t)groups_of(axis) * 32 : 0;
}
#else
pillow_row_sums *pillow_row_sums_best(void)
{
    return pillow_row_sums_c;
}

pillow_column_sums *pillow_column_sums_best(void)
{
    return pillow_column_sums_c;
}

size_t pillow_split_size(const struct pillow_axis *axis)
{
    (void)axis;
    return 0;
}
#endif
