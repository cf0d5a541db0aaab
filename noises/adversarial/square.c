/*
 * Square attack: random search with square patches, on logits alone.
 *
 * Linf: begins with a stripe of ±eps for each column and channel; each query fills a random
 * window with ±eps per channel. L2 and L1: begins with 5 × 5 bumps; each query moves the
 * budget of one window into another, in which a new bump is added to the old shape. A
 * change is kept when the margin rises. The windows' area is a share p of the picture that
 * halves on a schedule.
 *
 * A bump η of side s is two halves of opposite sign, each a pile of centred rectangles
 * with weights 1/k² (L1: 1/k⁴), transposed at random, of unit norm.
 *
 * Windows never leave the picture, whatever its aspect.
 *
 * Sources: Andriushchenko et al., ECCV 2020, arXiv:1912.00049; L1 arXiv:2103.01208.
 */
#include "noises/adversarial/common.h"
#include "noises/adversarial/members.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct patch {
    int row, column, side;
};

struct squares {
    struct search *s;
    struct rng rng;
    int channels, height, width;
    float *x, *best;
    float *bump;         /* [side][side] */
    float *bump_of_side; /* the same, not transposed */
    int side;            /* of that one; 0: none yet */
    double margin;
};

/* The share of the picture in a window at query `i` of a schedule of 10,000. */
static double share_at(double p, int i)
{
    static const int ends[] = {10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000};
    double divisor = 1;
    for (size_t k = 0; k < sizeof ends / sizeof *ends && i > ends[k]; k++)
        divisor *= 2;
    return p / divisor;
}

static float random_sign(struct rng *rng)
{
    return rng_u32(rng) & 1 ? 1.0f : -1.0f;
}

static struct patch random_patch(struct squares *q, int side)
{
    struct patch patch = {.side = side};
    patch.row = (int)rng_below(&q->rng, (uint32_t)(q->height - side + 1));
    patch.column = (int)rng_below(&q->rng, (uint32_t)(q->width - side + 1));
    return patch;
}

static size_t at(const struct squares *q, int channel, int row, int column)
{
    return ((size_t)channel * (size_t)q->height + (size_t)row) * (size_t)q->width +
           (size_t)column;
}

/* A pile of centred rectangles, of unit norm, into out [rows][columns] with `stride`. What
 * lies over a place is the weights of the rectangles that reach it, the inner ones first. */
static void pile(float *out, int rows, int columns, int stride, int power)
{
    int centre_row = rows / 2, centre_column = columns / 2;
    int turns = (rows > columns ? centre_row : centre_column) + 1;
    double length = 0;
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            int down = abs(r - centre_row), right = abs(c - centre_column);
            float height = 0;
            for (int k = down > right ? down : right; k < turns; k++)
                height += (float)pow(k + 1, -power);
            double v = (double)height;
            out[r * stride + c] = height;
            length += power == 2 ? v * v : fabs(v);
        }
    if (power == 2)
        length = sqrt(length);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            out[r * stride + c] = (float)((double)out[r * stride + c] / length);
}

/* The bump of this side, made once for all queries that use it. */
static void make_bump(struct squares *q, int side, enum norm norm)
{
    size_t count = (size_t)side * (size_t)side;
    int upper = side / 2, power = norm == NORM_L2 ? 2 : 4;
    float *bump = q->bump_of_side;
    if (upper > 0)
        pile(bump, upper, side, side, power);
    pile(bump + upper * side, side - upper, side, side, power);
    double length = 0;
    for (size_t i = 0; i < count; i++) {
        if (i >= (size_t)(upper * side))
            bump[i] = -bump[i];
        length += norm == NORM_L2 ? (double)bump[i] * (double)bump[i] : fabs((double)bump[i]);
    }
    if (norm == NORM_L2)
        length = sqrt(length);
    for (size_t i = 0; i < count; i++)
        bump[i] = (float)((double)bump[i] / length);
    q->side = side;
}

static void draw_bump(struct squares *q, int side, enum norm norm)
{
    if (side != q->side)
        make_bump(q, side, norm);
    bool transpose = rng_u32(&q->rng) & 1;
    for (int r = 0; r < side; r++)
        for (int c = 0; c < side; c++)
            q->bump[r * side + c] =
                q->bump_of_side[transpose ? c * side + r : r * side + c];
}

static void start_linf(struct squares *q)
{
    const float *clean = q->s->call->x;
    for (int k = 0; k < q->channels; k++)
        for (int c = 0; c < q->width; c++) {
            float delta = random_sign(&q->rng) * (float)q->s->ball.eps;
            for (int r = 0; r < q->height; r++)
                q->x[at(q, k, r, c)] = clean[at(q, k, r, c)] + delta;
        }
    ball_project(&q->s->ball, q->x);
}

static void step_linf(struct squares *q, double share)
{
    const float *clean = q->s->call->x;
    int least = q->height < q->width ? q->height : q->width;
    int side = (int)lrint(sqrt(share * q->height * q->width));
    struct patch patch = random_patch(q, side < 1 ? 1 : side > least ? least : side);
    memcpy(q->x, q->best, q->s->size * sizeof *q->x);
    for (int k = 0; k < q->channels; k++) {
        float delta = random_sign(&q->rng) * (float)q->s->ball.eps;
        for (int r = patch.row; r < patch.row + patch.side; r++)
            for (int c = patch.column; c < patch.column + patch.side; c++) {
                size_t i = at(q, k, r, c);
                float v = clean[i] + delta;
                q->x[i] = v < q->s->ball.low[i]    ? q->s->ball.low[i]
                          : v > q->s->ball.high[i] ? q->s->ball.high[i]
                                                   : v;
            }
    }
}

/* Scales x − clean to the radius, both ways, then projects. */
static void to_radius(struct squares *q)
{
    const struct ball *ball = &q->s->ball;
    double length = norm_distance(ball->norm, q->x, ball->clean, ball->size);
    double factor = length > 0 ? ball->eps / length : 0;
    for (size_t i = 0; i < ball->size; i++)
        q->x[i] = (float)((double)ball->clean[i] +
                          factor * ((double)q->x[i] - (double)ball->clean[i]));
    ball_project(ball, q->x);
}

static void start_bumps(struct squares *q)
{
    const float *clean = q->s->call->x;
    int least = q->height < q->width ? q->height : q->width;
    int side = least / 5 > 0 ? least / 5 : 1;
    int top = (q->height - side * (q->height / side)) / 2;
    int left = (q->width - side * (q->width / side)) / 2;
    memcpy(q->x, clean, q->s->size * sizeof *clean);
    for (int row = top; row + side <= q->height; row += side)
        for (int column = left; column + side <= q->width; column += side) {
            draw_bump(q, side, q->s->ball.norm);
            for (int k = 0; k < q->channels; k++) {
                float sign = random_sign(&q->rng);
                for (int i = 0; i < side * side; i++)
                    q->x[at(q, k, row + i / side, column + i % side)] += sign * q->bump[i];
            }
        }
    to_radius(q);
}

static double cost(enum norm norm, double v)
{
    return norm == NORM_L2 ? v * v : fabs(v);
}

/* Σ cost of best − clean in the window, of one channel; `but`: outside that window. */
static double spent(const struct squares *q, int channel, struct patch patch,
                    const struct patch *but)
{
    const float *clean = q->s->call->x;
    double sum = 0;
    for (int r = patch.row; r < patch.row + patch.side; r++)
        for (int c = patch.column; c < patch.column + patch.side; c++) {
            size_t i = at(q, channel, r, c);
            bool skip = but && r >= but->row && r < but->row + but->side &&
                        c >= but->column && c < but->column + but->side;
            if (!skip)
                sum += cost(q->s->ball.norm, (double)q->best[i] - (double)clean[i]);
        }
    return sum;
}

static double root(enum norm norm, double sum)
{
    return norm == NORM_L2 ? sqrt(sum) : sum;
}

/* Channel by channel: the old shape of the window, of unit norm over all channels, plus
 * the bump, scaled to what both windows held and a share of what was unused. */
static void fill_window(struct squares *q, int channel, struct patch patch,
                        double window_norm, double budget)
{
    const float *clean = q->s->call->x;
    enum norm norm = q->s->ball.norm;
    float sign = random_sign(&q->rng);
    double length = 0;
    for (int pass = 0; pass < 2; pass++) {
        double factor = pass ? budget / (length + 1e-12) : 0;
        for (int i = 0; i < patch.side * patch.side; i++) {
            int r = patch.row + i / patch.side, c = patch.column + i % patch.side;
            size_t k = at(q, channel, r, c);
            double old = ((double)q->best[k] - (double)clean[k]) / (1e-12 + window_norm);
            double shape = old + (double)sign * (double)q->bump[i];
            if (pass)
                q->x[k] = (float)((double)clean[k] + factor * shape);
            else
                length += cost(norm, shape);
        }
        length = pass ? length : root(norm, length);
    }
}

static void step_bumps(struct squares *q, double share)
{
    const struct ball *ball = &q->s->ball;
    int least = q->height < q->width ? q->height : q->width;
    int side = (int)lrint(sqrt(share * q->height * q->width));
    side = side < 3 ? 3 : side;
    side += side % 2 == 0;
    if (side > least)
        side = least;
    struct patch to = random_patch(q, side), from = random_patch(q, side);
    draw_bump(q, side, ball->norm);
    memcpy(q->x, q->best, ball->size * sizeof *q->x);

    double window = 0, used = norm_distance(ball->norm, q->best, ball->clean, ball->size);
    double unused = fmax(cost(ball->norm, ball->eps) - cost(ball->norm, used), 0);
    for (int k = 0; k < q->channels; k++)
        window += spent(q, k, to, NULL);
    for (int k = 0; k < q->channels; k++)
        for (int r = from.row; r < from.row + side; r++)
            for (int c = from.column; c < from.column + side; c++)
                q->x[at(q, k, r, c)] = ball->clean[at(q, k, r, c)];
    for (int k = 0; k < q->channels; k++) {
        double freed = spent(q, k, to, NULL) + spent(q, k, from, &to);
        fill_window(q, k, to, root(ball->norm, window),
                    root(ball->norm, unused / q->channels + freed));
    }
    to_radius(q);
}

static enum status try_point(struct squares *q)
{
    enum status st = search_look(q->s, q->x);
    double margin = (double)loss_margin(q->s->logits, q->s->n_classes, q->s->label);
    if (!st && margin > q->margin) {
        q->margin = margin;
        memcpy(q->best, q->x, q->s->size * sizeof *q->x);
    }
    return st;
}

static enum status square_once(struct squares *q, const struct square_options *options)
{
    bool linf = q->s->ball.norm == NORM_LINF;
    q->margin = -(double)INFINITY;
    if (linf)
        start_linf(q);
    else
        start_bumps(q);
    enum status st = try_point(q);
    for (int i = 1; i < options->queries && !st && !q->s->done; i++) {
        double position = options->rescale ? i * (10000.0 / options->queries) : i;
        double share = share_at(options->p, (int)position);
        if (linf)
            step_linf(q, share);
        else
            step_bumps(q, share);
        st = try_point(q);
    }
    return st ? st : search_offer(q->s, q->best);
}

enum status square_search(struct search *s, const struct square_options *options)
{
    struct arena arena = {0};
    struct squares q = {.s = s, .channels = s->victim->channels};
    q.height = s->victim->height;
    q.width = s->victim->width;
    q.x = arena_alloc(&arena, s->size * sizeof(float));
    q.best = arena_alloc(&arena, s->size * sizeof(float));
    q.bump = arena_alloc(&arena, (size_t)q.height * (size_t)q.width * sizeof(float));
    q.bump_of_side = arena_alloc(&arena, (size_t)q.height * (size_t)q.width * sizeof(float));
    enum status st = OK;
    for (int r = 0; r < options->restarts && !st && !s->done; r++) {
        search_rng(s, "square", (uint64_t)r, &q.rng);
        st = square_once(&q, options);
    }
    arena_clear(&arena);
    return st;
}

static enum status run(struct search *s)
{
    struct square_options options = {.queries = params_int(s->params, "queries")};
    options.restarts = params_int(s->params, "restarts");
    options.p = params_real(s->params, "p");
    options.rescale = !strcmp(params_word(s->params, "schedule"), "rescaled");
    return square_search(s, &options);
}

#define PARAM_SQUARE                                                                       \
    {"queries", PARAM_INT, "5000", 1, 10000000, NULL, "looks at the network"},             \
    {"p", PARAM_REAL, "0.8", 1e-6, 1, NULL, "share of the picture in the first windows"},  \
    {"restarts", PARAM_INT, "1", 1, 1000, NULL, "runs; any success counts"},               \
    {"schedule", PARAM_WORD, "plain", 0, 0, "plain rescaled",                              \
     "of p: as for 10,000 queries, or stretched to queries="},                             \
    PARAM_KEEP

static const struct param params_linf[] = {PARAM_EPS_LINF, PARAM_SQUARE, PARAM_SOURCE, {0}};
static const struct param params_l2[] = {PARAM_EPS_L2, PARAM_SQUARE, PARAM_SOURCE, {0}};
static const struct param params_l1[] = {PARAM_EPS_L1, PARAM_SQUARE, PARAM_SOURCE, {0}};

#define SQUARE(symbol, its_name, its_norm, table, paper)                                   \
    const struct attack symbol = {                                                         \
        .name = its_name,                                                                  \
        .summary = "random square patches, on logits alone",                               \
        .source = paper,                                                                   \
        .impl = 1,                                                                         \
        .norm = its_norm,                                                                  \
        .params = table,                                                                   \
        .run = run,                                                                        \
    }

SQUARE(attack_square_linf, "square-linf", NORM_LINF, params_linf, "arXiv:1912.00049");
SQUARE(attack_square_l2, "square-l2", NORM_L2, params_l2, "arXiv:1912.00049");
SQUARE(attack_square_l1, "square-l1", NORM_L1, params_l1, "arXiv:1912.00049");
