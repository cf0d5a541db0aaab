#include "noises/system/decode/jpeg.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>

enum {
    PILLOW_BOMB = 178956970, /* pixels; twice Image.MAX_IMAGE_PIXELS */
    MAX_SCANS = 500,         /* a progressive bomb repeats scans; real files have about ten */
    ROWS = 16,               /* handed to libjpeg at a time */
};

static enum status status_of(int code)
{
    switch (code) {
    case JERR_OUT_OF_MEMORY: return ERR_NOMEM;
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW: return ERR_LIMIT;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_ARITH_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED: return ERR_UNSUPPORTED;
    default: return ERR_FORMAT;
    }
}

_Noreturn void jpeg_escape(struct jpeg_trap *trap, enum status st)
{
    trap->status = st;
    longjmp(trap->escape, 1);
}

static _Noreturn void on_error(j_common_ptr info)
{
    char message[JMSG_LENGTH_MAX];
    info->err->format_message(info, message);
    jpeg_escape((struct jpeg_trap *)info->err,
                status_fail(status_of(info->err->msg_code), "jpeg: %s", message));
}

/* Warnings are what damaged files give: counted, as Pillow and OpenCV do, and no more. */
static void on_message(j_common_ptr info, int level)
{
    if (level < 0)
        info->err->num_warnings++;
}

void jpeg_trap_init(struct jpeg_trap *trap)
{
    *trap = (struct jpeg_trap){0};
    jpeg_std_error(&trap->errors);
    trap->errors.error_exit = on_error;
    trap->errors.emit_message = on_message;
}

enum status jpeg_guard(struct jpeg_trap *trap, void (*body)(void *), void *context)
{
    if (setjmp(trap->escape))
        return trap->status;
    body(context);
    return OK;
}

static void source_nothing(j_decompress_ptr info)
{
    (void)info;
}

/* The bytes ran out. Pillow gives up here; the others go on as if the picture ended. */
static boolean source_end(j_decompress_ptr info)
{
    static const JOCTET end_of_image[] = {0xFF, JPEG_EOI};
    struct jpeg_reader *reader = info->client_data;

    if (reader->strict)
        jpeg_escape(&reader->trap,
                    status_fail(ERR_FORMAT, "jpeg: cut off after %zu bytes", reader->size));
    info->err->num_warnings++;
    info->src->next_input_byte = end_of_image;
    info->src->bytes_in_buffer = sizeof end_of_image;
    return TRUE;
}

static void source_skip(j_decompress_ptr info, long count)
{
    while (count > (long)info->src->bytes_in_buffer) {
        count -= (long)info->src->bytes_in_buffer;
        source_end(info);
    }
    if (count > 0) {
        info->src->next_input_byte += count;
        info->src->bytes_in_buffer -= (size_t)count;
    }
}

static void on_progress(j_common_ptr info)
{
    struct jpeg_reader *reader = info->client_data;
    if (reader->info.input_scan_number > MAX_SCANS)
        jpeg_escape(&reader->trap, status_fail(ERR_LIMIT, "jpeg: more than %d scans", MAX_SCANS));
}

enum status check_pixels(const char *format, uint64_t width, uint64_t height,
                         const struct decode_options *options)
{
    uint64_t most = options && options->max_pixels ? options->max_pixels : PILLOW_BOMB;
    if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE || width * height > most)
        return status_fail(ERR_LIMIT,
                           "%s: %llu x %llu pixels; at most %llu, and %d a side, are read", format,
                           (unsigned long long)width, (unsigned long long)height,
                           (unsigned long long)most, IMAGE_MAX_SIDE);
    return OK;
}

static void read_header(void *context)
{
    struct jpeg_reader *reader = context;
    jpeg_create_decompress(&reader->info);
    reader->info.client_data = reader;
    reader->info.src = &reader->source;
    reader->info.progress = &reader->progress;
    jpeg_read_header(&reader->info, TRUE);
}

enum status jpeg_open(struct jpeg_reader *reader, const uint8_t *bytes, size_t size,
                      const struct decode_options *options)
{
    *reader = (struct jpeg_reader){
        .bytes = bytes,
        .size = size,
        .strict = options && options->strict,
        .progress.progress_monitor = on_progress,
        .source = {.next_input_byte = bytes,
                   .bytes_in_buffer = size,
                   .init_source = source_nothing,
                   .fill_input_buffer = source_end,
                   .skip_input_data = source_skip,
                   .resync_to_restart = jpeg_resync_to_restart,
                   .term_source = source_nothing},
    };
    jpeg_trap_init(&reader->trap);
    reader->info.err = &reader->trap.errors;

    enum status st = jpeg_guard(&reader->trap, read_header, reader);
    if (!st)
        st = check_pixels("jpeg", reader->info.image_width, reader->info.image_height, options);
    if (!st && options && options->no_block_smoothing)
        reader->info.do_block_smoothing = FALSE;
    return st;
}

void jpeg_close(struct jpeg_reader *reader)
{
    if (reader->info.mem)
        jpeg_destroy_decompress(&reader->info);
}

static inline int mul255(int a, int b)
{
    int t = a * b + 128;
    return (t + (t >> 8)) >> 8;
}

void cmyk_to_rgb(const uint8_t *cmyk, int count, uint8_t *rgb)
{
    for (int i = 0; i < count; i++) {
        int white = cmyk[4 * i + 3]; /* 255 - k, as k is stored inverted */
        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)(white - mul255(255 - cmyk[4 * i + c], white));
    }
}

struct whole {
    struct jpeg_reader *reader;
    struct image *out;
    uint8_t *row; /* of four inks; NULL for RGB */
};

static void read_rgb(struct jpeg_decompress_struct *info, struct image *out)
{
    while (info->output_scanline < info->output_height) {
        JSAMPROW rows[ROWS];
        unsigned first = info->output_scanline;
        unsigned count = info->output_height - first;
        if (count > ROWS)
            count = ROWS;
        for (unsigned i = 0; i < count; i++)
            rows[i] = image_row(out, (int)(first + i));
        jpeg_read_scanlines(info, rows, count);
    }
}

static void read_inks(struct jpeg_decompress_struct *info, uint8_t *row, struct image *out)
{
    while (info->output_scanline < info->output_height) {
        int y = (int)info->output_scanline;
        if (jpeg_read_scanlines(info, &row, 1))
            cmyk_to_rgb(row, out->width, image_row(out, y));
    }
}

static void read_whole(void *context)
{
    struct whole *whole = context;
    struct jpeg_decompress_struct *info = &whole->reader->info;
    jpeg_start_decompress(info);
    if (whole->row)
        read_inks(info, whole->row, whole->out);
    else
        read_rgb(info, whole->out);
    /* Looks for the end mark, which only a strict reader minds. */
    if (whole->reader->strict)
        jpeg_finish_decompress(info);
}

enum status jpeg_decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                        J_DCT_METHOD dct, bool fancy, struct image *out)
{
    struct jpeg_reader reader;
    struct whole whole = {.reader = &reader, .out = out};
    *out = (struct image){0};

    enum status st = jpeg_open(&reader, bytes, size, options);
    if (st)
        goto out;

    struct jpeg_decompress_struct *info = &reader.info;
    int width = (int)info->image_width, height = (int)info->image_height;
    bool inks = info->num_components == 4;
    info->out_color_space = inks ? JCS_CMYK : JCS_RGB;
    info->dct_method = dct;
    info->do_fancy_upsampling = fancy;

    st = image_init(out, width, height, 3);
    if (st)
        goto out;
    if (inks && !(whole.row = mem_try((size_t)width, 4))) {
        st = status_fail(ERR_NOMEM, "jpeg: no memory for a row of %d pixels", width);
        goto out;
    }
    st = jpeg_guard(&reader.trap, read_whole, &whole);
out:
    free(whole.row);
    jpeg_close(&reader);
    if (st)
        image_clear(out);
    return st;
}
