#include "tests/test.h"

#include "models/train/augment.h"

#include <math.h>
#include <string.h>

static struct image ramp(int width, int height)
{
    struct image image;
    assert_ok(image_init(&image, width, height, 3));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                image_row(&image, y)[3 * x + c] = (uint8_t)(7 * x + 3 * y + 40 * c);
    return image;
}

static void augment(const struct augment_rule *rule, uint64_t key, struct image *image)
{
    struct rng rng;
    rng_open(&rng, 1, "augment", "test", key);
    assert_ok(augment_image(image, rule, &rng));
}

/* The same key gives the same picture; no rule gives the picture itself. */
static void augmentation_repeats(void **state)
{
    (void)state;
    const struct augment_rule all = {true, 4, 0.3, 2, 0.6, 0, 0}, none = {0};
    struct image a = ramp(17, 11), b = ramp(17, 11), c = ramp(17, 11);
    int changed = 0;
    for (uint64_t key = 0; key < 50; key++) {
        augment(&all, key, &a);
        augment(&all, key, &b);
        assert_memory_equal(a.data, b.data, image_size(&a));
        changed += memcmp(a.data, c.data, image_size(&a)) != 0;
    }
    assert_true(changed > 45);
    struct image d = ramp(17, 11);
    augment(&none, 3, &d);
    assert_memory_equal(c.data, d.data, image_size(&d));
    image_clear(&a);
    image_clear(&b);
    image_clear(&c);
    image_clear(&d);
}

/* Flips happen about half the time and are their own inverse; a crop only moves pixels. */
static void flips_and_shifts(void **state)
{
    (void)state;
    const struct augment_rule flip = {.flip = true}, crop = {.crop = 3};
    struct image whole = ramp(16, 9);
    int flipped = 0;
    for (uint64_t key = 0; key < 200; key++) {
        struct image image = ramp(16, 9);
        augment(&flip, key, &image);
        bool same = !memcmp(image.data, whole.data, image_size(&whole));
        if (!same)
            for (int x = 0; x < 16; x++)
                assert_int_equal(image_row(&image, 4)[3 * x],
                                 image_row(&whole, 4)[3 * (15 - x)]);
        flipped += !same;

        struct image moved = ramp(16, 9);
        augment(&crop, key, &moved);
        int red = image_row(&moved, 4)[3 * 8], found = 0;
        for (int y = 1; y < 8; y++)
            for (int x = 5; x < 12; x++)
                found |= image_row(&whole, y)[3 * x] == red;
        assert_true(found);
        image_clear(&image);
        image_clear(&moved);
    }
    assert_in_range(flipped, 70, 130);
    image_clear(&whole);
}

/* The given weight is the share of the own picture, for mixing and for pasting. */
static void mixing_gives_its_weight(void **state)
{
    (void)state;
    enum { SIDE = 20, SIZE = 3 * SIDE * SIDE };
    const struct augment_rule rules[] = {
        {.mixup = 0.4}, {.cutmix = 1}, {.mixup = 1, .cutmix = 1}};
    float other[SIZE];
    for (int i = 0; i < SIZE; i++)
        other[i] = 1;
    for (int r = 0; r < 3; r++)
        for (uint64_t key = 0; key < 100; key++) {
            struct rng rng;
            rng_open(&rng, 1, "mix", "test", key);
            float x[SIZE] = {0};
            double keep = augment_mix(x, other, SIDE, SIDE, &rules[r], &rng), sum = 0;
            for (int i = 0; i < SIZE; i++)
                sum += (double)x[i];
            assert_true(fabs(sum / SIZE - (1 - keep)) < 1e-5);
        }
    struct rng rng;
    rng_open(&rng, 1, "mix", "test", 0);
    float x[SIZE] = {0};
    assert_true(augment_mix(x, other, SIDE, SIDE, &(struct augment_rule){0}, &rng) == 1);
}

/* Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1)). */
static void beta_moments(void **state)
{
    (void)state;
    enum { N = 40000 };
    const double alphas[] = {0.2, 1, 3};
    struct rng rng;
    rng_open(&rng, 1, "beta", "test", 0);
    for (int a = 0; a < 3; a++) {
        double variance = 1 / (4 * (2 * alphas[a] + 1)), sum = 0, spread = 0;
        for (int i = 0; i < N; i++) {
            double x = rng_beta(&rng, alphas[a]);
            sum += x;
            spread += (x - 0.5) * (x - 0.5);
        }
        assert_true(fabs(sum / N - 0.5) < 5 * sqrt(variance / N));
        assert_true(fabs(spread / N / variance - 1) < 0.05);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(augmentation_repeats),
        cmocka_unit_test(flips_and_shifts),
        cmocka_unit_test(mixing_gives_its_weight),
        cmocka_unit_test(beta_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
