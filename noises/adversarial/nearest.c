#include "noises/adversarial/members.h"

#include <math.h>
#include <string.h>

void nearest_init(struct nearest *nearest, struct search *s, struct arena *arena)
{
    nearest->point = arena_alloc(arena, s->size * sizeof *nearest->point);
    nearest->distance = (double)INFINITY;
}

void nearest_note(struct nearest *nearest, struct search *s, const float *x)
{
    if (!s->fooled)
        return;
    double distance = norm_distance(s->ball.norm, x, s->call->x, s->size);
    if (distance >= nearest->distance)
        return;
    nearest->distance = distance;
    memcpy(nearest->point, x, s->size * sizeof *x);
}

enum status nearest_finish(struct nearest *nearest, struct search *s, int refine)
{
    if (s->done || isinf(nearest->distance))
        return OK;
    struct arena arena = {0};
    float *end = arena_alloc(&arena, s->size * sizeof *end);
    float *middle = arena_alloc(&arena, s->size * sizeof *middle);
    memcpy(end, nearest->point, s->size * sizeof *end);
    double right = 0, wrong = 1;
    enum status st = OK;
    for (int i = 0; i < refine && !st && !s->done; i++) {
        double at = (right + wrong) / 2;
        for (size_t k = 0; k < s->size; k++)
            middle[k] = (float)((1 - at) * (double)s->call->x[k] + at * (double)end[k]);
        if ((st = search_look(s, middle)))
            break;
        nearest_note(nearest, s, middle);
        *(s->fooled ? &wrong : &right) = at;
    }
    arena_clear(&arena);
    return st || s->done ? st : search_offer(s, nearest->point);
}
