/* Methods beyond rounding: equalisation, learned steps, QDrop, mixed precision, resuming. */
#include "tests/compress/networks.h"

#include "base/file.h"
#include "models/compress/sensitivity.h"
#include "models/ops/op.h"
#include "models/runtime/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- cross-layer equalisation --------------------------------------------------------- */

/* Spoils a network for grids of whole tensors, without changing what it computes: every
 * other channel of the first layer that a Relu and a layer follow is 100 times smaller. */
static void unbalance(struct graph *graph)
{
    struct node *first = NULL, *second = NULL;
    for (int i = 0; i < graph->n_nodes && !second; i++) {
        if (strcmp(graph->nodes[i]->op->name, "Conv"))
            continue;
        second = first ? graph->nodes[i] : NULL;
        first = first ? first : graph->nodes[i];
    }
    float *w1 = first->inputs[1]->constant->data, *w2 = second->inputs[1]->constant->data;
    const struct shape *s1 = &first->inputs[1]->shape, *s2 = &second->inputs[1]->shape;
    int64_t row = shape_count(s1) / s1->dim[0], kernel = s2->dim[2] * s2->dim[3];
    assert_true(first->n_inputs < 3); /* the architectures have batch norm, no bias */
    for (int64_t i = 0; i < s1->dim[0]; i += 2) {
        for (int64_t k = 0; k < row; k++)
            w1[i * row + k] /= 100;
        for (int64_t o = 0; o < s2->dim[0]; o++)
            for (int64_t k = 0; k < kernel; k++)
                w2[(o * s2->dim[1] + i) * kernel + k] *= 100;
    }
}

/* Of some sum of the logits, at the first sample. */
static void input_gradient(const struct compress *c, float *dx)
{
    const struct training_options options = {1, 1, true};
    struct graph graph;
    struct training *training;
    assert_ok(compress_cut(&c->full, c->full.inputs[0]->name, c->full.outputs[0]->name, -1,
                           &graph));
    assert_ok(training_open(&graph, &options, &training));
    struct training_part p = training_part(training, 0);
    memcpy(p.x, x, INPUT * sizeof *x);
    assert_ok(training_forward(training, 0, p.x, p.logits));
    for (int k = 0; k < CLASSES; k++)
        p.dlogits[k] = (float)k - 4.2f;
    assert_ok(training_backward(training, 0, p.dlogits, dx));
    training_close(training);
    graph_clear(&graph);
}

/* Equalised networks compute the same, and the same gradients, also where Clip(0, 6) lies
 * between, which becomes Relu and Min; the largest weights of the two sides meet. */
static void equalisation_changes_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"vgg-small", "mobilenetv2-small", "resnet8"};
    for (size_t i = 0; i < 3; i++) {
        struct compress_rule plain = rule_of(8, 32, 1);
        struct compress_rule rule = with_method(plain, "cle");
        struct compress a, b;
        float before[SAMPLES * CLASSES], after[SAMPLES * CLASSES];
        struct graph *graph = build_network(names[i]);
        open_graph(graph, &plain, &a);
        open_graph(graph, &rule, &b);
        logits_of(&a, &a.full, before);
        logits_of(&b, &b.full, after);
        bool moved = false;
        for (int k = 0; k < a.layers[0].count; k++)
            moved |= ((float *)a.layers[0].original->inputs[1]->constant->data)[k] !=
                     ((float *)b.layers[0].original->inputs[1]->constant->data)[k];
        assert_true(moved || i == 2); /* in resnet8 a sum follows the first layer */
        for (int k = 0; k < SAMPLES * CLASSES; k++)
            assert_true(fabs((double)(before[k] - after[k])) <
                        1e-4 * (1 + fabs((double)before[k])));
        float slope[INPUT], turned[INPUT];
        double far = 0, length = 0;
        input_gradient(&a, slope);
        input_gradient(&b, turned);
        for (int k = 0; k < INPUT; k++) {
            far += pow((double)(slope[k] - turned[k]), 2);
            length += pow((double)slope[k], 2);
        }
        assert_true(length > 0 && far < 1e-8 * length);
        compress_clear(&a);
        compress_clear(&b);
    }
}

static void equalisation_mends_whole_tensor_grids(void **state)
{
    (void)state;
    struct compress_rule plain = rule_of(8, 32, 1);
    plain.preset = preset_find("snpe");
    struct compress_rule rule = with_method(plain, "cle");
    struct compress a, b;
    struct graph *graph = build_network("vgg-small");
    unbalance(graph);
    open_graph(graph, &plain, &a);
    open_graph(graph, &rule, &b);
    double without = error_of(&a, &a.work), with = error_of(&b, &b.work);
    if (with > 0.5 * without)
        fail_msg("equalised %g, not %g", with, without);
    compress_clear(&a);
    compress_clear(&b);
}

/* --- activations ---------------------------------------------------------------------- */

static double loss_before, loss_after; /* over the blocks whose steps were learned */

static void add_losses(const char *line)
{
    double before, after;
    const char *loss = strstr(line, "loss ");
    if (!strncmp(line, "steps, ", 7) && loss &&
        sscanf(loss, "loss %lf -> %lf", &before, &after) == 2) {
        loss_before += before;
        loss_after += after;
    }
}

static struct compress run_method(const char *method, int weights, int acts, int steps,
                                  int threads)
{
    static struct compress_rule rules[16];
    static int n;
    struct compress_rule *rule = &rules[n++];
    struct compress c;
    *rule = with_method(rule_of(weights, acts, threads), method);
    rule->step_iterations = steps;
    open_network("resnet8", rule, &c);
    c.note = add_losses;
    assert_ok(compress_run(&c));
    return c;
}

/* Learned steps bring the blocks nearer than observed ones; every grid stays a grid. */
static void steps_are_learned(void **state)
{
    (void)state;
    loss_before = loss_after = 0;
    struct compress observed = run_method("brecq", 8, 2, 0, 1);
    assert_true(loss_before == 0);
    struct compress learned = run_method("brecq", 8, 2, 400, 1);
    bool moved = false;
    for (int i = 0; i < observed.n_acts; i++) {
        assert_true(learned.acts[i].grid.scale > 0);
        assert_int_equal(observed.acts[i].grid.zero, learned.acts[i].grid.zero);
        moved |= observed.acts[i].grid.scale != learned.acts[i].grid.scale;
    }
    assert_true(moved);
    if (!(loss_after < loss_before))
        fail_msg("losses %g -> %g", loss_before, loss_after);
    compress_clear(&observed);
    compress_clear(&learned);
}

/* With activations of few bits, weights that were learned amid them are better than
 * nearest ones; and the same on two threads. */
static void qdrop_learns_amid_noise(void **state)
{
    (void)state;
    struct compress nearest = run_method("rtn", 3, 3, 0, 1);
    struct compress one = run_method("qdrop", 3, 3, 0, 1);
    struct compress two = run_method("qdrop", 3, 3, 0, 2);
    double before = error_of(&nearest, compress_quantized(&nearest));
    double after = error_of(&one, compress_quantized(&one));
    if (after > 0.8 * before)
        fail_msg("qdrop %g, nearest %g", after, before);
    for (int i = 0; i < one.n_layers; i++)
        assert_memory_equal(one.layers[i].codes, two.layers[i].codes,
                            (size_t)one.layers[i].count * sizeof(int32_t));
    for (int i = 0; i < one.n_acts; i++)
        assert_true(one.acts[i].grid.scale == two.acts[i].grid.scale);
    compress_clear(&nearest);
    compress_clear(&one);
    compress_clear(&two);
}

/* The kernel is the operator's reference, value and gradients, also where elements pass. */
static void kernel_of_learned_steps(void **state)
{
    (void)state;
    for (int trial = 0; trial < 4; trial++) {
        struct compress c = run_method("rtn", 8, 4, 0, 1);
        struct graph graph, special;
        assert_ok(graph_copy(&c.staged, &graph));
        for (int i = 0; i < graph.n_nodes; i++) {
            struct node *node = graph.nodes[i];
            if (strcmp(node->op->name, "LearnedStep"))
                continue;
            if (trial % 2)
                node_set_float(&graph, node, "share", 0.5f);
            ((float *)node->inputs[1]->constant->data)[1] = (float)(trial / 2);
        }
        assert_ok(graph_specialise(&graph, 1, &special));
        float kernel[SAMPLES * CLASSES];
        logits_of(&c, &special, kernel);
        struct tensor input = {DTYPE_F32, special.inputs[0]->shape, x, false}, z;
        assert_ok(graph_evaluate(&special, &input, &z));
        double off = 0, size = 0;
        for (int i = 0; i < CLASSES; i++) {
            off += pow(tensor_get(&z, i) - (double)kernel[i], 2);
            size += pow((double)kernel[i], 2);
        }
        /* Sums in another order may move a value over the edge of a code. */
        assert_true(off < 1e-2 * size);
        tensor_clear(&z);
        graph_clear(&special);
        graph_clear(&graph);
        compress_clear(&c);
    }
}

/* One operator alone in a training plan: values and gradients of the reference. */
static void gradient_of_a_step(void **state)
{
    (void)state;
    enum { N = 64, SIZE = 8 };
    struct graph graph = {0};
    graph.opset = 13;
    struct value *in = graph_value(&graph, "in");
    in->dtype = DTYPE_F32;
    in->shape = (struct shape){2, {-1, N}};
    in->shaped = true;
    graph.inputs = arena_alloc(&graph.arena, sizeof(struct value *));
    graph.outputs = arena_alloc(&graph.arena, sizeof(struct value *));
    graph.inputs[0] = in;
    graph.n_inputs = graph.n_outputs = 1;
    float start[2] = {0.37f, 5};
    const struct tensor tensor = {DTYPE_F32, {1, {2}}, start, false};
    struct node *node =
        graph_node(&graph, op_find("gauntlet", "LearnedStep", 1), "learned", 2, 1);
    node->version = 1;
    node->inputs[0] = in;
    node->inputs[1] = graph_constant(&graph, "step_0", &tensor);
    node->inputs[1]->trainable = true;
    node_set_int(&graph, node, "low", -3);
    node_set_int(&graph, node, "high", 4);
    node_set_float(&graph, node, "share", 0.5f);
    node->outputs[0] = graph_value(&graph, "out");
    node->outputs[0]->producer = node;
    graph.outputs[0] = node->outputs[0];
    assert_ok(graph_update(&graph));

    struct training *training;
    const struct training_options options = {1, SIZE, true};
    assert_ok(training_open(&graph, &options, &training));
    float data[SIZE * N], y[SIZE * N], dy[SIZE * N], dx[SIZE * N];
    struct rng rng;
    rng_open(&rng, 3, "step", "test", 0);
    rng_fill_normal(&rng, data, SIZE * N);
    rng_fill_normal(&rng, dy, SIZE * N);
    assert_ok(training_forward(training, 0, data, y));
    assert_ok(training_backward(training, 0, dy, dx));
    training_reduce(training);

    const struct shape shape = {2, {SIZE, N}};
    struct tensor x_tensor = {DTYPE_F32, shape, data, false},
                  s_tensor = {DTYPE_F32, {1, {2}}, start, false},
                  dy_tensor = {DTYPE_F32, shape, dy, false}, out, dx_tensor, ds_tensor;
    assert_ok(tensor_init(&out, DTYPE_F32, &shape));
    assert_ok(tensor_init(&dx_tensor, DTYPE_F32, &shape));
    assert_ok(tensor_init(&ds_tensor, DTYPE_F32, &s_tensor.shape));
    const struct tensor *ins[] = {&x_tensor, &s_tensor}, *douts[] = {&dy_tensor},
                        *outs[] = {&out};
    struct tensor *writes[] = {&out}, *dins[] = {&dx_tensor, &ds_tensor};
    assert_ok(node->op->reference(node, ins, writes));
    assert_ok(node->op->backward(node, ins, outs, douts, dins));
    int passed = 0;
    for (int i = 0; i < SIZE * N; i++) {
        assert_true(fabs(tensor_get(&out, i) - (double)y[i]) < 1e-6);
        assert_true(tensor_get(&dx_tensor, i) == (double)dx[i]);
        passed += y[i] == data[i];
    }
    assert_in_range(passed, SIZE * N / 3, 2 * SIZE * N / 3);
    double ds = (double)training_variable(training, 0)->gradient[0];
    assert_true(fabs(ds - tensor_get(&ds_tensor, 0)) < 1e-3);

    tensor_clear(&out);
    tensor_clear(&dx_tensor);
    tensor_clear(&ds_tensor);
    training_close(training);
    graph_clear(&graph);
}

/* --- Fisher --------------------------------------------------------------------------- */

/* KL divergence of the first sample's outputs. */
static double divergence_at(struct compress *c, const struct graph *graph)
{
    float p[SAMPLES * CLASSES], q[SAMPLES * CLASSES];
    double sum = 0, zp = 0, zq = 0;
    logits_of(c, &c->full, p);
    logits_of(c, graph, q);
    for (int k = 0; k < CLASSES; k++) {
        zp += exp((double)p[k]);
        zq += exp((double)q[k]);
    }
    for (int k = 0; k < CLASSES; k++) {
        double lp = (double)p[k] - log(zp);
        sum += exp(lp) * (lp - (double)q[k] + log(zq));
    }
    return sum;
}

/* `work` with one element of a value moved. */
static double divergence_moved(struct compress *c, const char *name, size_t k, float by)
{
    struct graph graph;
    assert_ok(graph_copy(&c->work, &graph));
    struct value *y = compress_value(&graph, name);
    float *move = calloc((size_t)shape_count(&y->shape), sizeof *move);
    const struct tensor tensor = {DTYPE_F32, y->shape, move, false};
    move[k] = by;
    struct node *add = graph_node(&graph, op_find(NULL, "Add", 13), "moved", 2, 1);
    add->version = 13;
    add->outputs[0] = graph_value(&graph, "moved");
    add->outputs[0]->producer = add;
    graph_replace(&graph, y, add->outputs[0]);
    add->inputs[0] = y;
    add->inputs[1] = graph_constant(&graph, "move", &tensor);
    assert_ok(graph_update(&graph));
    assert_ok(graph_infer(&graph));
    double result = divergence_at(c, &graph);
    graph_clear(&graph);
    free(move);
    return result;
}

/* Finite differences at elements of a block's exit, in a network that is quantized up to
 * there and in float behind. */
static void fisher_is_the_gradient(void **state)
{
    (void)state;
    struct compress_rule rule = rule_of(2, 32, 1);
    struct compress c;
    struct block *blocks;
    float *fisher;
    int seen = 0;
    open_network("resnet8", &rule, &c);
    c.n_samples = 1;
    int n = compress_blocks(&c, &blocks);
    const struct block *block = &blocks[n - 2];
    assert_ok(compress_fisher(&c, block, &fisher));
    for (int i = block->last; i < c.n_layers; i++)
        divergence_float(&c.layers[i]);
    size_t count = (size_t)shape_count(&compress_value(&c.full, block->exit)->shape);
    for (size_t k = 0; k < count; k += count / 40) {
        double gradient = (double)fisher[k] - 1;
        double slope = fabs(divergence_moved(&c, block->exit, k, 0.1f) -
                            divergence_moved(&c, block->exit, k, -0.1f)) /
                       0.2;
        seen += gradient > 1e-5;
        if (fabs(slope - gradient) > 0.02 * gradient + 1e-6)
            fail_msg("element %zu: %g, by differences %g", k, gradient, slope);
    }
    assert_true(seen > 0);
    free(fisher);
    free(blocks);
    compress_clear(&c);
}

/* --- mixed precision ------------------------------------------------------------------ */

static void search_keeps_its_budget(void **state)
{
    (void)state;
    struct compress_rule rule = rule_of(4, 8, 1);
    struct compress uniform, c;
    open_network("resnet8", &rule, &uniform);
    for (enum budget_kind kind = BUDGET_SIZE; kind <= BUDGET_BOPS; kind++) {
        struct budget budget = {kind, compress_cost(&uniform, kind), {2, 4, 8}, 3};
        open_network("resnet8", &rule, &c);
        assert_ok(compress_search(&c, &budget));
        assert_true(compress_cost(&c, kind) <= budget.limit);
        assert_int_equal(c.layers[0].bits, 8);
        assert_int_equal(c.layers[c.n_layers - 1].bits, 8);
        double mixed = error_of(&c, &c.work), flat = error_of(&uniform, &uniform.work);
        if (mixed > flat)
            fail_msg("searched %g, uniform %g", mixed, flat);
        budget.limit /= 4;
        assert_int_equal(compress_search(&c, &budget), ERR_USAGE);
        compress_clear(&c);
    }
    compress_clear(&uniform);
}

/* A layer's sensitivity falls with its bits, and measuring leaves the codes alone. */
static void sensitivity_falls_with_bits(void **state)
{
    (void)state;
    struct compress_rule low = rule_of(2, 32, 1), high = rule_of(6, 32, 1);
    struct compress a, b;
    open_network("resnet8", &low, &a);
    open_network("resnet8", &high, &b);
    double before = error_of(&a, &a.work);
    assert_ok(compress_sensitivity(&a));
    assert_ok(compress_sensitivity(&b));
    assert_true(error_of(&a, &a.work) == before);
    for (int i = 1; i < a.n_layers - 1; i++) {
        assert_true(b.layers[i].sensitivity >= 0);
        assert_true(a.layers[i].sensitivity > b.layers[i].sensitivity);
    }
    compress_clear(&a);
    compress_clear(&b);
}

/* --- resuming ------------------------------------------------------------------------- */

static char state_path[64], kept_path[80];
static int lines;

/* Keeps the state as it is while the third block runs: what a kill then would leave. */
static void keep_third(const char *line)
{
    (void)line;
    if (++lines == 3) {
        struct mapping file;
        assert_ok(file_map(state_path, &file));
        assert_ok(file_replace(kept_path, file.data, file.size));
        file_unmap(&file);
    }
}

static void count_lines(const char *line)
{
    lines += !strstr(line, "blocks done");
}

static void killed_runs_go_on(void **state)
{
    (void)state;
    snprintf(state_path, sizeof state_path, "/tmp/gauntlet_state_%d", (int)getpid());
    snprintf(kept_path, sizeof kept_path, "%s_kept", state_path);
    struct compress_rule rule = with_method(rule_of(3, 4, 1), "brecq");
    struct compress a, b, other;
    open_network("resnet8", &rule, &a);
    a.note = keep_third;
    assert_ok(compress_resume(&a, state_path, "identity"));
    assert_ok(compress_run(&a));
    int all = lines;

    lines = 0;
    open_network("resnet8", &rule, &b);
    b.note = count_lines;
    assert_int_equal(compress_resume(&b, kept_path, "another"), ERR_USAGE);
    assert_ok(compress_resume(&b, kept_path, "identity"));
    assert_int_equal(b.steps_done, 2);
    assert_ok(compress_run(&b));
    assert_int_equal(lines, all - 2);
    for (int i = 0; i < a.n_layers; i++)
        assert_memory_equal(a.layers[i].codes, b.layers[i].codes,
                            (size_t)a.layers[i].count * sizeof(int32_t));
    for (int i = 0; i < a.n_acts; i++)
        assert_true(a.acts[i].grid.scale == b.acts[i].grid.scale);

    /* Weights serve other activations: only those are learned anew. */
    struct compress_rule eight = with_method(rule_of(3, 8, 1), "brecq");
    int weights = 0;
    open_network("resnet8", &eight, &other);
    other.note = count_lines;
    assert_ok(compress_resume(&other, state_path, "identity"));
    weights = other.steps_done;
    assert_true(weights > 2 && weights < a.steps_done);
    assert_null(other.loaded_steps);
    unlink(state_path);
    unlink(kept_path);
    compress_clear(&a);
    compress_clear(&b);
    compress_clear(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equalisation_changes_nothing),
        cmocka_unit_test(equalisation_mends_whole_tensor_grids),
        cmocka_unit_test(steps_are_learned),
        cmocka_unit_test(qdrop_learns_amid_noise),
        cmocka_unit_test(kernel_of_learned_steps),
        cmocka_unit_test(gradient_of_a_step),
        cmocka_unit_test(fisher_is_the_gradient),
        cmocka_unit_test(search_keeps_its_budget),
        cmocka_unit_test(sensitivity_falls_with_bits),
        cmocka_unit_test(killed_runs_go_on),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    close_networks();
    return failed;
}
