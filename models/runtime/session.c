#include "models/runtime/network.h"

#include "base/simd.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

struct session {
    const struct plan *plan;
    struct lane lane;
    int64_t pixels;          /* of one channel */
    bool channels_last;
    int channel[3];          /* where R, G and B go */
    float factor;            /* x in [0,1] to the network's scale */
    float mean[3], std[3];
    float temperature;
    unsigned char rounds;    /* the input is rounded to this type */
    int n_logits;
    uint64_t forwards, backwards;
};

static void read_preprocess(struct session *session, const struct preprocess *preprocess)
{
    bool bgr = !strcmp(preprocess->order, "bgr");
    session->pixels = (int64_t)preprocess->width * preprocess->height;
    session->channels_last = !strcmp(preprocess->layout, "nhwc");
    double factor = 255.0 * preprocess->scale;
    /* 1/255 written in decimals must still mean the identity. */
    session->factor = fabs(factor - 1) < 1e-6 ? 1.0f : (float)factor;
    for (int c = 0; c < 3; c++) {
        session->channel[c] = bgr ? 2 - c : c;
        session->mean[c] = (float)preprocess->mean[c];
        session->std[c] = preprocess->std[c] == 0 ? 1.0f : (float)preprocess->std[c];
    }
}

enum status session_open_network(struct network *network, const struct session_options *options,
                                 struct session **out)
{
    static const struct session_options none;
    const struct plan *plan;
    *out = NULL;
    if (!options)
        options = &none;
    enum status st = network_plan(network, options, &plan);
    if (st)
        return st;
    struct session *session = mem_new(sizeof *session);
    session->plan = plan;
    read_preprocess(session, network->preprocess);
    session->temperature = options->temperature == 0 ? 1.0f : (float)options->temperature;
    session->n_logits = (int)shape_count(&plan->slots[plan->output].shape);
    session->rounds = plan->options.rounds ? plan->options.rounds[plan->graph.inputs[0]->id] : 0;
    st = lane_init(&session->lane, plan);
    if (st) {
        free(session);
        return st;
    }
    *out = session;
    return OK;
}

void session_close(struct session *session)
{
    if (!session)
        return;
    lane_clear(&session->lane);
    free(session);
}

/* v = (x f - mean) / std in float32, in that order. For x = k/255 and f = 255 the product
 * is k again: its error is below half a unit in the last place of k. */
SIMD_CLONES
static void normalise(const float *x, float *v, int64_t count, int64_t stride, float factor,
                      float mean, float std)
{
    for (int64_t i = 0; i < count; i++)
        v[i * stride] = (x[i] * factor - mean) / std;
}

SIMD_CLONES
static void denormalise(const float *dv, float *dx, int64_t count, int64_t stride, float factor,
                        float std)
{
    for (int64_t i = 0; i < count; i++)
        dx[i] = dv[i * stride] / std * factor;
}

/* Channel c's first element in the network's input, and the step to its next. */
static int64_t channel_at(const struct session *session, int c, int64_t *stride)
{
    *stride = session->channels_last ? 3 : 1;
    return session->channel[c] * (session->channels_last ? 1 : session->pixels);
}

/* oneDNN is told one thread while the plan runs, wherever it runs. */
static enum status run(struct lane *lane, int from, int to)
{
    int threads = omp_get_max_threads();
    if (threads != 1)
        omp_set_num_threads(1);
    enum status st = lane_run(lane, from, to);
    if (threads != 1)
        omp_set_num_threads(threads);
    return st;
}

enum status session_forward(struct session *session, const float *x, float *logits)
{
    const struct plan *plan = session->plan;
    float *input = session->lane.data[plan->input];
    for (int c = 0; c < 3; c++) {
        int64_t stride, at = channel_at(session, c, &stride);
        normalise(x + c * session->pixels, input + at, session->pixels, stride,
                  session->factor, session->mean[c], session->std[c]);
    }
    if (session->rounds)
        round_floats(input, 3 * session->pixels, (enum rounding)session->rounds);
    enum status st = run(&session->lane, 0, plan->n_forward);
    session->forwards++;
    if (st)
        return st;
    const float *output = session->lane.data[plan->output];
    bool numbers = true;
    for (int i = 0; i < session->n_logits; i++) {
        logits[i] = output[i] / session->temperature;
        numbers &= logits[i] == logits[i];
    }
    return numbers ? OK : status_fail(ERR_NUMERIC, "a logit is not a number");
}

enum status session_backward(struct session *session, const float *dlogits, float *dx)
{
    const struct plan *plan = session->plan;
    if (plan->input_gradient < 0)
        return status_fail(ERR_USAGE, "the session was opened without gradient");
    float *gradient = session->lane.data[plan->output_gradient];
    for (int i = 0; i < session->n_logits; i++)
        gradient[i] = dlogits[i] / session->temperature;
    enum status st = run(&session->lane, plan->n_forward, plan->n_steps);
    session->backwards++;
    if (st)
        return st;
    const float *input = session->lane.data[plan->input_gradient];
    for (int c = 0; c < 3; c++) {
        int64_t stride, at = channel_at(session, c, &stride);
        denormalise(input + at, dx + c * session->pixels, session->pixels, stride,
                    session->factor, session->std[c]);
    }
    return OK;
}

uint64_t session_forwards(const struct session *session)
{
    return session->forwards;
}

uint64_t session_backwards(const struct session *session)
{
    return session->backwards;
}

size_t session_bytes(const struct session *session)
{
    return session->plan->lane_bytes;
}

SIMD_CLONES
void pixels_to_float(const uint8_t *pixels, int width, int height, float *x)
{
    int64_t count = (int64_t)width * height;
    for (int c = 0; c < 3; c++)
        for (int64_t i = 0; i < count; i++)
            x[c * count + i] = (float)pixels[3 * i + c] / 255.0f;
}
