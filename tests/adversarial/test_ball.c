/* Projections, losses and the lattice against slow or closed forms. */
#include "tests/test.h"

#include "noises/adversarial/ball.h"
#include "noises/adversarial/loss.h"
#include "noises/adversarial/sparse.h"

#include <math.h>
#include <string.h>

enum { D = 23 };

/* Dykstra's alternating projections onto the L1 ball and the box, in double: slow and
 * independent of the formula. */
static void simplex_project(double *v, double eps)
{
    double sum = 0, low = 0, high = 0;
    for (int i = 0; i < D; i++) {
        sum += fabs(v[i]);
        high = fmax(high, fabs(v[i]));
    }
    if (sum <= eps)
        return;
    for (int turn = 0; turn < 60; turn++) {
        double mid = (low + high) / 2, left = 0;
        for (int i = 0; i < D; i++)
            left += fmax(fabs(v[i]) - mid, 0);
        *(left > eps ? &low : &high) = mid;
    }
    for (int i = 0; i < D; i++)
        v[i] = copysign(fmax(fabs(v[i]) - high, 0), v[i]);
}

static void dykstra(const float *clean, const double *wanted, double eps, double *x)
{
    double p[D] = {0}, q[D] = {0};
    memcpy(x, wanted, sizeof p);
    for (int turn = 0; turn < 3000; turn++) {
        double y[D];
        for (int i = 0; i < D; i++)
            y[i] = x[i] + p[i];
        simplex_project(y, eps);
        for (int i = 0; i < D; i++) {
            p[i] += x[i] - y[i];
            double z = fmin(fmax(y[i] + q[i], -(double)clean[i]), 1 - (double)clean[i]);
            q[i] += y[i] - z;
            x[i] = z;
        }
    }
}

static void l1_projection_is_dykstras(void **state)
{
    (void)state;
    for (uint64_t trial = 0; trial < 20; trial++) {
        struct arena arena = {0};
        struct rng rng;
        rng_open(&rng, trial, "x", "l1", 0);
        float clean[D], x[D];
        double wanted[D], slow[D], eps = 0.1 + 3 * rng_uniform(&rng);
        rng_fill_uniform(&rng, clean, D, 0, 1);
        for (int i = 0; i < D; i++) {
            x[i] = clean[i] + (float)rng_normal(&rng);
            wanted[i] = (double)x[i] - (double)clean[i];
        }
        struct ball ball;
        ball_init(&ball, NORM_L1, eps, clean, D, &arena);
        ball_project(&ball, x);
        dykstra(clean, wanted, eps, slow);
        for (int i = 0; i < D; i++)
            assert_true(fabs((double)x[i] - (double)clean[i] - slow[i]) < 2e-7);
        arena_clear(&arena);
    }
}

/* No tolerance: what the projections return lies inside in double. */
static void projections_stay_inside(void **state)
{
    (void)state;
    enum { SIZE = 3072 };
    static float clean[SIZE], x[SIZE];
    const double radii[] = {0, 1e-6, 0.25 / 255, 8.0 / 255, 0.1, 0.5, 12, 100};
    for (int norm = NORM_LINF; norm <= NORM_L1; norm++)
        for (size_t r = 0; r < sizeof radii / sizeof *radii; r++)
            for (uint64_t seed = 0; seed < 6; seed++) {
                struct arena arena = {0};
                struct rng rng;
                rng_open(&rng, seed, "x", "inside", r);
                for (int i = 0; i < SIZE; i++)
                    clean[i] = (float)rng_below(&rng, 256) / 255.0f;
                struct ball ball;
                ball_init(&ball, (enum norm)norm, radii[r], clean, SIZE, &arena);
                for (int kind = 0; kind < 3; kind++) {
                    double distance;
                    if (kind == 0)
                        ball_uniform(&ball, &rng, x);
                    else if (kind == 1)
                        ball_surface(&ball, &rng, x);
                    else {
                        rng_fill_uniform(&rng, x, SIZE, -1, 2);
                        ball_project(&ball, x);
                    }
                    assert_true(ball_holds(&ball, x, &distance));
                    assert_true(distance <= radii[r]);
                    /* And from far outside they use it, but for the spacing of floats
                     * and, in L2, what the box cuts off. */
                    const double least[] = {0.9, 0.7, 0.9999};
                    if (kind == 2 && radii[r] > 1e-5 && radii[r] < 1)
                        assert_true(distance >= radii[r] * least[norm]);
                }
                arena_clear(&arena);
            }
}

static void lattice_points_are_near_and_inside(void **state)
{
    (void)state;
    enum { SIZE = 300 };
    static float clean[SIZE], x[SIZE], out[SIZE];
    for (int norm = NORM_LINF; norm <= NORM_L1; norm++)
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct arena arena = {0};
            struct rng rng;
            rng_open(&rng, seed, "x", "lattice", 0);
            for (int i = 0; i < SIZE; i++)
                clean[i] = (float)rng_below(&rng, 256) / 255.0f;
            const double eps[] = {2.0 / 255, 0.3, 3};
            struct ball ball;
            ball_init(&ball, (enum norm)norm, eps[norm], clean, SIZE, &arena);
            ball_surface(&ball, &rng, x);
            ball_lattice(&ball, x, out);
            double units = 0;
            for (int i = 0; i < SIZE; i++) {
                long k = lrint((double)out[i] * 255), c = lrint((double)clean[i] * 255);
                assert_true(out[i] == (float)k / 255.0f);
                assert_true(fabs((double)k - (double)x[i] * 255) < 1);
                double step = fabs((double)(k - c));
                units = norm == NORM_LINF ? fmax(units, step)
                                          : units + (norm == NORM_L2 ? step * step : step);
            }
            double reach = eps[norm] * 255;
            assert_true(units <= (norm == NORM_L2 ? reach * reach : reach) * (1 + 1e-9));
            arena_clear(&arena);
        }
}

/* A float ball of 2/255 around 8-bit pixels reaches the lattice points two steps away. */
static void lattice_keeps_whole_steps(void **state)
{
    (void)state;
    float clean[256], x[256], out[256];
    struct arena arena = {0};
    for (int i = 0; i < 256; i++) {
        clean[i] = (float)i / 255.0f;
        x[i] = 1;
    }
    struct ball ball;
    ball_init(&ball, NORM_LINF, 2.0 / 255, clean, 256, &arena);
    ball_project(&ball, x);
    ball_lattice(&ball, x, out);
    for (int i = 0; i < 256; i++)
        assert_int_equal(lrint((double)out[i] * 255), i + 2 > 255 ? 255 : i + 2);
    arena_clear(&arena);
}

static void loss_gradients_are_differences(void **state)
{
    (void)state;
    for (int n = 2; n <= 12; n += 1)
        for (int kind = LOSS_CE; kind <= LOSS_DLR; kind++)
            for (int target = -1; target < 2; target++) {
                struct rng rng;
                rng_open(&rng, (uint64_t)n, "x", "loss", (uint64_t)(kind * 3 + target + 1));
                float z[12], dz[12];
                for (int i = 0; i < n; i++)
                    z[i] = (float)(3 * rng_normal(&rng));
                int label = target == 1 ? 0 : 1;
                struct loss loss = {(enum loss_kind)kind, target, 0};
                loss_value(&loss, z, n, label, dz);
                for (int i = 0; i < n; i++) {
                    const float h = 1.0f / 512;
                    float up[12], down[12];
                    memcpy(up, z, sizeof z);
                    memcpy(down, z, sizeof z);
                    up[i] += h;
                    down[i] -= h;
                    double step = (double)up[i] - (double)down[i];
                    double slope = (loss_value(&loss, up, n, label, NULL) -
                                    loss_value(&loss, down, n, label, NULL)) / step;
                    assert_true(fabs(slope - (double)dz[i]) < 1e-4 * (1 + fabs(slope)));
                }
            }
}

/* CE* rises with cross-entropy and keeps its gradient where cross-entropy has none left. */
static void ce_never_saturates(void **state)
{
    (void)state;
    float z[3] = {300, 1, 0}, dz[3];
    struct loss loss = {LOSS_CE, -1, 0};
    double value = loss_value(&loss, z, 3, 0, dz);
    assert_true(fabs(value - (1 + log1p(exp(-1)) - 300)) < 1e-4);
    assert_true(dz[0] == -1.0f);
    assert_true(fabs((double)dz[1] - 1 / (1 + exp(-1))) < 1e-6);
}

static void dlr_ignores_scale_and_shift(void **state)
{
    (void)state;
    float z[5] = {2, 7, 1, 3, 5}, y[5];
    for (int i = 0; i < 5; i++)
        y[i] = 64 * z[i] + 16;
    for (int target = -1; target < 1; target++) {
        struct loss loss = {LOSS_DLR, target, 0};
        double change = loss_value(&loss, z, 5, 1, NULL) - loss_value(&loss, y, 5, 1, NULL);
        assert_true(fabs(change) < 1e-11);
    }
    struct loss loss = {LOSS_DLR, -1, 0};
    assert_true(fabs(loss_value(&loss, z, 5, 1, NULL) + 2.0 / 4) < 1e-9);
    loss.target = 0;
    assert_true(fabs(loss_value(&loss, z, 5, 1, NULL) + 5.0 / (7 - 2.5)) < 1e-9);
}

static void top_wrong_in_order(void **state)
{
    (void)state;
    const float z[5] = {2, 7, 1, 5, 5};
    int classes[9];
    assert_int_equal(loss_top_wrong(z, 5, 1, 9, classes), 4);
    const int expected[] = {3, 4, 0, 2};
    assert_memory_equal(classes, expected, sizeof expected);
}

static int descending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

static void selection_is_sorting(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct rng rng;
        rng_open(&rng, seed, "x", "select", 0);
        float values[57], sorted[57];
        size_t n = 1 + rng_below(&rng, 57);
        for (size_t i = 0; i < n; i++)
            sorted[i] = (float)rng_below(&rng, seed % 2 ? 5 : 1000);
        memcpy(values, sorted, sizeof values);
        qsort(sorted, n, sizeof *sorted, descending);
        size_t k = 1 + rng_below(&rng, (uint32_t)n);
        assert_true(select_largest(values, n, k) == sorted[k - 1]);
    }
}

/* The step reaches its hyperplane, and no other point that does is nearer: compared with
 * random feasible ones, and with the closed form where the box is inactive. */
static void hyperplane_steps_are_shortest(void **state)
{
    (void)state;
    for (int norm = NORM_LINF; norm <= NORM_L1; norm++)
        for (uint64_t seed = 0; seed < 60; seed++) {
            struct rng rng;
            rng_open(&rng, seed, "x", "plane", (uint64_t)norm);
            float x[D], w[D], delta[D];
            double reach = 0, reached = 0;
            rng_fill_uniform(&rng, x, D, 0, 1);
            rng_fill_normal(&rng, w, D);
            for (int i = 0; i < D; i++)
                reach += fabs((double)w[i]) * (w[i] > 0 ? 1 - (double)x[i] : (double)x[i]);
            double gap = reach * (0.02 + 0.9 * rng_uniform(&rng));
            double length = hyperplane_step((enum norm)norm, x, w, gap, D, delta);
            for (int i = 0; i < D; i++) {
                reached += (double)w[i] * (double)delta[i];
                assert_in_range((int)(1e6 * ((double)x[i] + (double)delta[i] + 1e-6)), 0,
                                1000002);
            }
            assert_true(fabs(reached - gap) < 1e-5 * gap);
            for (int other = 0; other < 300; other++) {
                /* A random direction in the half space, scaled to reach the plane. */
                float v[D];
                double along = 0;
                for (int i = 0; i < D; i++) {
                    double r = other % 2 ? rng_uniform(&rng) : fabs(rng_normal(&rng));
                    v[i] = (float)copysign(r, (double)w[i]);
                    along += (double)v[i] * (double)w[i];
                }
                bool inside = true;
                for (int i = 0; i < D; i++) {
                    v[i] = (float)((double)v[i] * gap / along);
                    inside &= x[i] + v[i] >= 0 && x[i] + v[i] <= 1;
                }
                if (inside)
                    assert_true(norm_value((enum norm)norm, v, D) >= length * (1 - 1e-5));
            }
            double all = hyperplane_step((enum norm)norm, x, w, 2 * reach, D, delta);
            assert_true(all > 0);
            for (int i = 0; i < D; i++)
                assert_true(fabs((double)x[i] + (double)delta[i] - (w[i] > 0 ? 1 : 0)) < 1e-6);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(l1_projection_is_dykstras),
        cmocka_unit_test(projections_stay_inside),
        cmocka_unit_test(lattice_points_are_near_and_inside),
        cmocka_unit_test(lattice_keeps_whole_steps),
        cmocka_unit_test(loss_gradients_are_differences),
        cmocka_unit_test(ce_never_saturates),
        cmocka_unit_test(dlr_ignores_scale_and_shift),
        cmocka_unit_test(top_wrong_in_order),
        cmocka_unit_test(selection_is_sorting),
        cmocka_unit_test(hyperplane_steps_are_shortest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
