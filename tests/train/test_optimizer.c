#include "tests/test.h"

#include "models/train/optimizer.h"

#include <math.h>

/* Two steps of Nesterov's momentum by hand: v1 = g1 = 1, w1 = 1 - .1 (1 + .9) = .81;
 * g2 = .5, v2 = 1.4, w2 = .81 - .1 (.5 + 1.26) = .634. */
static void nesterov_by_hand(void **state)
{
    (void)state;
    const struct optimizer_rule rule = {.kind = OPTIMIZER_SGD, .momentum = 0.9};
    struct optimizer optimizer = {0};
    float w = 1, g = 1;
    optimizer_step(&optimizer, &rule, &w, &g, 1, 0.1, true);
    assert_true(fabsf(w - 0.81f) < 1e-6f);
    g = 0.5f;
    optimizer_step(&optimizer, &rule, &w, &g, 1, 0.1, true);
    assert_true(fabsf(w - 0.634f) < 1e-6f);
    optimizer_clear(&optimizer);
}

/* AdamW's first step is rate * sign(g) whatever the gradient's size, and decay is apart. */
static void adamw_first_step(void **state)
{
    (void)state;
    const struct optimizer_rule rule = {OPTIMIZER_ADAMW, 0, 0.9, 0.999, 1e-8, 0.1};
    struct optimizer optimizer = {0};
    float w[2] = {2, 2};
    const float g[2] = {1e-3f, -50};
    optimizer_step(&optimizer, &rule, w, g, 2, 0.01, true);
    assert_true(fabsf(w[0] - (2 - 0.01f - 0.01f * 0.1f * 2)) < 1e-6f);
    assert_true(fabsf(w[1] - (2 + 0.01f - 0.01f * 0.1f * 2)) < 1e-6f);
    optimizer_clear(&optimizer);

    float plain = 2;
    optimizer_step(&optimizer, &rule, &plain, g, 1, 0.01, false);
    assert_true(fabsf(plain - 1.99f) < 1e-6f);
    optimizer_clear(&optimizer);
}

/* A narrow quadratic valley: both find the bottom. */
static void optimizers_minimise(void **state)
{
    (void)state;
    const struct optimizer_rule rules[] = {
        {.kind = OPTIMIZER_SGD, .momentum = 0.9},
        {.kind = OPTIMIZER_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
    };
    for (int r = 0; r < 2; r++) {
        struct optimizer optimizer = {0};
        float w[2] = {3, -2};
        for (int i = 0; i < 2000; i++) {
            const float g[2] = {w[0] - 1, 50 * (w[1] - 0.5f)};
            double rate = (r ? 0.05 : 0.003) * (1 - i / 2000.0);
            optimizer_step(&optimizer, &rules[r], w, g, 2, rate, true);
        }
        assert_true(fabsf(w[0] - 1) < 1e-2f && fabsf(w[1] - 0.5f) < 1e-2f);
        optimizer_clear(&optimizer);
    }
}

static void schedules(void **state)
{
    (void)state;
    struct schedule cosine = {.kind = SCHEDULE_COSINE, .rate = 0.4, .warmup = 0.1};
    assert_true(schedule_rate(&cosine, 0) == 0);
    assert_true(fabs(schedule_rate(&cosine, 0.05) - 0.2) < 1e-12);
    assert_true(fabs(schedule_rate(&cosine, 0.1) - 0.4) < 1e-12);
    assert_true(fabs(schedule_rate(&cosine, 0.55) - 0.2) < 1e-12);
    assert_true(schedule_rate(&cosine, 1) < 1e-12);
    struct schedule step = {SCHEDULE_STEP, 1, 0, {0.5, 0.75}, 0.1};
    assert_true(schedule_rate(&step, 0.4) == 1);
    assert_true(fabs(schedule_rate(&step, 0.5) - 0.1) < 1e-12);
    assert_true(fabs(schedule_rate(&step, 0.9) - 0.01) < 1e-12);
}

static void average_follows(void **state)
{
    (void)state;
    float average = 0;
    const float w = 1;
    for (uint64_t i = 0; i < 200; i++)
        average_step(&average, &w, 1, 0.9, i);
    assert_true(fabsf(average - 1) < 1e-4f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nesterov_by_hand),    cmocka_unit_test(adamw_first_step),
        cmocka_unit_test(optimizers_minimise), cmocka_unit_test(schedules),
        cmocka_unit_test(average_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
