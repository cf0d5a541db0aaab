#include "base/progress.h"
#include "base/threads.h"
#include "models/runtime/network.h"
#include "models/train/loss.h"
#include "models/train/state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t pixels(const struct trainer *t)
{
    return 3 * (size_t)t->rule.side * (size_t)t->rule.side;
}

static void open_parts(struct trainer *t)
{
    size_t size = (size_t)t->rule.size, rows = (size_t)t->rows, x = pixels(t);
    size_t classes = (size_t)t->rule.n_classes;
    t->parts = mem_array((size_t)t->rule.parts, sizeof *t->parts);
    for (int i = 0; i < t->rule.parts; i++) {
        struct part *part = &t->parts[i];
        part->clean = mem_array(size * x, sizeof(float));
        part->input = mem_array(rows * x, sizeof(float));
        part->dx = mem_array(rows * x, sizeof(float));
        part->adversarial = mem_array(size * x, sizeof(float));
        part->logits = mem_array(rows * classes, sizeof(float));
        part->dlogits = mem_array(rows * classes, sizeof(float));
        part->targets = mem_array(size * classes, sizeof(float));
        part->teacher = mem_array(size * classes, sizeof(float));
        part->labels = mem_array(size, sizeof(int));
    }
}

enum status trainer_open(const struct train_rule *rule, struct trainer **out)
{
    *out = NULL;
    struct trainer *t = mem_new(sizeof *t);
    t->rule = *rule;
    t->rows = rule->adversary == ADVERSARY_TRADES ? 2 * rule->size : rule->size;
    enum status st = architecture_build(rule->architecture, rule->side, rule->n_classes,
                                        rule->seed, &t->graph);
    const struct training_options options = {rule->parts, t->rows,
                                             rule->adversary != ADVERSARY_NONE};
    if (!st)
        st = training_open(&t->graph, &options, &t->training);
    if (st) {
        trainer_close(t);
        return st;
    }
    size_t n = (size_t)training_variables(t->training);
    t->optimizers = mem_array(n, sizeof *t->optimizers);
    if (rule->average > 0) {
        t->averages = mem_array(n, sizeof *t->averages);
        for (size_t i = 0; i < n; i++) {
            const struct variable *v = training_variable(t->training, (int)i);
            t->averages[i] = mem_array(v->count, sizeof(float));
            memcpy(t->averages[i], v->data, v->count * sizeof(float));
        }
    }
    open_parts(t);
    *out = t;
    return OK;
}

static void close_parts(struct trainer *t)
{
    for (int i = 0; t->parts && i < t->rule.parts; i++) {
        struct part *part = &t->parts[i];
        float *all[] = {part->clean,  part->input,   part->dx,      part->adversarial,
                        part->logits, part->dlogits, part->targets, part->teacher};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            free(all[k]);
        free(part->labels);
    }
    free(t->parts);
}

void trainer_close(struct trainer *t)
{
    if (!t)
        return;
    close_parts(t);
    for (int i = 0; t->optimizers && i < training_variables(t->training); i++) {
        optimizer_clear(&t->optimizers[i]);
        if (t->averages)
            free(t->averages[i]);
    }
    free(t->averages);
    free(t->optimizers);
    training_close(t->training);
    graph_clear(&t->graph);
    free(t);
}

/* Pixels in [0,1] to what the network wants. */
static void normalise(const struct trainer *t, const float *x, float *out, size_t samples)
{
    size_t area = pixels(t) / 3;
    for (size_t n = 0; n < samples; n++)
        for (size_t c = 0; c < 3; c++) {
            float mean = (float)t->rule.mean[c], std = (float)t->rule.std[c];
            size_t at = (3 * n + c) * area;
            for (size_t i = 0; i < area; i++)
                out[at + i] = (x[at + i] - mean) / std;
        }
}

/* Loads and augments the part's samples; targets are soft when labels are mixed. */
static enum status load(struct trainer *t, struct part *part, size_t first)
{
    const struct train_rule *rule = &t->rule;
    size_t x = pixels(t);
    for (int n = 0; n < rule->size; n++) {
        uint32_t index = t->order[first + (size_t)n];
        char key[32];
        snprintf(key, sizeof key, "%u", index);
        struct rng rng;
        rng_open(&rng, rule->seed, key, "train", (uint64_t)t->epoch);
        struct image image = {0};
        enum status st =
            t->source->load(t->source->context, index, &rng, &image, &part->labels[n]);
        if (!st)
            st = augment_image(&image, &rule->augment, &rng);
        if (!st)
            pixels_to_float(image.data, image.width, image.height,
                            part->clean + (size_t)n * x);
        image_clear(&image);
        if (st)
            return status_wrap(st, "sample %u", index);
    }
    return OK;
}

static void mix(struct trainer *t, struct part *part, size_t first)
{
    const struct train_rule *rule = &t->rule;
    size_t x = pixels(t), classes = (size_t)rule->n_classes, size = (size_t)rule->size;
    bool mixes = rule->augment.mixup > 0 || rule->augment.cutmix > 0;
    float spread = (float)(rule->smoothing / (double)classes),
          rest = 1 - (float)rule->smoothing;
    /* `adversarial` is free until the attack: it holds the unmixed pictures. */
    if (mixes)
        memcpy(part->adversarial, part->clean, size * x * sizeof(float));
    for (size_t n = 0; n < size; n++) {
        float *target = part->targets + n * classes;
        double keep = 1;
        size_t other = (n + 1) % size;
        if (mixes) {
            char key[32];
            struct rng rng;
            snprintf(key, sizeof key, "%u", t->order[first + n]);
            rng_open(&rng, rule->seed, key, "mix", (uint64_t)t->epoch);
            keep = augment_mix(part->clean + n * x, part->adversarial + other * x,
                               rule->side, rule->side, &rule->augment, &rng);
        }
        for (size_t k = 0; k < classes; k++)
            target[k] = spread;
        target[part->labels[n]] += rest * (float)keep;
        target[part->labels[other]] += rest * (float)(1 - keep);
    }
}

/* One ascent step of the part's adversarial pictures along the sign of the gradient. */
static void climb(const struct trainer *t, struct part *part, const float *dx)
{
    float eps = (float)t->rule.eps, alpha = (float)t->rule.alpha;
    size_t count = (size_t)t->rule.size * pixels(t);
    for (size_t i = 0; i < count; i++) {
        float sign = (float)(dx[i] > 0) - (float)(dx[i] < 0), clean = part->clean[i];
        float moved = part->adversarial[i] + alpha * sign;
        moved = fminf(fmaxf(moved, clean - eps), clean + eps);
        part->adversarial[i] = fminf(fmaxf(moved, 0), 1);
    }
}

/* Gradient of the inner problem: cross-entropy (PGD), or the divergence from the clean
 * prediction (TRADES), whose clean half stands in the first rows. */
static void inner_gradient(const struct trainer *t, struct part *part)
{
    int classes = t->rule.n_classes;
    bool trades = t->rule.adversary == ADVERSARY_TRADES;
    float own[1024];
    memset(part->dlogits, 0, (size_t)(t->rows * classes) * sizeof(float));
    for (int n = 0; n < t->rule.size; n++) {
        int row = trades ? t->rule.size + n : n;
        const float *z = part->logits + row * classes;
        if (trades)
            softmax(part->logits + n * classes, classes, 1, own);
        loss_cross_entropy(z, trades ? own : part->targets + n * classes, classes, 1,
                           part->dlogits + row * classes);
    }
}

static enum status attack(struct trainer *t, int index, uint64_t step)
{
    const struct train_rule *rule = &t->rule;
    struct part *part = &t->parts[index];
    size_t x = pixels(t), count = (size_t)rule->size * x;
    size_t skip = rule->adversary == ADVERSARY_TRADES ? count : 0;
    struct rng rng;
    char key[32];
    snprintf(key, sizeof key, "part %d", index);
    rng_open(&rng, rule->seed, key, "attack", step);
    rng_fill_uniform(&rng, part->adversarial, count, (float)-rule->eps, (float)rule->eps);
    for (size_t i = 0; i < count; i++)
        part->adversarial[i] = fminf(fmaxf(part->clean[i] + part->adversarial[i], 0), 1);

    enum status st = OK;
    for (int i = 0; i < rule->steps && !st; i++) {
        if (skip)
            normalise(t, part->clean, part->input, (size_t)rule->size);
        normalise(t, part->adversarial, part->input + skip, (size_t)rule->size);
        st = training_forward(t->training, index, part->input, part->logits);
        inner_gradient(t, part);
        if (!st)
            st = training_backward(t->training, index, part->dlogits, part->dx);
        /* dx is in normalised units: std is positive, so signs are those of pixels. */
        if (!st)
            climb(t, part, part->dx + skip);
    }
    return st;
}

static enum status ask_teacher(struct trainer *t, struct part *part, int worker)
{
    const struct train_rule *rule = &t->rule;
    size_t classes = (size_t)rule->n_classes;
    enum status st = OK;
    for (size_t n = 0; n < (size_t)rule->size && rule->distill > 0 && !st; n++) {
        float *soft = part->teacher + n * classes;
        st = rule->teach(rule->teacher, worker, part->clean + n * pixels(t), soft);
        softmax(soft, rule->n_classes, rule->temperature, soft);
    }
    return st;
}

/* Loss of sample n's row; adds the row's gradient, already over the batch size. */
static double outer_loss(const struct trainer *t, struct part *part, int n)
{
    const struct train_rule *rule = &t->rule;
    int classes = rule->n_classes;
    double scale = 1.0 / (rule->parts * rule->size);
    const float *z = part->logits + n * classes;
    float *dz = part->dlogits + n * classes;
    double hard = 1 - rule->distill;
    double loss = hard * loss_cross_entropy(z, part->targets + n * classes, classes,
                                            hard * scale, dz);
    if (rule->distill > 0) {
        float warm[1024], d[1024];
        double T = rule->temperature;
        for (int k = 0; k < classes; k++)
            warm[k] = z[k] / (float)T;
        loss += rule->distill * T * T *
                loss_divergence(warm, part->teacher + n * classes, classes,
                                rule->distill * T * scale, d);
        for (int k = 0; k < classes; k++)
            dz[k] += d[k];
    }
    if (rule->adversary == ADVERSARY_TRADES) {
        /* beta KL(p || q), p from the clean row, q from the adversarial one; both learn. */
        float p[1024], q[1024];
        int row = rule->size + n;
        softmax(z, classes, 1, p);
        softmax(part->logits + row * classes, classes, 1, q);
        double kl = loss_divergence(part->logits + row * classes, p, classes,
                                    rule->beta * scale, part->dlogits + row * classes);
        loss += rule->beta * kl;
        for (int k = 0; k < classes; k++) {
            double slope =
                log(fmax((double)p[k], 1e-12)) - log(fmax((double)q[k], 1e-12)) - kl;
            dz[k] += (float)(rule->beta * scale * (double)p[k] * slope);
        }
    }
    return loss;
}

static bool is_right(const struct trainer *t, const struct part *part, int n)
{
    const float *z = part->logits + n * t->rule.n_classes;
    for (int k = 0; k < t->rule.n_classes; k++)
        if (z[k] > z[part->labels[n]])
            return false;
    return true;
}

static enum status work(void *context, size_t item, int worker)
{
    struct trainer *t = context;
    struct part *part = &t->parts[item];
    size_t size = (size_t)t->rule.size, x = pixels(t);
    size_t first = t->batch * (size_t)t->rule.parts * size + item * size;

    enum status st = load(t, part, first);
    if (st)
        return st;
    mix(t, part, first);
    st = ask_teacher(t, part, worker);
    if (!st && t->rule.adversary != ADVERSARY_NONE)
        st = attack(t, (int)item, t->steps);
    if (st)
        return st;

    bool trades = t->rule.adversary == ADVERSARY_TRADES;
    bool pgd = t->rule.adversary == ADVERSARY_PGD;
    normalise(t, pgd ? part->adversarial : part->clean, part->input, size);
    if (trades)
        normalise(t, part->adversarial, part->input + size * x, size);
    st = training_forward(t->training, (int)item, part->input, part->logits);
    part->loss = 0;
    part->right = 0;
    for (int n = 0; n < t->rule.size && !st; n++) {
        part->loss += outer_loss(t, part, n);
        part->right += is_right(t, part, n);
    }
    if (!st && !isfinite(part->loss))
        st =
            status_fail(ERR_NUMERIC, "the loss is not a number any more: lower the rate");
    return st ? st : training_backward(t->training, (int)item, part->dlogits, NULL);
}

/* After all parts: one optimiser step on every weight. */
static void update(struct trainer *t, double rate)
{
    training_reduce(t->training);
    training_average(t->training);
    for (int i = 0; i < training_variables(t->training); i++) {
        struct variable *v = training_variable(t->training, i);
        optimizer_step(&t->optimizers[i], &t->rule.optimizer, v->data, v->gradient,
                       v->count, rate, v->decays);
        if (t->averages)
            average_step(t->averages[i], v->data, v->count, t->rule.average, t->steps);
    }
    t->steps++;
}

enum status trainer_epoch(struct trainer *t, const struct train_source *source,
                          void (*step)(size_t samples), struct train_progress *out)
{
    const struct train_rule *rule = &t->rule;
    size_t batch = (size_t)rule->parts * (size_t)rule->size,
           batches = source->count / batch;
    if (!batches || source->n_classes != rule->n_classes || rule->n_classes > 1024)
        return status_fail(ERR_USAGE,
                           "%zu samples of %d classes cannot train %d classes in "
                           "batches of %zu",
                           source->count, source->n_classes, rule->n_classes, batch);
    uint32_t *order = mem_array(source->count, sizeof *order);
    struct rng rng;
    rng_open(&rng, rule->seed, "order", "train", (uint64_t)t->epoch);
    rng_shuffle(&rng, order, source->count);
    t->source = source;
    t->order = order;

    double start = clock_now(), rate = 0;
    *out = (struct train_progress){.samples = batches * batch};
    enum status st = OK;
    for (t->batch = 0; t->batch < batches && !st; t->batch++) {
        st = threads_each(rule->threads, (size_t)rule->parts, work, t);
        if (st)
            break;
        double done = t->epoch + (double)t->batch / (double)batches;
        rate = schedule_rate(&rule->schedule, done / rule->epochs);
        update(t, rate);
        for (int i = 0; i < rule->parts; i++) {
            out->loss += t->parts[i].loss / (double)out->samples;
            out->accuracy += (double)t->parts[i].right / (double)out->samples;
        }
        if (step)
            step(batch);
    }
    free(order);
    t->order = NULL;
    if (!st)
        t->epoch++;
    out->epoch = t->epoch;
    out->rate = rate;
    out->seconds = clock_now() - start;
    return st;
}

int trainer_epochs_done(const struct trainer *t)
{
    return t->epoch;
}

enum status trainer_graph(struct trainer *t, struct graph **out)
{
    *out = &t->graph;
    return training_store(t->training, (const float *const *)t->averages, &t->graph);
}

struct preprocess trainer_preprocess(const struct trainer *t)
{
    struct preprocess p = {.width = t->rule.side,
                           .height = t->rule.side,
                           .resize_rule = "none",
                           .resizer = "pillow-bilinear",
                           .decoder = "turbo",
                           .order = "rgb",
                           .layout = "nchw",
                           .scale = 1.0 / 255};
    memcpy(p.mean, t->rule.mean, sizeof p.mean);
    memcpy(p.std, t->rule.std, sizeof p.std);
    return p;
}

struct evaluation {
    struct trainer *trainer;
    const struct train_source *source;
    struct network network;
    struct session **sessions; /* per worker */
    unsigned char *right;      /* per sample */
};

static enum status evaluate_one(void *context, size_t item, int worker)
{
    struct evaluation *e = context;
    struct image image = {0};
    struct rng rng;
    int label;
    rng_open(&rng, e->trainer->rule.seed, "evaluation", "train", item);
    enum status st = OK;
    if (!e->sessions[worker])
        st = session_open_network(&e->network, NULL, &e->sessions[worker]);
    if (!st)
        st = e->source->load(e->source->context, item, &rng, &image, &label);
    float *x = mem_array(pixels(e->trainer), sizeof *x), z[1024];
    if (!st) {
        pixels_to_float(image.data, image.width, image.height, x);
        st = session_forward(e->sessions[worker], x, z);
    }
    if (!st) {
        e->right[item] = 1;
        for (int k = 0; k < e->trainer->rule.n_classes; k++)
            e->right[item] &= !(z[k] > z[label]);
    }
    free(x);
    image_clear(&image);
    return st;
}

enum status trainer_evaluate(struct trainer *t, const struct train_source *source,
                             double *top1)
{
    struct graph *graph;
    enum status st = trainer_graph(t, &graph);
    if (st)
        return st;
    int threads = t->rule.threads > 0 ? t->rule.threads : threads_available();
    const struct preprocess preprocess = trainer_preprocess(t);
    struct evaluation e = {.trainer = t, .source = source};
    network_init(&e.network, graph, &preprocess);
    e.sessions = mem_array((size_t)threads, sizeof(struct session *));
    e.right = mem_array(source->count, 1);
    st = threads_each(threads, source->count, evaluate_one, &e);
    size_t right = 0;
    for (size_t i = 0; i < source->count; i++)
        right += e.right[i];
    *top1 = source->count ? (double)right / (double)source->count : 0;
    for (int i = 0; i < threads; i++)
        session_close(e.sessions[i]);
    free(e.sessions);
    free(e.right);
    network_clear(&e.network);
    return st;
}
