/*
 * Mixed precision: which layers get how many bits. Sensitivities are measured once, each
 * layer alone at each width, and both layers of a pair in one block at the narrowest; a
 * genetic search then adds them up.
 *
 * Source: Li et al. 2021, arXiv:2102.05426, section 3.4.
 */
#include "models/compress/sensitivity.h"

#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POPULATION = 50, GENERATIONS = 100 };

struct pair {
    int a, b;
    double extra; /* of both at the narrowest, beyond the sum of each */
};

struct search {
    struct compress *compress;
    const struct budget *budget;
    const int *widths;
    int n_widths;
    double *alone; /* [layers][n_widths] */
    struct pair *pairs;
    int n_pairs, n; /* n: genes, one a layer */
    struct rng rng;
};

struct candidate {
    uint8_t *genes; /* [n]: index of the width; edges have none */
    double fitness;
};

static bool is_edge(const struct search *s, int layer)
{
    return layer == 0 || layer == s->n - 1;
}

/* --- measuring ------------------------------------------------------------------------ */

static enum status measure_alone(struct search *s, struct divergence *d)
{
    struct compress *c = s->compress;
    enum status st = OK;
    for (int i = 1; i < s->n - 1 && !st; i++) {
        for (int k = 0; k < s->n_widths && !st; k++) {
            compress_set_bits(c, &c->layers[i], s->widths[k]);
            st = divergence_measure(d, &s->alone[i * s->n_widths + k]);
        }
        divergence_float(&c->layers[i]);
    }
    return st;
}

static enum status measure_pair(struct search *s, struct divergence *d, int a, int b)
{
    struct compress *c = s->compress;
    double both;
    compress_set_bits(c, &c->layers[a], s->widths[0]);
    compress_set_bits(c, &c->layers[b], s->widths[0]);
    enum status st = divergence_measure(d, &both);
    divergence_float(&c->layers[a]);
    divergence_float(&c->layers[b]);
    s->pairs = mem_grow(s->pairs, (size_t)s->n_pairs + 1, sizeof *s->pairs);
    s->pairs[s->n_pairs++] =
        (struct pair){a, b, both - s->alone[a * s->n_widths] - s->alone[b * s->n_widths]};
    return st;
}

static enum status measure_pairs(struct search *s, struct divergence *d)
{
    struct block *blocks;
    int n = compress_blocks(s->compress, &blocks);
    enum status st = OK;
    for (int k = 0; k < n; k++)
        for (int a = blocks[k].first; a < blocks[k].last; a++)
            for (int b = a + 1; b < blocks[k].last && !st; b++)
                if (!is_edge(s, a) && !is_edge(s, b))
                    st = measure_pair(s, d, a, b);
    free(blocks);
    return st;
}

/* --- searching ------------------------------------------------------------------------ */

static double layer_cost(const struct compress *c, const struct quant_layer *layer, int bits,
                         enum budget_kind kind)
{
    if (kind == BUDGET_SIZE)
        return (double)layer->count * bits / 8;
    return (double)layer->macs * bits * c->acts[layer->input].bits;
}

double compress_cost(const struct compress *c, enum budget_kind kind)
{
    double sum = 0;
    for (int i = 0; i < c->n_layers; i++)
        sum += layer_cost(c, &c->layers[i], c->layers[i].bits, kind);
    return sum;
}

static double cost(const struct search *s, const uint8_t *genes)
{
    double sum = 0;
    for (int i = 0; i < s->n; i++) {
        const struct quant_layer *layer = &s->compress->layers[i];
        int bits = is_edge(s, i) ? layer->bits : s->widths[genes[i]];
        sum += layer_cost(s->compress, layer, bits, s->budget->kind);
    }
    return sum;
}

static double fitness(const struct search *s, const uint8_t *genes)
{
    double sum = 0;
    for (int i = 1; i < s->n - 1; i++)
        sum += s->alone[i * s->n_widths + genes[i]];
    for (int i = 0; i < s->n_pairs; i++)
        if (!genes[s->pairs[i].a] && !genes[s->pairs[i].b])
            sum += s->pairs[i].extra;
    return sum;
}

static bool fits(const struct search *s, const uint8_t *genes)
{
    return cost(s, genes) <= s->budget->limit;
}

/* At random, then fewer bits here and there until the budget holds. */
static void draw(struct search *s, uint8_t *genes)
{
    for (int i = 0; i < s->n; i++)
        genes[i] = (uint8_t)rng_below(&s->rng, (uint32_t)s->n_widths);
    while (!fits(s, genes)) {
        uint32_t i = rng_below(&s->rng, (uint32_t)s->n);
        genes[i] -= genes[i] > 0;
    }
}

static void cross(struct search *s, const struct candidate *parents, uint8_t *child)
{
    const uint8_t *a = parents[rng_below(&s->rng, POPULATION / 2)].genes;
    const uint8_t *b = parents[rng_below(&s->rng, POPULATION / 2)].genes;
    for (int i = 0; i < s->n; i++)
        child[i] = rng_u32(&s->rng) & 1 ? a[i] : b[i];
}

static void mutate(struct search *s, const struct candidate *parents, uint8_t *child)
{
    memcpy(child, parents[rng_below(&s->rng, POPULATION / 2)].genes, (size_t)s->n);
    for (int i = 0; i < s->n; i++)
        if (rng_uniform(&s->rng) < 0.1)
            child[i] = (uint8_t)rng_below(&s->rng, (uint32_t)s->n_widths);
}

static int by_fitness(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return (x->fitness > y->fitness) - (x->fitness < y->fitness);
}

/* Candidates over the budget are discarded; after 100 tries a parent stays instead. */
static void breed(struct search *s, const struct candidate *parents, bool crosses,
                  struct candidate *child)
{
    bool good = false;
    for (int tries = 0; tries < 100 && !good; tries++) {
        if (crosses)
            cross(s, parents, child->genes);
        else
            mutate(s, parents, child->genes);
        good = fits(s, child->genes);
    }
    if (!good)
        memcpy(child->genes, parents[rng_below(&s->rng, POPULATION / 2)].genes,
               (size_t)s->n);
    child->fitness = fitness(s, child->genes);
}

/* The better half lives on; the other half is replaced by crosses and mutants. */
static void evolve(struct search *s, struct candidate *all)
{
    for (int i = 0; i < POPULATION; i++) {
        all[i].genes = mem_array((size_t)s->n, 1);
        draw(s, all[i].genes);
        all[i].fitness = fitness(s, all[i].genes);
    }
    for (int generation = 0; generation < GENERATIONS; generation++) {
        qsort(all, POPULATION, sizeof *all, by_fitness);
        for (int i = POPULATION / 2; i < POPULATION; i++)
            breed(s, all, i % 2, &all[i]);
    }
    qsort(all, POPULATION, sizeof *all, by_fitness);
}

static enum status choose(struct search *s)
{
    struct compress *c = s->compress;
    struct candidate all[POPULATION] = {{0}};
    char line[160];
    evolve(s, all);
    for (int i = 1; i < s->n - 1; i++)
        compress_set_bits(c, &c->layers[i], s->widths[all[0].genes[i]]);
    snprintf(line, sizeof line, "mixed precision: sensitivity %.4g at %.4g of at most %.4g %s",
             all[0].fitness, cost(s, all[0].genes), s->budget->limit,
             s->budget->kind == BUDGET_SIZE ? "bytes" : "bit operations");
    if (c->note)
        c->note(line);
    for (int i = 0; i < POPULATION; i++)
        free(all[i].genes);
    return OK;
}

enum status compress_search(struct compress *c, const struct budget *budget)
{
    struct search s = {.compress = c,
                       .budget = budget,
                       .widths = budget->widths,
                       .n_widths = budget->n_widths,
                       .n = c->n_layers};
    struct divergence d = {0};
    uint8_t *least = mem_array((size_t)s.n, 1);
    double floor = cost(&s, least);
    free(least);
    if (floor > budget->limit)
        return status_fail(ERR_USAGE,
                           "%d bits in every layer between the edges cost %.4g; the "
                           "budget is %.4g",
                           budget->widths[0], floor, budget->limit);
    rng_open(&s.rng, c->rule->seed, "mixed precision", "search", 0);
    s.alone = mem_array((size_t)(s.n * s.n_widths), sizeof *s.alone);
    enum status st = divergence_open(c, &d);
    if (!st)
        st = measure_alone(&s, &d);
    if (!st)
        st = measure_pairs(&s, &d);
    divergence_close(c, &d);
    if (!st)
        st = choose(&s);
    free(s.alone);
    free(s.pairs);
    return st;
}
