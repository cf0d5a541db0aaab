/* The training step: gradients of weights against finite differences of the loss, the same
 * weights for any number of threads, and a network that learns. */
#include "tests/test.h"

#include "base/rng.h"
#include "base/threads.h"
#include "models/runtime/train.h"
#include "models/train/architecture.h"
#include "models/train/optimizer.h"

#include <math.h>
#include <string.h>

enum { SIDE = 16, SIZE = 4, CLASSES = 5, INPUT = 3 * SIDE * SIDE };

/* Sum over the part of r . logits: its gradient in the logits is r. */
static double loss(struct training *t, const float *x, const float *r)
{
    float logits[SIZE * CLASSES];
    assert_ok(training_forward(t, 0, x, logits));
    double sum = 0;
    for (int i = 0; i < SIZE * CLASSES; i++)
        sum += (double)(logits[i] * r[i]);
    return sum;
}

/* Along a random direction of each weight, the loss changes as the gradient says. float32
 * and Relu's kinks leave a few percent on single weights; the direction sums over all. */
static double norm_of(const struct variable *variable)
{
    double sum = 0;
    for (size_t i = 0; i < variable->count; i++)
        sum += (double)variable->gradient[i] * (double)variable->gradient[i];
    return sqrt(sum);
}

static void gradients_are_slopes(void **state)
{
    (void)state;
    for (size_t a = 0; architecture_registry[a]; a++) {
        struct graph graph;
        struct training *t;
        assert_ok(architecture_build(architecture_registry[a], SIDE, CLASSES, 1, &graph));
        assert_ok(training_open(&graph, &(struct training_options){1, SIZE, true}, &t));
        struct rng rng;
        rng_open(&rng, 1, architecture_registry[a]->name, "test", 0);
        float x[SIZE * INPUT], r[SIZE * CLASSES], dx[SIZE * INPUT];
        rng_fill_normal(&rng, x, SIZE * INPUT);
        rng_fill_normal(&rng, r, SIZE * CLASSES);
        double worst = 0, slope = 0, found = 0;
        (void)loss(t, x, r);
        assert_ok(training_backward(t, 0, r, dx));
        training_reduce(t);
        double largest = 0;
        for (int v = 0; v < training_variables(t); v++)
            largest = fmax(largest, norm_of(training_variable(t, v)));
        for (int v = 0; v < training_variables(t); v++) {
            struct variable *variable = training_variable(t, v);
            double norm = norm_of(variable);
            if (norm < 0.01 * largest) /* drowned by the kinks of Relu */
                continue;
            /* Along the gradient itself the slope is its norm. */
            double h = fmin(2e-3 / norm, 1e-2);
            float *keep = malloc(variable->count * sizeof *keep);
            assert_non_null(keep);
            memcpy(keep, variable->data, variable->count * sizeof *keep);
            double side[2];
            for (int s = 0; s < 2; s++) {
                for (size_t i = 0; i < variable->count; i++)
                    variable->data[i] =
                        keep[i] +
                        (float)((s ? -h : h) * (double)variable->gradient[i] / norm);
                side[s] = loss(t, x, r);
            }
            memcpy(variable->data, keep, variable->count * sizeof *keep);
            free(keep);
            double measured = (side[0] - side[1]) / (2 * h);
            /* The loss is a float sum of about 1: measured slopes are good to 1e-6 / h. */
            worst = fmax(worst, (fabs(measured - norm) - 1e-6 / h) / norm);
            slope += norm;
            found += measured;
        }
        if (fabs(found / slope - 1) > 0.01 || worst > 0.1)
            fail_msg("%s: sum of slopes off by %g, worst by %g",
                     architecture_registry[a]->name, found / slope - 1, worst);

        double h = 1e-2, norm = 0;
        for (int i = 0; i < SIZE * INPUT; i++)
            norm += (double)dx[i] * (double)dx[i];
        norm = sqrt(norm);
        double side[2];
        for (int s = 0; s < 2; s++) {
            float moved[SIZE * INPUT];
            for (int i = 0; i < SIZE * INPUT; i++)
                moved[i] = x[i] + (float)((s ? -h : h) * (double)dx[i] / norm / norm);
            side[s] = loss(t, moved, r);
        }
        assert_true(fabs((side[0] - side[1]) / (2 * h) - 1) < 0.05);
        training_close(t);
        graph_clear(&graph);
    }
}

struct task {
    struct training *training;
    const float *x;
    float logits[4 * SIZE * CLASSES], dlogits[4 * SIZE * CLASSES];
    double loss[4];
};

/* Class k has a bright stripe at column 3 k. */
static void draw(struct rng *rng, float *x, int *labels, int count)
{
    rng_fill_normal(rng, x, (size_t)count * INPUT);
    for (int n = 0; n < count; n++) {
        labels[n] = (int)rng_below(rng, CLASSES);
        for (int c = 0; c < 3; c++)
            for (int y = 0; y < SIDE; y++)
                x[n * INPUT + (c * SIDE + y) * SIDE + 3 * labels[n]] += 1.5f;
    }
}

static int labels[4 * SIZE];

static enum status part(void *context, size_t item, int worker)
{
    (void)worker;
    struct task *task = context;
    float *z = task->logits + item * SIZE * CLASSES,
          *d = task->dlogits + item * SIZE * CLASSES;
    enum status st =
        training_forward(task->training, (int)item, task->x + item * SIZE * INPUT, z);
    if (st)
        return st;
    task->loss[item] = 0;
    for (int n = 0; n < SIZE; n++) {
        double sum = 0;
        for (int k = 0; k < CLASSES; k++)
            sum += exp((double)z[n * CLASSES + k]);
        for (int k = 0; k < CLASSES; k++) {
            double p = exp((double)z[n * CLASSES + k]) / sum;
            bool own = labels[(int)item * SIZE + n] == k;
            d[n * CLASSES + k] = (float)((p - own) / (4 * SIZE));
            if (own)
                task->loss[item] -= log(p);
        }
    }
    return training_backward(task->training, (int)item, d, NULL);
}

/* Returns the mean loss of the last ten steps; out takes a sum over all weights. */
static double learn(int threads, double *sum)
{
    const struct architecture *architecture;
    struct graph graph;
    struct task task = {0};
    assert_ok(architecture_find("resnet8", &architecture));
    assert_ok(architecture_build(architecture, SIDE, CLASSES, 1, &graph));
    assert_ok(training_open(&graph, &(struct training_options){4, SIZE, false},
                            &task.training));
    int n = training_variables(task.training);
    struct optimizer *optimizers = calloc((size_t)n, sizeof *optimizers);
    assert_non_null(optimizers);
    const struct optimizer_rule rule = {
        .kind = OPTIMIZER_SGD, .momentum = 0.9, .weight_decay = 1e-4};
    struct rng rng;
    rng_open(&rng, 2, "learn", "test", 0);
    static float x[4 * SIZE * INPUT];
    task.x = x;
    double last = 0;
    for (int step = 0; step < 60; step++) {
        draw(&rng, x, labels, 4 * SIZE);
        assert_ok(threads_each(threads, 4, part, &task));
        training_reduce(task.training);
        training_average(task.training);
        for (int v = 0; v < n; v++) {
            struct variable *w = training_variable(task.training, v);
            optimizer_step(&optimizers[v], &rule, w->data, w->gradient, w->count, 0.05,
                           w->decays);
        }
        for (int i = 0; i < 4; i++)
            last += step >= 50 ? task.loss[i] / (10 * 4 * SIZE) : 0;
    }
    *sum = 0;
    assert_ok(training_store(task.training, NULL, &graph));
    for (int i = 0; i < graph.n_values; i++)
        if (graph.values[i]->constant && graph.values[i]->dtype == DTYPE_F32)
            for (int64_t k = 0; k < shape_count(&graph.values[i]->shape); k++)
                *sum += tensor_get(graph.values[i]->constant, k) * (double)(1 + k % 7);
    for (int v = 0; v < n; v++)
        optimizer_clear(&optimizers[v]);
    free(optimizers);
    training_close(task.training);
    graph_clear(&graph);
    return last;
}

static void it_learns_the_same_on_any_threads(void **state)
{
    (void)state;
    double one, two;
    double loss_one = learn(1, &one), loss_two = learn(2, &two);
    assert_true(loss_one == loss_two);
    assert_true(one == two);
    assert_true(loss_one < 0.4); /* chance is log 5 = 1.6 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_slopes),
        cmocka_unit_test(it_learns_the_same_on_any_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
