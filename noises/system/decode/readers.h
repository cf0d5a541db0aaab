/* Still pictures that are no JPEG: each to RGB as Pillow's convert("RGB") gives it, alpha
 * dropped. Private. */
#pragma once

#include "noises/system/system.h"

enum status png_read(const uint8_t *bytes, size_t size, const struct decode_options *options,
                     struct image *out);
enum status webp_read(const uint8_t *bytes, size_t size, const struct decode_options *options,
                      struct image *out);
/* BMP with run lengths: bytes that bmp_is_rle() says are such. A file that ends early leaves
 * colour 0, or is an error when strict. */
bool bmp_is_rle(const uint8_t *bytes, size_t size);
enum status bmp_read_rle(const uint8_t *bytes, size_t size,
                         const struct decode_options *options, struct image *out);
enum status bmp_read(const uint8_t *bytes, size_t size, const struct decode_options *options,
                     struct image *out);
