/* Losses on logits, with their gradients. Private to the trainer. */
#pragma once

/* Cross-entropy of softmax(z) with the distribution p [n]; dz = scale (softmax(z) - p). */
double loss_cross_entropy(const float *z, const float *p, int n, double scale, float *dz);

/* KL(p || softmax(z)) with p fixed; dz as above. */
double loss_divergence(const float *z, const float *p, int n, double scale, float *dz);

/* softmax(z / temperature). */
void softmax(const float *z, int n, double temperature, float *p);
