#include "noises/natural/perturb/perturb.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

extern const struct perturbation perturbation_gaussian_noise, perturbation_shot_noise,
    perturbation_motion_blur, perturbation_zoom_blur, perturbation_brightness,
    perturbation_snow, perturbation_translate, perturbation_rotate, perturbation_tilt,
    perturbation_scale, perturbation_speckle_noise, perturbation_gaussian_blur,
    perturbation_spatter, perturbation_shear;

const struct perturbation *const perturbation_registry[] = {
    &perturbation_gaussian_noise,
    &perturbation_shot_noise,
    &perturbation_motion_blur,
    &perturbation_zoom_blur,
    &perturbation_snow,
    &perturbation_brightness,
    &perturbation_translate,
    &perturbation_rotate,
    &perturbation_tilt,
    &perturbation_scale,
    &perturbation_speckle_noise,
    &perturbation_gaussian_blur,
    &perturbation_spatter,
    &perturbation_shear,
    NULL,
};

int perturbation_frames(const struct perturbation *perturbation, enum natural_set set)
{
    bool cifar = set == NATURAL_CIFAR || set == NATURAL_64;
    return cifar ? perturbation->frames_cifar : perturbation->frames;
}

enum status perturbation_find(const char *name, const struct perturbation **out)
{
    const char *names[64] = {0};
    size_t count = 0;
    *out = NULL;
    for (; perturbation_registry[count] && count < 64; count++) {
        names[count] = perturbation_registry[count]->name;
        if (!strcmp(name, names[count])) {
            *out = perturbation_registry[count];
            return OK;
        }
    }
    const char *near = text_nearest(name, names, count);
    return near ? status_fail(ERR_USAGE, "no perturbation '%s': did you mean '%s'?", name,
                              near)
                : status_fail(ERR_USAGE, "no perturbation '%s'", name);
}

enum status perturbation_render(const struct perturbation *perturbation,
                                const struct image *whole,
                                const struct perturbation_args *args, struct rng *rng,
                                struct image *frames)
{
    int count = perturbation_frames(perturbation, args->set);
    memset(frames, 0, (size_t)count * sizeof *frames);
    if (args->difficulty < 1 || args->difficulty > 3)
        return status_fail(ERR_USAGE, "difficulty %d: must be 1, 2 or 3",
                           args->difficulty);
    if (args->width < 1 || args->height < 1 || args->width > whole->width ||
        args->height > whole->height)
        return status_fail(ERR_USAGE, "frames of %d x %d from a picture of %d x %d",
                           args->width, args->height, whole->width, whole->height);
    enum status st = perturbation->render(whole, args, rng, frames);
    for (int i = 0; st && i < count; i++)
        image_clear(&frames[i]);
    return st;
}

struct rect middle_window(const struct image *whole, const struct perturbation_args *args)
{
    return (struct rect){(int)nearbyint((whole->width - args->width) / 2.0),
                         (int)nearbyint((whole->height - args->height) / 2.0),
                         args->width, args->height};
}

enum status middle(const struct image *whole, const struct perturbation_args *args,
                   struct image *out)
{
    return image_crop(whole, middle_window(whole, args), out);
}
