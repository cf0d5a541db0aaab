#include "noises/adversarial/search.h"

#include "base/simd.h"
#include "base/text.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const char *norm_name(enum norm norm)
{
    static const char *const names[] = {"linf", "l2", "l1"};
    return names[norm];
}

int victim_label(const float *logits, int n_classes)
{
    int best = 0;
    for (int i = 1; i < n_classes; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

static enum status check_finite(const float *logits, int n)
{
    for (int i = 0; i < n; i++)
        if (!isfinite(logits[i]))
            return status_fail(ERR_NUMERIC, "logit %d is %g", i, (double)logits[i]);
    return OK;
}

enum status victim_forward(struct victim *victim, const float *x, float *logits)
{
    victim->forwards++;
    enum status st = victim->forward(victim->state, x, logits);
    return st ? st : check_finite(logits, victim->n_classes);
}

enum status victim_backward(struct victim *victim, const float *dlogits, float *dx)
{
    assert(victim->backward);
    victim->backwards++;
    return victim->backward(victim->state, dlogits, dx);
}

void search_rng(const struct search *s, const char *purpose, uint64_t index,
                struct rng *rng)
{
    rng_open(rng, s->call->seed, s->call->key ? s->call->key : "", purpose, index);
}

/* A stochastic victim's wrong answer counts when most of `votes` fresh draws are wrong. */
static enum status vote(struct search *s, const float *x, bool *wrong)
{
    s->out->vote_share = 1;
    if (!*wrong || s->votes < 1)
        return OK;
    int against = 0;
    for (int i = 0; i < s->votes; i++) {
        enum status st = victim_forward(s->victim, x, s->spare);
        if (st)
            return st;
        against += victim_label(s->spare, s->n_classes) != s->label;
    }
    *wrong = 2 * against > s->votes;
    s->out->vote_share = (float)against / (float)s->votes;
    return OK;
}

static void keep(struct search *s, const float *x, float margin, double distance)
{
    if (x != s->call->adversarial)
        memcpy(s->call->adversarial, x, s->size * sizeof *x);
    if (s->call->logits)
        memcpy(s->call->logits, s->verdict_logits, (size_t)s->n_classes * sizeof(float));
    s->best_margin = margin;
    s->out->distance = distance;
    s->out->label = victim_label(s->verdict_logits, s->n_classes);
}

static void judge_minimum(struct search *s, const float *x, bool wrong, float margin)
{
    double distance;
    if (!wrong)
        return;
    bool inside = ball_holds(&s->ball, x, &distance);
    if (distance >= s->out->distance)
        return;
    keep(s, x, margin, distance);
    if (inside && !s->out->broken) {
        s->out->broken = true;
        s->out->broken_by = s->member;
        s->out->first_success = s->iteration;
    }
    s->done = (inside && s->stop_at_eps) || distance <= 0;
}

static void judge_budget(struct search *s, const float *x, bool wrong, float margin)
{
    struct attack_result *out = s->out;
    bool better = margin > s->best_margin;
    if (!better && (!wrong || out->broken))
        return;
    double distance;
    if (!ball_holds(&s->ball, x, &distance)) {
        out->budget_violated |= wrong && !s->scouting;
        return;
    }
    if (out->broken && !wrong)
        return;
    keep(s, x, margin, distance);
    if (wrong && !out->broken) {
        out->broken = true;
        out->broken_by = s->member;
        out->first_success = s->iteration;
        s->done = !s->strongest;
    }
}

/* s->verdict_logits are the victim's at x. */
static enum status judge(struct search *s, const float *x)
{
    bool wrong = victim_label(s->verdict_logits, s->n_classes) != s->label;
    float margin = loss_margin(s->verdict_logits, s->n_classes, s->label);
    enum status st = vote(s, x, &wrong);
    if (st)
        return st;
    if (s->minimum)
        judge_minimum(s, x, wrong, margin);
    else
        judge_budget(s, x, wrong, margin);
    return OK;
}

static struct victim *loss_network(const struct search *s)
{
    return s->use == USE_TRANSFER || s->use == USE_EVERY ? s->source : s->victim;
}

enum status search_probe(struct search *s, const float *x)
{
    enum status st = victim_forward(loss_network(s), x, s->logits);
    if (st)
        return st;
    s->fooled = victim_label(s->logits, s->n_classes) != s->label;
    return OK;
}

enum status search_look(struct search *s, const float *x)
{
    s->iteration++;
    enum status st = search_probe(s, x);
    if (st || s->use == USE_TRANSFER)
        return st;
    if (s->use == USE_EVERY)
        st = victim_forward(s->victim, x, s->verdict_logits);
    else
        memcpy(s->verdict_logits, s->logits, (size_t)s->n_classes * sizeof(float));
    return st ? st : judge(s, x);
}

enum status search_offer(struct search *s, const float *x)
{
    if (s->use != USE_TRANSFER || s->done)
        return OK;
    enum status st = victim_forward(s->victim, x, s->verdict_logits);
    return st ? st : judge(s, x);
}

enum status search_gradient(struct search *s, const float *x, const float *dlogits,
                            float *dx)
{
    enum status st = OK;
    if (s->use == USE_BACKWARD)
        st = victim_forward(s->source, x, s->spare);
    if (!st)
        st = victim_backward(s->source, dlogits, dx);
    if (st || s->seen_gradient)
        return st;
    s->seen_gradient = true;
    s->out->zero_gradient = norm_value(NORM_LINF, dx, s->size) <= 0;
    return OK;
}

double search_loss(struct search *s, const struct loss *loss, float *dlogits)
{
    return loss_value(loss, s->logits, s->n_classes, s->label, dlogits);
}

enum status search_ascend(struct search *s, const struct loss *loss, const float *x,
                          double *value, float *dx)
{
    enum status st = search_look(s, x);
    if (st || s->done)
        return st;
    *value = search_loss(s, loss, s->dlogits);
    if ((st = search_gradient(s, x, s->dlogits, dx)) || s->eot < 2)
        return st;

    struct arena scratch = {0};
    float *draw = arena_alloc(&scratch, s->size * sizeof *draw);
    for (int i = 1; i < s->eot && !st; i++) {
        if (!(st = search_probe(s, x))) {
            *value += search_loss(s, loss, s->dlogits);
            st = search_gradient(s, x, s->dlogits, draw);
            vector_add_scaled(dx, draw, 1, s->size);
        }
    }
    *value /= s->eot;
    arena_clear(&scratch);
    return st;
}

/* The nearest point that an 8-bit picture can hold must fool the network too; often it is
 * the point itself. */
static enum status judge_lattice(struct search *s)
{
    if (!s->out->broken)
        return OK;
    float *point = arena_alloc(&s->arena, s->size * sizeof *point);
    ball_lattice(&s->ball, s->call->adversarial, point);
    if (!memcmp(point, s->call->adversarial, s->size * sizeof *point)) {
        s->out->broken_8bit = true;
        return OK;
    }
    enum status st = victim_forward(s->victim, point, s->verdict_logits);
    bool wrong = victim_label(s->verdict_logits, s->n_classes) != s->label;
    if (!st)
        st = vote(s, point, &wrong);
    s->out->broken_8bit = !st && wrong;
    return st;
}

static enum search_use use_of(const struct search *s, const struct params *params)
{
    if (s->source == s->victim)
        return USE_SAME;
    const char *word = params_has(params, "use") ? params_word(params, "use") : "transfer";
    return !strcmp(word, "every")      ? USE_EVERY
           : !strcmp(word, "backward") ? USE_BACKWARD
                                       : USE_TRANSFER;
}

static void search_open(struct search *s)
{
    const struct params *params = s->params;
    s->victim = s->call->victim;
    s->source = s->call->source ? s->call->source : s->victim;
    s->size = s->victim->size;
    s->n_classes = s->victim->n_classes;
    s->label = s->call->label;
    s->minimum = s->attack->minimum_norm;
    s->use = use_of(s, params);
    s->strongest = params_has(params, "keep") &&
                   !strcmp(params_word(params, "keep"), "strongest");
    s->stop_at_eps = params_has(params, "stop") && !strcmp(params_word(params, "stop"), "eps");
    ball_init(&s->ball, s->attack->norm, params_real(params, "eps"), s->call->x, s->size,
              &s->arena);

    size_t bytes = (size_t)s->n_classes * sizeof(float);
    float **rows[] = {&s->clean_logits, &s->logits, &s->verdict_logits, &s->dlogits, &s->spare};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        *rows[i] = arena_alloc(&s->arena, bytes);
}

/* The clean sample: judged by the victim in every mode, first point of the record. */
static enum status look_at_clean(struct search *s)
{
    const float *known = s->call->clean_logits;
    enum status st = known ? check_finite(known, s->n_classes)
                           : victim_forward(s->victim, s->call->x, s->verdict_logits);
    if (st)
        return st;
    if (known)
        memcpy(s->verdict_logits, known, (size_t)s->n_classes * sizeof(float));
    memcpy(s->logits, s->verdict_logits, (size_t)s->n_classes * sizeof(float));
    if (loss_network(s) != s->victim && (st = search_probe(s, s->call->x)))
        return st;
    memcpy(s->clean_logits, s->logits, (size_t)s->n_classes * sizeof(float));
    s->member = "clean";
    s->best_margin = -INFINITY;
    s->out->distance = HUGE_VAL;
    st = judge(s, s->call->x);
    s->done = s->out->broken;
    s->out->label = victim_label(s->verdict_logits, s->n_classes);
    s->best_margin = loss_margin(s->verdict_logits, s->n_classes, s->label);
    return st;
}

static enum status check(const struct attack *attack, const struct attack_call *call)
{
    const struct victim *victim = call->victim;
    const struct victim *source = call->source ? call->source : victim;
    if (attack->needs_gradient && !source->backward)
        return status_fail(ERR_UNSUPPORTED,
                           "%s needs a gradient and this network has none: use square-%s, "
                           "or source=MODEL",
                           attack->name, norm_name(attack->norm));
    if (source->size != victim->size || source->n_classes != victim->n_classes)
        return status_fail(ERR_USAGE,
                           "source and victim differ: %zu values and %d classes against "
                           "%zu and %d",
                           source->size, source->n_classes, victim->size,
                           victim->n_classes);
    if (victim->n_classes < 2 || call->label < 0 || call->label >= victim->n_classes)
        return status_fail(ERR_USAGE, "label %d of a network with %d classes", call->label,
                           victim->n_classes);
    return OK;
}

static enum status search_all(struct search *s)
{
    memcpy(s->call->adversarial, s->call->x, s->size * sizeof(float));
    enum status st = look_at_clean(s);
    s->member = s->attack->name;
    /* A ball of radius 0 is the clean sample, and that has been looked at. */
    if (!st && !s->done && (s->minimum || s->ball.eps > 0))
        st = s->attack->run(s);
    if (!st)
        st = judge_lattice(s);
    s->out->margin = s->best_margin;
    return st;
}

enum status attack_run(const struct attack *attack, const struct attack_call *call,
                       struct attack_result *out)
{
    *out = (struct attack_result){.vote_share = 1};
    enum status st = check(attack, call);
    if (st)
        return st;
    struct params defaults = {0};
    if (!call->params)
        params_init(&defaults, attack->params);
    struct search s = {.attack = attack, .call = call, .out = out};
    s.params = call->params ? call->params : &defaults;
    search_open(&s);

    bool apart = s.source != s.victim;
    uint64_t forwards = s.victim->forwards + (apart ? s.source->forwards : 0);
    uint64_t backwards = s.victim->backwards + (apart ? s.source->backwards : 0);
    st = search_all(&s);
    out->forwards =
        (uint32_t)(s.victim->forwards + (apart ? s.source->forwards : 0) - forwards);
    out->backwards =
        (uint32_t)(s.victim->backwards + (apart ? s.source->backwards : 0) - backwards);

    arena_clear(&s.arena);
    params_clear(&defaults);
    return st;
}

void attack_lattice(const struct attack *attack, double eps, const float *clean,
                    const float *x, size_t size, float *out)
{
    struct arena arena = {0};
    struct ball ball;
    double distance;
    ball_init(&ball, attack->norm, eps, clean, size, &arena);
    if (!ball_holds(&ball, x, &distance)) {
        arena_clear(&arena);
        ball_init(&ball, attack->norm, distance, clean, size, &arena);
    }
    ball_lattice(&ball, x, out);
    arena_clear(&arena);
}

enum status attack_find(const char *name, const struct attack **out)
{
    const char *names[256];
    size_t count = 0;
    for (; attack_registry[count]; count++) {
        names[count] = attack_registry[count]->name;
        if (!strcmp(names[count], name)) {
            *out = attack_registry[count];
            return OK;
        }
    }
    *out = NULL;
    const char *near = text_nearest(name, names, count);
    return near ? status_fail(ERR_USAGE, "unknown attack '%s': did you mean '%s'?", name, near)
                : status_fail(ERR_USAGE, "unknown attack '%s'", name);
}

SIMD_CLONES
void vector_add_sign(float *x, const float *g, double step, size_t size)
{
    float move = (float)step;
    for (size_t i = 0; i < size; i++)
        x[i] += g[i] > 0.0f ? move : g[i] < 0.0f ? -move : 0.0f;
}

SIMD_CLONES
void vector_add_scaled(float *x, const float *g, double scale, size_t size)
{
    for (size_t i = 0; i < size; i++)
        x[i] = (float)((double)x[i] + scale * (double)g[i]);
}
