#include "results/metrics/metrics.h"

#include <assert.h>

/* Whether class p stands before class q. */
static bool before(const float *logits, int p, int q)
{
    return logits[p] > logits[q] || (logits[p] == logits[q] && p < q);
}

static void first_five(const float *logits, int classes, int out[5])
{
    int count = 0;
    for (int c = 0; c < classes; c++) {
        int at = count;
        while (at > 0 && before(logits, c, out[at - 1])) {
            if (at < 5)
                out[at] = out[at - 1];
            at--;
        }
        if (at < 5)
            out[at] = c;
        count += count < 5;
    }
}

/* From 1. */
static int place_of(const float *logits, int classes, int class)
{
    int place = 1;
    for (int c = 0; c < classes; c++)
        place += before(logits, c, class);
    return place;
}

int top5_distance(const float *a, const float *b, int classes)
{
    int top[5], distance = 0;
    assert(classes >= 5);
    first_five(a, classes, top);
    for (int i = 1; i <= 5; i++) {
        int place = place_of(b, classes, top[i - 1]);
        place = place < 6 ? place : 6;
        distance += place > i ? place - i : i - place;
    }
    return distance;
}

static int first(const float *logits, int classes)
{
    int best = 0;
    for (int c = 1; c < classes; c++)
        best = logits[c] > logits[best] ? c : best;
    return best;
}

struct stability stability(const float *logits, int frames, int classes, bool noise,
                           int step)
{
    struct stability s = {0};
    step = noise ? 1 : step;
    for (int start = 0; start < step; start++)
        for (int i = start + step; i < frames; i += step, s.pairs++) {
            int other = noise ? start : i - step;
            const float *now = logits + (size_t)i * (size_t)classes,
                        *then = logits + (size_t)other * (size_t)classes;
            s.flips += first(now, classes) != first(then, classes);
            s.spread += classes < 5 ? 0 : top5_distance(then, now, classes);
        }
    if (classes < 5)
        s.spread = -1;
    return s;
}
