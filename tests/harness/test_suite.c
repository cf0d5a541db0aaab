#include "tests/test.h"

#include "base/file.h"
#include "harness/suite.h"

#include <string.h>

static char folder[] = "/tmp/gauntlet-suite-XXXXXX";

static const char *write_suite(const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/s.yaml", folder);
    assert_ok(file_replace(path, text, strlen(text)));
    return path;
}

static const char full[] =
    "name: mine\n"
    "version: 3\n"
    "summary: what it is for\n"
    "seed: 7\n"
    "limit: 500\n"
    "models:\n"
    "  - file: sub/a.onnx\n"
    "  - file: resnet20\n"
    "    name: second\n"
    "    twin: a\n"
    "    set: [resize=256, mean=0.5 0.5 0.5]\n"
    "datasets:\n"
    "  - path: /data/test.tar\n"
    "    limit: 20\n"
    "noises:\n"
    "  - clean\n"
    "  - decode=[turbo,stb] resize=[pillow-bilinear,opencv-bilinear]\n"
    "  - gaussian_noise:1-5\n"
    "worst:\n"
    "  - name: worst-decoder\n"
    "    over: [\"decode=*\"]\n";

static void suites_are_read(void **state)
{
    (void)state;
    struct suite *suite;
    char expected[128];
    assert_ok(suite_load(write_suite(full), &suite));
    assert_string_equal(suite->name, "mine");
    assert_int_equal(suite->version, 3);
    assert_int_equal(suite->seed, 7);
    assert_int_equal(suite->limit, 500);
    assert_int_equal(suite->models_count, 2);
    snprintf(expected, sizeof expected, "%s/sub/a.onnx", folder);
    assert_string_equal(suite->models[0].file, expected);   /* beside the suite */
    assert_string_equal(suite->models[1].file, "resnet20"); /* a name stays a name */
    assert_string_equal(suite->models[1].twin, "a");
    assert_string_equal(suite->models[1].set[1], "mean=0.5 0.5 0.5");
    assert_string_equal(suite->datasets[0].path, "/data/test.tar");
    assert_int_equal(suite->datasets[0].limit, 20);
    assert_int_equal(suite->noises_count, 3);
    assert_string_equal(suite->worst[0].over[0], "decode=*");

    char *before = suite_json(suite);
    suite_add_noise(suite, "decode=stb");
    suite_add_model(suite, "b.onnx");
    suite_add_dataset(suite, "other.tar", NULL, NULL, NULL);
    char *after = suite_json(suite);
    assert_string_not_equal(before, after);
    assert_non_null(strstr(after, "\"decode=stb\""));
    free(before);
    free(after);
    suite_free(suite);
}

static void check_error(const char *text, const char *message)
{
    struct suite *suite;
    char expected[256];
    const char *path = write_suite(text);
    assert_int_equal(suite_load(path, &suite), ERR_FORMAT);
    snprintf(expected, sizeof expected, "%s:%s", path, message);
    assert_string_equal(status_message(), expected);
}

static void mistakes_have_a_line(void **state)
{
    (void)state;
    check_error("name: a\nnoise:\n  - clean\n",
                "2: unknown key 'noise': did you mean 'noises'?");
    check_error("name: a\nmodels:\n  - fil: b\n",
                "3: unknown key 'fil': did you mean 'file'?");
    check_error("seed: 3\n", "1: 'name' is missing");
    check_error("name: a\nlimit: many\n", "2: Invalid uint64_t value: 'many'");
    struct suite *suite;
    assert_int_equal(suite_load("/nonexistent.yaml", &suite), ERR_NOTFOUND);
}

static void the_empty_suite(void **state)
{
    (void)state;
    struct suite *suite;
    assert_ok(suite_new(&suite));
    assert_int_equal(suite->models_count, 0);
    suite_free(suite);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/s.yaml", folder);
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suites_are_read),
        cmocka_unit_test(mistakes_have_a_line),
        cmocka_unit_test(the_empty_suite),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
