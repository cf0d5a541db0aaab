/*
 * libjxl: the JPEG is transcoded without loss to JPEG XL and decoded from there, as archives
 * that keep JPEG XL do. In float; bits differ between CPUs.
 */
#include "noises/system/decode/jpeg.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include <jxl/decode.h>
#include <jxl/encode.h>

/*
 * libjxl writes its complaints about a JPEG to the standard error, so it only gets to see
 * what it can transcode: whole files, one or three components, factors of one and two.
 */
static void read_coefficients(void *context)
{
    struct jpeg_reader *reader = context;
    jpeg_read_coefficients(&reader->info);
    if (reader->trap.errors.num_warnings)
        jpeg_escape(&reader->trap, status_fail(ERR_FORMAT, "jxl: the JPEG is damaged"));
}

static enum status check(const uint8_t *bytes, size_t size, const struct decode_options *options)
{
    struct jpeg_reader reader;
    struct decode_options strict = {.strict = true,
                                    .max_pixels = options ? options->max_pixels : 0};
    enum status st = jpeg_open(&reader, bytes, size, &strict);
    if (!st) {
        int count = reader.info.num_components;
        bool plain = !reader.info.arith_code && (count == 1 || count == 3);
        for (int c = 0; plain && c < count; c++)
            plain = reader.info.comp_info[c].h_samp_factor <= 2 &&
                    reader.info.comp_info[c].v_samp_factor <= 2;
        if (!plain)
            st = status_fail(ERR_UNSUPPORTED, "jxl: this kind of JPEG cannot be transcoded");
    }
    if (!st)
        st = jpeg_guard(&reader.trap, read_coefficients, &reader);
    jpeg_close(&reader);
    return st;
}

/*
 * The JPEG without its colour profile, which changes no pixel here and which libjxl may
 * refuse; the caller frees. The markers were walked before, by libjpeg.
 */
static uint8_t *without_profile(const uint8_t *bytes, size_t size, size_t *left)
{
    uint8_t *copy = mem_array(size + 1, 1);
    size_t at = 2, used = 2;
    memcpy(copy, bytes, 2);
    while (size - at >= 4 && bytes[at] == 0xff && bytes[at + 1] != 0xda) {
        size_t length = 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
        length = length < size - at ? length : size - at;
        bool profile = bytes[at + 1] == 0xe2 && length >= 16 &&
                       !memcmp(bytes + at + 4, "ICC_PROFILE", 12);
        if (!profile) {
            memcpy(copy + used, bytes + at, length);
            used += length;
        }
        at += length;
    }
    memcpy(copy + used, bytes + at, size - at);
    *left = used + size - at;
    return copy;
}

static enum status transcode(const uint8_t *bytes, size_t size, uint8_t **out, size_t *out_size)
{
    JxlEncoder *encoder = JxlEncoderCreate(NULL);
    if (!encoder)
        return status_fail(ERR_NOMEM, "jxl: no memory for an encoder");
    JxlEncoderFrameSettings *settings = JxlEncoderFrameSettingsCreate(encoder, NULL);
    size_t room = size + size / 4 + 4096;
    uint8_t *buffer = mem_try(room, 1), *next = buffer;
    size_t left = room;

    bool ok = buffer && settings &&
              JxlEncoderUseContainer(encoder, JXL_FALSE) == JXL_ENC_SUCCESS &&
              JxlEncoderAddJPEGFrame(settings, bytes, size) == JXL_ENC_SUCCESS;
    if (ok) {
        JxlEncoderCloseInput(encoder);
        ok = JxlEncoderProcessOutput(encoder, &next, &left) == JXL_ENC_SUCCESS;
    }
    JxlEncoderDestroy(encoder);
    if (!ok) {
        free(buffer);
        return status_fail(ERR_UNSUPPORTED, "jxl: this JPEG cannot be transcoded");
    }
    *out = buffer;
    *out_size = (size_t)(next - buffer);
    return OK;
}

static enum status prepare(JxlDecoder *decoder, const JxlPixelFormat *format,
                           const struct decode_options *options, struct image *out)
{
    JxlBasicInfo info;
    if (JxlDecoderGetBasicInfo(decoder, &info) != JXL_DEC_SUCCESS)
        return status_fail(ERR_FORMAT, "jxl: no header");
    enum status st = check_pixels("jxl", info.xsize, info.ysize, options);
    if (!st)
        st = image_init(out, (int)info.xsize, (int)info.ysize, 3);
    if (!st && JxlDecoderSetImageOutBuffer(decoder, format, out->data, image_size(out)) !=
                   JXL_DEC_SUCCESS)
        st = status_fail(ERR_FORMAT, "jxl: not an RGB picture");
    return st;
}

static enum status read_all(JxlDecoder *decoder, const uint8_t *bytes, size_t size,
                            const struct decode_options *options, struct image *out)
{
    const JxlPixelFormat format = {3, JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
    JxlDecoderSetKeepOrientation(decoder, JXL_TRUE);
    JxlDecoderSubscribeEvents(decoder, JXL_DEC_BASIC_INFO | JXL_DEC_FULL_IMAGE);
    JxlDecoderSetInput(decoder, bytes, size);
    JxlDecoderCloseInput(decoder);
    for (;;) {
        enum status st = OK;
        switch (JxlDecoderProcessInput(decoder)) {
        case JXL_DEC_BASIC_INFO: break;
        case JXL_DEC_NEED_IMAGE_OUT_BUFFER: st = prepare(decoder, &format, options, out); break;
        case JXL_DEC_FULL_IMAGE: return OK;
        default: st = status_fail(ERR_FORMAT, "jxl: the transcoded picture does not decode");
        }
        if (st)
            return st;
    }
}

static enum status decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          struct image *out)
{
    uint8_t *jxl = NULL;
    size_t jxl_size = 0;
    *out = (struct image){0};

    enum status st = check(bytes, size, options);
    if (!st) {
        size_t left;
        uint8_t *plain = without_profile(bytes, size, &left);
        st = transcode(plain, left, &jxl, &jxl_size);
        free(plain);
    }
    if (st)
        return st;
    JxlDecoder *decoder = JxlDecoderCreate(NULL);
    st = decoder ? read_all(decoder, jxl, jxl_size, options, out)
                 : status_fail(ERR_NOMEM, "jxl: no memory for a decoder");
    JxlDecoderDestroy(decoder);
    free(jxl);
    if (st)
        image_clear(out);
    return st;
}

const struct decoder decoder_jxl = {
    .name = "jxl",
    .summary = "libjxl: transcoded without loss to JPEG XL, decoded from there in float",
    .source = "libjxl 0.7",
    .impl = 2,
    .portable = false,
    .decode = decode,
};
