/* Quantizing a network with random weights: enough to see that every step is right. */
#include "tests/compress/networks.h"

#include "base/file.h"
#include "models/onnx/onnx.h"
#include "models/ops/op.h"

#include <stdlib.h>
#include <unistd.h>

/* Blocks hang together and hold every layer once. */
static void blocks_cover_the_network(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int blocks, widest;
    } known[] = {{"resnet20", 11, 2}, {"vgg-small", 7, 1}, {"mobilenetv2-small", 12, 3}};
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
        assert_int_equal(n, known[i].blocks);
        assert_int_equal(widest, known[i].widest);
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
            assert_ok(compress_ranges(&c, &c.work));
            assert_ok(compress_export(&c, false, &out));
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

/* Integer kernels, ONNX Runtime's among them, take one zero point for all channels. */
static void channels_share_a_zero_point(void **state)
{
    (void)state;
    for (int bits = 3; bits <= 8; bits += 5) {
        struct compress_rule rule = rule_of(bits, 8, 1);
        struct compress c;
        struct graph out;
        int weights = 0;
        open_network("resnet8", &rule, &c);
        assert_ok(compress_run(&c));
        assert_ok(compress_export(&c, false, &out));
        for (int i = 0; i < out.n_nodes; i++) {
            const struct node *node = out.nodes[i];
            if (strcmp(node->op->name, "DequantizeLinear") || !node->inputs[0]->constant ||
                node->n_inputs < 3)
                continue;
            const struct tensor *zero = node->inputs[2]->constant;
            for (int64_t k = 0; k < shape_count(&zero->shape); k++)
                assert_int_equal(tensor_get_int(zero, k), 0);
            weights++;
        }
        assert_int_equal(weights, c.n_layers);
        graph_clear(&out);
        compress_clear(&c);
    }
}

/* 4-bit types in the file hold the same network in less space. */
static void int4_reads_back(void **state)
{
    (void)state;
    static const char *const presets[] = {"academic", "openvino"}; /* uint4, int4 */
    for (size_t p = 0; p < 2; p++) {
        struct compress_rule rule = rule_of(3, 8, 1);
        rule.preset = preset_find(presets[p]);
        struct compress c;
        struct graph bytes, nibbles, back;
        char path[] = "/tmp/gauntlet_int4_XXXXXX";
        close(mkstemp(path));
        open_network("resnet8", &rule, &c);
        assert_ok(compress_run(&c));
        assert_ok(compress_export(&c, false, &bytes));
        assert_ok(compress_export(&c, true, &nibbles));
        assert_int_equal(nibbles.opset, 21);
        struct mapping file;
        assert_ok(onnx_write(&bytes, path));
        assert_ok(file_map(path, &file));
        size_t large = file.size, halved = 0;
        file_unmap(&file);
        for (int i = 0; i < c.n_layers; i++)
            halved += c.layers[i].bits <= 4 ? (size_t)c.layers[i].count / 2 : 0;
        assert_ok(onnx_write(&nibbles, path));
        assert_ok(file_map(path, &file));
        assert_true(file.size < large - halved + 1000); /* zero points, opset */
        file_unmap(&file);
        assert_ok(onnx_read(path, &back));
        float a[SAMPLES * CLASSES], b[SAMPLES * CLASSES];
        struct graph one, two;
        assert_ok(graph_specialise(&bytes, 1, &one));
        assert_ok(graph_specialise(&back, 1, &two));
        logits_of(&c, &one, a);
        logits_of(&c, &two, b);
        assert_memory_equal(a, b, sizeof a);
        unlink(path);
        graph_clear(&one);
        graph_clear(&two);
        graph_clear(&back);
        graph_clear(&nibbles);
        graph_clear(&bytes);
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
        cmocka_unit_test(channels_share_a_zero_point),
        cmocka_unit_test(int4_reads_back),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    close_networks();
    return failed;
}
