/*
 * The clipping threshold whose quantized histogram is nearest to the clipped one in
 * Kullback-Leibler divergence.
 *
 * Source: Migacz, "8-bit inference with TensorRT", GTC 2017. The threshold runs over the
 * bins of |x| from the number of levels upwards; values beyond it join the last bin of
 * the reference distribution; the candidate spreads each level's mass evenly over its
 * non-empty bins. An asymmetric range keeps the smaller side's share of the larger one.
 */
#include "models/compress/observer.h"

#include <math.h>

/* D(P || Q) for the first `bins` bins quantized to `levels`; `outside` lies beyond them.
 */
static double divergence(const double *mass, int bins, int levels, double outside,
                         double all)
{
    double sum = 0;
    for (int level = 0; level < levels; level++) {
        int from = (int)((int64_t)level * bins / levels);
        int to = (int)((int64_t)(level + 1) * bins / levels);
        double total = 0;
        int filled = 0;
        for (int i = from; i < to; i++) {
            total += mass[i];
            filled += mass[i] > 0;
        }
        for (int i = from; i < to; i++) {
            double p = (mass[i] + (i == bins - 1 ? outside : 0)) / all;
            double q = mass[i] > 0 ? total / filled / (all - outside) : 0;
            if (p > 0)
                sum += p * log(p / fmax(q, 1e-12));
        }
    }
    return sum;
}

static void range(const struct statistics *s, const struct grid_rule *rule, double *low,
                  double *high)
{
    *low = s->low;
    *high = s->high;
    if (s->width == 0)
        return;

    double mass[STATISTICS_BINS], inside = 0, all = 0;
    for (int i = 0; i < STATISTICS_BINS; i++)
        all += mass[i] = (double)(s->positive[i] + s->negative[i]);
    int last = STATISTICS_BINS - 1;
    while (last > 0 && mass[last] == 0)
        last--;

    int levels = 1 << (rule->bits > 10   ? 10
                       : rule->symmetric ? rule->bits - 1
                                         : rule->bits);
    int best = last + 1;
    double least = -1;
    for (int bins = 1; bins <= last + 1; bins++) {
        inside += mass[bins - 1];
        if (bins < levels || inside == 0)
            continue;
        double found = divergence(mass, bins, levels, all - inside, all);
        if (least < 0 || found < least) {
            least = found;
            best = bins;
        }
    }
    double threshold = best * s->width;
    *low = fmax(s->low, -threshold);
    *high = fmin(s->high, threshold);
}

const struct observer observer_kl = {
    .name = "kl",
    .summary = "threshold of least Kullback-Leibler divergence",
    .source = "Migacz, 8-bit inference with TensorRT, GTC 2017",
    .range = range,
};
