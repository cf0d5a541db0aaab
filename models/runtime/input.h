/* From pixels to a network's input, and gradients back. */
#pragma once

#include "models/model.h"

struct input_map {
    int64_t pixels;          /* of one channel */
    bool channels_last;
    int channel[3];          /* where R, G and B go */
    float factor;            /* x in [0,1] to the network's scale */
    float mean[3], std[3];
    bool folded;
    float step;              /* of an input in 8 bits; 0: none */
};

void input_map_init(struct input_map *map, const struct preprocess *preprocess,
                    enum normalise how);

/* x [3][H][W] in [0,1] to v, in the network's order: (x factor - mean) / std in float32, or as
 * enum normalise says. For x = k/255 and factor 255 the product is k again. */
void input_apply(const struct input_map *map, const float *x, float *v);
void input_return(const struct input_map *map, const float *dv, float *dx);
