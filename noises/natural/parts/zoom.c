#include "noises/natural/parts.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

/* Python's round: halves to even. */
static int round_even(double x)
{
    return (int)nearbyint(x);
}

int zoom_axis(int n, double factor, enum zoom_trim trim, struct zoom_tap *tap)
{
    int crop = (int)ceil(n / factor), start = (n - crop) / 2;
    int full = round_even(crop * factor);
    int first = trim == ZOOM_CENTRE ? (full - n) / 2 : 0;
    /* Corners stay corners: i (crop - 1) / (full - 1). */
    double step = full > 1 ? (double)(crop - 1) / (double)(full - 1) : 1;
    if (factor == 1)
        step = 1;
    int count = 0;
    for (int i = 0; i < n; i++) {
        int at = first + i;
        double place = at * step;
        tap[i] = (struct zoom_tap){0};
        if (at < 0 || at >= full)
            continue;
        count++;
        if (place > crop - 1)
            continue; /* a rounding beyond the last corner is outside to SciPy: 0 */
        int before = (int)place;
        double far = place - before;
        tap[i].before = start + before;
        tap[i].after = start + (before + 1 < crop ? before + 1 : before);
        tap[i].near = 1.0 - far;
        tap[i].far = far;
    }
    return count;
}

enum status clipped_zoom(const struct grid *in, double factor, enum zoom_trim trim,
                         struct grid *out)
{
    enum status st = grid_init(out, in->width, in->height, 1);
    if (st)
        return st;
    struct zoom_tap *rows = mem_array((size_t)in->height, sizeof *rows);
    struct zoom_tap *columns = mem_array((size_t)in->width, sizeof *columns);
    zoom_axis(in->height, factor, trim, rows);
    zoom_axis(in->width, factor, trim, columns);
    for (int y = 0; y < in->height; y++) {
        const double *upper = in->data + (size_t)rows[y].before * (size_t)in->width;
        const double *lower = in->data + (size_t)rows[y].after * (size_t)in->width;
        double *to = out->data + (size_t)y * (size_t)in->width;
        for (int x = 0; x < in->width; x++) {
            struct zoom_tap c = columns[x], r = rows[y];
            to[x] = upper[c.before] * r.near * c.near + upper[c.after] * r.near * c.far +
                    lower[c.before] * r.far * c.near + lower[c.after] * r.far * c.far;
        }
    }
    free(rows);
    free(columns);
    return OK;
}
