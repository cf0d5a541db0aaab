/*
 * Elementary functions of doubles to within an ulp or two, in plain arithmetic that
 * compilers turn into vectors: the same bits on every machine and width. All are Taylor
 * series of an argument that was brought near zero.
 */
#pragma once

#include <stdint.h>
#include <string.h>

/* Rounded to the nearest integer, halves to even; for |x| < 2^51. */
static inline double nearest(double x)
{
    return (x + 0x1.8p52) - 0x1.8p52;
}

/* sin(x + quarters pi/2), |x| < 1e5: x is reduced to [-pi/4, pi/4] by pi/2 in three parts, whose first
 * has 33 bits, and the Taylor series of that quarter is taken. */
static inline double sine_of(double x, double quarters)
{
    double k = nearest(x * 0x1.45f306dc9c883p-1);
    double r = x - k * 0x1.921fb544p+0;
    r = r - k * 0x1.0b4611a6p-34;
    r = r - k * 0x1.3198a2e037073p-69;
    double z = r * r;
    double s = -1 / 1307674368000.;
    s = s * z + 1 / 6227020800.;
    s = s * z - 1 / 39916800.;
    s = s * z + 1 / 362880.;
    s = s * z - 1 / 5040.;
    s = s * z + 1 / 120.;
    s = s * z - 1 / 6.;
    s = r + r * (z * s);
    double c = 1 / 20922789888000.;
    c = c * z - 1 / 87178291200.;
    c = c * z + 1 / 479001600.;
    c = c * z - 1 / 3628800.;
    c = c * z + 1 / 40320.;
    c = c * z - 1 / 720.;
    c = c * z + 1 / 24.;
    c = (1 - z * 0.5) + z * z * c;
    k += quarters;
    double p = k - 2 * nearest(k * 0.5); /* 0, or 1 or -1: sine and cosine change places */
    double odd = p * p, half = (k - odd) * 0.5;
    double q = half - 2 * nearest(half * 0.5); /* not 0: the sign changes */
    double value = odd > 0 ? c : s;
    return q * q > 0 ? -value : value;
}

static inline double sine(double x)
{
    return sine_of(x, 0);
}

static inline double cosine(double x)
{
    return sine_of(x, 1);
}

/* The angle of (x, y) in [-pi, pi], as atan2 has it; 0 at the origin. Within an eighth of a
 * turn, atan(t) = atan(c) + atan((t - c) / (1 + c t)), c one of 0, tan(pi/8) and 1. */
static inline double angle_of(double y, double x)
{
    const double quarter = 0x1.921fb54442d18p+0, low = 0x1.1a62633145c07p-54;
    double u = x < 0 ? -x : x, v = y < 0 ? -y : y;
    double a = u < v ? u : v, b = u < v ? v : u;
    double c = a > b * 0x1.975f5e0553158p-3 ? 0x1.a827999fcef32p-2 : 0; /* tan(pi/16) */
    c = a > b * 0x1.561b82ab7f99p-1 ? 1 : c;                            /* tan(3 pi/16) */
    double at = c > 0 ? c < 1 ? quarter / 4 : quarter / 2 : 0;
    double t = b + c * a, z;
    t = (a - c * b) / (t > 0 ? t : 1);
    z = t * t;
    double s = 1 / 23.;
    s = 1 / 21. - s * z;
    s = 1 / 19. - s * z;
    s = 1 / 17. - s * z;
    s = 1 / 15. - s * z;
    s = 1 / 13. - s * z;
    s = 1 / 11. - s * z;
    s = 1 / 9. - s * z;
    s = 1 / 7. - s * z;
    s = 1 / 5. - s * z;
    s = 1 / 3. - s * z;
    s = at + (t - t * (z * s));
    s = u < v ? quarter - s + low : s;
    s = x < 0 ? 2 * quarter - s + 2 * low : s;
    return y < 0 ? -s : s;
}

/* Of positive, normal numbers: x = 2^k m, log m = 2 atanh((m - 1) / (m + 1)). */
static inline double logarithm(double x)
{
    uint64_t bits, exponent;
    double k, m;
    memcpy(&bits, &x, 8);
    bits -= 0x3fe6a09e667f3bcd; /* of sqrt(1/2): m is from there to sqrt(2) */
    exponent = (bits + (UINT64_C(1024) << 52)) >> 52 | 0x4330000000000000;
    bits = (bits & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd;
    memcpy(&k, &exponent, 8);
    memcpy(&m, &bits, 8);
    k -= 0x1p52 + 1024;
    double t = (m - 1) / (m + 1), z = t * t;
    double s = 1 / 21.;
    s = s * z + 1 / 19.;
    s = s * z + 1 / 17.;
    s = s * z + 1 / 15.;
    s = s * z + 1 / 13.;
    s = s * z + 1 / 11.;
    s = s * z + 1 / 9.;
    s = s * z + 1 / 7.;
    s = s * z + 1 / 5.;
    s = s * z + 1 / 3.;
    return k * 0x1.62e42fefa39efp-1 + 2 * (t + t * (z * s));
}

/* For |x| < 700. */
static inline double exponential(double x)
{
    double k = nearest(x * 0x1.71547652b82fep+0), power = k + (0x1p52 + 1023), scale;
    double r = x - k * 0x1.62e42fefap-1;
    r = r - k * 0x1.cf79abc9e3b3ap-40;
    uint64_t bits;
    memcpy(&bits, &power, 8);
    bits <<= 52;
    memcpy(&scale, &bits, 8);
    double s = 1 / 6227020800.;
    s = s * r + 1 / 479001600.;
    s = s * r + 1 / 39916800.;
    s = s * r + 1 / 3628800.;
    s = s * r + 1 / 362880.;
    s = s * r + 1 / 40320.;
    s = s * r + 1 / 5040.;
    s = s * r + 1 / 720.;
    s = s * r + 1 / 120.;
    s = s * r + 1 / 24.;
    s = s * r + 1 / 6.;
    s = s * r + 1 / 2.;
    return scale * (1 + (r + r * (r * s)));
}
