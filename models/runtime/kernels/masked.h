/* Gradients of integer layers: only where the result did not saturate. */
#pragma once

#include "models/runtime/build.h"

/* The gradient of an integer value, zero where `inside` (a slot of one byte an element,
 * channels last) is 0; keeps the gradient's own layout. -1 as build_gradient(). Where `plain`
 * is set, `inside` and the result are plain. */
int masked_gradient(struct builder *build, struct value *value, int inside, bool plain);
