/*
 * Integer layers against the operators' references: equal to the bit, on random shapes,
 * types, zero points and scales; whole quantized networks too.
 */
#include "tests/test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "models/onnx/onnx.h"
#include "models/ops/op.h"
#include "models/runtime/passes.h"
#include "models/runtime/plan.h"

#include <math.h>
#include <string.h>

static struct value *constant(struct graph *graph, struct tensor *tensor)
{
    struct value *value = graph_constant(graph, "c", tensor);
    tensor_clear(tensor);
    return value;
}

static struct value *number(struct graph *graph, enum dtype dtype, double x)
{
    struct tensor tensor = {0};
    struct shape scalar = {.rank = 0};
    assert_ok(tensor_init(&tensor, dtype, &scalar));
    tensor_set(&tensor, 0, x);
    return constant(graph, &tensor);
}

static struct value *random_bytes(struct graph *graph, struct rng *rng, enum dtype dtype,
                                  struct shape shape)
{
    struct tensor tensor = {0};
    assert_ok(tensor_init(&tensor, dtype, &shape));
    for (int64_t i = 0; i < shape_count(&shape); i++)
        ((uint8_t *)tensor.data)[i] = (uint8_t)rng_below(rng, 256);
    return constant(graph, &tensor);
}

static int between(struct rng *rng, int low, int high)
{
    return low + (int)rng_below(rng, (uint32_t)(high - low + 1));
}

static double zero_point(struct rng *rng, enum dtype dtype)
{
    return between(rng, 0, 255) - (dtype == DTYPE_I8 ? 128 : 0);
}

/* A slice per output channel, or one number. */
static struct value *scales(struct graph *graph, struct rng *rng, int64_t many)
{
    struct tensor tensor = {0};
    struct shape shape = {.rank = many ? 1 : 0, .dim = {many}};
    assert_ok(tensor_init(&tensor, DTYPE_F32, &shape));
    rng_fill_uniform(rng, tensor.data, (size_t)shape_count(&shape), 0.001f, 0.02f);
    return constant(graph, &tensor);
}

static struct value *zeros(struct graph *graph, struct rng *rng, enum dtype dtype, int64_t many)
{
    struct shape shape = {.rank = many ? 1 : 0, .dim = {many}};
    if (between(rng, 0, 2))
        return random_bytes(graph, rng, dtype, shape);
    struct tensor tensor = {0};
    assert_ok(tensor_init(&tensor, dtype, &shape));
    return constant(graph, &tensor);
}

static struct value *bias(struct graph *graph, struct rng *rng, int64_t O)
{
    struct tensor tensor = {0};
    struct shape shape = {.rank = 1, .dim = {O}};
    assert_ok(tensor_init(&tensor, DTYPE_I32, &shape));
    for (int64_t i = 0; i < O; i++)
        ((int32_t *)tensor.data)[i] = between(rng, -20000, 20000);
    return constant(graph, &tensor);
}

static enum dtype narrow(struct rng *rng)
{
    return between(rng, 0, 1) ? DTYPE_U8 : DTYPE_I8;
}

/* A graph of one integer input; the caller adds nodes and the output. */
static struct value *start(struct graph *graph, enum dtype dtype, struct shape shape)
{
    *graph = (struct graph){.opset = 13, .name = "test"};
    struct value *x = graph_value(graph, "x");
    x->dtype = dtype;
    x->shape = shape;
    x->shaped = true;
    graph->inputs = arena_alloc(&graph->arena, sizeof *graph->inputs);
    graph->inputs[0] = x;
    graph->n_inputs = 1;
    return x;
}

static void end(struct graph *graph, struct node *node)
{
    node->outputs[0] = graph_value(graph, "y");
    graph->outputs = arena_alloc(&graph->arena, sizeof *graph->outputs);
    graph->outputs[0] = node->outputs[0];
    graph->n_outputs = 1;
    assert_ok(graph_update(graph));
    assert_ok(graph_infer(graph));
}

/* Takes the graph. */
static void compare(struct graph *graph, struct rng *rng, const char *what)
{
    const struct value *x = graph->inputs[0];
    struct tensor input = {0}, output = {0};
    assert_ok(tensor_init(&input, x->dtype, &x->shape));
    for (int64_t i = 0; i < shape_count(&x->shape); i++)
        if (x->dtype == DTYPE_F32)
            ((float *)input.data)[i] = (float)(rng_normal(rng) * 2);
        else
            ((uint8_t *)input.data)[i] = (uint8_t)rng_below(rng, 256);
    assert_ok(graph_evaluate(graph, &input, &output));
    struct plan plan;
    struct lane lane;
    struct plan_options options = {.mode = PLAN_INFER};
    assert_ok(plan_compile(graph, &options, &plan));
    for (int i = 0; i < plan.n_layers; i++)
        if (!strcmp(plan.layers[i].kernel, "reference"))
            fail_msg("%s: %s ran through its reference", what, plan.layers[i].node->op->name);
    assert_ok(lane_init(&lane, &plan));
    memcpy(lane.data[plan.input], input.data, plan.slots[plan.input].bytes);
    assert_ok(lane_run(&lane, 0, plan.n_forward));
    int64_t differ = 0, count = shape_count(&output.shape);
    size_t size = dtype_size(output.dtype);
    for (int64_t i = 0; i < count; i++)
        differ += memcmp((char *)lane.data[plan.output] + (size_t)i * size,
                         (char *)output.data + (size_t)i * size, size) != 0;
    if (differ)
        fail_msg("%s: %lld of %lld numbers differ", what, (long long)differ,
                 (long long)count);
    lane_clear(&lane);
    plan_clear(&plan);
    tensor_clear(&input);
    tensor_clear(&output);
}

static void one_conv(uint64_t seed)
{
    struct rng rng;
    rng_open(&rng, 11, "conv", "test integer", seed);
    bool depthwise = between(&rng, 0, 2) == 0;
    int64_t C = between(&rng, 1, depthwise ? 150 : 70), O = depthwise ? C : between(&rng, 1, 140);
    int64_t groups = depthwise ? C : 1;
    if (seed % 3 == 0) {
        static const int64_t many_groups[] = {2, 3, 4, 8, 32};
        groups = many_groups[between(&rng, 0, 4)];
        C = groups * between(&rng, 1, 9);
        O = groups * between(&rng, 1, 20);
        depthwise = false;
    }
    int64_t k = between(&rng, 1, 3), k2 = between(&rng, 1, 4), side = between(&rng, 5, 13);
    enum dtype x_type = narrow(&rng), w_type = narrow(&rng), y_type = narrow(&rng);
    int64_t many = between(&rng, 0, 1) ? O : 0;
    bool biased = between(&rng, 0, 1);
    struct graph graph;
    struct shape in = {4, {between(&rng, 1, 2), C, side, side + 2}};
    struct shape w = {4, {O, C / groups, k, k2}};
    struct value *x = start(&graph, x_type, in);
    struct node *node = graph_node(&graph, op_find(NULL, "QLinearConv", 13), "conv",
                                   biased ? 9 : 8, 1);
    node->inputs[0] = x;
    node->inputs[1] = number(&graph, DTYPE_F32, 0.013);
    node->inputs[2] = number(&graph, x_type, zero_point(&rng, x_type));
    node->inputs[3] = random_bytes(&graph, &rng, w_type, w);
    node->inputs[4] = scales(&graph, &rng, many);
    node->inputs[5] = zeros(&graph, &rng, w_type, many);
    node->inputs[6] = number(&graph, DTYPE_F32, 0.02 * sqrt((double)(C * k * k2)));
    node->inputs[7] = number(&graph, y_type, zero_point(&rng, y_type));
    if (biased)
        node->inputs[8] = bias(&graph, &rng, O);
    int64_t strides[] = {between(&rng, 1, 2), between(&rng, 1, 2)};
    int64_t pads[] = {between(&rng, 0, 2), between(&rng, 0, 2), between(&rng, 0, 2),
                      between(&rng, 0, 2)};
    int64_t dilations[] = {between(&rng, 1, 2), 1};
    node_set_ints(&graph, node, "strides", strides, 2);
    node_set_ints(&graph, node, "pads", pads, 4);
    node_set_ints(&graph, node, "dilations", dilations, 2);
    node_set_int(&graph, node, "group", groups);
    end(&graph, node);
    char what[80];
    snprintf(what, sizeof what, "conv %d, %d groups", (int)seed, (int)groups);
    compare(&graph, &rng, what);
}

static void test_conv(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 120; seed++)
        one_conv(seed);
}

/* The largest sums: beyond 2^24, where a float no longer holds every integer. */
static void test_large_sums(void **state)
{
    (void)state;
    struct rng rng;
    rng_open(&rng, 12, "large", "test integer", 0);
    struct graph graph;
    struct shape in = {4, {1, 512, 4, 4}}, w = {4, {20, 512, 3, 3}};
    struct value *x = start(&graph, DTYPE_U8, in);
    struct node *node = graph_node(&graph, op_find(NULL, "QLinearConv", 13), "conv", 8, 1);
    struct tensor weights = {0};
    assert_ok(tensor_init(&weights, DTYPE_U8, &w));
    for (int64_t i = 0; i < shape_count(&w); i++)
        ((uint8_t *)weights.data)[i] = (uint8_t)between(&rng, 250, 255);
    node->inputs[0] = x;
    node->inputs[1] = number(&graph, DTYPE_F32, 0.01);
    node->inputs[2] = number(&graph, DTYPE_U8, 0);
    node->inputs[3] = constant(&graph, &weights);
    node->inputs[4] = number(&graph, DTYPE_F32, 0.01);
    node->inputs[5] = number(&graph, DTYPE_U8, 0);
    node->inputs[6] = number(&graph, DTYPE_F32, 120);
    node->inputs[7] = number(&graph, DTYPE_U8, 3);
    end(&graph, node);
    compare(&graph, &rng, "large sums");
}

static void test_matmul(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct rng rng;
        rng_open(&rng, 17, "matmul", "test integer", seed);
        enum dtype a_type = narrow(&rng), b_type = narrow(&rng), y_type = narrow(&rng);
        int64_t K = between(&rng, 1, 90), N = between(&rng, 1, 140);
        struct shape in = {seed % 3 ? 3 : 2, {between(&rng, 1, 3), seed % 3 ? 5 : K, K}};
        int64_t many = between(&rng, 0, 1) ? N : 0;
        struct graph graph;
        struct value *x = start(&graph, a_type, in);
        struct node *node =
            graph_node(&graph, op_find(NULL, "QLinearMatMul", 13), "matmul", 8, 1);
        node->inputs[0] = x;
        node->inputs[1] = number(&graph, DTYPE_F32, 0.013);
        node->inputs[2] = number(&graph, a_type, zero_point(&rng, a_type));
        node->inputs[3] = random_bytes(&graph, &rng, b_type, (struct shape){2, {K, N}});
        node->inputs[4] = scales(&graph, &rng, many);
        node->inputs[5] = zeros(&graph, &rng, b_type, many);
        node->inputs[6] = number(&graph, DTYPE_F32, 0.02 * sqrt((double)K));
        node->inputs[7] = number(&graph, y_type, zero_point(&rng, y_type));
        end(&graph, node);
        compare(&graph, &rng, "matmul");
    }
}

static void test_pairs(void **state)
{
    (void)state;
    static const char *const names[] = {"QLinearAdd", "QLinearMul"};
    for (uint64_t seed = 0; seed < 48; seed++) {
        struct rng rng;
        rng_open(&rng, 13, "pair", "test integer", seed);
        enum dtype type = narrow(&rng);
        int64_t C = between(&rng, 1, 40);
        struct shape shape = {4, {2, C, 5, 7}};
        struct shape others[] = {shape, {4, {1, C, 1, 1}}, {0, {0}}, {3, {C, 5, 1}}, {1, {7}},
                                 {4, {2, 1, 5, 7}}};
        struct graph graph;
        struct value *x = start(&graph, type, shape);
        struct node *node = graph_node(
            &graph, op_find("com.microsoft", names[seed % 2], 1), "pair", 8, 1);
        node->inputs[seed % 4 < 2 ? 0 : 3] = x;
        node->inputs[seed % 4 < 2 ? 3 : 0] =
            random_bytes(&graph, &rng, type, others[seed / 4 % 6]);
        for (int i = 1; i < 8; i++)
            if (i != 3)
                node->inputs[i] = i == 1 || i == 4 || i == 6
                                      ? scales(&graph, &rng, 0)
                                      : number(&graph, type, zero_point(&rng, type));
        end(&graph, node);
        compare(&graph, &rng, names[seed % 2]);
    }
}

static void test_quantize(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct rng rng;
        rng_open(&rng, 14, "quantize", "test integer", seed);
        enum dtype type = narrow(&rng);
        struct shape shape = {4, {2, between(&rng, 1, 20), 5, 7}};
        struct graph graph;
        struct value *x = start(&graph, DTYPE_F32, shape);
        struct node *q =
            graph_node(&graph, op_find(NULL, "QuantizeLinear", 13), "q", 3, 1);
        q->inputs[0] = x;
        q->inputs[1] = scales(&graph, &rng, 0);
        q->inputs[2] = number(&graph, type, zero_point(&rng, type));
        q->outputs[0] = graph_value(&graph, "q");
        struct node *d =
            graph_node(&graph, op_find(NULL, "DequantizeLinear", 13), "d", 3, 1);
        d->inputs[0] = q->outputs[0];
        d->inputs[1] = q->inputs[1];
        d->inputs[2] = q->inputs[2];
        end(&graph, d);
        compare(&graph, &rng, "quantize");
    }
}

/*
 * Straight through: of y = conv(x) nothing saturates here, so dx is dy through the weights
 * times their scales, output by output; beyond 64 outputs their order in memory is another.
 */
static void one_gradient(int64_t groups)
{
    enum { C = 16, O = 80, SIDE = 3 };
    struct rng rng;
    rng_open(&rng, 16, "gradient", "test integer", (uint64_t)groups);
    struct graph graph;
    struct value *x = start(&graph, DTYPE_F32, (struct shape){4, {1, C, SIDE, SIDE}});
    struct node *q = graph_node(&graph, op_find(NULL, "QuantizeLinear", 13), "q", 3, 1);
    struct node *conv = graph_node(&graph, op_find(NULL, "QLinearConv", 13), "c", 8, 1);
    struct node *d = graph_node(&graph, op_find(NULL, "DequantizeLinear", 13), "d", 3, 1);
    struct value *zero = number(&graph, DTYPE_U8, 128);
    q->inputs[0] = x;
    q->inputs[1] = conv->inputs[1] = number(&graph, DTYPE_F32, 0.1);
    q->inputs[2] = conv->inputs[2] = conv->inputs[7] = d->inputs[2] = zero;
    q->outputs[0] = conv->inputs[0] = graph_value(&graph, "q");
    conv->inputs[3] =
        random_bytes(&graph, &rng, DTYPE_I8, (struct shape){4, {O, C / groups, 1, 1}});
    conv->inputs[4] = scales(&graph, &rng, O);
    conv->inputs[5] = zeros(&graph, &rng, DTYPE_I8, O);
    conv->inputs[6] = d->inputs[1] = number(&graph, DTYPE_F32, 10);
    conv->outputs[0] = d->inputs[0] = graph_value(&graph, "c");
    node_set_int(&graph, conv, "group", groups);
    const struct tensor *w = conv->inputs[3]->constant, *scale = conv->inputs[4]->constant;
    const struct tensor *w_zero = conv->inputs[5]->constant;
    end(&graph, d);

    struct plan plan;
    struct lane lane;
    struct plan_options options = {.mode = PLAN_GRADIENT};
    assert_ok(plan_compile(&graph, &options, &plan));
    assert_ok(lane_init(&lane, &plan));
    rng_fill_uniform(&rng, lane.data[plan.input], C * SIDE * SIDE, -1, 1);
    static float dy[O * SIDE * SIDE];
    rng_fill_normal(&rng, dy, O * SIDE * SIDE);
    assert_ok(lane_run(&lane, 0, plan.n_forward));
    memcpy(lane.data[plan.output_gradient], dy, sizeof dy);
    assert_ok(lane_run(&lane, plan.n_forward, plan.n_steps));
    const float *dx = lane.data[plan.input_gradient];
    int64_t inputs = C / groups, outputs = O / groups;
    for (int64_t c = 0; c < C; c++) {
        double sum = 0;
        for (int64_t k = 0; k < outputs; k++) {
            int64_t o = c / inputs * outputs + k;
            int64_t value = tensor_get_int(w, o * inputs + c % inputs) - tensor_get_int(w_zero, o);
            sum += (double)dy[o * SIDE * SIDE] * (double)value * tensor_get(scale, o);
        }
        assert_true(fabs((double)dx[c * SIDE * SIDE] - sum) < 1e-4);
    }
    lane_clear(&lane);
    plan_clear(&plan);
}

static void test_gradient(void **state)
{
    (void)state;
    one_gradient(1);
    one_gradient(2);
    one_gradient(8);
}

static void test_pools(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct rng rng;
        rng_open(&rng, 15, "pool", "test integer", seed);
        enum dtype type = narrow(&rng);
        struct shape shape = {4, {1, between(&rng, 1, 40), 9, 8}};
        struct graph graph;
        struct value *x = start(&graph, type, shape);
        struct node *node;
        if (seed % 2) {
            node = graph_node(&graph, op_find(NULL, "MaxPool", 13), "max", 1, 1);
            int64_t kernel[] = {3, 2}, strides[] = {2, 1}, pads[] = {1, 0, 1, 1};
            node_set_ints(&graph, node, "kernel_shape", kernel, 2);
            node_set_ints(&graph, node, "strides", strides, 2);
            node_set_ints(&graph, node, "pads", pads, 4);
        } else {
            node = graph_node(&graph, op_find("com.microsoft", "QLinearGlobalAveragePool", 1),
                              "mean", 5, 1);
            node->inputs[1] = scales(&graph, &rng, 0);
            node->inputs[2] = number(&graph, type, zero_point(&rng, type));
            node->inputs[3] = scales(&graph, &rng, 0);
            node->inputs[4] = number(&graph, type, zero_point(&rng, type));
        }
        node->inputs[0] = x;
        end(&graph, node);
        compare(&graph, &rng, "pool");
    }
}

/* Networks: the rewritten graph by its references, and by the plan. */
static void test_networks(void **state)
{
    (void)state;
    static const char *const names[] = {"cifar10_resnet8_qdq", "mobilenet_v1_0.25_128_qdq"};
    for (int n = 0; n < 2; n++) {
        char path[128];
        snprintf(path, sizeof path, "data/models/%s.onnx", names[n]);
        REQUIRE_SHARED(file, path);
        struct graph graph, special;
        int converted;
        assert_ok(onnx_read(file, &graph));
        assert_ok(graph_specialise(&graph, 1, &special));
        assert_ok(pass_integer(&special, &converted));
        print_message("# %s: %d integer layers of %d nodes\n", names[n], converted,
                      special.n_nodes);
        for (int i = 0; i < special.n_nodes; i++)
            assert_string_not_equal(special.nodes[i]->op->name, "Conv");
        struct rng rng;
        rng_open(&rng, 16, names[n], "test integer", 0);
        compare(&special, &rng, names[n]);
        graph_clear(&graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),     cmocka_unit_test(test_large_sums),
        cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_pairs),    cmocka_unit_test(test_quantize),
        cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_pools),    cmocka_unit_test(test_networks),
    };
    return cmocka_run_group_tests_name("integer", tests, NULL, NULL);
}
