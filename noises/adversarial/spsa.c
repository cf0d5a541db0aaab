/*
 * Simultaneous perturbation stochastic approximation: gradients guessed from logits,
 *
 *     g = mean over v of (L(x + sigma v) − L(x − sigma v))/(2 sigma) v,   v_i = ±1,
 *
 * followed by Adam on the perturbation, kept in the ball.
 *
 * Source: Uesato et al., ICML 2018, arXiv:1802.05666.
 */
#include "noises/adversarial/common.h"
#include "noises/adversarial/members.h"

#include <math.h>
#include <string.h>

struct guess {
    struct search *s;
    const struct spsa_options *options;
    struct rng rng;
    float *x, *probe, *sign;
    double *g, *first, *second;
};

static enum status probe(struct guess *guess, double sigma, double *value)
{
    static const struct loss margin = {LOSS_MARGIN, .target = -1};
    struct search *s = guess->s;
    for (size_t i = 0; i < s->size; i++) {
        double x = (double)guess->x[i] + sigma * (double)guess->sign[i];
        guess->probe[i] = (float)fmin(fmax(x, 0), 1);
    }
    enum status st = search_probe(s, guess->probe);
    *value = search_loss(s, &margin, NULL);
    return st;
}

static enum status estimate(struct guess *guess)
{
    size_t size = guess->s->size;
    const struct spsa_options *options = guess->options;
    memset(guess->g, 0, size * sizeof *guess->g);
    for (int n = 0; n < options->draws; n++) {
        uint32_t bits = 0;
        for (size_t i = 0; i < size; i++, bits >>= 1) {
            if (i % 32 == 0)
                bits = rng_u32(&guess->rng);
            guess->sign[i] = bits & 1 ? 1.0f : -1.0f;
        }
        double up, down;
        enum status st = probe(guess, options->sigma, &up);
        if (!st)
            st = probe(guess, -options->sigma, &down);
        if (st)
            return st;
        double slope = (up - down) / (2 * options->sigma * options->draws);
        for (size_t i = 0; i < size; i++)
            guess->g[i] += slope * (double)guess->sign[i];
    }
    return OK;
}

static void adam(struct guess *guess, int step)
{
    double one = 1 - pow(0.9, step), two = 1 - pow(0.999, step);
    for (size_t i = 0; i < guess->s->size; i++) {
        double g = guess->g[i];
        guess->first[i] = 0.9 * guess->first[i] + 0.1 * g;
        guess->second[i] = 0.999 * guess->second[i] + 0.001 * g * g;
        double move = (guess->first[i] / one) / (sqrt(guess->second[i] / two) + 1e-8);
        guess->x[i] = (float)((double)guess->x[i] + guess->options->rate * move);
    }
    ball_project(&guess->s->ball, guess->x);
}

enum status spsa_search(struct search *s, const struct spsa_options *options)
{
    struct arena arena = {0};
    struct guess guess = {.s = s, .options = options};
    float **points[] = {&guess.x, &guess.probe, &guess.sign};
    double **sums[] = {&guess.g, &guess.first, &guess.second};
    for (size_t i = 0; i < 3; i++) {
        *points[i] = arena_alloc(&arena, s->size * sizeof(float));
        *sums[i] = arena_alloc(&arena, s->size * sizeof(double));
    }
    memcpy(guess.x, s->call->x, s->size * sizeof(float));
    search_rng(s, "spsa", 0, &guess.rng);

    enum status st = OK;
    for (int i = 1; i <= options->steps && !st && !s->done; i++) {
        if ((st = estimate(&guess)))
            break;
        adam(&guess, i);
        st = search_look(s, guess.x);
    }
    if (!st)
        st = search_offer(s, guess.x);
    arena_clear(&arena);
    return st;
}

static enum status run(struct search *s)
{
    struct spsa_options options = {.steps = params_int(s->params, "steps")};
    options.draws = params_int(s->params, "draws");
    options.sigma = params_real(s->params, "sigma");
    options.rate = params_real(s->params, "rate");
    return spsa_search(s, &options);
}

static const struct param params[] = {
    PARAM_EPS_LINF,
    {"steps", PARAM_INT, "100", 1, 100000, NULL, "iterations"},
    {"draws", PARAM_INT, "128", 1, 1000000, NULL, "directions for each, two looks a piece"},
    {"sigma", PARAM_REAL, "0.01", 1e-9, 1, NULL, "length of a probe"},
    {"rate", PARAM_REAL, "0.01", 1e-9, 1, NULL, "Adam's learning rate"},
    PARAM_SOURCE,
    {0},
};

const struct attack attack_spsa_linf = {
    .name = "spsa-linf",
    .summary = "gradient guessed from logits along random signs",
    .source = "arXiv:1802.05666",
    .impl = 1,
    .norm = NORM_LINF,
    .params = params,
    .run = run,
};
