/* Conv's forward half and its gradients, and what other convolutions borrow. */
#pragma once

#include "models/runtime/kernels/window.h"

struct conv {
    struct window window;
    dnnl_memory_desc_t src, weights, dst;
    struct shape grouped;      /* the weights' shape as oneDNN wants it */
    bool has_bias;
    dnnl_data_type_t type;     /* of src, weights and dst: float32, or bfloat16 when native */
    int input;                 /* slot that forward read: for the weights' gradient */
};

/* [O][I/g][k...] as [g][O/g][I/g][k...] where the node has groups. */
struct shape conv_grouped(const struct node *node, const struct shape *weights);

/* The weights in the layout that a primitive chose. */
int conv_weights_form(struct builder *build, struct value *value, const struct shape *grouped,
                      const dnnl_memory_desc_t *md);

/* Whether Winograd's products could save work: a rule by shape, not a measurement, as plans
 * must be the same everywhere. */
bool conv_suits_winograd(const struct conv *conv, const struct shape *x, const struct shape *y);

/* Through models/runtime/winograd.h: the slot of the layer's output, or of the gradient of the
 * input of shape `x`; -1 where that does not fit. `weights` is a slot, plain [O][I][3][3]. */
int conv_winograd_forward(struct builder *build, const struct layer *layer,
                          struct conv *conv);
int conv_winograd_turned(struct builder *build, const struct conv *conv,
                         const struct shape *x, int weights, int gradient);

/* The gradient of the weights, plain, or -1; after the layer's forward. */
int conv_winograd_weights(struct builder *build, const struct layer *layer, int gradient);

/* The gradient of the input of shape `x`, from that of the output: a new slot, or -1.
 * weights: a slot of the grouped shape, plain. */
int conv_input_gradient(struct builder *build, const struct window *window,
                        const struct shape *grouped, const struct shape *x, int weights,
                        int gradient);

/* Gives the gradient of the input; of weights and bias. `gradient` is the output's. */
enum status conv_backward_data(struct builder *build, struct layer *layer, int gradient);
enum status conv_backward_weights(struct builder *build, struct layer *layer, int gradient);
