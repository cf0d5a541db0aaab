/*
 * IJG libjpeg 9, which Pillow's wheels carried until 8.4 and conda's for longer: chroma is
 * not filtered but doubled by an inverse DCT of twice the size, up to 16 x 16, and what is
 * still missing is repeated. From libjpeg-turbo's coefficients, bit for bit.
 *
 * Every pass of its integer DCTs is linear in integers, so a kernel is the table of what
 * each coefficient adds to each sample, at 13 bits: the sums of libjpeg's rounded constants,
 * which differ by one from rounded cosines here and there.
 */
#include "noises/system/decode/ijg9.h"

#include "base/mem.h"
#include "base/simd.h"

#include <stdlib.h>
#include <string.h>

enum { BITS = 13, PASS_BITS = 2 };

/* Sample k = even + odd, sample N-1-k = even - odd; columns are coefficients 0 2 4 6 and
 * 1 3 5 7. */
struct kernel {
    int half; /* N/2 */
    int16_t even[8][4], odd[8][4];
};

static const struct kernel kernel_8 = {
    .half = 4,
    .even = {{8192, 10703, 8192, 4433},
             {8192, 4433, -8192, -10704},
             {8192, -4433, -8192, 10704},
             {8192, -10703, 8192, -4433}},
    .odd = {{11363, 9633, 6437, 2260},
            {9633, -2259, -11362, -6436},
            {6437, -11362, 2261, 9633},
            {2260, -6436, 9633, -11363}},
};

static const struct kernel kernel_16 = {
    .half = 8,
    .even = {{8192, 11363, 10703, 9632},
             {8192, 9633, 4433, -2260},
             {8192, 6437, -4433, -11363},
             {8192, 2260, -10703, -6436},
             {8192, -2260, -10703, 6436},
             {8192, -6437, -4433, 11363},
             {8192, -9633, 4433, 2260},
             {8192, -11363, 10703, -9632}},
    .odd = {{11529, 11086, 10217, 8956},
            {11086, 7350, 1136, -5461},
            {10217, 1136, -8955, -11086},
            {8956, -5461, -11086, 1137},
            {7350, -10217, -3363, 11529},
            {5461, -11529, 7349, 3363},
            {3363, -8955, 11529, -10217},
            {1136, -3363, 5461, -7350}},
};

/*
 * `n` columns (8 or 16) through the kernel: in[8][n] to out[N][n], shifted. Unsigned: the
 * coefficients of damaged files wrap instead of being an error.
 */
static inline void transform(const struct kernel *kernel, const uint32_t *in, int n, int shift,
                             int32_t *out)
{
    uint32_t round = 1u << (shift - 1);
    int last = 2 * kernel->half - 1;
    for (int k = 0; k < kernel->half; k++) {
        const int16_t *e = kernel->even[k], *o = kernel->odd[k];
        for (int i = 0; i < n; i++) {
            uint32_t even = round, odd = 0;
            for (int j = 0; j < 4; j++) {
                even += in[2 * j * n + i] * (uint32_t)e[j];
                odd += in[(2 * j + 1) * n + i] * (uint32_t)o[j];
            }
            out[k * n + i] = (int32_t)(even + odd) >> shift;
            out[(last - k) * n + i] = (int32_t)(even - odd) >> shift;
        }
    }
}

/* Columns first, then rows; [rows][columns] samples, each side 8 or 16. */
SIMD_CLONES
static void inverse_dct(const int16_t *coefficients, const uint16_t *quant, int rows,
                        int columns, uint8_t *out, size_t stride)
{
    uint32_t in[64], turned[8 * 16];
    int32_t half[16 * 8], full[16 * 16];
    for (int i = 0; i < 64; i++)
        in[i] = (uint32_t)coefficients[i] * quant[i];
    transform(rows == 16 ? &kernel_16 : &kernel_8, in, 8, BITS - PASS_BITS, half);

    for (int y = 0; y < rows; y++)
        for (int x = 0; x < 8; x++)
            turned[x * rows + y] = (uint32_t)half[y * 8 + x];
    transform(columns == 16 ? &kernel_16 : &kernel_8, turned, rows, BITS + PASS_BITS + 3, full);

    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++) {
            int v = full[x * rows + y] + 128;
            out[(size_t)y * stride + (size_t)x] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
}

void ijg9_inverse_dct(const int16_t *coefficients, const uint16_t *quant, int rows,
                      int columns, uint8_t *out, size_t stride)
{
    inverse_dct(coefficients, quant, rows, columns, out, stride);
}

/* One colour component while an iMCU row is turned into samples. */
struct plane {
    int rows, columns;         /* of the inverse DCT of a block */
    int repeat_y, repeat_x;    /* what is left to reach full resolution */
    size_t stride;
    uint8_t *samples;          /* one iMCU row at full resolution */
    const uint16_t *quant;     /* NULL: no scan had this component */
};

struct decoding {
    struct jpeg_reader *reader;
    struct image *out;
    jvirt_barray_ptr *coefficients;
    struct plane planes[4];
    int mcu_height;
};

/* How often 8 doubles while it divides what is missing: once at most. */
static int dct_side(int factor)
{
    return factor % 2 ? 8 : 16;
}

static void plane_init(struct decoding *d, int c)
{
    struct jpeg_decompress_struct *info = &d->reader->info;
    const jpeg_component_info *part = &info->comp_info[c];
    struct plane *plane = &d->planes[c];
    if (info->max_h_samp_factor % part->h_samp_factor ||
        info->max_v_samp_factor % part->v_samp_factor)
        jpeg_escape(&d->reader->trap,
                    status_fail(ERR_UNSUPPORTED, "jpeg: fractional sampling factors"));

    int fx = info->max_h_samp_factor / part->h_samp_factor;
    int fy = info->max_v_samp_factor / part->v_samp_factor;
    plane->columns = dct_side(fx);
    plane->rows = dct_side(fy);
    plane->repeat_x = fx * 8 / plane->columns;
    plane->repeat_y = fy * 8 / plane->rows;
    plane->stride = (size_t)part->width_in_blocks * (size_t)fx * 8;
    plane->quant = part->quant_table ? part->quant_table->quantval : NULL;
    plane->samples = mem_try(plane->stride, (size_t)d->mcu_height);
    if (!plane->samples)
        jpeg_escape(&d->reader->trap, status_fail(ERR_NOMEM, "jpeg: no memory for a row"));
}

/* The block's samples lie in the upper left of its place; spread them over it. */
static void spread(const struct plane *plane, uint8_t *place)
{
    if (plane->repeat_x == 1 && plane->repeat_y == 1)
        return;
    int height = plane->rows * plane->repeat_y, width = plane->columns * plane->repeat_x;
    for (int y = height - 1; y >= 0; y--)
        for (int x = width - 1; x >= 0; x--)
            place[(size_t)y * plane->stride + (size_t)x] =
                place[(size_t)(y / plane->repeat_y) * plane->stride +
                      (size_t)(x / plane->repeat_x)];
}

static void plane_fill(struct decoding *d, int c, int mcu_row)
{
    struct jpeg_decompress_struct *info = &d->reader->info;
    const jpeg_component_info *part = &info->comp_info[c];
    struct plane *plane = &d->planes[c];
    size_t height = (size_t)plane->rows * (size_t)plane->repeat_y;
    size_t width = (size_t)plane->columns * (size_t)plane->repeat_x;
    if (!plane->quant) {
        memset(plane->samples, 128, plane->stride * (size_t)d->mcu_height);
        return;
    }
    unsigned first = (unsigned)(mcu_row * part->v_samp_factor);
    JBLOCKARRAY blocks = info->mem->access_virt_barray((j_common_ptr)info, d->coefficients[c],
                                                       first, (unsigned)part->v_samp_factor,
                                                       FALSE);
    for (int v = 0; v < part->v_samp_factor && first + (unsigned)v < part->height_in_blocks; v++)
        for (unsigned h = 0; h < part->width_in_blocks; h++) {
            uint8_t *place = plane->samples + (size_t)v * height * plane->stride + h * width;
            inverse_dct(blocks[v][h], plane->quant, plane->rows, plane->columns, place,
                        plane->stride);
            spread(plane, place);
        }
}

static inline uint8_t clip(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* IJG 9's constants: 0.344136286 for green, where libjpeg-turbo has 0.34414. */
SIMD_CLONES
static void ycc_to_rgb(const uint8_t *luma, const uint8_t *blue, const uint8_t *red, int count,
                       uint8_t *rgb)
{
    for (int i = 0; i < count; i++) {
        int y = luma[i], cb = blue[i] - 128, cr = red[i] - 128;
        rgb[3 * i] = clip(y + ((91881 * cr + 32768) >> 16));
        rgb[3 * i + 1] = clip(y + ((-22553 * cb - 46802 * cr + 32768) >> 16));
        rgb[3 * i + 2] = clip(y + ((116130 * cb + 32768) >> 16));
    }
}

static void inks_to_rgb(const uint8_t *const *row, bool ycck, int count, uint8_t *rgb)
{
    for (int i = 0; i < count; i++) {
        uint8_t cmyk[4] = {row[0][i], row[1][i], row[2][i], row[3][i]};
        if (ycck) {
            ycc_to_rgb(row[0] + i, row[1] + i, row[2] + i, 1, cmyk);
            for (int c = 0; c < 3; c++)
                cmyk[c] = (uint8_t)(255 - cmyk[c]);
        }
        cmyk_to_rgb(cmyk, 1, rgb + 3 * i);
    }
}

static void convert_row(const struct decoding *d, int line, uint8_t *rgb)
{
    const struct jpeg_decompress_struct *info = &d->reader->info;
    const uint8_t *row[4];
    int count = d->out->width;
    for (int c = 0; c < info->num_components; c++)
        row[c] = d->planes[c].samples + d->planes[c].stride * (size_t)line;

    switch (info->jpeg_color_space) {
    case JCS_YCbCr: ycc_to_rgb(row[0], row[1], row[2], count, rgb); break;
    case JCS_YCCK:
    case JCS_CMYK: inks_to_rgb(row, info->jpeg_color_space == JCS_YCCK, count, rgb); break;
    default:
        for (int i = 0; i < count; i++)
            for (int c = 0; c < 3; c++)
                rgb[3 * i + c] = row[info->num_components == 3 ? c : 0][i];
    }
}

static void check_space(struct decoding *d)
{
    const struct jpeg_decompress_struct *info = &d->reader->info;
    J_COLOR_SPACE space = info->jpeg_color_space;
    int need = space == JCS_GRAYSCALE                 ? 1
               : space == JCS_YCbCr || space == JCS_RGB ? 3
               : space == JCS_CMYK || space == JCS_YCCK ? 4
                                                        : 0;
    if (info->num_components != need)
        jpeg_escape(&d->reader->trap,
                    status_fail(ERR_UNSUPPORTED, "jpeg: %d components of an unknown colour space",
                                info->num_components));
}

static void decode_all(void *context)
{
    struct decoding *d = context;
    struct jpeg_decompress_struct *info = &d->reader->info;
    check_space(d);
    d->coefficients = jpeg_read_coefficients(info);
    d->mcu_height = 8 * info->max_v_samp_factor;
    for (int c = 0; c < info->num_components; c++)
        plane_init(d, c);

    for (int y = 0; y < d->out->height; y++) {
        if (y % d->mcu_height == 0)
            for (int c = 0; c < info->num_components; c++)
                plane_fill(d, c, y / d->mcu_height);
        convert_row(d, y % d->mcu_height, image_row(d->out, y));
    }
}

static enum status decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          struct image *out)
{
    struct jpeg_reader reader;
    struct decoding d = {.reader = &reader, .out = out};
    *out = (struct image){0};

    enum status st = jpeg_open(&reader, bytes, size, options);
    if (!st)
        st = image_init(out, (int)reader.info.image_width, (int)reader.info.image_height, 3);
    if (!st)
        st = jpeg_guard(&reader.trap, decode_all, &d);
    for (int c = 0; c < 4; c++)
        free(d.planes[c].samples);
    jpeg_close(&reader);
    if (st)
        image_clear(out);
    return st;
}

const struct decoder decoder_ijg9 = {
    .name = "ijg9",
    .alias = "pillow8",
    .summary = "IJG libjpeg 9, chroma doubled by 16-point DCTs: Pillow's wheels until 8.4",
    .source = "IJG libjpeg 9c: jidctint, jdmaster, jdcolor",
    .impl = 1,
    .portable = true,
    .decode = decode,
};
