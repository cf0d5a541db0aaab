/*
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011,
 * doi:10.1145/2063384.2063405), through Debian's Random123 headers.
 *
 * A generator is opened by what it is for, never by how far another one got, so that a
 * run gives the same bytes on one thread or on sixty-four, in any order and shard:
 *
 *     struct rng rng;
 *     rng_open(&rng, seed, sample_key, "gaussian_noise", severity);
 *
 * rng_normal() is Box-Muller in double with the C library's log, sin and cos, within one
 * unit in the last place everywhere we build; the rng_fill_* functions need no library.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint32_t key[2];
    uint32_t counter[4]; /* [0..1] block number, [2..3] from the purpose */
    uint32_t block[4];
    int left; /* unread words in block */
    int has_spare;
    double spare; /* second normal of a pair */
};

/* `sample` and `purpose` may be any strings; `index` tells severities, restarts, steps. */
void rng_open(struct rng *rng, uint64_t seed, const char *sample, const char *purpose,
              uint64_t index);

uint32_t rng_u32(struct rng *rng);
double rng_uniform(struct rng *rng);                 /* [0, 1), 53 bits */
uint32_t rng_below(struct rng *rng, uint32_t bound); /* [0, bound), unbiased; bound > 0 */
double rng_normal(struct rng *rng);                  /* mean 0, variance 1 */
uint32_t rng_poisson(struct rng *rng, double mean);  /* mean in [0, 1e6] */

/*
 * Many at once, several blocks side by side in vector registers.
 *   u32      the words that `count` calls of rng_u32() give, and the generator left
 *            behind as they would leave it
 *   uniform  one word each, its upper 24 bits
 *   normal   Box-Muller in float, one word each; a stream of its own, not that of
 *            rng_normal(). |x| < 6.7.
 * Only +, -, *, /, sqrt and integers, so the bits are the same on every machine and
 * vector width.
 */
void rng_fill_u32(struct rng *rng, uint32_t *out, size_t count);
void rng_fill_uniform(struct rng *rng, float *out, size_t count, float low, float high);
void rng_fill_normal(struct rng *rng, float *out, size_t count);

/* A permutation of 0..count-1 (Fisher-Yates). */
void rng_shuffle(struct rng *rng, uint32_t *items, size_t count);
