/* NDG-1 and its flags, on networks that hide their gradient. */
#include "tests/test.h"

#include "noises/adversarial/protocol.h"
#include "noises/adversarial/toy.h"

#include <math.h>
#include <string.h>

enum { NETWORKS = 8 };

static enum status run_ndg(struct victim *victim, struct victim *twin, const struct toy *toy,
                           double eps, struct attack_result *out)
{
    const struct attack *attack;
    struct params params;
    char text[32];
    float x[108];
    assert_ok(attack_find("ndg1-linf", &attack));
    params_init(&params, attack->params);
    snprintf(text, sizeof text, "%.17g", eps);
    assert_ok(params_set(&params, "eps", text));
    assert_ok(params_set(&params, "queries", "300"));
    struct attack_call call = {.victim = victim, .source = twin, .x = toy->clean};
    call.label = toy->label;
    call.key = "toy";
    call.params = &params;
    call.adversarial = x;
    enum status st = attack_run(attack, &call, out);
    params_clear(&params);
    return st;
}

/* A radius at which the plain gradient attack breaks most of these networks. */
static const double eps = 0.012;

static void a_twin_finds_what_a_masked_gradient_hides(void **state)
{
    (void)state;
    int open = 0, masked = 0, by_twin = 0, by_chance = 0, alone = 0;
    struct flag_sums sums = {0};
    struct flag flags[FLAGS_MAX];
    for (uint64_t seed = 0; seed < NETWORKS; seed++) {
        struct toy toy, hidden;
        struct attack_result result;
        toy_mlp(&toy, 6, 10, 24, seed);
        toy_mlp(&hidden, 6, 10, 24, seed);
        hidden.masked = true;
        assert_ok(run_ndg(&toy.victim, NULL, &toy, eps, &result));
        open += result.broken;
        assert_false(result.zero_gradient);
        assert_true(result.preflight.fidelity > 0.7f);
        assert_ok(run_ndg(&hidden.victim, &toy.victim, &toy, eps, &result));
        masked += result.broken;
        by_twin += result.broken && !strncmp(result.broken_by, "twin/", 5);
        /* A random start may do without a gradient. */
        by_chance += result.broken && !strncmp(result.broken_by, "surrogate/", 10);
        assert_true(result.zero_gradient);
        assert_true(result.preflight.fidelity == 0.5f);
        assert_int_equal(result.steps_done, (1u << PROTOCOL_STEPS) - 1);
        flags_add(&sums, &result);
        assert_ok(run_ndg(&hidden.victim, NULL, &toy, eps, &result));
        alone += result.broken && strncmp(result.broken_by, "square", 6);
        toy_clear(&toy);
        toy_clear(&hidden);
    }
    assert_true(open > NETWORKS / 2);
    assert_int_equal(masked, open);
    assert_int_equal(by_twin + by_chance, masked);
    assert_true(by_twin > masked / 2);
    assert_int_equal(alone, by_chance);
    const struct attack *attack;
    assert_ok(attack_find("ndg1-linf", &attack));
    size_t count = flags_list(&sums, NETWORKS, attack, NULL, 10, flags);
    assert_true(count >= 2);
    assert_string_equal(flags[0].code, "ZERO_GRAD");
    assert_true(flags[0].value == 1 && flags[0].serious);
    assert_string_equal(flags[1].code, "LOW_FIDELITY");
}

/* Neither twin nor gradient: black box only, and the missing steps are said. */
static void missing_steps_are_flagged(void **state)
{
    (void)state;
    struct toy toy;
    struct attack_result result;
    struct flag_sums sums = {0};
    struct flag flags[FLAGS_MAX];
    const struct attack *attack;
    toy_mlp(&toy, 6, 10, 24, 1);
    toy.victim.backward = NULL;
    assert_ok(run_ndg(&toy.victim, NULL, &toy, 1, &result));
    assert_true(result.broken);
    assert_string_equal(result.broken_by, "square");
    flags_add(&sums, &result);
    assert_ok(attack_find("ndg1-linf", &attack));
    size_t count = flags_list(&sums, 1, attack, NULL, 10, flags);
    bool missing = false, square = false;
    for (size_t i = 0; i < count; i++) {
        missing |= !strcmp(flags[i].code, "MISSING_STEPS") && flags[i].value == 3;
        square |= !strcmp(flags[i].code, "SQUARE_WINS") && flags[i].value == 100;
    }
    assert_true(missing);
    assert_true(square);
    toy_clear(&toy);
}

/* A constant network survives everything, and is caught by that. */
static enum status constant(void *state, const float *x, float *logits)
{
    (void)state;
    (void)x;
    for (int i = 0; i < 10; i++)
        logits[i] = i == 3 ? 40.0f : 0.0f;
    return OK;
}

static enum status no_slope(void *state, const float *dlogits, float *dx)
{
    (void)state;
    (void)dlogits;
    memset(dx, 0, 108 * sizeof *dx);
    return OK;
}

static void who_survives_everything_is_flagged(void **state)
{
    (void)state;
    struct toy toy;
    struct attack_result result;
    struct flag_sums sums = {0};
    struct flag flags[FLAGS_MAX];
    const struct attack *attack;
    toy_mlp(&toy, 6, 10, 24, 1);
    toy.label = 3;
    toy.victim.forward = constant;
    toy.victim.backward = no_slope;
    assert_ok(run_ndg(&toy.victim, NULL, &toy, 0.03, &result));
    assert_false(result.broken);
    assert_true(result.survives_all);
    assert_true(result.preflight.saturated);
    flags_add(&sums, &result);
    assert_ok(attack_find("ndg1-linf", &attack));
    size_t count = flags_list(&sums, 1, attack, NULL, 10, flags);
    const char *expected[] = {"ZERO_GRAD", "SATURATED", "LOW_FIDELITY",
                              "UNBOUNDED_SURVIVES", "MISSING_STEPS"};
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(flags[i].code, expected[i]);
    toy_clear(&toy);
}

static void short_steps_are_flagged(void **state)
{
    (void)state;
    const struct attack *attack;
    struct params params;
    struct flag flags[FLAGS_MAX];
    const struct flag_sums sums = {.n = 1};
    assert_ok(attack_find("pgd-linf", &attack));
    params_init(&params, attack->params);
    assert_int_equal(flags_list(&sums, 1, attack, &params, 10, flags), 0);
    assert_ok(params_set(&params, "alpha", "0.5/255"));
    assert_ok(params_set(&params, "steps", "20"));
    assert_int_equal(flags_list(&sums, 1, attack, &params, 10, flags), 1);
    assert_string_equal(flags[0].code, "SHORT");
    params_clear(&params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_twin_finds_what_a_masked_gradient_hides),
        cmocka_unit_test(missing_steps_are_flagged),
        cmocka_unit_test(who_survives_everything_is_flagged),
        cmocka_unit_test(short_steps_are_flagged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
