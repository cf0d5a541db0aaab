/*
 * Sine and cosine of double arguments to within an ulp or two, for |x| < 1e5, in plain
 * arithmetic that compilers turn into vectors: the same bits on every machine and width.
 */
#pragma once

/* Rounded to the nearest integer, halves to even; for |x| < 2^51. */
static inline double nearest(double x)
{
    return (x + 0x1.8p52) - 0x1.8p52;
}

/* sin(x + quarters pi/2): x is reduced to [-pi/4, pi/4] by pi/2 in three parts, whose first
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
