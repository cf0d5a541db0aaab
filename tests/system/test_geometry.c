#include "tests/test.h"

#include "noises/system/system.h"
#include "tests/system/picture.h"

#include <string.h>

static struct geometry plan(int width, int height, struct geometry_rule rule)
{
    struct geometry out = {0};
    assert_ok(geometry_plan(width, height, &rule, &out));
    return out;
}

/* 500 x 333 to a short side of 256: 384.38 the long way; 375 gives 341.33. */
static void test_sizes(void **state)
{
    (void)state;
    struct geometry_rule rule = {.resize = 256, .width = 224, .height = 224};
    assert_int_equal(plan(500, 333, rule).width, 384);
    assert_int_equal(plan(333, 500, rule).height, 384);
    assert_int_equal(plan(640, 480, rule).width, 341);
    rule.size = SIZE_CEIL;
    assert_int_equal(plan(500, 333, rule).width, 385);
    assert_int_equal(plan(640, 480, rule).width, 342);
    rule.size = SIZE_TRUNC;
    assert_int_equal(plan(431, 256, rule).width, 431);
    assert_int_equal(plan(399, 301, rule).width, 339); /* 339.35 */
    assert_int_equal(plan(403, 307, rule).width, 336); /* 336.05 */
    rule.squash = true;
    assert_int_equal(plan(500, 333, rule).width, 256);
    assert_int_equal(plan(500, 333, rule).height, 256);
}

/* Exact halves go to the even side: 3 * 5 / 2 = 7.5 -> 8, 5 * 5 / 2 = 12.5 -> 12. */
static void test_half_even(void **state)
{
    (void)state;
    struct geometry_rule rule = {.resize = 5, .width = 1, .height = 1};
    assert_int_equal(plan(3, 2, rule).width, 8);
    assert_int_equal(plan(5, 2, rule).width, 12);
}

static int left(int spare, enum crop_rounding crop)
{
    struct geometry_rule rule = {.width = 10, .height = 10, .crop = crop};
    return plan(10 + spare, 10, rule).window.x;
}

static void test_crops(void **state)
{
    (void)state;
    static const int want[][4] = {
        /* spare, floor, half-even, half-up */
        {0, 0, 0, 0}, {1, 0, 0, 1}, {2, 1, 1, 1}, {3, 1, 2, 2}, {5, 2, 2, 3}, {7, 3, 4, 4},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_int_equal(left(want[i][0], CROP_FLOOR), want[i][1]);
        assert_int_equal(left(want[i][0], CROP_HALF_EVEN), want[i][2]);
        assert_int_equal(left(want[i][0], CROP_HALF_UP), want[i][3]);
    }
}

/* tf.image.central_crop(0.875) of 500 x 375: margins int(31.25) and int(23.4). */
static void test_fraction(void **state)
{
    (void)state;
    struct geometry_rule rule = {.resize = 256, .width = 224, .height = 224,
                                 .crop = CROP_FRAC875};
    struct geometry g = plan(500, 375, rule);
    assert_int_equal(g.source.x, 31);
    assert_int_equal(g.source.width, 438);
    assert_int_equal(g.source.y, 23);
    assert_int_equal(g.source.height, 329);
    assert_int_equal(g.width, 224);
    assert_int_equal(g.window.width, 224);
}

static void test_too_small(void **state)
{
    (void)state;
    struct geometry out;
    struct geometry_rule rule = {.width = 33, .height = 32};
    assert_int_equal(geometry_plan(32, 32, &rule, &out), ERR_FORMAT);
    assert_non_null(strstr(status_message(), "smaller than the crop of 33 x 32"));
    rule = (struct geometry_rule){.resize = 256, .width = 224, .height = 224};
    assert_int_equal(geometry_plan(65535, 1, &rule, &out), ERR_LIMIT);
}

static void test_words(void **state)
{
    (void)state;
    struct geometry_rule rule = {0};
    assert_ok(geometry_set_size(&rule, "ceil"));
    assert_int_equal(rule.size, SIZE_CEIL);
    assert_ok(geometry_set_size(&rule, "squash"));
    assert_true(rule.squash);
    assert_ok(geometry_set_crop(&rule, "half-up"));
    assert_int_equal(rule.crop, CROP_HALF_UP);
    assert_int_equal(geometry_set_crop(&rule, "middle"), ERR_USAGE);
}

/* The fit is the resize of the source part, then the crop. */
static void test_fit(void **state)
{
    (void)state;
    const struct resizer *resizer = NULL;
    assert_ok(resizer_find("pillow-bilinear", &resizer));
    struct image in = {0}, out = {0}, part = {0}, want = {0};
    assert_ok(picture_init(2, 100, 80, &in));
    struct geometry_rule rule = {.width = 40, .height = 30, .crop = CROP_FRAC875};
    struct geometry g = plan(100, 80, rule);
    assert_ok(image_fit(&in, &g, resizer, NULL, &out));
    assert_ok(image_crop(&in, (struct rect){6, 5, 88, 70}, &part));
    assert_ok(resizer->resize(&part, 40, 30, NULL, &want));
    assert_memory_equal(out.data, want.data, image_size(&want));
    image_clear(&in);
    image_clear(&out);
    image_clear(&part);
    image_clear(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),    cmocka_unit_test(test_half_even),
        cmocka_unit_test(test_crops),    cmocka_unit_test(test_fraction),
        cmocka_unit_test(test_too_small), cmocka_unit_test(test_words),
        cmocka_unit_test(test_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
