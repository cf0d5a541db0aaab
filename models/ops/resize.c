/*
 * Resize and Upsample: every output element is a weighted sum of at most four input elements
 * along each dimension: one (nearest), two (linear) or four (cubic).
 *
 * A coordinate o of the output lies at x in the input, by coordinate_transformation_mode:
 *   half_pixel            x = (o + 0.5) / scale - 0.5
 *   pytorch_half_pixel    the same; 0 where the output has one element
 *   half_pixel_symmetric  the same around the centre, when the scale is not exact
 *   tf_half_pixel_for_nn  x = (o + 0.5) / scale
 *   asymmetric            x = o / scale
 *   align_corners         x = o (in - 1) / (in scale - 1): the node tests do not round
 *                         the length that a scale gives
 *   tf_crop_and_resize    o spans the region of interest
 */
#include "models/ops/elements.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct taps {
    int count;
    bool outside; /* beyond the input in tf_crop_and_resize */
    int64_t place[4];
    double weight[4];
};

struct axis {
    int64_t in, out;
    double scale, length;  /* length = in scale, before it is rounded down to out */
    double start, end;     /* of the region of interest */
};

struct plan {
    int rank;
    struct axis axes[TENSOR_MAX_RANK];
    const char *mode, *coordinates, *nearest;
    double cubic_a, extrapolation;
    bool exclude_outside;
};

static bool is(const char *a, const char *b)
{
    return !strcmp(a, b);
}

/* The constant floats of an input, all of the axes or those named. */
static enum status read_input(const struct node *node, int input, int count, double *out,
                              bool *given)
{
    *given = false;
    if (input >= node->n_inputs || !node->inputs[input])
        return OK;
    const struct value *value = node->inputs[input];
    if (!value->constant)
        return status_fail(ERR_UNSUPPORTED, "'%s' must be known before the network runs",
                           value->name);
    int64_t n = shape_count(&value->shape);
    if (n == 0)
        return OK;
    if (n != count)
        return status_fail(ERR_FORMAT, "'%s' has %lld elements instead of %d", value->name,
                           (long long)n, count);
    for (int i = 0; i < count; i++)
        out[i] = at(value->constant, i);
    *given = true;
    return OK;
}

static enum status set_scales(const struct node *node, struct plan *plan, const int *axes,
                              int count)
{
    bool upsample = is(node->op->name, "Upsample"), old = node->version < 11 || upsample;
    double values[2 * TENSOR_MAX_RANK];
    bool given = false, sizes = false;
    int n_floats;
    const float *attribute = node_floats(node, "scales", &n_floats);
    enum status st = OK;
    if (attribute) {
        if (n_floats != count)
            return status_fail(ERR_FORMAT, "%d scales for %d dimensions", n_floats, count);
        for (int i = 0; i < count; i++)
            values[i] = (double)attribute[i];
        given = true;
    } else {
        st = read_input(node, old ? 1 : 2, count, values, &given);
    }
    if (!st && !old && !given) {
        st = read_input(node, 3, count, values, &sizes);
        given = sizes;
    }
    if (!st && !given)
        st = status_fail(ERR_FORMAT, "neither scales nor sizes");
    for (int i = 0; i < count && !st; i++) {
        struct axis *axis = &plan->axes[axes[i]];
        if (!(values[i] > 0) || !(values[i] < 0x1p30))
            return status_fail(ERR_FORMAT, "a scale or size of %g", values[i]);
        /* A scale is a float32, and so is its product with the size. */
        double extent = axis->end - axis->start;
        bool crop = is(plan->coordinates, "tf_crop_and_resize");
        axis->out = sizes ? (int64_t)values[i]
                          : (int64_t)floor((double)axis->in * (crop ? extent : 1) * values[i]);
        axis->scale = sizes ? (double)axis->out / (double)axis->in : values[i];
        axis->length = sizes ? (double)axis->out : (double)axis->in * axis->scale;
        if (axis->in < 1 || axis->out < 0)
            return status_fail(ERR_FORMAT, "%lld would become %lld", (long long)axis->in,
                               (long long)axis->out);
    }
    return st;
}

static enum status check_words(const struct plan *plan)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const coordinates[] = {
        "half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "tf_half_pixel_for_nn",
        "asymmetric", "align_corners", "tf_crop_and_resize"};
    static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                          "ceil"};
    int found = 0;
    for (size_t i = 0; i < 3; i++)
        found |= is(plan->mode, modes[i]) ? 1 : 0;
    for (size_t i = 0; i < 7; i++)
        found |= is(plan->coordinates, coordinates[i]) ? 2 : 0;
    for (size_t i = 0; i < 4; i++)
        found |= is(plan->nearest, nearest[i]) ? 4 : 0;
    if (found == 7)
        return OK;
    return status_fail(ERR_UNSUPPORTED, "mode '%s', coordinates '%s', nearest '%s'", plan->mode,
                       plan->coordinates, plan->nearest);
}

static enum status plan_of(const struct node *node, const struct shape *x, struct plan *plan)
{
    bool old = node->version < 11 || is(node->op->name, "Upsample");
    *plan = (struct plan){
        .rank = x->rank,
        .mode = node_string(node, "mode", "nearest"),
        .coordinates = old ? "asymmetric" : node_string(node, "coordinate_transformation_mode",
                                                        "half_pixel"),
        .nearest = old ? "floor" : node_string(node, "nearest_mode", "round_prefer_floor"),
        .cubic_a = (double)node_float(node, "cubic_coeff_a", -0.75f),
        .extrapolation = (double)node_float(node, "extrapolation_value", 0),
        .exclude_outside = node_int(node, "exclude_outside", 0) != 0,
    };
    if (is(plan->mode, "bilinear")) /* Upsample of opset 1 */
        plan->mode = "linear";
    if (node_int(node, "antialias", 0) ||
        !is(node_string(node, "keep_aspect_ratio_policy", "stretch"), "stretch"))
        return status_fail(ERR_UNSUPPORTED, "antialias or keep_aspect_ratio_policy");
    enum status st = check_words(plan);
    if (st)
        return st;

    int axes[TENSOR_MAX_RANK], count = x->rank, n_axes;
    const int64_t *list = node_ints(node, "axes", &n_axes);
    for (int i = 0; i < x->rank; i++) {
        axes[i] = i;
        plan->axes[i] = (struct axis){x->dim[i], x->dim[i], 1, (double)x->dim[i], 0, 1};
    }
    if (list && n_axes > x->rank)
        return status_fail(ERR_FORMAT, "%d axes", n_axes);
    for (int i = 0; list && i < n_axes && !st; i++)
        st = resolve_axis(list[i], x->rank, &axes[i]);
    count = list ? n_axes : count;

    double roi[2 * TENSOR_MAX_RANK];
    bool given = false;
    if (!st && is(plan->coordinates, "tf_crop_and_resize"))
        st = read_input(node, 1, 2 * count, roi, &given);
    for (int i = 0; given && i < count; i++) {
        plan->axes[axes[i]].start = roi[i];
        plan->axes[axes[i]].end = roi[count + i];
    }
    return st ? st : set_scales(node, plan, axes, count);
}

static enum status infer(struct node *node)
{
    struct plan plan;
    enum status st = plan_of(node, &node->inputs[0]->shape, &plan);
    if (st)
        return st;
    struct shape shape = {.rank = plan.rank};
    for (int i = 0; i < plan.rank; i++)
        shape.dim[i] = plan.axes[i].out;
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

static double coordinate(const struct plan *plan, const struct axis *axis, int64_t o)
{
    double x = (double)o, in = (double)axis->in, out = (double)axis->out;
    if (is(plan->coordinates, "asymmetric"))
        return x / axis->scale;
    if (is(plan->coordinates, "align_corners"))
        return axis->out > 1 ? x * (in - 1) / (axis->length - 1) : 0;
    if (is(plan->coordinates, "tf_half_pixel_for_nn"))
        return (x + 0.5) / axis->scale;
    if (is(plan->coordinates, "tf_crop_and_resize"))
        return axis->out > 1 ? axis->start * (in - 1) +
                                   x * (axis->end - axis->start) * (in - 1) / (out - 1)
                             : 0.5 * (axis->start + axis->end) * (in - 1);
    if (is(plan->coordinates, "pytorch_half_pixel") && axis->out <= 1)
        return 0;
    if (is(plan->coordinates, "half_pixel_symmetric")) {
        double shift = in / 2 * (1 - out / (in * axis->scale));
        return shift + (x + 0.5) / axis->scale - 0.5;
    }
    return (x + 0.5) / axis->scale - 0.5;
}

static int64_t clamp(double x, int64_t size)
{
    return x < 0 ? 0 : x > (double)(size - 1) ? size - 1 : (int64_t)x;
}

static int64_t nearest(const struct plan *plan, double x, int64_t size)
{
    if (is(plan->nearest, "floor"))
        return clamp(floor(x), size);
    if (is(plan->nearest, "ceil"))
        return clamp(ceil(x), size);
    return clamp(is(plan->nearest, "round_prefer_ceil") ? floor(x + 0.5) : ceil(x - 0.5), size);
}

/* Keys' kernel, doi:10.1109/TASSP.1981.1163711. */
static double cubic(double d, double a)
{
    d = fabs(d);
    if (d <= 1)
        return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static void add_tap(struct taps *taps, int64_t place, double weight)
{
    if (weight != 0) {
        taps->place[taps->count] = place;
        taps->weight[taps->count++] = weight;
    }
}

static struct taps taps_of(const struct plan *plan, const struct axis *axis, int64_t o)
{
    struct taps taps = {0};
    double x = coordinate(plan, axis, o), base = floor(x);
    if (is(plan->coordinates, "tf_crop_and_resize"))
        taps.outside = x < 0 || x > (double)(axis->in - 1);
    if (axis->out == axis->in && axis->scale == 1 && !is(plan->coordinates, "tf_crop_and_resize") &&
        !is(plan->coordinates, "tf_half_pixel_for_nn")) {
        add_tap(&taps, o, 1);
    } else if (is(plan->mode, "nearest")) {
        add_tap(&taps, nearest(plan, x, axis->in), 1);
    } else if (is(plan->mode, "linear")) {
        add_tap(&taps, clamp(base, axis->in), 1 - (x - base));
        add_tap(&taps, clamp(base + 1, axis->in), x - base);
    } else {
        double sum = 0;
        for (int k = -1; k <= 2; k++) {
            bool inside = base + k >= 0 && base + k < (double)axis->in;
            double weight = cubic(x - base - k, plan->cubic_a);
            if (inside || !plan->exclude_outside) {
                add_tap(&taps, clamp(base + k, axis->in), weight);
                sum += weight;
            }
        }
        for (int k = 0; k < taps.count && plan->exclude_outside; k++)
            taps.weight[k] /= sum;
    }
    return taps;
}

/* Walks all pairs of taps; gathers into y, or scatters dy into dx. */
static double visit(const struct taps *const *taps, int rank, const int64_t *stride,
                    int64_t place, double weight, const struct tensor *x, struct tensor *dx,
                    double dy)
{
    if (rank == 0) {
        if (dx)
            add_to(dx, place, dy * weight);
        return x ? weight * at(x, place) : 0;
    }
    double sum = 0;
    for (int k = 0; k < (*taps)->count; k++)
        sum += visit(taps + 1, rank - 1, stride + 1, place + (*taps)->place[k] * *stride,
                     weight * (*taps)->weight[k], x, dx, dy);
    return sum;
}

static enum status walk(const struct node *node, const struct shape *in,
                        const struct shape *out, const struct tensor *x, struct tensor *y,
                        const struct tensor *dy, struct tensor *dx)
{
    struct plan plan;
    enum status st = plan_of(node, in, &plan);
    if (st)
        return st;
    struct taps *tables[TENSOR_MAX_RANK] = {NULL};
    int64_t stride[TENSOR_MAX_RANK], count = shape_count(out);
    shape_strides(in, stride);
    for (int d = 0; d < plan.rank; d++) {
        tables[d] = mem_array((size_t)plan.axes[d].out, sizeof **tables);
        for (int64_t o = 0; o < plan.axes[d].out; o++)
            tables[d][o] = taps_of(&plan, &plan.axes[d], o);
    }
    for (int64_t o = 0; o < count; o++) {
        const struct taps *taps[TENSOR_MAX_RANK];
        bool outside = false;
        int64_t rest = o;
        for (int d = plan.rank - 1; d >= 0; d--) {
            taps[d] = &tables[d][rest % out->dim[d]];
            outside |= taps[d]->outside;
            rest /= out->dim[d];
        }
        double sum = outside ? plan.extrapolation
                             : visit(taps, plan.rank, stride, 0, 1, x, dx,
                                     dy ? at(dy, o) : 0);
        if (y)
            put(y, o, sum);
    }
    for (int d = 0; d < plan.rank; d++)
        free(tables[d]);
    return OK;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    return walk(node, &in[0]->shape, &out[0]->shape, in[0], out[0], NULL, NULL);
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    for (int i = 1; i < node->n_inputs; i++)
        if (din[i])
            fill_zero(din[i]);
    if (!din[0] || !dout[0])
        return OK;
    fill_zero(din[0]);
    return walk(node, &in[0]->shape, &out[0]->shape, NULL, NULL, dout[0], din[0]);
}

const struct op op_resize = {
    .name = "Resize",
    .since = 10,
    .inputs = {1, 4},
    .outputs = {1, 1},
    .attributes = "antialias:i axes:I coordinate_transformation_mode:s cubic_coeff_a:f "
                  "exclude_outside:i extrapolation_value:f keep_aspect_ratio_policy:s mode:s "
                  "nearest_mode:s",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};

const struct op op_upsample = {
    .name = "Upsample",
    .since = 7,
    .until = 9,
    .inputs = {1, 2},
    .outputs = {1, 1},
    .attributes = "mode:s scales:F",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
