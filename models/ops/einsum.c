/*
 * Einsum: sums of products over the letters of an equation, "bij,bjk->bik"; "..." stands for
 * leading dimensions that are broadcast. Without "->" the letters that occur once come out in
 * alphabetical order.
 */
#include "models/ops/elements.h"

#include <ctype.h>
#include <string.h>

/* Labels: letters 0..51, then one for each dimension of "...", counted from its end. */
enum { LETTERS = 52, ELLIPSIS_AT = 52, LABELS = 52 + TENSOR_MAX_RANK, OPERANDS = 8 };

struct term {
    int count;
    int label[TENSOR_MAX_RANK];
};

struct equation {
    int n_terms;
    struct term terms[OPERANDS], out;
    int64_t size[LABELS]; /* 0: unused */
    struct shape loop;    /* output's labels first, then those that are summed */
    int loop_label[2 * TENSOR_MAX_RANK];
    int64_t stride[OPERANDS + 1][2 * TENSOR_MAX_RANK];
};

static int letter(char c)
{
    return islower((unsigned char)c) ? c - 'a' : c - 'A' + 26;
}

/* One term, up to a comma, an arrow or the end. `dots`: dimensions that "..." stands for. */
static enum status read_term(const char **at_text, int dots, struct term *out)
{
    const char *p = *at_text;
    *out = (struct term){0};
    for (; *p && *p != ',' && strncmp(p, "->", 2); p++) {
        int add = 1, first = 0;
        if (*p == ' ')
            continue;
        if (!strncmp(p, "...", 3)) {
            add = dots;
            first = ELLIPSIS_AT + dots - 1;
            p += 2;
        } else if (isalpha((unsigned char)*p)) {
            first = letter(*p);
        } else {
            return status_fail(ERR_FORMAT, "'%c' in the equation", *p);
        }
        if (out->count + add > TENSOR_MAX_RANK)
            return status_fail(ERR_LIMIT, "more than %d labels", TENSOR_MAX_RANK);
        for (int i = 0; i < add; i++)
            out->label[out->count++] = first - i;
    }
    *at_text = p;
    return OK;
}

/* How many dimensions "..." is in a term for a tensor of this rank; -1: they do not fit. */
static int dots_of(const char *p, int rank)
{
    int letters = 0;
    bool dots = false;
    for (; *p && *p != ',' && strncmp(p, "->", 2); p++) {
        letters += isalpha((unsigned char)*p) != 0;
        dots |= *p == '.';
    }
    return letters == rank ? 0 : dots && letters < rank ? rank - letters : -1;
}

static enum status add_sizes(struct equation *e, const struct term *term,
                             const struct shape *shape)
{
    for (int i = 0; i < term->count; i++) {
        int64_t *size = &e->size[term->label[i]];
        if (*size && *size != shape->dim[i] && *size != 1 && shape->dim[i] != 1)
            return status_fail(ERR_FORMAT, "a label is %lld and %lld", (long long)*size,
                               (long long)shape->dim[i]);
        if (*size < 2)
            *size = shape->dim[i];
        if (shape->dim[i] < 1)
            return status_fail(ERR_UNSUPPORTED, "an empty dimension");
    }
    return OK;
}

static void implied_output(struct equation *e, int dots)
{
    int seen[LABELS] = {0};
    for (int t = 0; t < e->n_terms; t++)
        for (int i = 0; i < e->terms[t].count; i++)
            seen[e->terms[t].label[i]]++;
    for (int d = dots - 1; d >= 0; d--)
        e->out.label[e->out.count++] = ELLIPSIS_AT + d;
    for (int c = 'A'; c <= 'z' && e->out.count < TENSOR_MAX_RANK; c++)
        if (isalpha(c) && seen[letter((char)c)] == 1)
            e->out.label[e->out.count++] = letter((char)c);
}

static int loop_place(const struct equation *e, int label)
{
    for (int i = 0; i < e->loop.rank; i++)
        if (e->loop_label[i] == label)
            return i;
    return -1;
}

static enum status add_loops(struct equation *e, const struct term *term)
{
    for (int i = 0; i < term->count; i++) {
        if (loop_place(e, term->label[i]) >= 0)
            continue;
        if (e->loop.rank == TENSOR_MAX_RANK)
            return status_fail(ERR_LIMIT, "more than %d labels", TENSOR_MAX_RANK);
        e->loop_label[e->loop.rank] = term->label[i];
        e->loop.dim[e->loop.rank++] = e->size[term->label[i]];
    }
    return OK;
}

static void add_strides(struct equation *e, const struct term *term,
                        const struct shape *shape, int64_t *stride)
{
    int64_t own[TENSOR_MAX_RANK];
    shape_strides(shape, own);
    for (int i = 0; i < term->count; i++)
        if (shape->dim[i] != 1)
            stride[loop_place(e, term->label[i])] += own[i];
}

static enum status parse(const struct node *node, const struct shape *const *shapes, int n,
                         struct equation *e, struct shape *out)
{
    const char *text = node_string(node, "equation", "");
    int most_dots = 0;
    enum status st = OK;
    *e = (struct equation){0};
    if (n > OPERANDS)
        return status_fail(ERR_LIMIT, "%d operands", n);
    for (int t = 0; t < n && !st; t++) {
        int dots = dots_of(text, shapes[t]->rank);
        if (dots < 0 || (t && *text != ',' && t < n && text[-1] != ','))
            return status_fail(ERR_FORMAT, "operand %d does not fit the equation", t);
        most_dots = dots > most_dots ? dots : most_dots;
        st = read_term(&text, dots, &e->terms[e->n_terms++]);
        if (!st)
            st = add_sizes(e, &e->terms[t], shapes[t]);
        if (!st && t + 1 < n && *text++ != ',')
            st = status_fail(ERR_FORMAT, "fewer terms than operands");
    }
    if (st)
        return st;
    if (!strncmp(text, "->", 2)) {
        text += 2;
        st = read_term(&text, most_dots, &e->out);
    } else {
        implied_output(e, most_dots);
    }
    if (!st && *text)
        st = status_fail(ERR_FORMAT, "more terms than operands");
    *out = (struct shape){.rank = e->out.count};
    for (int i = 0; i < e->out.count && !st; i++) {
        out->dim[i] = e->size[e->out.label[i]];
        if (!out->dim[i])
            st = status_fail(ERR_FORMAT, "a label of the output is in no operand");
    }
    if (!st)
        st = add_loops(e, &e->out);
    for (int t = 0; t < n && !st; t++)
        st = add_loops(e, &e->terms[t]);
    for (int t = 0; t < n && !st; t++)
        add_strides(e, &e->terms[t], shapes[t], e->stride[t]);
    if (!st)
        add_strides(e, &e->out, out, e->stride[OPERANDS]);
    return st;
}

static enum status infer(struct node *node)
{
    const struct shape *shapes[OPERANDS];
    struct equation e;
    struct shape shape;
    for (int i = 0; i < node->n_inputs && i < OPERANDS; i++)
        shapes[i] = &node->inputs[i]->shape;
    enum status st = parse(node, shapes, node->n_inputs, &e, &shape);
    for (int i = 1; i < node->n_inputs && !st; i++)
        st = need_same_dtype(node, 0, i);
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, &shape);
    return st;
}

static enum status parse_again(const struct node *node, const struct tensor *const *in,
                               struct equation *e)
{
    const struct shape *shapes[OPERANDS];
    struct shape shape;
    for (int i = 0; i < node->n_inputs && i < OPERANDS; i++)
        shapes[i] = &in[i]->shape;
    return parse(node, shapes, node->n_inputs, e, &shape);
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct equation e;
    enum status st = parse_again(node, in, &e);
    if (st)
        return st;
    int64_t outs = shape_count(&out[0]->shape), total = shape_count(&e.loop);
    int64_t inner = outs ? total / outs : 0;
    for (int64_t o = 0; o < outs; o++) {
        double sum = 0;
        for (int64_t i = o * inner; i < (o + 1) * inner; i++) {
            double term = 1;
            for (int t = 0; t < e.n_terms; t++)
                term *= at(in[t], strided(&e.loop, e.stride[t], i));
            sum += term;
        }
        put(out[0], o, sum);
    }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    struct equation e;
    enum status st = parse_again(node, in, &e);
    if (st || !dout[0])
        return st;
    int64_t total = shape_count(&e.loop);
    for (int t = 0; t < e.n_terms; t++) {
        if (!din[t])
            continue;
        fill_zero(din[t]);
        for (int64_t i = 0; i < total; i++) {
            double term = at(dout[0], strided(&e.loop, e.stride[OPERANDS], i));
            for (int u = 0; u < e.n_terms; u++)
                term *= u == t ? 1 : at(in[u], strided(&e.loop, e.stride[u], i));
            add_to(din[t], strided(&e.loop, e.stride[t], i), term);
        }
    }
    return OK;
}

const struct op op_einsum = {
    .name = "Einsum",
    .since = 12,
    .inputs = {1, -1},
    .outputs = {1, 1},
    .attributes = "equation:s!",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
