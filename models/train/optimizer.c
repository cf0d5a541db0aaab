#include "models/train/optimizer.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

static void sgd(struct optimizer *state, const struct optimizer_rule *rule, float *w,
                const float *gradient, size_t count, float rate, float decay)
{
    float momentum = (float)rule->momentum;
    float *velocity = state->first;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] + decay * w[i];
        velocity[i] = momentum * velocity[i] + g;
        w[i] -= rate * (g + momentum * velocity[i]);
    }
}

static void adamw(struct optimizer *state, const struct optimizer_rule *rule, float *w,
                  const float *gradient, size_t count, float rate, float decay)
{
    float beta1 = (float)rule->beta1, beta2 = (float)rule->beta2;
    double steps = (double)state->steps;
    float correct1 = (float)(1 / (1 - pow(rule->beta1, steps)));
    float correct2 = (float)(1 / (1 - pow(rule->beta2, steps)));
    float epsilon = (float)rule->epsilon;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i];
        state->first[i] = beta1 * state->first[i] + (1 - beta1) * g;
        state->second[i] = beta2 * state->second[i] + (1 - beta2) * g * g;
        float scale = sqrtf(state->second[i] * correct2) + epsilon;
        w[i] -= rate * (state->first[i] * correct1 / scale + decay * w[i]);
    }
}

void optimizer_step(struct optimizer *state, const struct optimizer_rule *rule, float *w,
                    const float *gradient, size_t count, double rate, bool decay)
{
    float weight_decay = decay ? (float)rule->weight_decay : 0;
    if (!state->first)
        state->first = mem_array(count, sizeof *state->first);
    if (rule->kind == OPTIMIZER_ADAMW && !state->second)
        state->second = mem_array(count, sizeof *state->second);
    state->steps++;
    if (rule->kind == OPTIMIZER_SGD)
        sgd(state, rule, w, gradient, count, (float)rate, weight_decay);
    else
        adamw(state, rule, w, gradient, count, (float)rate, weight_decay);
}

void optimizer_clear(struct optimizer *state)
{
    free(state->first);
    free(state->second);
    *state = (struct optimizer){0};
}

void average_step(float *average, const float *w, size_t count, double keep,
                  uint64_t step)
{
    double early = (1 + (double)step) / (10 + (double)step);
    float old = (float)fmin(keep, early), new = 1 - old;
    for (size_t i = 0; i < count; i++)
        average[i] = old * average[i] + new *w[i];
}

double schedule_rate(const struct schedule *schedule, double progress)
{
    if (progress < schedule->warmup)
        return schedule->rate * progress / schedule->warmup;
    if (schedule->kind == SCHEDULE_COSINE) {
        double after = (progress - schedule->warmup) / (1 - schedule->warmup);
        return schedule->rate * 0.5 * (1 + cos(3.14159265358979323846 * fmin(after, 1)));
    }
    double rate = schedule->rate;
    for (int i = 0;
         schedule->kind == SCHEDULE_STEP && i < 8 && schedule->milestones[i] > 0; i++)
        if (progress >= schedule->milestones[i])
            rate *= schedule->factor;
    return rate;
}
