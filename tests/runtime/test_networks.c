/* Whole networks: plans against the operators' references, forward and backward. */
#include "tests/test.h"

#include "base/rng.h"
#include "base/tensor.h"
#include "models/onnx/onnx.h"
#include "models/runtime/network.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    int side;
    const char *layout;
} networks[] = {
    {"cifar10_resnet20_fp32", 32, "nchw"},
    {"cifar10_apot_resnet20_w32a32", 32, "nchw"},
    {"cifar10_resnet8_fp32", 32, "nchw"},
    {"cifar10_resnet2b_advtrain", 32, "nchw"},
    {"cifar10_resnet4b_advtrain", 32, "nchw"},
    {"cifar10_wide_kw", 32, "nchw"},
    {"cifar10_marabou_medium", 32, "nhwc"},
    {"cifar10_vit_pgd_2_3_16", 32, "nchw"},
    {"cifar10_vit_ibp_3_3_8", 32, "nchw"},
    {"mobilenet_v1_0.25_128_fp32", 128, "nchw"},
};

static struct preprocess plain_pixels(int side, const char *layout)
{
    struct preprocess p = {.width = side, .height = side, .scale = 1.0 / 255,
                           .std = {1, 1, 1}};
    snprintf(p.order, sizeof p.order, "rgb");
    snprintf(p.layout, sizeof p.layout, "%s", layout);
    return p;
}

static double norm(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)a[i] - (b ? (double)b[i] : 0);
        sum += d * d;
    }
    return sqrt(sum);
}

static void compare(const char *name, int side, const char *layout)
{
    char path[256];
    snprintf(path, sizeof path, "data/models/%s.onnx", name);
    REQUIRE_SHARED(file, path);
    struct graph graph = {0}, special = {0};
    struct network network;
    struct preprocess preprocess = plain_pixels(side, layout);
    assert_ok(onnx_read(file, &graph));
    network_init(&network, &graph, &preprocess);
    struct session *session = NULL;
    struct session_options options = {.gradient = true};
    assert_ok(session_open_network(&network, &options, &session));

    assert_ok(graph_specialise(&graph, 1, &special));
    int classes = (int)shape_count(&special.outputs[0]->shape);
    int64_t n = 3 * side * side;
    struct tensor input = {0}, output = {0}, dinput = {0}, doutput = {0};
    assert_ok(tensor_init(&input, DTYPE_F32, &special.inputs[0]->shape));
    assert_ok(tensor_init(&doutput, DTYPE_F32, &special.outputs[0]->shape));
    float *x = calloc((size_t)n, sizeof *x), *dx = calloc((size_t)n, sizeof *dx);
    float *logits = calloc((size_t)classes, sizeof *logits);
    float *turned = calloc((size_t)n, sizeof *turned);
    struct rng rng;
    rng_open(&rng, 1, name, "test networks", 0);
    rng_fill_uniform(&rng, x, (size_t)n, 0, 1);
    rng_fill_normal(&rng, doutput.data, (size_t)classes);
    bool last = !strcmp(layout, "nhwc");
    for (int64_t i = 0; i < n; i++)
        ((float *)input.data)[last ? i % (n / 3) * 3 + i / (n / 3) : i] = x[i];

    assert_ok(session_forward(session, x, logits));
    assert_ok(session_backward(session, doutput.data, dx));
    assert_ok(graph_evaluate(&special, &input, &output));
    assert_ok(graph_gradient(&special, &input, &doutput, &dinput));
    for (int64_t i = 0; i < n; i++)
        turned[i] = ((float *)dinput.data)[last ? i % (n / 3) * 3 + i / (n / 3) : i];
    double forward = norm(logits, output.data, classes) / norm(output.data, NULL, classes);
    double backward = norm(dx, turned, n) / norm(turned, NULL, n);
    print_message("# %s: forward %.1e, gradient %.1e, %zu bytes\n", name, forward, backward,
                  session_bytes(session));
    assert_true(forward < 1e-5);
    assert_true(backward < 1e-4);

    session_close(session);
    network_clear(&network);
    tensor_clear(&input);
    tensor_clear(&output);
    tensor_clear(&dinput);
    tensor_clear(&doutput);
    graph_clear(&special);
    graph_clear(&graph);
    free(x);
    free(dx);
    free(turned);
    free(logits);
}

static void test_networks(void **state)
{
    (void)state;
    const char *only = getenv("GAUNTLET_TEST_NETWORK");
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        if (!only || !strcmp(only, networks[i].name))
            compare(networks[i].name, networks[i].side, networks[i].layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks),
    };
    return cmocka_run_group_tests_name("networks", tests, NULL, NULL);
}
