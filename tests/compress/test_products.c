/*
 * Products of `gauntlet quantize`, as sessions execute them, against ONNX Runtime on the
 * same pictures: scripts/make_golden_products.js.
 *
 *   test_products --pictures > FILE    the pictures, uint8 [COUNT][SIDE][SIDE][3]
 */
#include "tests/test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "harness/train_data.h"
#include "models/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 300, SIDE = 48, PIXELS = 3 * SIDE * SIDE, CLASSES = 10, LOGITS = 20 };

static uint8_t pictures[COUNT][PIXELS];

/* The first of those that `gauntlet run` shows the zoo. */
static enum status load_pictures(void)
{
    struct train_shelf shelf = {0};
    struct train_data data = {0};
    struct dataset_options options = {0};
    char decoder[] = "turbo", resizer[] = "pillow-bilinear";
    char *decoders[] = {decoder}, *resizers[] = {resizer};
    enum status st = train_data_open(&shelf, "synthetic:2:300", &options, 0, 0, SIDE, SIDE,
                                     decoders, 1, resizers, 1, &data);
    for (size_t i = 0; i < COUNT && !st; i++) {
        struct image image = {0};
        struct rng rng;
        int label;
        rng_open(&rng, 0, "pictures", "test", i);
        st = data.source.load(data.source.context, i, &rng, &image, &label);
        if (!st)
            memcpy(pictures[i], image.data, PIXELS);
        image_clear(&image);
    }
    train_data_close(&data);
    train_shelf_clear(&shelf);
    return st;
}

struct golden {
    char path[128], mode[16], top1[COUNT + 1];
    float logits[LOGITS][CLASSES]; /* of the first pictures */
};

static bool read_golden(FILE *file, struct golden *g)
{
    char line[4096];
    do
        if (!fgets(line, sizeof line, file))
            return false;
    while (line[0] == '#');
    assert_int_equal(sscanf(line, "%127s %15s %300s", g->path, g->mode, g->top1), 3);
    assert_int_equal(strlen(g->top1), COUNT);
    for (int i = 0; i < LOGITS; i++)
        for (int k = 0; k < CLASSES; k++)
            assert_int_equal(fscanf(file, "%f%*c", &g->logits[i][k]), 1);
    return true;
}

/*
 * Sums in another order, and a value between two codes falls to the other one: one such
 * value moves the logits by up to 4e-3 of their length here, and may turn a picture on which
 * two classes are level.
 */
static void compare(const struct golden *g)
{
    struct model *model;
    struct session *session;
    const char *path = strncmp(g->path, "zoo:/", 5) ? source_path(g->path) : g->path;
    int differ = 0;
    double far = 0, length = 0;
    assert_ok(model_open(path, NULL, &model));
    assert_ok(session_open(model, NULL, &session));
    for (int i = 0; i < COUNT; i++) {
        float x[PIXELS], z[CLASSES];
        int best = 0;
        pixels_to_float(pictures[i], SIDE, SIDE, x);
        assert_ok(session_forward(session, x, z));
        for (int k = 1; k < CLASSES; k++)
            best = z[k] > z[best] ? k : best;
        differ += best != g->top1[i] - '0';
        for (int k = 0; k < CLASSES && i < LOGITS; k++) {
            far += pow((double)(z[k] - g->logits[i][k]), 2);
            length += pow((double)g->logits[i][k], 2);
        }
    }
    print_message("# %s, ONNX Runtime's optimizations %s: %d of %d predictions differ, "
                  "logits by %.1e\n",
                  g->path, g->mode, differ, COUNT, sqrt(far / length));
    assert_true(differ <= 1);
    assert_true(sqrt(far / length) <= 8e-3);
    session_close(session);
    model_close(model);
}

static void products_are_what_onnx_runtime_sees(void **state)
{
    (void)state;
    FILE *file = fopen(source_path("tests/golden/products/golden.txt"), "r");
    struct golden g;
    assert_non_null(file);
    int n = 0;
    for (; read_golden(file, &g); n++)
        compare(&g);
    assert_int_equal(n, 10);
    fclose(file);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_what_onnx_runtime_sees),
    };
    if (load_pictures())
        return 1;
    if (argc > 1 && !strcmp(argv[1], "--pictures"))
        return fwrite(pictures, sizeof pictures, 1, stdout) != 1;
    return cmocka_run_group_tests_name("products", tests, NULL, NULL);
}
