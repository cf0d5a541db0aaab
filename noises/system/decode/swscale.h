/* libavcodec and libswscale behind one door, for decoders and resizers. Private. */
#pragma once

#include "noises/system/system.h"

/* JPEG to RGB by swscale with these flags. */
enum status ffmpeg_decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          int flags, struct image *out);
/* Resizes RGB by one of swscale's kernels, with accurate rounding and full chroma. */
enum status ffmpeg_resize(const struct image *in, int width, int height,
                          const struct rect *window, int kernel, struct image *out);
