/* Quantizing a network with random weights: enough to see that every step is right. */
#include "tests/test.h"

#include "models/compress/compress.h"
#include "models/ops/op.h"
#include "models/train/architecture.h"

#include <math.h>
#include <string.h>

enum { SIDE = 16, SAMPLES = 32, INPUT = 3 * SIDE * SIDE, CLASSES = 10 };

static float x[SAMPLES * INPUT];

static struct compress_rule rule_of(int weights, int acts, int threads)
{
    return (struct compress_rule){.preset = preset_find("academic"),
                                  .weight_bits = weights,
                                  .act_bits = acts,
                                  .edge_bits = 8,
                                  .weight_observer = observer_find("mse"),
                                  .act_observer = observer_find("mse"),
                                  .iterations = 100,
                                  .rate = 1e-2,
                                  .lambda = 0.01,
                                  .seed = 1,
                                  .threads = threads};
}

/* The networks live to the end: what is made of them shares their constants. */
static struct graph networks[64];
static int n_networks;

static void open_network(const char *name, const struct compress_rule *rule,
                         struct compress *out)
{
    const struct architecture *architecture;
    struct graph *graph = &networks[n_networks++];
    struct rng rng;
    rng_open(&rng, 1, "calibration", "test", 0);
    rng_fill_normal(&rng, x, SAMPLES * INPUT);
    assert_ok(architecture_find(name, &architecture));
    assert_ok(architecture_build(architecture, SIDE, CLASSES, 1, graph));
    assert_ok(compress_open(graph, rule, x, SAMPLES, out));
}

static void keep(void *context, int worker, size_t sample, int tap, const float *data,
                 size_t count)
{
    (void)worker;
    (void)tap;
    memcpy((float *)context + sample * count, data, count * sizeof *data);
}

static void logits_of(const struct compress *c, const struct graph *graph, float *z)
{
    assert_ok(compress_probe(c, graph, &graph->outputs[0]->name, 1, keep, z));
}

/* Squared distance from the float network's logits, over their own size. */
static double error_of(const struct compress *c, const struct graph *graph)
{
    float full[SAMPLES * CLASSES], other[SAMPLES * CLASSES];
    double off = 0, size = 0;
    logits_of(c, &c->full, full);
    logits_of(c, graph, other);
    for (int i = 0; i < SAMPLES * CLASSES; i++) {
        off += pow((double)(full[i] - other[i]), 2);
        size += pow((double)full[i], 2);
    }
    return off / size;
}

/* Blocks hang together and hold every layer once. */
static void blocks_cover_the_network(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int blocks, widest;
    } known[] = {{"resnet20", 11, 2}, {"vgg-small", 7, 1}, {"mobilenetv2-small", 0, 3}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct compress_rule rule = rule_of(4, 32, 1);
        struct compress c;
        struct block *blocks;
        open_network(known[i].name, &rule, &c);
        int n = compress_blocks(&c, &blocks), widest = 0;
        assert_string_equal(blocks[0].entry, "input");
        for (int k = 0; k < n; k++) {
            assert_int_equal(blocks[k].first, k ? blocks[k - 1].last : 0);
            int layers = blocks[k].last - blocks[k].first;
            widest = layers > widest ? layers : widest;
        }
        assert_int_equal(blocks[n - 1].last, c.n_layers);
        if (i < 2)
            assert_int_equal(n, known[i].blocks);
        assert_true(widest >= known[i].widest);
        free(blocks);
        compress_clear(&c);
    }
}

static void fewer_bits_cost_more(void **state)
{
    (void)state;
    double last = 0;
    for (int bits = 8; bits >= 2; bits -= 2) {
        struct compress_rule rule = rule_of(bits, 32, 1);
        struct compress c;
        open_network("resnet8", &rule, &c);
        double error = error_of(&c, &c.work);
        assert_true(error > last);
        if (bits == 8)
            assert_true(error < 1e-3);
        last = error;
        compress_clear(&c);
    }
}

/* Learned rounding comes nearer than nearest; blocks or layers. The same on two threads. */
static void reconstruction_beats_nearest(void **state)
{
    (void)state;
    static const char *const methods[] = {"adaround", "brecq"};
    for (int m = 0; m < 2; m++) {
        struct compress_rule one = rule_of(3, 32, 1), two = rule_of(3, 32, 2);
        struct compress a, b;
        open_network("resnet8", &one, &a);
        open_network("resnet8", &two, &b);
        double nearest = error_of(&a, &a.work);
        assert_ok(method_find(methods[m])->run(&a));
        assert_ok(method_find(methods[m])->run(&b));
        double learned = error_of(&a, &a.work);
        if (learned > 0.7 * nearest)
            fail_msg("%s: error %g, rounding to nearest %g", methods[m], learned,
                     nearest);
        for (int i = 0; i < a.n_layers; i++) {
            const struct quant_layer *layer = &a.layers[i];
            assert_memory_equal(layer->codes, b.layers[i].codes,
                                (size_t)layer->count * sizeof *layer->codes);
            /* Only up or down: never further than one step from the weight. */
            const float *w = layer->original->inputs[1]->constant->data;
            for (int64_t k = 0; k < layer->count; k++) {
                const struct grid *g = layer_grid(layer, k);
                assert_in_range(layer->codes[k] - g->low, 0, g->high - g->low);
                double exact = (double)w[k] / g->scale + g->zero;
                if (exact > g->low && exact < g->high)
                    assert_true(fabs(layer->codes[k] - exact) <= 1);
            }
        }
        compress_clear(&a);
        compress_clear(&b);
    }
}

/* Bias correction takes the mean error out of the logits. */
static void bias_correction_centres(void **state)
{
    (void)state;
    struct compress_rule rule = rule_of(3, 32, 1);
    struct compress c;
    open_network("resnet8", &rule, &c);
    double before = error_of(&c, &c.work);
    assert_ok(method_find("bias")->run(&c));
    assert_true(error_of(&c, &c.work) < before);
    float full[SAMPLES * CLASSES], work[SAMPLES * CLASSES];
    logits_of(&c, &c.full, full);
    logits_of(&c, &c.work, work);
    for (int k = 0; k < CLASSES; k++) {
        double off = 0;
        for (int n = 0; n < SAMPLES; n++)
            off += (double)(full[n * CLASSES + k] - work[n * CLASSES + k]) / SAMPLES;
        assert_true(fabs(off) < 1e-4);
    }
    compress_clear(&c);
}

/* The exported network computes what `work` does; with activations on grids, by the
 * operators' references, it stays near; and it takes any batch. */
static void the_export_is_the_network(void **state)
{
    (void)state;
    static const char *const presets[] = {"academic", "openvino", "vitis"};
    for (size_t p = 0; p < 3; p++)
        for (int acts = 4; acts <= 32; acts += acts == 4 ? 4 : 24) {
            struct compress_rule rule = rule_of(8, acts, 1);
            rule.preset = preset_find(presets[p]);
            struct compress c;
            struct graph out, special;
            open_network("resnet8", &rule, &c);
            assert_ok(compress_ranges(&c));
            assert_ok(compress_export(&c, &out));
            assert_int_equal(out.inputs[0]->shape.dim[0], -1);
            assert_ok(graph_specialise(&out, 2, &special));
            struct tensor input, z;
            assert_ok(tensor_init(&input, DTYPE_F32, &special.inputs[0]->shape));
            memcpy(input.data, x, 2 * INPUT * sizeof *x);
            assert_ok(graph_evaluate(&special, &input, &z));
            float work[SAMPLES * CLASSES];
            logits_of(&c, &c.work, work);
            double off = 0, size = 0;
            for (int i = 0; i < 2 * CLASSES; i++) {
                off += pow(tensor_get(&z, i) - (double)work[i], 2);
                size += pow((double)work[i], 2);
            }
            double limit = acts == 32 ? 1e-9 : acts == 8 ? 0.01 : 0.5;
            if (off / size > limit)
                fail_msg("%s, %d bits: off by %g", rule.preset->name, acts, off / size);
            if (acts < 32)
                assert_true(off > 0);
            tensor_clear(&input);
            tensor_clear(&z);
            graph_clear(&special);
            graph_clear(&out);
            compress_clear(&c);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_cover_the_network),
        cmocka_unit_test(fewer_bits_cost_more),
        cmocka_unit_test(reconstruction_beats_nearest),
        cmocka_unit_test(bias_correction_centres),
        cmocka_unit_test(the_export_is_the_network),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (int i = 0; i < n_networks; i++)
        graph_clear(&networks[i]);
    return failed;
}
