/*
 * Sum(Mul(Cast(Greater(x, t1)), h1), ...) is a quantizer of x with the levels 0, h1, h1 + h2,
 * ..., when each threshold lies between the two levels that it separates. It becomes one
 * node with the gradient that such networks are trained with.
 */
#include "models/graph/passes/match.h"

#include <string.h>

enum { STEPS_MAX = 255 };

struct stairs {
    struct value *x;
    int count;
    double threshold[STEPS_MAX], height[STEPS_MAX];
};

/* One term: Mul(Cast(Greater(x, t)), h) with scalars t and h. */
static bool add_step(struct stairs *stairs, const struct value *term)
{
    const struct node *mul = made_by(term, "Mul");
    double height, threshold;
    for (int i = 0; mul && i < 2; i++) {
        const struct node *cast = made_by(mul->inputs[i], "Cast");
        const struct node *greater = cast ? made_by(cast->inputs[0], "Greater") : NULL;
        if (!greater || !scalar_of(mul->inputs[1 - i], &height) ||
            !scalar_of(greater->inputs[1], &threshold) || stairs->count == STEPS_MAX ||
            (stairs->x && stairs->x != greater->inputs[0]) ||
            !shape_equal(&term->shape, &greater->inputs[0]->shape))
            continue;
        stairs->x = greater->inputs[0];
        stairs->threshold[stairs->count] = threshold;
        stairs->height[stairs->count++] = height;
        return true;
    }
    return false;
}

static bool tracks_identity(const struct stairs *stairs)
{
    double level = 0;
    for (int i = 0; i < stairs->count; i++) {
        if (!(stairs->height[i] > 0) || stairs->threshold[i] < level ||
            stairs->threshold[i] > level + stairs->height[i])
            return false;
        level += stairs->height[i];
    }
    return stairs->count > 0;
}

static struct value *list_of(struct graph *graph, const double *numbers, int count,
                             enum dtype dtype)
{
    double bits[STEPS_MAX];
    struct tensor tensor = {dtype, {1, {count}}, bits, false};
    for (int i = 0; i < count; i++)
        tensor_set(&tensor, i, numbers[i]);
    return graph_constant(graph, "steps", &tensor);
}

static bool rewrite(struct graph *graph, const struct node *sum)
{
    struct stairs stairs = {0};
    if (!node_is(sum, "Sum") && !node_is(sum, "Add"))
        return false;
    for (int i = 0; i < sum->n_inputs; i++)
        if (!add_step(&stairs, sum->inputs[i]))
            return false;
    if (!tracks_identity(&stairs))
        return false;
    struct value *inputs[] = {stairs.x,
                              list_of(graph, stairs.threshold, stairs.count, stairs.x->dtype),
                              list_of(graph, stairs.height, stairs.count, stairs.x->dtype)};
    put_node(graph, "gauntlet", "Staircase", 1, inputs, 3, sum->outputs[0]);
    return true;
}

enum status graph_staircase(struct graph *graph, int *found)
{
    *found = 0;
    for (int n = 0; n < graph->n_nodes; n++) {
        if (!rewrite(graph, graph->nodes[n]))
            continue;
        enum status st = graph_update(graph);
        if (st)
            return st;
        ++*found;
        n = -1;
    }
    return *found ? graph_infer(graph) : OK;
}
