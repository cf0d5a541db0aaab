/* From a ModelProto to a graph. */
#include "models/onnx/read.h"

#include "base/hash.h"
#include "models/ops/op.h"
#include "models/zoo.h"

#include <stdlib.h>
#include <string.h>

/* Names to values: open addressing over twice as many slots as there can be names. */
struct reader {
    const Onnx__ModelProto *model;
    const Onnx__GraphProto *proto;
    struct graph *graph;
    struct external external;
    struct value **slots;
    size_t room;
    bool lists_gaps;         /* note what is unsupported in gaps[] and go on */
    struct onnx_gap *gaps;
    int n_gaps;
};

static struct value **slot_of(struct reader *reader, const char *name)
{
    size_t i = (size_t)hash_key(name) & (reader->room - 1);
    while (reader->slots[i] && strcmp(reader->slots[i]->name, name))
        i = (i + 1) & (reader->room - 1);
    return &reader->slots[i];
}

static void open_names(struct reader *reader)
{
    size_t names = reader->proto->n_initializer + reader->proto->n_input + 1;
    for (size_t i = 0; i < reader->proto->n_node; i++)
        names += reader->proto->node[i]->n_output;
    for (reader->room = 16; reader->room < 2 * names;)
        reader->room *= 2;
    reader->slots = mem_array(reader->room, sizeof(struct value *));
}

static enum status define(struct reader *reader, const char *name, const char *what,
                          struct value *value)
{
    struct value **slot = slot_of(reader, name);
    if (*slot)
        return status_fail(ERR_FORMAT, "%s '%s': another value has this name", what, name);
    *slot = value;
    return OK;
}

static const char *text(const char *string)
{
    return string ? string : "";
}

static bool plain_domain(const char *domain)
{
    return !*text(domain) || !strcmp(domain, "ai.onnx");
}

/* The opset that the model imports for a domain; 0 when it imports none. */
static int opset_of(const Onnx__ModelProto *model, const char *domain)
{
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *import = model->opset_import[i];
        bool same = plain_domain(domain) ? plain_domain(import->domain)
                                         : !strcmp(text(import->domain), domain);
        if (same && import->version > 0 && import->version < 10000)
            return (int)import->version;
    }
    return 0;
}

static enum status read_opset(struct reader *reader)
{
    if (!reader->model->n_opset_import)
        reader->graph->opset = 1; /* files of IR version 1 and 2 */
    else
        reader->graph->opset = opset_of(reader->model, "");
    if (!reader->graph->opset)
        return status_fail(ERR_FORMAT, "no opset of the ai.onnx domain is imported");
    return OK;
}

static enum status read_initializers(struct reader *reader)
{
    const Onnx__GraphProto *proto = reader->proto;
    if (proto->n_sparse_initializer)
        return status_fail(ERR_UNSUPPORTED, "sparse initialisers");
    for (size_t i = 0; i < proto->n_initializer; i++) {
        const char *name = text(proto->initializer[i]->name);
        struct tensor *tensor = arena_alloc(&reader->graph->arena, sizeof *tensor);
        enum status st = onnx_tensor(&reader->graph->arena, proto->initializer[i],
                                     &reader->external, tensor);
        if (st)
            return status_wrap(st, "initialiser '%s'", name);
        struct value *value = graph_value(reader->graph, name);
        value->dtype = tensor->dtype;
        value->shape = tensor->shape;
        value->shaped = true;
        value->constant = tensor;
        value->trainable = tensor->dtype == DTYPE_F32 || tensor->dtype == DTYPE_F64 ||
                           tensor->dtype == DTYPE_F16 || tensor->dtype == DTYPE_BF16;
        st = define(reader, name, "initialiser", value);
        if (st)
            return st;
    }
    return OK;
}

static enum status read_type(const Onnx__ValueInfoProto *info, struct value *value)
{
    const Onnx__TypeProto *type = info->type;
    if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
        return status_fail(ERR_UNSUPPORTED, "it is not a tensor");
    value->dtype = onnx_dtype(type->tensor_type->elem_type);
    if (!value->dtype)
        return status_fail(ERR_UNSUPPORTED, "data type %d", (int)type->tensor_type->elem_type);
    const Onnx__TensorShapeProto *shape = type->tensor_type->shape;
    if (!shape)
        return OK;
    if (shape->n_dim > TENSOR_MAX_RANK)
        return status_fail(ERR_LIMIT, "%zu dimensions, at most %d", shape->n_dim,
                           TENSOR_MAX_RANK);
    for (size_t i = 0; i < shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = shape->dim[i];
        bool known = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
                     dim->dim_value > 0; /* exporters write 0 and -1 for "any" */
        if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
            dim->dim_value < -1)
            return status_fail(ERR_FORMAT, "dimension %zu is %lld", i,
                               (long long)dim->dim_value);
        value->shape.dim[value->shape.rank++] = known ? dim->dim_value : -1;
    }
    value->shaped = true;
    return OK;
}

static enum status read_inputs(struct reader *reader)
{
    const Onnx__GraphProto *proto = reader->proto;
    struct graph *graph = reader->graph;
    graph->inputs = arena_alloc(&graph->arena, proto->n_input * sizeof *graph->inputs);
    for (size_t i = 0; i < proto->n_input; i++) {
        const char *name = text(proto->input[i]->name);
        struct value **slot = slot_of(reader, name);
        if (*slot && (*slot)->constant)
            continue; /* old files list initialisers as inputs too */
        struct value *value = graph_value(graph, name);
        enum status st = read_type(proto->input[i], value);
        if (st)
            return status_wrap(st, "input '%s'", name);
        st = define(reader, name, "input", value);
        if (st)
            return st;
        graph->inputs[graph->n_inputs++] = value;
    }
    return OK;
}

static enum attribute_kind kind_of(const Onnx__AttributeProto *proto)
{
    switch (proto->type) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT: return ATTR_INT;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT: return ATTR_FLOAT;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING: return ATTR_STRING;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS: return ATTR_INTS;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS: return ATTR_FLOATS;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR: return ATTR_TENSOR;
    default: break;
    }
    /* Files from before the type field existed: whichever is there. */
    return proto->n_ints       ? ATTR_INTS
           : proto->n_floats   ? ATTR_FLOATS
           : proto->has_s      ? ATTR_STRING
           : proto->has_f      ? ATTR_FLOAT
           : proto->t          ? ATTR_TENSOR
                               : ATTR_INT;
}

static enum status read_attribute(struct reader *reader, const Onnx__AttributeProto *proto,
                                  struct attribute *out)
{
    static const char *const exotic[] = {[5] = "a graph", [8] = "a list of strings",
                                         [9] = "a list of tensors", [10] = "a list of graphs",
                                         [11] = "a sparse tensor",
                                         [12] = "a list of sparse tensors", [13] = "a type",
                                         [14] = "a list of types"};
    struct arena *arena = &reader->graph->arena;
    out->name = arena_copy(arena, text(proto->name));
    size_t type = (size_t)proto->type;
    if (type >= sizeof exotic / sizeof *exotic || exotic[type])
        return status_fail(ERR_UNSUPPORTED, "it is %s",
                           type < sizeof exotic / sizeof *exotic ? exotic[type] : "unknown");
    if (*text(proto->ref_attr_name))
        return status_fail(ERR_UNSUPPORTED, "it refers to a function's attribute");

    out->kind = kind_of(proto);
    out->i = proto->i;
    out->f = proto->f;
    switch (out->kind) {
    case ATTR_STRING: {
        char *copy = arena_alloc(arena, proto->s.len + 1);
        if (proto->s.len)
            memcpy(copy, proto->s.data, proto->s.len);
        out->s = copy;
        break;
    }
    case ATTR_INTS: {
        int64_t *copy = arena_alloc(arena, proto->n_ints * sizeof *copy);
        if (proto->n_ints)
            memcpy(copy, proto->ints, proto->n_ints * sizeof *copy);
        out->ints = copy;
        out->count = (int)proto->n_ints;
        break;
    }
    case ATTR_FLOATS: {
        float *copy = arena_alloc(arena, proto->n_floats * sizeof *copy);
        if (proto->n_floats)
            memcpy(copy, proto->floats, proto->n_floats * sizeof *copy);
        out->floats = copy;
        out->count = (int)proto->n_floats;
        break;
    }
    case ATTR_TENSOR: {
        struct tensor *tensor = arena_alloc(arena, sizeof *tensor);
        if (!proto->t)
            return status_fail(ERR_FORMAT, "its tensor is missing");
        out->tensor = tensor;
        return onnx_tensor(arena, proto->t, &reader->external, tensor);
    }
    case ATTR_INT:
    case ATTR_FLOAT: break;
    }
    return OK;
}

/* With what is supported instead, unless it is one line of a list. */
static enum status unsupported(const struct reader *reader, const Onnx__NodeProto *proto,
                               const char *name, int opset)
{
    const char *domain = plain_domain(proto->domain) ? "" : proto->domain;
    const char *type = text(proto->op_type);
    for (const struct op *const *op = op_registry; *op; op++)
        if (!strcmp((*op)->name, type) &&
            (plain_domain(domain) ? !(*op)->domain
                                  : (*op)->domain && !strcmp((*op)->domain, domain)))
            return status_fail(ERR_UNSUPPORTED, "node '%s': %s is supported from opset %d on, "
                               "not in opset %d", name, type, (*op)->since, opset);
    char *list = reader->lists_gaps ? mem_copy("") : op_supported();
    enum status st = status_fail(ERR_UNSUPPORTED, "node '%s': operator %s%s%s (opset %d) is "
                                 "not supported%s%s", name, domain, *domain ? "." : "", type,
                                 opset, *list ? "; supported are: " : "", list);
    free(list);
    return st;
}

/* A name of the file's, or Conv_12 after its place. */
static const char *node_name(struct reader *reader, const Onnx__NodeProto *proto, size_t place)
{
    if (*text(proto->name))
        return proto->name;
    return arena_format(&reader->graph->arena, "%s_%zu", text(proto->op_type), place);
}

static enum status read_node(struct reader *reader, const Onnx__NodeProto *proto, size_t place)
{
    struct graph *graph = reader->graph;
    const char *name = node_name(reader, proto, place);
    int version = opset_of(reader->model, text(proto->domain));
    if (!version)
        version = plain_domain(proto->domain) ? graph->opset : 1;
    const struct op *op = op_find(proto->domain, text(proto->op_type), version);
    if (!op && version < 7) /* node_modernise() follows once shapes are known */
        op = op_find(proto->domain, text(proto->op_type), 7);
    if (!op)
        return unsupported(reader, proto, name, version);

    struct node *node = graph_node(graph, op, name, (int)proto->n_input, (int)proto->n_output);
    node->version = version;
    node->attributes = arena_alloc(&graph->arena,
                                   proto->n_attribute * sizeof *node->attributes);
    node->n_attributes = (int)proto->n_attribute;
    enum status st = OK;
    for (size_t i = 0; i < proto->n_attribute && !st; i++)
        st = status_wrap(read_attribute(reader, proto->attribute[i], &node->attributes[i]),
                         "attribute '%s'", text(proto->attribute[i]->name));
    for (size_t i = 0; i < proto->n_output && !st; i++) {
        if (!*proto->output[i])
            continue;
        node->outputs[i] = graph_value(graph, proto->output[i]);
        node->outputs[i]->producer = node;
        st = define(reader, proto->output[i], "output", node->outputs[i]);
    }
    return status_wrap(st, "node '%s' (%s, opset %d)", name, op->name, version);
}

static enum status connect_node(struct reader *reader, const Onnx__NodeProto *proto,
                                struct node *node)
{
    enum status st = OK;
    for (size_t i = 0; i < proto->n_input && !st; i++) {
        if (!*proto->input[i])
            continue;
        node->inputs[i] = *slot_of(reader, proto->input[i]);
        if (!node->inputs[i])
            st = status_fail(ERR_FORMAT, "input '%s' comes from nowhere", proto->input[i]);
    }
    /* Trailing omitted inputs are as good as none. */
    while (node->n_inputs > 0 && !node->inputs[node->n_inputs - 1])
        node->n_inputs--;
    while (node->n_outputs > 0 && !node->outputs[node->n_outputs - 1])
        node->n_outputs--;
    if (!st && (node->version >= 7 || node->op->domain))
        st = node_check(node);
    return status_wrap(st, "node '%s' (%s, opset %d)", node->name, node->op->name,
                       node->version);
}

/* A node that is not supported is noted, and its outputs stand for themselves. */
static enum status note_gap(struct reader *reader, const Onnx__NodeProto *proto, size_t place)
{
    struct graph *graph = reader->graph;
    const char *domain = plain_domain(proto->domain) ? "" : proto->domain;
    int version = opset_of(reader->model, text(proto->domain));
    reader->gaps = mem_grow(reader->gaps, (size_t)reader->n_gaps + 1, sizeof *reader->gaps);
    reader->gaps[reader->n_gaps++] = (struct onnx_gap){
        mem_copy(node_name(reader, proto, place)),
        mem_format("%s%s%s", domain, *domain ? "." : "", text(proto->op_type)),
        version ? version : graph->opset, (int)place, mem_copy(status_message())};
    enum status st = OK;
    for (size_t i = 0; i < proto->n_output && !st; i++) {
        struct value *value = *slot_of(reader, proto->output[i]);
        if (!*proto->output[i] || value)
            continue;
        st = define(reader, proto->output[i], "output", graph_value(graph, proto->output[i]));
    }
    return st;
}

static enum status read_nodes(struct reader *reader)
{
    const Onnx__GraphProto *proto = reader->proto;
    struct graph *graph = reader->graph;
    struct node **made = mem_array(proto->n_node + 1, sizeof *made);
    enum status st = OK;
    for (size_t i = 0; i < proto->n_node && !st; i++) {
        st = read_node(reader, proto->node[i], i);
        if (!st)
            made[i] = graph->nodes[graph->n_nodes - 1];
        else if (st == ERR_UNSUPPORTED && reader->lists_gaps)
            st = note_gap(reader, proto->node[i], i);
    }
    for (size_t i = 0; i < proto->n_node && !st; i++) {
        if (made[i])
            st = connect_node(reader, proto->node[i], made[i]);
        if (st == ERR_UNSUPPORTED && reader->lists_gaps)
            st = note_gap(reader, proto->node[i], i);
    }
    free(made);
    return st;
}

static enum status read_outputs(struct reader *reader)
{
    const Onnx__GraphProto *proto = reader->proto;
    struct graph *graph = reader->graph;
    if (!proto->n_output)
        return status_fail(ERR_FORMAT, "the graph has no output");
    graph->outputs = arena_alloc(&graph->arena, proto->n_output * sizeof *graph->outputs);
    for (size_t i = 0; i < proto->n_output; i++) {
        const char *name = text(proto->output[i]->name);
        struct value *value = *slot_of(reader, name);
        if (!value)
            return status_fail(ERR_FORMAT, "output '%s' comes from nowhere", name);
        /* What the file says about it is only passed on when it is written again. */
        struct value declared = {0};
        if (!value->dtype && !read_type(proto->output[i], &declared)) {
            value->dtype = declared.dtype;
            value->shaped = declared.shaped;
            value->shape = declared.shape;
        }
        graph->outputs[graph->n_outputs++] = value;
    }
    return OK;
}

static void read_metadata(struct reader *reader)
{
    const Onnx__ModelProto *model = reader->model;
    struct arena *arena = &reader->graph->arena;
    size_t count = model->n_metadata_props;
    const char *(*pairs)[2] = arena_alloc(arena, count * sizeof *pairs);
    for (size_t i = 0; i < count; i++) {
        pairs[i][0] = arena_copy(arena, text(model->metadata_props[i]->key));
        pairs[i][1] = arena_copy(arena, text(model->metadata_props[i]->value));
    }
    reader->graph->metadata = pairs;
    reader->graph->n_metadata = (int)count;
}

static bool is_nibbles(const struct value *value)
{
    return value && value->constant &&
           (value->constant->dtype == DTYPE_I4 || value->constant->dtype == DTYPE_U4);
}

static struct value *as_bytes(struct graph *graph, const struct value *value)
{
    struct tensor tensor = *value->constant;
    tensor.dtype = tensor.dtype == DTYPE_I4 ? DTYPE_I8 : DTYPE_U8;
    return graph_constant(graph, value->name, &tensor);
}

/* Weights of 4 bits are the same numbers as int8, which the integer kernels know. */
static void widen_weights(struct graph *graph)
{
    for (int i = 0; i < graph->n_nodes; i++) {
        struct node *node = graph->nodes[i];
        struct value *zero = node->n_inputs > 2 ? node->inputs[2] : NULL;
        if (node->op->domain || strcmp(node->op->name, "DequantizeLinear") ||
            !is_nibbles(node->inputs[0]) || (zero && !is_nibbles(zero)))
            continue;
        node->inputs[0] = as_bytes(graph, node->inputs[0]);
        if (zero)
            node->inputs[2] = as_bytes(graph, zero);
    }
}

static enum status read_graph(struct reader *reader)
{
    const Onnx__GraphProto *proto = reader->proto;
    enum status st = read_opset(reader);
    if (!st)
        st = read_initializers(reader);
    if (!st)
        st = read_inputs(reader);
    if (!st)
        st = read_nodes(reader);
    if (st || reader->lists_gaps)
        return st;
    st = read_outputs(reader);
    if (st)
        return st;
    reader->graph->name = arena_copy(&reader->graph->arena, text(proto->name));
    read_metadata(reader);
    widen_weights(reader->graph);
    return graph_update(reader->graph);
}

static enum status parse(const void *bytes, size_t size, const char *folder,
                         struct reader *reader)
{
    enum status st = onnx_check(bytes, size);
    if (st)
        return st;
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, bytes);
    if (!model)
        return status_fail(ERR_FORMAT, "not an ONNX file: protobuf does not understand it");
    if (!model->graph) {
        onnx__model_proto__free_unpacked(model, NULL);
        return status_fail(ERR_FORMAT, "not an ONNX file: it holds no graph");
    }
    reader->model = model;
    reader->proto = model->graph;
    reader->external.folder = folder;
    open_names(reader);
    st = read_graph(reader);
    external_clear(&reader->external);
    free(reader->slots);
    onnx__model_proto__free_unpacked(model, NULL);
    if (st)
        graph_clear(reader->graph);
    return st;
}

enum status onnx_parse(const void *bytes, size_t size, const char *folder, struct graph *out)
{
    *out = (struct graph){0};
    struct reader reader = {.graph = out};
    return parse(bytes, size, folder, &reader);
}

static enum status read_file(const char *path, struct reader *reader)
{
    struct mapping file = {0};
    enum status st = zoo_map(path, &file);
    if (st)
        return st;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? mem_format("%.*s", (int)(slash - path) + 1, path) : mem_copy(".");
    st = parse(file.data, file.size, folder, reader);
    free(folder);
    zoo_unmap(&file);
    return status_wrap(st, "%s", path);
}

enum status onnx_read(const char *path, struct graph *out)
{
    *out = (struct graph){0};
    struct reader reader = {.graph = out};
    return read_file(path, &reader);
}

static int by_place(const void *a, const void *b)
{
    return ((const struct onnx_gap *)a)->place - ((const struct onnx_gap *)b)->place;
}

enum status onnx_gaps(const char *path, struct onnx_gap **gaps, int *count)
{
    struct graph graph = {0};
    struct reader reader = {.graph = &graph, .lists_gaps = true};
    enum status st = read_file(path, &reader);
    graph_clear(&graph);
    if (reader.n_gaps)
        qsort(reader.gaps, (size_t)reader.n_gaps, sizeof *reader.gaps, by_place);
    *gaps = reader.gaps;
    *count = reader.n_gaps;
    if (st) {
        onnx_gaps_clear(*gaps, *count);
        *gaps = NULL;
        *count = 0;
    }
    return st;
}

void onnx_gaps_clear(struct onnx_gap *gaps, int count)
{
    for (int i = 0; i < count; i++) {
        free(gaps[i].node);
        free(gaps[i].op);
        free(gaps[i].why);
    }
    free(gaps);
}
