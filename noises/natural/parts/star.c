#include "noises/natural/parts/star.h"

#include "base/simd.h"
#include "noises/natural/parts/functions.h"

#include <math.h>

void star_init(struct star *star, const double *lengths, int rays)
{
    star->rays = rays;
    for (int i = 0; i <= rays; i++) { /* one more: the angle pi is the ray of -pi again */
        star->length[i] = lengths[i % rays];
        star->slope[i] = lengths[(i + 1) % rays] - lengths[i % rays];
    }
}

/* How far round each pixel of a row is, in rays. */
SIMD_CLONES
static void turn_to(const struct star *star, double dy, int width, double *restrict turn)
{
    double cx = star->x, rays = star->rays;
    for (int k = 0; k < width; k++)
        turn[k] = (angle_of(k - cx, dy) + M_PI) / (2 * M_PI) * rays;
}

/* Squared length over squared distance, the length linear between rays; and that there is
 * a little less light between them. Turns become shares. */
SIMD_CLONES
static void shine(double cx, double dy, int width, double *restrict turn,
                  double *restrict light)
{
    for (int k = 0; k < width; k++) {
        double dx = k - cx, distance = sqrt(dy * dy + dx * dx);
        double between = turn[k] - (int)turn[k] - 0.5;
        light[k] = light[k] * light[k] / (distance * distance + 1e-4);
        turn[k] = 1 - between * between;
    }
}

SIMD_CLONES
static void raise(double exponent, int width, double *light)
{
    for (int k = 0; k < width; k++)
        light[k] =
            exponential(exponent * logarithm(light[k] > 1e-200 ? light[k] : 1e-200));
}

SIMD_CLONES
static void weigh(const double *restrict share, int width, double *restrict light)
{
    for (int k = 0; k < width; k++) {
        double f = share[k] * light[k];
        light[k] = f < 1 ? f > 0 ? f : 0 : 1;
    }
}

void star_row(const struct star *star, int y, int width, double *light)
{
    double *turn = light + width, dy = y - star->y;
    turn_to(star, dy, width, turn);
    for (int k = 0; k < width; k++) {
        int ray = (int)turn[k];
        light[k] = star->length[ray] + (turn[k] - ray) * star->slope[ray];
    }
    shine(star->x, dy, width, turn, light);
    if (star->exponent != 1)
        raise(star->exponent, width, light);
    weigh(turn, width, light);
}
