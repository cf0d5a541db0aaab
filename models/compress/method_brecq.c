/*
 * Up or down for each weight, block by block; then, weights fixed, the steps of the
 * activations, towards the same targets. Li et al. 2021, arXiv:2102.05426.
 */
#include "models/compress/compress.h"

#include <stdlib.h>

static enum status learn_steps(struct compress *c, struct block *blocks, int n)
{
    const struct recipe recipe = {.name = "steps",
                                  .iterations = c->rule->step_iterations,
                                  .step_rate = 4e-4,
                                  .cosine = true,
                                  .power = 2.4,
                                  .share = 1};
    enum status st = compress_ranges(c, &c->work);
    if (st || !recipe.iterations)
        return st;
    return compress_reconstruct_all(c, blocks, n, &recipe);
}

static enum status run(struct compress *c)
{
    const struct recipe recipe = {.name = "brecq",
                                  .iterations = c->rule->iterations,
                                  .rounds = true,
                                  .power = 2,
                                  .share = 1,
                                  .fisher = c->rule->fisher};
    struct block *blocks;
    int n = compress_blocks(c, &blocks);
    enum status st = compress_reconstruct_all(c, blocks, n, &recipe);
    if (!st && c->rule->act_bits <= 8)
        st = learn_steps(c, blocks, n);
    free(blocks);
    return st;
}

const struct method method_brecq = {
    .name = "brecq",
    .summary = "rounding learned block by block, then activation steps",
    .source = "arXiv:2102.05426",
    .run = run,
    .learns_weights = true,
};
