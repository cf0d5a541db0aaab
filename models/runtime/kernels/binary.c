/*
 * Add, Sub, Mul, Div, Min and Max with numpy's broadcasting, on raw memory: the output's bytes as a
 * few nested loops, in which an operand that is broadcast has stride 0. Channel-blocked
 * layouts take part as [N][blocks][spatial][block], so that a bias or a squeeze-excite
 * scale needs no reorder. May end in Relu or Clip.
 */
#include "base/simd.h"
#include "models/runtime/build.h"

#include <string.h>

enum operation { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MIN, OP_MAX, OPERATIONS };
enum { MAX_LOOPS = TENSOR_MAX_RANK + 1 };

struct loops {
    int n;                        /* at least 1; the last is the inner one */
    int64_t count[MAX_LOOPS];
    int64_t a[MAX_LOOPS], b[MAX_LOOPS]; /* strides */
};

struct binary {
    enum operation operation;
    bool clips;
    float low, high;
    struct loops loops;
    int a, b;                     /* slots that forward read */
    bool wanted_b;                /* the gradient of operand b, else of a */
    int64_t din_count;
};

/* OPERATIONS: none of ours. */
static enum operation operation_of(const struct node *node)
{
    static const char *const names[] = {"Add", "Sub", "Mul", "Div", "Min", "Max"};
    unsigned i = 0;
    while (i < OPERATIONS && strcmp(node->op->name, names[i]))
        i++;
    return (enum operation)i;
}

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    (void)build;
    return !node->op->domain && node->n_inputs == 2 &&
           node->outputs[0]->dtype == DTYPE_F32 &&
           node->inputs[0]->shape.rank < MAX_LOOPS &&
           node->inputs[1]->shape.rank < MAX_LOOPS && operation_of(node) < OPERATIONS;
}

/* Merges neighbours that both operands walk through alike; drops loops of one turn. */
static void collapse(struct loops *loops)
{
    struct loops out = {.n = 0};
    for (int i = 0; i < loops->n; i++) {
        if (loops->count[i] == 1)
            continue;
        int last = out.n - 1;
        if (out.n && out.a[last] == loops->a[i] * loops->count[i] &&
            out.b[last] == loops->b[i] * loops->count[i]) {
            out.count[last] *= loops->count[i];
            out.a[last] = loops->a[i];
            out.b[last] = loops->b[i];
        } else {
            out.count[out.n] = loops->count[i];
            out.a[out.n] = loops->a[i];
            out.b[out.n++] = loops->b[i];
        }
    }
    if (!out.n)
        out = (struct loops){.n = 1, .count = {1}};
    *loops = out;
}

/* Strides with which a plain operand is read along `out`'s dimensions. */
static void plain_strides(const struct shape *in, const struct shape *out, int64_t *strides)
{
    int64_t stride = 1;
    for (int i = out->rank - 1, k = in->rank - 1; i >= 0; i--, k--) {
        strides[i] = k >= 0 && in->dim[k] != 1 ? stride : 0;
        if (k >= 0)
            stride *= in->dim[k];
    }
}

static void plain_loops(const struct shape *a, const struct shape *b, const struct shape *out,
                        struct loops *loops)
{
    loops->n = out->rank ? out->rank : 1;
    loops->count[0] = 1;
    for (int i = 0; i < out->rank; i++)
        loops->count[i] = out->dim[i];
    loops->a[0] = loops->b[0] = 0;
    plain_strides(a, out, loops->a);
    plain_strides(b, out, loops->b);
    collapse(loops);
}

/* How an operand of shape [N or 1][C or 1][spatial, or ones] is walked when the output is
 * blocked. False: it does not fit. */
static bool blocked_strides(const struct shape *shape, const struct shape *out,
                            const struct channels *c, int64_t *strides, bool *plain)
{
    struct shape full = {.rank = out->rank};
    for (int i = 0; i < out->rank; i++) {
        int k = i - out->rank + shape->rank;
        full.dim[i] = k >= 0 ? shape->dim[k] : 1;
    }
    bool channels = full.dim[1] == out->dim[1], space = true, no_space = true;
    for (int i = 2; i < out->rank; i++) {
        space &= full.dim[i] == out->dim[i];
        no_space &= full.dim[i] == 1;
    }
    if ((!space && !no_space) || (!channels && full.dim[1] != 1))
        return false;
    int64_t spatial = no_space ? 1 : c->spatial;
    *plain = !channels;
    strides[3] = channels ? 1 : 0;
    strides[2] = no_space ? 0 : channels ? c->block : 1;
    strides[1] = channels ? spatial * c->block : 0;
    strides[0] = full.dim[0] == 1 ? 0 : channels ? c->blocks * spatial * c->block : spatial;
    return true;
}

/* An operand in the family of the output's layout, ranks lifted. */
static int blocked_form(struct builder *build, struct value *value, bool plain,
                        const dnnl_memory_desc_t *like)
{
    int slot = build_plain(build, value);
    if (plain || slot < 0)
        return slot;
    dnnl_memory_desc_t md;
    struct shape shape = {.rank = like->ndims};
    for (int i = 0; i < shape.rank; i++) {
        int k = i - shape.rank + value->shape.rank;
        shape.dim[i] = k >= 0 ? value->shape.dim[k] : 1;
    }
    if (!layout_like(like, &shape, &md))
        return -1;
    if (shape_equal(&shape, &value->shape))
        return build_form(build, value, &md);
    const struct slot *s = build_at(build, slot);
    int view = s->kind == SLOT_CONSTANT
                   ? build_constant(build, DTYPE_F32, &shape, NULL, s->data)
                   : build_view(build, slot, &shape);
    return build_reorder(build, view, &md);
}

/* Tries the layout of operand `main`, which must have the output's shape. */
static bool try_blocked(struct builder *build, const struct layer *layer, int main,
                        struct binary *binary, dnnl_memory_desc_t *md)
{
    const struct node *node = layer->node;
    const struct shape *out = &node->outputs[0]->shape;
    struct value *leader = node->inputs[main], *other = node->inputs[1 - main];
    if (!shape_equal(&leader->shape, out) || leader->constant)
        return false;
    *md = build_at(build, build_first(build, leader))->md;
    struct channels c;
    if (!layout_channels(md, &c) || c.block == 1)
        return false;
    int64_t strides[4];
    bool plain;
    bool padded = c.C % c.block != 0;
    if (!blocked_strides(&other->shape, out, &c, strides, &plain) ||
        (padded && (plain || binary->operation == OP_DIV || binary->low > 0 ||
                    binary->high < 0)))
        return false;
    int slot = shape_equal(&other->shape, out) ? build_form(build, other, md)
                                               : blocked_form(build, other, plain, md);
    if (slot < 0)
        return false;
    struct loops loops = {.n = 4, .count = {c.N, c.blocks, c.spatial, c.block}};
    int64_t whole[4] = {c.blocks * c.spatial * c.block, c.spatial * c.block, c.block, 1};
    memcpy(main ? loops.b : loops.a, whole, sizeof whole);
    memcpy(main ? loops.a : loops.b, strides, sizeof strides);
    collapse(&loops);
    binary->loops = loops;
    binary->a = main ? slot : build_first(build, leader);
    binary->b = main ? build_first(build, leader) : slot;
    return true;
}

/* clang-format off */
#define ROW(expression)                                                                    \
    do {                                                                                   \
        if (sa == 1 && sb == 1)                                                            \
            for (int64_t i = 0; i < n; i++) { float x = a[i], z = b[i]; y[i] = expression; }     \
        else if (sa == 1 && sb == 0)                                                       \
            for (int64_t i = 0; i < n; i++) { float x = a[i], z = b[0]; y[i] = expression; }     \
        else if (sa == 0 && sb == 1)                                                       \
            for (int64_t i = 0; i < n; i++) { float x = a[0], z = b[i]; y[i] = expression; }     \
        else                                                                               \
            for (int64_t i = 0; i < n; i++) { float x = a[i * sa], z = b[i * sb]; y[i] = expression; } \
    } while (0)
/* clang-format on */

SIMD_CLONES
static void row(enum operation operation, int64_t n, const float *a, int64_t sa, const float *b,
                int64_t sb, float *y)
{
    switch (operation) {
    case OP_ADD: ROW(x + z); break;
    case OP_SUB: ROW(x - z); break;
    case OP_MUL: ROW(x * z); break;
    case OP_DIV: ROW(x / z); break;
    /* What is not a number wins. */
    case OP_MIN: ROW(z < x || z != z ? z : x); break;
    case OP_MAX: ROW(z > x || z != z ? z : x); break;
    default: break;
    }
}

SIMD_CLONES
static void clip_row(float *y, int64_t n, float low, float high)
{
    for (int64_t i = 0; i < n; i++) {
        float v = y[i] < low ? low : y[i];
        y[i] = v > high ? high : v;
    }
}

/* Where an operand's inner rows begin, one after the other. */
struct walk {
    int64_t index[MAX_LOOPS], a, b;
};

static int64_t rows_of(const struct loops *loops)
{
    int64_t rows = 1;
    for (int i = 0; i < loops->n - 1; i++)
        rows *= loops->count[i];
    return rows;
}

static void walk_on(const struct loops *loops, struct walk *walk)
{
    for (int i = loops->n - 2; i >= 0; i--) {
        walk->a += loops->a[i];
        walk->b += loops->b[i];
        if (++walk->index[i] < loops->count[i])
            return;
        walk->a -= loops->a[i] * walk->index[i];
        walk->b -= loops->b[i] * walk->index[i];
        walk->index[i] = 0;
    }
}

static void run_forward(const struct step *step, struct lane *lane)
{
    const struct binary *binary = step->context;
    const struct loops *loops = &binary->loops;
    const float *a = lane_arg(step, lane, 0), *b = lane_arg(step, lane, 1);
    float *y = lane_arg(step, lane, 2);
    int last = loops->n - 1;
    int64_t rows = rows_of(loops), n = loops->count[last];
    struct walk walk = {{0}, 0, 0};
    for (int64_t r = 0; r < rows; r++, y += n, walk_on(loops, &walk)) {
        row(binary->operation, n, a + walk.a, loops->a[last], b + walk.b, loops->b[last], y);
        if (binary->clips)
            clip_row(y, n, binary->low, binary->high);
    }
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct binary *binary = build_alloc(build, sizeof *binary);
    const struct shape *shape = &node->outputs[0]->shape;
    binary->operation = operation_of(node);
    binary->clips = layer->act.kind != ACT_NONE;
    binary->low = layer->act.kind == ACT_CLIP ? layer->act.alpha : 0;
    binary->high = layer->act.kind == ACT_CLIP ? layer->act.beta : __builtin_inff();
    dnnl_memory_desc_t md;
    if (!try_blocked(build, layer, 0, binary, &md) &&
        !try_blocked(build, layer, 1, binary, &md)) {
        layout_plain(&md, DTYPE_F32, shape);
        binary->a = build_plain(build, node->inputs[0]);
        binary->b = build_plain(build, node->inputs[1]);
        if (binary->a < 0 || binary->b < 0)
            return ERR_UNSUPPORTED;
        plain_loops(&node->inputs[0]->shape, &node->inputs[1]->shape, shape, &binary->loops);
    }
    int out = build_slot(build, DTYPE_F32, shape, &md);
    struct arg args[] = {{0, binary->a}, {0, binary->b}, {0, out}};
    build_step(build, run_forward, node->op->name, binary, args, 3);
    build_define(build, layer->output, out);
    layer->state = binary;
    return OK;
}

/* The gradient of an extreme goes to the operand that gave it, a where both did. */
SIMD_CLONES
static void derive_extreme(bool max, bool of_b, int64_t n, const float *a, int64_t sa,
                           const float *b, int64_t sb, const float *dy, float *d)
{
    for (int64_t i = 0; i < n; i++) {
        float x = a[i * sa], z = b[i * sb];
        bool b_wins = (max ? z > x : z < x) || z != z;
        d[i] = b_wins == of_b ? dy[i] : 0;
    }
}

SIMD_CLONES
static void derive_row(enum operation operation, bool of_b, int64_t n, const float *a,
                       int64_t sa, const float *b, int64_t sb, const float *dy, float *d)
{
    if (operation == OP_MIN || operation == OP_MAX) {
        derive_extreme(operation == OP_MAX, of_b, n, a, sa, b, sb, dy, d);
        return;
    }
    if (!of_b) {
        if (operation == OP_ADD || operation == OP_SUB)
            for (int64_t i = 0; i < n; i++)
                d[i] = dy[i];
        else if (operation == OP_MUL)
            for (int64_t i = 0; i < n; i++)
                d[i] = dy[i] * b[i * sb];
        else
            for (int64_t i = 0; i < n; i++)
                d[i] = dy[i] / b[i * sb];
        return;
    }
    if (operation == OP_ADD)
        for (int64_t i = 0; i < n; i++)
            d[i] = dy[i];
    else if (operation == OP_SUB)
        for (int64_t i = 0; i < n; i++)
            d[i] = -dy[i];
    else if (operation == OP_MUL)
        for (int64_t i = 0; i < n; i++)
            d[i] = dy[i] * a[i * sa];
    else
        for (int64_t i = 0; i < n; i++)
            d[i] = -dy[i] * a[i * sa] / (b[i * sb] * b[i * sb]);
}

enum { CHUNK = 512 };

/* din of one inner row; where the operand is broadcast along it, the sum. */
static void return_row(const struct binary *g, int64_t n, const float *a, const float *b,
                       const float *dy, float *din)
{
    int last = g->loops.n - 1;
    int64_t sa = g->loops.a[last], sb = g->loops.b[last], sd = g->wanted_b ? sb : sa;
    float part[CHUNK];
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t m = n - at < CHUNK ? n - at : CHUNK;
        derive_row(g->operation, g->wanted_b, m, a + at * sa, sa, b + at * sb, sb, dy + at,
                   part);
        if (sd == 0) {
            float sum = 0;
            for (int64_t i = 0; i < m; i++)
                sum += part[i];
            din[0] += sum;
        } else {
            for (int64_t i = 0; i < m; i++)
                din[(at + i) * sd] += part[i];
        }
    }
}

/* Args: a, b, dy, din. */
static void run_backward(const struct step *step, struct lane *lane)
{
    const struct binary *g = step->context;
    const struct loops *loops = &g->loops;
    const float *a = lane_arg(step, lane, 0), *b = lane_arg(step, lane, 1);
    const float *dy = lane_arg(step, lane, 2);
    float *din = lane_arg(step, lane, 3);
    memset(din, 0, (size_t)g->din_count * sizeof *din);
    int64_t rows = rows_of(loops), n = loops->count[loops->n - 1];
    struct walk walk = {{0}, 0, 0};
    for (int64_t r = 0; r < rows; r++, dy += n, walk_on(loops, &walk))
        return_row(g, n, a + walk.a, b + walk.b, dy, din + (g->wanted_b ? walk.b : walk.a));
}

static enum status give_operand(struct builder *build, const struct layer *layer, int which,
                                int gradient)
{
    const struct binary *forwards = layer->state;
    struct value *value = layer->node->inputs[which];
    bool same = shape_equal(&value->shape, &layer->node->outputs[0]->shape);
    if (same && (forwards->operation == OP_ADD || (forwards->operation == OP_SUB && !which))) {
        build_give(build, value, gradient);
        return OK;
    }
    struct binary *g = build_alloc(build, sizeof *g);
    *g = *forwards;
    g->wanted_b = which == 1;
    const struct slot *read = build_at(build, which ? g->b : g->a);
    int out = build_slot(build, DTYPE_F32, &read->shape, &read->md);
    g->din_count = (int64_t)(build_at(build, out)->bytes / sizeof(float));
    struct arg args[] = {{0, g->a}, {0, g->b}, {0, gradient}, {0, out}};
    build_step(build, run_backward, "binary backward", g, args, 4);
    if (!shape_equal(&build_at(build, out)->shape, &value->shape)) {
        out = build_plain_slot(build, out);
        if (out < 0)
            return ERR_UNSUPPORTED;
        out = build_view(build, out, &value->shape);
    }
    build_give(build, value, out);
    return OK;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    int gradient = build_gradient_before(build, layer);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    enum status st = OK;
    for (int i = 0; i < 2 && !st; i++)
        if (build_wants(build, layer->node->inputs[i]))
            st = give_operand(build, layer, i, gradient);
    return st;
}

const struct kernel kernel_binary = {
    .name = "binary",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .fuses_activation = true,
};
