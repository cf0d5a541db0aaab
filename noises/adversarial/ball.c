#include "noises/adversarial/ball.h"

#include "base/simd.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 8 };

static double fold(const double lane[LANES])
{
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

/* Terms are computed a part at a time, and then added. */
enum { PART = 512 };

static inline void add_lanes(const double *terms, size_t count, double lane[LANES])
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += terms[i + k];
    for (size_t k = 0; i < count; i++, k++)
        lane[k] += terms[i];
}

SIMD_CLONES
static double sum_squares(const float *a, const float *b, size_t size)
{
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= size; i += LANES)
        for (int k = 0; k < LANES; k++) {
            double d = (double)a[i + (size_t)k] - (double)b[i + (size_t)k];
            lane[k] += d * d;
        }
    for (int k = 0; i < size; i++, k++)
        lane[k] += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return fold(lane);
}

SIMD_CLONES
static double sum_absolute(const float *a, const float *b, size_t size)
{
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= size; i += LANES)
        for (int k = 0; k < LANES; k++)
            lane[k] += fabs((double)a[i + (size_t)k] - (double)b[i + (size_t)k]);
    for (int k = 0; i < size; i++, k++)
        lane[k] += fabs((double)a[i] - (double)b[i]);
    return fold(lane);
}

SIMD_CLONES
static double greatest(const float *a, const float *b, size_t size)
{
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= size; i += LANES)
        for (int k = 0; k < LANES; k++) {
            double d = fabs((double)a[i + (size_t)k] - (double)b[i + (size_t)k]);
            lane[k] = d > lane[k] ? d : lane[k];
        }
    for (; i < size; i++)
        lane[0] = fmax(lane[0], fabs((double)a[i] - (double)b[i]));
    double most = 0;
    for (int k = 0; k < LANES; k++)
        most = fmax(most, lane[k]);
    return most;
}

double norm_distance(enum norm norm, const float *a, const float *b, size_t size)
{
    if (norm == NORM_LINF)
        return greatest(a, b, size);
    return norm == NORM_L2 ? sqrt(sum_squares(a, b, size)) : sum_absolute(a, b, size);
}

SIMD_CLONES
double product_along(const float *w, const float *a, const float *b, size_t size)
{
    double lane[LANES] = {0}, term[PART];
    for (size_t done = 0, part; done < size; done += part, w += part, a += part, b += part) {
        part = size - done < PART ? size - done : PART;
        for (size_t i = 0; i < part; i++)
            term[i] = (double)w[i] * ((double)a[i] - (double)b[i]);
        add_lanes(term, part, lane);
    }
    return fold(lane);
}

SIMD_CLONES
static double greatest_value(const float *v, size_t size)
{
    float most = 0;
    for (size_t i = 0; i < size; i++) {
        float a = fabsf(v[i]);
        most = a > most ? a : most;
    }
    return (double)most;
}

double norm_value(enum norm norm, const float *v, size_t size)
{
    double sum = 0;
    if (norm == NORM_LINF)
        return greatest_value(v, size);
    for (size_t i = 0; i < size; i++) {
        double a = fabs((double)v[i]);
        sum += norm == NORM_L2 ? a * a : a;
    }
    return norm == NORM_L2 ? sqrt(sum) : sum;
}

union float_bits {
    float f;
    int32_t i;
};

/* The floats nearest to clean ± eps that are no farther than eps from it, inside the box.
 * Where rounding went too far out, the next float further in is near enough; below 0, where
 * that is the other way, the box cuts. */
SIMD_CLONES
static void extremes(const float *clean, double eps, float *restrict low,
                     float *restrict high, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        double x = (double)clean[i];
        union float_bits down = {(float)(x - eps)}, up = {(float)(x + eps)};
        down.i += x - (double)down.f > eps;
        up.i -= (double)up.f - x > eps;
        low[i] = down.f > 0.0f ? down.f : 0.0f;
        high[i] = up.f < 1.0f ? up.f : 1.0f;
    }
}

void ball_init(struct ball *ball, enum norm norm, double eps, const float *clean,
               size_t size, struct arena *arena)
{
    *ball = (struct ball){.norm = norm, .eps = eps, .size = size, .clean = clean};
    if (norm == NORM_L1)
        ball->room = arena_alloc(arena, size * sizeof(float));
    if (norm != NORM_LINF)
        return;
    ball->low = arena_alloc(arena, size * sizeof(float));
    ball->high = arena_alloc(arena, size * sizeof(float));
    extremes(clean, eps, ball->low, ball->high, size);
}

SIMD_CLONES
static void clamp_between(float *x, const float *low, const float *high, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        float v = x[i] < low[i] ? low[i] : x[i];
        x[i] = v > high[i] ? high[i] : v;
    }
}

SIMD_CLONES
static void clamp_unit(float *x, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        float v = x[i] < 0.0f ? 0.0f : x[i];
        x[i] = v > 1.0f ? 1.0f : v;
    }
}

SIMD_CLONES
static void shrink(float *x, const float *clean, double factor, size_t size)
{
    for (size_t i = 0; i < size; i++)
        x[i] = (float)((double)clean[i] + factor * ((double)x[i] - (double)clean[i]));
}

/* Floats round, so a point scaled onto the sphere may lie outside by parts in 1e7: scale
 * again until it does not. */
static void project_l2(const struct ball *ball, float *x)
{
    double distance = norm_distance(NORM_L2, x, ball->clean, ball->size);
    for (double slack = 0; distance > ball->eps; slack = slack * 4 + 1e-8) {
        shrink(x, ball->clean, ball->eps / distance * (1 - slack), ball->size);
        distance = norm_distance(NORM_L2, x, ball->clean, ball->size);
    }
    clamp_unit(x, ball->size);
}

struct soft_sum {
    double total;  /* Σ min(max(|v| − λ, 0), room) */
    double fixed;  /* Σ |v| over the moving part + Σ room over the full part */
    double moving; /* how many have 0 < |v| − λ < room */
};

SIMD_CLONES
static struct soft_sum soft_sum(const float *x, const float *clean, const float *room,
                                double lambda, size_t size)
{
    double total[LANES] = {0}, fixed[LANES] = {0}, moving[LANES] = {0}, term[3][PART];
    for (size_t done = 0, part; done < size; done += part, x += part, clean += part,
                room += part) {
        part = size - done < PART ? size - done : PART;
        for (size_t i = 0; i < part; i++) {
            double way = (double)room[i], v = fabs((double)x[i] - (double)clean[i]);
            double rest = v - lambda;
            bool full = rest >= way, moves = rest > 0 && !full;
            term[0][i] = full ? way : moves ? rest : 0;
            term[1][i] = full ? way : moves ? v : 0;
            term[2][i] = moves ? 1 : 0;
        }
        add_lanes(term[0], part, total);
        add_lanes(term[1], part, fixed);
        add_lanes(term[2], part, moving);
    }
    return (struct soft_sum){fold(total), fold(fixed), fold(moving)};
}

/* λ with Σ min(max(|v| − λ, 0), room) = eps: Newton on a piecewise linear function, kept
 * inside a bracket; exact as soon as λ lies on the right piece. */
static double soft_threshold(const struct ball *ball, const float *x, double eps)
{
    double low = 0, high = norm_distance(NORM_LINF, x, ball->clean, ball->size);
    double lambda = 0;
    for (int turn = 0; turn < 200 && high - low > 1e-16 * high; turn++) {
        struct soft_sum at = soft_sum(x, ball->clean, ball->room, lambda, ball->size);
        if (fabs(at.total - eps) <= 1e-14 * eps)
            break;
        if (at.total > eps)
            low = lambda;
        else
            high = lambda;
        double next = at.moving > 0 ? (at.fixed - eps) / at.moving : -1;
        lambda = next > low && next < high ? next : (low + high) / 2;
    }
    return lambda;
}

SIMD_CLONES
static void room_ahead(const float *x, const float *clean, float *restrict room, size_t size)
{
    for (size_t i = 0; i < size; i++)
        room[i] = x[i] > clean[i] ? 1.0f - clean[i] : clean[i];
}

SIMD_CLONES
static void soften(float *restrict x, const float *clean, const float *room, double lambda,
                   size_t size)
{
    for (size_t i = 0; i < size; i++) {
        double v = (double)x[i] - (double)clean[i], way = (double)room[i];
        double kept = fabs(v) - lambda;
        kept = kept > 0 ? kept : 0;
        kept = kept < way ? kept : way;
        x[i] = (float)((double)clean[i] + copysign(kept, v));
    }
}

static void project_l1(const struct ball *ball, float *x)
{
    const float *clean = ball->clean;
    double eps = ball->eps;
    room_ahead(x, clean, ball->room, ball->size);
    if (soft_sum(x, clean, ball->room, 0, ball->size).total <= eps)
        clamp_unit(x, ball->size);
    for (double target = eps;;) {
        double distance = norm_distance(NORM_L1, x, clean, ball->size);
        if (distance <= eps)
            return;
        soften(x, clean, ball->room, soft_threshold(ball, x, target), ball->size);
        clamp_unit(x, ball->size);
        /* Rounding to float may have added a little: aim below the edge by twice that. */
        distance = norm_distance(NORM_L1, x, clean, ball->size);
        target = fmax(0, target - 2 * fmax(0, distance - eps) - 1e-12 * eps);
    }
}

void ball_project(const struct ball *ball, float *x)
{
    if (ball->eps <= 0)
        memcpy(x, ball->clean, ball->size * sizeof *x);
    else if (ball->norm == NORM_LINF)
        clamp_between(x, ball->low, ball->high, ball->size);
    else if (ball->norm == NORM_L2)
        project_l2(ball, x);
    else
        project_l1(ball, x);
}

SIMD_CLONES
static void symmetric_from_words(const uint32_t *restrict words, float *restrict out,
                                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double high = (double)(int32_t)(words[2 * i] >> 5);
        double low = (double)(int32_t)(words[2 * i + 1] >> 6);
        out[i] = (float)(2 * ((high * 0x1p26 + low) * 0x1p-53) - 1);
    }
}

/* In [−1, 1): 2 rng_uniform() − 1, many at once. */
static void fill_symmetric(struct rng *rng, float *x, size_t size)
{
    uint32_t words[1024];
    for (size_t done = 0, part; done < size; done += part) {
        part = size - done < 512 ? size - done : 512;
        rng_fill_u32(rng, words, 2 * part);
        symmetric_from_words(words, x + done, part);
    }
}

void ball_uniform(const struct ball *ball, struct rng *rng, float *x)
{
    size_t size = ball->size;
    double radius = 0;
    if (ball->norm == NORM_LINF)
        fill_symmetric(rng, x, size);
    else
        for (size_t i = 0; i < size; i++)
            x[i] = (float)(ball->norm == NORM_L2 ? rng_normal(rng)
                                                 : -log1p(-rng_uniform(rng)));
    if (ball->norm == NORM_LINF)
        radius = ball->eps;
    else if (ball->norm == NORM_L2)
        radius = ball->eps * pow(rng_uniform(rng), 1.0 / (double)size) /
                 fmax(norm_value(NORM_L2, x, size), 1e-30);
    else
        radius = ball->eps / (norm_value(NORM_L1, x, size) - log1p(-rng_uniform(rng)) + 1e-30);
    for (size_t i = 0; i < size; i++) {
        bool flip = ball->norm == NORM_L1 && rng_u32(rng) & 1;
        double delta = radius * (double)x[i];
        x[i] = (float)((double)ball->clean[i] + (flip ? -delta : delta));
    }
    ball_project(ball, x);
}

void ball_surface(const struct ball *ball, struct rng *rng, float *x)
{
    size_t size = ball->size;
    if (ball->norm == NORM_LINF)
        fill_symmetric(rng, x, size);
    else
        for (size_t i = 0; i < size; i++)
            x[i] = (float)rng_normal(rng);
    double radius = ball->norm == NORM_L1
                        ? 1
                        : ball->eps / fmax(norm_value(ball->norm, x, size), 1e-30);
    for (size_t i = 0; i < size; i++)
        x[i] = (float)((double)ball->clean[i] + radius * (double)x[i]);
    ball_project(ball, x);
}

SIMD_CLONES
static bool in_box(const float *x, size_t size)
{
    int outside = 0;
    for (size_t i = 0; i < size; i++)
        outside |= !(x[i] >= 0.0f && x[i] <= 1.0f);
    return !outside;
}

bool ball_holds(const struct ball *ball, const float *x, double *distance)
{
    *distance = norm_distance(ball->norm, x, ball->clean, ball->size);
    return in_box(x, ball->size) && *distance <= ball->eps * (1 + 1e-6);
}

/* The clean value in units of 1/255; an 8-bit pixel is its own integer. */
static inline double lattice_units(float value)
{
    double units = (double)value * 255;
    double whole = rint(units);
    return fabs(units - whole) < 1e-5 ? whole : units;
}

SIMD_CLONES
static void round_within(const float *x, const float *clean, double reach,
                         float *restrict out, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        double at = lattice_units(clean[i]), k = rint((double)x[i] * 255);
        double low = ceil(at - reach), high = floor(at + reach);
        low = low > 0 ? low : 0;
        high = high < 255 ? high : 255;
        k = k > low ? k : low;
        k = k < high ? k : high;
        /* A clean value between two lattice points may have none in reach. */
        out[i] = low > high ? clean[i] : (float)k / 255.0f;
    }
}

struct rounded {
    double excess; /* how far rounding moved it */
    size_t index;
};

static int by_excess(const void *a, const void *b)
{
    const struct rounded *left = a, *right = b;
    if (left->excess != right->excess)
        return left->excess < right->excess ? 1 : -1;
    return (left->index > right->index) - (left->index < right->index);
}

static double lattice_cost(enum norm norm, double units)
{
    return norm == NORM_L2 ? units * units : fabs(units);
}

static void lattice_sum(const struct ball *ball, const float *x, float *out)
{
    struct rounded *away = mem_array(ball->size, sizeof *away);
    size_t count = 0;
    double spent = 0, budget = lattice_cost(ball->norm, ball->eps * 255) * (1 + 1e-9);
    for (size_t i = 0; i < ball->size; i++) {
        double clean = lattice_units(ball->clean[i]), v = (double)x[i] * 255, k = rint(v);
        out[i] = (float)k / 255.0f;
        spent += lattice_cost(ball->norm, k - clean);
        if (fabs(k - clean) > fabs(v - clean))
            away[count++] = (struct rounded){fabs(k - v), i};
    }
    if (spent > budget)
        qsort(away, count, sizeof *away, by_excess);
    for (size_t n = 0; n < count && spent > budget; n++) {
        size_t i = away[n].index;
        double clean = lattice_units(ball->clean[i]), k = rint((double)out[i] * 255);
        double back = k > clean ? k - 1 : k + 1;
        spent += lattice_cost(ball->norm, back - clean) - lattice_cost(ball->norm, k - clean);
        out[i] = (float)back / 255.0f;
    }
    free(away);
}

void ball_lattice(const struct ball *ball, const float *x, float *out)
{
    if (ball->norm == NORM_LINF)
        round_within(x, ball->clean, ball->eps * 255 * (1 + 1e-9) + 1e-9, out, ball->size);
    else
        lattice_sum(ball, x, out);
}

static inline double room_towards(float x, double direction)
{
    return direction > 0 ? 1 - (double)x : (double)x;
}

struct spending {
    double full;   /* Σ |w| room over the coordinates that are at their wall */
    double moving; /* Σ |w|^(1+p) over the others */
};

SIMD_CLONES
static struct spending spend(const float *x, const float *w, double gap, double lambda,
                             bool scaled, size_t size)
{
    double full[LANES] = {0}, moving[LANES] = {0}, term[2][PART];
    for (size_t done = 0, part; done < size; done += part, x += part, w += part) {
        part = size - done < PART ? size - done : PART;
        for (size_t i = 0; i < part; i++) {
            double a = fabs((double)w[i]), unit = scaled ? a : 1;
            double room = room_towards(x[i], gap * (double)w[i]);
            bool walled = lambda * unit >= room;
            term[0][i] = walled ? a * room : 0;
            term[1][i] = walled ? 0 : a * unit;
        }
        add_lanes(term[0], part, full);
        add_lanes(term[1], part, moving);
    }
    return (struct spending){fold(full), fold(moving)};
}

/* Σ |w_i| min(λ |w_i|^p, room_i) = |gap| for λ, p = 0 (Linf) or 1 (L2): concave, so Newton
 * from below never overshoots and ends after finitely many pieces. */
static double exhaust(enum norm norm, const float *x, const float *w, double gap, size_t size)
{
    double lambda = 0;
    for (int turn = 0; turn < 1000; turn++) {
        struct spending at = spend(x, w, gap, lambda, norm == NORM_L2, size);
        double next = at.moving > 0 ? (fabs(gap) - at.full) / at.moving : (double)INFINITY;
        if (!(next > lambda) || !isfinite(next))
            return at.moving > 0 ? lambda : (double)INFINITY;
        lambda = next;
    }
    return lambda;
}

SIMD_CLONES
static void spread(const float *x, const float *w, double gap, double lambda, bool scaled,
                   size_t size, float *restrict delta)
{
    for (size_t i = 0; i < size; i++) {
        double way = gap * (double)w[i], unit = scaled ? fabs((double)w[i]) : 1;
        double step = lambda * unit, room = room_towards(x[i], way);
        step = step < room ? step : room;
        delta[i] = w[i] == 0.0f ? 0.0f : (float)copysign(step, way);
    }
}

static void sink(size_t *heap, size_t count, size_t at, const float *w)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && fabsf(w[heap[child + 1]]) > fabsf(w[heap[child]]))
            child++;
        if (fabsf(w[heap[at]]) >= fabsf(w[heap[child]]))
            return;
        size_t swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
    }
}

/* L1: the largest |w_i| are the cheapest; each is spent to its wall before the next. */
static void spend_largest(const float *x, const float *w, double gap, size_t size,
                          float *delta)
{
    size_t *heap = mem_array(size, sizeof *heap), count = size;
    for (size_t i = 0; i < size; i++)
        heap[i] = i;
    for (size_t i = size / 2; i-- > 0;)
        sink(heap, count, i, w);
    memset(delta, 0, size * sizeof *delta);
    double left = fabs(gap);
    while (left > 0 && count > 0 && w[heap[0]] != 0.0f) {
        size_t i = heap[0];
        double a = fabs((double)w[i]), room = room_towards(x[i], gap * (double)w[i]);
        double step = fmin(room, left / a);
        delta[i] = (float)copysign(step, gap * (double)w[i]);
        left -= a * step;
        heap[0] = heap[--count];
        sink(heap, count, 0, w);
    }
    free(heap);
}

double hyperplane_step(enum norm norm, const float *x, const float *w, double gap,
                       size_t size, float *delta)
{
    if (norm == NORM_L1) {
        spend_largest(x, w, gap, size, delta);
        return norm_value(NORM_L1, delta, size);
    }
    double lambda = exhaust(norm, x, w, gap, size);
    spread(x, w, gap, lambda, norm == NORM_L2, size, delta);
    return norm_value(norm, delta, size);
}
