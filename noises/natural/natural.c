#include "noises/natural/parts.h"

#include "base/text.h"

#include <string.h>

static const char *const set_names[NATURAL_SETS] = {"224", "cifar", "64", "299"};

enum natural_set natural_set_for(int width, int height)
{
    /* Bounds are the geometric means of the sets' sides: 32, 64, 224, 299. */
    int side = width < height ? width : height;
    if (side <= 45)
        return NATURAL_CIFAR;
    if (side <= 119)
        return NATURAL_64;
    return side <= 258 ? NATURAL_224 : NATURAL_299;
}

const char *natural_set_name(enum natural_set set)
{
    return set_names[set];
}

enum status natural_set_find(const char *name, enum natural_set *out)
{
    for (int i = 0; i < NATURAL_SETS; i++)
        if (!strcmp(name, set_names[i])) {
            *out = (enum natural_set)i;
            return OK;
        }
    return status_fail(ERR_USAGE, "set=%s: choose one of: 224 cifar 64 299", name);
}

enum status natural_find(const char *name, const struct natural **out)
{
    const char *names[128] = {0};
    size_t count = 0;
    *out = NULL;
    for (; natural_registry[count] && count < 128; count++) {
        names[count] = natural_registry[count]->name;
        if (!strcmp(name, names[count])) {
            *out = natural_registry[count];
            return OK;
        }
    }
    const char *near = text_nearest(name, names, count);
    return near ? status_fail(ERR_USAGE, "no natural noise '%s': did you mean '%s'?",
                              name, near)
                : status_fail(ERR_USAGE, "no natural noise '%s'", name);
}

bool natural_is_random(const struct natural *natural)
{
    const struct natural_count *n = &natural->normals, *u = &natural->uniforms,
                               *w = &natural->words;
    return natural->draw || n->each + n->fixed + u->each + u->fixed + w->each + w->fixed;
}

static size_t count_for(const struct natural_count *count, const struct image *image)
{
    return (size_t)count->fixed +
           (size_t)count->each * (size_t)image->width * (size_t)image->height;
}

enum status natural_draw(const struct natural *natural, const struct image *image,
                         const struct natural_args *args, struct rng *rng,
                         struct natural_draws *out)
{
    size_t normals = count_for(&natural->normals, image);
    size_t uniforms = count_for(&natural->uniforms, image);
    size_t words = count_for(&natural->words, image);
    enum status st = OK;
    *out = (struct natural_draws){0};
    if (natural->draw)
        return natural->draw(image, args, rng, out);
    if (normals)
        st = draws_normal(out, rng, normals);
    if (!st && uniforms)
        st = draws_uniform(out, rng, uniforms);
    if (!st && words)
        st = draws_words(out, rng, words);
    return st;
}

enum status natural_apply(const struct natural *natural, struct image *image,
                          const struct natural_args *args, struct rng *rng)
{
    struct natural_draws draws;
    enum status st = natural_draw(natural, image, args, rng, &draws);
    if (!st)
        st = natural->render(image, args, &draws);
    draws_clear(&draws);
    return st;
}
