#include "tests/adversarial/gallery.h"

#include "base/mem.h"
#include "base/threads.h"
#include "datasets/dataset.h"
#include "noises/system/system.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORKERS = 64 };

static enum status picture(const struct dataset *dataset, size_t index,
                           const struct preprocess *preprocess, float *x)
{
    const struct decoder *decoder;
    const struct resizer *resizer;
    struct sample_data data = {0};
    struct image raw = {0}, fitted = {0};
    enum status st = decoder_find("turbo", &decoder);
    if (!st)
        st = resizer_find("pillow-bilinear", &resizer);
    if (!st)
        st = dataset_load(dataset, index, &data);
    if (!st)
        st = image_decode(decoder, data.bytes, data.size, NULL, &raw);
    if (!st && preprocess->resize) {
        struct geometry_rule rule = {.resize = preprocess->resize};
        struct geometry plan;
        rule.width = preprocess->width;
        rule.height = preprocess->height;
        st = geometry_plan(raw.width, raw.height, &rule, &plan);
        if (!st)
            st = resizer->resize(&raw, plan.width, plan.height, &plan.window, &fitted);
        image_clear(&raw);
        raw = fitted;
    }
    if (!st)
        pixels_to_float(raw.data, preprocess->width, preprocess->height, x);
    image_clear(&raw);
    sample_data_clear(&data);
    return st;
}

enum status gallery_open(const char *model, const char *dataset, size_t stride, size_t count,
                         struct gallery *out)
{
    *out = (struct gallery){0};
    struct dataset set = {0};
    enum status st = model_open(model, NULL, &out->model);
    if (!st)
        st = dataset_open(dataset, NULL, &set);
    if (st)
        goto out;
    out->record = model_record(out->model);
    const struct preprocess *preprocess = &out->record->preprocess;
    out->size = (size_t)3 * (size_t)preprocess->width * (size_t)preprocess->height;
    out->count = set.count / stride < count ? set.count / stride : count;
    out->x = mem_array(out->count * out->size, sizeof *out->x);
    out->labels = mem_array(out->count, sizeof *out->labels);
    out->keys = mem_array(out->count, sizeof *out->keys);
    for (size_t i = 0; i < out->count && !st; i++) {
        out->labels[i] = set.samples[i * stride].label;
        out->keys[i] = mem_copy(set.samples[i * stride].key);
        st = picture(&set, i * stride, preprocess, out->x + i * out->size);
    }
out:
    dataset_close(&set);
    if (st)
        gallery_close(out);
    return st;
}

void gallery_close(struct gallery *gallery)
{
    for (size_t i = 0; gallery->keys && i < gallery->count; i++)
        free(gallery->keys[i]);
    free(gallery->keys);
    free(gallery->x);
    free(gallery->labels);
    model_close(gallery->model);
    *gallery = (struct gallery){0};
}

struct crew {
    const struct gallery *gallery;
    struct gallery_run *run;
    struct session *sessions[WORKERS][2];
    struct victim victims[WORKERS][2];
};

static enum status work(void *context, size_t item, int worker)
{
    struct crew *crew = context;
    const struct gallery *gallery = crew->gallery;
    struct gallery_run *run = crew->run;
    struct victim *victim = &crew->victims[worker][0];
    if (run->skip && run->skip[item])
        return OK;
    struct attack_call call = {.victim = victim, .label = gallery->labels[item]};
    float *scratch = run->adversarial ? NULL : mem_array(gallery->size, sizeof(float));
    struct attack_result result;
    call.source = run->source ? &crew->victims[worker][1] : NULL;
    call.x = gallery->x + item * gallery->size;
    call.key = gallery->keys[item];
    call.params = run->params;
    call.seed = run->seed;
    call.adversarial = scratch ? scratch : run->adversarial + item * gallery->size;
    enum status st = attack_run(run->attack, &call, &result);
    free(scratch);
    run->right[item] = !result.broken;
    if (run->right_8bit)
        run->right_8bit[item] = !result.broken_8bit;
    if (run->results)
        run->results[item] = result;
    return status_wrap(st, "%s", gallery->keys[item]);
}

static enum status hire(struct crew *crew, int worker)
{
    const struct gallery_run *run = crew->run;
    struct session_options options = {0};
    options.gradient = run->attack->needs_gradient || run->attack->own_gradient;
    if (run->options)
        options = *run->options;
    enum status st = session_open(crew->gallery->model, &options, &crew->sessions[worker][0]);
    if (!st)
        victim_of_session(crew->sessions[worker][0], crew->gallery->record, options.gradient,
                          &crew->victims[worker][0]);
    if (st || !run->source)
        return st;
    struct session_options lent = {.gradient = true};
    if (run->source_options)
        lent = *run->source_options;
    st = session_open(run->source, &lent, &crew->sessions[worker][1]);
    if (!st)
        victim_of_session(crew->sessions[worker][1], model_record(run->source), true,
                          &crew->victims[worker][1]);
    return st;
}

enum status gallery_attack(const struct gallery *gallery, struct gallery_run *run)
{
    struct crew *crew = mem_new(sizeof *crew);
    crew->gallery = gallery;
    crew->run = run;
    int threads = run->threads > 0 ? run->threads : 1;
    enum status st = OK;
    for (int i = 0; i < threads && !st; i++)
        st = hire(crew, i);
    for (size_t i = 0; i < gallery->count; i++)
        run->right[i] = false;
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    if (!st)
        st = threads_each(threads, gallery->count, work, crew);
    clock_gettime(CLOCK_MONOTONIC, &to);
    run->seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    run->forwards = run->backwards = 0;
    for (int i = 0; i < threads; i++)
        for (int k = 0; k < 2; k++) {
            run->forwards += crew->victims[i][k].forwards;
            run->backwards += crew->victims[i][k].backwards;
            session_close(crew->sessions[i][k]);
        }
    free(crew);
    return st;
}

size_t count_true(const bool *flags, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += flags[i];
    return sum;
}
