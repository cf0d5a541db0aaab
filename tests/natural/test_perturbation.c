/*
 * Perturbation sequences: what every member must do, and the frames of those that draw
 * nothing against Pillow, OpenCV, scikit-image and our oracle of ImageMagick.
 */
#include "tests/test.h"

#include "noises/natural/perturbation.h"
#include "tests/natural/cases.h"

#include <string.h>

static bool same(const struct image *a, const struct image *b)
{
    return a->width == b->width && a->height == b->height &&
           !memcmp(a->data, b->data, image_size(a));
}

static void render(const struct perturbation *perturbation, const struct image *whole,
                   const struct perturbation_args *args, uint64_t seed,
                   struct image frames[PERTURBATION_MAX_FRAMES])
{
    struct rng rng;
    rng_open(&rng, seed, "sample", perturbation->name, (uint64_t)args->difficulty);
    assert_ok(perturbation_render(perturbation, whole, args, &rng, frames));
}

static void clear(struct image *frames, int count)
{
    for (int i = 0; i < count; i++)
        image_clear(&frames[i]);
}

/* Right number and size of frames, the same by seed; no two neighbours are equal, except
 * where a growing blur has not yet begun or drops have run off. */
static void members_keep_the_rules(void **state)
{
    (void)state;
    struct image whole = picture_synthetic(48, 40, 1);
    int tens = 0;
    for (size_t i = 0; perturbation_registry[i]; i++) {
        const struct perturbation *p = perturbation_registry[i];
        tens += p->in_mfr;
        for (int set = 0; set < NATURAL_SETS; set++) {
            struct perturbation_args args = {(enum natural_set)set, 1 + set % 3, 32, 32};
            struct image a[PERTURBATION_MAX_FRAMES], b[PERTURBATION_MAX_FRAMES];
            int count = perturbation_frames(p, args.set), changes = 0;
            render(p, &whole, &args, 1, a);
            render(p, &whole, &args, 1, b);
            for (int k = 0; k < count; k++) {
                assert_int_equal(a[k].width, 32);
                assert_int_equal(a[k].height, 32);
                assert_true(same(&a[k], &b[k]));
                changes += k && !same(&a[k], &a[k - 1]);
            }
            if (changes < count / 2)
                fail_msg("%s: only %d of %d frames differ from the one before", p->name,
                         changes, count);
            clear(a, count);
            clear(b, count);
        }
    }
    assert_int_equal(tens, 10);
    struct perturbation_args args = {NATURAL_CIFAR, 4, 32, 32};
    struct image frames[PERTURBATION_MAX_FRAMES];
    struct rng rng = {0};
    assert_int_equal(
        perturbation_render(perturbation_registry[0], &whole, &args, &rng, frames),
        ERR_USAGE);
    args.difficulty = 1;
    args.width = 49;
    assert_int_equal(
        perturbation_render(perturbation_registry[0], &whole, &args, &rng, frames),
        ERR_USAGE);
    const struct perturbation *found;
    assert_int_equal(perturbation_find("rotat", &found), ERR_USAGE);
    assert_non_null(strstr(status_message(), "rotate"));
    image_clear(&whole);
}

/* The frame that moves nothing is the picture. */
static void still_frames_are_the_picture(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int frame;
    } still[] = {{"translate", 20}, {"rotate", 15},   {"scale", 24},
                 {"shear", 15},     {"zoom_blur", 0}, {"gaussian_noise", 0}};
    struct image whole = picture_synthetic(64, 64, 2);
    for (size_t i = 0; i < sizeof still / sizeof *still; i++) {
        const struct perturbation *p;
        struct image frames[PERTURBATION_MAX_FRAMES];
        struct perturbation_args args = {NATURAL_224, 1, 64, 64};
        assert_ok(perturbation_find(still[i].name, &p));
        render(p, &whole, &args, 1, frames);
        if (!same(&frames[still[i].frame], &whole))
            fail_msg("%s: frame %d is not the picture", p->name, still[i].frame);
        clear(frames, perturbation_frames(p, args.set));
    }
    image_clear(&whole);
}

/* Moved pictures are moved whole: frames of a window are the middle of larger frames. */
static void windows_are_the_middle(void **state)
{
    (void)state;
    static const char *const names[] = {"translate", "rotate", "scale",
                                        "shear",     "tilt",   "zoom_blur"};
    struct image whole = picture_synthetic(70, 61, 4);
    struct perturbation_args all = {NATURAL_224, 1, 70, 61}, part = {NATURAL_224, 1, 33, 40};
    struct rect window = {18, 10, 33, 40}; /* 18.5 and 10.5, halves to even */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct perturbation *p;
        struct image a[PERTURBATION_MAX_FRAMES], b[PERTURBATION_MAX_FRAMES];
        assert_ok(perturbation_find(names[i], &p));
        int count = perturbation_frames(p, NATURAL_224);
        render(p, &whole, &all, 1, a);
        render(p, &whole, &part, 1, b);
        for (int k = 0; k < count; k++) {
            struct image middle;
            assert_ok(image_crop(&a[k], window, &middle));
            if (!same(&middle, &b[k]))
                fail_msg("%s: frame %d depends on the window", names[i], k);
            image_clear(&middle);
        }
        clear(a, count);
        clear(b, count);
    }
    image_clear(&whole);
}

static const struct {
    const char *name;
    int worst;
    double share;
    const char *why;
} bounds[] = {
    {"translate", 0, 0, NULL},     {"rotate", 0, 0, NULL},
    {"scale", 0, 0, NULL},         {"shear", 0, 0, NULL},
    {"tilt", 0, 0, NULL},          {"zoom_blur", 0, 0, NULL},
    {"motion_blur", 0, 0, NULL},   {"brightness", 0, 0, NULL},
    {"gaussian_blur", 0, 0, NULL},
};

static void frames_are_exact(void **state)
{
    (void)state;
    struct oracle *oracle = oracle_open();
    if (!oracle) {
        print_message("# skipped: /usr/bin/python3 lacks scipy, skimage, cv2 or PIL\n");
        skip();
    }
    int wrong = 0;
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
        const struct perturbation *p;
        int worst = 0;
        size_t differing = 0, values = 0;
        assert_ok(perturbation_find(bounds[b].name, &p));
        for (int set = 0; set < 2; set++) {
            struct image frames[PERTURBATION_MAX_FRAMES];
            struct image whole = picture_synthetic(set ? 32 : 96, set ? 32 : 80, 3);
            struct perturbation_args args = {(enum natural_set)set, 1, whole.width,
                                             whole.height};
            render(p, &whole, &args, 1, frames);
            int count = perturbation_frames(p, args.set);
            for (int k = 0; k < count; k++) {
                struct image theirs;
                assert_true(
                    oracle_ask_frame(oracle, p->name, k, args.set, &whole, &theirs));
                for (size_t v = 0; v < image_size(&theirs); v++) {
                    int d = abs(theirs.data[v] - frames[k].data[v]);
                    worst = d > worst ? d : worst;
                    differing += d > 0;
                }
                values += image_size(&theirs);
                image_clear(&theirs);
            }
            clear(frames, count);
            image_clear(&whole);
        }
        double share = (double)differing / (double)values;
        bool bad = worst > bounds[b].worst || share > bounds[b].share;
        wrong += bad;
        print_message("# %-14s worst %3d, differing %.6f %%%s\n", p->name, worst,
                      100 * share, bad ? "  <- more than allowed" : "");
    }
    oracle_close(oracle);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_keep_the_rules),
        cmocka_unit_test(still_frames_are_the_picture),
        cmocka_unit_test(windows_are_the_middle),
        cmocka_unit_test(frames_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
