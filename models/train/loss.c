#include "models/train/loss.h"

#include <math.h>

static double log_sum(const float *z, int n, double *top)
{
    *top = (double)z[0];
    for (int i = 1; i < n; i++)
        *top = fmax(*top, (double)z[i]);
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += exp((double)z[i] - *top);
    return *top + log(sum);
}

double loss_cross_entropy(const float *z, const float *p, int n, double scale, float *dz)
{
    double top, all = log_sum(z, n, &top), loss = 0;
    for (int i = 0; i < n; i++) {
        double log_q = (double)z[i] - all;
        loss -= (double)p[i] * log_q;
        dz[i] = (float)(scale * (exp(log_q) - (double)p[i]));
    }
    return loss;
}

double loss_divergence(const float *z, const float *p, int n, double scale, float *dz)
{
    double loss = loss_cross_entropy(z, p, n, scale, dz);
    for (int i = 0; i < n; i++)
        loss += p[i] > 0 ? (double)p[i] * log((double)p[i]) : 0;
    return loss;
}

void softmax(const float *z, int n, double temperature, float *p)
{
    double top = (double)z[0], sum = 0;
    for (int i = 1; i < n; i++)
        top = fmax(top, (double)z[i]);
    for (int i = 0; i < n; i++)
        sum += exp(((double)z[i] - top) / temperature);
    for (int i = 0; i < n; i++)
        p[i] = (float)(exp(((double)z[i] - top) / temperature) / sum);
}
