/*
 * One small network of each family, as PyTorch exports it: logits and input gradient against
 * PyTorch's in double (scripts/make_golden_families.py), for the references, at two batch
 * sizes, and for the runtime's sessions.
 */
#include "tests/test.h"

#include "base/file.h"
#include "base/mem.h"
#include "models/graph/passes.h"
#include "models/model.h"
#include "models/onnx/onnx.h"
#include "models/ops/op.h"

#include <math.h>
#include <string.h>

enum { PIXELS = 3 * 16 * 16, CLASSES = 10 };

static const char *const names[] = {
    "resnet", "wide_resnet", "resnext", "densenet", "shufflenetv2", "mobilenetv2",
    "mobilenetv3", "mobilenetv3_opset9", "regnetx", "efficientnet", "repvgg", "vit", "deit",
    "mixer", "convnext", "convnext_opset11", "swin"};

static void family_path(char path[1024], const char *name, const char *extension)
{
    snprintf(path, 1024, "%s/%s.%s", source_path("tests/golden/families"), name, extension);
}

/* The input and the gradient of the logits that the script used. */
static float pixel(int i)
{
    return (float)((7919 * (int64_t)i + 13) % 1009 / 1009.0);
}

static float weight(int k)
{
    return (float)((5 * k) % 7 / 7.0 - 0.4);
}

/* Largest difference over largest wanted number. */
static double error_of(const float *have, const float *want, int count)
{
    double worst = 0, size = 0;
    for (int i = 0; i < count; i++) {
        double d = fabs((double)have[i] - (double)want[i]);
        worst = d > worst || isnan(d) ? d : worst;
        size = fabs((double)want[i]) > size ? fabs((double)want[i]) : size;
    }
    return worst / size;
}

static void assert_close(const char *name, const char *what, const float *have,
                         const float *want, int count, double room)
{
    double error = error_of(have, want, count);
    if (!(error <= room))
        fail_msg("%s: %s: relative error %.3g, at most %.0e expected", name, what, error, room);
}

static void golden_map(const char *name, struct mapping *out)
{
    char path[1024];
    family_path(path, name, "golden");
    assert_ok(file_map(path, out));
    assert_int_equal(out->size, (CLASSES + PIXELS) * sizeof(float));
}

/* Every sample of the batch is the same picture, so all must give the same numbers. */
static void check_graph(const char *name, const struct graph *graph, int batch)
{
    struct mapping golden;
    golden_map(name, &golden);
    const float *want = (const float *)(const void *)golden.data;
    struct graph special;
    struct tensor x, y, dy, dx;
    assert_ok(graph_specialise(graph, batch, &special));
    assert_ok(tensor_init(&x, DTYPE_F32, &special.inputs[0]->shape));
    assert_ok(tensor_init(&dy, DTYPE_F32, &special.outputs[0]->shape));
    for (int i = 0; i < batch * PIXELS; i++)
        ((float *)x.data)[i] = pixel(i % PIXELS);
    for (int i = 0; i < batch * CLASSES; i++)
        ((float *)dy.data)[i] = weight(i % CLASSES);
    assert_ok(status_wrap(graph_evaluate(&special, &x, &y), "%s", name));
    assert_ok(status_wrap(graph_gradient(&special, &x, &dy, &dx), "%s", name));
    for (int b = 0; b < batch; b++) {
        assert_close(name, "logits", (float *)y.data + b * CLASSES, want, CLASSES, 1e-5);
        assert_close(name, "gradient", (float *)dx.data + b * PIXELS, want + CLASSES, PIXELS,
                     1e-5);
    }
    tensor_clear(&x);
    tensor_clear(&y);
    tensor_clear(&dy);
    tensor_clear(&dx);
    graph_clear(&special);
    file_unmap(&golden);
}

static void references_equal_pytorch(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[1024];
        struct graph graph;
        family_path(path, names[i], "onnx");
        assert_ok(onnx_read(path, &graph));
        check_graph(names[i], &graph, 1);
        check_graph(names[i], &graph, 2);
        graph_clear(&graph);
    }
}

static void sessions_equal_pytorch(void **state)
{
    (void)state;
    static const char *const plain[] = {"mean=0 0 0", "std=1 1 1", "scale=1/255", "order=rgb",
                                        NULL};
    const struct session_options options = {.gradient = true};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[1024];
        float x[PIXELS], logits[CLASSES], dlogits[CLASSES], dx[PIXELS];
        struct mapping golden;
        struct model *model;
        struct session *session;
        golden_map(names[i], &golden);
        const float *want = (const float *)(const void *)golden.data;
        for (int k = 0; k < PIXELS; k++)
            x[k] = pixel(k);
        for (int k = 0; k < CLASSES; k++)
            dlogits[k] = weight(k);
        family_path(path, names[i], "onnx");
        assert_ok(model_open(path, plain, &model));
        assert_ok(session_open(model, &options, &session));
        assert_ok(session_forward(session, x, logits));
        assert_ok(session_backward(session, dlogits, dx));
        assert_close(names[i], "session logits", logits, want, CLASSES, 1e-4);
        assert_close(names[i], "session gradient", dx, want + CLASSES, PIXELS, 1e-4);
        session_close(session);
        model_close(model);
        file_unmap(&golden);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_equal_pytorch),
        cmocka_unit_test(sessions_equal_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
