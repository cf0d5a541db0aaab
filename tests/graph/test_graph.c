/* The graph itself: copies, order, replacing, folding, writing and reading again. */
#include "tests/test.h"

#include "base/file.h"
#include "base/rng.h"
#include "models/graph/passes.h"
#include "models/onnx/onnx.h"
#include "models/ops/op.h"

#include <string.h>

static void corpus_read(const char *name, struct graph *out)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.onnx", source_path("tests/corpus/onnx"), name);
    assert_ok(onnx_read(path, out));
}

static void every_gap_is_listed(void **state)
{
    (void)state;
    static const struct {
        const char *node, *op, *why;
        int opset;
    } expected[] = {
        {"FancyNorm_0", "FancyNorm", "operator FancyNorm", 13},
        {"Conv_2", "Conv", "attribute 'weird'", 13},
        {"Conv_3", "org.example.Conv", "operator org.example.Conv", 1},
    };
    struct onnx_gap *gaps = NULL;
    int count = 0;
    assert_ok(onnx_gaps(source_path("tests/corpus/onnx/bad_gaps.onnx"), &gaps, &count));
    assert_int_equal(count, 3);
    for (int i = 0; i < count; i++) {
        assert_string_equal(gaps[i].node, expected[i].node);
        assert_string_equal(gaps[i].op, expected[i].op);
        assert_non_null(strstr(gaps[i].why, expected[i].why));
        assert_int_equal(gaps[i].opset, expected[i].opset);
    }
    onnx_gaps_clear(gaps, count);
    assert_ok(onnx_gaps(source_path("tests/corpus/onnx/ok_conv.onnx"), &gaps, &count));
    assert_int_equal(count, 0);
}

static void evaluate(const struct graph *graph, struct tensor *y)
{
    struct graph special;
    struct tensor x;
    assert_ok(graph_specialise(graph, 2, &special));
    assert_int_equal(special.n_inputs, 1);
    assert_ok(tensor_init(&x, DTYPE_F32, &special.inputs[0]->shape));
    struct rng rng;
    rng_open(&rng, 7, "graph", "input", 0);
    rng_fill_normal(&rng, x.data, (size_t)shape_count(&x.shape));
    assert_ok(graph_evaluate(&special, &x, y));
    tensor_clear(&x);
    graph_clear(&special);
}

static void assert_same(const struct tensor *a, const struct tensor *b)
{
    assert_int_equal(a->dtype, b->dtype);
    assert_true(shape_equal(&a->shape, &b->shape));
    assert_memory_equal(a->data, b->data,
                        (size_t)shape_count(&a->shape) * dtype_size(a->dtype));
}

static void written_and_read_again_is_the_same(void **state)
{
    (void)state;
    static const char *const names[] = {"ok_conv", "ok_old_opset", "ok_shapes", "ok_qdq",
                                        "ok_attention", "ok_typed_data"};
    char folder[] = "/tmp/gauntlet-graph-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/again.onnx", folder);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct graph graph, shaped, again, twice;
        struct tensor y, z;
        corpus_read(names[i], &graph);
        evaluate(&graph, &y);
        /* An old Softmax can only be written when its shape is known. */
        bool old = !strcmp(names[i], "ok_old_opset");
        if (old) {
            assert_int_equal(onnx_write(&graph, path), ERR_UNSUPPORTED);
            assert_ok(graph_specialise(&graph, 2, &shaped));
        }
        assert_ok(onnx_write(old ? &shaped : &graph, path));
        assert_ok(onnx_read(path, &again));
        assert_true(again.opset >= 13);
        assert_int_equal(again.n_nodes, graph.n_nodes);
        evaluate(&again, &z);
        assert_same(&y, &z);

        /* And written once more it is the same file. */
        struct mapping first, second;
        assert_ok(file_map(path, &first));
        assert_ok(onnx_write(&again, path));
        assert_ok(file_map(path, &second));
        assert_int_equal(first.size, second.size);
        assert_memory_equal(first.data, second.data, first.size);
        assert_ok(onnx_read(path, &twice));
        graph_clear(&twice);
        file_unmap(&first);
        file_unmap(&second);
        tensor_clear(&y);
        tensor_clear(&z);
        graph_clear(&again);
        if (old)
            graph_clear(&shaped);
        graph_clear(&graph);
    }
    unlink(path);
    rmdir(folder);
}

/* The same network as Caffe2 wrote it for opset 3, and today. */
static void old_opsets_mean_the_same(void **state)
{
    (void)state;
    struct graph old, new;
    struct tensor y, z;
    corpus_read("ok_opset3", &old);
    corpus_read("ok_opset3_again", &new);
    assert_int_equal(old.opset, 3);
    evaluate(&old, &y);
    evaluate(&new, &z);
    assert_same(&y, &z);
    tensor_clear(&y);
    tensor_clear(&z);
    graph_clear(&old);
    graph_clear(&new);
}

static void copies_are_independent(void **state)
{
    (void)state;
    struct graph graph, copy;
    corpus_read("ok_conv", &graph);
    assert_ok(graph_copy(&graph, &copy));
    assert_int_equal(copy.n_nodes, graph.n_nodes);
    assert_int_equal(copy.n_values, graph.n_values);
    for (int i = 0; i < copy.n_values; i++) {
        assert_ptr_not_equal(copy.values[i], graph.values[i]);
        assert_ptr_equal(copy.values[i]->constant, graph.values[i]->constant);
        assert_int_equal(copy.values[i]->uses, graph.values[i]->uses);
    }
    node_set_float(&copy, copy.nodes[1], "epsilon", 0.5f);
    assert_true(node_float(copy.nodes[1], "epsilon", 0) == 0.5f);
    assert_true(node_float(graph.nodes[1], "epsilon", 0) == 1e-5f);
    graph_clear(&copy);
    graph_clear(&graph);
}

/* y = relu(relu(x)), with the second put in front of the first by hand. */
static void nodes_are_sorted_and_dead_ones_dropped(void **state)
{
    (void)state;
    struct graph graph = {.opset = 13};
    const struct op *relu = op_find("", "Relu", 13);
    struct value *x = graph_value(&graph, "x"), *a = graph_value(&graph, "a");
    struct value *y = graph_value(&graph, "y"), *dead = graph_value(&graph, "dead");
    struct node *second = graph_node(&graph, relu, "second", 1, 1);
    struct node *unread = graph_node(&graph, relu, "unread", 1, 1);
    struct node *first = graph_node(&graph, relu, "first", 1, 1);
    second->inputs[0] = a;
    second->outputs[0] = y;
    unread->inputs[0] = a;
    unread->outputs[0] = dead;
    first->inputs[0] = x;
    first->outputs[0] = a;
    graph.inputs = &x;
    graph.n_inputs = 1;
    graph.outputs = &y;
    graph.n_outputs = 1;
    assert_ok(graph_update(&graph));
    assert_int_equal(graph.n_nodes, 2);
    assert_string_equal(graph.nodes[0]->name, "first");
    assert_string_equal(graph.nodes[1]->name, "second");
    assert_int_equal(graph.n_values, 3);
    assert_int_equal(a->uses, 1);
    assert_int_equal(y->uses, 1);

    graph_replace(&graph, a, x);
    assert_ok(graph_update(&graph));
    assert_int_equal(graph.n_nodes, 1);

    graph.nodes[0]->inputs[0] = y;
    assert_int_equal(graph_update(&graph), ERR_FORMAT);
    graph_clear(&graph);
}

static void folding_keeps_the_origin(void **state)
{
    (void)state;
    struct graph graph, special;
    corpus_read("ok_qdq", &graph);
    assert_ok(graph_specialise(&graph, 1, &special));
    assert_int_equal(special.n_nodes, 3); /* Q, DQ, Conv: the weights' DQ is folded */
    const struct value *w = special.nodes[2]->inputs[1];
    assert_non_null(w->constant);
    assert_null(w->producer);
    assert_non_null(w->origin);
    assert_string_equal(w->origin->op->name, "DequantizeLinear");
    assert_int_equal(w->origin->inputs[0]->constant->dtype, DTYPE_I8);
    graph_clear(&special);
    graph_clear(&graph);
}

/* Fixed to batch 1 by its exporter, in the input and in a Reshape; run at 3. */
static void a_fixed_batch_is_released(void **state)
{
    (void)state;
    struct graph graph = {.opset = 13}, special;
    int64_t target[2] = {1, 12};
    struct tensor tensor = {DTYPE_I64, {1, {2}}, target, false};
    struct value *x = graph_value(&graph, "x"), *y = graph_value(&graph, "y");
    x->dtype = DTYPE_F32;
    x->shaped = true;
    x->shape = (struct shape){3, {1, 3, 4}};
    struct node *node = graph_node(&graph, op_find("", "Reshape", 13), "r", 2, 1);
    node->inputs[0] = x;
    node->inputs[1] = graph_constant(&graph, "target", &tensor);
    node->outputs[0] = y;
    graph.inputs = &x;
    graph.n_inputs = 1;
    graph.outputs = &y;
    graph.n_outputs = 1;
    assert_ok(graph_update(&graph));
    assert_ok(graph_specialise(&graph, 3, &special));
    assert_int_equal(special.outputs[0]->shape.dim[0], 3);
    assert_int_equal(special.outputs[0]->shape.dim[1], 12);
    graph_clear(&special);
    graph_clear(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_gap_is_listed),
        cmocka_unit_test(written_and_read_again_is_the_same),
        cmocka_unit_test(old_opsets_mean_the_same),
        cmocka_unit_test(copies_are_independent),
        cmocka_unit_test(nodes_are_sorted_and_dead_ones_dropped),
        cmocka_unit_test(folding_keeps_the_origin),
        cmocka_unit_test(a_fixed_batch_is_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
