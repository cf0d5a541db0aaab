#include "noises/system/decode/swscale.h"

#include "noises/system/decode/jpeg.h"

#include "base/mem.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>

/* swscale writes eight pixels at once: rows have room for that, or it leaves the last
 * columns of ordinary pictures as they were. */
enum { PIXELS = 16, ROW_ALIGN = 64, SLACK = 256 };

static void quiet(void)
{
    av_log_set_level(AV_LOG_QUIET);
}

/* The libraries would write to the standard error. */
static void silence(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, quiet);
}

static enum status failed(const char *what, int code)
{
    char reason[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, reason, sizeof reason);
    return status_fail(code == AVERROR(ENOMEM) ? ERR_NOMEM : ERR_FORMAT, "ffmpeg: %s: %s", what,
                       reason);
}

/* Rows of `width` RGB pixels, padded for swscale. */
struct padded {
    uint8_t *data;
    int stride;
};

static enum status padded_init(struct padded *padded, int width, int height)
{
    int whole = (width + PIXELS - 1) / PIXELS * PIXELS;
    int stride = (3 * whole + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN;
    *padded = (struct padded){mem_try((size_t)stride * (size_t)height + SLACK, 1), stride};
    return padded->data ? OK
                        : status_fail(ERR_NOMEM, "ffmpeg: no memory for %d x %d pixels", width,
                                      height);
}

static void padded_copy(const struct padded *padded, struct rect part, struct image *out)
{
    for (int y = 0; y < part.height; y++)
        memcpy(image_row(out, y),
               padded->data + (size_t)(part.y + y) * (size_t)padded->stride + 3 * (size_t)part.x,
               3 * (size_t)part.width);
}

/* The scaler from one format and size to RGB of another, in the source's own range. */
static struct SwsContext *scaler_open(int width, int height, enum AVPixelFormat format,
                                      int to_width, int to_height, int flags)
{
    return sws_getContext(width, height, format, to_width, to_height, AV_PIX_FMT_RGB24, flags,
                          NULL, NULL, NULL);
}

static enum status frame_to_rgb(const AVFrame *frame, int flags, struct image *out)
{
    struct padded rgb = {0};
    struct SwsContext *scaler = NULL;
    int width = frame->width, height = frame->height;

    enum status st = padded_init(&rgb, width, height);
    if (st)
        goto out;
    scaler = scaler_open(width, height, (enum AVPixelFormat)frame->format, width, height, flags);
    if (!scaler) {
        st = status_fail(ERR_UNSUPPORTED, "ffmpeg: no way from pixel format %d to RGB",
                         frame->format);
        goto out;
    }
    sws_scale(scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, height,
              &rgb.data, &rgb.stride);
    st = image_init(out, width, height, 3);
    if (!st)
        padded_copy(&rgb, (struct rect){0, 0, width, height}, out);
out:
    sws_freeContext(scaler);
    free(rgb.data);
    return st;
}

static enum status codec_open(const struct decode_options *options, AVCodecContext **out)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
    if (!codec)
        return status_fail(ERR_UNSUPPORTED, "ffmpeg: this libavcodec has no JPEG decoder");
    AVCodecContext *context = avcodec_alloc_context3(codec);
    if (!context)
        return status_fail(ERR_NOMEM, "ffmpeg: no memory for a decoder");
    context->thread_count = 1;
    if (options && options->strict)
        context->err_recognition = AV_EF_EXPLODE | AV_EF_BITSTREAM | AV_EF_BUFFER;
    int code = avcodec_open2(context, codec, NULL);
    if (code < 0) {
        avcodec_free_context(&context);
        return failed("decoder", code);
    }
    *out = context;
    return OK;
}

static enum status decode_frame(const uint8_t *bytes, size_t size,
                                const struct decode_options *options, AVFrame *frame)
{
    AVCodecContext *context = NULL;
    AVPacket *packet = av_packet_alloc();
    enum status st = packet ? codec_open(options, &context)
                            : status_fail(ERR_NOMEM, "ffmpeg: no memory for a packet");
    if (st)
        goto out;
    int code = av_new_packet(packet, (int)size); /* padded with zeros at the end */
    if (code >= 0) {
        memcpy(packet->data, bytes, size);
        code = avcodec_send_packet(context, packet);
    }
    if (code >= 0)
        code = avcodec_receive_frame(context, frame);
    if (code < 0)
        st = failed("decoding", code);
out:
    av_packet_free(&packet);
    avcodec_free_context(&context);
    return st;
}

enum status ffmpeg_decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          int flags, struct image *out)
{
    silence();
    *out = (struct image){0};
    if (size > INT_MAX - AV_INPUT_BUFFER_PADDING_SIZE)
        return status_fail(ERR_LIMIT, "ffmpeg: %zu bytes are too many", size);

    struct jpeg_outline outline;
    enum status st = jpeg_outline_read(bytes, size, &outline);
    if (!st)
        st = check_pixels("ffmpeg", outline.width, outline.height, options);
    if (!st && outline.precision != 8)
        st = status_fail(ERR_UNSUPPORTED, "ffmpeg: %u-bit JPEG", outline.precision);
    if (st)
        return st;

    AVFrame *frame = av_frame_alloc();
    st = frame ? decode_frame(bytes, size, options, frame)
               : status_fail(ERR_NOMEM, "ffmpeg: no memory for a frame");
    if (!st)
        st = frame_to_rgb(frame, flags, out);
    av_frame_free(&frame);
    return st;
}

enum status ffmpeg_resize(const struct image *in, int width, int height,
                          const struct rect *window, int kernel, struct image *out)
{
    const int flags =
        kernel | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP;
    struct rect all = {0, 0, width, height};
    struct padded from = {0}, to = {0};
    struct SwsContext *scaler = NULL;
    silence();
    *out = (struct image){0};
    if (!window)
        window = &all;
    if (width == in->width && height == in->height)
        return image_crop(in, *window, out);

    enum status st = padded_init(&from, in->width, in->height);
    if (!st)
        st = padded_init(&to, width, height);
    if (st)
        goto out;
    for (int y = 0; y < in->height; y++)
        memcpy(from.data + (size_t)y * (size_t)from.stride, image_row(in, y),
               3 * (size_t)in->width);
    scaler = scaler_open(in->width, in->height, AV_PIX_FMT_RGB24, width, height, flags);
    if (!scaler) {
        st = status_fail(ERR_UNSUPPORTED, "ffmpeg: no scaler from %d x %d to %d x %d", in->width,
                         in->height, width, height);
        goto out;
    }
    sws_scale(scaler, (const uint8_t *const *)&from.data, &from.stride, 0, in->height, &to.data,
              &to.stride);
    st = image_init(out, window->width, window->height, 3);
    if (!st)
        padded_copy(&to, *window, out);
out:
    sws_freeContext(scaler);
    free(from.data);
    free(to.data);
    return st;
}
