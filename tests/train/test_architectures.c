#include "tests/test.h"

#include "models/ops/op.h"
#include "models/train/architecture.h"

#include <math.h>
#include <string.h>

static int64_t parameters(const struct graph *graph)
{
    int64_t count = 0;
    for (int i = 0; i < graph->n_values; i++)
        if (graph->values[i]->trainable)
            count += shape_count(&graph->values[i]->shape);
    return count;
}

/* Every architecture specialises at 64 pixels and at 16, gives finite logits that
 * differ between two inputs, and is drawn the same from the same seed. */
static void every_architecture_evaluates(void **state)
{
    (void)state;
    for (size_t a = 0; architecture_registry[a]; a++) {
        const struct architecture *architecture = architecture_registry[a];
        struct graph graph, again, special;
        assert_ok(architecture_build(architecture, 64, 7, 1, &graph));
        assert_ok(graph_specialise(&graph, 1, &special));
        assert_int_equal(special.outputs[0]->shape.dim[1], 7);
        graph_clear(&special);
        graph_clear(&graph);

        assert_ok(architecture_build(architecture, 16, 10, 1, &graph));
        assert_ok(architecture_build(architecture, 16, 10, 1, &again));
        assert_ok(graph_specialise(&graph, 2, &special));
        struct tensor x, logits;
        assert_ok(tensor_init(&x, DTYPE_F32, &special.inputs[0]->shape));
        struct rng rng;
        rng_open(&rng, 3, "x", "test", 0);
        rng_fill_normal(&rng, x.data, (size_t)shape_count(&x.shape));
        assert_ok(graph_evaluate(&special, &x, &logits));
        const float *z = logits.data;
        float apart = 0;
        for (int i = 0; i < 20; i++)
            assert_true(isfinite(z[i]));
        for (int i = 0; i < 10; i++)
            apart += fabsf(z[i] - z[10 + i]);
        assert_true(apart > 1e-4f);

        assert_int_equal(graph.n_values, again.n_values);
        for (int i = 0; i < graph.n_values; i++) {
            const struct tensor *one = graph.values[i]->constant;
            if (one)
                assert_memory_equal(one->data, again.values[i]->constant->data,
                                    (size_t)shape_count(&one->shape) *
                                        dtype_size(one->dtype));
        }
        tensor_clear(&x);
        tensor_clear(&logits);
        graph_clear(&special);
        graph_clear(&graph);
        graph_clear(&again);
    }
}

/* He et al. 2016, table 6: 0.27, 0.46, 0.66 and 0.85 million. */
static void resnets_have_the_published_size(void **state)
{
    (void)state;
    const struct {
        const char *name;
        double millions;
    } published[] = {
        {"resnet20", 0.27}, {"resnet32", 0.46}, {"resnet44", 0.66}, {"resnet56", 0.85}};
    for (size_t i = 0; i < 4; i++) {
        const struct architecture *architecture;
        struct graph graph;
        assert_ok(architecture_find(published[i].name, &architecture));
        assert_ok(architecture_build(architecture, 16, 10, 1, &graph));
        assert_true(fabs((double)parameters(&graph) / 1e6 - published[i].millions) <=
                    0.006);
        graph_clear(&graph);
    }
    const struct architecture *none;
    assert_int_equal(architecture_find("resnet21", &none), ERR_USAGE);
    assert_non_null(strstr(status_message(), "did you mean 'resnet2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_architecture_evaluates),
        cmocka_unit_test(resnets_have_the_published_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
