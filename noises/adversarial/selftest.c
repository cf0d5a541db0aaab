#include "noises/adversarial/selftest.h"

#include "noises/adversarial/ball.h"
#include "noises/adversarial/toy.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 6, CLASSES = 10, HIDDEN = 24, TRIALS = 20 };

struct selftest {
    const struct attack *attack;
    uint64_t seed;
    void (*report)(void *context, const struct selftest_line *);
    void *context;
    int *failed;
};

/* What is asked of a member whose nature differs from a careful gradient attack's. */
struct demand {
    const char *prefix;
    double reach;      /* on a linear victim it must succeed at this multiple of the
                          smallest distance; 0: never asked */
    double minimum;    /* a minimum-norm attack must come to this multiple of it */
    int classes;       /* of the largest linear victim it is asked about */
    bool one_radius;   /* not asked to be monotone and to reach chance */
    bool plants;       /* asked to find planted examples */
};

static struct demand demand_of(const char *name)
{
    // clang-format off
    static const struct demand special[] = {
        {"uniform",          0,     0,      2,  true,  false}, /* the null */
        {"fgsm",             1.001, 0,      2,  true,  false}, /* one step */
        {"pgd-l2",           1.02,  0,      2,  false, true},  /* a random start fades slowly */
        {"di-",              20,    0,      2,  false, false}, /* blurred gradients, for */
        {"ti-",              20,    0,      2,  false, false}, /* transfer */
        {"mi-di-ti",         20,    0,      2,  false, false},
        {"cw",               1.005, 1.005,  2,  false, true},  /* Adam hovers about it */
        {"ddn",              1.001, 1.0001, 2,  false, false}, /* cross-entropy leads to a mean
                                                                  of classes, in long steps */
        {"square-linf",      2,     0,      2,  false, true},  /* no gradient to follow */
        {"square-l2",        3,     0,      2,  false, true},
        {"square-l1",        12,    0,      2,  false, false},
        {"spsa",             1.1,   0,      2,  false, true},
        {"hopskipjump",      2,     2,      10, false, false}, /* labels alone */
        {"apgd-t-l1",        1.05,  0,      10, false, true},  /* sparse steps, 5 targets */
        {"apgd-t",           1.001, 0,      10, false, true},
        {"autoattack",       1.001, 0,      10, false, true},
    };
    // clang-format on
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (!strncmp(name, special[i].prefix, strlen(special[i].prefix)))
            return special[i];
    return (struct demand){"", 1.001, 1.0001, strstr(name, "fab") ? 10 : 2, false, true};
}

static void line(const struct selftest *t, const char *check, bool passed,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

static void line(const struct selftest *t, const char *check, bool passed,
                 const char *format, ...)
{
    struct selftest_line line = {check, t->attack->name, passed, ""};
    va_list args;
    va_start(args, format);
    vsnprintf(line.detail, sizeof line.detail, format, args);
    va_end(args);
    *t->failed += !passed;
    t->report(t->context, &line);
}

/* The defaults of C&W are made for a CPU; here it gets the steps to converge. */
static enum status take_time(struct params *params)
{
    if (!params_has(params, "searches"))
        return OK;
    enum status st = params_set(params, "searches", "9");
    return st ? st : params_set(params, "steps", "2000");
}

/* Short steps where the length is a parameter: examples planted in a random direction are
 * small in feature space, and steps of 2/255 jump over them. */
static enum status shorten_steps(struct params *params, double eps)
{
    char text[32];
    if (!params_has(params, "alpha"))
        return OK;
    snprintf(text, sizeof text, "%.17g", eps / 50);
    enum status st = params_set(params, "alpha", text);
    return st ? st : params_set(params, "steps", "200");
}

static enum status strike(const struct selftest *t, struct toy *toy, double eps, bool planted,
                          float *x, struct attack_result *result)
{
    struct params params;
    char text[32];
    snprintf(text, sizeof text, "%.17g", eps);
    params_init(&params, t->attack->params);
    enum status st = params_set(&params, "eps", text);
    if (!st)
        st = planted ? shorten_steps(&params, eps) : take_time(&params);
    struct attack_call call = {.victim = &toy->victim, .x = toy->clean, .seed = t->seed};
    call.label = toy->label;
    call.key = "selftest";
    call.params = &params;
    call.adversarial = x;
    if (!st)
        st = attack_run(t->attack, &call, result);
    params_clear(&params);
    return st;
}

static enum status check_linear(const struct selftest *t)
{
    struct demand demand = demand_of(t->attack->name);
    enum status st = OK;
    for (int classes = 2; classes <= demand.classes && !st; classes += 8) {
        struct toy toy;
        struct attack_result below = {0}, above = {0};
        toy_linear(&toy, SIDE, classes, t->seed);
        float *x = arena_alloc(&toy.arena, toy.victim.size * sizeof *x);
        double least = toy_linear_distance(&toy, t->attack->norm);
        st = strike(t, &toy, 0.999 * least, false, x, &below);
        if (!st && demand.reach > 0)
            st = strike(t, &toy, demand.reach * least, false, x, &above);
        line(t, "linear", !st && !below.broken && (above.broken || demand.reach <= 0),
             "%d classes, smallest %.6g: %s at 0.999 of it, %s at %g", classes, least,
             below.broken ? "broken" : "holds", above.broken ? "broken" : "holds",
             demand.reach);
        double found = above.distance / least;
        if (!st && t->attack->minimum_norm)
            line(t, "smallest", found >= 1 - 1e-5 && found <= demand.minimum,
                 "%d classes: %.6g of the closed form, at most %g", classes, found,
                 demand.minimum);
        toy_clear(&toy);
    }
    return st;
}

static double planted_eps(enum norm norm)
{
    return norm == NORM_LINF ? 8.0 / 255 : norm == NORM_L2 ? 0.5 : 3;
}

static enum status check_planted(const struct selftest *t)
{
    if (!demand_of(t->attack->name).plants)
        return OK;
    int found = 0;
    enum status st = OK;
    for (uint64_t trial = 0; trial < TRIALS && !st; trial++) {
        struct toy under, toy;
        struct attack_result result = {0};
        double eps = planted_eps(t->attack->norm);
        toy_mlp(&under, SIDE, CLASSES, HIDDEN, t->seed * 1000 + trial);
        st = toy_planted(&toy, &under.victim, under.clean, t->attack->norm, eps, trial);
        float *x = arena_alloc(&toy.arena, toy.victim.size * sizeof *x);
        if (!st)
            st = strike(t, &toy, eps, true, x, &result);
        found += result.broken;
        toy_clear(&toy);
        toy_clear(&under);
    }
    line(t, "planted", !st && found >= 0.95 * TRIALS, "%d of %d found", found, TRIALS);
    return st;
}

/* The smallest radius at which each of TRIALS networks falls, for a minimum-norm attack;
 * for others, whether it falls at `eps` (then 0, else INFINITY). */
static enum status radii_of(const struct selftest *t, double eps, double *radius, bool *same)
{
    *same = true;
    enum status st = OK;
    for (uint64_t trial = 0; trial < TRIALS && !st; trial++) {
        struct toy toy;
        struct attack_result result = {0};
        toy_mlp(&toy, SIDE, CLASSES, HIDDEN, t->seed * 1000 + trial);
        float *x = arena_alloc(&toy.arena, toy.victim.size * sizeof *x);
        st = strike(t, &toy, eps, false, x, &result);
        radius[trial] = result.broken ? 0 : (double)INFINITY;
        if (t->attack->minimum_norm)
            radius[trial] = result.distance;
        *same &= !memcmp(x, toy.clean, toy.victim.size * sizeof *x);
        toy_clear(&toy);
    }
    return st;
}

static int count_above(const double *radius, double eps)
{
    int count = 0;
    for (int i = 0; i < TRIALS; i++)
        count += radius[i] > eps;
    return count;
}

static enum status check_radii(const struct selftest *t)
{
    double whole = t->attack->norm == NORM_LINF ? 1 : t->attack->norm == NORM_L2 ? 11 : 108;
    const double shares[] = {0, 0.002, 0.005, 0.01, 0.02, 0.05, 1};
    enum { RADII = sizeof shares / sizeof *shares };
    int standing[RADII];
    bool same, unchanged = true, monotone = true;
    double radius[TRIALS];
    for (int i = 0; i < RADII; i++) {
        double eps = shares[i] * whole;
        enum status st = OK;
        if (i == 0 || !t->attack->minimum_norm)
            st = radii_of(t, eps, radius, &same);
        if (st)
            return st;
        standing[i] = count_above(radius, eps);
        unchanged &= i > 0 || same || t->attack->minimum_norm;
        monotone &= i == 0 || standing[i] <= standing[i - 1];
    }
    line(t, "zero", unchanged && standing[0] == TRIALS, "%d of %d hold", standing[0], TRIALS);
    struct demand demand = demand_of(t->attack->name);
    if (demand.one_radius)
        return OK;
    line(t, "monotone", monotone, "hold: %d %d %d %d %d %d %d", standing[0], standing[1],
         standing[2], standing[3], standing[4], standing[5], standing[6]);
    line(t, "unbounded", standing[RADII - 1] * CLASSES <= TRIALS, "%d of %d hold",
         standing[RADII - 1], TRIALS);
    return OK;
}

/* The ratio of logits has no scale: neither verdicts nor, but for rounding, points move. */
static enum status check_scale(const struct selftest *t)
{
    if (!strstr(t->attack->name, "dlr") && strncmp(t->attack->name, "apgd-t", 6))
        return OK;
    int differ = 0;
    double moved = 0;
    enum status st = OK;
    for (uint64_t trial = 0; trial < TRIALS && !st; trial++) {
        struct toy toy;
        struct attack_result result[2] = {0};
        toy_mlp(&toy, SIDE, CLASSES, HIDDEN, t->seed * 1000 + trial);
        size_t size = toy.victim.size;
        float *x[2];
        for (int i = 0; i < 2 && !st; i++) {
            x[i] = arena_alloc(&toy.arena, size * sizeof(float));
            toy.scale = i ? 1000 : 1;
            st = strike(t, &toy, planted_eps(t->attack->norm) / 4, false, x[i], &result[i]);
        }
        differ += result[0].broken != result[1].broken;
        if (!st)
            moved = fmax(moved, norm_distance(NORM_LINF, x[0], x[1], size));
        toy_clear(&toy);
    }
    line(t, "scale", !st && !differ, "%d of %d verdicts differ, points by %.2g", differ,
         TRIALS, moved);
    return st;
}

static enum status check_masked(const struct selftest *t)
{
    bool square = !strncmp(t->attack->name, "square", 6);
    if (!t->attack->needs_gradient && !square)
        return OK;
    struct toy toy;
    struct attack_result result = {0};
    toy_mlp(&toy, SIDE, CLASSES, HIDDEN, t->seed * 1000);
    toy.masked = true;
    float *x = arena_alloc(&toy.arena, toy.victim.size * sizeof *x);
    enum status st = strike(t, &toy, 8 * planted_eps(t->attack->norm), false, x, &result);
    if (square)
        line(t, "masked", !st && result.broken, "zero gradients: %s",
             result.broken ? "broken" : "holds");
    else if (!result.broken || result.backwards)
        line(t, "masked", !st && result.zero_gradient, "zero gradients: %s, %s",
             result.zero_gradient ? "flagged" : "not flagged",
             result.broken ? "broken" : "holds");
    toy_clear(&toy);
    return st;
}

enum status attacks_selftest(const char *only, uint64_t seed,
                             void (*report)(void *context, const struct selftest_line *),
                             void *context, int *failed)
{
    static enum status (*const checks[])(const struct selftest *) = {
        check_linear, check_planted, check_radii, check_scale, check_masked,
    };
    struct selftest t = {.seed = seed, .report = report, .context = context};
    t.failed = failed;
    *failed = 0;
    if (only) {
        enum status st = attack_find(only, &t.attack);
        if (st)
            return st;
    }
    for (size_t i = 0; attack_registry[i]; i++) {
        if (only && attack_registry[i] != t.attack)
            continue;
        t.attack = attack_registry[i];
        for (size_t c = 0; c < sizeof checks / sizeof *checks; c++) {
            enum status st = checks[c](&t);
            if (st)
                return status_wrap(st, "%s", t.attack->name);
        }
    }
    return OK;
}
