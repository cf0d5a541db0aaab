#include "models/runtime/build.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

static int add_slot(struct builder *build, struct slot slot)
{
    struct plan *plan = build->plan;
    if (plan->n_slots == build->slot_room) {
        int room = build->slot_room ? 2 * build->slot_room : 64;
        plan->slots = mem_grow(plan->slots, (size_t)room, sizeof *plan->slots);
        build->holders = mem_grow(build->holders, (size_t)room, sizeof *build->holders);
        build->slot_room = room;
    }
    build->holders[plan->n_slots] = 0;
    plan->slots[plan->n_slots] = slot;
    return plan->n_slots++;
}

static struct slot make_slot(enum slot_kind kind, enum dtype dtype, const struct shape *shape,
                             const dnnl_memory_desc_t *md)
{
    struct slot slot = {.kind = kind, .dtype = dtype, .shape = *shape};
    if (md)
        slot.md = *md;
    else
        layout_plain(&slot.md, dtype, shape);
    slot.bytes = slot.md.ndims ? layout_bytes(&slot.md)
                               : (size_t)shape_count(shape) * dtype_size(dtype);
    return slot;
}

int build_slot(struct builder *build, enum dtype dtype, const struct shape *shape,
               const dnnl_memory_desc_t *md)
{
    return add_slot(build, make_slot(SLOT_ARENA, dtype, shape, md));
}

int build_scratch(struct builder *build, size_t bytes)
{
    struct shape shape = {.rank = 1, .dim = {(int64_t)bytes}};
    return build_slot(build, DTYPE_U8, &shape, NULL);
}

int build_constant(struct builder *build, enum dtype dtype, const struct shape *shape,
                   const dnnl_memory_desc_t *md, void *data)
{
    struct slot slot = make_slot(SLOT_CONSTANT, dtype, shape, md);
    slot.data = data;
    return add_slot(build, slot);
}

void build_part(struct builder *build, int part, int whole, size_t offset)
{
    struct slot *slot = &build->plan->slots[part];
    slot->kind = SLOT_PART;
    slot->whole = whole;
    slot->offset = offset;
}

int build_view(struct builder *build, int slot, const struct shape *shape)
{
    int view = build_slot(build, build_at(build, slot)->dtype, shape, NULL);
    build_part(build, view, slot, 0);
    return view;
}

const struct slot *build_at(const struct builder *build, int slot)
{
    return &build->plan->slots[slot];
}

void *build_alloc(struct builder *build, size_t size)
{
    return arena_alloc(&build->plan->arena, size);
}

struct step *build_step(struct builder *build, step_run *run, const char *what,
                        const void *context, const struct arg *args, int n_args)
{
    struct plan *plan = build->plan;
    if (plan->n_steps == build->step_room) {
        int room = build->step_room ? 2 * build->step_room : 64;
        plan->steps = mem_grow(plan->steps, (size_t)room, sizeof *plan->steps);
        build->step_room = room;
    }
    struct step *step = &plan->steps[plan->n_steps++];
    *step = (struct step){.run = run,
                          .what = what,
                          .layer = build->layer,
                          .context = context,
                          .n_args = n_args,
                          .first_arg = plan->n_args};
    step->args = build_alloc(build, (size_t)(n_args + 1) * sizeof *step->args);
    memcpy(step->args, args, (size_t)n_args * sizeof *args);
    plan->n_args += n_args;
    return step;
}

static void run_primitive(const struct step *step, struct lane *lane)
{
    lane->failed = dnnl_primitive_execute(step->primitive, lane->stream, step->n_args,
                                          lane->args + step->first_arg);
}

enum status build_primitive(struct builder *build, dnnl_primitive_desc_t descriptor,
                            const char *what, const struct arg *args, int n_args)
{
    const dnnl_memory_desc_t *scratch =
        dnnl_primitive_desc_query_md(descriptor, dnnl_query_scratchpad_md, 0);
    const char *implementation = "";
    dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0,
                              (void *)&implementation);
    dnnl_primitive_t primitive = NULL;
    dnnl_status_t code = dnnl_primitive_create(&primitive, descriptor);
    what = arena_format(&build->plan->arena, "%s %s", what, implementation);
    struct arg all[16];
    memcpy(all, args, (size_t)n_args * sizeof *args);
    if (!code && scratch && layout_bytes(scratch) > 0) {
        struct shape shape = {.rank = 1, .dim = {(int64_t)layout_bytes(scratch)}};
        all[n_args++] = (struct arg){DNNL_ARG_SCRATCHPAD,
                                     build_slot(build, DTYPE_U8, &shape, scratch)};
    }
    dnnl_primitive_desc_destroy(descriptor);
    if (code)
        return layout_fail(code, what);
    build_step(build, run_primitive, what, NULL, all, n_args)->primitive = primitive;
    return OK;
}

dnnl_primitive_attr_t build_attributes(const struct activation *act,
                                       const dnnl_memory_desc_t *residual)
{
    dnnl_primitive_attr_t attr;
    dnnl_primitive_attr_create(&attr);
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (!residual && (!act || act->kind == ACT_NONE))
        return attr;
    dnnl_post_ops_t ops;
    dnnl_post_ops_create(&ops);
    if (residual)
        dnnl_post_ops_append_binary(ops, dnnl_binary_add, residual);
    if (act && act->kind != ACT_NONE)
        dnnl_post_ops_append_eltwise(ops, 1.0f, act->algorithm, act->alpha, act->beta);
    dnnl_primitive_attr_set_post_ops(attr, ops);
    dnnl_post_ops_destroy(ops);
    return attr;
}

/* Values. */

bool build_constant_value(const struct builder *build, const struct value *value)
{
    return value->constant && !(build->mode == PLAN_TRAIN && value->trainable);
}

bool build_wants(const struct builder *build, const struct value *value)
{
    return value && build->values[value->id].wanted;
}

void build_define(struct builder *build, struct value *value, int slot)
{
    struct form_set *forms = &build->values[value->id];
    forms->n_forms = 1;
    forms->forms[0] = slot;
}

int build_first(struct builder *build, struct value *value)
{
    struct form_set *forms = &build->values[value->id];
    if (forms->n_forms)
        return forms->forms[0];
    if (forms->narrow >= 0) {
        dnnl_memory_desc_t md = build_at(build, forms->narrow)->md;
        md.data_type = dnnl_f32;
        build_define(build, value, build_reorder(build, forms->narrow, &md));
        build->plan->slots[forms->forms[0]].dtype = DTYPE_F32;
        return forms->forms[0];
    }
    /* A weight: known now, or the trainer's. */
    struct slot slot =
        make_slot(SLOT_CONSTANT, value->constant->dtype, &value->constant->shape, NULL);
    slot.data = value->constant->data;
    if (!build_constant_value(build, value)) {
        slot.kind = SLOT_VARIABLE;
        slot.value = value;
    }
    build_define(build, value, add_slot(build, slot));
    return forms->forms[0];
}

/* Reorders a constant once, at compile time. */
static int reorder_constant(struct builder *build, int slot, const dnnl_memory_desc_t *md)
{
    struct slot from = *build_at(build, slot);
    dnnl_memory_t memories[2] = {NULL, NULL};
    dnnl_primitive_desc_t descriptor = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_engine_t engine = layout_engine();
    size_t bytes = layout_bytes(md);
    void *data = arena_try(&build->plan->arena, bytes);
    int to = -1;
    dnnl_status_t code = data ? dnnl_success : dnnl_out_of_memory;
    if (!code)
        code = dnnl_reorder_primitive_desc_create(&descriptor, &from.md, engine, md, engine,
                                                  NULL);
    if (!code)
        code = dnnl_primitive_create(&primitive, descriptor);
    if (!code)
        code = dnnl_memory_create(&memories[0], &from.md, engine, from.data);
    if (!code)
        code = dnnl_memory_create(&memories[1], md, engine, data);
    if (!code)
        code = dnnl_stream_create(&stream, engine, dnnl_stream_in_order);
    if (!code) {
        dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, memories[0]}, {DNNL_ARG_TO, memories[1]}};
        code = dnnl_primitive_execute(primitive, stream, 2, args);
        dnnl_stream_wait(stream);
    }
    if (!code)
        to = build_constant(build, from.dtype, &from.shape, md, data);
    else
        layout_fail(code, "reorder of a constant");
    build->plan->constant_bytes += bytes;
    dnnl_stream_destroy(stream);
    dnnl_memory_destroy(memories[0]);
    dnnl_memory_destroy(memories[1]);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(descriptor);
    return to;
}

/* Strides of the dimensions longer than 1, as if unblocked; false where that is not so. */
static bool unblocked(const dnnl_memory_desc_t *md, int64_t *strides)
{
    struct channels c;
    const dnnl_blocking_desc_t *blocking = &md->format_desc.blocking;
    if (md->format_kind != dnnl_blocked)
        return false;
    memcpy(strides, blocking->strides, (size_t)md->ndims * sizeof *strides);
    if (!blocking->inner_nblks)
        return true;
    if (!layout_channels(md, &c) || c.spatial != 1 || c.blocks * c.block != c.C)
        return false;
    strides[1] = 1;
    return true;
}

/* The same bytes under two descriptors: no work to do. */
static bool same_bytes(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b)
{
    int64_t x[DNNL_MAX_NDIMS], y[DNNL_MAX_NDIMS];
    if (a->data_type != b->data_type || a->ndims != b->ndims || !unblocked(a, x) ||
        !unblocked(b, y) || layout_bytes(a) != layout_bytes(b))
        return false;
    for (int i = 0; i < a->ndims; i++)
        if (a->dims[i] != b->dims[i] || (a->dims[i] > 1 && x[i] != y[i]))
            return false;
    return true;
}

int build_reorder(struct builder *build, int slot, const dnnl_memory_desc_t *md)
{
    if (layout_same(&build_at(build, slot)->md, md))
        return slot;
    if (build_at(build, slot)->kind == SLOT_CONSTANT)
        return reorder_constant(build, slot, md);
    struct slot from = *build_at(build, slot);
    int to = build_slot(build, from.dtype, &from.shape, md);
    if (same_bytes(&from.md, md)) {
        build_part(build, to, slot, 0);
        return to;
    }
    dnnl_primitive_desc_t descriptor;
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    dnnl_status_t code = dnnl_reorder_primitive_desc_create(
        &descriptor, &from.md, layout_engine(), md, layout_engine(), attr);
    dnnl_primitive_attr_destroy(attr);
    if (code) {
        layout_fail(code, "reorder");
        return -1;
    }
    struct arg args[] = {{DNNL_ARG_FROM, slot}, {DNNL_ARG_TO, to}};
    return build_primitive(build, descriptor, "reorder", args, 2) ? -1 : to;
}

int build_form(struct builder *build, struct value *value, const dnnl_memory_desc_t *md)
{
    build_first(build, value);
    struct form_set *forms = &build->values[value->id];
    for (int i = 0; i < forms->n_forms; i++)
        if (layout_same(&build_at(build, forms->forms[i])->md, md))
            return forms->forms[i];
    int slot = build_reorder(build, forms->forms[0], md);
    if (slot >= 0 && forms->n_forms < VALUE_MAX_FORMS)
        forms->forms[forms->n_forms++] = slot;
    return slot;
}

void build_define_narrow(struct builder *build, struct value *value, int slot)
{
    build->values[value->id].narrow = slot;
}

int build_narrow(struct builder *build, struct value *value, const dnnl_memory_desc_t *md)
{
    struct form_set *forms = &build->values[value->id];
    if (forms->narrow < 0 || !layout_same(&build_at(build, forms->narrow)->md, md)) {
        int from = forms->narrow >= 0 ? forms->narrow : build_first(build, value);
        int slot = build_reorder(build, from, md);
        if (forms->narrow < 0)
            forms->narrow = slot;
        return slot;
    }
    return forms->narrow;
}

int build_plain_slot(struct builder *build, int slot)
{
    const struct slot *s = build_at(build, slot);
    if (!s->md.ndims || layout_is_plain(&s->md))
        return slot;
    dnnl_memory_desc_t md;
    layout_plain(&md, s->dtype, &s->shape);
    return build_reorder(build, slot, &md);
}

int build_plain(struct builder *build, struct value *value)
{
    int first = build_first(build, value);
    const struct slot *s = build_at(build, first);
    if (!s->md.ndims || layout_is_plain(&s->md))
        return first;
    dnnl_memory_desc_t md;
    layout_plain(&md, s->dtype, &s->shape);
    return build_form(build, value, &md);
}

int build_last(struct builder *build, struct value *value)
{
    const struct slot *s = build_at(build, build_first(build, value));
    dnnl_memory_desc_t md;
    layout_last(&md, s->dtype, &s->shape);
    return build_form(build, value, &md);
}
