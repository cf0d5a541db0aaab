/*
 * Distances to solids. Exact where that is as short as a bound; the intersection of half
 * spaces (max of plane distances) never overestimates, which is all that marching needs.
 */
#include "datasets/render/render.h"

const char *const solid_names[SOLIDS] = {
    "capsule",    "cone",    "cross",  "cube", "cylinder",
    "octahedron", "pyramid", "sphere", "star", "torus",
};

static float larger(float a, float b)
{
    return a > b ? a : b;
}

static float smaller(float a, float b)
{
    return a < b ? a : b;
}

/* Distance in a plane to the rectangle |x| <= a, |y| <= b around the origin. */
static float rectangle(float x, float y, float a, float b)
{
    float dx = fabsf(x) - a, dy = fabsf(y) - b;
    float ox = larger(dx, 0), oy = larger(dy, 0);
    return sqrtf(ox * ox + oy * oy) + smaller(larger(dx, dy), 0);
}

static float box(struct vec p, float a, float b, float c)
{
    float dx = fabsf(p.x) - a, dy = fabsf(p.y) - b, dz = fabsf(p.z) - c;
    struct vec outside = {larger(dx, 0), larger(dy, 0), larger(dz, 0)};
    return vec_length(outside) + smaller(larger(dx, larger(dy, dz)), 0);
}

static float capsule(struct vec p, float half, float radius)
{
    float along = p.y < -half ? -half : p.y > half ? half : p.y;
    return vec_length((struct vec){p.x, p.y - along, p.z}) - radius;
}

/* Base of `radius` at y = -h, apex at y = h: below the base, or outside the slant. */
static float cone(struct vec p, float radius, float h)
{
    float q = sqrtf(p.x * p.x + p.z * p.z);
    float slant = 1 / sqrtf(4 * h * h + radius * radius);
    float side = (2 * h * q + radius * (p.y - h)) * slant;
    return larger(side, -h - p.y);
}

static float pyramid(struct vec p, float half, float h)
{
    float slant = 1 / sqrtf(4 * h * h + half * half);
    float q = larger(fabsf(p.x), fabsf(p.z));
    return larger((2 * h * q + half * (p.y - h)) * slant, -h - p.y);
}

static float cross(struct vec p, float length, float thickness)
{
    float a = box(p, length, thickness, thickness);
    float b = box(p, thickness, length, thickness);
    float c = box(p, thickness, thickness, length);
    return smaller(a, smaller(b, c));
}

/*
 * A five-pointed star of outer radius 1 and inner radius `inner`, extruded. Folded by its
 * mirrors (angles of 36 degrees, whose sines and cosines are constants) until one edge is
 * left, from the tip (0, 1) to the notch at 36 degrees.
 */
static float star(struct vec p, float inner, float half)
{
    static const float c36 = 0.809016994f, s36 = 0.587785252f;
    float x = fabsf(p.x), y = p.y;
    float side = x * c36 - y * s36; /* beyond the mirror at 36 degrees from the tip */
    if (side > 0) {
        x -= 2 * side * c36;
        y += 2 * side * s36;
    }
    x = fabsf(x);
    side = x * c36 - y * s36;
    if (side > 0) {
        x -= 2 * side * c36;
        y += 2 * side * s36;
    }
    x = fabsf(x);
    float ex = inner * s36, ey = inner * c36 - 1; /* tip to notch */
    float flat = ((y - 1) * ex - x * ey) / sqrtf(ex * ex + ey * ey);
    return larger(flat, fabsf(p.z) - half);
}

float shape_distance(const struct shape *shape, struct vec p)
{
    float k = shape->proportion, r = shape->edge;
    switch (shape->solid) {
    case SOLID_CAPSULE: return capsule(p, 0.58f, 0.36f * k);
    case SOLID_CONE: return cone(p, 0.64f * k, 0.72f - r) - r;
    case SOLID_CROSS: return cross(p, 0.86f - r, 0.25f * k - r) - r;
    case SOLID_CUBE: return box(p, 0.57f - r, 0.57f - r, 0.57f - r) - r;
    case SOLID_CYLINDER:
        return rectangle(sqrtf(p.x * p.x + p.z * p.z), p.y, 0.52f * k - r, 0.68f - r) - r;
    case SOLID_OCTAHEDRON:
        return (fabsf(p.x) + fabsf(p.y) + fabsf(p.z) - 0.98f) * 0.577350269f;
    case SOLID_PYRAMID: return pyramid(p, 0.6f * k - r, 0.6f - r) - r;
    case SOLID_SPHERE: return vec_length(p) - 0.78f;
    case SOLID_STAR: return star(vec_scale(p, 1.1f), 0.46f * k, 0.26f - r) / 1.1f - r;
    case SOLID_TORUS: {
        float q = sqrtf(p.x * p.x + p.z * p.z) - 0.64f;
        return sqrtf(q * q + p.y * p.y) - 0.25f * k;
    }
    case SOLIDS: break;
    }
    return 1;
}
