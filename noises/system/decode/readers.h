/* Still pictures that are no JPEG: each to RGB as Pillow's convert("RGB") gives it, alpha
 * dropped. Private. */
#pragma once

#include "noises/system/system.h"

enum status png_read(const uint8_t *bytes, size_t size, const struct decode_options *options,
                     struct image *out);
enum status webp_read(const uint8_t *bytes, size_t size, const struct decode_options *options,
                      struct image *out);
enum status bmp_read(const uint8_t *bytes, size_t size, const struct decode_options *options,
                     struct image *out);
