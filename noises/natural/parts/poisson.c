/*
 * Poisson counts by inversion of tabled distribution functions: an 8-bit picture has only
 * 256 different means. A table of 256 starting points (Chen and Asau 1974,
 * doi:10.1080/05695557408974949) leaves one or two comparisons a draw; probabilities are
 * good to 2^-32.
 */
#include "noises/natural/parts.h"

#include "base/mem.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

struct law {
    uint32_t first;          /* count of the first entry */
    uint16_t start[256];     /* by the upper 8 bits of the word */
    const uint32_t *at_most; /* 2^32 P(count <= first + i) - 1, ending in 0xffffffff */
};

struct table {
    double lambda;
    struct arena arena;
    struct law law[256];
};

static void law_make(struct law *law, double mean, struct arena *arena)
{
    /* All counts with a chance above 2^-40 lie within 8 sigma, and a little more. */
    double spread = 8 * sqrt(mean) + 24;
    double low = mean > spread ? floor(mean - spread) : 0;
    uint32_t room = (uint32_t)(2 * spread) + 4;
    uint32_t *at_most = arena_alloc(arena, room * sizeof *at_most);
    double p = mean > 0 ? exp(low * log(mean) - mean - lgamma(low + 1)) : 1, sum = 0;
    uint32_t count = 0;
    for (double k = low; count + 1 < room; k++, count++) {
        sum += p;
        p *= mean / (k + 1);
        double scaled = sum * 0x1p32 - 1;
        at_most[count] = scaled >= 0xfffffffe.8p0 ? 0xffffffffu
                         : scaled > 0             ? (uint32_t)scaled
                                                  : 0;
        if (at_most[count] == 0xffffffffu)
            break;
    }
    at_most[count] = 0xffffffffu;
    law->first = (uint32_t)low;
    law->at_most = at_most;
    for (uint32_t i = 0, at = 0; i < 256; i++) {
        while (i << 24 > at_most[at])
            at++;
        law->start[i] = (uint16_t)at;
    }
}

static struct table *table_make(double lambda)
{
    struct table *table = mem_new(sizeof *table);
    table->lambda = lambda;
    for (int v = 0; v < 256; v++)
        law_make(&table->law[v], (double)v / 255.0 * lambda, &table->arena);
    return table;
}

static void table_free(struct table *table)
{
    arena_clear(&table->arena);
    free(table);
}

/* Tables are made once and stay; whoever loses the race to store one takes the other's.
 */
static const struct table *table_for(double lambda, struct table **own)
{
    static _Atomic(struct table *) cache[64];
    *own = NULL;
    for (int i = 0; i < 64; i++) {
        struct table *found = atomic_load(&cache[i]);
        if (!found) {
            if (!*own)
                *own = table_make(lambda);
            if (atomic_compare_exchange_strong(&cache[i], &found, *own)) {
                found = *own;
                *own = NULL;
                return found;
            }
        }
        if (found->lambda == lambda) {
            if (*own)
                table_free(*own);
            *own = NULL;
            return found;
        }
    }
    if (!*own)
        *own = table_make(lambda);
    return *own;
}

static void draw(const struct law *laws, const uint8_t *x, size_t size, struct rng *rng,
                 uint32_t *counts)
{
    rng_fill_u32(rng, counts, size);
    for (size_t i = 0; i < size; i++) {
        const struct law *law = &laws[x[i]];
        uint32_t word = counts[i], at = law->start[word >> 24];
        while (word > law->at_most[at])
            at++;
        counts[i] = law->first + at;
    }
}

void poisson_counts(const uint8_t *x, size_t size, double lambda, struct rng *rng,
                    uint32_t *counts)
{
    struct table *own;
    draw(table_for(lambda, &own)->law, x, size, rng, counts);
    if (own)
        table_free(own);
}

void poisson_counts_of(const uint8_t *x, size_t size, const double mean[256],
                       struct rng *rng, uint32_t *counts)
{
    struct table table = {0};
    bool occurs[256] = {false};
    for (size_t i = 0; i < size; i++)
        occurs[x[i]] = true;
    for (int v = 0; v < 256; v++)
        if (occurs[v])
            law_make(&table.law[v], mean[v], &table.arena);
    draw(table.law, x, size, rng, counts);
    arena_clear(&table.arena);
}
