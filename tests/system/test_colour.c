#include "tests/test.h"

#include "base/hash.h"
#include "noises/system/system.h"
#include "tests/system/picture.h"

#include <string.h>

/* Digests of OpenCV, Pillow and the standards' formulas: all met exactly. */
static void test_golden(void **state)
{
    (void)state;
    FILE *file = fopen(source_path("tests/golden/system/colour.txt"), "r");
    assert_non_null(file);
    char line[256], name[64], want[32], hex[HASH_HEX];
    unsigned seed;
    int width, height, checked = 0, wrong = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%63s %u %d %d %31s", name, &seed, &width, &height, want),
                         5);
        const struct colour *colour = NULL;
        struct image image = {0};
        assert_ok(colour_find(name, &colour));
        assert_ok(picture_init(seed, width, height, &image));
        assert_ok(colour->apply(&image));
        hash_bytes(image.data, image_size(&image), hex);
        if (strncmp(hex, want, 16)) {
            print_message("# %s of %d x %d, seed %u differs\n", name, width, height, seed);
            wrong++;
        }
        image_clear(&image);
        checked++;
    }
    fclose(file);
    print_message("# %d results compared\n", checked);
    assert_true(checked > 40);
    assert_int_equal(wrong, 0);
}

static void test_members(void **state)
{
    (void)state;
    for (int i = 0; colour_registry[i]; i++) {
        const struct colour *c = colour_registry[i], *found = NULL;
        struct image image = {0}, before = {0};
        assert_non_null(c->summary);
        assert_non_null(c->source);
        assert_true(c->impl > 0);
        assert_ok(colour_find(c->name, &found));
        assert_ptr_equal(found, c);
        assert_ok(picture_init(8, 33, 21, &image));
        assert_ok(image_copy(&image, &before));
        assert_ok(c->apply(&image));
        assert_int_equal(image.width, 33);
        assert_true(memcmp(image.data, before.data, image_size(&before)) != 0);
        image_clear(&image);
        image_clear(&before);
    }
    const struct colour *found = NULL;
    assert_int_equal(colour_find("nv21", &found), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
