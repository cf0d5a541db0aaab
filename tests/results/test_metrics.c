/* Each metric against its definition written another way, and by hand. */
#include "tests/test.h"

#include "base/rng.h"
#include "results/metrics/metrics.h"

#include <math.h>

/* The classes of frames as logits of four classes. */
static struct stability of_classes(const int *top1, int frames, bool noise, int step)
{
    float logits[8 * 4] = {0};
    for (int i = 0; i < frames; i++)
        logits[4 * i + top1[i]] = 1;
    return stability(logits, frames, 4, noise, step);
}

static void flips_follow_the_rules(void **state)
{
    (void)state;
    static const struct {
        bool noise;
        int frames, step, pairs, flips;
    } cases[] = {
        {false, 7, 1, 6, 2},
        {true, 7, 1, 6, 2},  /* 2 and 2 against 1 */
        {false, 7, 2, 5, 4}, /* 1 2 1 1 and 1 2 1: two flips of three, two of two */
        {true, 7, 3, 6, 2},  /* noise has step 1 */
        {false, 1, 1, 0, 0}, {false, 2, 1, 1, 0},
    };
    const int top1[] = {1, 1, 2, 2, 1, 1, 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stability s =
            of_classes(top1, cases[i].frames, cases[i].noise, cases[i].step);
        assert_int_equal(s.pairs, cases[i].pairs);
        assert_int_equal(s.flips, cases[i].flips);
        assert_int_equal(s.spread, -1); /* four classes have no five best */
    }
}

/* The paper's form: sum over i <= 5 of how many j lie between i and sigma(i) with
 * 1 <= j - 1 <= 5. */
static double paper_distance(const float *a, const float *b, int classes)
{
    double sum = 0;
    for (int c = 0; c < classes; c++) {
        int i = 1, sigma = 1;
        for (int k = 0; k < classes; k++) {
            i += a[k] > a[c] || (a[k] == a[c] && k < c);
            sigma += b[k] > b[c] || (b[k] == b[c] && k < c);
        }
        if (i > 5)
            continue;
        int low = i < sigma ? i : sigma, high = i < sigma ? sigma : i;
        for (int j = low + 1; j <= high; j++)
            sum += 1 <= j - 1 && j - 1 <= 5;
    }
    return sum;
}

static void distances_are_the_papers(void **state)
{
    (void)state;
    struct rng rng;
    rng_open(&rng, 1, "top5", "test", 0);
    for (int trial = 0; trial < 300; trial++) {
        float a[12], b[12];
        for (int c = 0; c < 12; c++) {
            a[c] = (float)rng_below(&rng, 9); /* ties now and then */
            b[c] = trial % 3 ? a[c] + (float)rng_normal(&rng) : (float)rng_below(&rng, 9);
        }
        assert_true(top5_distance(a, b, 12) == paper_distance(a, b, 12));
        assert_true(top5_distance(a, a, 12) == 0);
    }
    /* Six classes turned around: 6 5 4 3 2 for 1 2 3 4 5. */
    const float up[] = {6, 5, 4, 3, 2, 1}, down[] = {1, 2, 3, 4, 5, 6};
    assert_true(top5_distance(up, down, 6) == 5 + 3 + 1 + 1 + 3);
    float sequence[3][6];
    for (int c = 0; c < 6; c++) {
        sequence[0][c] = sequence[1][c] = up[c];
        sequence[2][c] = down[c];
    }
    struct stability s = stability(sequence[0], 3, 6, false, 1);
    assert_true(s.pairs == 2 && s.flips == 1 && s.spread == 13);
    s = stability(sequence[0], 3, 6, false, 2);
    assert_true(s.pairs == 1 && s.flips == 1 && s.spread == 13);
}

static double variance_of_mean(const double *x, int n)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += x[i] / n;
    for (int i = 0; i < n; i++)
        squares += (x[i] - sum) * (x[i] - sum);
    return squares / (n - 1) / n;
}

static void detection_counts_pairs(void **state)
{
    (void)state;
    enum { P = 37, N = 53 };
    struct rng rng;
    rng_open(&rng, 1, "detect", "test", 0);
    for (int trial = 0; trial < 20; trial++) {
        double p[P], n[N], pairs = 0;
        for (int i = 0; i < P; i++)
            p[i] = rng_below(&rng, 20) + trial % 4;
        for (int i = 0; i < N; i++)
            n[i] = rng_below(&rng, 20);
        double precision = 0, fpr95 = 1, right_p[P] = {0}, right_n[N] = {0};
        for (int i = 0; i < P; i++) { /* each positive as the threshold */
            double found = 0, wrong = 0;
            for (int k = 0; k < P; k++)
                found += p[k] >= p[i];
            for (int k = 0; k < N; k++) {
                wrong += n[k] >= p[i];
                double pair = p[i] > n[k] ? 1 : p[i] == n[k] ? 0.5 : 0;
                pairs += pair;
                right_p[i] += pair / N;
                right_n[k] += pair / P;
            }
            precision += found / (found + wrong);
            if (found >= 0.95 * P)
                fpr95 = fmin(fpr95, wrong / N);
        }
        struct detection d = detect(p, P, n, N);
        assert_true(fabs(d.auroc - pairs / (P * N)) < 1e-12);
        assert_true(fabs(d.aupr - precision / P) < 1e-12);
        assert_true(d.fpr95 == fpr95);
        double variance = variance_of_mean(right_p, P) + variance_of_mean(right_n, N);
        assert_true(fabs(d.auroc_se - sqrt(variance)) < 1e-9);
    }
    const double high[] = {2, 3}, low[] = {0, 1};
    struct detection d = detect(high, 2, low, 2);
    assert_true(d.auroc == 1 && d.aupr == 1 && d.fpr95 == 0);
    assert_true(isnan(detect(high, 0, low, 2).auroc));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flips_follow_the_rules),
        cmocka_unit_test(distances_are_the_papers),
        cmocka_unit_test(detection_counts_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
