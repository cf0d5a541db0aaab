#include "models/runtime/plan.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

void plan_clear(struct plan *plan)
{
    for (int i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].primitive)
            dnnl_primitive_destroy(plan->steps[i].primitive);
    free(plan->slots);
    free(plan->steps);
    free(plan->layers);
    free(plan->statistics);
    arena_clear(&plan->arena);
    graph_clear(&plan->graph);
    graph_clear(&plan->source);
    *plan = (struct plan){0};
}

/* The slot whose bytes `slot` lies in, and where. */
static int root_of(const struct plan *plan, int slot, size_t *offset)
{
    *offset = 0;
    while (plan->slots[slot].kind == SLOT_PART) {
        *offset += plan->slots[slot].offset;
        slot = plan->slots[slot].whole;
    }
    return slot;
}

static void lane_point(struct lane *lane)
{
    const struct plan *plan = lane->plan;
    for (int i = 0; i < plan->n_slots; i++) {
        size_t offset;
        const struct slot *root = &plan->slots[root_of(plan, i, &offset)];
        char *base = root->kind == SLOT_ARENA ? lane->arena + root->offset : root->data;
        lane->data[i] = base ? base + offset : NULL;
    }
}

static enum status lane_bind(struct lane *lane)
{
    const struct plan *plan = lane->plan;
    for (int s = 0; s < plan->n_steps; s++) {
        const struct step *step = &plan->steps[s];
        for (int a = 0; step->primitive && a < step->n_args; a++) {
            int slot = step->args[a].slot;
            if (!lane->memories[slot]) {
                dnnl_status_t code =
                    dnnl_memory_create(&lane->memories[slot], &plan->slots[slot].md,
                                       layout_engine(), lane->data[slot]);
                if (code)
                    return layout_fail(code, "memory");
            }
            lane->args[step->first_arg + a] =
                (dnnl_exec_arg_t){step->args[a].key, lane->memories[slot]};
        }
    }
    return OK;
}

enum status lane_init(struct lane *lane, const struct plan *plan)
{
    *lane = (struct lane){.plan = plan};
    lane->arena = mem_lasting(plan->lane_bytes);
    if (!lane->arena)
        return status_fail(ERR_NOMEM, "no memory for a session of %zu bytes",
                           plan->lane_bytes);
    lane->data = mem_array((size_t)plan->n_slots, sizeof *lane->data);
    lane->memories = mem_array((size_t)plan->n_slots, sizeof(dnnl_memory_t));
    lane->args = mem_array((size_t)plan->n_args, sizeof *lane->args);
    lane_point(lane);
    enum status st = layout_fail(
        dnnl_stream_create(&lane->stream, layout_engine(), dnnl_stream_in_order), "stream");
    if (!st)
        st = lane_bind(lane);
    if (st)
        lane_clear(lane);
    return st;
}

void lane_clear(struct lane *lane)
{
    for (int i = 0; lane->memories && i < lane->plan->n_slots; i++)
        if (lane->memories[i])
            dnnl_memory_destroy(lane->memories[i]);
    if (lane->stream)
        dnnl_stream_destroy(lane->stream);
    free(lane->memories);
    free(lane->args);
    free(lane->data);
    free(lane->arena);
    *lane = (struct lane){0};
}

enum status lane_run(struct lane *lane, int from, int to)
{
    lane->failed = dnnl_success;
    lane->status = OK;
    for (int i = from; i < to && !lane->status; i++) {
        const struct step *step = &lane->plan->steps[i];
        step->run(step, lane);
        if (lane->failed)
            return layout_fail(lane->failed, step->what);
    }
    return lane->status;
}
