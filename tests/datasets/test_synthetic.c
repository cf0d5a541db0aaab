#include "tests/test.h"

#include "base/hash.h"
#include "base/threads.h"
#include "datasets/dataset.h"
#include "datasets/render/render.h"

#include <string.h>

static void labels_and_keys(void **state)
{
    (void)state;
    struct dataset dataset;
    assert_ok(dataset_open("synthetic:0:95", NULL, &dataset));
    assert_int_equal(dataset.count, 95);
    assert_int_equal(dataset.n_classes, SOLIDS);
    int per_class[SOLIDS] = {0};
    for (size_t i = 0; i < dataset.count; i++) {
        const struct sample *sample = &dataset.samples[i];
        per_class[sample->label]++;
        assert_non_null(strstr(sample->key, dataset.class_names[sample->label]));
        assert_true(!i || strcmp(dataset.samples[i - 1].key, sample->key) < 0);
    }
    for (int i = 0; i < SOLIDS; i++)
        assert_in_range(per_class[i], 9, 10);
    for (int i = 1; i < SOLIDS; i++)
        assert_true(strcmp(solid_names[i - 1], solid_names[i]) < 0);
    dataset_close(&dataset);
}

static enum status load_one(void *context, size_t i, int worker)
{
    struct sample_data data;
    (void)worker;
    enum status st = dataset_load(context, i, &data);
    sample_data_clear(&data);
    return st;
}

/* The same bytes from one thread or three, in any order, and from a larger dataset. */
static void same_bytes(void **state)
{
    (void)state;
    struct dataset small, large, other;
    assert_ok(dataset_open("synthetic:5:20", NULL, &small));
    assert_ok(dataset_open("synthetic:5:40", NULL, &large));
    assert_ok(dataset_open("synthetic:6:20", NULL, &other));
    assert_ok(threads_each(3, large.count, load_one, &large));
    size_t found = 0;
    for (size_t i = 0; i < small.count; i++) {
        struct sample_data a, b;
        size_t k = 0;
        while (strcmp(large.samples[k].key, small.samples[i].key))
            k++;
        assert_ok(dataset_load(&small, i, &a));
        assert_ok(dataset_load(&large, k, &b));
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.bytes, b.bytes, a.size);
        sample_data_clear(&b);
        assert_ok(dataset_load(&other, i, &b));
        found += a.size == b.size && !memcmp(a.bytes, b.bytes, a.size);
        sample_data_clear(&a);
        sample_data_clear(&b);
    }
    assert_int_equal(found, 0);
    assert_string_not_equal(small.manifest_sha, other.manifest_sha);
    assert_string_not_equal(small.manifest_sha, large.manifest_sha);
    struct dataset again;
    assert_ok(dataset_open("synthetic:5:20", NULL, &again));
    assert_string_equal(small.manifest_sha, again.manifest_sha);
    dataset_close(&again);
    dataset_close(&small);
    dataset_close(&large);
    dataset_close(&other);
}

/* Pixels, before any encoder, on every machine: raise VERSION in synthetic.c and change the
 * hash only when pictures are meant to change. */
static void pixels_are_pinned(void **state)
{
    (void)state;
    struct hash hash;
    char hex[HASH_HEX];
    hash_init(&hash);
    for (int i = 0; i < SOLIDS; i++) {
        struct rng rng;
        struct image image;
        rng_open(&rng, 1, solid_names[i], "pinned", 0);
        assert_ok(render_picture((enum solid)i, &rng, &image));
        assert_in_range(image.width, 120, 320);
        assert_in_range(image.height, 120, 320);
        hash_add(&hash, image.data, image_size(&image));
        image_clear(&image);
    }
    hash_finish(&hash, hex);
    assert_string_equal(hex,
                        "1113391596f1258a570fc01cf45c023fed43bec68d632cd851d4054f798a7a17");
}

/* Every solid lies in the sphere that rays are clipped to, and its bound never jumps past
 * the surface: from any point, stepping by it does not cross into the solid. */
static void bounds_hold(void **state)
{
    (void)state;
    struct rng rng;
    rng_open(&rng, 0, "bounds", "test", 0);
    for (int solid = 0; solid < SOLIDS; solid++)
        for (int i = 0; i < 20000; i++) {
            struct shape shape = {(enum solid)solid, draw_between(&rng, 0.85f, 1.15f),
                                  draw_between(&rng, 0.005f, 0.07f)};
            struct vec at = vec_scale(draw_direction(&rng), draw_between(&rng, 0, 1.4f));
            float distance = shape_distance(&shape, at);
            if (distance <= 0) {
                if (vec_length(at) > SHAPE_REACH)
                    fail_msg("%s reaches %f", solid_names[solid], (double)vec_length(at));
                continue;
            }
            struct vec to =
                vec_add(at, vec_scale(draw_direction(&rng), distance * 0.999f));
            float there = shape_distance(&shape, to);
            if (there < -1e-4f)
                fail_msg("%s: a step of %f ends %f inside", solid_names[solid],
                         (double)distance, (double)-there);
        }
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "synthetic:",           "synthetic:1",
        "synthetic:1:",         "synthetic:1:0",
        "synthetic:-1:5",       "synthetic:1:5x",
        "synthetic:1:99999999", "synthetic:99999999999999999999:5",
        "synthetic::5",         "synthetic:1: 5",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dataset dataset;
        assert_int_equal(dataset_open(bad[i], NULL, &dataset), ERR_USAGE);
        assert_non_null(strstr(status_message(), "expected synthetic:SEED:N"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_and_keys),   cmocka_unit_test(same_bytes),
        cmocka_unit_test(pixels_are_pinned), cmocka_unit_test(bounds_hold),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
