#include "tests/test.h"

#include "base/file.h"
#include "base/hash.h"
#include "noises/system/decode/ijg9.h"
#include "noises/system/system.h"

#include <dirent.h>
#include <math.h>
#include <string.h>

static const struct decoder *decoder_named(const char *name)
{
    const struct decoder *decoder = NULL;
    assert_ok(decoder_find(name, &decoder));
    return decoder;
}

static struct mapping corpus(const char *name)
{
    char path[256];
    struct mapping file;
    snprintf(path, sizeof path, "tests/corpus/jpeg/%s.jpg", name);
    assert_ok(file_map(source_path(path), &file));
    return file;
}

static void digest(const struct image *image, char hex[HASH_HEX])
{
    hash_bytes(image->data, image_size(image), hex);
    hex[16] = '\0';
}

static void check_golden(const char *golden)
{
    FILE *list = fopen(source_path(golden), "r");
    assert_non_null(list);
    char line[256], picture[64], name[64], want[32], got[HASH_HEX];
    int checked = 0, wrong = 0;
    while (fgets(line, sizeof line, list)) {
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%63s %63s %31s", picture, name, want), 3);
        struct mapping file = corpus(picture);
        struct decode_options strict = {.strict = !strcmp(name, "turbo")};
        struct image out = {0};
        enum status st = decoder_named(name)->decode(file.data, file.size, &strict, &out);
        if (st)
            strcpy(got, "refused");
        else
            digest(&out, got);
        if (strcmp(got, want)) {
            print_message("# %s by %s: %s, not %s: %s\n", picture, name, got, want,
                          st ? status_message() : "");
            wrong++;
        }
        image_clear(&out);
        file_unmap(&file);
        checked++;
    }
    fclose(list);
    print_message("# %d results compared\n", checked);
    assert_true(checked > 0);
    assert_int_equal(wrong, 0);
}

/* Digests of what Pillow, djpeg, libstb and ffmpeg make of the corpus. */
static void test_golden(void **state)
{
    (void)state;
    check_golden("tests/golden/system/decode.txt");
}

/* IJG 9 is not packaged: its digests are our own, and only say that nothing moved since its
 * kernels were held beside libjpeg-turbo's. */
static void test_golden_own(void **state)
{
    (void)state;
    check_golden("tests/golden/system/decode_own.txt");
}

/* Every decoder on every picture of the corpus: a whole RGB picture, twice the same, or a
 * failure with a message and nothing left behind. */
static void check_picture(const struct decoder *decoder, const char *name,
                          const struct mapping *file)
{
    struct image one = {0}, two = {0};
    enum status st = decoder->decode(file->data, file->size, NULL, &one);
    if (st) {
        assert_true(strlen(status_message()) > 0);
        assert_null(one.data);
        return;
    }
    assert_ok(decoder->decode(file->data, file->size, NULL, &two));
    assert_int_equal(one.channels, 3);
    if (one.width != two.width || one.height != two.height ||
        memcmp(one.data, two.data, image_size(&one)))
        fail_msg("%s does not repeat on %s", decoder->name, name);
    image_clear(&one);
    image_clear(&two);
}

typedef void picture_check(const struct decoder *, const char *, const struct mapping *);

/* check() for every decoder and every file of tests/corpus/jpeg. */
static void each_picture(picture_check *check)
{
    DIR *folder = opendir(source_path("tests/corpus/jpeg"));
    assert_non_null(folder);
    int seen = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[512];
        struct mapping file;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "tests/corpus/jpeg/%s", entry->d_name);
        assert_ok(file_map(source_path(path), &file));
        for (int i = 0; decoder_registry[i]; i++)
            check(decoder_registry[i], entry->d_name, &file);
        file_unmap(&file);
        seen++;
    }
    closedir(folder);
    assert_true(seen > 20);
}

static void test_repeats(void **state)
{
    (void)state;
    each_picture(check_picture);
}

/* A copy on the heap of exactly this many bytes, so that the sanitizer sees every step
 * beyond them. */
static void decode_prefix(const struct decoder *decoder, const uint8_t *bytes, size_t size,
                          bool strict)
{
    uint8_t *copy = malloc(size ? size : 1);
    struct image out = {0};
    struct decode_options options = {.strict = strict};
    memcpy(copy, bytes, size);
    enum status st = image_decode(decoder, copy, size, &options, &out);
    assert_true(st == OK ? out.data != NULL : out.data == NULL && strlen(status_message()));
    image_clear(&out);
    free(copy);
}

static void check_cuts(const struct decoder *decoder, const char *name,
                       const struct mapping *file)
{
    if (!strcmp(name, "65500-wide.jpg"))
        return;
    for (size_t size = 0; size < file->size; size += size < 32 ? 1 : 211)
        decode_prefix(decoder, file->data, size, false);
    decode_prefix(decoder, file->data, file->size / 2, true);
}

static void test_cut_short(void **state)
{
    (void)state;
    each_picture(check_cuts);
}

/* Strict is Pillow's way: cut files are errors. Otherwise the rest stays grey. */
static void test_strict(void **state)
{
    (void)state;
    struct mapping file = corpus("444");
    struct image out = {0};
    const struct decoder *turbo = decoder_named("turbo");
    struct decode_options strict = {.strict = true};
    assert_int_equal(turbo->decode(file.data, 2000, &strict, &out), ERR_FORMAT);
    assert_non_null(strstr(status_message(), "cut off after 2000 bytes"));
    assert_ok(turbo->decode(file.data, 2000, NULL, &out));
    const uint8_t *last = image_row(&out, out.height - 1) + 3 * (out.width - 1);
    assert_int_equal(last[0], last[1]);
    assert_int_equal(last[1], last[2]);
    image_clear(&out);
    file_unmap(&file);
}

/* Smoothing guesses what the missing scans of a progressive file would have said. */
static void test_block_smoothing(void **state)
{
    (void)state;
    struct mapping file = corpus("progressive");
    struct image with = {0}, without = {0};
    for (int part = 4; part <= 10; part += 6) {
        size_t size = file.size * (size_t)part / 10;
        assert_ok(decoder_named("turbo")->decode(file.data, size, NULL, &with));
        assert_ok(decoder_named("turbo-noblock")->decode(file.data, size, NULL, &without));
        bool equal = !memcmp(with.data, without.data, image_size(&with));
        assert_int_equal(equal, part == 10);
        image_clear(&with);
        image_clear(&without);
    }
    file_unmap(&file);
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *picture;
        enum status want;
    } cases[] = {{"bomb", ERR_LIMIT}, {"12-bit", ERR_UNSUPPORTED}, {"65535-wide", ERR_LIMIT},
                 {"no-width", ERR_FORMAT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mapping file = corpus(cases[i].picture);
        struct image out = {0};
        assert_int_equal(decoder_named("turbo")->decode(file.data, file.size, NULL, &out),
                         cases[i].want);
        file_unmap(&file);
    }
    struct mapping file = corpus("420");
    for (int i = 0; decoder_registry[i]; i++) {
        struct image out = {0};
        struct decode_options options = {.max_pixels = 1000};
        assert_int_equal(decoder_registry[i]->decode(file.data, file.size, &options, &out),
                         ERR_LIMIT);
        assert_non_null(strstr(status_message(), "53 x 37 pixels; at most 1000"));
    }
    file_unmap(&file);
}

/* 300 codes in one table: stb 2.27 itself would write past its arrays. */
static void test_many_codes(void **state)
{
    (void)state;
    struct mapping file = corpus("fuzz-many-codes");
    struct image out = {0};
    assert_int_equal(decoder_named("stb")->decode(file.data, file.size, NULL, &out), ERR_FORMAT);
    assert_non_null(strstr(status_message(), "more than 255 codes"));
    file_unmap(&file);
}

/* Orientation 6: the first row of the file is the right column of the picture. */
static void test_orientation(void **state)
{
    (void)state;
    const struct decoder *turbo = decoder_named("turbo");
    struct mapping file = corpus("exif-6");
    struct decode_options orient = {.orient = true};
    struct image lying = {0}, standing = {0};
    assert_ok(image_decode(turbo, file.data, file.size, NULL, &lying));
    assert_ok(image_decode(turbo, file.data, file.size, &orient, &standing));
    assert_int_equal(standing.width, lying.height);
    assert_int_equal(standing.height, lying.width);
    for (int x = 0; x < lying.width; x++)
        assert_memory_equal(image_row(&standing, x) + 3 * (standing.width - 1),
                            image_row(&lying, 0) + 3 * x, 3);
    image_clear(&lying);
    image_clear(&standing);
    file_unmap(&file);
}

/* ---- every width ---- */

/* A grey JPEG of one colour, with chroma at the resolution that `factor` says. */
static unsigned char *grey_jpeg(int width, int factor, unsigned long *size)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL, row[3 * 320];
    *size = 0;
    memset(row, 119, sizeof row);
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, size);
    jpeg.image_width = (unsigned)width;
    jpeg.image_height = 6; /* swscale has other ways for odd ones */
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = factor;
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < 6; y++) {
        JSAMPROW rows[] = {row};
        jpeg_write_scanlines(&jpeg, rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return bytes;
}

/* Libraries write many pixels at once; none may be missing at the end of a row. */
static void test_every_width(void **state)
{
    (void)state;
    for (int width = 1; width <= 300; width += width < 160 ? 1 : 7)
        for (int factor = 1; factor <= 2; factor++) {
            unsigned long size;
            unsigned char *bytes = grey_jpeg(width, factor, &size);
            for (size_t d = 0; decoder_registry[d]; d++) {
                struct image out;
                assert_ok(decoder_registry[d]->decode(bytes, size, NULL, &out));
                assert_int_equal(out.width, width);
                for (size_t i = 0; i < image_size(&out); i++)
                    if (abs(out.data[i] - 119) > 3)
                        fail_msg("%s: value %zu of %d columns is %d, not 119",
                                 decoder_registry[d]->name, i, width, out.data[i]);
                image_clear(&out);
            }
            free(bytes);
        }
}

/* ---- ijg9's kernels beside libjpeg-turbo's, which has 8 x 8 and 16 x 16 ---- */

struct planes {
    struct jpeg_reader reader;
    int scale;               /* of 8 */
    uint8_t *samples[4];
    size_t stride[4];
    jvirt_barray_ptr *coefficients;
};

static void read_raw(void *context)
{
    struct planes *p = context;
    struct jpeg_decompress_struct *info = &p->reader.info;
    info->raw_data_out = TRUE;
    info->scale_num = (unsigned)p->scale;
    info->scale_denom = 8;
    info->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(info);
    unsigned lines = (unsigned)(info->max_v_samp_factor * p->scale);
    for (int c = 0; c < info->num_components; c++) {
        const jpeg_component_info *part = &info->comp_info[c];
        p->stride[c] = (part->width_in_blocks + 8) * (size_t)part->DCT_scaled_size;
        p->samples[c] = calloc(p->stride[c], (part->height_in_blocks + 8) *
                                                 (size_t)part->DCT_scaled_size);
    }
    for (unsigned done = 0; info->output_scanline < info->output_height; done++) {
        JSAMPROW rows[4][64];
        JSAMPARRAY arrays[4];
        for (int c = 0; c < info->num_components; c++) {
            const jpeg_component_info *part = &info->comp_info[c];
            int n = part->v_samp_factor * part->DCT_scaled_size;
            for (int i = 0; i < n; i++)
                rows[c][i] = p->samples[c] + ((size_t)done * (size_t)n + (size_t)i) * p->stride[c];
            arrays[c] = rows[c];
        }
        jpeg_read_raw_data(info, arrays, lines);
    }
}

static void read_coefficients(void *context)
{
    struct planes *p = context;
    p->coefficients = jpeg_read_coefficients(&p->reader.info);
}

static int compare_blocks(struct planes *raw, struct planes *ours, int c)
{
    struct jpeg_decompress_struct *info = &ours->reader.info;
    const jpeg_component_info *part = &info->comp_info[c];
    int side = raw->reader.info.comp_info[c].DCT_scaled_size, blocks = 0;
    for (unsigned by = 0; by < part->height_in_blocks; by++) {
        JBLOCKARRAY row = info->mem->access_virt_barray((j_common_ptr)info,
                                                        ours->coefficients[c], by, 1, FALSE);
        for (unsigned bx = 0; bx < part->width_in_blocks; bx++, blocks++) {
            uint8_t got[256];
            ijg9_inverse_dct(row[0][bx], part->quant_table->quantval, side, side, got,
                             (size_t)side);
            for (int y = 0; y < side; y++)
                assert_memory_equal(got + y * side,
                                    raw->samples[c] +
                                        (by * (size_t)side + (size_t)y) * raw->stride[c] +
                                        bx * (size_t)side,
                                    (size_t)side);
        }
    }
    return blocks;
}

static void check_kernels(const char *picture, int scale, int side)
{
    struct mapping file = corpus(picture);
    struct planes raw = {.scale = scale}, ours = {0};
    assert_ok(jpeg_open(&raw.reader, file.data, file.size, NULL));
    assert_ok(jpeg_guard(&raw.reader.trap, read_raw, &raw));
    assert_ok(jpeg_open(&ours.reader, file.data, file.size, NULL));
    assert_ok(jpeg_guard(&ours.reader.trap, read_coefficients, &ours));
    int blocks = 0;
    for (int c = 0; c < raw.reader.info.num_components; c++)
        if (raw.reader.info.comp_info[c].DCT_scaled_size == side)
            blocks += compare_blocks(&raw, &ours, c);
    assert_true(blocks > 10);
    for (int c = 0; c < 4; c++)
        free(raw.samples[c]);
    jpeg_close(&raw.reader);
    jpeg_close(&ours.reader);
    file_unmap(&file);
}

static void test_ijg9_kernels(void **state)
{
    (void)state;
    static const char *const pictures[] = {"444", "grey", "low-quality", "rgb", "422"};
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        check_kernels(pictures[i], 8, 8);
        check_kernels(pictures[i], 16, 16);
    }
}

/* The oblong kernels mix the two: rows of one, columns of the other. Against the inverse
 * DCT in double, at most one level off. */
static void test_ijg9_oblong(void **state)
{
    (void)state;
    int16_t coefficients[64] = {40, -30, 12, 0, 7, 0, 0, -3, 25, 9, -8, 0, 0, 0, 0, 0, -6};
    uint16_t quant[64];
    for (int i = 0; i < 64; i++)
        quant[i] = (uint16_t)(5 + i / 4);
    for (int wide = 0; wide < 2; wide++) {
        int rows = wide ? 8 : 16, columns = wide ? 16 : 8;
        uint8_t got[128];
        ijg9_inverse_dct(coefficients, quant, rows, columns, got, (size_t)columns);
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < columns; x++) {
                double sum = 0;
                for (int i = 0; i < 64; i++)
                    sum += coefficients[i] * quant[i] / 8.0 * (i % 8 ? sqrt(2) : 1) *
                           (i / 8 ? sqrt(2) : 1) *
                           cos((2 * x + 1) * (i % 8) * M_PI / (2 * columns)) *
                           cos((2 * y + 1) * (i / 8) * M_PI / (2 * rows));
                double want = fmin(fmax(sum + 128, 0), 255);
                assert_true(fabs(got[y * columns + x] - want) <= 1);
            }
    }
}

static void test_members(void **state)
{
    (void)state;
    for (int i = 0; decoder_registry[i]; i++) {
        const struct decoder *found = NULL, *d = decoder_registry[i];
        assert_non_null(d->summary);
        assert_non_null(d->source);
        assert_true(d->impl > 0);
        assert_ok(decoder_find(d->name, &found));
        assert_ptr_equal(found, d);
    }
    assert_string_equal(decoder_named("tensorflow")->name, "turbo-ifast");
    assert_string_equal(decoder_named("vips")->name, "turbo");
}

static void test_store(void **state)
{
    (void)state;
    struct mapping file = corpus("444");
    struct image image = {0}, before = {0};
    const struct decoder *turbo = decoder_named("turbo");
    assert_ok(turbo->decode(file.data, file.size, NULL, &image));
    assert_ok(image_copy(&image, &before));
    assert_ok(store_as_jpeg(&image, 85, turbo));
    assert_int_equal(image.width, before.width);
    assert_int_equal(image.height, before.height);
    assert_true(memcmp(image.data, before.data, image_size(&image)) != 0);
    image_clear(&image);
    image_clear(&before);
    file_unmap(&file);
}

/* PNG, BMP and WebP as Pillow reads them; and cut short at every byte. */
static void test_still(void **state)
{
    (void)state;
    FILE *list = fopen(source_path("tests/golden/system/still.txt"), "r");
    assert_non_null(list);
    const struct decoder *turbo = decoder_named("turbo");
    char line[256], name[64], want[32], got[HASH_HEX], path[256];
    int checked = 0;
    while (fgets(line, sizeof line, list)) {
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%63s %31s", name, want), 2);
        struct mapping file;
        struct image out = {0};
        snprintf(path, sizeof path, "tests/corpus/still/%s", name);
        assert_ok(file_map(source_path(path), &file));
        assert_ok(image_decode(turbo, file.data, file.size, NULL, &out));
        digest(&out, got);
        if (strcmp(got, want))
            fail_msg("%s is not what Pillow makes of it", name);
        image_clear(&out);
        struct decode_options strict = {.strict = true};
        assert_ok(image_decode(turbo, file.data, file.size, &strict, &out));
        image_clear(&out);
        if (!image_decode(turbo, file.data, file.size * 3 / 4, &strict, &out))
            fail_msg("%s: nobody misses a quarter of it", name);
        for (size_t size = 0; size < file.size; size += size < 128 ? 1 : 17)
            decode_prefix(turbo, file.data, size, false);
        struct decode_options small = {.max_pixels = 100};
        assert_int_equal(image_decode(turbo, file.data, file.size, &small, &out), ERR_LIMIT);
        file_unmap(&file);
        checked++;
    }
    fclose(list);
    assert_true(checked >= 15);
}

static void test_sampling(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"444", "4:4:4"}, {"420", "4:2:0"}, {"422", "4:2:2"}, {"440", "4:4:0"},
        {"411", "4:1:1"}, {"410", "4:1:0"}, {"grey", "grey"}, {"cmyk", "other"},
        {"mixed", "other"}, {"rgb", "4:4:4"}, {"progressive", "4:2:0"}, {"exif-6", "4:2:0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mapping file = corpus(cases[i][0]);
        assert_string_equal(jpeg_sampling(file.data, file.size), cases[i][1]);
        file_unmap(&file);
    }
    assert_string_equal(jpeg_sampling((const uint8_t *)"BM", 2), "none");
}

static void test_other_bytes(void **state)
{
    (void)state;
    static const char *const cases[][2] = { /* the first bytes, the message's begin */
        {"GIF89a....", "GIF, not JPEG, PNG, BMP or WebP: convert it to PNG"},
        {"\1\1\1\1" "ftypavif", "AVIF, HEIF or MP4"},
        {"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"},
        {"<!DOCTYPE html>", "text (XML, HTML or SVG)"},
        {"hello", "not JPEG, PNG, BMP or WebP: no picture that we know begins with 68 65"},
    };
    struct image out = {0};
    const struct decoder *turbo = decoder_named("turbo");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *bytes = cases[i][0];
        assert_int_equal(
            image_decode(turbo, (const uint8_t *)bytes, strlen(bytes), NULL, &out),
            ERR_FORMAT);
        assert_ptr_equal(strstr(status_message(), cases[i][1]), status_message());
    }
    assert_int_equal(image_decode(turbo, NULL, 0, NULL, &out), ERR_FORMAT);
    assert_non_null(strstr(status_message(), "empty"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),          cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_every_width),
        cmocka_unit_test(test_golden_own),
        cmocka_unit_test(test_cut_short),       cmocka_unit_test(test_strict),
        cmocka_unit_test(test_block_smoothing), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_orientation),     cmocka_unit_test(test_ijg9_kernels),
        cmocka_unit_test(test_ijg9_oblong),     cmocka_unit_test(test_members),
        cmocka_unit_test(test_store),           cmocka_unit_test(test_other_bytes),
        cmocka_unit_test(test_still),           cmocka_unit_test(test_many_codes),
        cmocka_unit_test(test_sampling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
