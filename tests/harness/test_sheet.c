#include "tests/test.h"

#include "harness/sheet.h"

#include <string.h>

static size_t dark(const struct image *image, struct rect window)
{
    size_t count = 0;
    for (int y = window.y; y < window.y + window.height; y++)
        for (int x = window.x; x < window.x + window.width; x++)
            count += image_row(image, y)[3 * x] < 128;
    return count;
}

/* A picture lies in its cell, unchanged, and the names lie outside of all cells. */
static void pictures_and_names_have_places(void **state)
{
    (void)state;
    struct sheet sheet;
    struct image picture;
    assert_ok(sheet_init(&sheet, 2, 3, 20, 10, 8));
    assert_ok(image_init(&picture, 30, 10, 3)); /* black, and cut to the cell */
    assert_int_equal(sheet.scale, 5);           /* 100 x 50 */
    assert_int_equal(
        dark(&sheet.image, (struct rect){0, 0, sheet.image.width, sheet.image.height}),
        0);
    sheet_put(&sheet, 1, 2, &picture);
    assert_int_equal(
        dark(&sheet.image, (struct rect){0, 0, sheet.image.width, sheet.image.height}),
        100 * 50);
    struct rect cell = {sheet.image.width - 104, sheet.image.height - 54, 100, 50};
    assert_int_equal(dark(&sheet.image, cell), 100 * 50);
    size_t before = 100 * 50;
    sheet_name_row(&sheet, 0, "fog_1");
    size_t all =
        dark(&sheet.image, (struct rect){0, 0, sheet.image.width, sheet.image.height});
    assert_true(all > before);
    sheet_name_column(&sheet, 0, "5");
    assert_true(dark(&sheet.image,
                     (struct rect){0, 0, sheet.image.width, sheet.image.height}) > all);
    assert_int_equal(dark(&sheet.image, cell), 100 * 50);
    image_clear(&picture);
    sheet_clear(&sheet);
}

static void too_large_a_sheet_is_refused(void **state)
{
    (void)state;
    struct sheet sheet;
    assert_int_equal(sheet_init(&sheet, 6, 100, 4096, 4096, 20), ERR_LIMIT);
    assert_ok(sheet_init(&sheet, 2, 1000, 48, 48, 20)); /* enlarged it would be */
    assert_int_equal(sheet.scale, 1);
    sheet_clear(&sheet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_and_names_have_places),
        cmocka_unit_test(too_large_a_sheet_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
