/* Every weight to its nearest code: what all other methods start from. */
#include "models/compress/compress.h"

const struct method method_rtn = {
    .name = "rtn",
    .summary = "round to nearest",
    .source = "arXiv:1712.05877",
};
