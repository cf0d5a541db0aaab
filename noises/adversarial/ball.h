/*
 * The set an attack may move in: a norm ball around the clean sample, cut by the box
 * [0,1]. A projected point lies inside when its distance is computed anew in double from
 * the floats that are stored: rounding never carries it over the edge.
 */
#pragma once

#include "base/mem.h"
#include "base/rng.h"
#include "noises/adversarial/adversarial.h"

struct ball {
    enum norm norm;
    double eps;
    size_t size;
    const float *clean;  /* borrowed */
    float *low, *high;   /* Linf: the extreme floats; NULL for the others */
    float *room;         /* L1: scratch */
};

/* Its scratch memory lives in `arena`. */
void ball_init(struct ball *ball, enum norm norm, double eps, const float *clean,
               size_t size, struct arena *arena);

/*
 * Moves x to the nearest point of ball ∩ box: exactly for Linf (clamp) and L1; for L2 onto
 * the ball and then into the box, which stays inside the ball because the clean sample is
 * in the box.
 *
 * L1 (exact): with v = x − clean and room_i the way to the box's wall in v_i's direction,
 *     δ_i = sign(v_i) min(max(|v_i| − λ, 0), room_i),   Σ|δ_i| = eps or λ = 0.
 */
void ball_project(const struct ball *ball, float *x);

/* Linf: uniform in the ball. L2: uniform in the ball. L1: uniform in the simplex of
 * absolute values with random signs. Then projected. */
void ball_uniform(const struct ball *ball, struct rng *rng, float *x);

/* On the surface: Linf a uniform draw scaled to radius eps, L2 a Gaussian direction, L1 a
 * projected Gaussian (the starts of APGD). Then projected. */
void ball_surface(const struct ball *ball, struct rng *rng, float *x);

/* ‖a − b‖ in double. Sums run in 8 fixed lanes, so every CPU gives the same bits. */
double norm_distance(enum norm norm, const float *a, const float *b, size_t size);
double norm_value(enum norm norm, const float *v, size_t size);
/* w·(a − b), summed like that. */
double product_along(const float *w, const float *a, const float *b, size_t size);

/* Inside, for the verdict: relative tolerance 1e-6 on the radius, none on the box. */
bool ball_holds(const struct ball *ball, const float *x, double *distance);

/*
 * The nearest point of the lattice k/255 inside ball ∩ box: each value rounded to the
 * nearest k; where that leaves an L2 or L1 ball, the values that rounding moved away from
 * the clean sample go back, cheapest first.
 */
void ball_lattice(const struct ball *ball, const float *x, float *out);

/*
 * The smallest δ with w·(x + δ) = w·x + gap and x + δ in the box; all room used up where the
 * hyperplane cannot be reached (FAB's step). Returns ‖δ‖.
 */
double hyperplane_step(enum norm norm, const float *x, const float *w, double gap,
                       size_t size, float *delta);
