/* Every attack of the registry on victims whose truth is known in closed form. */
#include "tests/test.h"

#include "noises/adversarial/adversarial.h"
#include "noises/adversarial/ball.h"
#include "noises/adversarial/toy.h"

#include <math.h>
#include <string.h>

static enum status attack(const struct attack *attack, struct victim *victim,
                          const struct toy *toy, double eps, float *adversarial,
                          struct attack_result *out)
{
    struct params params;
    char text[32];
    params_init(&params, attack->params);
    snprintf(text, sizeof text, "%.17g", eps);
    assert_ok(params_set(&params, "eps", text));
    struct attack_call call = {.victim = victim, .x = toy->clean, .label = toy->label};
    call.seed = 1;
    call.key = "toy";
    call.params = &params;
    call.adversarial = adversarial;
    enum status st = attack_run(attack, &call, out);
    params_clear(&params);
    return st;
}

static void everybody_has_a_table(void **state)
{
    (void)state;
    for (size_t i = 0; attack_registry[i]; i++) {
        const struct attack *a = attack_registry[i], *found;
        assert_ok(attack_find(a->name, &found));
        assert_ptr_equal(a, found);
        assert_non_null(a->summary);
        assert_non_null(a->source);
        assert_true(a->impl > 0);
        struct params params;
        params_init(&params, a->params);
        assert_true(params_has(&params, "eps"));
        assert_true(!a->needs_gradient || params_has(&params, "source"));
        params_clear(&params);
    }
    const struct attack *none;
    assert_int_equal(attack_find("pgd-linv", &none), ERR_USAGE);
    assert_non_null(strstr(status_message(), "pgd-linf"));
}

/* Below the smallest distance nobody succeeds; what is returned is sound at any radius. */
static void nobody_beats_the_linear_oracle(void **state)
{
    (void)state;
    for (size_t i = 0; attack_registry[i]; i++)
        for (int classes = 2; classes <= 10; classes += 8) {
            struct toy toy;
            toy_linear(&toy, 6, classes, 3 + i);
            double least = toy_linear_distance(&toy, attack_registry[i]->norm);
            float *x = mem_array(toy.victim.size, sizeof *x);
            const double factors[] = {0, 0.5, 0.999, 1.5, 4};
            for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
                struct attack_result result;
                double eps = factors[f] * least, distance;
                assert_ok(attack(attack_registry[i], &toy.victim, &toy, eps, x, &result));
                assert_true(factors[f] > 1 || !result.broken);
                assert_false(result.budget_violated);
                assert_int_equal(result.broken, result.broken_by != NULL);
                distance = norm_distance(attack_registry[i]->norm, x, toy.clean,
                                         toy.victim.size);
                if (!attack_registry[i]->minimum_norm)
                    assert_true(distance <= eps);
                if (result.broken) {
                    float logits[10];
                    assert_ok(victim_forward(&toy.victim, x, logits));
                    assert_int_equal(victim_label(logits, classes), result.label);
                    assert_int_not_equal(result.label, toy.label);
                    assert_true(result.distance == distance);
                    assert_true(distance >= least * (1 - 1e-5));
                }
            }
            free(x);
            toy_clear(&toy);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_has_a_table),
        cmocka_unit_test(nobody_beats_the_linear_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
