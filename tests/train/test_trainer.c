/* The trainer on pictures made here: it learns, repeats, resumes, and resists when asked. */
#include "tests/test.h"

#include "base/threads.h"
#include "models/train/trainer.h"

#include <math.h>
#include <string.h>

enum { SIDE = 16, CLASSES = 4, COUNT = 512 };

/* Class k is a bright bar at column 4 k on grey noise. */
static enum status bars(void *context, size_t index, struct rng *rng, struct image *out,
                        int *label)
{
    (void)context;
    (void)rng;
    struct rng own;
    char key[16];
    snprintf(key, sizeof key, "%zu", index);
    rng_open(&own, 5, key, "bars", 0);
    *label = (int)(index % CLASSES);
    enum status st = image_init(out, SIDE, SIDE, 3);
    for (int y = 0; y < SIDE && !st; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++) {
                int bar = x / 2 == 2 * *label ? 70 : 0;
                image_row(out, y)[3 * x + c] = (uint8_t)(80 + bar + (int)rng_below(&own, 60));
            }
    return st;
}

static const struct train_source source = {COUNT, CLASSES, NULL, bars};

static struct train_rule rule_for(const char *name, int epochs)
{
    struct train_rule rule = {
        .side = SIDE,
        .n_classes = CLASSES,
        .epochs = epochs,
        .parts = 2,
        .size = 16,
        .optimizer = {.kind = OPTIMIZER_SGD, .momentum = 0.9, .weight_decay = 1e-4},
        .schedule = {.kind = SCHEDULE_COSINE, .rate = 0.1, .warmup = 0.1},
        .smoothing = 0.05,
        .average = 0.9,
        .mean = {0.5, 0.5, 0.5},
        .std = {0.25, 0.25, 0.25},
        .seed = 3,
        .threads = 1,
    };
    assert_ok(architecture_find(name, &rule.architecture));
    return rule;
}

static double sum_of(struct trainer *trainer)
{
    struct graph *graph;
    double sum = 0;
    assert_ok(trainer_graph(trainer, &graph));
    for (int i = 0; i < graph->n_values; i++)
        if (graph->values[i]->constant && graph->values[i]->dtype == DTYPE_F32)
            for (int64_t k = 0; k < shape_count(&graph->values[i]->shape); k++)
                sum += tensor_get(graph->values[i]->constant, k) * (double)(1 + k % 11);
    return sum;
}

static struct trainer *train(const struct train_rule *rule, int from, int to, const char *path)
{
    struct trainer *trainer;
    struct train_progress progress;
    assert_ok(trainer_open(rule, &trainer));
    if (from)
        assert_ok(trainer_resume(trainer, path));
    assert_int_equal(trainer_epochs_done(trainer), from);
    for (int epoch = from; epoch < to; epoch++)
        assert_ok(trainer_epoch(trainer, &source, NULL, &progress));
    if (!from && path)
        assert_ok(trainer_save(trainer, path));
    return trainer;
}

static void it_learns(void **state)
{
    (void)state;
    struct train_rule rule = rule_for("resnet8", 3);
    struct trainer *trainer = train(&rule, 0, 3, NULL);
    double top1;
    assert_ok(trainer_evaluate(trainer, &source, &top1));
    assert_true(top1 > 0.95);
    trainer_close(trainer);
}

/* Threads change nothing; a run cut in two by a checkpoint changes nothing. */
static void threads_and_resuming_change_nothing(void **state)
{
    (void)state;
    char path[] = "/tmp/gauntlet-train-XXXXXX";
    close(mkstemp(path));
    struct train_rule rule = rule_for("resnet8", 2), two = rule;
    rule.augment = (struct augment_rule){true, 2, 0.2, 1, 0.3, 0.2, 0.5};
    rule.optimizer = (struct optimizer_rule){OPTIMIZER_ADAMW, 0, 0.9, 0.999, 1e-8, 0.01};
    rule.schedule.rate = 0.01;
    two = rule;
    two.threads = 2;
    struct trainer *whole = train(&rule, 0, 2, NULL), *first = train(&two, 0, 1, path);
    struct trainer *second = train(&rule, 1, 2, path);
    assert_true(sum_of(whole) == sum_of(second));
    trainer_close(whole);
    trainer_close(first);
    trainer_close(second);

    struct train_rule other = rule;
    other.seed = 4;
    struct trainer *stranger;
    assert_ok(trainer_open(&other, &stranger));
    assert_int_equal(trainer_resume(stranger, path), ERR_FORMAT);
    trainer_close(stranger);
    assert_ok(trainer_open(&rule, &stranger));
    assert_int_equal(truncate(path, 5000), 0);
    assert_int_equal(trainer_resume(stranger, path), ERR_FORMAT);
    trainer_close(stranger);
    unlink(path);
}

/* Both kinds of adversarial training, and a teacher, still learn the task. */
static enum status wise(void *teacher, int worker, const float *x, float *logits)
{
    (void)teacher;
    (void)worker;
    for (int k = 0; k < CLASSES; k++) {
        logits[k] = 0;
        for (int y = 0; y < SIDE; y++)
            logits[k] += x[y * SIDE + 4 * k] + x[y * SIDE + 4 * k + 1];
    }
    return OK;
}

static void harder_rules_learn_too(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct train_rule rule = rule_for("resnet8", 3);
        rule.adversary = kind == 0   ? ADVERSARY_PGD
                         : kind == 1 ? ADVERSARY_TRADES
                                     : ADVERSARY_NONE;
        rule.eps = 8.0 / 255;
        rule.alpha = 3.0 / 255;
        rule.steps = 3;
        rule.beta = 3;
        rule.distill = kind == 2 ? 0.5 : 0;
        rule.temperature = 2;
        rule.teach = wise;
        struct trainer *trainer = train(&rule, 0, 3, NULL);
        double top1;
        assert_ok(trainer_evaluate(trainer, &source, &top1));
        if (top1 < 0.9)
            fail_msg("kind %d reaches %g only", kind, top1);
        trainer_close(trainer);
    }
}

static void a_diverging_run_says_so(void **state)
{
    (void)state;
    struct train_rule rule = rule_for("resnet8", 1);
    rule.schedule = (struct schedule){.kind = SCHEDULE_CONSTANT, .rate = 1e30};
    struct trainer *trainer;
    struct train_progress progress;
    assert_ok(trainer_open(&rule, &trainer));
    assert_int_equal(trainer_epoch(trainer, &source, NULL, &progress), ERR_NUMERIC);
    trainer_close(trainer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns),
        cmocka_unit_test(threads_and_resuming_change_nothing),
        cmocka_unit_test(harder_rules_learn_too),
        cmocka_unit_test(a_diverging_run_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
