#include "noises/adversarial/sparse.h"

#include <math.h>

float select_largest(float *values, size_t n, size_t k)
{
    size_t low = 0, high = n - 1, want = k - 1;
    while (low < high) {
        float a = values[low], b = values[low + (high - low) / 2], c = values[high];
        float pivot = fmaxf(fminf(a, b), fminf(fmaxf(a, b), c));
        size_t left = low, at = low, right = high; /* > pivot | = pivot | < pivot */
        while (at <= right) {
            float v = values[at];
            if (v > pivot) {
                values[at++] = values[left];
                values[left++] = v;
            } else if (v < pivot) {
                values[at] = values[right];
                values[right] = v;
                if (right-- == 0)
                    break;
            } else {
                at++;
            }
        }
        if (want < left)
            high = left - 1;
        else if (want > right)
            low = right + 1;
        else
            return pivot;
    }
    return values[low];
}

static bool pinned(float x, float g)
{
    return g > 0.0f ? x >= 1.0f : x <= 0.0f;
}

void sparse_sign_step(float *x, const float *g, double fraction, double alpha,
                      bool drop_pinned, size_t size, float *scratch)
{
    for (size_t i = 0; i < size; i++)
        scratch[i] = drop_pinned && pinned(x[i], g[i]) ? 0.0f : fabsf(g[i]);
    double wanted = floor(fraction * (double)size);
    size_t k = wanted < 1 ? 1 : wanted > (double)size ? size : (size_t)wanted;
    float threshold = select_largest(scratch, size, k);

    size_t support = 0;
    for (int pass = 0; pass < 2; pass++) {
        float move = pass ? (float)(alpha / (double)support) : 0.0f;
        for (size_t i = 0; i < size; i++) {
            if (g[i] == 0.0f || fabsf(g[i]) < threshold ||
                (drop_pinned && pinned(x[i], g[i])))
                continue;
            if (pass)
                x[i] += g[i] > 0.0f ? move : -move;
            else
                support++;
        }
        if (!support)
            return;
    }
}
