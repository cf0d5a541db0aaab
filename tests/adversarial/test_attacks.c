/* Every attack of the registry on victims whose truth is known in closed form. */
#include "tests/test.h"

#include "base/threads.h"
#include "noises/adversarial/adversarial.h"
#include "noises/adversarial/ball.h"
#include "noises/adversarial/selftest.h"
#include "noises/adversarial/toy.h"

#include <math.h>
#include <string.h>

static void set_if_known(struct params *params, const char *name, const char *value)
{
    if (params_has(params, name))
        assert_ok(params_set(params, name, value));
}

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

static void print_failure(void *context, const struct selftest_line *line)
{
    (void)context;
    if (!line->passed || getenv("SELFTEST_VERBOSE"))
        print_message("# %s %s: %s, %s\n", line->attack, line->check,
                      line->passed ? "passed" : "FAILED", line->detail);
}

static void the_selftest_passes(void **state)
{
    (void)state;
    int failed;
    assert_ok(attacks_selftest(NULL, 1, print_failure, NULL, &failed));
    assert_int_equal(failed, 0);
}

/* A handful of samples on one network; each worker has its own copy of it. */
enum { SAMPLES = 9, SIZE = 108 };

struct crowd {
    const struct attack *attack;
    const uint32_t *order;
    struct attack_result result[SAMPLES];
    float x[SAMPLES][SIZE];
};

static enum status strike_one(void *context, size_t item, int worker)
{
    struct crowd *crowd = context;
    uint32_t n = crowd->order[item];
    struct toy toy;
    struct rng rng;
    float logits[10], clean[SIZE];
    char key[32];
    (void)worker;
    toy_mlp(&toy, 6, 10, 24, 5);
    rng_open(&rng, n, "x", "crowd", 0);
    rng_fill_uniform(&rng, clean, SIZE, 0, 1);
    memcpy(toy.clean, clean, sizeof clean);
    toy.victim.forward(&toy, toy.clean, logits);
    toy.label = victim_label(logits, 10);
    snprintf(key, sizeof key, "sample %u", (unsigned)n);

    struct params params;
    params_init(&params, crowd->attack->params);
    set_if_known(&params, "queries", "300");
    struct attack_call call = {.victim = &toy.victim, .x = toy.clean, .label = toy.label};
    call.key = key;
    call.params = &params;
    call.adversarial = crowd->x[n];
    enum status st = attack_run(crowd->attack, &call, &crowd->result[n]);
    params_clear(&params);
    toy_clear(&toy);
    return st;
}

static void check_result(const struct attack_result *l, const struct attack_result *r)
{
    assert_int_equal(l->broken, r->broken);
    assert_int_equal(l->broken_8bit, r->broken_8bit);
    assert_int_equal(l->budget_violated, r->budget_violated);
    assert_int_equal(l->zero_gradient, r->zero_gradient);
    assert_int_equal(l->label, r->label);
    assert_true(l->distance == r->distance && l->margin == r->margin);
    assert_int_equal(l->forwards, r->forwards);
    assert_int_equal(l->backwards, r->backwards);
    assert_int_equal(l->first_success, r->first_success);
    assert_ptr_equal(l->broken_by, r->broken_by);
}

static void check_same(const struct crowd *a, const struct crowd *b)
{
    assert_memory_equal(a->x, b->x, sizeof a->x);
    for (int n = 0; n < SAMPLES; n++)
        check_result(&a->result[n], &b->result[n]);
}

/* Neither the order of samples, nor how many there are, nor threads change a byte. */
static void results_depend_on_the_sample_alone(void **state)
{
    (void)state;
    const uint32_t forward[SAMPLES] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    const uint32_t mixed[SAMPLES] = {4, 8, 0, 2, 7, 1, 6, 3, 5};
    for (size_t i = 0; attack_registry[i]; i++) {
        if (!strcmp(attack_registry[i]->name, "spsa-linf"))
            continue; /* too long for here; it draws like the others */
        static struct crowd one, two, single;
        one = two = single = (struct crowd){.attack = attack_registry[i]};
        one.order = single.order = forward;
        two.order = mixed;
        assert_ok(threads_each(1, SAMPLES, strike_one, &one));
        assert_ok(threads_each(2, SAMPLES, strike_one, &two));
        check_same(&one, &two);
        assert_ok(threads_each(1, 1, strike_one, &single));
        assert_memory_equal(one.x[0], single.x[0], sizeof one.x[0]);
    }
}

/* One network that lends its gradient, and others that are shown what it leads to. */
enum { SHOWN = 4 };

struct show {
    struct toy source, toys[SHOWN];
    struct attack_call calls[SHOWN];
    struct attack_result results[SHOWN];
    float x[SHOWN][SIZE];
};

/* Each surer of its label than the one before. */
static void show_open(struct show *show, const struct params *params)
{
    toy_mlp(&show->source, 6, 10, 24, 5);
    for (int i = 0; i < SHOWN; i++) {
        struct toy *toy = &show->toys[i];
        toy_mlp(toy, 6, 10, 24, 5);
        toy->c[toy->label] += 0.05 * i;
        toy->label = show->source.label;
        show->calls[i] = (struct attack_call){
            .victim = &toy->victim, .source = &show->source.victim, .label = toy->label};
        show->calls[i].x = show->source.clean;
        show->calls[i].key = "shown";
        show->calls[i].params = params;
        show->calls[i].adversarial = show->x[i];
    }
}

static void show_close(struct show *show)
{
    toy_clear(&show->source);
    for (int i = 0; i < SHOWN; i++)
        toy_clear(&show->toys[i]);
}

static void check_shown(const struct attack *attack, const char *use, const char *eps,
                        const char *keep, size_t *broken)
{
    struct params params;
    struct show one, all;
    params_init(&params, attack->params);
    assert_ok(params_set(&params, "eps", eps));
    assert_ok(params_set(&params, "use", use));
    set_if_known(&params, "keep", keep);
    set_if_known(&params, "restarts", "3");
    set_if_known(&params, "queries", "200");
    set_if_known(&params, "draws", "4");
    show_open(&one, &params);
    show_open(&all, &params);
    assert_true(attack_crafts_apart(attack, &params));
    assert_ok(attack_show(attack, all.calls, SHOWN, all.results));
    for (int i = 0; i < SHOWN; i++) {
        assert_ok(attack_run(attack, &one.calls[i], &one.results[i]));
        check_result(&one.results[i], &all.results[i]);
        assert_memory_equal(one.x[i], all.x[i], sizeof one.x[i]);
        *broken += all.results[i].broken;
    }
    show_close(&one);
    show_close(&all);
    params_clear(&params);
}

/* Who looks on changes neither the path nor the bill, of any attack. */
static void what_is_shown_to_many_is_as_if_alone(void **state)
{
    (void)state;
    size_t total = 0, shown = 0;
    for (size_t i = 0; attack_registry[i]; i++) {
        const struct attack *a = attack_registry[i];
        const char *few = a->norm == NORM_LINF ? "0.0025" : a->norm == NORM_L2 ? "0.02" : "0.1";
        const char *many = a->norm == NORM_LINF ? "0.006" : a->norm == NORM_L2 ? "0.05" : "0.3";
        struct params params;
        size_t broken = 0;
        params_init(&params, a->params);
        bool lends = params_has(&params, "use");
        params_clear(&params);
        if (!lends)
            continue;
        check_shown(a, "transfer", few, "first", &broken);
        check_shown(a, "transfer", many, "strongest", &broken);
        check_shown(a, "every", few, "first", &broken);
        check_shown(a, "every", many, "first", &broken);
        if (getenv("SELFTEST_VERBOSE"))
            print_message("# %s: %zu of %d broken\n", a->name, broken, 4 * SHOWN);
        total += broken;
        shown += 4 * SHOWN;
    }
    assert_true(total > shown / 5 && total < shown * 4 / 5);
}

static enum status not_a_number(void *state, const float *x, float *logits)
{
    (void)state;
    logits[0] = x[0];
    logits[1] = NAN;
    return OK;
}

static void one_that_fails_fails_all(void **state)
{
    (void)state;
    const struct attack *attack;
    struct show show;
    assert_ok(attack_find("pgd-linf", &attack));
    show_open(&show, NULL);
    show.toys[2].victim.forward = not_a_number;
    assert_int_equal(attack_show(attack, show.calls, SHOWN, show.results), ERR_NUMERIC);
    assert_ok(attack_run(attack, &show.calls[1], &show.results[1]));
    show_close(&show);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_has_a_table),
        cmocka_unit_test(nobody_beats_the_linear_oracle),
        cmocka_unit_test(the_selftest_passes),
        cmocka_unit_test(results_depend_on_the_sample_alone),
        cmocka_unit_test(what_is_shown_to_many_is_as_if_alone),
        cmocka_unit_test(one_that_fails_fails_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
