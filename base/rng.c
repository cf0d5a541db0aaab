#include "base/rng.h"

#include "base/hash.h"

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

void rng_fill_uniform(struct rng *rng, float *out, size_t count, float low, float high)
{
    for (size_t i = 0; i < count; i++)
        out[i] = low + (high - low) * (float)(rng_u32(rng) >> 8) * 0x1p-24f;
}

void rng_fill_normal(struct rng *rng, float *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (float)rng_normal(rng);
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
