/* Up or down for each weight, block by block. Li et al. 2021, arXiv:2102.05426. */
#include "models/compress/compress.h"

#include <stdlib.h>

static enum status run(struct compress *c)
{
    struct block *blocks;
    int n = compress_blocks(c, &blocks);
    enum status st = OK;
    /* A first block of the first layer alone is left at 8 bits, as in the paper. */
    for (int i = n && blocks[0].last == 1 ? 1 : 0; i < n && !st; i++)
        st = compress_reconstruct(c, &blocks[i], i);
    free(blocks);
    return st;
}

const struct method method_brecq = {
    .name = "brecq",
    .summary = "rounding learned block by block",
    .source = "arXiv:2102.05426",
    .run = run,
};
