/*
 * Where buffers lie: largest first, each at the lowest place where nothing that lives at
 * the same time overlaps (greedy by size, as in Pisarchyk & Lee, arXiv:2001.03288).
 */
#include "models/runtime/place.h"

#include <stdlib.h>

enum { ALIGNMENT = 64 };

struct item {
    int slot;
    size_t bytes, offset;
    int first, last;
};

/* Extends the life of whatever a touched slot lies in. */
static void touch(struct plan *plan, int slot, int step)
{
    for (;;) {
        struct slot *s = &plan->slots[slot];
        if (s->first < 0 || step < s->first)
            s->first = step;
        if (step > s->last)
            s->last = step;
        if (s->kind != SLOT_PART)
            return;
        slot = s->whole;
    }
}

static void lives(struct plan *plan)
{
    for (int i = 0; i < plan->n_slots; i++)
        plan->slots[i].first = plan->slots[i].last = -1;
    for (int i = 0; i < plan->n_steps; i++)
        for (int a = 0; a < plan->steps[i].n_args; a++)
            touch(plan, plan->steps[i].args[a].slot, i);
    /* The caller writes the input before and reads the output after. */
    touch(plan, plan->input, 0);
    touch(plan, plan->output, plan->n_forward);
    if (plan->output_gradient >= 0)
        touch(plan, plan->output_gradient, plan->n_forward);
    if (plan->input_gradient >= 0)
        touch(plan, plan->input_gradient, plan->n_steps);
    for (int i = 0; i < plan->n_variables; i++)
        touch(plan, plan->variables[i].gradient, plan->n_steps);
    for (int i = 0; i < plan->n_statistics; i++) {
        touch(plan, plan->statistics[i].mean_slot, plan->n_steps);
        touch(plan, plan->statistics[i].variance_slot, plan->n_steps);
    }
    /* Backward may run again: what it reads of the forward pass stays. */
    for (int i = 0; i < plan->n_slots; i++) {
        struct slot *s = &plan->slots[i];
        if (s->first >= 0 && s->first < plan->n_forward && s->last >= plan->n_forward)
            s->last = plan->n_steps;
    }
}

static int larger_first(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->slot - y->slot;
}

static int by_offset(const void *a, const void *b)
{
    const struct item *const *x = a, *const *y = b;
    return (*x)->offset < (*y)->offset ? -1 : (*x)->offset > (*y)->offset;
}

void place_slots(struct plan *plan)
{
    lives(plan);
    struct item *items = mem_array((size_t)plan->n_slots, sizeof *items);
    struct item **busy = mem_array((size_t)plan->n_slots, sizeof *busy);
    int n = 0;
    for (int i = 0; i < plan->n_slots; i++) {
        const struct slot *s = &plan->slots[i];
        if (s->kind == SLOT_ARENA && s->first >= 0)
            items[n++] = (struct item){
                i, (s->bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, 0, s->first, s->last};
    }
    qsort(items, (size_t)n, sizeof *items, larger_first);
    size_t total = 0;
    for (int i = 0; i < n; i++) {
        int n_busy = 0;
        for (int j = 0; j < i; j++)
            if (items[j].first <= items[i].last && items[i].first <= items[j].last)
                busy[n_busy++] = &items[j];
        qsort(busy, (size_t)n_busy, sizeof *busy, by_offset);
        size_t at = 0;
        for (int j = 0; j < n_busy; j++) {
            if (busy[j]->offset >= at + items[i].bytes)
                break;
            if (busy[j]->offset + busy[j]->bytes > at)
                at = busy[j]->offset + busy[j]->bytes;
        }
        items[i].offset = at;
        plan->slots[items[i].slot].offset = at;
        if (at + items[i].bytes > total)
            total = at + items[i].bytes;
    }
    plan->lane_bytes = total;
    free(busy);
    free(items);
}
