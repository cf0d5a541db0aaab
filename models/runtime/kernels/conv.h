/* Conv's forward half and its gradients, and what other convolutions borrow. */
#pragma once

#include "models/runtime/kernels/window.h"

struct conv {
    struct window window;
    dnnl_memory_desc_t src, weights, dst;
    struct shape grouped;      /* the weights' shape as oneDNN wants it */
    bool has_bias;
    int input;                 /* slot that forward read: for the weights' gradient */
};

/* [O][I/g][k...] as [g][O/g][I/g][k...] where the node has groups. */
struct shape conv_grouped(const struct node *node, const struct shape *weights);

/* The weights in the layout that a primitive chose. */
int conv_weights_form(struct builder *build, struct value *value, const struct shape *grouped,
                      const dnnl_memory_desc_t *md);

/*
 * Winograd's F(2x2, 3x3) and F(4x4, 3x3) save products (Lavin & Gray 2015, arXiv:1509.09308).
 * On ResNet-20, 32 and 56 the logits stay as near to the golden ones as with direct
 * convolution. A rule by shape, not a measurement: plans must be the same everywhere. With
 * fewer than 32 outputs the transforms cost what the products save.
 */
bool conv_suits_winograd(const struct builder *build, const struct window *window,
                         const struct shape *grouped);

/* F(4x4) has four times the weights and whole tiles only: not for the small planes of `y`. */
bool conv_winograd_pays(const_dnnl_primitive_desc_t descriptor, const struct shape *y);

/* The gradient of the input of shape `x`, from that of the output: a new slot, or -1.
 * weights: a slot of the grouped shape, plain. */
int conv_input_gradient(struct builder *build, const struct window *window,
                        const struct shape *grouped, const struct shape *x, int weights,
                        int gradient);

/* Gives the gradient of the input; of weights and bias. `gradient` is the output's. */
enum status conv_backward_data(struct builder *build, struct layer *layer, int gradient);
enum status conv_backward_weights(struct builder *build, struct layer *layer, int gradient);
