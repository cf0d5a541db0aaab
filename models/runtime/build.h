/*
 * Compiling: kernels turn groups of nodes into steps over slots.
 *
 * How to add a kernel: write kernels/<name>.c ending in `const struct kernel
 * kernel_<name>`, and add its name to meson.build. For each group the registry is walked
 * in order; a forward() that returns ERR_UNSUPPORTED leaves it to the next, and the last,
 * "reference", takes every operator that has a reference.
 */
#pragma once

#include "models/ops/op.h"
#include "models/runtime/plan.h"

enum activation_kind { ACT_NONE, ACT_RELU, ACT_CLIP, ACT_SMOOTH };

/* y = f(x). RELU and CLIP have a derivative that is known from y; SMOOTH are oneDNN's. */
struct activation {
    enum activation_kind kind;
    dnnl_alg_kind_t algorithm;
    float alpha, beta;
};

enum { LAYER_MAX_FUSED = 4 };

/* A node and what follows it in the same step: y = act(node(x) + residual). */
struct layer {
    struct node *node;
    struct value *output;       /* of the group */
    struct value *bias;         /* of a following Add with a constant row, or NULL */
    struct value *residual;     /* or NULL */
    struct activation act;
    struct node *fused[LAYER_MAX_FUSED]; /* the nodes behind `node`, in order */
    int n_fused;
    const struct kernel *kernel;
    void *state;                /* from forward() to backward(), in the plan's arena */
    int index;
};

struct builder;

struct kernel {
    const char *name;
    /* Nodes it takes; NULL: any. */
    bool (*accepts)(const struct builder *build, const struct layer *layer);
    enum status (*forward)(struct builder *build, struct layer *layer);
    /* Adds the gradients of the inputs; called only when one is wanted and the output has
     * a gradient. */
    enum status (*backward)(struct builder *build, struct layer *layer);
    /* Can compute a layer with these in it. */
    bool fuses_bias, fuses_activation, fuses_smooth, fuses_residual;
    bool differentiates; /* backward() does not need op->backward */
    bool exact;  /* moves numbers only: nothing to round */
};
extern const struct kernel *const kernel_registry[];
extern const struct kernel kernel_reference;

enum { VALUE_MAX_FORMS = 6, VALUE_MAX_PARTS = 64 };

/* What the builder knows of a value. */
struct form_set {
    int n_forms, forms[VALUE_MAX_FORMS];  /* slots with the same numbers; [0] came first */
    int n_parts, room, *parts;            /* gradient contributions, in order */
    int gradient;                         /* their sum, or -1 */
    int narrow;                           /* in bfloat16, for native kernels, or -1 */
    bool wanted;                          /* a gradient is wanted */
};

struct builder {
    struct plan *plan;
    struct graph *graph;
    enum plan_mode mode;
    struct form_set *values;   /* by value id */
    int *holders;              /* per slot: gradients not yet used that live in it */
    int slot_room, step_room;
    int layer;                 /* being built */
    struct layer *layers;
    int n_layers;
};

/* Slots. `md` NULL is plain. */
int build_slot(struct builder *build, enum dtype dtype, const struct shape *shape,
               const dnnl_memory_desc_t *md);
int build_scratch(struct builder *build, size_t bytes);
/* Makes `part` a window of `whole`, which must not have data of its own yet. */
void build_part(struct builder *build, int part, int whole, size_t offset);
/* A plain view of the same bytes with another shape. */
int build_view(struct builder *build, int slot, const struct shape *shape);
/* Borrowed data (in the plan's arena or the graph's). */
int build_constant(struct builder *build, enum dtype dtype, const struct shape *shape,
                   const dnnl_memory_desc_t *md, void *data);
const struct slot *build_at(const struct builder *build, int slot);
void *build_alloc(struct builder *build, size_t size);

/* Values. */
void build_define(struct builder *build, struct value *value, int slot);
/* The value in its first layout; constants are plain. */
int build_first(struct builder *build, struct value *value);
/* In a given layout: an existing form or a reorder; of constants at once, at compile time.
 * -1 with a message when oneDNN cannot. */
int build_form(struct builder *build, struct value *value, const dnnl_memory_desc_t *md);
int build_plain(struct builder *build, struct value *value);
/* In bfloat16 (the md's type), for native kernels: the numbers are rounded already. A value
 * that such a kernel makes has only this form until somebody asks for another. */
int build_narrow(struct builder *build, struct value *value, const dnnl_memory_desc_t *md);
void build_define_narrow(struct builder *build, struct value *value, int slot);
/* Channels last, as our integer kernels read and write. */
int build_last(struct builder *build, struct value *value);
/* A slot's numbers in another layout. */
int build_reorder(struct builder *build, int slot, const dnnl_memory_desc_t *md);

bool build_wants(const struct builder *build, const struct value *value);
bool build_constant_value(const struct builder *build, const struct value *value);

/* Steps. The args are copied; written slots come last by convention. */
struct step *build_step(struct builder *build, step_run *run, const char *what,
                        const void *context, const struct arg *args, int n_args);
/* Takes `descriptor`; adds a scratchpad argument where one is asked for. */
enum status build_primitive(struct builder *build, dnnl_primitive_desc_t descriptor,
                            const char *what, const struct arg *args, int n_args);

/* Attributes with a user scratchpad; `act` and `residual` become post-ops (may be NULL). */
dnnl_primitive_attr_t build_attributes(const struct activation *act,
                                       const dnnl_memory_desc_t *residual);

/*
 * Gradients. build_gradient() sums what the readers of `value` have given and returns the
 * slot, or -1 when there is nothing; build_give() adds a contribution. A slot may be given
 * to several values (Add); build_gradient() then copies before anybody changes it.
 */
int build_gradient(struct builder *build, struct value *value);
void build_give(struct builder *build, struct value *value, int slot);
/* The gradient of the layer before its activation: masks or multiplies in place. */
int build_gradient_before(struct builder *build, struct layer *layer);
int build_plain_slot(struct builder *build, int slot);
/* Somebody else still counts on this gradient: work on a copy. */
bool build_shared(const struct builder *build, int slot);

/* Activation of a node, as far as it has one that oneDNN knows. */
bool activation_of(const struct node *node, struct activation *out);
/* f(0) = 0, so that the padding of blocked layouts stays zero. */
bool activation_keeps_zero(const struct activation *act);

static inline void *lane_arg(const struct step *step, const struct lane *lane, int arg)
{
    return lane->data[step->args[arg].slot];
}
