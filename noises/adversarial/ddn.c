/*
 * Decoupled direction and norm: gradient steps for the direction, and a radius that
 * shrinks after a success and grows after a failure.
 *
 *     δ ← δ + alpha g/‖g‖₂;  r ← (1 ∓ gamma) r;  δ ← r δ/‖δ‖₂;  x = clip(x₀ + δ)
 *
 * alpha falls from 1 to 0.01 along a half cosine. At the end the segment to the clean
 * sample is halved refine= times, which the original does not do.
 *
 * Source: Rony et al., CVPR 2019, arXiv:1811.09600.
 */
#include "noises/adversarial/common.h"
#include "noises/adversarial/members.h"

#include <math.h>
#include <string.h>

static void step(const struct search *s, const float *g, double alpha, double radius, float *x)
{
    const float *clean = s->call->x;
    double length = norm_value(NORM_L2, g, s->size);
    if (length > 0)
        vector_add_scaled(x, g, alpha / length, s->size);
    double norm = norm_distance(NORM_L2, x, clean, s->size);
    double factor = norm > 0 ? radius / norm : 0;
    for (size_t i = 0; i < s->size; i++) {
        double moved = (double)clean[i] + factor * ((double)x[i] - (double)clean[i]);
        x[i] = (float)fmin(fmax(moved, 0), 1);
    }
}

static enum status run(struct search *s)
{
    const struct loss loss = {LOSS_CE, .target = -1};
    struct arena arena = {0};
    struct nearest nearest;
    float *x = arena_alloc(&arena, s->size * sizeof *x);
    float *g = arena_alloc(&arena, s->size * sizeof *g);
    int steps = params_int(s->params, "steps");
    double gamma = params_real(s->params, "gamma"), radius = params_real(s->params, "radius");
    nearest_init(&nearest, s, &arena);
    memcpy(x, s->call->x, s->size * sizeof *x);

    enum status st = OK;
    for (int i = 0; i <= steps && !st && !s->done; i++) {
        double value;
        st = i < steps ? search_ascend(s, &loss, x, &value, g) : search_look(s, x);
        if (st || s->done)
            break;
        nearest_note(&nearest, s, x);
        double alpha = 0.01 + 0.99 * (1 + cos(acos(-1) * i / steps)) / 2;
        radius *= s->fooled ? 1 - gamma : 1 + gamma;
        if (i < steps)
            step(s, g, alpha, radius, x);
    }
    if (!st)
        st = nearest_finish(&nearest, s, params_int(s->params, "refine"));
    arena_clear(&arena);
    return st;
}

static const struct param params[] = {
    PARAM_EPS_L2,
    {"steps", PARAM_INT, "100", 1, 100000, NULL, "iterations"},
    {"radius", PARAM_REAL, "1", 1e-6, 1e6, NULL, "first radius"},
    {"gamma", PARAM_REAL, "0.05", 0, 0.99, NULL, "by which the radius changes"},
    {"refine", PARAM_INT, "15", 0, 60, NULL, "halvings of the last segment"},
    PARAM_SOURCE,
    PARAM_STOP,
    {0},
};

const struct attack attack_ddn_l2 = {
    .name = "ddn-l2",
    .summary = "direction by gradient, radius by success",
    .source = "arXiv:1811.09600",
    .impl = 1,
    .norm = NORM_L2,
    .needs_gradient = true,
    .minimum_norm = true,
    .params = params,
    .run = run,
};
