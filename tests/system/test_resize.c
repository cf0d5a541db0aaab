#include "tests/test.h"

#include "base/hash.h"
#include "base/rng.h"
#include "noises/system/system.h"
#include "tests/system/picture.h"

#include <string.h>

static const struct resizer *resizer_named(const char *name)
{
    for (int i = 0; resizer_registry[i]; i++)
        if (!strcmp(resizer_registry[i]->name, name))
            return resizer_registry[i];
    return NULL;
}

/* Digests of the original libraries' results: every one must be met exactly. */
static void test_golden(void **state)
{
    (void)state;
    FILE *file = fopen(source_path("tests/golden/system/resize.txt"), "r");
    assert_non_null(file);
    char line[256], name[64], want[32];
    unsigned seed;
    int w0, h0, w, h, checked = 0, wrong = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%63s %u %d %d %d %d %31s", name, &seed, &w0, &h0, &w, &h,
                                want), 7);
        const struct resizer *resizer = resizer_named(name);
        if (!resizer)
            fail_msg("no resizer %s", name);
        struct image in = {0}, out = {0};
        assert_ok(picture_init(seed, w0, h0, &in));
        assert_ok(resizer->resize(&in, w, h, NULL, &out));
        char hex[HASH_HEX];
        hash_bytes(out.data, image_size(&out), hex);
        if (strncmp(hex, want, 16)) {
            print_message("# %s %d x %d -> %d x %d, seed %u differs\n", name, w0, h0, w, h, seed);
            wrong++;
        }
        image_clear(&in);
        image_clear(&out);
        checked++;
    }
    fclose(file);
    print_message("# %d results compared\n", checked);
    assert_true(checked > 0);
    assert_int_equal(wrong, 0);
}

static void check_window(const struct resizer *resizer, struct rng *rng)
{
    struct image in = {0}, whole = {0}, part = {0}, want = {0};
    int w = 1 + (int)rng_below(rng, 60), h = 1 + (int)rng_below(rng, 60);
    assert_ok(picture_init(rng_u32(rng), 1 + (int)rng_below(rng, 90), 1 + (int)rng_below(rng, 90),
                           &in));
    struct rect window = {(int)rng_below(rng, (uint32_t)w), (int)rng_below(rng, (uint32_t)h), 0, 0};
    window.width = 1 + (int)rng_below(rng, (uint32_t)(w - window.x));
    window.height = 1 + (int)rng_below(rng, (uint32_t)(h - window.y));

    assert_ok(resizer->resize(&in, w, h, NULL, &whole));
    assert_int_equal(whole.width, w);
    assert_int_equal(whole.height, h);
    assert_ok(resizer->resize(&in, w, h, &window, &part));
    assert_int_equal(part.width, window.width);
    assert_int_equal(part.height, window.height);
    assert_ok(image_crop(&whole, window, &want));
    if (memcmp(part.data, want.data, image_size(&want)))
        fail_msg("%s: %d x %d -> %d x %d: the window at %d,%d of %d x %d differs",
                 resizer->name, in.width, in.height, w, h, window.x, window.y, window.width,
                 window.height);
    image_clear(&in);
    image_clear(&whole);
    image_clear(&part);
    image_clear(&want);
}

/* A window is the crop of the whole, bit for bit, for every member. */
static void test_window(void **state)
{
    (void)state;
    for (int i = 0; resizer_registry[i]; i++) {
        struct rng rng;
        rng_open(&rng, 1, resizer_registry[i]->name, "window", 0);
        for (int k = 0; k < 60; k++)
            check_window(resizer_registry[i], &rng);
    }
}

/* A flat picture stays flat, whatever the kernel: weights sum to one. */
static void test_flat(void **state)
{
    (void)state;
    for (int i = 0; resizer_registry[i]; i++) {
        struct image in = {0}, out = {0};
        assert_ok(image_init(&in, 53, 41, 3));
        memset(in.data, 137, image_size(&in));
        assert_ok(resizer_registry[i]->resize(&in, 29, 67, NULL, &out));
        for (size_t k = 0; k < image_size(&out); k++)
            if (abs(out.data[k] - 137) > 1)
                fail_msg("%s: %d in a flat picture of 137", resizer_registry[i]->name,
                         out.data[k]);
        image_clear(&in);
        image_clear(&out);
    }
}

static void test_members(void **state)
{
    (void)state;
    for (int i = 0; resizer_registry[i]; i++) {
        const struct resizer *r = resizer_registry[i];
        assert_non_null(r->summary);
        assert_non_null(r->source);
        assert_true(r->impl > 0);
        const struct resizer *found = NULL;
        assert_ok(resizer_find(r->name, &found));
        assert_ptr_equal(found, r);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(r->name, resizer_registry[k]->name);
    }
    const struct resizer *found = NULL;
    assert_int_equal(resizer_find("pillow-bilinaer", &found), ERR_USAGE);
    assert_non_null(strstr(status_message(), "did you mean pillow-bilinear"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_flat),
        cmocka_unit_test(test_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
