/* The same bytes under another shape, or the same tensor: no work at all. */
#include "models/runtime/build.h"

#include <string.h>

static bool named(const struct node *node, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (!strcmp(node->op->name, names[i]))
            return true;
    return false;
}

static bool same_tensor(const struct node *node)
{
    static const char *const names[] = {"Identity", "Dropout", NULL};
    return named(node, names) ||
           (!strcmp(node->op->name, "Cast") && node->inputs[0]->dtype == node->outputs[0]->dtype);
}

static bool accepts(const struct builder *build, const struct layer *layer)
{
    static const char *const names[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", NULL};
    const struct node *node = layer->node;
    if (node->op->domain || !node->inputs[0] || node->inputs[0]->constant ||
        (node->n_outputs > 1 && node->outputs[1]))
        return false;
    /* In training Dropout is arithmetic. */
    if (build->mode == PLAN_TRAIN && !strcmp(node->op->name, "Dropout"))
        return false;
    return named(node, names) || same_tensor(node);
}

static enum status forward(struct builder *build, struct layer *layer)
{
    struct node *node = layer->node;
    if (same_tensor(node)) {
        build_define(build, layer->output, build_first(build, node->inputs[0]));
        return OK;
    }
    int plain = build_plain(build, node->inputs[0]);
    if (plain < 0)
        return ERR_UNSUPPORTED;
    build_define(build, layer->output, build_view(build, plain, &layer->output->shape));
    return OK;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    struct value *x = layer->node->inputs[0];
    int gradient = build_gradient(build, layer->output);
    if (gradient >= 0 && !same_tensor(layer->node)) {
        gradient = build_plain_slot(build, gradient);
        if (gradient >= 0)
            gradient = build_view(build, gradient, &x->shape);
    }
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    build_give(build, x, gradient);
    return OK;
}

const struct kernel kernel_view = {
    .name = "view",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .exact = true,
};
