/* Up or down for each weight, layer by layer. Nagel et al. 2020, arXiv:2004.10568. */
#include "models/compress/compress.h"

#include <stdlib.h>

static enum status run(struct compress *c)
{
    const struct recipe recipe = {.name = "adaround",
                                  .iterations = c->rule->iterations,
                                  .rounds = true,
                                  .power = 2,
                                  .share = 1};
    struct block *blocks;
    int n = compress_single_layers(c, &blocks);
    enum status st = compress_reconstruct_all(c, blocks, n, &recipe);
    free(blocks);
    return st;
}

const struct method method_adaround = {
    .name = "adaround",
    .summary = "rounding learned layer by layer",
    .source = "arXiv:2004.10568",
    .run = run,
    .learns_weights = true,
};
