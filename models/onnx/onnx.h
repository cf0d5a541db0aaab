/* ONNX files, through protobuf-c over the system's onnx.proto. */
#pragma once

#include "models/graph/graph.h"

/*
 * Reads a model. Weights are copied into the graph's arena. External data is accepted
 * only inside the model's own folder. Errors name the file, node, operator and opset;
 * nothing is allocated that the file's own size does not justify.
 */
enum status onnx_read(const char *path, struct graph *out);
enum status onnx_parse(const void *bytes, size_t size, const char *folder, struct graph *out);

/* A node that cannot run here. Strings are the list's. */
struct onnx_gap {
    char *node, *op;         /* its name and "Conv" or "com.microsoft.FusedConv" */
    int opset, place;        /* of its domain; among the file's nodes, from 0 */
    char *why;
};

/* All of a file's, in its order: operators and attributes that are not known here. Shapes are
 * not looked at: what only they forbid shows when the network is compiled. */
enum status onnx_gaps(const char *path, struct onnx_gap **gaps, int *count);
void onnx_gaps_clear(struct onnx_gap *gaps, int count);

/* ONNX's number of a dtype and back; DTYPE_NONE and 0 for what we do not have. */
enum dtype onnx_dtype(int64_t number);
int onnx_dtype_number(enum dtype dtype);

/* Writes opset 13 or later, atomically. */
enum status onnx_write(const struct graph *graph, const char *path);
