#include "noises/adversarial/toy.h"

#include "noises/adversarial/ball.h"

#include <math.h>
#include <string.h>

static enum status linear_forward(void *state, const float *x, float *logits)
{
    const struct toy *toy = state;
    for (int k = 0; k < toy->victim.n_classes; k++) {
        const double *row = toy->v + (size_t)k * toy->victim.size;
        double sum = toy->c[k];
        for (size_t i = 0; i < toy->victim.size; i++)
            sum += row[i] * (double)x[i];
        logits[k] = (float)(toy->scale * sum);
    }
    return OK;
}

static enum status linear_backward(void *state, const float *dlogits, float *dx)
{
    const struct toy *toy = state;
    for (size_t i = 0; i < toy->victim.size; i++) {
        double sum = 0;
        for (int k = 0; k < toy->victim.n_classes; k++)
            sum += (double)dlogits[k] * toy->v[(size_t)k * toy->victim.size + i];
        dx[i] = toy->masked ? 0.0f : (float)(toy->scale * sum);
    }
    return OK;
}

static enum status mlp_forward(void *state, const float *x, float *logits)
{
    struct toy *toy = state;
    for (int h = 0; h < toy->hidden; h++) {
        const double *row = toy->u + (size_t)h * toy->victim.size;
        double sum = 0;
        for (size_t i = 0; i < toy->victim.size; i++)
            sum += row[i] * ((double)x[i] - 0.5);
        toy->activation[h] = tanh(sum);
    }
    for (int k = 0; k < toy->victim.n_classes; k++) {
        double sum = toy->c[k];
        for (int h = 0; h < toy->hidden; h++)
            sum += toy->v[k * toy->hidden + h] * toy->activation[h];
        logits[k] = (float)(toy->scale * sum);
    }
    return OK;
}

static enum status mlp_backward(void *state, const float *dlogits, float *dx)
{
    const struct toy *toy = state;
    memset(dx, 0, toy->victim.size * sizeof *dx);
    for (int h = 0; h < toy->hidden && !toy->masked; h++) {
        double sum = 0, a = toy->activation[h];
        for (int k = 0; k < toy->victim.n_classes; k++)
            sum += (double)dlogits[k] * toy->v[k * toy->hidden + h];
        sum *= toy->scale * (1 - a * a);
        const double *row = toy->u + (size_t)h * toy->victim.size;
        for (size_t i = 0; i < toy->victim.size; i++)
            dx[i] = (float)((double)dx[i] + sum * row[i]);
    }
    return OK;
}

static double *normals(struct toy *toy, struct rng *rng, size_t count, double sigma)
{
    double *out = arena_alloc(&toy->arena, count * sizeof *out);
    for (size_t i = 0; i < count; i++)
        out[i] = sigma * rng_normal(rng);
    return out;
}

static void toy_open(struct toy *toy, int side, int n_classes, struct rng *rng)
{
    *toy = (struct toy){.scale = 1};
    struct victim *victim = &toy->victim;
    *victim = (struct victim){.channels = 3, .height = side, .width = side};
    victim->size = (size_t)(3 * side * side);
    victim->n_classes = n_classes;
    victim->state = toy;
    toy->clean = arena_alloc(&toy->arena, victim->size * sizeof(float));
    rng_fill_uniform(rng, toy->clean, victim->size, 0.45f, 0.55f);
}

static void label_clean(struct toy *toy)
{
    float *logits = arena_alloc(&toy->arena, (size_t)toy->victim.n_classes * sizeof *logits);
    toy->victim.forward(toy, toy->clean, logits);
    toy->label = victim_label(logits, toy->victim.n_classes);
}

void toy_linear(struct toy *toy, int side, int n_classes, uint64_t seed)
{
    struct rng rng;
    rng_open(&rng, seed, "toy", "linear", 0);
    toy_open(toy, side, n_classes, &rng);
    size_t size = toy->victim.size;
    toy->v = normals(toy, &rng, (size_t)n_classes * size, 1);
    toy->c = arena_alloc(&toy->arena, (size_t)n_classes * sizeof(double));
    /* Close logits at the clean sample, so that the smallest perturbation is small, yet
     * far above the spacing of floats. */
    for (int k = 0; k < n_classes; k++) {
        toy->c[k] = k ? -0.05 * k : 0.95;
        for (size_t i = 0; i < size; i++)
            toy->c[k] -= toy->v[(size_t)k * size + i] * (double)toy->clean[i];
    }
    toy->victim.forward = linear_forward;
    toy->victim.backward = linear_backward;
    label_clean(toy);
}

void toy_mlp(struct toy *toy, int side, int n_classes, int hidden, uint64_t seed)
{
    struct rng rng;
    rng_open(&rng, seed, "toy", "mlp", 0);
    toy_open(toy, side, n_classes, &rng);
    size_t size = toy->victim.size, width = (size_t)hidden;
    toy->hidden = hidden;
    toy->u = normals(toy, &rng, width * size, 3 / sqrt((double)size));
    toy->v = normals(toy, &rng, (size_t)n_classes * width, 1);
    toy->c = normals(toy, &rng, (size_t)n_classes, 0.3);
    toy->activation = arena_alloc(&toy->arena, width * sizeof(double));
    toy->victim.forward = mlp_forward;
    toy->victim.backward = mlp_backward;
    label_clean(toy);
}

static enum status planted_forward(void *state, const float *x, float *logits)
{
    struct toy *toy = state;
    enum status st = victim_forward(toy->under, x, toy->feature);
    double sum = 0;
    for (int i = 0; i < toy->under->n_classes; i++) {
        double d = (double)toy->feature[i] - (double)toy->goal[i];
        sum += d * d;
    }
    logits[0] = 0;
    logits[1] = (float)(toy->radius2 - sum);
    return st;
}

static enum status planted_backward(void *state, const float *dlogits, float *dx)
{
    struct toy *toy = state;
    for (int i = 0; i < toy->under->n_classes; i++)
        toy->dfeature[i] = -2 * dlogits[1] * (toy->feature[i] - toy->goal[i]);
    return victim_backward(toy->under, toy->dfeature, dx);
}

enum status toy_planted(struct toy *toy, struct victim *under, const float *x,
                        enum norm norm, double eps, uint64_t seed)
{
    *toy = (struct toy){.under = under, .victim = *under};
    toy->victim.n_classes = 2;
    toy->victim.state = toy;
    toy->victim.forward = planted_forward;
    toy->victim.backward = under->backward ? planted_backward : NULL;
    toy->victim.forwards = toy->victim.backwards = 0;
    size_t row = (size_t)under->n_classes * sizeof(float);
    toy->goal = arena_alloc(&toy->arena, row);
    toy->feature = arena_alloc(&toy->arena, row);
    toy->dfeature = arena_alloc(&toy->arena, row);
    toy->clean = arena_alloc(&toy->arena, under->size * sizeof(float));

    struct ball ball;
    struct rng rng;
    ball_init(&ball, norm, eps, x, under->size, &toy->arena);
    rng_open(&rng, seed, "toy", "planted", 0);
    ball_surface(&ball, &rng, toy->clean);
    enum status st = victim_forward(under, toy->clean, toy->goal);
    memcpy(toy->clean, x, under->size * sizeof *x);
    if (!st)
        st = victim_forward(under, x, toy->feature);
    for (int i = 0; !st && i < under->n_classes; i++)
        toy->radius2 += pow((double)toy->feature[i] - (double)toy->goal[i], 2) / 4;
    return st;
}

void toy_clear(struct toy *toy)
{
    arena_clear(&toy->arena);
    *toy = (struct toy){0};
}

double toy_linear_distance(const struct toy *toy, enum norm norm)
{
    static const enum norm dual[] = {NORM_L1, NORM_L2, NORM_LINF};
    size_t size = toy->victim.size;
    const double *own = toy->v + (size_t)toy->label * size;
    double least = (double)INFINITY;
    for (int k = 0; k < toy->victim.n_classes; k++) {
        if (k == toy->label)
            continue;
        const double *row = toy->v + (size_t)k * size;
        double gap = toy->c[toy->label] - toy->c[k], length = 0;
        for (size_t i = 0; i < size; i++) {
            double w = own[i] - row[i];
            gap += w * (double)toy->clean[i];
            length = dual[norm] == NORM_LINF ? fmax(length, fabs(w))
                     : dual[norm] == NORM_L2 ? length + w * w
                                             : length + fabs(w);
        }
        if (dual[norm] == NORM_L2)
            length = sqrt(length);
        least = fmin(least, gap / length);
    }
    return least;
}
