/*
 * Rewrites of a specialised graph. Each leaves it updated and inferred, and may be run
 * twice: the second time changes nothing.
 */
#pragma once

#include "models/graph/graph.h"
#include "models/runtime/plan.h"

/* Conv or Gemm followed by BatchNormalization becomes one layer: w a, (b - mean) a + bias,
 * a = scale / sqrt(var + eps), computed in double. Returns how many through *folded. */
enum status pass_fold_batchnorm(struct graph *graph, int *folded);

/* A classifier that ends in Softmax or LogSoftmax gives what went into it. */
enum status pass_logits(struct graph *graph);

/* Fake quantization becomes integer arithmetic where it fits; see pass_integer.c. */
enum status pass_integer(struct graph *graph, int *converted);

/*
 * Quantizes a float network after training; see pass_quantize.c. pass_observed() marks, by
 * value id, the activations whose ranges must be known (in the graph's arena); ranges is by
 * value id too.
 */
unsigned char *pass_observed(struct graph *graph);
enum status pass_quantize(struct graph *graph, const unsigned char *marks,
                          const struct range *ranges);

/* Pooling rounds its output size up (SysNoise). Before shapes are inferred. */
void pass_ceil_mode(struct graph *graph);

/*
 * Float16 and bfloat16 tensors become float32, holding the same numbers; rounds[id] (made
 * in the graph's arena) says to which type a value is to be rounded once computed. With
 * `precision`, all float tensors of a float32 network are treated so: constants are rounded
 * here, values when they are computed.
 */
enum status pass_round(struct graph *graph, enum rounding precision,
                       const unsigned char **rounds);
