/*
 * The hexcone model as scikit-image computes it, in double and in its order: the last of
 * red, green, blue that equals the maximum decides the sector; hue is a fraction of a
 * turn.
 *
 * Source: Smith 1978, doi:10.1145/965139.807361.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

static inline double clip(double x)
{
    x = x < 0 ? 0 : x;
    return x > 1 ? 1 : x;
}

SIMD_CLONES
static void shift(uint8_t *pixels, size_t count, double sa, double sb, double vc)
{
    for (size_t i = 0; i < count; i++) {
        double r = (double)pixels[3 * i] / 255.0;
        double g = (double)pixels[3 * i + 1] / 255.0;
        double b = (double)pixels[3 * i + 2] / 255.0;
        double v = r > g ? r : g, low = r < g ? r : g;
        v = b > v ? b : v;
        low = b < low ? b : low;
        double delta = v - low;

        double top = r == v ? g - b : 0, turn = 0;
        top = g == v ? b - r : top;
        turn = g == v ? 2.0 : turn;
        top = b == v ? r - g : top;
        turn = b == v ? 4.0 : turn;
        double h = (turn + top / delta) / 6.0, s = delta / v;
        h = h < 0 ? h + 1 : h;
        h = delta == 0 ? 0 : h;
        s = delta == 0 ? 0 : s;

        s = clip(s * sa + sb);
        v = clip(v + vc);

        double h6 = h * 6;
        int sector = (int)h6;
        double f = h6 - (double)sector;
        double p = v * (1 - s), q = v * (1 - f * s), t = v * (1 - (1 - f) * s);
        sector = sector == 6 ? 0 : sector;
        r = sector == 1 ? q : sector == 2 || sector == 3 ? p : sector == 4 ? t : v;
        g = sector == 0 ? t : sector == 3 ? q : sector > 3 ? p : v;
        b = sector < 2 ? p : sector == 2 ? t : sector == 5 ? q : v;
        pixels[3 * i] = byte_from_unit(r);
        pixels[3 * i + 1] = byte_from_unit(g);
        pixels[3 * i + 2] = byte_from_unit(b);
    }
}

void hsv_shift(struct image *image, double a, double b, double c)
{
    shift(image->data, (size_t)image->width * (size_t)image->height, a, b, c);
}
