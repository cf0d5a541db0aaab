/*
 * Every corruption against the libraries that the original is written with, on the same
 * pictures and the same random arrays. `worst` is the largest difference that we allow in
 * one channel value, `share` the part of all values that may differ at all; the reason for
 * anything but zero stands beside it.
 *
 *     test_exact --report [NAME]     prints what was measured, one line a corruption
 */
#include "tests/test.h"

#include "tests/natural/cases.h"

#include <string.h>

struct bound {
    const char *name, *variant;
    int worst;
    double share;
    const char *why;
};

static const struct bound bounds[] = {
    {"gaussian_noise", NULL, 0, 0, NULL},
    {"shot_noise", NULL, 0, 0, NULL},
    {"impulse_noise", NULL, 0, 0, NULL},
    {"speckle_noise", NULL, 0, 0, NULL},
    {"gaussian_blur", NULL, 0, 0, NULL},
    {"glass_blur", NULL, 0, 0, NULL},
    {"motion_blur", NULL, 0, 0, NULL},
    {"motion_blur", "imagecorruptions", 0, 0, NULL},
    {"zoom_blur", NULL, 0, 0, NULL},
    {"snow", NULL, 1, 1e-6, "OpenCV fuses multiply and add in its float grey"},
    {"snow", "imagecorruptions", 1, 1e-6, "the same"},
    {"frost", NULL, 0, 0, NULL},
    {"frost", "imagecorruptions", 0, 0, NULL},
    {"fog", NULL, 0, 0, NULL},
    {"spatter", NULL, 0, 0, NULL},
    {"elastic_transform", NULL, 0, 0, NULL},
    {"elastic_transform", "imagecorruptions", 0, 0, NULL},
    {"defocus_blur", NULL, 1, 1e-5, "OpenCV goes through a Fourier transform in double"},
    {"brightness", NULL, 0, 0, NULL},
    {"contrast", NULL, 0, 0, NULL},
    {"saturate", NULL, 0, 0, NULL},
    {"jpeg_compression", NULL, 0, 0, NULL},
    {"pixelate", NULL, 0, 0, NULL},
    {"blue_noise_sample", NULL, 0, 0, NULL},
    {"brownish_noise", NULL, 0, 0, NULL},
    {"checkerboard_cutout", NULL, 0, 0, NULL},
    {"single_frequency_greyscale", NULL, 0, 0, NULL},
    {"plasma_noise", NULL, 0, 0, NULL},
    {"caustic_refraction", NULL, 0, 0, NULL},
    {"cocentric_sine_waves", NULL, 0, 0, NULL},
    {"inverse_sparkles", NULL, 0, 0, NULL},
    {"perlin_noise", NULL, 0, 0, NULL},
    {"sparkles", NULL, 0, 0, NULL},
};

struct tally {
    int worst;
    size_t values, differing;
    double sum;
};

static bool reporting;
static const char *only; /* one corruption; NULL: all */

static void compare(const struct image *a, const struct image *b, struct tally *tally)
{
    size_t size = image_size(a);
    for (size_t i = 0; i < size; i++) {
        int d = abs(a->data[i] - b->data[i]);
        tally->worst = d > tally->worst ? d : tally->worst;
        tally->differing += d > 0;
        tally->sum += d;
    }
    tally->values += size;
}

static void check(struct oracle *oracle, const struct natural *natural,
                  const struct natural_args *args, const struct image *picture,
                  struct tally *tally)
{
    struct image ours, theirs;
    struct rng rng;
    struct natural_draws draws;
    rng_open(&rng, 1, "exact", natural->name, (uint64_t)args->severity);
    assert_ok(natural_draw(natural, picture, args, &rng, &draws));
    assert_ok(image_copy(picture, &ours));
    assert_ok(natural->render(&ours, args, &draws));
    if (!oracle_ask(oracle, natural, args, picture, &draws, &theirs))
        fail_msg("%s:%d: the oracle gave no picture", natural->name, args->severity);
    compare(&ours, &theirs, tally);
    image_clear(&ours);
    image_clear(&theirs);
    draws_clear(&draws);
}

static void params_for(const struct natural *natural, const char *variant,
                       struct params *params)
{
    params_init(params, natural->params);
    if (variant)
        assert_ok(params_set(params, "variant", variant));
    if (params_has(params, "overlays"))
        assert_ok(params_set(params, "overlays", shared_path("data/frost")));
}

/* The oracle shuffles glass pixel by pixel in Python: one large picture is enough. */
static bool too_slow(const char *name, const struct image *picture, size_t index,
                     int severity)
{
    return !strcmp(name, "glass_blur") && picture->width > 64 && (index || severity != 3);
}

static void exact(void **state)
{
    if (!*state) {
        print_message("# skipped: /usr/bin/python3 lacks scipy, skimage, cv2 or PIL\n");
        skip();
    }
    struct image pictures[16];
    enum natural_set sets[16];
    size_t count = 0;
    const int sides[NATURAL_SETS] = {224, 32, 64, 299};
    for (int set = 0; set < NATURAL_SETS; set++) {
        sets[count] = (enum natural_set)set;
        pictures[count++] = picture_synthetic(sides[set], sides[set], (uint64_t)set);
    }
    for (int i = 0; i < 3; i++) {
        sets[count] = NATURAL_224;
        pictures[count] = picture_shared("data/imagenet-sample.tar", 7 + 100 * i, 224);
        count += pictures[count].data != NULL;
        sets[count] = NATURAL_CIFAR;
        pictures[count] = picture_shared("data/cifar10-lossless.tar", 5 + 20 * i, 0);
        count += pictures[count].data != NULL;
    }
    int wrong = 0;
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
        const struct bound *bound = &bounds[b];
        const struct natural *natural;
        if (only && strcmp(only, bound->name))
            continue;
        assert_ok(natural_find(bound->name, &natural));
        if (!strcmp(bound->name, "frost") && !shared_path("data/frost"))
            continue;
        struct params params;
        params_for(natural, bound->variant, &params);
        struct tally tally = {0};
        for (int severity = 1; severity <= natural->severities; severity++)
            for (size_t p = 0; p < count; p++) {
                struct natural_args args = {severity, sets[p], &params};
                if (too_slow(bound->name, &pictures[p], p, severity))
                    continue;
                check(*state, natural, &args, &pictures[p], &tally);
            }
        params_clear(&params);
        double share = (double)tally.differing / (double)tally.values;
        bool bad = tally.worst > bound->worst || share > bound->share;
        wrong += bad;
        if (reporting || bad)
            print_message("# %-18s %-17s worst %3d, differing %.6f %%, mean %.6f%s\n",
                          bound->name, bound->variant ? bound->variant : "", tally.worst,
                          100 * share, tally.sum / (double)tally.values,
                          bad ? "  <- more than allowed" : "");
    }
    for (size_t i = 0; i < count; i++)
        image_clear(&pictures[i]);
    assert_int_equal(wrong, 0);
}

static int start(void **state)
{
    *state = oracle_open();
    return 0;
}

static int stop(void **state)
{
    if (*state)
        oracle_close(*state);
    return 0;
}

int main(int argc, char **argv)
{
    reporting = argc > 1 && !strcmp(argv[1], "--report");
    only = argc > 2 ? argv[2] : NULL;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(exact, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
