#include "noises/adversarial/loss.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static int best_but(const float *z, int n, int excluded)
{
    int best = -1;
    for (int i = 0; i < n; i++)
        if (i != excluded && (best < 0 || z[i] > z[best]))
            best = i;
    return best;
}

float loss_margin(const float *logits, int n, int label)
{
    return logits[best_but(logits, n, label)] - logits[label];
}

int loss_top_wrong(const float *logits, int n, int label, int count, int *classes)
{
    if (count > n - 1)
        count = n - 1;
    for (int k = 0; k < count; k++) {
        int best = -1;
        for (int i = 0; i < n; i++) {
            bool taken = i == label;
            for (int j = 0; j < k && !taken; j++)
                taken = classes[j] == i;
            if (!taken && (best < 0 || logits[i] > logits[best]))
                best = i;
        }
        classes[k] = best;
    }
    return count;
}

/* Indices of the four largest logits (fewer if there are fewer classes). */
static void top_four(const float *z, int n, int top[4])
{
    for (int k = 0; k < 4; k++)
        top[k] = -1;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 4; k++)
            if (top[k] < 0 || z[i] > z[top[k]]) {
                memmove(&top[k + 1], &top[k], sizeof *top * (size_t)(3 - k));
                top[k] = i;
                break;
            }
}

/* log sum_{i≠pivot} exp(scale z_i) − scale z_pivot, for `sign` = 1; its negative for −1. */
static double cross_entropy(const float *z, int n, int pivot, double sign, double scale,
                            float *dz)
{
    double peak = (double)z[best_but(z, n, pivot)] * scale;
    double sum = 0;
    for (int i = 0; i < n; i++)
        if (i != pivot)
            sum += exp((double)z[i] * scale - peak);
    for (int i = 0; dz && i < n; i++) {
        double part = i == pivot ? -1 : exp((double)z[i] * scale - peak) / sum;
        dz[i] = (float)(sign * scale * part);
    }
    return sign * (log(sum) + peak - (double)z[pivot] * scale);
}

/* z_up − z_down */
static double difference(const float *z, int n, int up, int down, float *dz)
{
    if (dz) {
        memset(dz, 0, sizeof *dz * (size_t)n);
        dz[up] += 1;
        dz[down] -= 1;
    }
    return (double)z[up] - (double)z[down];
}

/* N/D with N = z_rival − z_y and D = z_1 − z_3, or z_1 − (z_3 + z_4)/2 when targeted. */
static double logits_ratio(const float *z, int n, int label, int rival, bool targeted,
                           float *dz)
{
    int top[4];
    top_four(z, n, top);
    double numerator = (double)z[rival] - (double)z[label];
    double third = targeted ? ((double)z[top[2]] + (double)z[top[3]]) / 2 : (double)z[top[2]];
    double denominator = (double)z[top[0]] - third + 1e-12;
    if (dz) {
        double unit = 1 / denominator;
        double slope = -numerator * unit * unit; /* d(N/D)/dD */
        double gradient[4] = {slope, 0, targeted ? -slope / 2 : -slope, -slope / 2};
        memset(dz, 0, sizeof *dz * (size_t)n);
        for (int k = 0; k < (targeted ? 4 : 3); k++)
            dz[top[k]] = (float)gradient[k];
        dz[rival] = (float)((double)dz[rival] + unit);
        dz[label] = (float)((double)dz[label] - unit);
    }
    return numerator / denominator;
}

double loss_value(const struct loss *loss, const float *logits, int n, int label,
                  float *dlogits)
{
    bool targeted = loss->target >= 0;
    enum loss_kind kind = loss->kind;
    if (kind == LOSS_DLR && n < (targeted ? 4 : 3))
        kind = LOSS_MARGIN;
    double scale = loss->scale > 0 ? loss->scale : 1;

    if (kind == LOSS_CE)
        return cross_entropy(logits, n, targeted ? loss->target : label, targeted ? -1 : 1,
                             scale, dlogits);
    if (kind == LOSS_DLR)
        return logits_ratio(logits, n, label,
                            targeted ? loss->target : best_but(logits, n, label), targeted,
                            dlogits);
    return targeted ? difference(logits, n, loss->target,
                                 best_but(logits, n, loss->target), dlogits)
                    : difference(logits, n, best_but(logits, n, label), label, dlogits);
}
