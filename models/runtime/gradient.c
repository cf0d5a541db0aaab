/*
 * Gradients while compiling: contributions are collected per value and summed in the
 * order in which they were given, in the layout of the value's first form.
 */
#include "models/runtime/build.h"

#include "base/simd.h"

#include <stdlib.h>

/* The slot whose count of holders guards this one: views of the same bytes share it, a
 * window (one input of a Concat) has its own. */
static int guard_of(const struct builder *build, int slot)
{
    const struct slot *s = build_at(build, slot);
    while (s->kind == SLOT_PART && s->bytes == build_at(build, s->whole)->bytes) {
        slot = s->whole;
        s = build_at(build, slot);
    }
    return slot;
}

void build_give(struct builder *build, struct value *value, int slot)
{
    if (!build_wants(build, value))
        return;
    struct form_set *set = &build->values[value->id];
    if (set->n_parts == set->room) {
        int room = set->room ? 2 * set->room : 4;
        set->parts = mem_grow(set->parts, (size_t)room, sizeof *set->parts);
        set->room = room;
    }
    set->parts[set->n_parts++] = slot;
    build->holders[guard_of(build, slot)]++;
}

bool build_shared(const struct builder *build, int slot)
{
    return build->holders[guard_of(build, slot)] > 0;
}

/* y's derivative as far as it shows in y, times the sum of the parts. */
struct gather {
    enum activation_kind kind;
    float low, high;
    int n_parts;
    int64_t count;
};

SIMD_CLONES
static void add_in(float *sum, const float *part, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        sum[i] += part[i];
}

SIMD_CLONES
static void masked(float *out, const float *a, const float *y, float low, float high,
                   int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = ((y[i] > low) & (y[i] < high)) ? a[i] : 0.0f;
}

SIMD_CLONES
static void masked_sum(float *out, const float *a, const float *b, const float *y, float low,
                       float high, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        float sum = a[i] + b[i];
        out[i] = ((y[i] > low) & (y[i] < high)) ? sum : 0.0f;
    }
}

SIMD_CLONES
static void plain_sum(float *out, const float *a, const float *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = a[i] + b[i];
}

/* Args: the parts, y when masked, the result. */
static void run_gather(const struct step *step, struct lane *lane)
{
    const struct gather *g = step->context;
    bool mask = g->kind != ACT_NONE;
    float *out = lane_arg(step, lane, step->n_args - 1);
    const float *a = lane_arg(step, lane, 0);
    const float *b = g->n_parts > 1 ? lane_arg(step, lane, 1) : NULL;
    const float *y = mask ? lane_arg(step, lane, g->n_parts) : NULL;
    if (g->n_parts == 2 && mask) {
        masked_sum(out, a, b, y, g->low, g->high, g->count);
        return;
    }
    if (g->n_parts == 1) {
        masked(out, a, y, g->low, g->high, g->count);
        return;
    }
    plain_sum(out, a, b, g->count);
    for (int i = 2; i < g->n_parts; i++)
        add_in(out, lane_arg(step, lane, i), g->count);
    if (mask)
        masked(out, out, y, g->low, g->high, g->count);
}

/* Parts in one layout, no longer held by anybody. */
static int collect(struct builder *build, struct form_set *set, const dnnl_memory_desc_t *md)
{
    for (int i = 0; i < set->n_parts; i++)
        build->holders[guard_of(build, set->parts[i])]--;
    for (int i = 0; i < set->n_parts; i++) {
        set->parts[i] = build_reorder(build, set->parts[i], md);
        if (set->parts[i] < 0)
            return -1;
    }
    return set->n_parts;
}

/* The layout of a value's gradient: that of its first form in float; of an integer value
 * that of the first contribution, as what follows will be convolutions. */
static void gradient_layout(struct builder *build, struct value *value, dnnl_memory_desc_t *md)
{
    const struct slot *first = build_at(build, build_first(build, value));
    const struct form_set *set = &build->values[value->id];
    struct channels c;
    *md = first->dtype == DTYPE_F32 ? first->md : build_at(build, set->parts[0])->md;
    if (first->dtype != DTYPE_F32 && !layout_channels(md, &c))
        layout_plain(md, DTYPE_F32, &value->shape);
}

static int gather(struct builder *build, struct value *value, const struct activation *act)
{
    struct form_set *set = &build->values[value->id];
    dnnl_memory_desc_t md;
    if (set->gradient >= 0)
        return set->gradient;
    if (!set->n_parts)
        return -1;
    gradient_layout(build, value, &md);
    if (collect(build, set, &md) < 0)
        return -2;
    bool mask = act && act->kind != ACT_NONE;
    if (set->n_parts == 1 && !mask)
        return set->gradient = set->parts[0];
    struct gather *context = build_alloc(build, sizeof *context);
    *context = (struct gather){mask ? act->kind : ACT_NONE, 0, __builtin_inff(), set->n_parts,
                               (int64_t)(layout_bytes(&md) / sizeof(float))};
    if (mask && act->kind == ACT_CLIP) {
        context->low = act->alpha;
        context->high = act->beta;
    }
    struct arg *args = mem_array((size_t)set->n_parts + 2, sizeof *args);
    int n = 0;
    for (; n < set->n_parts; n++)
        args[n].slot = set->parts[n];
    if (mask)
        args[n++].slot = build_first(build, value);
    int out = set->parts[0];
    bool taken = build_shared(build, out);
    for (int i = 1; i < set->n_parts; i++)
        taken |= guard_of(build, set->parts[i]) == guard_of(build, out);
    if (taken)
        out = build_slot(build, DTYPE_F32, &value->shape, &md);
    args[n++].slot = out;
    build_step(build, run_gather, mask ? "gradient mask" : "gradient sum", context, args, n);
    free(args);
    return set->gradient = out;
}

int build_gradient(struct builder *build, struct value *value)
{
    return gather(build, value, NULL);
}

int build_gradient_before(struct builder *build, struct layer *layer)
{
    return gather(build, layer->output, &layer->act);
}
