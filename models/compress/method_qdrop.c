/*
 * BRECQ with activations on their grids while the weights are learned, each element back
 * in float with probability 1/2, as is each of the block's entry; the steps are learned
 * along. Wei et al. 2022, arXiv:2203.05740.
 */
#include "models/compress/compress.h"

#include <stdlib.h>

static enum status run(struct compress *c)
{
    const struct recipe recipe = {.name = "qdrop",
                                  .iterations = c->rule->iterations,
                                  .rounds = true,
                                  .step_rate = 4e-5,
                                  .cosine = true,
                                  .power = 2,
                                  .share = 0.5,
                                  .fisher = c->rule->fisher};
    if (c->rule->act_bits > 8)
        return status_fail(ERR_USAGE, "qdrop drops quantized activations: --acts 2 to 8");
    struct block *blocks;
    int n = compress_blocks(c, &blocks);
    /* Weights to nearest say little of the ranges that learned ones will give. */
    enum status st = compress_ranges(c, &c->full);
    if (!st)
        st = compress_reconstruct_all(c, blocks, n, &recipe);
    free(blocks);
    return st;
}

const struct method method_qdrop = {
    .name = "qdrop",
    .summary = "as brecq, with activations quantized at random meanwhile",
    .source = "arXiv:2203.05740",
    .run = run,
    .learns_weights = true,
    .weights_depend_on_acts = true,
};
