/* Between the files of the reader. */
#pragma once

#include "models/onnx/onnx.h"

#include "base/file.h"

#include <onnx.pb-c.h>

/* Data outside the model file, each file mapped once. A file is handed out at most once
 * over, so that a hundred tensors cannot copy the same gigabyte. */
struct external {
    const char *folder; /* NULL: external data is refused */
    int count;
    struct external_file {
        char *location;
        struct mapping mapping;
        size_t used;
    } files[64];
};
void external_clear(struct external *external);

/*
 * Walks the bytes without allocating: lengths stay inside, nesting stays below 32. What
 * protobuf-c does next recurses once for each level.
 */
enum status onnx_check(const uint8_t *bytes, size_t size);

/* A TensorProto into the arena; the dimensions are those that its data justify. */
enum status onnx_tensor(struct arena *arena, const Onnx__TensorProto *proto,
                        struct external *external, struct tensor *out);
