/* From a graph to a file: a ModelProto that borrows everything from the graph, packed once. */
#include "models/onnx/onnx.h"

#include "base/file.h"
#include "models/graph/passes.h"
#include "models/ops/op.h"

#include <stdlib.h>
#include <string.h>

#include <onnx.pb-c.h>

/* IR 10 brought opset 21 and the 4-bit types. */
enum { IR_VERSION = 8, IR_VERSION_21 = 10, OPSET_MIN = 13 };

/* protobuf-c's structs hold plain pointers to what they only read. */
static void *unconst(const void *p)
{
    union {
        const void *from;
        void *to;
    } cast = {p};
    return cast.to;
}

/* Two elements a byte, the first in the low half. */
static ProtobufCBinaryData pack_nibbles(struct arena *arena, const struct tensor *tensor)
{
    size_t count = (size_t)shape_count(&tensor->shape), bytes = (count + 1) / 2;
    const uint8_t *from = tensor->data;
    uint8_t *to = arena_alloc(arena, bytes);
    for (size_t i = 0; i < count; i++)
        to[i / 2] |= (uint8_t)((from[i] & 15) << (i % 2 ? 4 : 0));
    return (ProtobufCBinaryData){bytes, to};
}

static ProtobufCBinaryData raw_data(struct arena *arena, const struct tensor *tensor)
{
    if (tensor->dtype == DTYPE_I4 || tensor->dtype == DTYPE_U4)
        return pack_nibbles(arena, tensor);
    size_t bytes = (size_t)shape_count(&tensor->shape) * dtype_size(tensor->dtype);
    return (ProtobufCBinaryData){bytes, tensor->data};
}

static Onnx__TensorProto *tensor_proto(struct arena *arena, const struct tensor *tensor,
                                       const char *name)
{
    Onnx__TensorProto *proto = arena_alloc(arena, sizeof *proto);
    onnx__tensor_proto__init(proto);
    proto->name = unconst(name);
    proto->n_dims = (size_t)tensor->shape.rank;
    proto->dims = unconst(tensor->shape.dim);
    proto->has_data_type = 1;
    proto->data_type = onnx_dtype_number(tensor->dtype);
    proto->has_raw_data = 1;
    proto->raw_data = raw_data(arena, tensor);
    return proto;
}

static Onnx__AttributeProto *attribute_proto(struct arena *arena, const struct attribute *in)
{
    Onnx__AttributeProto *proto = arena_alloc(arena, sizeof *proto);
    onnx__attribute_proto__init(proto);
    proto->name = unconst(in->name);
    proto->has_type = 1;
    switch (in->kind) {
    case ATTR_INT:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        proto->has_i = 1;
        proto->i = in->i;
        break;
    case ATTR_FLOAT:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        proto->has_f = 1;
        proto->f = in->f;
        break;
    case ATTR_STRING:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        proto->has_s = 1;
        proto->s = (ProtobufCBinaryData){strlen(in->s), unconst(in->s)};
        break;
    case ATTR_INTS:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        proto->n_ints = (size_t)in->count;
        proto->ints = unconst(in->ints);
        break;
    case ATTR_FLOATS:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
        proto->n_floats = (size_t)in->count;
        proto->floats = unconst(in->floats);
        break;
    case ATTR_TENSOR:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
        proto->t = tensor_proto(arena, in->tensor, NULL);
        break;
    }
    return proto;
}

/* Names as the file had them, unless two values share one or it is empty: then "v7". */
static const char **unique_names(struct arena *arena, const struct graph *graph)
{
    size_t count = (size_t)graph->n_values, room = 16;
    while (room < 2 * count)
        room *= 2;
    const char **names = arena_alloc(arena, count * sizeof *names);
    const char **slots = mem_array(room, sizeof *slots);
    for (size_t v = 0; v < count; v++) {
        const char *name = graph->values[v]->name;
        for (int tries = 0;; tries++) {
            if (tries || !*name)
                name = arena_format(arena, "%s_v%zu_%d", graph->values[v]->name, v, tries);
            size_t i = 5381;
            for (const char *c = name; *c; c++)
                i = i * 33 + (unsigned char)*c;
            for (i &= room - 1; slots[i] && strcmp(slots[i], name);)
                i = (i + 1) & (room - 1);
            if (!slots[i]) {
                slots[i] = names[v] = name;
                break;
            }
        }
    }
    free(slots);
    return names;
}

static Onnx__NodeProto *node_proto(struct arena *arena, const struct node *node,
                                   const char **names)
{
    Onnx__NodeProto *proto = arena_alloc(arena, sizeof *proto);
    onnx__node_proto__init(proto);
    proto->name = unconst(node->name);
    proto->op_type = unconst(node->op->name);
    proto->domain = unconst(node->op->domain);
    proto->n_input = (size_t)node->n_inputs;
    proto->n_output = (size_t)node->n_outputs;
    proto->n_attribute = (size_t)node->n_attributes;
    proto->input = arena_alloc(arena, proto->n_input * sizeof *proto->input);
    proto->output = arena_alloc(arena, proto->n_output * sizeof *proto->output);
    proto->attribute = arena_alloc(arena, proto->n_attribute * sizeof *proto->attribute);
    for (int i = 0; i < node->n_inputs; i++)
        proto->input[i] = unconst(node->inputs[i] ? names[node->inputs[i]->id] : "");
    for (int i = 0; i < node->n_outputs; i++)
        proto->output[i] = unconst(node->outputs[i] ? names[node->outputs[i]->id] : "");
    for (int i = 0; i < node->n_attributes; i++)
        proto->attribute[i] = attribute_proto(arena, &node->attributes[i]);
    return proto;
}

static Onnx__ValueInfoProto *info_proto(struct arena *arena, const struct value *value,
                                        const char *name)
{
    Onnx__ValueInfoProto *info = arena_alloc(arena, sizeof *info);
    Onnx__TypeProto *type = arena_alloc(arena, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = arena_alloc(arena, sizeof *tensor);
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    info->name = unconst(name);
    info->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = onnx_dtype_number(value->dtype);
    if (!value->shaped)
        return info;

    Onnx__TensorShapeProto *shape = arena_alloc(arena, sizeof *shape);
    onnx__tensor_shape_proto__init(shape);
    tensor->shape = shape;
    shape->n_dim = (size_t)value->shape.rank;
    shape->dim = arena_alloc(arena, shape->n_dim * sizeof *shape->dim);
    for (int i = 0; i < value->shape.rank; i++) {
        Onnx__TensorShapeProto__Dimension *dim = arena_alloc(arena, sizeof *dim);
        onnx__tensor_shape_proto__dimension__init(dim);
        bool known = value->shape.dim[i] >= 0;
        dim->value_case = known ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
                                : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        if (known)
            dim->dim_value = value->shape.dim[i];
        else
            dim->dim_param = unconst(i ? arena_format(arena, "D%d", i) : "N");
        shape->dim[i] = dim;
    }
    return info;
}

static Onnx__GraphProto *graph_proto(struct arena *arena, const struct graph *graph)
{
    const char **names = unique_names(arena, graph);
    Onnx__GraphProto *proto = arena_alloc(arena, sizeof *proto);
    onnx__graph_proto__init(proto);
    proto->name = unconst(graph->name && *graph->name ? graph->name : "graph");
    proto->n_node = (size_t)graph->n_nodes;
    proto->n_input = (size_t)graph->n_inputs;
    proto->n_output = (size_t)graph->n_outputs;
    proto->node = arena_alloc(arena, proto->n_node * sizeof *proto->node);
    proto->input = arena_alloc(arena, proto->n_input * sizeof *proto->input);
    proto->output = arena_alloc(arena, proto->n_output * sizeof *proto->output);
    proto->initializer = arena_alloc(arena, (size_t)graph->n_values *
                                                sizeof *proto->initializer);
    for (int i = 0; i < graph->n_nodes; i++)
        proto->node[i] = node_proto(arena, graph->nodes[i], names);
    for (int i = 0; i < graph->n_inputs; i++)
        proto->input[i] = info_proto(arena, graph->inputs[i], names[graph->inputs[i]->id]);
    for (int i = 0; i < graph->n_outputs; i++)
        proto->output[i] = info_proto(arena, graph->outputs[i], names[graph->outputs[i]->id]);
    for (int i = 0; i < graph->n_values; i++)
        if (graph->values[i]->constant)
            proto->initializer[proto->n_initializer++] =
                tensor_proto(arena, graph->values[i]->constant, names[i]);
    return proto;
}

static void add_opsets(struct arena *arena, const struct graph *graph, Onnx__ModelProto *model)
{
    const char *domains[16] = {""};
    int64_t versions[16] = {graph->opset};
    size_t count = 1;
    for (int n = 0; n < graph->n_nodes; n++) {
        const struct node *node = graph->nodes[n];
        size_t i = 0;
        while (i < count && strcmp(domains[i], node->op->domain ? node->op->domain : ""))
            i++;
        if (i == count && count < 16) {
            domains[count] = node->op->domain;
            versions[count++] = node->version;
        }
    }
    model->opset_import = arena_alloc(arena, count * sizeof *model->opset_import);
    model->n_opset_import = count;
    for (size_t i = 0; i < count; i++) {
        Onnx__OperatorSetIdProto *set = arena_alloc(arena, sizeof *set);
        onnx__operator_set_id_proto__init(set);
        set->domain = unconst(domains[i]);
        set->has_version = 1;
        set->version = versions[i];
        model->opset_import[i] = set;
    }
}

static void add_metadata(struct arena *arena, const struct graph *graph,
                         Onnx__ModelProto *model)
{
    size_t count = (size_t)graph->n_metadata;
    model->n_metadata_props = count;
    model->metadata_props = arena_alloc(arena, count * sizeof *model->metadata_props);
    for (size_t i = 0; i < count; i++) {
        Onnx__StringStringEntryProto *entry = arena_alloc(arena, sizeof *entry);
        onnx__string_string_entry_proto__init(entry);
        entry->key = unconst(graph->metadata[i][0]);
        entry->value = unconst(graph->metadata[i][1]);
        model->metadata_props[i] = entry;
    }
}

static enum status write_model(const struct graph *graph, const char *path)
{
    struct arena arena = {0};
    Onnx__ModelProto model;
    onnx__model_proto__init(&model);
    model.has_ir_version = 1;
    model.ir_version = graph->opset >= 21 ? IR_VERSION_21 : IR_VERSION;
    static char producer[] = "gauntlet";
    model.producer_name = producer;
    model.graph = graph_proto(&arena, graph);
    add_opsets(&arena, graph, &model);
    add_metadata(&arena, graph, &model);

    size_t size = onnx__model_proto__get_packed_size(&model);
    enum status st = OK;
    if (size > INT32_MAX)
        st = status_fail(ERR_LIMIT, "%zu bytes: protobuf ends at 2 GiB", size);
    uint8_t *bytes = st ? NULL : mem_try(size, 1);
    if (!st && !bytes)
        st = status_fail(ERR_NOMEM, "no memory for %zu bytes", size);
    if (!st) {
        onnx__model_proto__pack(&model, bytes);
        st = file_replace(path, bytes, size);
    }
    free(bytes);
    arena_clear(&arena);
    return st;
}

/* At least 13, and what the newest operator needs: passes may have put it into an older
 * graph. */
static int opset_for(const struct graph *graph)
{
    int opset = graph->opset > OPSET_MIN ? graph->opset : OPSET_MIN;
    for (int n = 0; n < graph->n_nodes; n++) {
        const struct op *op = graph->nodes[n]->op;
        int since = !strcmp(op->name, "LayerNormalization") ? 17 : op->since;
        if (!op->domain && since > opset)
            opset = since;
    }
    return opset;
}

enum status onnx_write(const struct graph *graph, const char *path)
{
    struct graph copy;
    enum status st = graph_copy(graph, &copy);
    if (!st)
        st = graph_upgrade(&copy, opset_for(&copy));
    if (!st)
        st = write_model(&copy, path);
    graph_clear(&copy);
    return status_wrap(st, "%s", path);
}
