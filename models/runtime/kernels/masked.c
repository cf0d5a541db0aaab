#include "models/runtime/kernels/masked.h"

#include "base/simd.h"

struct mask {
    struct channels c;
};

/* Bytes are [N][spatial][C], floats [N][blocks][spatial][block]. */
SIMD_CLONES
static void apply(const struct channels *c, const float *from, const uint8_t *inside, float *to)
{
    for (int64_t n = 0; n < c->N; n++, inside += c->spatial * c->C)
        for (int64_t b = 0; b < c->blocks; b++) {
            int64_t first = b * c->block;
            int64_t width = c->C - first < c->block ? c->C - first : c->block;
            for (int64_t p = 0; p < c->spatial; p++, from += c->block, to += c->block) {
                const uint8_t *in = inside + p * c->C + first;
                for (int64_t k = 0; k < width; k++)
                    to[k] = in[k] ? from[k] : 0.0f;
                for (int64_t k = width; k < c->block; k++)
                    to[k] = 0.0f;
            }
        }
}

static void run_mask(const struct step *step, struct lane *lane)
{
    apply(&((const struct mask *)step->context)->c, lane_arg(step, lane, 0),
          lane_arg(step, lane, 1), lane_arg(step, lane, 2));
}

int masked_gradient(struct builder *build, struct value *value, int inside, bool plain)
{
    int gradient = build_gradient(build, value);
    if (gradient < 0)
        return gradient;
    struct mask *mask = build_alloc(build, sizeof *mask);
    if (plain) {
        int64_t count = shape_count(&value->shape);
        gradient = build_plain_slot(build, gradient);
        if (gradient < 0)
            return -2;
        mask->c = (struct channels){1, count, count, 1, 1};
    } else if (!layout_channels(&build_at(build, gradient)->md, &mask->c)) {
        gradient = build_plain_slot(build, gradient);
        if (gradient < 0 || !layout_channels(&build_at(build, gradient)->md, &mask->c))
            return -2;
    }
    dnnl_memory_desc_t md = build_at(build, gradient)->md;
    int out = build_shared(build, gradient)
                  ? build_slot(build, DTYPE_F32, &value->shape, &md)
                  : gradient;
    struct arg args[] = {{0, gradient}, {0, inside}, {0, out}};
    build_step(build, run_mask, "saturation mask", mask, args, 3);
    return out;
}
