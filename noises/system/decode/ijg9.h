/* For the test that holds the kernels beside libjpeg-turbo's. Private. */
#pragma once

#include "noises/system/decode/jpeg.h"

/* One block to [rows][columns] samples, each side 8 or 16. */
void ijg9_inverse_dct(const int16_t *coefficients, const uint16_t *quant, int rows,
                      int columns, uint8_t *out, size_t stride);
