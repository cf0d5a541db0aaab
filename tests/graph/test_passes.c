/* The passes: each finds what it is for in exported networks, leaves the numbers alone, and
 * finds nothing the second time. */
#include "tests/graph/trial.h"

#include "models/graph/passes.h"
#include "models/onnx/onnx.h"

static void open_family(const char *name, struct graph *graph, struct graph *special)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.onnx", source_path("tests/golden/families"), name);
    assert_ok(onnx_read(path, graph));
    assert_ok(graph_specialise(graph, 1, special));
}

static int count_of(const struct graph *graph, const char *name)
{
    int count = 0;
    for (int n = 0; n < graph->n_nodes; n++)
        count += !strcmp(graph->nodes[n]->op->name, name);
    return count;
}

struct outcome {
    struct tensor y, dx;
};

static void outcome_of(const struct graph *graph, struct outcome *out)
{
    struct tensor x, dy;
    struct rng rng;
    rng_open(&rng, 3, "passes", "input", 0);
    assert_ok(tensor_init(&x, DTYPE_F32, &graph->inputs[0]->shape));
    assert_ok(tensor_init(&dy, DTYPE_F32, &graph->outputs[0]->shape));
    for (int64_t i = 0; i < shape_count(&x.shape); i++)
        tensor_set(&x, i, rng_normal(&rng));
    for (int64_t i = 0; i < shape_count(&dy.shape); i++)
        tensor_set(&dy, i, rng_normal(&rng));
    assert_ok(graph_evaluate(graph, &x, &out->y));
    assert_ok(graph_gradient(graph, &x, &dy, &out->dx));
    tensor_clear(&x);
    tensor_clear(&dy);
}

static void outcome_clear(struct outcome *outcome)
{
    tensor_clear(&outcome->y);
    tensor_clear(&outcome->dx);
}

static void assert_near(const char *name, const struct tensor *a, const struct tensor *b,
                        double room)
{
    double worst = 0, size = 0;
    assert_true(shape_equal(&a->shape, &b->shape));
    for (int64_t i = 0; i < shape_count(&a->shape); i++) {
        worst = fmax(worst, fabs(tensor_get(a, i) - tensor_get(b, i)));
        size = fmax(size, fabs(tensor_get(b, i)));
    }
    if (!(worst <= room * size))
        fail_msg("%s: differs by %.3g of %.3g", name, worst, size);
}

static void forms_are_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int layer_norms, gelus, hard_swishes, silus;
    } want[] = {
        {"vit", 5, 2, 0, 0},      {"deit", 5, 2, 0, 0},     {"mixer", 5, 4, 0, 0},
        {"convnext", 3, 2, 0, 0}, {"convnext_opset11", 3, 2, 0, 0}, {"swin", 8, 3, 0, 0},
        {"mobilenetv3", 0, 0, 4, 0}, {"mobilenetv3_opset9", 0, 0, 4, 0},
        {"efficientnet", 0, 0, 0, 8}, {"resnet", 0, 0, 0, 0},
    };
    char folder[] = "/tmp/gauntlet-passes-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/again.onnx", folder);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct graph graph, special, again, respecial;
        struct outcome before, after;
        int found;
        open_family(want[i].name, &graph, &special);
        outcome_of(&special, &before);
        assert_ok(graph_recognise(&special, &found));
        int have[4] = {count_of(&special, "LayerNormalization"), count_of(&special, "Gelu"),
                       count_of(&special, "HardSwish"), count_of(&special, "QuickGelu")};
        if (have[0] != want[i].layer_norms || have[1] != want[i].gelus ||
            have[2] != want[i].hard_swishes || have[3] != want[i].silus)
            fail_msg("%s: %d layer norms, %d gelus, %d hard swishes, %d silus", want[i].name,
                     have[0], have[1], have[2], have[3]);
        assert_int_equal(count_of(&special, "Erf"), 0);
        outcome_of(&special, &after);
        assert_near(want[i].name, &after.y, &before.y, 2e-6);
        assert_near(want[i].name, &after.dx, &before.dx, 2e-6);
        outcome_clear(&after);

        assert_ok(graph_recognise(&special, &found));
        assert_int_equal(found, 0);

        /* It can be written, with the opset that the new nodes need. */
        assert_ok(onnx_write(&special, path));
        assert_ok(onnx_read(path, &again));
        assert_ok(graph_specialise(&again, 1, &respecial));
        outcome_of(&respecial, &after);
        assert_near(want[i].name, &after.y, &before.y, 2e-6);
        outcome_clear(&after);
        outcome_clear(&before);
        graph_clear(&respecial);
        graph_clear(&again);
        graph_clear(&special);
        graph_clear(&graph);
    }
    unlink(path);
    rmdir(folder);
}

/* A graph of nodes over values by name: "x" is the input, "y" the output. */
struct builder {
    struct graph graph;
    struct value *values[32];
    int count;
};

static struct value *named(struct builder *b, const char *name)
{
    for (int i = 0; i < b->count; i++)
        if (!strcmp(b->values[i]->name, name))
            return b->values[i];
    assert_true(b->count < 32);
    return b->values[b->count++] = graph_value(&b->graph, name);
}

static void constant(struct builder *b, const char *name, enum dtype dtype,
                     struct shape shape, const double *numbers)
{
    struct tensor tensor;
    assert_ok(tensor_init(&tensor, dtype, &shape));
    for (int64_t i = 0; i < shape_count(&shape); i++)
        tensor_set(&tensor, i, numbers[i]);
    b->values[b->count++] = graph_constant(&b->graph, name, &tensor);
    tensor_clear(&tensor);
}

static void scalar(struct builder *b, const char *name, enum dtype dtype, double number)
{
    constant(b, name, dtype, (struct shape){0}, &number);
}

static struct node *add(struct builder *b, const char *op, int opset, const char *inputs,
                        const char *output)
{
    const struct op *found = op_find(strncmp(op, "QLinear", 7) ? NULL : "com.microsoft", op,
                                     opset);
    if (!found)
        found = op_find(NULL, op, opset);
    assert_non_null(found);
    char text[128], *save = NULL;
    struct value *list[16];
    int count = 0;
    snprintf(text, sizeof text, "%s", inputs);
    for (char *name = strtok_r(text, " ", &save); name; name = strtok_r(NULL, " ", &save))
        list[count++] = named(b, name);
    struct node *node = graph_node(&b->graph, found, output, count, 1);
    memcpy(node->inputs, list, (size_t)count * sizeof *list);
    node->version = opset;
    node->outputs[0] = named(b, output);
    return node;
}

static void finish(struct builder *b, struct shape input)
{
    b->graph.inputs = arena_alloc(&b->graph.arena, sizeof *b->graph.inputs);
    b->graph.outputs = arena_alloc(&b->graph.arena, sizeof *b->graph.outputs);
    b->graph.inputs[0] = named(b, "x");
    b->graph.outputs[0] = named(b, "y");
    b->graph.n_inputs = b->graph.n_outputs = 1;
    b->graph.inputs[0]->dtype = DTYPE_F32;
    b->graph.inputs[0]->shape = input;
    b->graph.inputs[0]->shaped = true;
    assert_ok(graph_update(&b->graph));
    assert_ok(graph_infer(&b->graph));
}

static void check_recognised(struct builder *b, const char *op)
{
    struct outcome before, after;
    int found;
    outcome_of(&b->graph, &before);
    assert_ok(graph_recognise(&b->graph, &found));
    assert_int_equal(found > 0, 1);
    assert_int_equal(b->graph.n_nodes, 1);
    assert_string_equal(b->graph.nodes[0]->op->name, op);
    outcome_of(&b->graph, &after);
    assert_near(op, &after.y, &before.y, 1e-6);
    assert_near(op, &after.dx, &before.dx, 2e-6);
    outcome_clear(&before);
    outcome_clear(&after);
    graph_clear(&b->graph);
}

/* The spellings that PyTorch's exporter does not use here. */
static void other_spellings(void **state)
{
    (void)state;
    const struct shape shape = {2, {3, 8}};
    struct builder b = {.graph.opset = 13}; /* GPT's gelu */
    scalar(&b, "three", DTYPE_F32, 3);
    scalar(&b, "cubic", DTYPE_F32, 0.044715);
    scalar(&b, "root", DTYPE_F32, 0.7978845608);
    scalar(&b, "one", DTYPE_F32, 1);
    scalar(&b, "half", DTYPE_F32, 0.5);
    add(&b, "Pow", 13, "x three", "p");
    add(&b, "Mul", 13, "p cubic", "q");
    add(&b, "Add", 13, "x q", "r");
    add(&b, "Mul", 13, "root r", "s");
    add(&b, "Tanh", 13, "s", "t");
    add(&b, "Add", 13, "t one", "u");
    add(&b, "Mul", 13, "x half", "h");
    add(&b, "Mul", 13, "h u", "y");
    finish(&b, shape);
    check_recognised(&b, "Gelu");

    b = (struct builder){.graph.opset = 13}; /* TensorFlow's hard swish */
    scalar(&b, "three", DTYPE_F32, 3);
    scalar(&b, "zero", DTYPE_F32, 0);
    scalar(&b, "six", DTYPE_F32, 6);
    scalar(&b, "sixth", DTYPE_F32, 1.0 / 6);
    add(&b, "Add", 13, "x three", "a");
    add(&b, "Clip", 13, "a zero six", "c");
    add(&b, "Mul", 13, "c x", "m");
    add(&b, "Mul", 13, "m sixth", "y");
    finish(&b, shape);
    check_recognised(&b, "HardSwish");

    b = (struct builder){.graph.opset = 13}; /* and its gate alone */
    scalar(&b, "three", DTYPE_F32, 3);
    scalar(&b, "zero", DTYPE_F32, 0);
    scalar(&b, "six", DTYPE_F32, 6);
    add(&b, "Add", 13, "three x", "a");
    add(&b, "Clip", 13, "a zero six", "c");
    add(&b, "Div", 13, "c six", "y");
    finish(&b, shape);
    check_recognised(&b, "HardSigmoid");
}

/* Near misses stay as they are. */
static void other_sums_are_left_alone(void **state)
{
    (void)state;
    struct builder b = {.graph.opset = 13};
    int found;
    scalar(&b, "c", DTYPE_F32, 1.3);
    scalar(&b, "one", DTYPE_F32, 1);
    scalar(&b, "half", DTYPE_F32, 0.5);
    add(&b, "Div", 13, "x c", "d"); /* not the square root of two */
    add(&b, "Erf", 13, "d", "e");
    add(&b, "Add", 13, "e one", "f");
    add(&b, "Mul", 13, "x f", "g");
    add(&b, "Mul", 13, "g half", "y");
    finish(&b, (struct shape){2, {2, 4}});
    assert_ok(graph_recognise(&b.graph, &found));
    assert_int_equal(found, 0);
    assert_int_equal(b.graph.n_nodes, 5);
    graph_clear(&b.graph);
}

/* The additive-power-of-two network: the same logits, and a gradient where there was none. */
static void staircases_have_a_gradient(void **state)
{
    (void)state;
    REQUIRE_SHARED(path, "data/models/cifar10_apot_resnet20_w2a2.onnx");
    struct graph graph, special;
    struct outcome before, after;
    int found;
    assert_ok(onnx_read(path, &graph));
    assert_ok(graph_specialise(&graph, 1, &special));
    outcome_of(&special, &before);
    assert_ok(graph_staircase(&special, &found));
    assert_int_equal(found, 20); /* every Sum of its README */
    assert_int_equal(count_of(&special, "Greater"), 0);
    outcome_of(&special, &after);
    assert_memory_equal(before.y.data, after.y.data,
                        (size_t)shape_count(&after.y.shape) * sizeof(float));
    double none = 0, some = 0;
    for (int64_t i = 0; i < shape_count(&after.dx.shape); i++) {
        none += fabs(tensor_get(&before.dx, i));
        some += fabs(tensor_get(&after.dx, i));
    }
    assert_true(none == 0);
    assert_true(some > 0);
    assert_ok(graph_staircase(&special, &found));
    assert_int_equal(found, 0);
    outcome_clear(&before);
    outcome_clear(&after);
    graph_clear(&special);
    graph_clear(&graph);
}

/* A small integer network, and what it becomes in float: within one level of each other, and
 * with the gradient of fake quantization. */
static void integer_networks_become_fake_quantization(void **state)
{
    (void)state;
    struct builder b = {.graph.opset = 13};
    struct outcome integer, fake;
    int found;
    double weights[36], bias[4] = {100, -200, 50, 0}, scales[4] = {0.01, 0.02, 0.015, 0.03};
    struct rng rng;
    rng_open(&rng, 9, "integer", "weights", 0);
    for (int i = 0; i < 36; i++)
        weights[i] = (double)rng_below(&rng, 255) - 127;
    const double zeros[4] = {0};
    scalar(&b, "s", DTYPE_F32, 0.02);
    scalar(&b, "z", DTYPE_U8, 128);
    scalar(&b, "ys", DTYPE_F32, 0.05);
    scalar(&b, "yz", DTYPE_U8, 120);
    scalar(&b, "as", DTYPE_F32, 0.09);
    constant(&b, "w", DTYPE_I8, (struct shape){4, {4, 1, 3, 3}}, weights);
    constant(&b, "ws", DTYPE_F32, (struct shape){1, {4}}, scales);
    constant(&b, "wz", DTYPE_I8, (struct shape){1, {4}}, zeros);
    constant(&b, "b", DTYPE_I32, (struct shape){1, {4}}, bias);
    add(&b, "QuantizeLinear", 13, "x s z", "q");
    add(&b, "QLinearConv", 13, "q s z w ws wz ys yz b", "c");
    add(&b, "QLinearLeakyRelu", 1, "c ys yz ys yz", "l");
    add(&b, "QLinearAdd", 1, "c ys yz l ys yz as yz", "a");
    struct node *cat = add(&b, "QLinearConcat", 1, "as yz a as yz c ys yz", "k");
    node_set_int(&b.graph, cat, "axis", 1);
    add(&b, "QLinearGlobalAveragePool", 1, "k as yz ys yz", "p");
    add(&b, "DequantizeLinear", 13, "p ys yz", "y");
    finish(&b, (struct shape){4, {2, 1, 6, 6}});
    outcome_of(&b.graph, &integer);
    assert_ok(graph_dequantize(&b.graph, &found));
    assert_int_equal(found, 5);
    outcome_of(&b.graph, &fake);
    double some = 0;
    for (int64_t i = 0; i < shape_count(&fake.y.shape); i++)
        assert_true(fabs(tensor_get(&fake.y, i) - tensor_get(&integer.y, i)) < 0.05 * 1.001);
    for (int64_t i = 0; i < shape_count(&fake.dx.shape); i++)
        some += fabs(tensor_get(&fake.dx, i));
    assert_true(some > 0);
    assert_ok(graph_dequantize(&b.graph, &found));
    assert_int_equal(found, 0);
    outcome_clear(&integer);
    outcome_clear(&fake);
    graph_clear(&b.graph);
}

/* Dynamic quantization: near the float product, and so is its gradient. */
static void dynamic_quantization_has_a_gradient(void **state)
{
    (void)state;
    struct builder b = {.graph.opset = 13}, f = {.graph.opset = 13};
    struct outcome integer, real;
    double w[12], ws = 0.01, real_w[12];
    for (int i = 0; i < 12; i++) {
        w[i] = (37 * i) % 255 - 127;
        real_w[i] = w[i] * ws;
    }
    constant(&b, "w", DTYPE_I8, (struct shape){2, {4, 3}}, w);
    scalar(&b, "wz", DTYPE_I8, 0);
    scalar(&b, "ws", DTYPE_F32, ws);
    struct node *q = add(&b, "DynamicQuantizeLinear", 13, "x", "q");
    struct value *outputs[3] = {q->outputs[0], named(&b, "s"), named(&b, "z")};
    q->outputs = outputs;
    q->n_outputs = 3;
    add(&b, "MatMulInteger", 13, "q w z wz", "i");
    struct node *cast = add(&b, "Cast", 13, "i", "c");
    node_set_int(&b.graph, cast, "to", 1);
    add(&b, "Mul", 13, "s ws", "m");
    add(&b, "Mul", 13, "c m", "y");
    finish(&b, (struct shape){2, {5, 4}});
    constant(&f, "w", DTYPE_F32, (struct shape){2, {4, 3}}, real_w);
    add(&f, "MatMul", 13, "x w", "y");
    finish(&f, (struct shape){2, {5, 4}});
    outcome_of(&b.graph, &integer);
    outcome_of(&f.graph, &real);
    assert_near("dynamic", &integer.y, &real.y, 0.02);
    assert_near("dynamic gradient", &integer.dx, &real.dx, 1e-5);
    outcome_clear(&integer);
    outcome_clear(&real);
    graph_clear(&b.graph);
    graph_clear(&f.graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_are_recognised),
        cmocka_unit_test(other_spellings),
        cmocka_unit_test(other_sums_are_left_alone),
        cmocka_unit_test(staircases_have_a_gradient),
        cmocka_unit_test(integer_networks_become_fake_quantization),
        cmocka_unit_test(dynamic_quantization_has_a_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
