#include "models/compress/grid.h"

#include <math.h>

static void codes(const struct grid_rule *rule, struct grid *grid)
{
    int32_t half = (int32_t)1 << (rule->bits - 1);
    grid->low = rule->symmetric ? -half + rule->narrow : 0;
    grid->high = rule->symmetric ? half - 1 : 2 * half - 1;
}

struct grid grid_for_range(const struct grid_rule *rule, double low, double high)
{
    struct grid grid = {.scale = 1};
    codes(rule, &grid);
    low = fmin(low, 0);
    high = fmax(high, 0);
    if (rule->symmetric) {
        /* Two's complement has one code more below zero: only `high` limits the scale. */
        grid.scale = fmax(-low, high) / grid.high;
    } else {
        grid.scale = (high - low) / (grid.high - grid.low);
    }
    if (!(grid.scale > 0) || !isfinite(grid.scale))
        grid.scale = 1;
    if (rule->power_of_two)
        grid.scale = exp2(ceil(log2(grid.scale)));
    if (!rule->symmetric) {
        double zero = rint(-low / grid.scale);
        grid.zero = (int32_t)fmin(fmax(zero, grid.low), grid.high);
    }
    return grid;
}

int32_t grid_encode(const struct grid *grid, double x)
{
    double code = rint(x / grid->scale) + grid->zero;
    return (int32_t)fmin(fmax(code, grid->low), grid->high);
}

double grid_decode(const struct grid *grid, int32_t code)
{
    return (code - grid->zero) * grid->scale;
}

/* In float, as an ONNX runtime computes it. */
void grid_round(const struct grid *grid, const float *in, float *out, size_t count)
{
    float scale = (float)grid->scale, zero = (float)grid->zero;
    float low = (float)grid->low, high = (float)grid->high;
    for (size_t i = 0; i < count; i++) {
        float code = rintf(in[i] / scale) + zero;
        code = code < low ? low : code > high ? high : code;
        out[i] = (code - zero) * scale;
    }
}

double grid_error(const struct grid *grid, const float *x, size_t count, double p,
                  double enough)
{
    double sum = 0;
    for (size_t i = 0; i < count && sum <= enough; i++) {
        double value = (double)x[i];
        double off = fabs(value - grid_decode(grid, grid_encode(grid, value)));
        sum += p == 2 ? off * off : pow(off, p);
    }
    return sum;
}
