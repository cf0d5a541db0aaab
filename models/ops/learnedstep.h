/* What the operator and its kernel share: codes, and which elements pass unquantized. */
#pragma once

#include "models/ops/elements.h"

struct learned_step {
    float low, high; /* codes, zero point taken off */
    bool drops;      /* share < 1 */
    uint32_t below;  /* quantized where the hash is below this */
};

static inline struct learned_step learned_step_of(const struct node *node)
{
    float share = node_float(node, "share", 1);
    return (struct learned_step){
        .low = (float)node_int(node, "low", 0),
        .high = (float)node_int(node, "high", 0),
        .drops = share < 1,
        .below = share <= 0 ? 0 : share >= 1 ? UINT32_MAX : (uint32_t)((double)share * 0x1p32),
    };
}

/* A finaliser of 32 bits (Wellons' lowbias32) over index and draw: cheap, and the same in
 * vectors. */
static inline bool learned_step_passes(const struct learned_step *s, uint32_t draw,
                                       uint32_t index)
{
    uint32_t h = index + draw * 0x9e3779b9u;
    h = (h ^ h >> 16) * 0x7feb352du;
    h = (h ^ h >> 15) * 0x846ca68bu;
    return s->drops & ((h ^ h >> 16) >= s->below);
}
