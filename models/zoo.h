/*
 * The networks that travel inside the program: models/zoo/, trained by scripts/train_zoo on
 * pictures of synthetic:SEED:N. Their files have paths that begin with "zoo:/", which
 * everything that reads a network takes like any other.
 */
#pragma once

#include "base/file.h"

#include <stdbool.h>

struct zoo_file {
    const char *name; /* "resnet8_plain.onnx"; "resnet8_plain_int8.yaml" is its record */
    const unsigned char *bytes;
    size_t size;
};

/* All of them, ended by a NULL name. */
extern const struct zoo_file zoo_files[];

/* What `gauntlet run` shows the zoo when it is told nothing: pictures that none of it was
 * trained on. */
#define ZOO_PICTURES "synthetic:2:1000"

/* As file_map() and file_unmap(), and for "zoo:/NAME" too. */
enum status zoo_map(const char *path, struct mapping *out);
void zoo_unmap(struct mapping *mapping);

/* Is there such a file, here or in the zoo? */
bool zoo_has(const char *path);

/* "resnet8_plain" -> "zoo:/resnet8_plain.onnx", which the caller frees; NULL. */
char *zoo_find(const char *name);
