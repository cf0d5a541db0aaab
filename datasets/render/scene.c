/*
 * One picture: background, shadow, the solid found by marching rays along its distance
 * bound, leaves in front of it, and a camera with exposure, tint, vignette and grain.
 *
 * Source: Hart 1996, doi:10.1007/s003710050084 (sphere tracing).
 */
#include "datasets/render/render.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 48, TILE = 8 };

struct scene {
    struct shape shape;
    struct paint paint;
    struct vec axis[3]; /* of the solid, in camera coordinates */
    struct vec centre;
    float scale, stretch[3]; /* lengths in the solid are scale * stretch */
    float focal;             /* in pixels */
    struct vec sun, fill;    /* directions to the lights */
    struct vec sun_colour, sky;
    float gloss, shine;
};

static struct vec cross_product(struct vec a, struct vec b)
{
    return (struct vec){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z,
                        a.x * b.y - a.y * b.x};
}

/*
 * Things stand and lie as they do on tables: the solid's own upright axis strays from the
 * picture's by up to about a right angle and mostly less, and it is turned about it by any
 * angle. A ring and a star show their face, which is along their axis.
 */
static void draw_axes(enum solid solid, struct vec axis[3], struct rng *rng)
{
    bool flat = solid == SOLID_TORUS || solid == SOLID_STAR;
    struct vec main = flat ? (struct vec){0, 0.2f, 0.9f} : (struct vec){0, 0.9f, 0.35f};
    main = vec_normal(vec_add(main, vec_scale(draw_direction(rng), 0.5f)));
    struct vec other = draw_direction(rng);
    while (fabsf(vec_dot(other, main)) > 0.95f)
        other = draw_direction(rng);
    other = vec_normal(vec_add(other, vec_scale(main, -vec_dot(other, main))));
    struct vec third = cross_product(main, other);
    /* The star's axis is its z, all others' their y. */
    int at = solid == SOLID_STAR ? 2 : 1;
    axis[at] = main;
    axis[(at + 1) % 3] = other;
    axis[(at + 2) % 3] = third;
}

static void draw_light(struct scene *scene, struct rng *rng)
{
    /* From above, in front, more often than not from one side. */
    scene->sun = vec_normal(vec_add((struct vec){0, 0.7f, 0.6f}, draw_direction(rng)));
    while (scene->sun.z < 0.15f)
        scene->sun =
            vec_normal(vec_add((struct vec){0, 0.7f, 0.6f}, draw_direction(rng)));
    scene->fill = draw_direction(rng);
    float power = draw_between(rng, 0.7f, 1.6f), warm = draw_between(rng, -0.2f, 0.2f);
    scene->sun_colour = (struct vec){power * (1 + warm), power, power * (1 - warm)};
    float sky = draw_between(rng, 0.08f, 0.45f);
    scene->sky = (struct vec){sky * (1 - 0.5f * warm), sky, sky * (1 + 0.5f * warm)};
    scene->gloss = draw_chance(rng, 0.5f) ? draw_between(rng, 0.1f, 0.6f) : 0;
    scene->shine = draw_between(rng, 0, 1);
}

static void draw_scene(struct scene *scene, enum solid solid, int width, int height,
                       struct rng *rng)
{
    scene->shape = (struct shape){solid, draw_between(rng, 0.85f, 1.15f),
                                  draw_between(rng, 0.005f, 0.07f)};
    paint_draw(&scene->paint, rng, 0.3f, 0.85f);
    draw_axes(solid, scene->axis, rng);
    for (int i = 0; i < 3; i++)
        scene->stretch[i] = draw_between(rng, 0.88f, 1.12f);

    float side = (float)(width < height ? width : height);
    scene->focal = side * draw_between(rng, 1.2f, 3);
    float radius = side * draw_between(rng, 0.35f, 0.48f); /* on the picture, in pixels */
    float depth = 10;
    scene->scale = radius * depth / scene->focal;
    /* Within the central square, where a crop will look. */
    float reach = (side - 1.7f * radius) / 2 * depth / scene->focal;
    scene->centre = (struct vec){draw_between(rng, -reach, reach),
                                 draw_between(rng, -reach, reach), -depth};
    draw_light(scene, rng);
}

static struct vec to_solid(const struct scene *scene, struct vec v)
{
    return (struct vec){vec_dot(v, scene->axis[0]) / (scene->scale * scene->stretch[0]),
                        vec_dot(v, scene->axis[1]) / (scene->scale * scene->stretch[1]),
                        vec_dot(v, scene->axis[2]) / (scene->scale * scene->stretch[2])};
}

/* Where a ray in the solid's coordinates runs inside the bounding sphere; t in lengths of
 * `direction`. */
static bool enter(struct vec origin, struct vec direction, float *near, float *far)
{
    float a = vec_dot(direction, direction), b = vec_dot(origin, direction);
    float c = vec_dot(origin, origin) - SHAPE_REACH * SHAPE_REACH;
    float root = b * b - a * c;
    if (root <= 0)
        return false;
    root = sqrtf(root);
    *near = (-b - root) / a;
    *far = (-b + root) / a;
    return true;
}

/*
 * Marches a ray from `start`. True on a hit, at *t. Otherwise *miss is how close it came, at
 * *t, for a soft rim. A length in the solid's coordinates is `speed` times the ray's own, so
 * that a step of the distance over the speed never crosses the surface, however it is
 * stretched.
 */
static bool march(const struct scene *scene, struct vec origin, struct vec direction,
                  float start, float *t, float *miss)
{
    float near, far, speed = vec_length(direction);
    *t = 0;
    *miss = SHAPE_REACH;
    if (!enter(origin, direction, &near, &far))
        return false;
    if (near < start)
        near = start;
    for (int i = 0; i < STEPS && near < far; i++) {
        struct vec p = vec_add(origin, vec_scale(direction, near));
        float distance = shape_distance(&scene->shape, p);
        if (distance < *miss) {
            *miss = distance;
            *t = near;
        }
        if (distance < 0.0015f)
            return true;
        near += distance / speed;
    }
    return false;
}

/*
 * Marches the cone around a tile's middle ray, whose radius is `spread` times t and a pixel
 * in the solid's coordinates. False when no ray of the tile comes within a pixel of the
 * solid; else none does so before *start.
 */
static bool march_tile(const struct scene *scene, struct vec origin, struct vec direction,
                       float spread, float pixel, float *start)
{
    float speed = vec_length(direction) + spread, t = 0;
    float far = vec_length(origin) + SHAPE_REACH; /* as speeds are about 1 / scale */
    for (int i = 0; i < STEPS && t * vec_length(direction) < far; i++) {
        struct vec p = vec_add(origin, vec_scale(direction, t));
        float reach = spread * t + pixel;
        float outside = vec_length(p) - SHAPE_REACH;
        float room = (outside > 0.1f ? outside : shape_distance(&scene->shape, p)) - reach;
        *start = t;
        if (room < 0.02f)
            return true;
        t += room / speed;
    }
    return t * vec_length(direction) < far;
}

/* The distance's gradient by differences at four corners, in camera coordinates. */
static struct vec surface_normal(const struct scene *scene, struct vec p)
{
    static const struct vec corner[4] = {
        {1, 1, 1}, {1, -1, -1}, {-1, 1, -1}, {-1, -1, 1}};
    struct vec sum = {0};
    for (int i = 0; i < 4; i++) {
        struct vec q = vec_add(p, vec_scale(corner[i], 0.006f));
        sum = vec_add(sum, vec_scale(corner[i], shape_distance(&scene->shape, q)));
    }
    struct vec out = {0};
    const float part[3] = {sum.x, sum.y, sum.z};
    for (int i = 0; i < 3; i++)
        out = vec_add(out, vec_scale(scene->axis[i], part[i] / scene->stretch[i]));
    return vec_normal(out);
}

static struct vec shade(const struct scene *scene, struct vec p, struct vec view)
{
    struct vec normal = surface_normal(scene, p);
    struct vec colour = paint_at(&scene->paint, p);
    float facing = vec_dot(normal, scene->sun), back = vec_dot(normal, scene->fill);
    facing = facing > 0 ? facing : 0;
    back = back > 0 ? 0.25f * back : 0;

    /* Crevices get less of the sky: how far the surface is free around the point. */
    struct vec local = {vec_dot(normal, scene->axis[0]), vec_dot(normal, scene->axis[1]),
                        vec_dot(normal, scene->axis[2])};
    float open = shape_distance(&scene->shape, vec_add(p, vec_scale(local, 0.25f))) * 4;
    open = 0.4f + 0.6f * clamp01(open);

    struct vec light = vec_add(vec_scale(scene->sun_colour, facing + back),
                               vec_scale(scene->sky, open * (1.2f + normal.y)));
    struct vec half = vec_normal(vec_add(scene->sun, vec_scale(view, -1)));
    float shine = vec_dot(normal, half);
    shine = shine > 0 ? shine * shine : 0;
    shine *= shine;
    shine *= shine; /* to the 8th, and to the 32nd where it is polished */
    if (scene->shine > 0.5f) {
        shine *= shine;
        shine *= shine;
    }
    float gloss = scene->gloss * shine;
    return (struct vec){colour.x * light.x + gloss, colour.y * light.y + gloss,
                        colour.z * light.z + gloss};
}

/* Where the centre lies on the picture, and how large the solid is there. */
static struct vec on_picture(const struct canvas *canvas, const struct scene *scene,
                             float *radius)
{
    float k = scene->focal / -scene->centre.z;
    *radius = scene->scale * k;
    return (struct vec){(float)canvas->width / 2 + scene->centre.x * k,
                        (float)canvas->height / 2 - scene->centre.y * k, 0};
}

struct ray {
    struct vec view, direction; /* unit length before the camera; as the solid sees it */
};

static struct ray ray_through(const struct canvas *canvas, const struct scene *scene,
                              float x, float y)
{
    struct vec view = vec_normal((struct vec){x - (float)canvas->width / 2,
                                              (float)canvas->height / 2 - y,
                                              -scene->focal});
    return (struct ray){view, to_solid(scene, view)};
}

static void put_pixel(struct canvas *canvas, const struct scene *scene, struct vec origin,
                      float start, int x, int y)
{
    struct ray ray = ray_through(canvas, scene, (float)x + 0.5f, (float)y + 0.5f);
    float t = 0, miss, pixel = 10 / (scene->focal * scene->scale);
    bool hit = march(scene, origin, ray.direction, start, &t, &miss);
    float cover = hit ? 1 : 1 - miss / pixel;
    if (cover <= 0)
        return;
    struct vec p = vec_add(origin, vec_scale(ray.direction, t));
    struct vec *out = &canvas->pixels[y * canvas->width + x];
    *out =
        vec_add(vec_scale(*out, 1 - cover), vec_scale(shade(scene, p, ray.view), cover));
}

static float least_stretch(const struct scene *scene)
{
    const float *s = scene->stretch;
    float least = s[0] < s[1] ? s[0] : s[1];
    return least < s[2] ? least : s[2];
}

/* Tile by tile: most of a picture is passed over, and rays start near the surface. */
static void put_solid(struct canvas *canvas, const struct scene *scene)
{
    struct vec origin = to_solid(scene, vec_scale(scene->centre, -1));
    float pixel = 10 / (scene->focal * scene->scale); /* a pixel's size in the solid */
    /* Unit vectors are no farther apart than their ends in the plane at the focal length. */
    float half = 0.71f * TILE / scene->focal;
    float spread = half / (scene->scale * least_stretch(scene));
    for (int y0 = 0; y0 < canvas->height; y0 += TILE)
        for (int x0 = 0; x0 < canvas->width; x0 += TILE) {
            struct ray middle = ray_through(canvas, scene, (float)x0 + TILE / 2.0f,
                                            (float)y0 + TILE / 2.0f);
            float start;
            if (!march_tile(scene, origin, middle.direction, spread, pixel, &start))
                continue;
            for (int y = y0; y < y0 + TILE && y < canvas->height; y++)
                for (int x = x0; x < x0 + TILE && x < canvas->width; x++)
                    put_pixel(canvas, scene, origin, start, x, y);
        }
}

/* A soft dark blot away from the sun. */
static void put_shadow(struct canvas *canvas, const struct scene *scene, float depth)
{
    float radius;
    struct vec centre = on_picture(canvas, scene, &radius);
    centre.x -= scene->sun.x * radius * 0.5f;
    centre.y += scene->sun.y * radius * 0.5f;
    for (int y = 0; y < canvas->height; y++)
        for (int x = 0; x < canvas->width; x++) {
            float dx = ((float)x - centre.x) / radius,
                  dy = ((float)y - centre.y) / radius;
            float dark = clamp01(1.2f - dx * dx - dy * dy);
            struct vec *pixel = &canvas->pixels[y * canvas->width + x];
            *pixel = vec_scale(*pixel, 1 - depth * dark);
        }
}

/* A sum of four uniforms is normal enough for grain. */
static float draw_grain(uint32_t bits)
{
    float sum = (float)(bits & 255) + (float)(bits >> 8 & 255) +
                (float)(bits >> 16 & 255) + (float)(bits >> 24);
    return (sum - 510) / 148; /* variance 1 */
}

static uint8_t to_byte(float light, float grain)
{
    /* Gamma 2 is near enough to sRGB's and exact everywhere. */
    float value = sqrtf(light > 0 ? light : 0) * 255 + grain;
    return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)(value + 0.5f);
}

static void develop(const struct canvas *canvas, struct rng *rng, struct image *out)
{
    float exposure = draw_between(rng, 0.75f, 1.35f),
          vignette = draw_between(rng, 0, 0.5f);
    float grain = draw_chance(rng, 0.7f) ? draw_between(rng, 0, 5) : 0;
    float red = draw_between(rng, 0.88f, 1.12f), blue = draw_between(rng, 0.88f, 1.12f);
    float cx = (float)canvas->width / 2, cy = (float)canvas->height / 2;
    float norm = 1 / (cx * cx + cy * cy);
    for (int y = 0; y < canvas->height; y++)
        for (int x = 0; x < canvas->width; x++) {
            float dx = (float)x - cx, dy = (float)y - cy;
            float gain = exposure * (1 - vignette * (dx * dx + dy * dy) * norm);
            struct vec light = vec_scale(canvas->pixels[y * canvas->width + x], gain);
            uint8_t *pixel = image_row(out, y) + 3 * x;
            float grains[3] = {0};
            for (int c = 0; c < 3 && grain > 0; c++)
                grains[c] = grain * draw_grain(rng_u32(rng));
            pixel[0] = to_byte(light.x * red, grains[0]);
            pixel[1] = to_byte(light.y, grains[1]);
            pixel[2] = to_byte(light.z * blue, grains[2]);
        }
}

/* Sides as cameras and the web have them: 4:3, 3:2, square, upright. */
static void draw_sides(struct rng *rng, int *width, int *height)
{
    static const int ratio[][2] = {{4, 3}, {3, 2}, {1, 1}, {3, 4}};
    const int *chosen = ratio[rng_below(rng, 4)];
    int longest = 160 + (int)rng_below(rng, 161);
    int largest = chosen[0] > chosen[1] ? chosen[0] : chosen[1];
    *width = longest * chosen[0] / largest;
    *height = longest * chosen[1] / largest;
    if (*height < 120)
        *height = 120;
    if (*width < 120)
        *width = 120;
}

enum status render_picture(enum solid solid, struct rng *rng, struct image *out)
{
    struct canvas canvas;
    struct scene scene;
    draw_sides(rng, &canvas.width, &canvas.height);
    enum status st = image_init(out, canvas.width, canvas.height, 3);
    canvas.pixels =
        mem_try((size_t)canvas.width * (size_t)canvas.height, sizeof *canvas.pixels);
    if (!st && !canvas.pixels)
        st = status_fail(ERR_NOMEM, "no memory for a picture of %dx%d", canvas.width,
                         canvas.height);
    if (!st) {
        background_draw(&canvas, rng);
        draw_scene(&scene, solid, canvas.width, canvas.height, rng);
        put_shadow(&canvas, &scene, draw_between(rng, 0, 0.7f));
        put_solid(&canvas, &scene);
        float radius;
        struct vec centre = on_picture(&canvas, &scene, &radius);
        if (draw_chance(rng, 0.4f))
            foreground_draw(&canvas, rng, centre, radius, draw_between(rng, 0.1f, 0.3f));
        develop(&canvas, rng, out);
    }
    free(canvas.pixels);
    if (st)
        image_clear(out);
    return st;
}
