/* What one layer's codes do to the network's outputs, measured on `work`. */
#pragma once

#include "models/compress/compress.h"

struct divergence {
    struct compress few; /* at most 256 samples */
    float *full, *other; /* logits: [n_samples][n_logits] */
    size_t n_logits;
};

/* Puts the float weights into `work`; divergence_close() puts the codes back. */
enum status divergence_open(struct compress *compress, struct divergence *out);
void divergence_close(struct compress *compress, struct divergence *divergence);

/* The layer's codes into `work`, or its float weights. */
void divergence_float(struct quant_layer *layer);
/* Mean KL divergence of `work`'s outputs from the full-precision ones. */
enum status divergence_measure(struct divergence *divergence, double *out);
