#include "tests/test.h"

#include "base/document.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/image.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/params.h"
#include "base/rng.h"
#include "base/tensor.h"
#include "base/text.h"
#include "base/threads.h"

#include <math.h>
#include <string.h>

static void status_keeps_context(void **state)
{
    (void)state;
    assert_int_equal(status_fail(ERR_IO, "no %s", "disk"), ERR_IO);
    assert_int_equal(status_wrap(ERR_IO, "a.jpg"), ERR_IO);
    assert_string_equal(status_message(), "a.jpg: no disk");
    assert_int_equal(status_wrap(OK, "b.jpg"), OK);
    assert_string_equal(status_message(), "a.jpg: no disk");
}

static void numbers_round_trip(void **state)
{
    (void)state;
    const double values[] = {0, 0.1, 8, 1e-5, 1.0 / 3, 8.0 / 255, -2.5e300};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[32];
        assert_true(strtod(text_number(values[i], text), NULL) == values[i]);
    }
    char text[32];
    assert_string_equal(text_number(0.1, text), "0.1");

    double value;
    assert_true(text_parse_number("8/255", &value) && value == 8.0 / 255);
    assert_false(text_parse_number("8/0", &value));
    assert_false(text_parse_number("8x", &value));
    assert_false(text_parse_number("nan", &value));
    assert_false(text_parse_number("", &value));
}

static void nearest_word(void **state)
{
    (void)state;
    const char *const words[] = {"gaussian_noise", "shot_noise", "fog"};
    assert_string_equal(text_nearest("gausian_noise", words, 3), "gaussian_noise");
    assert_null(text_nearest("zzzzzz", words, 3));
    assert_string_equal(text_nearest("gaussian", words, 3), "gaussian_noise");
    const char *const short_words[] = {"gap", "eps", "set"};
    assert_string_equal(text_nearest("esp", short_words, 3), "eps");
}

static void json_is_canonical(void **state)
{
    (void)state;
    cJSON *value = cJSON_Parse("{\"b\": [1, 0.1, true], \"a\": \"x\\n</script>\"}");
    struct text out = {0};
    json_canonical(value, &out);
    assert_string_equal(out.data, "{\"a\":\"x\\u000a<\\/script>\",\"b\":[1,0.1,true]}");
    text_clear(&out);
    cJSON_Delete(value);
}

/* FIPS 180-4 example. */
static void sha256_of_abc(void **state)
{
    (void)state;
    char hex[HASH_HEX];
    hash_bytes("abc", 3, hex);
    assert_string_equal(
        hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void rng_repeats_and_separates(void **state)
{
    (void)state;
    struct rng a, b, c;
    rng_open(&a, 1, "x.jpg", "fog", 3);
    rng_open(&b, 1, "x.jpg", "fog", 3);
    rng_open(&c, 1, "x.jpg", "fog", 4);
    int equal = 0;
    for (int i = 0; i < 1000; i++) {
        uint32_t word = rng_u32(&a);
        assert_int_equal(word, rng_u32(&b));
        equal += word == rng_u32(&c);
    }
    assert_true(equal < 3);
}

/* Sums of n draws lie within 5 standard errors of their expectation. */
static void rng_moments(void **state)
{
    (void)state;
    enum { N = 200000 };
    struct rng rng;
    rng_open(&rng, 7, "moments", "test", 0);
    double sum = 0, squares = 0, uniform = 0;
    for (int i = 0; i < N; i++) {
        double x = rng_normal(&rng);
        sum += x;
        squares += x * x;
        uniform += rng_uniform(&rng);
    }
    assert_true(fabs(sum / N) < 5 / sqrt(N));
    assert_true(fabs(squares / N - 1) < 5 * sqrt(2.0 / N));
    assert_true(fabs(uniform / N - 0.5) < 5 * sqrt(1.0 / 12 / N));

    const double means[] = {0.05, 2, 9.9, 10, 60, 500};
    for (size_t m = 0; m < sizeof means / sizeof *means; m++) {
        double mean = means[m], total = 0, spread = 0;
        for (int i = 0; i < N; i++) {
            double k = rng_poisson(&rng, mean);
            total += k;
            spread += (k - mean) * (k - mean);
        }
        assert_true(fabs(total / N - mean) < 5 * sqrt(mean / N));
        double variance_error = sqrt((mean + 2 * mean * mean) / N);
        assert_true(fabs(spread / N - mean) < 5 * variance_error);
    }
}

/* Filling gives the words of single calls, from any phase of a block and across 2^32. */
static void rng_fill_equals_single_words(void **state)
{
    (void)state;
    static uint32_t words[1000];
    for (uint32_t phase = 0; phase < 5; phase++) {
        struct rng a, b;
        rng_open(&a, 3, "fill", "test", phase);
        a.counter[0] = 0xfffffff0u;
        b = a;
        for (uint32_t i = 0; i < phase; i++)
            assert_int_equal(rng_u32(&a), rng_u32(&b));
        rng_fill_u32(&a, words, 1000 - phase);
        for (uint32_t i = 0; i < 1000 - phase; i++)
            assert_int_equal(words[i], rng_u32(&b));
        assert_int_equal(rng_u32(&a), rng_u32(&b));
    }
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov-Smirnov against the normal law, and the count beyond 4 sigma. */
static void rng_fill_normal_is_normal(void **state)
{
    (void)state;
    enum { N = 1 << 18 };
    float *x = mem_array(N, sizeof *x);
    struct rng rng;
    rng_open(&rng, 11, "normal", "test", 0);
    rng_fill_normal(&rng, x, N);
    double neighbours = 0, pairs = 0;
    for (int i = 1; i < N; i++)
        neighbours += (double)x[i] * (double)x[i - 1];
    for (int i = 0; i + 512 < N; i++) /* radius and angle share a pair at this distance */
        pairs += (double)x[i] * (double)x[i + 512];
    assert_true(fabs(neighbours) < 5 * sqrt(N));
    assert_true(fabs(pairs) < 5 * sqrt(N));
    qsort(x, N, sizeof *x, by_value);
    double worst = 0;
    int tail = 0;
    for (int i = 0; i < N; i++) {
        double p = 0.5 * erfc(-(double)x[i] / sqrt(2.0));
        worst = fmax(worst, fmax(fabs(p - i / (double)N), fabs(p - (i + 1) / (double)N)));
        tail += fabsf(x[i]) > 4;
    }
    assert_true(worst * sqrt(N) < 1.95);  /* one in a thousand */
    assert_true(tail >= 4 && tail <= 35); /* 16.6 expected */
    free(x);
}

static void rng_below_is_even(void **state)
{
    (void)state;
    struct rng rng;
    rng_open(&rng, 7, "below", "test", 0);
    int counts[6] = {0};
    for (int i = 0; i < 60000; i++)
        counts[rng_below(&rng, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_in_range(counts[i], 9500, 10500);
}

/* Every half converts to float and back unchanged; ties go to even. */
static void halves(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        float value = f16_to_float((uint16_t)bits);
        if (!isnan(value))
            assert_int_equal(f16_from_float(value), bits);
        else
            assert_true(isnan(f16_to_float(f16_from_float(value))));
    }
    assert_int_equal(f16_from_float(65519.0f), 0x7bff);
    assert_int_equal(f16_from_float(65520.0f), 0x7c00);
    assert_int_equal(f16_from_float(0x1p-25f), 0);
    assert_int_equal(f16_from_float(0x1.8p-24f), 2);
    assert_int_equal(f16_from_float(2049.0f), f16_from_float(2048.0f));
    assert_int_equal(bf16_from_float(1.00390625f), 0x3f80);
    assert_int_equal(bf16_from_float(1.01171875f), 0x3f82);
}

static void params_check(void **state)
{
    (void)state;
    static const struct param table[] = {
        {"eps", PARAM_REAL, "8/255", 0, 1, NULL, "radius"},
        {"steps", PARAM_INT, "20", 1, 1000, NULL, "iterations"},
        {"loss", PARAM_WORD, "ce", 0, 0, "ce dlr", "what to maximise"},
        {0},
    };
    struct params params;
    params_init(&params, table);
    assert_true(params_real(&params, "eps") == 8.0 / 255);
    assert_int_equal(params_set(&params, "steps", "0"), ERR_USAGE);
    assert_int_equal(params_set(&params, "steps", "1.5"), ERR_USAGE);
    assert_int_equal(params_set(&params, "loss", "c"), ERR_USAGE);
    assert_int_equal(params_set(&params, "step", "5"), ERR_USAGE);
    assert_non_null(strstr(status_message(), "did you mean 'steps'"));
    assert_ok(params_set(&params, "loss", "dlr"));
    assert_string_equal(params_word(&params, "loss"), "dlr");
    assert_true(params_is_default(&params, 1));
    assert_false(params_is_default(&params, 2));
    params_clear(&params);
}

static enum status square(void *context, size_t item, int worker)
{
    (void)worker;
    if (item == 77)
        return status_fail(ERR_LIMIT, "item %zu", item);
    ((size_t *)context)[item] = item * item;
    return OK;
}

static void threads_report_first_failure(void **state)
{
    (void)state;
    size_t out[100] = {0};
    assert_ok(threads_each(2, 70, square, out));
    assert_int_equal(out[69], 69 * 69);
    assert_int_equal(threads_each(2, 100, square, out), ERR_LIMIT);
    assert_string_equal(status_message(), "item 77");
}

static void arena_is_aligned_and_zero(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (size_t size = 1; size < 200000; size = size * 3 + 1) {
        unsigned char *p = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size);
    }
    arena_clear(&arena);
}

static void files_are_replaced_whole(void **state)
{
    (void)state;
    char path[] = "/tmp/gauntlet-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_ok(file_replace(path, "one", 3));
    assert_ok(file_replace(path, "three", 5));
    struct mapping map;
    assert_ok(file_map(path, &map));
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.data, "three", 5);
    file_unmap(&map);
    assert_int_equal(file_replace("/nonexistent/x", "a", 1), ERR_IO);
    assert_int_equal(file_map("/nonexistent/x", &map), ERR_NOTFOUND);
    assert_int_equal(file_map("/tmp", &map), ERR_IO);
    unlink(path);

    char *stem = file_stem("a.b/model.v1.onnx");
    assert_string_equal(stem, "model.v1");
    free(stem);
}

static void images_crop_and_refuse(void **state)
{
    (void)state;
    struct image image, part;
    assert_ok(image_init(&image, 5, 4, 3));
    for (size_t i = 0; i < image_size(&image); i++)
        image.data[i] = (uint8_t)i;
    assert_ok(image_crop(&image, (struct rect){2, 1, 3, 2}, &part));
    assert_int_equal(part.data[0], (1 * 5 + 2) * 3);
    assert_int_equal(part.data[17], (2 * 5 + 4) * 3 + 2);
    image_clear(&part);
    image_clear(&image);
    assert_int_equal(image_init(&image, 0, 4, 3), ERR_LIMIT);
    assert_int_equal(image_init(&image, 70000, 4, 3), ERR_LIMIT);
    assert_null(image.data);
}

static void tensors_refuse_what_cannot_be(void **state)
{
    (void)state;
    struct tensor tensor;
    const struct shape huge = {3, {1 << 20, 1 << 20, 1 << 20}};
    const struct shape negative = {2, {3, -1}};
    const struct shape empty = {2, {3, 0}};
    assert_int_equal(tensor_init(&tensor, DTYPE_F32, &huge), ERR_LIMIT);
    assert_int_equal(tensor_init(&tensor, DTYPE_F32, &negative), ERR_LIMIT);
    assert_ok(tensor_init(&tensor, DTYPE_F32, &empty));
    tensor_clear(&tensor);

    const struct shape one = {1, {1}};
    assert_ok(tensor_init(&tensor, DTYPE_I8, &one));
    tensor_set(&tensor, 0, 2.5);
    assert_int_equal(tensor_get_int(&tensor, 0), 2);
    tensor_set(&tensor, 0, -1e9);
    assert_int_equal(tensor_get_int(&tensor, 0), -128);
    tensor_clear(&tensor);
}

struct shelf {
    char *name;
    uint64_t seed;
};

static const cyaml_schema_field_t shelf_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct shelf, name, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_UINT("seed", CYAML_FLAG_OPTIONAL, struct shelf, seed),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t shelf_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct shelf, shelf_fields),
};

static const char *yaml_error(const char *text)
{
    void *shelf;
    assert_int_not_equal(
        document_parse(text, strlen(text), "s.yaml", &shelf_schema, &shelf), OK);
    assert_null(shelf);
    return status_message();
}

static void document_names_the_line(void **state)
{
    (void)state;
    struct shelf *shelf;
    const char *good = "# a comment\nname: top\nseed: 7\n";
    assert_ok(
        document_parse(good, strlen(good), "s.yaml", &shelf_schema, (void **)&shelf));
    assert_string_equal(shelf->name, "top");
    assert_int_equal(shelf->seed, 7);
    document_free(&shelf_schema, shelf);

    assert_string_equal(yaml_error("name: a\n\nsed: 3\n"),
                        "s.yaml:3: unknown key 'sed': did you mean 'seed'?");
    assert_string_equal(yaml_error("name: a\nweight: 3\n"),
                        "s.yaml:2: unknown key 'weight' (there are: name, seed)");
    assert_string_equal(yaml_error("seed: 3\n"), "s.yaml:1: 'name' is missing");
    assert_string_equal(yaml_error("name: a\nname: b\n"),
                        "s.yaml:2: 'name' is there twice");
    assert_string_equal(yaml_error("name: a\nseed: x\n"),
                        "s.yaml:2: Invalid uint64_t value: 'x'");
    assert_non_null(strstr(yaml_error("name: a\n\tseed: 3\n"), "s.yaml:2: found a tab"));
    assert_string_equal(yaml_error(""), "s.yaml: empty");
    assert_string_equal(yaml_error("# nothing\n"), "s.yaml: empty");
}

static void makes_folders(void **state)
{
    (void)state;
    char root[] = "/tmp/gauntlet-test-XXXXXX";
    assert_non_null(mkdtemp(root));
    assert_int_equal(setenv("XDG_CACHE_HOME", root, 1), 0);
    char *path = file_cache_path("a/b/c.txt");
    char *want = mem_format("%s/gauntlet/a/b/c.txt", root);
    assert_string_equal(path, want);
    assert_ok(file_replace(path, "x", 1));
    assert_int_equal(file_make_folder(path), ERR_IO); /* a file stands there */
    assert_null(file_cache_path("a/b/c.txt/d"));
    char *command = mem_format("rm -r %s", root);
    assert_int_equal(system(command), 0);
    free(command);
    free(want);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_folders),
        cmocka_unit_test(status_keeps_context),
        cmocka_unit_test(numbers_round_trip),
        cmocka_unit_test(nearest_word),
        cmocka_unit_test(json_is_canonical),
        cmocka_unit_test(sha256_of_abc),
        cmocka_unit_test(rng_repeats_and_separates),
        cmocka_unit_test(rng_moments),
        cmocka_unit_test(rng_fill_equals_single_words),
        cmocka_unit_test(rng_fill_normal_is_normal),
        cmocka_unit_test(rng_below_is_even),
        cmocka_unit_test(halves),
        cmocka_unit_test(params_check),
        cmocka_unit_test(threads_report_first_failure),
        cmocka_unit_test(arena_is_aligned_and_zero),
        cmocka_unit_test(files_are_replaced_whole),
        cmocka_unit_test(images_crop_and_refuse),
        cmocka_unit_test(tensors_refuse_what_cannot_be),
        cmocka_unit_test(document_names_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
