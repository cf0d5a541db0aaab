#include "tests/test.h"

#include "base/hash.h"
#include "base/rng.h"
#include "noises/system/resize/pillow_sums.h"
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

/* One line of a golden file: what was resized how, and what came out. */
struct golden {
    char name[64], want[4096];
    unsigned seed;
    int w0, h0, w, h, light;
    double gap;
};

static bool golden_next(FILE *file, struct golden *g)
{
    char line[8192];
    do {
        if (!fgets(line, sizeof line, file))
            return false;
    } while (line[0] == '#');
    assert_int_equal(sscanf(line, "%63s %u %d %d %d %d %lf %d %4095s", g->name, &g->seed, &g->w0,
                            &g->h0, &g->w, &g->h, &g->gap, &g->light, g->want), 9);
    return true;
}

static void golden_run(const struct golden *g, struct image *out)
{
    const struct resizer *resizer = resizer_named(g->name);
    if (!resizer)
        fail_msg("no resizer %s", g->name);
    struct image in = {0};
    struct geometry plan = {{0, 0, g->w0, g->h0}, g->w, g->h, {0, 0, g->w, g->h}};
    struct resize_options options = {.gap = g->gap, .linear_light = g->light};
    assert_ok(picture_init(g->seed, g->w0, g->h0, &in));
    assert_ok(image_fit(&in, &plan, resizer, &options, out));
    image_clear(&in);
}

/* Digests of the original libraries' results: every one must be met exactly. */
static void test_golden(void **state)
{
    (void)state;
    FILE *file = fopen(source_path("tests/golden/system/resize.txt"), "r");
    assert_non_null(file);
    struct golden g;
    int checked = 0, wrong = 0;
    for (; golden_next(file, &g); checked++) {
        struct image out = {0};
        char hex[HASH_HEX];
        golden_run(&g, &out);
        hash_bytes(out.data, image_size(&out), hex);
        if (strncmp(hex, g.want, 16)) {
            print_message("# %s %d x %d -> %d x %d, seed %u, gap %g differs\n", g.name, g.w0,
                          g.h0, g.w, g.h, g.seed, g.gap);
            wrong++;
        }
        image_clear(&out);
    }
    fclose(file);
    print_message("# %d results compared\n", checked);
    assert_true(checked > 0);
    assert_int_equal(wrong, 0);
}

/* Values of libraries whose float sums run in their own order: within one level, and off
 * on one value in a thousand at most (the share over many more values is 1e-4 and below). */
static void test_golden_near(void **state)
{
    (void)state;
    FILE *file = fopen(source_path("tests/golden/system/resize_near.txt"), "r");
    assert_non_null(file);
    struct golden g;
    size_t values = 0, off = 0;
    while (golden_next(file, &g)) {
        struct image out = {0};
        golden_run(&g, &out);
        assert_int_equal(strlen(g.want), 2 * image_size(&out));
        for (size_t i = 0; i < image_size(&out); i++) {
            unsigned want;
            assert_int_equal(sscanf(g.want + 2 * i, "%2x", &want), 1);
            int diff = abs(out.data[i] - (int)want);
            if (diff > 1)
                fail_msg("%s %d x %d -> %d x %d: %d instead of %u", g.name, g.w0, g.h0, g.w,
                         g.h, out.data[i], want);
            off += diff > 0;
            values++;
        }
        image_clear(&out);
    }
    fclose(file);
    print_message("# %zu of %zu values off by one\n", off, values);
    assert_true(values > 10000 && off * 1000 <= values);
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

/* An axis of random weights whose absolute sum is at most one, as Pillow's nearly are: the
 * plain sums must not overflow. */
static void random_axis(struct pillow_axis *axis, struct rng *rng, int width)
{
    *axis = (struct pillow_axis){.count = 1 + (int)rng_below(rng, 70),
                                 .taps = 1 + (int)rng_below(rng, 40),
                                 .bits = 22};
    size_t count = (size_t)axis->count, taps = (size_t)axis->taps;
    axis->from = calloc(count, sizeof *axis->from);
    axis->used = calloc(count, sizeof *axis->used);
    axis->weights = calloc(count * taps, sizeof *axis->weights);
    for (size_t i = 0; i < count; i++) {
        int most = axis->taps < width ? axis->taps : width;
        axis->used[i] = 1 + (int)rng_below(rng, (uint32_t)most);
        axis->from[i] = (int)rng_below(rng, (uint32_t)(width - axis->used[i] + 1));
        int32_t top = (1 << 22) / axis->used[i];
        for (int k = 0; k < axis->used[i]; k++)
            axis->weights[i * taps + (size_t)k] =
                (int32_t)rng_below(rng, 2 * (uint32_t)top + 1) - top;
    }
    size_t split = pillow_split_size(axis);
    axis->split = split ? calloc(split, sizeof *axis->split) : NULL;
    if (axis->split)
        pillow_split_fill(axis);
}

static void check_vectors(struct rng *rng)
{
    struct pillow_axis axis;
    struct image in = {0};
    int rows = 1 + (int)rng_below(rng, 9);
    assert_ok(picture_init(2 * rng_below(rng, 1000), 1 + (int)rng_below(rng, 90), rows, &in));
    random_axis(&axis, rng, in.width);
    size_t stride = 3 * (size_t)in.width, size = 3 * (size_t)axis.count * (size_t)rows;
    uint8_t *want = calloc(size, 1), *got = calloc(size, 1);
    const uint8_t *end = in.data + image_size(&in);
    pillow_row_sums_c(&axis, in.data, stride, end, rows, want);
    pillow_row_sums_best()(&axis, in.data, stride, end, rows, got);
    assert_memory_equal(got, want, size);

    int used = rows < axis.used[0] ? rows : axis.used[0];
    uint8_t *column = calloc(stride, 1), *column_want = calloc(stride, 1);
    pillow_column_sums_c(axis.weights, used, 22, in.data, stride, (int)stride, column_want);
    pillow_column_sums_best()(axis.weights, used, 22, in.data, stride, (int)stride, column);
    assert_memory_equal(column, column_want, stride);

    image_clear(&in);
    void *all[] = {want, got, column, column_want, axis.from, axis.used, axis.weights, axis.split};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* The vector sums give the bytes of the plain ones, whatever the weights. */
static void test_vectors(void **state)
{
    (void)state;
    struct rng rng;
    rng_open(&rng, 1, "pillow", "vectors", 0);
    for (int i = 0; i < 400; i++)
        check_vectors(&rng);
}

/* The longest sides there are, down and up; a library may refuse, with a message. */
static void test_extremes(void **state)
{
    (void)state;
    static const int cases[][4] = {
        {65535, 1, 7, 5}, {1, 65535, 5, 7}, {3, 2, 65535, 1}, {2, 3, 1, 65535},
    };
    for (int i = 0; resizer_registry[i]; i++)
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            struct image in = {0}, out = {0};
            assert_ok(picture_init((uint32_t)k, cases[k][0], cases[k][1], &in));
            enum status st = resizer_registry[i]->resize(&in, cases[k][2], cases[k][3], NULL, &out);
            if (st) {
                assert_int_equal(st, ERR_UNSUPPORTED);
                assert_true(strlen(status_message()) > 0);
                assert_null(out.data);
            } else {
                assert_int_equal(out.width, cases[k][2]);
                assert_int_equal(out.height, cases[k][3]);
            }
            image_clear(&in);
            image_clear(&out);
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
        cmocka_unit_test(test_golden_near),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_flat),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
