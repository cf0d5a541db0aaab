/*
 * Every backward against finite differences of its reference, in double, and float32
 * against double. An operator with a backward that no trial covers fails the test.
 */
#include "tests/graph/trial.h"

/* Central differences with a step of 1e-5 in double: truncation about 1e-10 of the third
 * derivative, cancellation about 1e-11, on values of order 1. */
static const double step = 1e-5, tolerance = 2e-7;

/* A trial says what it needs and leaves the rest at zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
// clang-format off
static const struct trial trials[] = {
    {"Abs", 13, NULL, {"3x4"}},
    {"Neg", 13, NULL, {"3x4"}},
    {"Exp", 13, NULL, {"3x4"}},
    {"Log", 13, NULL, {"3x4"}, 0.2, 3},
    {"Sqrt", 13, NULL, {"3x4"}, 0.2, 3},
    {"Reciprocal", 13, NULL, {"3x4"}, 0.3, 3},
    {"Erf", 13, NULL, {"3x4"}},
    {"Relu", 13, NULL, {"3x4x2"}},
    {"Sigmoid", 13, NULL, {"3x4"}},
    {"Tanh", 13, NULL, {"3x4"}},
    {"Softplus", 13, NULL, {"3x4"}, -4, 4},
    {"Softsign", 13, NULL, {"3x4"}},
    {"LeakyRelu", 13, "alpha=0.3", {"3x4"}},
    {"Elu", 13, "alpha=0.7", {"3x4"}},
    {"Celu", 13, "alpha=0.7", {"3x4"}},
    {"Selu", 13, NULL, {"3x4"}},
    {"ThresholdedRelu", 13, "alpha=0.2", {"3x4"}},
    {"HardSigmoid", 13, "alpha=0.25", {"4x4"}, -4, 4},
    {"HardSwish", 14, NULL, {"5x4"}, -5, 5},
    {"Mish", 18, NULL, {"3x4"}},
    {"Shrink", 13, "bias=0.5 lambd=0.7", {"4x4"}},
    {"Gelu", 20, NULL, {"3x4"}},
    {"Gelu", 20, "approximate='tanh'", {"3x4"}},
    {"Gelu", 1, NULL, {"3x4"}, 0, 0, 0, "com.microsoft"},
    {"QuickGelu", 1, "alpha=1.5", {"3x4"}, 0, 0, 0, "com.microsoft"},
    {"Sin", 13, NULL, {"3x4"}},
    {"Cos", 13, NULL, {"3x4"}},
    {"Tan", 13, NULL, {"3x4"}, -1, 1},
    {"Asin", 13, NULL, {"3x4"}, -0.8, 0.8},
    {"Acos", 13, NULL, {"3x4"}, -0.8, 0.8},
    {"Atan", 13, NULL, {"3x4"}},
    {"Sinh", 13, NULL, {"3x4"}},
    {"Cosh", 13, NULL, {"3x4"}},
    {"Asinh", 13, NULL, {"3x4"}},
    {"Acosh", 13, NULL, {"3x4"}, 1.5, 3},
    {"Atanh", 13, NULL, {"3x4"}, -0.8, 0.8},

    {"Add", 13, NULL, {"2x3x4", "3x1"}},
    {"Add", 13, NULL, {"1", "2x3"}},
    {"Sub", 13, NULL, {"2x1x4", "3x1"}},
    {"Mul", 13, NULL, {"2x3x4", "2x1x1"}},
    {"Div", 13, NULL, {"4", "2x3x1"}, 0.5, 2},
    {"Sum", 13, NULL, {"2x3", "3", "2x1"}},
    {"Pow", 13, NULL, {"2x3", "3"}, 0.3, 2},
    {"Min", 13, NULL, {"2x3", "3", "2x1"}},
    {"Max", 13, NULL, {"2x3", "3", "2x1"}},
    {"Mean", 13, NULL, {"2x3", "3", "2x1"}},
    {"PRelu", 13, NULL, {"2x3x4", "3x1"}},
    {"Where", 13, NULL, {"?3x1", "2x1x4", "3x4"}},
    {"Clip", 10, "min=-0.5 max=0.7", {"3x5"}},
    {"Clip", 13, NULL, {"3x5", "s", "s"}, -1, 1},

    {"Conv", 13, NULL, {"1x2x5x5", "3x2x3x3"}},
    {"Conv", 13, "group=2 pads=1,0,2,1 strides=2,1 dilations=1,2", {"2x4x7x6", "6x2x3x2", "6"}},
    {"Conv", 13, "group=4 auto_pad='SAME_UPPER' strides=2,2", {"1x4x5x6", "4x1x3x3", "4"}},
    {"Conv", 13, "pads=2,1", {"2x3x6", "4x3x3", "4"}},
    {"Conv", 13, "strides=2,1,2", {"1x2x4x3x5", "2x2x2x2x2"}},
    {"ConvTranspose", 13, NULL, {"1x2x3x3", "2x3x3x3", "3"}},
    {"ConvTranspose", 13, "group=2 strides=2,3 pads=1,0,0,1 output_padding=1,1 dilations=1,2", {"2x4x3x2", "4x3x2x3", "6"}},
    {"ConvTranspose", 13, "auto_pad='SAME_LOWER' strides=2,2", {"1x2x3x3", "2x1x3x3"}},
    {"LayerNormalization", 17, NULL, {"2x3x4", "4", "4"}},
    {"LayerNormalization", 17, "axis=1 epsilon=0.1", {"2x3x4", "3x4"}},
    {"InstanceNormalization", 13, NULL, {"2x3x4", "3", "3"}},
    {"GroupNormalization", 18, "num_groups=2", {"2x4x3", "4", "4"}},
    {"GroupNormalization", 18, "num_groups=2", {"2x4x3", "2", "2"}},
    {"LRN", 13, "size=3 alpha=0.5 beta=0.75", {"2x5x2x2"}},
    {"LRN", 13, "size=4 alpha=0.5 bias=2.0", {"1x5x3"}},
    {"BatchNormalization", 13, NULL, {"2x3x4", "3", "3", "3", "3"}, 0.2, 2},
    {"BatchNormalization", 13, "epsilon=0.1", {"4x3", "3", "3", "3", "3"}, 0.2, 2},
    {"BatchNormalization", 15, "training_mode=1", {"3x2x3x2", "2", "2", "2", "2"}, 0.2, 2},
    {"MaxPool", 13, "kernel_shape=3,2 strides=2,2 pads=1,0,1,1", {"2x2x6x5"}},
    {"MaxPool", 13, "kernel_shape=3,3 strides=2,2 ceil_mode=1", {"1x2x6x6"}},
    {"MaxPool", 13, "kernel_shape=2, dilations=2,", {"1x2x7"}},
    {"AveragePool", 13, "kernel_shape=3,2 strides=2,2 pads=1,0,1,1", {"2x2x6x5"}},
    {"AveragePool", 13, "kernel_shape=3,3 strides=2,2 pads=1,1,1,1 count_include_pad=1 ceil_mode=1", {"1x2x6x6"}},
    {"GlobalMaxPool", 13, NULL, {"2x3x4x5"}},
    {"GlobalAveragePool", 13, NULL, {"2x3x4x5"}},
    {"Gemm", 13, "alpha=0.5 beta=2.0", {"3x4", "4x5", "5"}},
    {"Gemm", 13, "transA=1 transB=1", {"4x3", "5x4", "3x1"}},
    {"Gemm", 13, NULL, {"3x4", "4x5"}},
    {"MatMul", 13, NULL, {"3x4", "4x2"}},
    {"MatMul", 13, NULL, {"2x1x3x4", "3x4x2"}},
    {"MatMul", 13, NULL, {"4", "2x4x3"}},
    {"MatMul", 13, NULL, {"2x3x4", "4"}},
    {"Einsum", 13, "equation='bij,bjk->bik'", {"2x3x4", "2x4x2"}},
    {"Einsum", 13, "equation='...ij,jk'", {"2x3x4", "4x2"}},
    {"Einsum", 13, "equation='ii->i'", {"3x3"}},
    {"Softmax", 13, "axis=1", {"2x4x3"}},
    {"Softmax", 11, "axis=1", {"2x2x3"}},
    {"LogSoftmax", 13, NULL, {"2x4"}},

    {"Reshape", 13, NULL, {"2x3x4", "=0,-1"}},
    {"Flatten", 13, "axis=2", {"2x3x4"}},
    {"Squeeze", 13, NULL, {"2x1x4", "=1,"}},
    {"Unsqueeze", 13, NULL, {"2x4", "=0,-1"}},
    {"Identity", 13, NULL, {"2x4"}},
    {"Dropout", 13, NULL, {"2x4"}},
    {"Cast", 13, "to=11", {"2x4"}},
    {"CastLike", 15, NULL, {"2x4", "1"}},
    {"Split", 13, "axis=1", {"2x6", "=1,2,3"}, 0, 0, 3},
    {"Split", 18, "axis=-1 num_outputs=3", {"2x7"}, 0, 0, 3},
    {"Tile", 13, NULL, {"2x3", "=2,3"}},
    {"DepthToSpace", 13, "blocksize=2", {"1x8x2x3"}},
    {"DepthToSpace", 13, "blocksize=2 mode='CRD'", {"1x8x2x3"}},
    {"SpaceToDepth", 13, "blocksize=2", {"1x3x4x6"}},
    {"TopK", 13, NULL, {"3x5", "=2,"}, 0, 0, 2},
    {"CumSum", 14, "exclusive=1", {"2x4", "=1,"}},
    {"CumSum", 14, "reverse=1", {"2x4", "=0,"}},
    {"Trilu", 14, "upper=0", {"2x3x4", "=1,"}},
    {"GatherElements", 13, NULL, {"5", "=3,0,3,-1"}},
    {"GatherND", 13, NULL, {"3x4", "=1,2"}},
    {"ScatterND", 16, NULL, {"4", "=2,", "s"}},
    {"Resize", 13, "mode='linear'", {"1x2x3x4", "", "", "=1,2,5,3"}},
    {"Resize", 13, "mode='cubic' exclude_outside=1", {"1x1x4x5", "", "", "=1,1,6,4"}},
    {"Resize", 13, "mode='nearest' coordinate_transformation_mode='asymmetric'", {"1x2x3x4", "", "", "=1,2,6,4"}},
    {"Upsample", 9, "mode='linear'", {"1x1x3x3", "=1,1,2,2"}},
    {"Concat", 13, "axis=-1", {"2x3", "2x1", "2x4"}},
    {"Gather", 13, "axis=1", {"2x5x2", "=3,0,3,-1"}},
    {"Transpose", 13, "perm=2,0,1", {"2x3x4"}},
    {"Slice", 13, NULL, {"5x6", "=-1,1", "=-9,6", "=0,1", "=-2,2"}},
    {"Slice", 9, "axes=1, starts=1, ends=-1,", {"2x5"}},
    {"Pad", 13, NULL, {"2x3", "=1,-1,2,1"}},
    {"Pad", 13, "mode='reflect'", {"3x4", "=2,3,1,2"}},
    {"Pad", 13, "mode='edge'", {"2x3", "=1,2,0,1"}},
    {"Pad", 19, "mode='wrap'", {"2x3", "=1,4,0,1"}},
    {"Expand", 13, NULL, {"3x1", "=2,1,4"}},

    {"ReduceSum", 13, NULL, {"2x3x4", "=0,2"}},
    {"ReduceMean", 13, "axes=1, keepdims=0", {"2x3x4"}},
    {"ReduceMax", 13, "axes=-1,", {"2x3x4"}},
    {"ReduceMin", 13, NULL, {"2x3"}},
    {"ReduceProd", 13, "axes=1,", {"2x3"}},
    {"ReduceL1", 13, "axes=1,", {"2x3"}},
    {"ReduceL2", 13, "axes=0,", {"2x3"}},
    {"ReduceSumSquare", 13, "axes=1,", {"2x3"}},
    {"ReduceLogSum", 13, "axes=1,", {"2x3"}, 0.3, 2},
    {"ReduceLogSumExp", 13, "axes=1,", {"2x3"}},
};
// clang-format on

/* Their gradient is a convention, tested for itself below. */
static const char *const surrogates[] = {"QuantizeLinear", "DequantizeLinear",
                                         "DynamicQuantizeLinear", "Staircase", "LearnedStep",
                                         "MatMulInteger", "ConvInteger"};

static double loss(const struct trial_run *run, const struct tensor *weights)
{
    double sum = 0;
    for (int i = 0; i < run->node->n_outputs; i++)
        for (int64_t k = 0; k < shape_count(&run->out[i].shape); k++)
            sum += tensor_get(&run->out[i], k) * tensor_get(&weights[i], k);
    return sum;
}

static double loss_at(struct trial_run *run, const struct tensor *weights, int input,
                      int64_t k, double value)
{
    double old = tensor_get(&run->in[input], k);
    tensor_set(&run->in[input], k, value);
    assert_ok(run->node->op->reference(run->node, run->in_list, run->out_list));
    double result = loss(run, weights);
    tensor_set(&run->in[input], k, old);
    return result;
}

/* Random gradients for all outputs; for integer outputs (indices) none. */
static void random_weights(const struct trial_run *run, enum dtype dtype,
                           struct tensor weights[TRIAL_OUTPUTS],
                           const struct tensor *dout[TRIAL_OUTPUTS])
{
    struct rng rng;
    rng_open(&rng, 5, run->node->name, "weights", 0);
    for (int i = 0; i < run->node->n_outputs; i++) {
        assert_ok(tensor_init(&weights[i], dtype, &run->out[i].shape));
        bool real = run->out[i].dtype == DTYPE_F32 || run->out[i].dtype == DTYPE_F64;
        for (int64_t k = 0; k < shape_count(&weights[i].shape) && real; k++)
            tensor_set(&weights[i], k, rng_normal(&rng));
        dout[i] = real ? &weights[i] : NULL;
    }
}

static void run_backward(struct trial_run *run, const struct tensor *const *dout,
                         enum dtype dtype, struct tensor din[TRIAL_INPUTS])
{
    struct tensor *din_list[TRIAL_INPUTS] = {NULL};
    for (int i = 0; i < run->node->n_inputs; i++) {
        if (!run->random[i])
            continue;
        assert_ok(tensor_init(&din[i], dtype, &run->in[i].shape));
        /* "overwritten": what was there before must not matter. */
        for (int64_t k = 0; k < shape_count(&din[i].shape); k++)
            tensor_set(&din[i], k, 1e3);
        din_list[i] = &din[i];
    }
    assert_ok(run->node->op->backward(run->node, run->in_list,
                                      (const struct tensor *const *)run->out_list, dout,
                                      din_list));
}

static void check_differences(struct trial_run *run, const struct tensor *weights,
                              const struct tensor *din)
{
    for (int i = 0; i < run->node->n_inputs; i++)
        for (int64_t k = 0; run->random[i] && k < shape_count(&run->in[i].shape); k++) {
            double x = tensor_get(&run->in[i], k);
            double want = (loss_at(run, weights, i, k, x + step) -
                           loss_at(run, weights, i, k, x - step)) / (2 * step);
            double have = tensor_get(&din[i], k);
            if (fabs(want - have) > tolerance * (1 + fabs(want)))
                fail_msg("%s: input %d[%lld]: %.9g, finite differences say %.9g",
                         run->node->name, i, (long long)k, have, want);
        }
}

static void check_float32(const struct trial *trial, uint64_t seed,
                          const struct tensor din[TRIAL_INPUTS])
{
    struct trial_run run;
    struct tensor weights[TRIAL_OUTPUTS] = {{0}}, single[TRIAL_INPUTS] = {{0}};
    const struct tensor *dout[TRIAL_OUTPUTS] = {NULL};
    trial_open(&run, trial, DTYPE_F32, seed);
    random_weights(&run, DTYPE_F32, weights, dout);
    run_backward(&run, dout, DTYPE_F32, single);
    for (int i = 0; i < run.node->n_inputs; i++)
        for (int64_t k = 0; run.random[i] && k < shape_count(&single[i].shape); k++) {
            double want = tensor_get(&din[i], k), have = tensor_get(&single[i], k);
            if (fabs(want - have) > 1e-4 * (1 + fabs(want)))
                fail_msg("%s: input %d[%lld]: %.9g in float32, %.9g in double", trial->op, i,
                         (long long)k, have, want);
        }
    for (int i = 0; i < TRIAL_OUTPUTS; i++)
        tensor_clear(&weights[i]);
    for (int i = 0; i < TRIAL_INPUTS; i++)
        tensor_clear(&single[i]);
    trial_close(&run);
}

static void check_trial(const struct trial *trial, uint64_t seed)
{
    struct trial_run run;
    struct tensor weights[TRIAL_OUTPUTS] = {{0}}, din[TRIAL_INPUTS] = {{0}};
    const struct tensor *dout[TRIAL_OUTPUTS] = {NULL};
    trial_open(&run, trial, DTYPE_F64, seed);
    assert_non_null(run.node->op->backward);
    random_weights(&run, DTYPE_F64, weights, dout);
    run_backward(&run, dout, DTYPE_F64, din);
    check_differences(&run, weights, din);
    check_float32(trial, seed, din);
    for (int i = 0; i < TRIAL_OUTPUTS; i++)
        tensor_clear(&weights[i]);
    for (int i = 0; i < TRIAL_INPUTS; i++)
        tensor_clear(&din[i]);
    trial_close(&run);
}

static void every_trial_agrees(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
        for (uint64_t seed = 1; seed <= 3; seed++)
            check_trial(&trials[i], seed);
}

static int between(struct rng *rng, int low, int high)
{
    return low + (int)rng_below(rng, (uint32_t)(high - low + 1));
}

/* Convolutions and pools of random geometry. */
static void random_windows_agree(void **state)
{
    (void)state;
    struct rng rng;
    rng_open(&rng, 1, "windows", "gradients", 0);
    for (int i = 0; i < 60; i++) {
        char x[64], w[64], b[16], attributes[128];
        int group = between(&rng, 1, 3), per = between(&rng, 1, 2), maps = between(&rng, 1, 2);
        int kh = between(&rng, 1, 3), kw = between(&rng, 1, 3);
        snprintf(x, sizeof x, "%dx%dx%dx%d", between(&rng, 1, 2), group * per,
                 between(&rng, 5, 7), between(&rng, 5, 7));
        snprintf(w, sizeof w, "%dx%dx%dx%d", group * maps, per, kh, kw);
        snprintf(b, sizeof b, "%d", group * maps);
        int used = snprintf(attributes, sizeof attributes,
                            "strides=%d,%d pads=%d,%d,%d,%d dilations=%d,%d ",
                            between(&rng, 1, 3), between(&rng, 1, 3), between(&rng, 0, kh - 1),
                            between(&rng, 0, kw - 1), between(&rng, 0, kh - 1),
                            between(&rng, 0, kw - 1), between(&rng, 1, 2),
                            between(&rng, 1, 2));
        static const char *const ops[] = {"Conv", "MaxPool", "AveragePool"};
        if (i % 3)
            snprintf(attributes + used, sizeof attributes - (size_t)used,
                     "kernel_shape=%d,%d ceil_mode=%d", kh, kw, between(&rng, 0, 1));
        else
            snprintf(attributes + used, sizeof attributes - (size_t)used, "group=%d", group);
        struct trial trial = {ops[i % 3], 19, attributes, {x, i % 3 ? NULL : w,
                                                           i % 3 ? NULL : b}};
        check_trial(&trial, (uint64_t)i);
    }
}

static bool listed(const struct op *op)
{
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
        if (!strcmp(trials[i].op, op->name) && !trials[i].domain == !op->domain)
            return true;
    for (size_t i = 0; i < sizeof surrogates / sizeof *surrogates; i++)
        if (!strcmp(surrogates[i], op->name))
            return true;
    return false;
}

static void every_backward_is_tried(void **state)
{
    (void)state;
    for (const struct op *const *op = op_registry; *op; op++)
        if ((*op)->backward && !listed(*op))
            fail_msg("%s has a backward that no trial covers", (*op)->name);
}

/* Through a Q/DQ pair the gradient passes unchanged inside the range and not outside. */
static void quantization_is_straight_through(void **state)
{
    (void)state;
    float x[] = {-3, -0.5f, 0, 0.26f, 0.9f, 5}, scale = 0.01f, ones[] = {1, 2, 3, 4, 5, 6};
    const float want[] = {0, 2, 3, 4, 5, 0};
    uint8_t zero = 128;
    struct graph graph = {.opset = 13};
    struct tensor st = {DTYPE_F32, {0}, &scale, false}, zt = {DTYPE_U8, {0}, &zero, false};
    struct value *s = graph_constant(&graph, "s", &st), *z = graph_constant(&graph, "z", &zt);
    struct value *values[3];
    for (int i = 0; i < 3; i++)
        values[i] = graph_value(&graph, "v");
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "DequantizeLinear" : "QuantizeLinear";
        struct node *node = graph_node(&graph, op_find("", name, 13), name, 3, 1);
        node->inputs[0] = values[i];
        node->inputs[1] = s;
        node->inputs[2] = z;
        node->outputs[0] = values[i + 1];
    }
    values[0]->dtype = DTYPE_F32;
    values[0]->shape = (struct shape){1, {6}};
    values[0]->shaped = true;
    graph.inputs = &values[0];
    graph.outputs = &values[2];
    graph.n_inputs = graph.n_outputs = 1;
    assert_ok(graph_update(&graph));
    assert_ok(graph_infer(&graph));
    struct tensor in = {DTYPE_F32, {1, {6}}, x, false}, dout = {DTYPE_F32, {1, {6}}, ones, false};
    struct tensor din;
    assert_ok(graph_gradient(&graph, &in, &dout, &din));
    for (int i = 0; i < 6; i++)
        assert_true(fabs(tensor_get(&din, i) - (double)want[i]) < 1e-6);
    tensor_clear(&din);
    graph_clear(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_trial_agrees),
        cmocka_unit_test(random_windows_agree),
        cmocka_unit_test(every_backward_is_tried),
        cmocka_unit_test(quantization_is_straight_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
