/* The way of a sample, written as the line in DESIGN and README draws it. */
#include "harness/pipeline.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct verdict verdict_none = {
    .top1 = -1, .rank = -1, .margin = NAN, .confidence = NAN, .distance = NAN};

/* decode → resize and crop */
enum status pipeline_fit(const struct route *route, const struct dataset *dataset,
                         size_t index, struct image *out, const char **stage)
{
    const struct condition *condition = route->condition;
    const struct decode_options options = {
        .orient = condition->orient,
        .strict = condition->strict,
        .no_block_smoothing = condition->no_smoothing,
    };
    const struct resize_options modes = {condition->linear_light, condition->gap};
    struct sample_data data = {0};
    struct image whole = {0};
    struct geometry plan;
    *out = (struct image){0};

    *stage = "read";
    enum status st = dataset_load(dataset, index, &data);
    if (st)
        goto out;

    *stage = "decode";
    st = data.bytes
             ? image_decode(route->decoder, data.bytes, data.size, &options, &whole)
         : condition->decoder
             ? status_fail(ERR_UNSUPPORTED,
                           "ready pixels have no codec: decode= does not apply")
             : image_copy(&data.pixels, &whole);
    if (st)
        goto out;

    *stage = "resize";
    st = geometry_plan(whole.width, whole.height, &route->rule, &plan);
    if (condition->sequence) /* which crops for itself */
        plan.window = (struct rect){0, 0, plan.width, plan.height};
    if (!st)
        st = image_fit(&whole, &plan, route->resizer, &modes, out);
out:
    image_clear(&whole);
    sample_data_clear(&data);
    return st;
}

static enum status apply_natural(const struct natural_step *step, size_t place,
                                 const char *key, uint64_t seed, struct image *image)
{
    const struct natural_args args = {
        .severity = step->severity,
        .set = step->set < 0 ? natural_set_for(image->width, image->height)
                             : (enum natural_set)step->set,
        .params = &step->params,
    };
    /* The second of two equal noises in one chain draws numbers of its own. */
    struct rng rng;
    rng_open(&rng, seed, key, step->noise->name, (uint64_t)step->severity + 100 * place);
    return natural_apply(step->noise, image, &args, &rng);
}

static enum status apply_colour(const struct condition *condition, struct image *image,
                                const char **stage)
{
    *stage = "colour";
    return condition->colour ? condition->colour->apply(image) : OK;
}

static enum status apply_store(const struct route *route, struct image *image,
                               const char **stage)
{
    int quality = route->condition->store_quality;
    *stage = "store";
    return quality ? store_as_jpeg(image, quality, route->decoder) : OK;
}

/* colour → corrupt → store */
enum status pipeline_corrupt(const struct route *route, const char *key, uint64_t seed,
                             struct image *image, const char **stage)
{
    const struct condition *condition = route->condition;
    enum status st = apply_colour(condition, image, stage);
    if (!st)
        *stage = "noise";
    for (size_t i = 0; !st && i < condition->n_naturals; i++)
        st = apply_natural(&condition->naturals[i], i, key, seed, image);
    return st ? st : apply_store(route, image, stage);
}

/* perturb → each frame: colour → store */
enum status pipeline_frames(const struct route *route, const char *key, uint64_t seed,
                            const struct image *whole, struct image *frames, int *count,
                            const char **stage)
{
    const struct condition *condition = route->condition;
    int width = route->rule.width, height = route->rule.height;
    const struct perturbation_args args = {
        .set = condition->sequence_set < 0 ? natural_set_for(width, height)
                                           : (enum natural_set)condition->sequence_set,
        .difficulty = condition->difficulty,
        .width = width,
        .height = height,
    };
    struct rng rng;
    rng_open(&rng, seed, key, condition->noise, (uint64_t)condition->difficulty);
    *count = 0;
    *stage = "noise";
    enum status st = perturbation_render(condition->sequence, whole, &args, &rng, frames);
    if (st)
        return st;
    *count = perturbation_frames(condition->sequence, args.set);
    for (int i = 0; !st && i < *count; i++) {
        st = apply_colour(condition, &frames[i], stage);
        if (!st)
            st = apply_store(route, &frames[i], stage);
    }
    for (; st && *count; --*count)
        image_clear(&frames[*count - 1]);
    return st;
}

struct session_options pipeline_session(const struct condition *condition,
                                        const struct model_record *record)
{
    struct session_options options = {
        .gradient = condition->attack && (condition->attack->needs_gradient ||
                                          condition->attack->own_gradient),
        .no_fold = condition->no_fold,
        .ceil_mode = condition->ceil_mode,
        .normalise = condition->normalise,
        .precision = condition->precision,
    };
    /* int8-simulated: the integers' values in float. Of a network that is quantized
     * already it is a way to run it, of another it is a precision first. */
    if (condition->precision && !strcmp(condition->precision, "int8-simulated")) {
        options.simulate = true;
        options.precision = strcmp(record->precision, "int8") ? "int8" : NULL;
    }
    return options;
}

void verdict_of_logits(const float *logits, int n_classes, int label, struct verdict *out)
{
    int best = 0, rank = 0;
    float other = -INFINITY;
    double sum = 0;
    for (int k = 1; k < n_classes; k++)
        if (logits[k] > logits[best])
            best = k;
    for (int k = 0; k < n_classes; k++) {
        sum += exp((double)logits[k] - (double)logits[best]);
        if (k == label || label < 0)
            continue;
        rank += logits[k] > logits[label] || (logits[k] == logits[label] && k < label);
        other = fmaxf(other, logits[k]);
    }
    *out = verdict_none;
    out->top1 = best;
    if (label >= 0) {
        out->rank = rank;
        out->margin = logits[label] - other;
    }
    out->confidence = (float)(1 / sum);
}

/* --- routes ------------------------------------------------------------------------- */

static void make_keys(struct route *route)
{
    const struct condition *c = route->condition;
    const struct geometry_rule *r = &route->rule;
    char gap[32];
    snprintf(route->fit_key, sizeof route->fit_key,
             "%s.%d%s%s%s %s.%d%s %s %d%s %dx%d %d %d%s", route->decoder->name,
             route->decoder->impl, c->orient ? " exif" : "", c->strict ? " strict" : "",
             c->no_smoothing ? " rough" : "", route->resizer->name, route->resizer->impl,
             c->linear_light ? " light" : "", text_number(c->gap, gap), r->resize,
             r->squash ? " squash" : "", r->width, r->height, (int)r->size, (int)r->crop,
             c->sequence ? " whole" : "");

    struct hash hash;
    hash_init(&hash);
    hash_add_string(&hash, route->fit_key);
    hash_add_string(&hash, c->colour ? c->colour->name : NULL);
    hash_add_u64(&hash, c->colour ? (uint64_t)c->colour->impl : 0);
    for (size_t i = 0; i < c->n_naturals; i++) {
        const struct natural_step *step = &c->naturals[i];
        hash_add_string(&hash, step->noise->name);
        hash_add_u64(&hash, (uint64_t)step->noise->impl);
        hash_add_u64(&hash, (uint64_t)step->severity);
        hash_add_u64(&hash, (uint64_t)(step->set + 1));
        for (size_t k = 0; step->params.table && step->params.table[k].name; k++)
            hash_add_string(&hash, step->params.typed[k]);
    }
    if (c->sequence) {
        hash_add_string(&hash, c->noise);
        hash_add_u64(&hash, (uint64_t)c->sequence->impl);
        hash_add_u64(&hash, (uint64_t)c->difficulty);
        hash_add_u64(&hash, (uint64_t)(c->sequence_set + 1));
    }
    hash_add_u64(&hash, (uint64_t)c->store_quality);
    hash_finish(&hash, route->pixel_key);
}

enum status route_plan(const struct condition *condition,
                       const struct preprocess *preprocess, struct route *out)
{
    *out = (struct route){.condition = condition};
    enum status st = decoder_find(preprocess->decoder, &out->decoder);
    if (!st)
        st = resizer_find(preprocess->resizer, &out->resizer);
    if (st)
        return st;
    if (condition->decoder)
        out->decoder = condition->decoder;
    if (condition->resizer)
        out->resizer = condition->resizer;
    bool none = !strcmp(preprocess->resize_rule, "none");
    out->rule = (struct geometry_rule){
        .resize = none ? 0 : preprocess->resize,
        .squash = condition->squash || !strcmp(preprocess->resize_rule, "squash"),
        .width = preprocess->width,
        .height = preprocess->height,
    };
    if (condition->size >= 0)
        out->rule.size = (enum size_rounding)condition->size;
    if (condition->crop >= 0)
        out->rule.crop = (enum crop_rounding)condition->crop;
    make_keys(out);
    return OK;
}
