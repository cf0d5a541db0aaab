/* What sessions promise: the same bytes on any thread, mode and turn; exact pixels. */
#include "tests/test.h"

#include "base/rng.h"
#include "base/threads.h"
#include "models/model.h"
#include "models/runtime/input.h"
#include "models/runtime/report.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 24, CLASSES = 10, PIXELS = 3 * 32 * 32 };

struct crowd {
    const struct model *model;
    struct session *sessions[8];
    float x[SAMPLES][PIXELS], logits[SAMPLES][CLASSES], dx[SAMPLES][PIXELS];
};

static void fill(struct crowd *crowd)
{
    for (int i = 0; i < SAMPLES; i++) {
        struct rng rng;
        rng_open(&rng, 3, "crowd", "test session", (uint64_t)i);
        rng_fill_uniform(&rng, crowd->x[i], PIXELS, 0, 1);
    }
}

static enum status work(void *context, size_t item, int worker)
{
    struct crowd *crowd = context;
    struct session_options options = {.gradient = true};
    struct session **session = &crowd->sessions[worker];
    enum status st = *session ? OK : session_open(crowd->model, &options, session);
    if (!st)
        st = session_forward(*session, crowd->x[item], crowd->logits[item]);
    float d[CLASSES] = {1, -1, 0.5f};
    if (!st)
        st = session_backward(*session, d, crowd->dx[item]);
    return st;
}

static struct crowd *run_crowd(const struct model *model, int threads)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    crowd->model = model;
    fill(crowd);
    assert_ok(threads_each(threads, SAMPLES, work, crowd));
    for (int i = 0; i < 8; i++)
        session_close(crowd->sessions[i]);
    return crowd;
}

static void test_threads(void **state)
{
    (void)state;
    REQUIRE_SHARED(file, "data/models/cifar10_resnet20_fp32.onnx");
    struct model *model;
    assert_ok(model_open(file, NULL, &model));
    struct crowd *one = run_crowd(model, 1), *four = run_crowd(model, 4);
    assert_memory_equal(one->logits, four->logits, sizeof one->logits);
    assert_memory_equal(one->dx, four->dx, sizeof one->dx);
    free(one);
    free(four);
    model_close(model);
}

static void test_modes_agree(void **state)
{
    (void)state;
    static const char *const names[] = {"cifar10_resnet20_fp32", "cifar10_vit_ibp_3_3_8",
                                        "cifar10_resnet8_qdq", "cifar10_apot_resnet20_w2a2"};
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        char path[128];
        snprintf(path, sizeof path, "data/models/%s.onnx", names[n]);
        REQUIRE_SHARED(file, path);
        struct model *model;
        struct session *infer, *gradient;
        struct session_options options = {.gradient = true};
        static float x[PIXELS], dx[2][PIXELS];
        float logits[3][CLASSES], d[CLASSES] = {0, 1, 0, -1};
        struct rng rng;
        rng_open(&rng, 4, "modes", "test session", n);
        rng_fill_uniform(&rng, x, PIXELS, 0, 1);
        assert_ok(model_open(file, NULL, &model));
        assert_ok(session_open(model, NULL, &infer));
        assert_ok(session_open(model, &options, &gradient));
        assert_ok(session_forward(infer, x, logits[0]));
        assert_ok(session_forward(gradient, x, logits[1]));
        assert_ok(session_backward(gradient, d, dx[0]));
        assert_ok(session_backward(gradient, d, dx[1]));
        assert_ok(session_forward(gradient, x, logits[2]));
        assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
        assert_memory_equal(logits[0], logits[2], sizeof logits[0]);
        assert_memory_equal(dx[0], dx[1], sizeof dx[0]);
        assert_int_equal(session_forwards(gradient), 2);
        assert_int_equal(session_backwards(gradient), 2);
        session_close(infer);
        session_close(gradient);
        model_close(model);
    }
}

/* Central differences of sum(d logits) along random directions, whose slope is as large as
 * the gradient is long. The step is short, as each Relu that switches on the way counts. */
static void test_finite_differences(void **state)
{
    (void)state;
    static const char *const names[] = {"cifar10_vit_pgd_2_3_16", "cifar10_resnet2b_advtrain"};
    for (size_t n = 0; n < 2; n++) {
        char path[128];
        snprintf(path, sizeof path, "data/models/%s.onnx", names[n]);
        REQUIRE_SHARED(file, path);
        struct model *model;
        struct session *session;
        struct session_options options = {.gradient = true};
        static float x[PIXELS], dx[PIXELS], step[PIXELS], moved[PIXELS];
        float logits[CLASSES], d[CLASSES] = {0.3f, -1, 0, 0, 2};
        struct rng rng;
        rng_open(&rng, 5, "differences", "test session", n);
        rng_fill_uniform(&rng, x, PIXELS, 0.2f, 0.8f);
        assert_ok(model_open(file, NULL, &model));
        assert_ok(session_open(model, &options, &session));
        assert_ok(session_forward(session, x, logits));
        assert_ok(session_backward(session, d, dx));
        for (int turn = 0; turn < 3; turn++) {
            double sum[2] = {0, 0}, slope = 0, length = 0, h = 1e-5;
            rng_fill_normal(&rng, step, PIXELS);
            for (int side = 0; side < 2; side++) {
                for (int i = 0; i < PIXELS; i++)
                    moved[i] = x[i] + (float)(side ? h : -h) * step[i];
                assert_ok(session_forward(session, moved, logits));
                for (int k = 0; k < CLASSES; k++)
                    sum[side] += (double)d[k] * (double)logits[k];
            }
            for (int i = 0; i < PIXELS; i++) {
                slope += (double)dx[i] * (double)step[i];
                length += (double)dx[i] * (double)dx[i];
            }
            double measured = (sum[1] - sum[0]) / (2 * h);
            print_message("# %s: slope %.5f, measured %.5f, gradient %.3f\n", names[n], slope,
                          measured, sqrt(length));
            assert_true(fabs(slope - measured) < 0.05 * sqrt(length));
        }
        session_close(session);
        model_close(model);
    }
}

/* A byte k over 255, times 255 in float, is k: networks that take bytes see bytes. */
static void test_bytes_survive(void **state)
{
    (void)state;
    for (int k = 0; k < 256; k++) {
        uint8_t pixel[3] = {(uint8_t)k, (uint8_t)k, (uint8_t)k};
        float x[3];
        pixels_to_float(pixel, 1, 1, x);
        assert_true(x[0] * 255.0f == (float)k);
    }
}

static void test_options(void **state)
{
    (void)state;
    REQUIRE_SHARED(file, "data/models/cifar10_resnet20_fp32.onnx");
    struct model *model;
    struct session *session;
    assert_ok(model_open(file, NULL, &model));
    static float x[PIXELS];
    float base[CLASSES], other[CLASSES];
    struct rng rng;
    rng_open(&rng, 6, "options", "test session", 0);
    rng_fill_uniform(&rng, x, PIXELS, 0, 1);
    assert_ok(session_open(model, NULL, &session));
    assert_ok(session_forward(session, x, base));
    session_close(session);
    const struct {
        struct session_options options;
        double least, most;
    } cases[] = {
        {{.no_fold = true}, 0, 1e-5},
        {{.precision = "fp16"}, 1e-5, 1e-2},
        {{.precision = "bf16"}, 1e-4, 1e-1},
        {{.temperature = 2}, 0.49999, 0.50001},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(session_open(model, &cases[i].options, &session));
        assert_ok(session_forward(session, x, other));
        double far = 0, length = 0;
        for (int k = 0; k < CLASSES; k++) {
            far += pow((double)(base[k] - other[k]), 2);
            length += pow((double)base[k], 2);
        }
        far = sqrt(far / length);
        print_message("# options %zu: %.2e\n", i, far);
        assert_in_range((int)(far >= cases[i].least && far <= cases[i].most), 1, 1);
        session_close(session);
    }
    struct session_options wrong = {.precision = "fp12"};
    assert_int_equal(session_open(model, &wrong, &session), ERR_USAGE);
    model_close(model);
}

/* The CPU's own bfloat16: near the emulated one, and the report says which kernels ran. */
static void test_native(void **state)
{
    (void)state;
    REQUIRE_SHARED(file, "data/models/mobilenet_v1_0.25_128_fp32.onnx");
    enum { SIDE = 128, MANY = 1000 };
    struct model *model;
    struct session *session;
    struct report report;
    struct session_options options = {.precision = "bf16-native"};
    assert_ok(model_open(file, NULL, &model));
    enum status st = session_open(model, &options, &session);
    if (st == ERR_UNSUPPORTED) {
        print_message("# skipped: %s\n", status_message());
        model_close(model);
        return;
    }
    assert_ok(st);
    static float x[3 * SIDE * SIDE], native[MANY], emulated[MANY];
    struct rng rng;
    rng_open(&rng, 7, "native", "test session", 0);
    rng_fill_uniform(&rng, x, 3 * SIDE * SIDE, 0, 1);
    assert_ok(session_forward(session, x, native));
    session_close(session);
    const struct session_options bf16 = {.precision = "bf16"};
    assert_ok(session_open(model, &bf16, &session));
    assert_ok(session_forward(session, x, emulated));
    session_close(session);
    double far = 0, length = 0;
    for (int k = 0; k < model_record(model)->n_classes; k++) {
        far += pow((double)(native[k] - emulated[k]), 2);
        length += pow((double)emulated[k], 2);
    }
    print_message("# native and emulated bf16: %.2e apart\n", sqrt(far / length));
    assert_true(sqrt(far / length) < 0.05);

    assert_ok(model_report(model, &options, 0, &report));
    int ran = 0, convolutions = 0;
    for (int i = 0; i < report.n_layers; i++) {
        convolutions += !strcmp(report.layers[i].op, "Conv");
        ran += strstr(report.layers[i].kernel, "bf16") != NULL;
    }
    assert_true(convolutions > 20);
    assert_int_equal(ran, convolutions);
    report_clear(&report);
    model_close(model);
}

/* int8 after training: near the float network, and refused without pictures. */
static void test_calibration(void **state)
{
    (void)state;
    REQUIRE_SHARED(file, "data/models/cifar10_resnet20_fp32.onnx");
    struct model *model;
    struct session *session, *integer;
    struct session_options options = {.precision = "int8", .gradient = true};
    assert_ok(model_open(file, NULL, &model));
    assert_int_equal(session_open(model, &options, &session), ERR_USAGE);
    static float x[SAMPLES][PIXELS], dx[2][PIXELS];
    const float *pictures[SAMPLES];
    float d[CLASSES] = {1, -1}, logits[2][CLASSES];
    struct rng rng;
    rng_open(&rng, 8, "calibration", "test session", 0);
    for (int i = 0; i < SAMPLES; i++) {
        /* Smooth pictures: a slope and a little noise. */
        for (int k = 0; k < PIXELS; k++)
            x[i][k] = (float)(0.2 + 0.015 * (k % 32) + 0.1 * rng_uniform(&rng));
        pictures[i] = x[i];
    }
    assert_ok(model_calibrate(model, pictures, SAMPLES));
    assert_ok(session_open(model, &options, &integer));
    options.precision = NULL;
    assert_ok(session_open(model, &options, &session));
    double far = 0, length = 0, dot = 0, a = 0, b = 0;
    for (int i = 0; i < SAMPLES; i++) {
        assert_ok(session_forward(session, x[i], logits[0]));
        assert_ok(session_forward(integer, x[i], logits[1]));
        assert_ok(session_backward(session, d, dx[0]));
        assert_ok(session_backward(integer, d, dx[1]));
        for (int k = 0; k < CLASSES; k++) {
            far += pow((double)(logits[0][k] - logits[1][k]), 2);
            length += pow((double)logits[0][k], 2);
        }
        for (int k = 0; k < PIXELS; k++) {
            dot += (double)dx[0][k] * (double)dx[1][k];
            a += (double)dx[0][k] * (double)dx[0][k];
            b += (double)dx[1][k] * (double)dx[1][k];
        }
    }
    print_message("# int8 after training: logits %.3f apart, gradients' cosine %.3f\n",
                  sqrt(far / length), dot / sqrt(a * b));
    assert_true(far > 0 && far < 0.15 * 0.15 * length);
    assert_true(dot > 0.7 * sqrt(a * b));
    assert_int_equal(model_calibrate(model, pictures, SAMPLES), ERR_BUSY);
    session_close(session);
    session_close(integer);
    model_close(model);
}

/* Integer arithmetic and its float form have nearly the same logits and the same
 * straight-through gradient, but for the numbers that round to the edge of the range. */
static void test_simulated(void **state)
{
    (void)state;
    REQUIRE_SHARED(file, "data/models/cifar10_resnet8_qdq.onnx");
    struct model *model;
    struct session *session;
    assert_ok(model_open(file, NULL, &model));
    static float x[PIXELS], dx[2][PIXELS];
    float logits[2][CLASSES], d[CLASSES] = {1, -1, 0, 0.5f};
    struct rng rng;
    rng_open(&rng, 7, "simulated", "test session", 0);
    rng_fill_uniform(&rng, x, PIXELS, 0, 1);
    for (int i = 0; i < 2; i++) {
        struct session_options options = {.gradient = true, .simulate = i == 1};
        assert_ok(session_open(model, &options, &session));
        assert_ok(session_forward(session, x, logits[i]));
        assert_ok(session_backward(session, d, dx[i]));
        session_close(session);
    }
    double dot = 0, a = 0, b = 0;
    for (int i = 0; i < PIXELS; i++) {
        dot += (double)dx[0][i] * (double)dx[1][i];
        a += (double)dx[0][i] * (double)dx[0][i];
        b += (double)dx[1][i] * (double)dx[1][i];
    }
    print_message("# integer and simulated gradients: cosine %.4f, lengths %.3f %.3f\n",
                  dot / sqrt(a * b), sqrt(a), sqrt(b));
    assert_true(dot > 0.9 * sqrt(a * b));
    model_close(model);
}

static void test_report(void **state)
{
    (void)state;
    REQUIRE_SHARED(file, "data/models/cifar10_resnet20_fp32.onnx");
    struct model *model;
    struct report report;
    assert_ok(model_open(file, NULL, &model));
    assert_ok(model_report(model, NULL, 0.02, &report));
    int64_t macs = 0, params = 0;
    for (int i = 0; i < report.n_layers; i++) {
        macs += report.layers[i].macs;
        params += report.layers[i].params;
    }
    /* ResNet-20: 270 thousand parameters, 41 million multiply-adds (He et al., table 6). */
    assert_in_range(report.totals.params, 269000, 273000);
    assert_in_range(macs, 40500000, 41000000);
    assert_true(macs == report.totals.macs);
    assert_in_range(params, 268000, 272000);
    assert_int_equal(report.n_slow, 0);
    assert_true(report.gradient_bytes > report.forward_bytes);
    assert_true(report.forward_s > 0 && report.gradient_s > report.forward_s);
    report_clear(&report);
    model_close(model);
}

/* All 256 bytes in each channel, under one way to normalise. */
struct ramp {
    float x[3][256], v[3][256];
};

static void run_ramp(struct ramp *ramp, struct input_map *map, enum normalise how)
{
    static const struct preprocess torch = {
        .width = 16, .height = 16, .order = "rgb", .layout = "nchw", .scale = 1 / 255.0,
        .mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}};
    for (int c = 0; c < 3; c++)
        for (int k = 0; k < 256; k++)
            ramp->x[c][k] = (float)k / 255;
    input_map_init(map, &torch, how);
    input_apply(map, ramp->x[0], ramp->v[0]);
}

/* Each way is its formula; the merged one differs from the plain one in last bits only, eight
 * bits by half a step at most; gradients are the slopes. */
static void test_normalising(void **state)
{
    (void)state;
    static const float mean[] = {0.485f, 0.456f, 0.406f}, std[] = {0.229f, 0.224f, 0.225f};
    static const float caffe[] = {123.68f, 116.779f, 103.939f};
    struct ramp plain, folded, table8, bgr, unit;
    struct input_map map, eight;
    run_ramp(&folded, &map, NORMALISE_FOLDED);
    run_ramp(&table8, &eight, NORMALISE_TABLE8);
    run_ramp(&bgr, &map, NORMALISE_CAFFE);
    run_ramp(&unit, &map, NORMALISE_INCEPTION);
    run_ramp(&plain, &map, NORMALISE_FLOAT);
    const float range = (1 - mean[2]) / std[2]; /* the widest channel's end: 127 steps */
    assert_float_equal(eight.step * 127, range, 1e-6);
    int other_bits = 0;
    for (int c = 0; c < 3; c++)
        for (int k = 0; k < 256; k++) {
            float want = ((float)k / 255 - mean[c]) / std[c];
            double steps = (double)table8.v[c][k] / (double)eight.step;
            assert_true(plain.v[c][k] == want);
            other_bits += folded.v[c][k] != want;
            assert_float_equal(folded.v[c][k], want, 1e-6);
            assert_float_equal(table8.v[c][k], want, eight.step / 2 * 1.0001f);
            assert_float_equal(steps, rint(steps), 1e-5);
            assert_true(bgr.v[2 - c][k] == (float)k - caffe[c]);
            assert_float_equal(unit.v[c][k], (float)k / 127.5f - 1, 1e-6);
        }
    assert_true(other_bits > 0);

    float ones[3][256], dx[3][256];
    for (int c = 0; c < 3; c++)
        for (int k = 0; k < 256; k++)
            ones[c][k] = 1;
    input_return(&map, ones[0], dx[0]);
    for (int c = 0; c < 3; c++)
        assert_float_equal(dx[c][7], (plain.v[c][8] - plain.v[c][7]) * 255, 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalising),
        cmocka_unit_test(test_threads),      cmocka_unit_test(test_modes_agree),
        cmocka_unit_test(test_finite_differences),
        cmocka_unit_test(test_bytes_survive), cmocka_unit_test(test_options), cmocka_unit_test(test_native),
        cmocka_unit_test(test_calibration),  cmocka_unit_test(test_simulated),     cmocka_unit_test(test_report),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
