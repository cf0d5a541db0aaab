#include "models/runtime/network.h"

#include "base/simd.h"
#include "models/runtime/input.h"

#include <omp.h>
#include <stdlib.h>

struct session {
    const struct plan *plan;
    struct lane lane;
    struct input_map map;
    float temperature;
    unsigned char rounds;    /* the input is rounded to this type */
    int n_logits;
    uint64_t forwards, backwards;
};

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
    input_map_init(&session->map, network->preprocess, options->normalise);
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
    input_apply(&session->map, x, input);
    if (session->rounds)
        round_floats(input, 3 * session->map.pixels, (enum rounding)session->rounds);
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
    input_return(&session->map, session->lane.data[plan->input_gradient], dx);
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

size_t session_shared_bytes(const struct session *session)
{
    return session->plan->arena.used;
}

SIMD_CLONES
void pixels_to_float(const uint8_t *pixels, int width, int height, float *x)
{
    int64_t count = (int64_t)width * height;
    for (int c = 0; c < 3; c++)
        for (int64_t i = 0; i < count; i++)
            x[c * count + i] = (float)pixels[3 * i + c] / 255.0f;
}
