#include "base/rng.h"

#include "base/hash.h"
#include "base/simd.h"

#include <Random123/philox.h>

#include <math.h>
#include <string.h>

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

void rng_open(struct rng *rng, uint64_t seed, const char *sample, const char *purpose,
              uint64_t index)
{
    uint64_t key = mix(seed + 0x9e3779b97f4a7c15u) ^ hash_key(sample);
    uint64_t stream = hash_key(purpose) ^ mix(index + 0x9e3779b97f4a7c15u);
    *rng = (struct rng){
        .key = {(uint32_t)key, (uint32_t)(key >> 32)},
        .counter = {0, 0, (uint32_t)stream, (uint32_t)(stream >> 32)},
    };
}

static void refill(struct rng *rng)
{
    philox4x32_key_t key;
    philox4x32_ctr_t counter;
    memcpy(key.v, rng->key, sizeof rng->key);
    memcpy(counter.v, rng->counter, sizeof rng->counter);
    philox4x32_ctr_t block = philox4x32(counter, key);
    memcpy(rng->block, block.v, sizeof rng->block);
    if (++rng->counter[0] == 0)
        rng->counter[1]++;
    rng->left = 4;
}

uint32_t rng_u32(struct rng *rng)
{
    if (!rng->left)
        refill(rng);
    return rng->block[4 - rng->left--];
}

double rng_uniform(struct rng *rng)
{
    uint64_t high = rng_u32(rng) >> 5;
    uint64_t low = rng_u32(rng) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

uint32_t rng_below(struct rng *rng, uint32_t bound)
{
    /* Lemire 2019, doi:10.1145/3230636: reject the few words that would bias. */
    uint32_t threshold = -bound % bound;
    for (;;) {
        uint64_t product = (uint64_t)rng_u32(rng) * bound;
        if ((uint32_t)product >= threshold)
            return (uint32_t)(product >> 32);
    }
}

/*
 * Box-Muller in double. The C library's log, sin and cos are within one unit in the last
 * place on every platform we build for; results are rounded to float or uint8 by callers.
 */
double rng_normal(struct rng *rng)
{
    if (rng->has_spare) {
        rng->has_spare = 0;
        return rng->spare;
    }
    double radius = sqrt(-2.0 * log(1.0 - rng_uniform(rng)));
    double angle = 2.0 * 3.14159265358979323846 * rng_uniform(rng);
    rng->spare = radius * sin(angle);
    rng->has_spare = 1;
    return radius * cos(angle);
}

/* Knuth's product of uniforms: exact, and quick while the mean is small. */
static uint32_t poisson_small(struct rng *rng, double mean)
{
    double limit = exp(-mean), product = rng_uniform(rng);
    uint32_t count = 0;
    while (product > limit) {
        product *= rng_uniform(rng);
        count++;
    }
    return count;
}

/* PTRS: transformed rejection with squeeze, Hörmann 1993,
 * doi:10.1016/0167-6687(93)90997-4. */
static uint32_t poisson_large(struct rng *rng, double mean)
{
    double log_mean = log(mean);
    double b = 0.931 + 2.53 * sqrt(mean);
    double a = -0.059 + 0.02483 * b;
    double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    double v_r = 0.9277 - 3.6224 / (b - 2.0);
    for (;;) {
        double u = rng_uniform(rng) - 0.5;
        double v = rng_uniform(rng);
        double us = 0.5 - fabs(u);
        double k = floor((2.0 * a / us + b) * u + mean + 0.43);
        if (us >= 0.07 && v <= v_r)
            return (uint32_t)k;
        if (k < 0 || (us < 0.013 && v > us))
            continue;
        if (log(v) + log(inverse_alpha) - log(a / (us * us) + b) <=
            -mean + k * log_mean - lgamma(k + 1.0))
            return (uint32_t)k;
    }
}

uint32_t rng_poisson(struct rng *rng, double mean)
{
    if (!(mean > 0))
        return 0;
    return mean < 10.0 ? poisson_small(rng, mean) : poisson_large(rng, mean);
}

struct philox {
    uint32_t x0, x1, x2, x3;
};

static inline struct philox philox_round(struct philox s, uint32_t k0, uint32_t k1)
{
    uint64_t a = (uint64_t)s.x0 * 0xd2511f53u, b = (uint64_t)s.x2 * 0xcd9e8d57u;
    return (struct philox){(uint32_t)(b >> 32) ^ s.x1 ^ k0, (uint32_t)b,
                           (uint32_t)(a >> 32) ^ s.x3 ^ k1, (uint32_t)a};
}

/*
 * `count` blocks of Philox4x32-10 from block number `first` on: 4 words each. Written out
 * round by round because only then does the compiler lay blocks side by side.
 */
SIMD_CLONES
static void philox_blocks(const uint32_t key[2], uint64_t first, uint32_t c2, uint32_t c3,
                          size_t count, uint32_t *restrict out)
{
    const uint32_t w0 = 0x9e3779b9u, w1 = 0xbb67ae85u; /* the Weyl steps of the key */
    uint32_t k0 = key[0], k1 = key[1];
    for (size_t i = 0; i < count; i++) {
        uint64_t number = first + i;
        struct philox s = {(uint32_t)number, (uint32_t)(number >> 32), c2, c3};
        s = philox_round(s, k0, k1);
        s = philox_round(s, k0 + w0, k1 + w1);
        s = philox_round(s, k0 + 2 * w0, k1 + 2 * w1);
        s = philox_round(s, k0 + 3 * w0, k1 + 3 * w1);
        s = philox_round(s, k0 + 4 * w0, k1 + 4 * w1);
        s = philox_round(s, k0 + 5 * w0, k1 + 5 * w1);
        s = philox_round(s, k0 + 6 * w0, k1 + 6 * w1);
        s = philox_round(s, k0 + 7 * w0, k1 + 7 * w1);
        s = philox_round(s, k0 + 8 * w0, k1 + 8 * w1);
        s = philox_round(s, k0 + 9 * w0, k1 + 9 * w1);
        out[4 * i] = s.x0;
        out[4 * i + 1] = s.x1;
        out[4 * i + 2] = s.x2;
        out[4 * i + 3] = s.x3;
    }
}

void rng_fill_u32(struct rng *rng, uint32_t *out, size_t count)
{
    size_t done = 0;
    while (done < count && rng->left)
        out[done++] = rng_u32(rng);
    uint64_t block = (uint64_t)rng->counter[1] << 32 | rng->counter[0];
    size_t whole = (count - done) / 4;
    philox_blocks(rng->key, block, rng->counter[2], rng->counter[3], whole, out + done);
    done += 4 * whole;
    block += whole;
    rng->counter[0] = (uint32_t)block;
    rng->counter[1] = (uint32_t)(block >> 32);
    while (done < count)
        out[done++] = rng_u32(rng);
}

enum { CHUNK = 1024 }; /* words on the stack at a time */

SIMD_CLONES
static void uniform_from_words(const uint32_t *restrict words, size_t count, float low,
                               float high, float *restrict out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = low + (high - low) * (float)(int32_t)(words[i] >> 8) * 0x1p-24f;
}

void rng_fill_uniform(struct rng *rng, float *out, size_t count, float low, float high)
{
    uint32_t words[CHUNK];
    for (size_t done = 0, part; done < count; done += part) {
        part = count - done < CHUNK ? count - done : CHUNK;
        rng_fill_u32(rng, words, part);
        uniform_from_words(words, part, low, high, out + done);
    }
}

/* sqrt(-2 ln u) for u = (w + 1/2) / 2^31, w the upper 31 bits. */
static inline float radius_from_word(uint32_t word)
{
    float u = ((float)(int32_t)(word >> 1) + 0.5f) * 0x1p-31f;
    union {
        float f;
        int32_t i;
    } m = {u};
    /* u = m 2^e with m in [0.707, 1.414); ln m = 2 atanh((m-1)/(m+1)), |s| < 0.172. */
    int32_t e = (m.i - 0x3f3504f3) >> 23;
    m.i -= e * (1 << 23);
    float s = (m.f - 1.0f) / (m.f + 1.0f), z = s * s;
    float series = 1 + z * (1 / 3.0f + z * (1 / 5.0f + z * (1 / 7.0f + z * (1 / 9.0f))));
    float minus_log = -2.0f * s * series - (float)e * 0.693147181f;
    return sqrtf(2.0f * (minus_log > 0 ? minus_log : 0));
}

/*
 * n pairs: radii from words[0..n), angles from words[n..2n). The two upper bits of an
 * angle, rounded, are its quarter turn; the rest lies within an eighth of a turn of it,
 * where the power series of sine and cosine are good to 2e-8.
 */
SIMD_CLONES
static void box_muller(const uint32_t *restrict words, size_t n, float *restrict cosines,
                       float *restrict sines)
{
    for (size_t i = 0; i < n; i++) {
        float r = radius_from_word(words[i]);
        uint32_t quarter = (words[n + i] + 0x20000000u) >> 30;
        float t = (float)(int32_t)(words[n + i] - (quarter << 30)) * 1.46291808e-9f;
        float z = t * t;
        float s = t * (1 - z * (1 / 6.0f - z * (1 / 120.0f - z * (1 / 5040.0f))));
        float c = 1 - z * (1 / 2.0f - z * (1 / 24.0f - z * (1 / 720.0f - z / 40320.0f)));
        float sine = quarter & 1 ? c : s, cosine = quarter & 1 ? s : c;
        cosines[i] = r * (quarter == 1 || quarter == 2 ? -cosine : cosine);
        sines[i] = r * (quarter & 2 ? -sine : sine);
    }
}

void rng_fill_normal(struct rng *rng, float *out, size_t count)
{
    uint32_t words[CHUNK];
    float sines[CHUNK / 2];
    for (size_t done = 0, part; done < count; done += part) {
        part = count - done < CHUNK ? count - done : CHUNK;
        size_t pairs = (part + 1) / 2;
        rng_fill_u32(rng, words, 2 * pairs);
        box_muller(words, pairs, out + done, sines);
        memcpy(out + done + pairs, sines, (part - pairs) * sizeof *out);
    }
}

void rng_shuffle(struct rng *rng, uint32_t *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        items[i] = (uint32_t)i;
    for (size_t i = count; i > 1; i--) {
        size_t j = rng_below(rng, (uint32_t)i);
        uint32_t swap = items[i - 1];
        items[i - 1] = items[j];
        items[j] = swap;
    }
}
