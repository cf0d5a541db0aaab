#pragma once

#include "models/runtime/build.h"

/* y = a b over slots with plain data, where a or b may be read transposed. */
enum status matmul_multiply(struct builder *build, int a, bool a_turned, int b, bool b_turned,
                            int y, const char *what);
