/*
 * One H.264 picture, there and back, as a camera sends it: BT.601 limited range in 4:2:0,
 * chroma the mean of a block and repeated on the way back, encoded by x264 at a constant
 * rate factor, decoded by libavcodec.
 *
 * The bytes are x264's; another version of it may give others.
 *
 * Source: ITU-T H.264; rate factors 18, 23, 28, 32, 37.
 */
#include "noises/natural/parts.h"

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <math.h>

static const char *const rate_factor[5] = {"18", "23", "28", "32", "37"};

static const double red = .299, green = .587, blue = .114;

static uint8_t level(double value)
{
    value = floor(value + .5);
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* x264 wants even sides: the last row and column are repeated. */
static int even(int side)
{
    return side + side % 2;
}

static int within(int at, int side)
{
    return at < side ? at : side - 1;
}

/* ---- RGB to planes and back ---- */

static void write_block(const struct image *image, int x0, int y0, AVFrame *frame)
{
    double cb = 0, cr = 0;
    for (int i = 0; i < 4; i++) {
        int x = x0 + i % 2, y = y0 + i / 2;
        const uint8_t *rgb =
            image_row(image, within(y, image->height)) + 3 * within(x, image->width);
        double luma = red * rgb[0] + green * rgb[1] + blue * rgb[2];
        frame->data[0][y * frame->linesize[0] + x] = level(16 + luma * 219 / 255);
        cb += (rgb[2] - luma) / (2 * (1 - blue)) / 4;
        cr += (rgb[0] - luma) / (2 * (1 - red)) / 4;
    }
    frame->data[1][y0 / 2 * frame->linesize[1] + x0 / 2] = level(128 + cb * 224 / 255);
    frame->data[2][y0 / 2 * frame->linesize[2] + x0 / 2] = level(128 + cr * 224 / 255);
}

static void read_pixels(const AVFrame *frame, struct image *image)
{
    for (int y = 0; y < image->height; y++) {
        uint8_t *rgb = image_row(image, y);
        const uint8_t *luma = frame->data[0] + y * frame->linesize[0];
        const uint8_t *cb = frame->data[1] + y / 2 * frame->linesize[1];
        const uint8_t *cr = frame->data[2] + y / 2 * frame->linesize[2];
        for (int x = 0; x < image->width; x++, rgb += 3) {
            double l = (luma[x] - 16) * 255. / 219;
            double r = l + 2 * (1 - red) * (cr[x / 2] - 128) * 255 / 224;
            double b = l + 2 * (1 - blue) * (cb[x / 2] - 128) * 255 / 224;
            rgb[0] = level(r);
            rgb[1] = level((l - red * r - blue * b) / green);
            rgb[2] = level(b);
        }
    }
}

/* ---- the codec ---- */

static enum status failed(const char *what, int code)
{
    char reason[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, reason, sizeof reason);
    return status_fail(ERR_UNSUPPORTED, "h264: %s: %s", what, reason);
}

static enum status encode(const struct image *image, const char *crf, AVFrame *frame,
                          AVPacket *packet)
{
    const AVCodec *x264 = avcodec_find_encoder_by_name("libx264");
    AVCodecContext *context = x264 ? avcodec_alloc_context3(x264) : NULL;
    if (!context)
        return status_fail(ERR_UNSUPPORTED, "h264: this libavcodec is built without x264");
    frame->width = context->width = even(image->width);
    frame->height = context->height = even(image->height);
    frame->format = context->pix_fmt = AV_PIX_FMT_YUV420P;
    context->time_base = (AVRational){1, 25};
    context->thread_count = 1;
    av_opt_set(context->priv_data, "crf", crf, 0);

    int code = av_frame_get_buffer(frame, 0);
    if (code >= 0)
        code = avcodec_open2(context, x264, NULL);
    if (code >= 0) {
        for (int y = 0; y < frame->height; y += 2)
            for (int x = 0; x < frame->width; x += 2)
                write_block(image, x, y, frame);
        frame->pts = 0;
        code = avcodec_send_frame(context, frame);
    }
    if (code >= 0)
        code = avcodec_send_frame(context, NULL); /* nothing follows */
    if (code >= 0)
        code = avcodec_receive_packet(context, packet);
    avcodec_free_context(&context);
    return code < 0 ? failed("encoding", code) : OK;
}

static enum status decode(const AVPacket *packet, AVFrame *frame)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_H264);
    AVCodecContext *context = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!context)
        return status_fail(ERR_UNSUPPORTED, "h264: this libavcodec does not decode it");
    context->thread_count = 1;
    av_frame_unref(frame);
    int code = avcodec_open2(context, codec, NULL);
    if (code >= 0)
        code = avcodec_send_packet(context, packet);
    if (code >= 0)
        code = avcodec_send_packet(context, NULL);
    if (code >= 0)
        code = avcodec_receive_frame(context, frame);
    avcodec_free_context(&context);
    return code < 0 ? failed("decoding", code) : OK;
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    av_log_set_level(AV_LOG_QUIET); /* x264 would tell the standard error about itself */
    AVFrame *frame = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    enum status st = frame && packet ? OK : status_fail(ERR_NOMEM, "h264: no memory");
    if (!st)
        st = encode(image, rate_factor[args->severity - 1], frame, packet);
    if (!st)
        st = decode(packet, frame);
    if (!st && (frame->width < image->width || frame->height < image->height ||
                frame->format != AV_PIX_FMT_YUV420P))
        st = status_fail(ERR_FORMAT, "h264: %d x %d pixels came back as %d x %d",
                         image->width, image->height, frame->width, frame->height);
    if (!st)
        read_pixels(frame, image);
    av_frame_free(&frame);
    av_packet_free(&packet);
    return st;
}

const struct natural natural_h264 = {
    .name = "h264",
    .summary = "one H.264 picture, there and back: from camera to network",
    .source = "ITU-T H.264",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .render = render,
};
