#include "models/ops/window.h"

#include <string.h>

/* Far beyond any network; keeps a hostile file from asking for a walk over 2^62 taps. */
enum { WINDOW_MAX = 65535, TAPS_MAX = 1 << 24 };

static enum status read_list(const struct node *node, const char *name, int rank,
                             int64_t fallback, int64_t low, int64_t out[3])
{
    int count;
    const int64_t *list = node_ints(node, name, &count);
    for (int i = 0; i < 3; i++)
        out[i] = i < 3 - rank ? 1 : fallback;
    if (!list)
        return OK;
    if (count != rank)
        return status_fail(ERR_FORMAT, "'%s' has %d values for %d spatial dimensions", name,
                           count, rank);
    for (int i = 0; i < rank; i++) {
        if (list[i] < low || list[i] > WINDOW_MAX)
            return status_fail(ERR_FORMAT, "'%s' is %lld", name, (long long)list[i]);
        out[3 - rank + i] = list[i];
    }
    return OK;
}

static enum status read_pads(const struct node *node, struct window *w)
{
    int count;
    const int64_t *pads = node_ints(node, "pads", &count);
    if (!pads)
        return OK;
    if (count != 2 * w->rank)
        return status_fail(ERR_FORMAT, "'pads' has %d values for %d spatial dimensions", count,
                           w->rank);
    for (int i = 0; i < w->rank; i++) {
        int64_t begin = pads[i], end = pads[w->rank + i];
        if (begin < 0 || end < 0 || begin > WINDOW_MAX || end > WINDOW_MAX)
            return status_fail(ERR_FORMAT, "'pads' holds %lld and %lld", (long long)begin,
                               (long long)end);
        w->begin[3 - w->rank + i] = begin;
        w->end[3 - w->rank + i] = end;
    }
    return OK;
}

/* SAME: as many outputs as strides fit, the odd pixel of padding at the end or beginning. */
static void pad_same(struct window *w, bool lower)
{
    for (int i = 3 - w->rank; i < 3; i++) {
        int64_t out = (w->in[i] + w->stride[i] - 1) / w->stride[i];
        int64_t total = (out - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1 -
                        w->in[i];
        if (total < 0)
            total = 0;
        w->begin[i] = lower ? total - total / 2 : total / 2;
        w->end[i] = total - w->begin[i];
    }
}

static enum status count_outputs(const struct node *node, struct window *w)
{
    bool ceil_mode = node_int(node, "ceil_mode", 0) != 0;
    for (int i = 0; i < 3; i++) {
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t room = w->in[i] + w->begin[i] + w->end[i] - reach;
        if (room < 0 || w->in[i] < 1)
            return status_fail(ERR_FORMAT, "a window of %lld does not fit into %lld padded by "
                               "%lld and %lld", (long long)reach, (long long)w->in[i],
                               (long long)w->begin[i], (long long)w->end[i]);
        w->out[i] = room / w->stride[i] + 1;
        /* Rounding up, but never a window that starts beyond the input and its left pad. */
        if (ceil_mode && room % w->stride[i] &&
            w->out[i] * w->stride[i] < w->in[i] + w->begin[i])
            w->out[i]++;
    }
    return OK;
}

enum status window_read(const struct node *node, const struct shape *x,
                        const int64_t *kernel, struct window *out)
{
    struct window w = {.rank = x->rank - 2};
    if (w.rank < 1 || w.rank > 3)
        return status_fail(ERR_UNSUPPORTED, "%d spatial dimensions: 1 to 3 are implemented",
                           w.rank);
    for (int i = 0; i < 3; i++)
        w.in[i] = i < 3 - w.rank ? 1 : x->dim[2 + i - (3 - w.rank)];

    enum status st = read_list(node, "kernel_shape", w.rank, 0, 1, w.kernel);
    if (!st)
        st = read_list(node, "strides", w.rank, 1, 1, w.stride);
    if (!st)
        st = read_list(node, "dilations", w.rank, 1, 1, w.dilation);
    for (int i = 3 - w.rank; i < 3 && !st; i++) {
        int64_t given = kernel ? kernel[i - (3 - w.rank)] : 0;
        if (given && w.kernel[i] && given != w.kernel[i])
            st = status_fail(ERR_FORMAT, "'kernel_shape' says %lld, the weights say %lld",
                             (long long)w.kernel[i], (long long)given);
        else if (given)
            w.kernel[i] = given;
        if (!st && (w.kernel[i] < 1 || w.kernel[i] > WINDOW_MAX))
            st = status_fail(ERR_FORMAT, "'kernel_shape' is missing or %lld",
                             (long long)w.kernel[i]);
    }
    if (st)
        return st;

    const char *mode = node_string(node, "auto_pad", "NOTSET");
    if (!strcmp(mode, "NOTSET"))
        st = read_pads(node, &w);
    else if (!strcmp(mode, "SAME_UPPER") || !strcmp(mode, "SAME_LOWER"))
        pad_same(&w, mode[5] == 'L');
    else if (strcmp(mode, "VALID"))
        st = status_fail(ERR_FORMAT, "auto_pad '%s'", mode);
    if (!st)
        st = count_outputs(node, &w);
    if (!st && window_kernel_count(&w) > TAPS_MAX)
        st = status_fail(ERR_LIMIT, "a window of %lld taps", (long long)window_kernel_count(&w));
    if (!st)
        *out = w;
    return st;
}

void window_shape(const struct window *window, int64_t batch, int64_t channels,
                  struct shape *out)
{
    *out = (struct shape){.rank = 2 + window->rank, .dim = {batch, channels}};
    for (int i = 0; i < window->rank; i++)
        out->dim[2 + i] = window->out[3 - window->rank + i];
}

int64_t window_in_count(const struct window *window)
{
    return window->in[0] * window->in[1] * window->in[2];
}

int64_t window_kernel_count(const struct window *window)
{
    return window->kernel[0] * window->kernel[1] * window->kernel[2];
}

int64_t window_out_count(const struct window *window)
{
    return window->out[0] * window->out[1] * window->out[2];
}

void window_places(const struct window *w, int64_t o, int64_t *places)
{
    int64_t taps = window_kernel_count(w);
    for (int64_t k = 0; k < taps; k++)
        places[k] = window_place(w, o, k);
}

int64_t window_place(const struct window *w, int64_t o, int64_t k)
{
    int64_t place = 0, step = 1;
    for (int i = 2; i >= 0; i--) {
        int64_t at = o % w->out[i] * w->stride[i] + k % w->kernel[i] * w->dilation[i] -
                     w->begin[i];
        if (at < 0 || at >= w->in[i])
            return -1;
        place += at * step;
        step *= w->in[i];
        o /= w->out[i];
        k /= w->kernel[i];
    }
    return place;
}
