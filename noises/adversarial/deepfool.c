/*
 * DeepFool: walks to the nearest linearised boundary until the label changes.
 *
 *     l = argmin_k |f_k|/‖w_k‖_*,  f_k = z_k − z_y,  w_k = df_k/dx
 *     L2    r ← r + (|f_l| + 1e-4)/‖w_l‖₂² w_l
 *     Linf  r ← r + (|f_l| + 1e-4)/‖w_l‖₁ sign(w_l)
 *     x ← clip(x₀ + 1.02 r)
 *
 * Candidates are the classes with the highest clean logits. At the end the segment to the
 * clean sample is halved refine= times, which takes the overshoot back; the original does
 * not do that (refine=0).
 *
 * Source: Moosavi-Dezfooli et al., CVPR 2016, arXiv:1511.04599.
 */
#include "noises/adversarial/common.h"
#include "noises/adversarial/members.h"

#include <math.h>
#include <string.h>

struct walk {
    struct search *s;
    int *classes, count;
    float *x, *r, *w, *w_try;
    double f, length;
};

static enum status nearest_class(struct walk *walk)
{
    struct search *s = walk->s;
    enum norm dual = s->ball.norm == NORM_LINF ? NORM_L1 : NORM_L2;
    double least = (double)INFINITY;
    for (int k = 0; k < walk->count; k++) {
        int class = walk->classes[k];
        memset(s->dlogits, 0, (size_t)s->n_classes * sizeof *s->dlogits);
        s->dlogits[class] = 1;
        s->dlogits[s->label] = -1;
        enum status st = search_gradient(s, walk->x, s->dlogits, walk->w_try);
        if (st)
            return st;
        double f = fabs((double)s->logits[class] - (double)s->logits[s->label]);
        double length = norm_value(dual, walk->w_try, s->size);
        if (f / (length + 1e-12) >= least)
            continue;
        least = f / (length + 1e-12);
        walk->f = f;
        walk->length = length;
        float *swap = walk->w;
        walk->w = walk->w_try;
        walk->w_try = swap;
    }
    return OK;
}

static void step(struct walk *walk, double overshoot)
{
    const struct search *s = walk->s;
    double move = (walk->f + 1e-4) / (walk->length + 1e-12);
    if (s->ball.norm == NORM_LINF)
        vector_add_sign(walk->r, walk->w, move, s->size);
    else
        vector_add_scaled(walk->r, walk->w, move / (walk->length + 1e-12), s->size);
    for (size_t i = 0; i < s->size; i++) {
        double x = (double)s->call->x[i] + (1 + overshoot) * (double)walk->r[i];
        walk->x[i] = (float)fmin(fmax(x, 0), 1);
    }
}

static enum status run(struct search *s)
{
    struct arena arena = {0};
    struct walk walk = {.s = s};
    struct nearest nearest;
    float **points[] = {&walk.x, &walk.r, &walk.w, &walk.w_try};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        *points[i] = arena_alloc(&arena, s->size * sizeof(float));
    nearest_init(&nearest, s, &arena);
    walk.classes = arena_alloc(&arena, (size_t)s->n_classes * sizeof *walk.classes);
    walk.count = loss_top_wrong(s->clean_logits, s->n_classes, s->label,
                                params_int(s->params, "classes"), walk.classes);
    memcpy(walk.x, s->call->x, s->size * sizeof(float));

    enum status st = OK;
    int steps = params_int(s->params, "steps");
    for (int i = 0; i < steps && !st && !s->done && !s->fooled; i++) {
        if ((st = nearest_class(&walk)))
            break;
        step(&walk, params_real(s->params, "overshoot"));
        st = search_look(s, walk.x);
    }
    if (!st)
        nearest_note(&nearest, s, walk.x);
    if (!st)
        st = nearest_finish(&nearest, s, params_int(s->params, "refine"));
    arena_clear(&arena);
    return st;
}

#define PARAM_WALK                                                                         \
    {"steps", PARAM_INT, "50", 1, 100000, NULL, "iterations at most"},                     \
    {"overshoot", PARAM_REAL, "0.02", 0, 1, NULL, "beyond the boundary"},                  \
    {"classes", PARAM_INT, "9", 1, 10000, NULL, "candidates, by clean logit"},             \
    {"refine", PARAM_INT, "15", 0, 60, NULL, "halvings of the last segment"},              \
    PARAM_SOURCE, PARAM_STOP

static const struct param params_l2[] = {PARAM_EPS_L2, PARAM_WALK, {0}};
static const struct param params_linf[] = {PARAM_EPS_LINF, PARAM_WALK, {0}};

const struct attack attack_deepfool_l2 = {
    .name = "deepfool-l2",
    .summary = "walk to the nearest linearised boundary",
    .source = "arXiv:1511.04599",
    .impl = 1,
    .norm = NORM_L2,
    .needs_gradient = true,
    .minimum_norm = true,
    .params = params_l2,
    .run = run,
};

const struct attack attack_deepfool_linf = {
    .name = "deepfool-linf",
    .summary = "walk to the nearest linearised boundary",
    .source = "arXiv:1511.04599",
    .impl = 1,
    .norm = NORM_LINF,
    .needs_gradient = true,
    .minimum_norm = true,
    .params = params_linf,
    .run = run,
};
