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
static enum status vote(struct search *s, struct judge *j, const float *x, bool *wrong)
{
    j->out->vote_share = 1;
    if (!*wrong || s->votes < 1)
        return OK;
    int against = 0;
    for (int i = 0; i < s->votes; i++) {
        enum status st = victim_forward(j->victim, x, s->spare);
        if (st)
            return st;
        against += victim_label(s->spare, s->n_classes) != s->label;
    }
    *wrong = 2 * against > s->votes;
    j->out->vote_share = (float)against / (float)s->votes;
    return OK;
}

static void keep(const struct search *s, struct judge *j, const float *x, float margin,
                 double distance)
{
    if (x != j->call->adversarial)
        memcpy(j->call->adversarial, x, s->size * sizeof *x);
    if (j->call->logits)
        memcpy(j->call->logits, j->logits, (size_t)s->n_classes * sizeof(float));
    j->best_margin = margin;
    j->out->distance = distance;
    j->out->label = victim_label(j->logits, s->n_classes);
}

static void credit(const struct search *s, struct attack_result *out)
{
    out->broken = true;
    out->broken_by = s->member;
    out->first_success = s->iteration;
}

static void judge_minimum(const struct search *s, struct judge *j, const float *x,
                          bool wrong, float margin)
{
    double distance;
    if (!wrong)
        return;
    bool inside = ball_holds(&s->ball, x, &distance);
    if (distance >= j->out->distance)
        return;
    keep(s, j, x, margin, distance);
    if (inside && !j->out->broken)
        credit(s, j->out);
    j->done = (inside && s->stop_at_eps) || distance <= 0;
}

static void judge_budget(const struct search *s, struct judge *j, const float *x,
                         bool wrong, float margin)
{
    struct attack_result *out = j->out;
    bool better = margin > j->best_margin;
    if (!better && (!wrong || out->broken))
        return;
    double distance;
    if (!ball_holds(&s->ball, x, &distance)) {
        out->budget_violated |= wrong && !s->scouting;
        return;
    }
    if (out->broken && !wrong)
        return;
    keep(s, j, x, margin, distance);
    if (wrong && !out->broken) {
        credit(s, out);
        j->done = !s->strongest;
    }
}

/* j->logits are its victim's at x. */
static enum status judge(struct search *s, struct judge *j, const float *x)
{
    bool wrong = victim_label(j->logits, s->n_classes) != s->label;
    float margin = loss_margin(j->logits, s->n_classes, s->label);
    enum status st = vote(s, j, x, &wrong);
    if (st)
        return st;
    if (s->minimum)
        judge_minimum(s, j, x, wrong, margin);
    else
        judge_budget(s, j, x, wrong, margin);
    return OK;
}

static struct victim *loss_network(const struct search *s)
{
    return s->use == USE_TRANSFER || s->use == USE_EVERY ? s->source : s->victim;
}

static struct spent spent_by(const struct victim *victim)
{
    return victim ? (struct spent){victim->forwards, victim->backwards} : (struct spent){0, 0};
}

/* Shows x to every judge that is not done. */
static enum status show(struct search *s, const float *x)
{
    bool known = loss_network(s) == s->victim;
    s->done = true;
    for (struct judge *j = s->judges; j < s->judges + s->n_judges; j++) {
        enum status st = OK;
        if (j->done)
            continue;
        if (known)
            memcpy(j->logits, s->logits, (size_t)s->n_classes * sizeof(float));
        else
            st = victim_forward(j->victim, x, j->logits);
        if (!st)
            st = judge(s, j, x);
        if (st)
            return st;
        j->lent = spent_by(s->lender);
        s->done = s->done && j->done;
    }
    return OK;
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
    return st || s->use == USE_TRANSFER ? st : show(s, x);
}

enum status search_offer(struct search *s, const float *x)
{
    return s->use != USE_TRANSFER || s->done ? OK : show(s, x);
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
    bool zero = norm_value(NORM_LINF, dx, s->size) <= 0;
    for (size_t i = 0; i < s->n_judges; i++)
        s->judges[i].out->zero_gradient = zero && !s->judges[i].done;
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
static enum status judge_lattice(struct search *s, struct judge *j)
{
    if (!j->out->broken)
        return OK;
    float *point = arena_alloc(&s->arena, s->size * sizeof *point);
    ball_lattice(&s->ball, j->call->adversarial, point);
    if (!memcmp(point, j->call->adversarial, s->size * sizeof *point)) {
        j->out->broken_8bit = true;
        return OK;
    }
    enum status st = victim_forward(j->victim, point, j->logits);
    bool wrong = victim_label(j->logits, s->n_classes) != s->label;
    if (!st)
        st = vote(s, j, point, &wrong);
    j->out->broken_8bit = !st && wrong;
    return st;
}

static enum search_use use_in(const struct params *params)
{
    const char *word = params_has(params, "use") ? params_word(params, "use") : "transfer";
    return !strcmp(word, "every")      ? USE_EVERY
           : !strcmp(word, "backward") ? USE_BACKWARD
                                       : USE_TRANSFER;
}

bool attack_crafts_apart(const struct attack *attack, const struct params *params)
{
    return !attack->own_gradient && use_in(params) != USE_BACKWARD;
}

static void judges_open(struct search *s, const struct attack_call *calls,
                        struct attack_result *out)
{
    s->judges = arena_alloc(&s->arena, s->n_judges * sizeof *s->judges);
    for (size_t i = 0; i < s->n_judges; i++) {
        struct judge *j = &s->judges[i];
        *j = (struct judge){.victim = calls[i].victim, .call = &calls[i], .out = &out[i]};
        j->before = spent_by(j->victim);
        j->logits = arena_alloc(&s->arena, (size_t)s->n_classes * sizeof(float));
    }
}

static void search_open(struct search *s)
{
    const struct params *params = s->params;
    s->victim = s->call->victim;
    s->source = s->call->source ? s->call->source : s->victim;
    s->lender = s->source != s->victim ? s->source : NULL;
    s->size = s->victim->size;
    s->n_classes = s->victim->n_classes;
    s->label = s->call->label;
    s->minimum = s->attack->minimum_norm;
    s->use = s->lender ? use_in(params) : USE_SAME;
    s->strongest = params_has(params, "keep") &&
                   !strcmp(params_word(params, "keep"), "strongest");
    s->stop_at_eps = params_has(params, "stop") && !strcmp(params_word(params, "stop"), "eps");
    ball_init(&s->ball, s->attack->norm, params_real(params, "eps"), s->call->x, s->size,
              &s->arena);

    size_t bytes = (size_t)s->n_classes * sizeof(float);
    float **rows[] = {&s->clean_logits, &s->logits, &s->dlogits, &s->spare};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        *rows[i] = arena_alloc(&s->arena, bytes);
}

static enum status clean_logits(const struct search *s, struct judge *j)
{
    const float *known = j->call->clean_logits;
    if (!known)
        return victim_forward(j->victim, s->call->x, j->logits);
    memcpy(j->logits, known, (size_t)s->n_classes * sizeof(float));
    return check_finite(known, s->n_classes);
}

/* The clean sample: judged by the victims in every mode, first point of the record. */
static enum status look_at_clean(struct search *s)
{
    struct judge *end = s->judges + s->n_judges;
    enum status st = OK;
    for (struct judge *j = s->judges; j < end && !st; j++)
        st = clean_logits(s, j);
    if (st)
        return st;
    memcpy(s->logits, s->judges->logits, (size_t)s->n_classes * sizeof(float));
    if (loss_network(s) != s->victim && (st = search_probe(s, s->call->x)))
        return st;
    memcpy(s->clean_logits, s->logits, (size_t)s->n_classes * sizeof(float));
    s->member = "clean";
    s->done = true;
    for (struct judge *j = s->judges; j < end && !st; j++) {
        j->best_margin = -INFINITY;
        j->out->distance = HUGE_VAL;
        st = judge(s, j, s->call->x);
        j->done = j->out->broken;
        j->lent = spent_by(s->lender);
        j->out->label = victim_label(j->logits, s->n_classes);
        j->best_margin = loss_margin(j->logits, s->n_classes, s->label);
        s->done = s->done && j->done;
    }
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
    enum status st = OK;
    for (size_t i = 0; i < s->n_judges; i++)
        memcpy(s->judges[i].call->adversarial, s->call->x, s->size * sizeof(float));
    st = look_at_clean(s);
    s->member = s->attack->name;
    /* A ball of radius 0 is the clean sample, and that has been looked at. */
    if (!st && !s->done && (s->minimum || s->ball.eps > 0))
        st = s->attack->run(s);
    for (size_t i = 0; i < s->n_judges && !st; i++)
        st = judge_lattice(s, &s->judges[i]);
    return st;
}

/* What attack_run() on this judge alone would have cost, `borrowed` being what the lender
 * had spent before. */
static void sum_up(struct search *s, struct judge *j, struct spent borrowed)
{
    struct spent own = spent_by(j->victim);
    if (!j->done)
        j->lent = spent_by(s->lender);
    j->out->margin = j->best_margin;
    j->out->forwards = (uint32_t)(own.forwards - j->before.forwards + j->lent.forwards -
                                  borrowed.forwards);
    j->out->backwards = (uint32_t)(own.backwards - j->before.backwards +
                                   j->lent.backwards - borrowed.backwards);
}

enum status attack_show(const struct attack *attack, const struct attack_call *calls,
                        size_t count, struct attack_result *out)
{
    enum status st = OK;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct attack_result){.vote_share = 1};
    for (size_t i = 0; i < count && !st; i++)
        st = check(attack, &calls[i]);
    if (st)
        return st;
    struct params defaults = {0};
    if (!calls->params)
        params_init(&defaults, attack->params);
    struct search s = {.attack = attack, .call = calls, .n_judges = count, .out = out};
    s.params = calls->params ? calls->params : &defaults;
    search_open(&s);
    judges_open(&s, calls, out);
    assert(count == 1 || attack_crafts_apart(attack, s.params));

    struct spent borrowed = spent_by(s.lender);
    st = search_all(&s);
    for (size_t i = 0; i < count; i++)
        sum_up(&s, &s.judges[i], borrowed);
    arena_clear(&s.arena);
    params_clear(&defaults);
    return st;
}

enum status attack_run(const struct attack *attack, const struct attack_call *call,
                       struct attack_result *out)
{
    return attack_show(attack, call, 1, out);
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
