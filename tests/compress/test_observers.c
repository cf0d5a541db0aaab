#include "tests/test.h"

#include "base/rng.h"
#include "models/compress/observer.h"

#include <math.h>

static void grids_hold_zero_and_extremes(void **state)
{
    (void)state;
    struct rng rng;
    rng_open(&rng, 1, "grids", "test", 0);
    for (int trial = 0; trial < 2000; trial++) {
        struct grid_rule rule = {2 + trial % 7, trial % 2, trial % 3 == 0,
                                 trial % 5 == 0};
        double low = -3 * rng_uniform(&rng), high = 5 * rng_uniform(&rng);
        struct grid grid = grid_for_range(&rule, low, high);
        assert_true(grid_decode(&grid, grid_encode(&grid, 0)) == 0);
        assert_true(fabs(grid_decode(&grid, grid_encode(&grid, high)) - high) <=
                    grid.scale * 1.0000001);
        assert_true(fabs(grid_decode(&grid, grid_encode(&grid, low)) - low) <=
                    grid.scale * 1.0000001);
        /* Every code decodes to a value that encodes to it. */
        for (int32_t code = grid.low; code <= grid.high; code++)
            assert_int_equal(grid_encode(&grid, grid_decode(&grid, code)), code);
        if (rule.power_of_two) {
            int exponent;
            assert_true(frexp(grid.scale, &exponent) == 0.5);
        }
        if (rule.symmetric)
            assert_int_equal(grid.zero, 0);
    }
}

static void grid_codes_by_bits(void **state)
{
    (void)state;
    struct grid grid = grid_for_range(&(struct grid_rule){8, true, true, false}, -1, 0.5);
    assert_int_equal(grid.low, -127);
    assert_int_equal(grid.high, 127);
    assert_true(fabs(grid.scale - 1.0 / 127) < 1e-15);
    grid = grid_for_range(&(struct grid_rule){4, false, false, false}, -1, 2);
    assert_int_equal(grid.high, 15);
    assert_true(fabs(grid.scale - 0.2) < 1e-15);
    assert_int_equal(grid.zero, 5);
    grid = grid_for_range(&(struct grid_rule){8, false, false, false}, 0, 0);
    assert_true(grid.scale == 1);
    /* Half to even, as QuantizeLinear. */
    grid = (struct grid){1, 0, -128, 127};
    assert_int_equal(grid_encode(&grid, 0.5), 0);
    assert_int_equal(grid_encode(&grid, 1.5), 2);
    assert_int_equal(grid_encode(&grid, -2.5), -2);
    assert_int_equal(grid_encode(&grid, 1e9), 127);
}

static void float_rounding_is_the_same_grid(void **state)
{
    (void)state;
    struct rng rng;
    rng_open(&rng, 2, "round", "test", 0);
    float x[1000], y[1000];
    rng_fill_normal(&rng, x, 1000);
    struct grid grid = grid_for_range(&(struct grid_rule){4, false, false, false}, -2, 2);
    grid_round(&grid, x, y, 1000);
    for (int i = 0; i < 1000; i++) {
        double exact = grid_decode(&grid, grid_encode(&grid, (double)x[i]));
        double to_tie = fabs(fabs(remainder((double)x[i] / grid.scale, 1)) - 0.5);
        if (to_tie > 1e-5)
            assert_true(fabs((double)y[i] - exact) < 1e-5);
    }
}

static void fill(struct statistics *s, uint64_t seed, int batches, float outlier)
{
    struct rng rng;
    rng_open(&rng, seed, "values", "test", 0);
    float x[4096];
    for (int b = 0; b < batches; b++) {
        rng_fill_normal(&rng, x, 4096);
        if (b == 0 && outlier > 0)
            x[17] = outlier;
        statistics_add(s, x, 4096);
    }
}

/* The histogram counts every value once, whatever widening happened on the way. */
static void histogram_loses_nothing(void **state)
{
    (void)state;
    struct statistics s = {0};
    float tiny[3] = {0, 1e-6f, -1e-6f}, large[2] = {1000, -7};
    statistics_add(&s, tiny, 3);
    fill(&s, 3, 20, 0);
    statistics_add(&s, large, 2);
    uint64_t total = 0;
    for (int i = 0; i < STATISTICS_BINS; i++)
        total += s.positive[i] + s.negative[i];
    assert_int_equal(total, s.count);
    assert_int_equal(s.count, 20 * 4096 + 5);
    assert_true(s.low == -7 && s.high == 1000);
    assert_int_equal(s.raw_count, 0);
    statistics_clear(&s);
}

static void observers_rank_an_outlier(void **state)
{
    (void)state;
    const struct grid_rule rule = {8, true, false, false};
    struct statistics s = {0};
    fill(&s, 4, 64, 60);
    double low, high;
    observer_find("minmax")->range(&s, &rule, &low, &high);
    assert_true(high == 60);
    /* 262,144 normal values: the 1 - 1e-5 quantile is 4.26; bins are 0.0625 wide. */
    observer_find("percentile")->range(&s, &rule, &low, &high);
    assert_true(high > 4.1 && high < 4.8);
    assert_true(low < -4.1 && low > -4.8);
    observer_find("kl")->range(&s, &rule, &low, &high);
    assert_true(high > 2 && high < 30);
    observer_find("average")->range(&s, &rule, &low, &high);
    assert_true(high > 3.3 && high < 5);
    assert_null(observer_find("no such"));
    statistics_clear(&s);
}

/* No other of the 80 shrunk ranges has a smaller error, and few bits clip more. */
static void mse_is_the_least(void **state)
{
    (void)state;
    struct statistics s = {0};
    fill(&s, 5, 4, 0);
    assert_true(s.raw_count == s.count);
    double kept[9];
    for (int bits = 2; bits <= 8; bits++) {
        const struct grid_rule rule = {bits, false, false, false};
        double low, high;
        observer_find("mse")->range(&s, &rule, &low, &high);
        struct grid grid = grid_for_range(&rule, low, high);
        double found = grid_error(&grid, s.raw, s.raw_count, 2.4, HUGE_VAL);
        for (int i = 0; i < 80; i++) {
            double keep = 1 - 0.01 * i;
            struct grid other = grid_for_range(&rule, s.low * keep, s.high * keep);
            assert_true(found <= grid_error(&other, s.raw, s.raw_count, 2.4, HUGE_VAL));
        }
        kept[bits] = high / s.high;
    }
    assert_true(kept[2] < kept[4] && kept[4] < kept[8]);
    statistics_clear(&s);
}

/* From bins alone the error is near the error from the values. */
static void binned_error_is_near_the_exact_one(void **state)
{
    (void)state;
    struct statistics few = {0}, many = {0};
    fill(&few, 6, 16, 0);
    fill(&many, 6, 16, 0);
    free(many.raw);
    many.raw = NULL;
    many.raw_count = 0;
    struct grid grid = grid_for_range(&(struct grid_rule){4, false, false, false}, -3, 3);
    double exact = statistics_error(&few, &grid, 2.4, HUGE_VAL);
    double binned = statistics_error(&many, &grid, 2.4, HUGE_VAL);
    assert_true(fabs(binned / exact - 1) < 0.02);
    statistics_clear(&few);
    statistics_clear(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grids_hold_zero_and_extremes),
        cmocka_unit_test(grid_codes_by_bits),
        cmocka_unit_test(float_rounding_is_the_same_grid),
        cmocka_unit_test(histogram_loses_nothing),
        cmocka_unit_test(observers_rank_an_outlier),
        cmocka_unit_test(mse_is_the_least),
        cmocka_unit_test(binned_error_is_near_the_exact_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
