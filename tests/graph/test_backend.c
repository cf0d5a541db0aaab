/*
 * The ONNX backend node tests: every one whose operators are all ours is run against the
 * references. What fails is a failure; what is not claimed is counted beside it. The table in
 * models/ops/README.md is written by this program, and the test fails when it is not current:
 *
 *     GAUNTLET_SOURCE=. build/tests/graph/test_backend --write
 */
#include "tests/test.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "models/onnx/onnx.h"
#include "models/ops/op.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <string.h>

#include <onnx.pb-c.h>

static const char root[] = "/usr/share/libonnx-testdata/data/node";

/* Tests that need what an operator of ours is not claimed for. */
static const struct {
    const char *prefix, *why;
} excluded[] = {
    {"test_training_dropout", "random numbers of NumPy's generator"},
    {"test_cast_FLOAT_to_STRING", "strings"},
    {"test_cast_STRING_to_FLOAT", "strings"},
    {"test_castlike_FLOAT_to_STRING", "strings"},
    {"test_castlike_STRING_to_FLOAT", "strings"},
    {"test_identity_opt", "optional values"},
    {"test_identity_sequence", "sequences"},
};

/* The window functions' expansions write pi as 3.1415; this is the suite's own room. */
static double relative_room(const char *folder, enum dtype dtype)
{
    if (strstr(folder, "window"))
        return 1e-3;
    return dtype == DTYPE_F16 ? 1e-3 : dtype == DTYPE_BF16 ? 8e-3 : 1e-5;
}

struct tally {
    const struct op *op;
    int claimed, passed;
};

struct report {
    struct tally tallies[512];
    int ops, run, passed, foreign, excluded;
    struct text failures;
};

static Onnx__ModelProto *read_model(const char *path, struct mapping *file)
{
    assert_ok(file_map(path, file));
    return onnx__model_proto__unpack(NULL, file->size, file->data);
}

/* Whether each node's operator is one of ours. */
static bool ours(const Onnx__ModelProto *model)
{
    int opset = 1;
    for (size_t i = 0; i < model->n_opset_import; i++)
        if (!model->opset_import[i]->domain || !*model->opset_import[i]->domain)
            opset = (int)model->opset_import[i]->version;
    for (size_t i = 0; i < model->graph->n_node; i++)
        if (!op_find(model->graph->node[i]->domain, model->graph->node[i]->op_type, opset))
            return false;
    return true;
}

static const char *why_excluded(const char *name)
{
    for (size_t i = 0; i < sizeof excluded / sizeof *excluded; i++)
        if (!strncmp(name, excluded[i].prefix, strlen(excluded[i].prefix)))
            return excluded[i].why;
    return NULL;
}

/* A .pb file is a TensorProto: as the initialiser of an empty graph our reader takes it. */
static enum status read_tensor(const char *path, struct graph *holder, struct tensor *out)
{
    struct mapping file;
    enum status st = file_map(path, &file);
    if (st)
        return st;
    Onnx__TensorProto *tensor = onnx__tensor_proto__unpack(NULL, file.size, file.data);
    file_unmap(&file);
    if (!tensor)
        return status_fail(ERR_FORMAT, "%s is not a tensor", path);
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__ValueInfoProto output, *outputs = &output;
    Onnx__OperatorSetIdProto set, *sets = &set;
    static char name[] = "t";
    onnx__model_proto__init(&model);
    onnx__graph_proto__init(&graph);
    onnx__value_info_proto__init(&output);
    onnx__operator_set_id_proto__init(&set);
    char *own = tensor->name;
    tensor->name = output.name = name;
    set.has_version = 1;
    set.version = 13;
    model.graph = &graph;
    model.n_opset_import = 1;
    model.opset_import = &sets;
    graph.n_initializer = graph.n_output = 1;
    graph.initializer = &tensor;
    graph.output = &outputs;
    size_t size = onnx__model_proto__get_packed_size(&model);
    uint8_t *bytes = mem_new(size);
    onnx__model_proto__pack(&model, bytes);
    st = onnx_parse(bytes, size, NULL, holder);
    free(bytes);
    if (!st)
        *out = *holder->outputs[0]->constant;
    tensor->name = own;
    onnx__tensor_proto__free_unpacked(tensor, NULL);
    return st;
}

static enum status compare(const char *folder, const struct tensor *have,
                           struct tensor *want)
{
    char a[128], b[128];
    if (have->dtype == DTYPE_BF16 && want->dtype == DTYPE_U16)
        want->dtype = DTYPE_BF16; /* NumPy has no bfloat16: the files hold its bits */
    if (have->dtype != want->dtype || !shape_equal(&have->shape, &want->shape))
        return status_fail(ERR_FORMAT, "%s %s instead of %s %s", dtype_name(have->dtype),
                           shape_text(&have->shape, a), dtype_name(want->dtype),
                           shape_text(&want->shape, b));
    bool real = have->dtype == DTYPE_F32 || have->dtype == DTYPE_F64 ||
                have->dtype == DTYPE_F16 || have->dtype == DTYPE_BF16;
    double relative = relative_room(folder, have->dtype);
    for (int64_t i = 0; i < shape_count(&have->shape); i++) {
        double x = tensor_get(have, i), y = tensor_get(want, i);
        /* The files were computed in float32 by NumPy; 1e-6 is for results near zero. */
        double room = real ? relative * fabs(y) + 1e-6 : 0;
        if (!(fabs(x - y) <= room || (isnan(x) && isnan(y)) || x == y))
            return status_fail(ERR_FORMAT, "element %lld is %.9g instead of %.9g", (long long)i,
                               x, y);
    }
    return OK;
}

/* Inputs of the graph get the data set's shapes, and, where a shape is data (Reshape's
 * target), its values. */
static enum status run_case(const char *folder)
{
    char path[1024];
    struct graph graph, holders[16] = {{.opset = 0}};
    struct tensor inputs[8] = {{0}}, outputs[8] = {{0}}, want;
    int n = 0;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    enum status st = onnx_read(path, &graph);
    if (st)
        return st;
    int n_in = graph.n_inputs;
    for (; n < n_in && n < 8 && !st; n++) {
        snprintf(path, sizeof path, "%s/test_data_set_0/input_%d.pb", folder, n);
        st = read_tensor(path, &holders[n], &inputs[n]);
        if (st)
            break;
        struct value *value = graph.inputs[n];
        if (value->dtype == DTYPE_BF16 && inputs[n].dtype == DTYPE_U16)
            inputs[n].dtype = DTYPE_BF16;
        value->shape = inputs[n].shape;
        value->shaped = true;
        value->dtype = inputs[n].dtype;
        if (n > 0 || n_in == 1)
            value->constant = NULL;
    }
    /* First with data as data; where a shape must be known, with all but the first input as
     * constants; at last with all of them. */
    static const int first_constants[] = {8, 1, 0};
    bool done = false;
    for (size_t t = 0; t < 3 && !st && !done; t++) {
        for (int i = first_constants[t]; i < n_in; i++)
            graph.inputs[i]->constant = &inputs[i];
        struct graph copy;
        st = graph_copy(&graph, &copy);
        if (!st)
            st = graph_infer(&copy);
        if (!st)
            st = graph_evaluate(&copy, inputs, outputs);
        done = !st;
        for (int i = 0; i < copy.n_outputs && !st && i < 8; i++) {
            snprintf(path, sizeof path, "%s/test_data_set_0/output_%d.pb", folder, i);
            st = read_tensor(path, &holders[8 + i], &want);
            if (!st)
                st = compare(folder, &outputs[i], &want);
        }
        for (int i = 0; i < 8; i++)
            tensor_clear(&outputs[i]);
        graph_clear(&copy);
        if (!done && st == ERR_UNSUPPORTED && t < 2)
            st = OK;
    }
    graph_clear(&graph);
    for (int i = 0; i < 16; i++)
        graph_clear(&holders[i]);
    return st;
}

static void count(struct report *report, const Onnx__ModelProto *model, bool passed)
{
    for (size_t i = 0; i < model->graph->n_node; i++) {
        const Onnx__NodeProto *node = model->graph->node[i];
        const struct op *op = NULL;
        for (int opset = 1; opset < 30 && !op; opset++)
            op = op_find(node->domain, node->op_type, opset);
        bool seen = false;
        for (size_t k = 0; k < i; k++)
            seen |= !strcmp(model->graph->node[k]->op_type, node->op_type);
        for (int k = 0; k < report->ops && !seen; k++)
            if (report->tallies[k].op == op) {
                report->tallies[k].claimed++;
                report->tallies[k].passed += passed;
            }
    }
}

static void run_folder(struct report *report, const char *name)
{
    char path[1024], folder[512];
    struct mapping file;
    snprintf(folder, sizeof folder, "%s/%s", root, name);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    Onnx__ModelProto *model = read_model(path, &file);
    assert_non_null(model);
    if (!ours(model)) {
        report->foreign++;
    } else if (why_excluded(name)) {
        report->excluded++;
    } else {
        bool passed = run_case(folder) == OK;
        if (!passed)
            text_addf(&report->failures, "  %s: %s\n", name, status_message());
        report->run++;
        report->passed += passed;
        count(report, model, passed);
    }
    onnx__model_proto__free_unpacked(model, NULL);
    file_unmap(&file);
}

static int by_name(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    int order = strcasecmp(x->op->name, y->op->name);
    return order ? order : (x->op->domain != NULL) - (y->op->domain != NULL);
}

static bool run_all(struct report *report)
{
    struct dirent **entries;
    int n = scandir(root, &entries, NULL, alphasort);
    if (n < 0)
        return false;
    for (const struct op *const *op = op_registry; *op; op++)
        report->tallies[report->ops++].op = *op;
    qsort(report->tallies, (size_t)report->ops, sizeof *report->tallies, by_name);
    for (int i = 0; i < n; i++) {
        if (!strncmp(entries[i]->d_name, "test_", 5))
            run_folder(report, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return true;
}

static char *readme(const struct report *report)
{
    struct text text = {0};
    text_addf(&text,
              "# Operators\n\n"
              "Written by `tests/graph/test_backend.c`, which runs the ONNX backend node tests "
              "(Debian's\nlibonnx-testdata 1.12) against the references in this folder: %d of "
              "%d claimed tests pass.\n%d more belong to operators that are not here, %d need "
              "what is not claimed (strings,\nsequences, NumPy's random numbers). Where the "
              "node tests have none, gradients and networks\nare the test.\n\n"
              "Gradient: exact (checked against finite differences), zero, or as said.\n\n"
              "| operator | opset | node tests passed / claimed | gradient |\n"
              "| --- | --- | --- | --- |\n",
              report->passed, report->run, report->foreign, report->excluded);
    for (int i = 0; i < report->ops; i++) {
        const struct tally *t = &report->tallies[i];
        char opsets[32];
        if (t->op->until)
            snprintf(opsets, sizeof opsets, "%d to %d", t->op->since, t->op->until);
        else
            snprintf(opsets, sizeof opsets, "%d on", t->op->since);
        const char *gradient = t->op->gradient_note ? t->op->gradient_note
                               : t->op->backward    ? "exact"
                                                    : "zero";
        text_addf(&text, "| %s%s%s | %s | ", t->op->domain ? t->op->domain : "",
                  t->op->domain ? "." : "", t->op->name, opsets);
        if (t->claimed)
            text_addf(&text, "%d / %d", t->passed, t->claimed);
        else
            text_add(&text, "none there");
        text_addf(&text, " | %s |\n", gradient);
    }
    return text.data;
}

static struct report shared_report;

static void every_claimed_test_passes(void **state)
{
    (void)state;
    if (!run_all(&shared_report)) {
        print_message("# skipped: %s is absent (libonnx-testdata)\n", root);
        skip();
    }
    if (shared_report.passed != shared_report.run)
        fail_msg("%d of %d fail:\n%s", shared_report.run - shared_report.passed,
                 shared_report.run, shared_report.failures.data);
}

static void the_table_is_current(void **state)
{
    (void)state;
    if (!shared_report.run)
        skip();
    struct mapping file;
    assert_ok(file_map(source_path("models/ops/README.md"), &file));
    char *want = readme(&shared_report);
    if (file.size != strlen(want) || memcmp(file.data, want, file.size))
        fail_msg("models/ops/README.md is out of date: run test_backend --write");
    free(want);
    file_unmap(&file);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--write")) {
        struct report *report = &shared_report;
        if (!run_all(report))
            return 1;
        char *text = readme(report);
        printf("%d of %d pass\n%s", report->passed, report->run,
               report->failures.data ? report->failures.data : "");
        return file_replace(source_path("models/ops/README.md"), text, strlen(text)) != OK;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_claimed_test_passes),
        cmocka_unit_test(the_table_is_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
