/* Colours and the solid patterns that mix two of them. */
#include "datasets/render/render.h"

float draw_between(struct rng *rng, float low, float high)
{
    return low + (high - low) * ((float)(rng_u32(rng) >> 8) * 0x1p-24f);
}

bool draw_chance(struct rng *rng, float probability)
{
    return draw_between(rng, 0, 1) < probability;
}

/* By rejection, so that no sine is needed. */
struct vec draw_direction(struct rng *rng)
{
    for (;;) {
        struct vec v = {draw_between(rng, -1, 1), draw_between(rng, -1, 1),
                        draw_between(rng, -1, 1)};
        float square = vec_dot(v, v);
        if (square > 0.01f && square <= 1)
            return vec_scale(v, 1 / sqrtf(square));
    }
}

static float lattice(int x, int y, int z, uint32_t seed)
{
    uint32_t h = seed + (uint32_t)x * 0x8da6b343u + (uint32_t)y * 0xd8163841u +
                 (uint32_t)z * 0xcb1ab31fu;
    h ^= h >> 15;
    h *= 0x2c1b3c6du;
    h ^= h >> 12;
    h *= 0x297a2d39u;
    h ^= h >> 15;
    return (float)(h >> 8) * 0x1p-24f;
}

static float smooth(float t)
{
    return t * t * (3 - 2 * t);
}

static float mix(float a, float b, float t)
{
    return a + (b - a) * t;
}

/* Value noise in [0, 1]: lattice values, smoothly between. */
static float noise(struct vec p, uint32_t seed)
{
    float fx = floorf(p.x), fy = floorf(p.y), fz = floorf(p.z);
    int x = (int)fx, y = (int)fy, z = (int)fz;
    float tx = smooth(p.x - fx), ty = smooth(p.y - fy), tz = smooth(p.z - fz);
    float plane[2];
    for (int k = 0; k < 2; k++) {
        float low = mix(lattice(x, y, z + k, seed), lattice(x + 1, y, z + k, seed), tx);
        float high =
            mix(lattice(x, y + 1, z + k, seed), lattice(x + 1, y + 1, z + k, seed), tx);
        plane[k] = mix(low, high, ty);
    }
    return mix(plane[0], plane[1], tz);
}

/* A triangle wave in [0, 1] of period 1: a sine's look without a sine. */
static float wave(float t)
{
    t -= floorf(t);
    return smooth(t < 0.5f ? 2 * t : 2 - 2 * t);
}

/* A sharp step at 0.5, a little soft so that it does not alias. */
static float step_at_half(float t)
{
    return clamp01((t - 0.5f) * 8 + 0.5f);
}

static float pattern_value(const struct paint *paint, struct vec p)
{
    struct vec q = vec_scale(p, paint->frequency);
    switch (paint->pattern) {
    case PATTERN_PLAIN: return 0.15f * noise(vec_scale(q, 4), paint->seed);
    case PATTERN_STRIPES: return step_at_half(wave(vec_dot(q, paint->direction)));
    case PATTERN_CHECKS: {
        float a = step_at_half(wave(q.x)) - 0.5f, b = step_at_half(wave(q.y)) - 0.5f;
        float c = step_at_half(wave(q.z)) - 0.5f;
        return clamp01(0.5f + 4 * a * b * c);
    }
    case PATTERN_SPOTS: return step_at_half(noise(vec_scale(q, 2), paint->seed) - 0.12f);
    case PATTERN_MARBLE: {
        float warp =
            noise(q, paint->seed) + 0.5f * noise(vec_scale(q, 2), paint->seed + 1);
        return wave(vec_dot(q, paint->direction) + 2 * warp);
    }
    case PATTERN_CLOUDS:
        return 0.5f * noise(q, paint->seed) +
               0.3f * noise(vec_scale(q, 2), paint->seed + 1) +
               0.2f * noise(vec_scale(q, 5), paint->seed + 2);
    case PATTERNS: break;
    }
    return 0;
}

/*
 * Natural colours crowd around grey and stray along yellow to blue, daylight's own axis,
 * more than along green to magenta; `vivid` in [0, 1] lets them out.
 */
static struct vec draw_colour(struct rng *rng, float vivid, float dark, float bright)
{
    float light = draw_between(rng, dark, bright);
    light *= light; /* perceived lightness is nearer to the root of light */
    float reach = vivid * (0.15f + light) * 0.7f;
    float warm = draw_between(rng, -1, 1) * reach,
          green = draw_between(rng, -0.6f, 0.6f) * reach;
    return (struct vec){clamp01(light + warm - 0.5f * green),
                        clamp01(light + 0.15f * warm + green),
                        clamp01(light - warm - 0.5f * green)};
}

void paint_draw(struct paint *paint, struct rng *rng, float dark, float bright)
{
    float vivid = draw_between(rng, 0.1f, 1);
    /* Most things have one colour. */
    paint->pattern =
        draw_chance(rng, 0.5f) ? PATTERN_PLAIN : (enum pattern)rng_below(rng, PATTERNS);
    paint->colour[0] = draw_colour(rng, vivid, dark, bright);
    paint->colour[1] = draw_colour(rng, vivid, dark, bright);
    paint->direction = draw_direction(rng);
    paint->frequency = draw_between(rng, 0.8f, 3.2f);
    paint->seed = rng_u32(rng);
}

struct vec paint_at(const struct paint *paint, struct vec p)
{
    float t = pattern_value(paint, p);
    return vec_add(vec_scale(paint->colour[0], 1 - t), vec_scale(paint->colour[1], t));
}
