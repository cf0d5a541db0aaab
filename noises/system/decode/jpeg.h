/*
 * libjpeg-turbo behind one door: errors come back as a status, the source may be cut
 * short, and sizes are checked before anything of that size is allocated. Private to
 * noises/system.
 */
#pragma once

#include "noises/system/system.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

/* libjpeg leaves by longjmp; jpeg_guard() is the only place that catches it. */
struct jpeg_trap {
    struct jpeg_error_mgr errors; /* first: libjpeg hands us a pointer to it */
    jmp_buf escape;
    enum status status;
};
void jpeg_trap_init(struct jpeg_trap *trap);
/* body(context), with libjpeg's errors turned into a status. */
enum status jpeg_guard(struct jpeg_trap *trap, void (*body)(void *), void *context);
/* Leaves the body under jpeg_guard() with what status_fail() returned. */
_Noreturn void jpeg_escape(struct jpeg_trap *trap, enum status st);

struct jpeg_reader {
    struct jpeg_trap trap;
    struct jpeg_decompress_struct info;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    const uint8_t *bytes;
    size_t size;
    bool strict;
};

/* Reads the header and checks the limits; ends ready for jpeg_start_decompress().
 * jpeg_close() in any case. */
enum status jpeg_open(struct jpeg_reader *reader, const uint8_t *bytes, size_t size,
                      const struct decode_options *options);
void jpeg_close(struct jpeg_reader *reader);

/* What the markers before the picture say. */
struct jpeg_outline {
    unsigned width, height, precision, components;
    unsigned across[4], down[4]; /* sampling factors of the first components */
    int orientation; /* EXIF, 1..8; 1 where it says nothing sensible */
};
/* ERR_FORMAT when there is no frame header. */
enum status jpeg_outline_read(const uint8_t *bytes, size_t size, struct jpeg_outline *out);

/* Turned and mirrored as EXIF asks, in place. */
enum status image_orient(struct image *image, int orientation);

/* ERR_LIMIT when the sides or their product are more than the options allow. */
enum status check_pixels(const char *format, uint64_t width, uint64_t height,
                         const struct decode_options *options);

/* The whole of libjpeg-turbo's ordinary path, by inverse DCT and chroma filter. */
enum status jpeg_decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                        J_DCT_METHOD dct, bool fancy, struct image *out);

/* `count` pixels as stored by Adobe (inverted), by the formula of Pillow's
 * convert("RGB"). */
void cmyk_to_rgb(const uint8_t *cmyk, int count, uint8_t *rgb);
