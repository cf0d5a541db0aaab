/*
 * Networks as the rest of the house sees them: a record, and sessions that turn pixels
 * into logits and logit gradients into pixel gradients.
 */
#pragma once

#include "base/status.h"
#include "base/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Part of every cell's key: goes up when the same network may give other bits, so that a
 * database never mixes the two. 2: our own Winograd, right gradients of QLinearConv. */
enum { ENGINE_IMPL = 2 };

enum model_gradient { GRADIENT_EXACT, GRADIENT_SURROGATE, GRADIENT_NONE };

/* How the network wants its input; part of the model's identity. Read from NAME.yaml next
 * to NAME.onnx, from the ONNX metadata, or guessed from the graph (then `guessed`). */
struct preprocess {
    int width, height;         /* of the crop the network sees */
    int resize;                /* short side before the crop; 0: no resize */
    char resize_rule[16];      /* "short" keeps the aspect, "squash" does not, "none" */
    char resizer[32];          /* "pillow-bilinear" */
    char decoder[32];          /* "turbo" */
    char order[4];             /* "rgb" or "bgr" */
    char layout[8];            /* "nchw" or "nhwc" */
    double scale;              /* x = u8 * scale, then (x - mean) / std; 1/255 or 1 */
    double mean[3], std[3];    /* in RGB order */
    bool guessed;
};

struct model_record {
    char *name, *variant, *path, *arch, *family;
    char precision[12];        /* fp32 fp16 bf16 int8 int4 binary ternary snn */
    char *twin;                /* name of the full-precision twin, or NULL */
    char *technique;           /* how it was trained: "plain", "adversarial", ... or NULL */
    enum model_gradient gradient;
    struct preprocess preprocess;
    int n_classes;
    int64_t params, macs, file_bytes;
    char file_sha[65];
    int opset;
};

struct model;
struct graph;

/* Overrides, "key=value" as in the sidecar ("mean=0.5 0.5 0.5", "resize=256"); NULL ends. */
enum status model_open(const char *path, const char *const *overrides, struct model **out);
const struct model_record *model_record(const struct model *model);
/* The network as read; sizes that the file leaves open are set from the record. */
const struct graph *model_graph(const struct model *model);
/* Canonical JSON of the preprocessing, as stored and hashed. The caller frees. */
char *model_preprocess_json(const struct model *model);
void model_close(struct model *model);

/* How a session computes. All-zero is the default: fp32, batch norm folded, integer
 * arithmetic for quantized graphs, inference only. */
/*
 * How pixels become the network's input. FLOAT: (x scale - mean) / std in float32, in that
 * order, as torchvision does. FOLDED: one product and one sum per pixel, as runtimes do that
 * merge the two steps; last bits differ. TABLE8: 256 values a channel, kept in 8 bits with one
 * step for all three, as accelerators take them. CAFFE (BGR less 103.939, 116.779, 123.68) and
 * INCEPTION (x / 127.5 - 1) are other people's conventions on a network that was not trained
 * so: a mistake, to see what it costs. Gradients are exact, TABLE8's straight-through.
 */
enum normalise {
    NORMALISE_FLOAT,
    NORMALISE_FOLDED,
    NORMALISE_TABLE8,
    NORMALISE_CAFFE,
    NORMALISE_INCEPTION,
};

struct session_options {
    bool gradient;             /* session_backward may be called */
    bool simulate;             /* quantized graphs as fake quantization in float */
    bool no_fold;              /* keep batch norm as its own step */
    bool ceil_mode;            /* pooling rounds up (SysNoise) */
    enum normalise normalise;
    /* NULL or "fp32". "fp16", "bf16": weights and every operator's result are rounded to
     * nearest even, in software: the same anywhere. "bf16-native": convolutions through the
     * CPU's bfloat16 products, which add in float and round once behind bias, residual and
     * activation; gradients are those of "bf16"; ERR_UNSUPPORTED where the CPU has none. "int8": quantized after training, after model_calibrate(). */
    const char *precision;
    double temperature;        /* 0 or 1: none; logits are divided by it before the loss */
};

/*
 * A session is one network compiled for one sample at a time and one thread, with its own
 * memory. Any number of sessions of one model may run at once and give the same bits: a
 * sample's logits never depend on other samples, threads or batches.
 *
 * That is the choice between many single-thread workers and one wide plan, too: each sample
 * on one core, since its activations then stay in that core's cache. tests/bench/engine
 * measures both; a plan for 16 or 64 pictures is slower on networks that fit into a cache
 * (ResNet-20: 0.8 of a session's rate) and a little faster on those whose weights do not
 * (ResNet-50: 1.1), where the bits of a sample would hang on its neighbours' number.
 */
struct session;
enum status session_open(const struct model *model, const struct session_options *options,
                         struct session **out);

/*
 * x       [3][H][W] float RGB in [0,1], whatever the network's own layout, order and scale:
 *         those are applied inside and are part of the gradient
 * logits  [n_classes] float; a Softmax at the network's end is left out, so that these are
 *         logits whatever was exported
 * errors  ERR_NUMERIC when a logit is NaN
 */
enum status session_forward(struct session *session, const float *x, float *logits);

/* After session_forward on the same x: dlogits [n_classes] in, dx [3][H][W] out, exact or
 * straight-through as the record says. May be called several times for one forward. */
enum status session_backward(struct session *session, const float *dlogits, float *dx);

/*
 * Pictures for precision "int8": [3][H][W] in [0,1], a seeded subset that the caller chose.
 * Activations become uint8 between the least and the largest value that these pictures give;
 * weights are int8 per output channel and symmetric. Before the first such session; the
 * pictures are copied. A network that is quantized already needs none.
 */
enum status model_calibrate(struct model *model, const float *const *pictures, size_t n);

/* uint8 [H][W][3] to float [3][H][W] in [0,1]: x = u8 / 255 in float32. */
void pixels_to_float(const uint8_t *pixels, int width, int height, float *x);

uint64_t session_forwards(const struct session *session);
uint64_t session_backwards(const struct session *session);
size_t session_bytes(const struct session *session);        /* its own, all of it */
size_t session_shared_bytes(const struct session *session); /* weights in the order that its
                                    kernels want: once for all sessions of these options */
void session_close(struct session *session);
