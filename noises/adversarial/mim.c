/*
 * Momentum attacks, meant for transfer from another network (source=):
 *
 *     MI  m ← mu m + g/‖g‖₁,  x ← P(x + alpha sign m)
 *     DI  with probability p, g is taken through a random resize (sides 0.9 to 1) padded
 *         with zeros to the old size: the map is linear, so g goes back by its transpose
 *     TI  g is smoothed by a Gaussian, taps at `kernel` points of [−3, 3]
 *
 * Sources: MI arXiv:1710.06081; DI arXiv:1803.06978; TI arXiv:1904.02884. Preset robustart
 * (arXiv:2109.05211): 20 steps of 0.002 from a random start.
 */
#include "noises/adversarial/common.h"
#include "noises/adversarial/members.h"

#include <math.h>
#include <string.h>

/* Where an output pixel reads, along one axis: half-pixel centres, no antialiasing. */
struct tap {
    int first, second;
    float weight; /* of the second */
};

struct warp {
    int channels, height, width, rows, columns, top, left;
};

static struct tap tap_at(int out, int from, int to)
{
    double centre = fmax((out + 0.5) * from / to - 0.5, 0);
    int first = (int)centre;
    struct tap tap = {first, first + 1 < from ? first + 1 : from - 1, 0};
    tap.weight = (float)(centre - first);
    return tap;
}

static struct warp draw_warp(const struct victim *victim, struct rng *rng)
{
    struct warp warp = {victim->channels, victim->height, victim->width, 0, 0, 0, 0};
    double ratio = 0.9 + 0.1 * rng_uniform(rng);
    warp.rows = (int)fmax(1, floor(ratio * warp.height));
    warp.columns = (int)fmax(1, floor(ratio * warp.width));
    warp.top = (int)rng_below(rng, (uint32_t)(warp.height - warp.rows + 1));
    warp.left = (int)rng_below(rng, (uint32_t)(warp.width - warp.columns + 1));
    return warp;
}

/* out = W in, or in = Wᵀ out when `back`; the target is zeroed first. */
static void warp_apply(const struct warp *warp, float *in, float *out, bool back)
{
    size_t plane = (size_t)warp->height * (size_t)warp->width;
    memset(back ? in : out, 0, plane * (size_t)warp->channels * sizeof(float));
    for (int r = 0; r < warp->rows; r++) {
        struct tap y = tap_at(r, warp->height, warp->rows);
        for (int c = 0; c < warp->columns; c++) {
            struct tap x = tap_at(c, warp->width, warp->columns);
            const size_t at[4] = {
                (size_t)(y.first * warp->width + x.first),
                (size_t)(y.first * warp->width + x.second),
                (size_t)(y.second * warp->width + x.first),
                (size_t)(y.second * warp->width + x.second),
            };
            const float weight[4] = {(1 - y.weight) * (1 - x.weight),
                                     (1 - y.weight) * x.weight,
                                     y.weight * (1 - x.weight), y.weight * x.weight};
            size_t to = (size_t)((r + warp->top) * warp->width + c + warp->left);
            for (size_t k = 0; k < (size_t)warp->channels; k++)
                for (int i = 0; i < 4; i++) {
                    if (back)
                        in[k * plane + at[i]] += weight[i] * out[k * plane + to];
                    else
                        out[k * plane + to] += weight[i] * in[k * plane + at[i]];
                }
        }
    }
}

/* One axis of the separable smoothing, zero outside. */
static void smooth_axis(const float *in, float *out, int lines, int length, int line_stride,
                        int stride, const float *taps, int kernel)
{
    for (int line = 0; line < lines; line++)
        for (int i = 0; i < length; i++) {
            float sum = 0;
            for (int k = 0; k < kernel; k++) {
                int j = i + k - kernel / 2;
                if (j >= 0 && j < length)
                    sum += taps[k] * in[line * line_stride + j * stride];
            }
            out[line * line_stride + i * stride] = sum;
        }
}

static void smooth(const struct victim *victim, int kernel, float *g, float *scratch)
{
    float taps[64];
    double sum = 0;
    for (int k = 0; k < kernel; k++) {
        double at = -3 + 6.0 * k / (kernel - 1);
        taps[k] = (float)exp(-at * at / 2);
        sum += (double)taps[k];
    }
    for (int k = 0; k < kernel; k++)
        taps[k] = (float)((double)taps[k] / sum);
    size_t plane = (size_t)victim->height * (size_t)victim->width;
    for (int c = 0; c < victim->channels; c++) {
        float *at = g + (size_t)c * plane;
        smooth_axis(at, scratch, victim->height, victim->width, victim->width, 1, taps,
                    kernel);
        smooth_axis(scratch, at, victim->width, victim->height, 1, victim->width, taps,
                    kernel);
    }
}

struct run {
    struct search *s;
    const struct momentum_options *options;
    struct rng rng;
    float *x, *g, *m, *warped;
};

/* The gradient at x, through the options' transformations. */
static enum status gradient(struct run *run)
{
    const struct loss loss = {LOSS_CE, .target = -1};
    struct search *s = run->s;
    const struct momentum_options *options = run->options;
    bool warps = options->diversity > 0 && rng_uniform(&run->rng) < options->diversity;
    struct warp warp = {0};
    float *at = run->x;
    enum status st = OK;
    if (warps) {
        warp = draw_warp(s->source, &run->rng);
        warp_apply(&warp, run->x, run->warped, false);
        at = run->warped;
        st = search_probe(s, at);
    }
    search_loss(s, &loss, s->dlogits);
    if (!st)
        st = search_gradient(s, at, s->dlogits, run->g);
    if (!st && warps) {
        memcpy(run->warped, run->g, s->size * sizeof *run->g);
        warp_apply(&warp, run->g, run->warped, true);
    }
    if (!st && options->kernel > 1)
        smooth(s->source, options->kernel, run->g, run->warped);
    return st;
}

static void move(struct run *run, double alpha)
{
    size_t size = run->s->size;
    double length = norm_value(NORM_L1, run->g, size);
    double scale = length > 0 ? 1 / length : 0;
    for (size_t i = 0; i < size; i++)
        run->m[i] = (float)(run->options->decay * (double)run->m[i] +
                            scale * (double)run->g[i]);
    vector_add_sign(run->x, run->m, alpha, size);
    ball_project(&run->s->ball, run->x);
}

enum status momentum_search(struct search *s, const struct momentum_options *options)
{
    struct arena arena = {0};
    struct run run = {.s = s, .options = options};
    float **points[] = {&run.x, &run.g, &run.m, &run.warped};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        *points[i] = arena_alloc(&arena, s->size * sizeof(float));
    memcpy(run.x, s->call->x, s->size * sizeof(float));
    search_rng(s, "momentum", options->index, &run.rng);
    if (options->random_start)
        ball_uniform(&s->ball, &run.rng, run.x);
    double alpha = options->alpha > 0 ? options->alpha : s->ball.eps / options->steps;

    enum status st = search_look(s, run.x);
    for (int i = 0; i < options->steps && !st && !s->done; i++) {
        if ((st = gradient(&run)))
            break;
        move(&run, alpha);
        st = search_look(s, run.x);
    }
    if (!st)
        st = search_offer(s, run.x);
    arena_clear(&arena);
    return st;
}

static enum status run(struct search *s)
{
    const struct params *params = s->params;
    bool robustart = !strcmp(params_word(params, "preset"), "robustart");
    struct momentum_options options = {.steps = robustart ? 20 : 10};
    options.alpha = robustart ? 0.002 : 0;
    options.random_start = robustart;
    if (params_int(params, "steps") > 0)
        options.steps = params_int(params, "steps");
    if (params_real(params, "alpha") > 0)
        options.alpha = params_real(params, "alpha");
    options.decay = params_real(params, "mu");
    options.diversity = params_real(params, "p");
    options.kernel = params_int(params, "kernel");
    if (options.kernel < 0)
        options.kernel = s->victim->width <= 64 ? 7 : 15;
    if (options.kernel % 2 == 0 && options.kernel > 0)
        return status_fail(ERR_USAGE, "kernel=%d: must be odd, or 0 for none",
                           options.kernel);
    return momentum_search(s, &options);
}

#define MOMENTUM(mu, p, kernel)                                                            \
    {                                                                                      \
        PARAM_EPS_LINF,                                                                    \
            {"preset", PARAM_WORD, "paper", 0, 0, "paper robustart",                       \
             "whose steps, step length and start, unless given"},                          \
            {"steps", PARAM_INT, "0", 0, 100000, NULL, "iterations; 0: the preset's, 10"}, \
            {"alpha", PARAM_REAL, "0", 0, 1, NULL, "step; 0: the preset's, eps/steps"},    \
            {"mu", PARAM_REAL, mu, 0, 1, NULL, "decay of the momentum"},                   \
            {"p", PARAM_REAL, p, 0, 1, NULL, "probability of a resized input"},            \
            {"kernel", PARAM_INT, kernel, -1, 63, NULL,                                    \
             "length of the smoothing; 0: none; -1: 7 up to 64 pixels, then 15"},          \
            PARAM_SOURCE, PARAM_KEEP, {0}                                                  \
    }

static const struct param mim_params[] = MOMENTUM("1", "0", "0");
static const struct param di_params[] = MOMENTUM("1", "0.5", "0");
static const struct param ti_params[] = MOMENTUM("1", "0", "-1");
static const struct param all_params[] = MOMENTUM("1", "0.7", "-1");

#define MOMENTUM_ATTACK(symbol, its_name, table, paper, about)                             \
    const struct attack symbol = {                                                         \
        .name = its_name,                                                                  \
        .summary = about,                                                                  \
        .source = paper,                                                                   \
        .impl = 1,                                                                         \
        .norm = NORM_LINF,                                                                 \
        .needs_gradient = true,                                                            \
        .params = table,                                                                   \
        .run = run,                                                                        \
    }

MOMENTUM_ATTACK(attack_mim_linf, "mim-linf", mim_params, "arXiv:1710.06081",
                "signed steps along the gradient's momentum");
MOMENTUM_ATTACK(attack_di_linf, "di-linf", di_params, "arXiv:1803.06978",
                "momentum, gradient through random resizing and padding");
MOMENTUM_ATTACK(attack_ti_linf, "ti-linf", ti_params, "arXiv:1904.02884",
                "momentum, gradient smoothed over translations");
MOMENTUM_ATTACK(attack_mi_di_ti_linf, "mi-di-ti-linf", all_params, "arXiv:1904.02884",
                "momentum, resizing and smoothing together: for transfer");
