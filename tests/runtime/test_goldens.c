/*
 * The shared networks, opened as a user does, against logits of ONNX Runtime
 * (scripts/make_golden_logits.js).
 */
#include "tests/test.h"

#include "base/file.h"
#include "models/model.h"

#include <math.h>
#include <string.h>

/* The same picture as in the script, already divided by 255. */
static void picture(int side, int sample, float *x)
{
    uint32_t state = 12345u + (uint32_t)sample;
    for (int i = 0; i < 3 * side * side; i++) {
        int c = i / (side * side), row = i / side % side, column = i % side;
        state = state * 1664525u + 1013904223u;
        int slope = (c == 1 ? row : column) * (90 + 60 * c) / side;
        int box = 4 * column > side && 4 * column < 3 * side && 3 * row > side &&
                          2 * sample < 3
                      ? 70 - 30 * c
                      : 0;
        int byte = 20 + 25 * sample + slope + box + (int)(state >> 28);
        x[i] = (float)(byte > 255 ? 255 : byte) / 255.0f;
    }
}

static void softmax(float *x, int n)
{
    double sum = 0;
    float top = x[0];
    for (int i = 1; i < n; i++)
        top = x[i] > top ? x[i] : top;
    for (int i = 0; i < n; i++)
        sum += exp((double)(x[i] - top));
    for (int i = 0; i < n; i++)
        x[i] = (float)(exp((double)(x[i] - top)) / sum);
}

/* Bound on the distance, relative to the length of the golden vector. */
static double bound_of(const char *name)
{
    if (strstr(name, "fp16"))
        return 5e-3; /* we round after every operator, the golden runtime may not */
    if (strstr(name, "qdq"))
        return 0; /* integers: the same bytes */
    if (strstr(name, "w2a2"))
        return 1e-4;
    return 1e-5;
}

static void compare(const char *name, int sample, const float *golden, int count)
{
    char path[256];
    snprintf(path, sizeof path, "data/models/%s.onnx", name);
    REQUIRE_SHARED(file, path);
    struct model *model;
    struct session *session;
    assert_ok(model_open(file, NULL, &model));
    assert_ok(session_open(model, NULL, &session));
    const struct preprocess *p = &model_record(model)->preprocess;
    float *x = calloc((size_t)(3 * p->width * p->height), sizeof *x);
    float *logits = calloc((size_t)count, sizeof *logits);
    picture(p->width, sample, x);
    assert_int_equal(model_record(model)->n_classes, count);
    assert_ok(session_forward(session, x, logits));
    if (strstr(name, "v1.1_fp16"))
        softmax(logits, count);
    double far = 0, length = 0;
    for (int i = 0; i < count; i++) {
        double d = (double)logits[i] - (double)golden[i];
        far += d * d;
        length += (double)golden[i] * (double)golden[i];
    }
    double relative = sqrt(far / length);
    print_message("# %s, picture %d: %.1e\n", name, sample, relative);
    assert_true(relative <= bound_of(name));
    free(logits);
    free(x);
    session_close(session);
    model_close(model);
}

static void test_goldens(void **state)
{
    (void)state;
    struct mapping numbers;
    assert_ok(file_map(source_path("tests/golden/logits.bin"), &numbers));
    FILE *list = fopen(source_path("tests/golden/logits.txt"), "r");
    assert_non_null(list);
    char line[256], name[128];
    int sample, count;
    long offset;
    while (fgets(line, sizeof line, list)) {
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%127s %d %ld %d", name, &sample, &offset, &count), 4);
        assert_true((size_t)(offset + count) * sizeof(float) <= numbers.size);
        float *golden = calloc((size_t)count, sizeof *golden);
        memcpy(golden, numbers.data + (size_t)offset * sizeof(float),
               (size_t)count * sizeof(float));
        compare(name, sample, golden, count);
        free(golden);
    }
    fclose(list);
    file_unmap(&numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goldens),
    };
    return cmocka_run_group_tests_name("goldens", tests, NULL, NULL);
}
