/*
 * Any bytes as an ONNX file: read, specialise, and where the network is tiny run it forward
 * and back, before and after all passes. scripts/fuzz runs it; see fuzz_replay.c too.
 */
#include "models/graph/passes.h"
#include "models/onnx/onnx.h"
#include "models/ops/op.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ELEMENTS_MAX = 20000, NODES_MAX = 64 };

/* References may take cubic time: only tiny networks are run. */
static bool tiny(const struct graph *graph)
{
    int64_t total = 0;
    for (int i = 0; i < graph->n_values; i++)
        total += shape_count(&graph->values[i]->shape);
    for (int n = 0; n < graph->n_nodes; n++) {
        int count;
        const int64_t *kernel = node_ints(graph->nodes[n], "kernel_shape", &count);
        for (int i = 0; i < count; i++)
            total += kernel[i] * kernel[i];
    }
    return total < ELEMENTS_MAX && graph->n_nodes <= NODES_MAX && graph->n_inputs < 8;
}

static void run(const struct graph *graph)
{
    struct tensor inputs[8] = {{0}};
    struct tensor *outputs = calloc((size_t)graph->n_outputs, sizeof *outputs);
    struct tensor dinputs[8] = {{0}};
    enum status st = OK;
    for (int i = 0; i < graph->n_inputs && !st; i++) {
        st = tensor_init(&inputs[i], graph->inputs[i]->dtype, &graph->inputs[i]->shape);
        for (int64_t k = 0; !st && k < shape_count(&inputs[i].shape); k++)
            tensor_set(&inputs[i], k, (double)((k * 7919) % 19) / 8 - 1);
    }
    if (!st)
        st = graph_evaluate(graph, inputs, outputs);
    if (!st)
        (void)graph_gradient(graph, inputs, outputs, dinputs);
    for (int i = 0; i < graph->n_inputs; i++) {
        tensor_clear(&inputs[i]);
        tensor_clear(&dinputs[i]);
    }
    for (int i = 0; i < graph->n_outputs && !st; i++)
        tensor_clear(&outputs[i]);
    free(outputs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct graph graph, special;
    if (onnx_parse(data, size, NULL, &graph))
        return 0;
    if (!graph_specialise(&graph, 2, &special)) {
        int found;
        if (tiny(&special))
            run(&special);
        if (!graph_staircase(&special, &found) && !graph_recognise(&special, &found) &&
            !graph_dequantize(&special, &found) && tiny(&special))
            run(&special);
        graph_clear(&special);
    }
    (void)graph_upgrade(&graph, 13);
    graph_clear(&graph);
    return 0;
}
