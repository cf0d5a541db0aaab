/*
 * Passes: functions that rewrite a graph in place, each with a test. They work on graphs as
 * read or specialised, and leave graph_update() done; graph_infer() follows where a pass says
 * so.
 */
#pragma once

#include "models/graph/graph.h"

/* Rewrites nodes of older opsets in the form of `opset`, 13 to 20: attributes that became
 * inputs, Softmax over several axes. No-op on newer graphs. */
enum status graph_upgrade(struct graph *graph, int opset);

/* What exporters spelled out becomes one node again: LayerNormalization, Gelu, HardSigmoid,
 * HardSwish, and SiLU as com.microsoft.QuickGelu with alpha 1. Specialised graphs; infers.
 * The numbers change by roundings only. */
enum status graph_recognise(struct graph *graph, int *found);

/* Sums of Mul(Cast(Greater(x, threshold)), height), as additive-power-of-two networks write
 * their activations, become one gauntlet.Staircase, whose gradient is straight through; as
 * written it is zero almost everywhere. Specialised graphs; infers. */
enum status graph_staircase(struct graph *graph, int *found);

/* Integer operators (QLinearConv and its kin) become their float form between
 * DequantizeLinear and QuantizeLinear: fake quantization, with straight-through gradients.
 * Specialised graphs; infers. What has no such form stays. */
enum status graph_dequantize(struct graph *graph, int *found);
