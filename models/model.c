#include "models/model.h"

#include "base/mem.h"
#include "models/onnx/onnx.h"
#include "models/ops/op.h"
#include "models/record.h"
#include "models/runtime/network.h"
#include "models/runtime/report_network.h"

#include <stdlib.h>
#include <string.h>

struct model {
    struct graph graph;
    struct model_record record;
    struct network network;
};

static bool has_node(const struct graph *graph, const char *prefix)
{
    for (int i = 0; i < graph->n_nodes; i++)
        if (!strncmp(graph->nodes[i]->op->name, prefix, strlen(prefix)))
            return true;
    return false;
}

/* What the file's types say of its precision; NULL is fp32. */
static const char *precision_of(const struct graph *graph)
{
    if (has_node(graph, "QuantizeLinear") || has_node(graph, "QLinear") ||
        has_node(graph, "ConvInteger") || has_node(graph, "MatMulInteger"))
        return "int8";
    int64_t wide = 0, half = 0, brain = 0;
    for (int i = 0; i < graph->n_values; i++) {
        const struct tensor *constant = graph->values[i]->constant;
        int64_t count = constant ? shape_count(&constant->shape) : 0;
        wide += constant && constant->dtype == DTYPE_F32 ? count : 0;
        half += constant && constant->dtype == DTYPE_F16 ? count : 0;
        brain += constant && constant->dtype == DTYPE_BF16 ? count : 0;
    }
    return half > wide ? "fp16" : brain > wide ? "bf16" : NULL;
}

static bool fully_known(const struct shape *shape)
{
    for (int i = 1; i < shape->rank; i++)
        if (shape->dim[i] < 0)
            return false;
    return true;
}

/* Classes, parameters and multiplications, from shapes for one picture. */
static enum status count(const struct model *model, struct report_totals *totals)
{
    struct graph special = {0};
    enum status st = graph_specialise(&model->graph, 1, &special);
    if (!st)
        *totals = report_count(&special);
    graph_clear(&special);
    return st;
}

/* A record may fix what the file leaves open: the size of the picture. */
static void fix_size(struct model *model)
{
    const struct preprocess *preprocess = &model->record.preprocess;
    struct shape *shape = &model->graph.inputs[0]->shape;
    int first = !strcmp(preprocess->layout, "nhwc") ? 1 : 2;
    for (int i = 1; i < shape->rank; i++)
        if (shape->dim[i] < 0)
            shape->dim[i] = i == first ? preprocess->height
                            : i == first + 1 ? preprocess->width : 3;
}

static enum status describe(struct model *model, const char *path,
                            const char *const *overrides)
{
    const struct graph *graph = &model->graph;
    if (graph->n_inputs != 1 || graph->n_outputs < 1)
        return status_fail(ERR_UNSUPPORTED,
                           "%s: a classifier has one input and at least one output, this has "
                           "%d and %d", path, graph->n_inputs, graph->n_outputs);
    struct record_facts facts = {graph->metadata, graph->n_metadata, graph->inputs[0]->shape,
                                 0, precision_of(graph)};
    struct report_totals totals = {0};
    bool known = fully_known(&graph->inputs[0]->shape);
    enum status st = known ? count(model, &totals) : OK;
    facts.n_classes = (int)totals.outputs;
    if (st)
        return status_wrap(st, "%s", path);
    st = record_read(path, &facts, overrides, &model->record);
    if (!st && !known) {
        fix_size(model);
        st = status_wrap(count(model, &totals), "%s", path);
        model->record.n_classes = (int)totals.outputs;
    }
    model->record.params = totals.params;
    model->record.macs = totals.macs;
    model->record.opset = graph->opset;
    return st;
}

enum status model_open(const char *path, const char *const *overrides, struct model **out)
{
    struct model *model = mem_new(sizeof *model);
    *out = NULL;
    enum status st = onnx_read(path, &model->graph);
    if (!st)
        st = describe(model, path, overrides);
    if (st) {
        record_clear(&model->record);
        graph_clear(&model->graph);
        free(model);
        return st;
    }
    network_init(&model->network, &model->graph, &model->record.preprocess);
    *out = model;
    return OK;
}

const struct model_record *model_record(const struct model *model)
{
    return &model->record;
}

const struct graph *model_graph(const struct model *model)
{
    return &model->graph;
}

char *model_preprocess_json(const struct model *model)
{
    return record_preprocess_json(&model->record);
}

void model_close(struct model *model)
{
    if (!model)
        return;
    network_clear(&model->network);
    record_clear(&model->record);
    graph_clear(&model->graph);
    free(model);
}

/* The cache of plans is the one thing that changes, under its own lock. */
static struct network *network_of(const struct model *model)
{
    return (struct network *)(uintptr_t)&model->network;
}

enum status model_report(const struct model *model, const struct session_options *options,
                         double seconds, struct report *out)
{
    enum status st = report_network(network_of(model), options, seconds, out);
    if (st)
        return status_wrap(st, "%s", model->record.name);
    out->totals = (struct report_totals){model->record.params, model->record.macs,
                                         model->record.n_classes};
    out->file_bytes = model->record.file_bytes;
    return OK;
}

enum status model_calibrate(struct model *model, const float *const *pictures, size_t n)
{
    return status_wrap(network_calibrate(&model->network, pictures, n), "%s",
                       model->record.name);
}

enum status session_open(const struct model *model, const struct session_options *options,
                         struct session **out)
{
    enum status st = session_open_network(network_of(model), options, out);
    return status_wrap(st, "%s", model->record.name);
}
