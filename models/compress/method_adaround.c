/* Up or down for each weight, layer by layer. Nagel et al. 2020, arXiv:2004.10568. */
#include "models/compress/compress.h"

#include <stdlib.h>

static enum status run(struct compress *c)
{
    struct block *blocks;
    int n = compress_single_layers(c, &blocks);
    enum status st = OK;
    /* The first layer keeps its 8 bits to nearest, as in the papers. */
    for (int i = 1; i < n && !st; i++)
        st = compress_reconstruct(c, &blocks[i], i);
    free(blocks);
    return st;
}

const struct method method_adaround = {
    .name = "adaround",
    .summary = "rounding learned layer by layer",
    .source = "arXiv:2004.10568",
    .run = run,
};
