#include "tests/datasets/place.h"

#include "base/hash.h"
#include "models/catalogue.h"
#include "models/record.h"

#include <math.h>
#include <sys/wait.h>

static const struct record_facts imagenet = {.input = {4, {-1, 3, 224, 224}},
                                             .n_classes = 1000};
static const struct record_facts cifar = {.input = {4, {1, 3, 32, 32}}, .n_classes = 10};

static void close_to(double a, double b)
{
    if (fabs(a - b) > 1e-12)
        fail_msg("%.17g is not %.17g", a, b);
}

static void says(enum status got, enum status wanted, const char *words)
{
    assert_int_equal(got, wanted);
    if (!strstr(status_message(), words))
        fail_msg("'%s' does not say '%s'", status_message(), words);
}

static void guesses(void **state)
{
    (void)state;
    struct model_record record;
    place_text("nets/mine.onnx", "not looked into");
    assert_ok(record_read(place("nets/mine.onnx"), &imagenet, NULL, &record));
    assert_true(record.preprocess.guessed);
    assert_string_equal(record.name, "mine");
    assert_int_equal(record.preprocess.resize, 256);
    assert_string_equal(record.preprocess.resize_rule, "short");
    assert_int_equal(record.n_classes, 1000);
    assert_int_equal(record.gradient, GRADIENT_EXACT);
    assert_int_equal(record.file_bytes, 15);
    record_clear(&record);

    assert_ok(record_read(place("nets/mine.onnx"), &cifar, NULL, &record));
    assert_int_equal(record.preprocess.resize, 0);
    assert_string_equal(record.preprocess.resize_rule, "none");
    close_to(record.preprocess.mean[2], 0.4465);
    record_clear(&record);

    const struct record_facts last = {.input = {4, {-1, 160, 128, 3}},
                                      .precision = "int8"};
    assert_ok(record_read(place("nets/mine.onnx"), &last, NULL, &record));
    assert_string_equal(record.preprocess.layout, "nhwc");
    assert_int_equal(record.preprocess.height, 160);
    assert_int_equal(record.preprocess.width, 128);
    assert_string_equal(record.precision, "int8");
    assert_int_equal(record.gradient, GRADIENT_SURROGATE);
    record_clear(&record);

    says(record_read(place("nets/none.onnx"), &cifar, NULL, &record), ERR_NOTFOUND,
         "none.onnx");
}

static void sidecar_beats_metadata_and_overrides_beat_both(void **state)
{
    (void)state;
    struct model_record record;
    place_text("nets/mine.onnx", "x");
    place_text("nets/mine.yaml", "name: fine\n"
                                 "recipe: imagenet-caffe\n"
                                 "std: [2, 3, 4] # in RGB order\n"
                                 "resizer: opencv-bilinear\n"
                                 "precision: int8\ntwin: other\n");
    const char *properties[][2] = {{"gauntlet.technique", "distilled"},
                                   {"gauntlet.std", "9"},
                                   {"gauntlet.command", "whatever"},
                                   {"author", "someone"}};
    struct record_facts facts = imagenet;
    facts.metadata = properties;
    facts.n_metadata = 4;
    const char *overrides[] = {"mean=1/2 0.25 0", "resizer=pillow-bicubic", "resize=232",
                               NULL};
    assert_ok(record_read(place("nets/mine.onnx"), &facts, overrides, &record));
    assert_false(record.preprocess.guessed);
    assert_string_equal(record.name, "fine");
    assert_string_equal(record.technique, "distilled");
    assert_string_equal(record.twin, "other");
    assert_int_equal(record.gradient, GRADIENT_SURROGATE);
    assert_string_equal(record.preprocess.order, "bgr");
    assert_string_equal(record.preprocess.resizer, "pillow-bicubic");
    assert_int_equal(record.preprocess.resize, 232);
    close_to(record.preprocess.scale, 1);
    close_to(record.preprocess.mean[0], 0.5);
    close_to(record.preprocess.std[2], 4);
    char *json = record_preprocess_json(&record);
    assert_string_equal(json, "{\"decoder\":\"turbo\",\"height\":224,\"layout\":\"nchw\","
                              "\"mean\":[0.5,0.25,0],\"order\":\"bgr\",\"resize\":232,"
                              "\"resize_rule\":\"short\",\"resizer\":\"pillow-bicubic\","
                              "\"scale\":1,\"std\":[2,3,4],\"width\":224}");
    free(json);
    record_clear(&record);

    facts.n_metadata = 2;
    properties[0][0] = "Image.BitmapPixelFormat", properties[0][1] = "Bgr8";
    properties[1][0] = "Image.NominalPixelRange", properties[1][1] = "Normalized_1_1";
    place_text("nets/other.onnx", "x");
    assert_ok(record_read(place("nets/other.onnx"), &facts, NULL, &record));
    assert_string_equal(record.preprocess.order, "bgr");
    close_to(record.preprocess.std[1], 0.5);
    assert_false(record.preprocess.guessed);
    record_clear(&record);
}

static void written_is_read_back(void **state)
{
    (void)state;
    struct model_record record, again;
    const char *overrides[] = {"recipe=cifar10", "scale=1/3",  "precision=binary",
                               "name=a: \"b\"",  "variant=v2", "gradient=none",
                               "technique=x",    NULL};
    place_text("nets/w.onnx", "x");
    assert_ok(record_read(place("nets/w.onnx"), &cifar, overrides, &record));
    assert_ok(record_write(&record, place("nets/w.onnx")));
    assert_ok(record_read(place("nets/w.onnx"), &cifar, NULL, &again));
    char *one = record_preprocess_json(&record), *two = record_preprocess_json(&again);
    assert_string_equal(one, two);
    free(one);
    free(two);
    assert_string_equal(record.name, again.name);
    assert_string_equal(record.precision, again.precision);
    assert_int_equal(record.gradient, again.gradient);
    assert_int_equal(record.n_classes, again.n_classes);
    record_clear(&record);
    record_clear(&again);
}

static void mistakes_in_sidecars(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"name: a\n\nmeen: [1]\n",
         "bad.yaml:3: unknown key 'meen': did you mean 'mean'?"},
        {"name: a\nwibble: 1\n",
         "bad.yaml:2: unknown key 'wibble' (there are: name, variant"},
        {"mean: [1, 2]\n", "bad.yaml:1: mean: '1 2' is neither one number nor three"},
        {"mean: [1, 2, x]\n", "bad.yaml:1: mean:"},
        {"mean: [1, 2, 3, 4]\n", "bad.yaml:1:"},
        {"mean: 1\n", "bad.yaml:1:"},
        {"# std\n# mean\nname: a\nstd: [0]\n", "bad.yaml:4: std: 0 is out of range"},
        {"std: [nan]\n", "std: 'nan'"},
        {"scale: -1\n", "scale: '-1' is not a positive number"},
        {"scale: 1/0\n", "scale: '1/0'"},
        {"name: a\norder: gbr\n", "bad.yaml:2: order: 'gbr' is not one of rgb, bgr"},
        {"layout: NCHW\n", "'NCHW' is not one of nchw, nhwc"},
        {"precision: fp23\n", "'fp23' is not one of fp32, fp16"},
        {"gradient: some\n", "'some' is not one of exact, surrogate, none"},
        {"input: [0, 3]\n", "'0 3' is not a width and a height"},
        {"input: [224.5]\n", "is not a width and a height"},
        {"input: [99999]\n", "is not a width and a height"},
        {"resize: 1e9\n", "is not a whole number from 0 to 65535"},
        {"resizer: \"../etc\"\n", "resizer: '../etc' is not a name"},
        {"decoder: \"\"\n", "decoder: '' is not a name"},
        {"recipe: imagenet-toch\n",
         "bad.yaml:1: recipe: no recipe 'imagenet-toch': did you mean 'imagenet-torch'?"},
        {"n_classes: 1\n", "is not a whole number from 2"},
        {"n_classes: 7\n", "n_classes: the record says 7 and the graph has 1000 outputs"},
        {"input: [227, 227]\n",
         "the record says input 227x227, layout nchw, and the graph takes"},
        {"layout: nhwc\n",
         "the record says input 224x224, layout nhwc, and the graph takes"},
        {"resize: 100\n", "resize: to 100, and then a crop of 224x224"},
        {"", "bad.yaml: empty"},
        {"name: [\n", "bad.yaml:1:"},
        {"- a\n- b\n", "bad.yaml:1:"},
        {"name: a\nname: b\n", "bad.yaml:2: 'name' is there twice"},
    };
    place_text("nets/bad.onnx", "x");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model_record record;
        place_text("nets/bad.yaml", cases[i][0]);
        says(record_read(place("nets/bad.onnx"), &imagenet, NULL, &record), ERR_FORMAT,
             cases[i][1]);
        assert_null(record.name);
    }
}

static void mistakes_elsewhere(void **state)
{
    (void)state;
    struct model_record record;
    place_text("nets/ok.onnx", "x");
    static const char *const overrides[][2] = {
        {"resize", "'resize': expected key=value"},
        {"resise=1", "unknown key 'resise': did you mean 'resize'?"},
        {"resize=x", "resize: 'x' is not a whole number"},
    };
    for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++) {
        const char *list[] = {overrides[i][0], NULL};
        says(record_read(place("nets/ok.onnx"), &imagenet, list, &record), ERR_USAGE,
             overrides[i][1]);
    }
    const char *properties[][2] = {{"gauntlet.mean", "a b c"}};
    struct record_facts facts = imagenet;
    facts.metadata = properties;
    facts.n_metadata = 1;
    says(record_read(place("nets/ok.onnx"), &facts, NULL, &record), ERR_FORMAT,
         "ok.onnx: metadata gauntlet.mean: mean: 'a b c'");
}

/* The networks of the shared data, found by their hash; the figures are its README's. */
static void shared_networks(void **state)
{
    (void)state;
    static const struct {
        const char *name, *order, *precision, *twin;
        int side, resize;
        double scale, mean, std; /* of the red channel */
    } rows[] = {
        {"cifar10_resnet20_fp32", "rgb", "fp32", NULL, 32, 0, 1. / 255, .485, .229},
        {"cifar10_apot_resnet20_w2a2", "rgb", "ternary", "cifar10_apot_resnet20_w32a32",
         32, 0, 1. / 255, .491, .247},
        {"cifar10_resnet8_fp32", "rgb", "fp32", NULL, 32, 0, 1, 0, 1},
        {"cifar10_resnet8_qdq", "rgb", "int8", "cifar10_resnet8_fp32", 32, 0, 1, 0, 1},
        {"cifar10_resnet2b_advtrain", "rgb", "fp32", NULL, 32, 0, 1. / 255, .4914, .2471},
        {"cifar10_wide_kw", "rgb", "fp32", NULL, 32, 0, 1. / 255, .485, .225},
        {"cifar10_vit_pgd_2_3_16", "rgb", "fp32", NULL, 32, 0, 1. / 255, .4914, .2023},
        {"mobilenet_v1_0.25_128_fp32", "rgb", "fp32", NULL, 128, 146, 1, 128, 128},
        {"mobilenet_v1_0.5_160_qdq", "rgb", "int8", "mobilenet_v1_0.5_160_fp32", 160, 183,
         1, 128, 128},
        {"mobilenet_v2_1.0_224_fp32", "rgb", "fp32", NULL, 224, 256, 1, 128, 128},
        {"squeezenet_v1.1_fp16", "bgr", "fp16", "squeezenet_v1.1_fp32", 224, 256, 1, 123,
         1},
        {"squeezenet_v1.0_dc_codebook", "bgr", "codebook", NULL, 227, 256, 1, 123, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char file[128];
        snprintf(file, sizeof file, "data/models/%s.onnx", rows[i].name);
        REQUIRE_SHARED(path, file);
        struct model_record record;
        const struct record_facts facts = {
            .input = {4, {-1, 3, rows[i].side, rows[i].side}},
            .n_classes = rows[i].side == 32 ? 10 : 1000};
        assert_ok(record_read(path, &facts, NULL, &record));
        assert_false(record.preprocess.guessed);
        assert_string_equal(record.name, rows[i].name);
        assert_string_equal(record.preprocess.order, rows[i].order);
        assert_string_equal(record.precision, rows[i].precision);
        assert_int_equal(record.preprocess.resize, rows[i].resize);
        close_to(record.preprocess.scale, rows[i].scale);
        close_to(record.preprocess.mean[0], rows[i].mean);
        close_to(record.preprocess.std[0], rows[i].std);
        if (rows[i].twin)
            assert_string_equal(record.twin, rows[i].twin);
        else
            assert_null(record.twin);
        record_clear(&record);
    }
}

static void catalogue_is_sound(void **state)
{
    (void)state;
    const struct catalogue *catalogue;
    assert_ok(catalogue_load(&catalogue));
    assert_true(catalogue_count(catalogue) >= 100);
    for (size_t i = 0; i < catalogue_count(catalogue); i++) {
        const struct catalogue_model *model = catalogue_at(catalogue, i);
        const char *name = model->values.text[RECORD_NAME];
        const char *twin = model->values.text[RECORD_TWIN];
        assert_ptr_equal(catalogue_by_name(catalogue, name), model);
        assert_ptr_equal(catalogue_by_sha(catalogue, model->sha256), model);
        if (!model->values.text[RECORD_RECIPE] || !model->licence || !model->bytes)
            fail_msg("%s lacks a recipe, a licence or its bytes", name);
        if (twin && !catalogue_by_name(catalogue, twin))
            fail_msg("%s names the twin %s, which is not there", name, twin);
        if (!model->values.text[RECORD_PRECISION] || !model->values.text[RECORD_ARCH])
            fail_msg("%s lacks a precision or an architecture", name);
    }
}

/* The catalogue is read once a process, so a user's own file gets a process of its own. */
static void with_catalogue(const char *text, enum status wanted, const char *words)
{
    place_text("mine.yaml", text);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        const struct catalogue *catalogue;
        setenv("GAUNTLET_CATALOGUE", place("mine.yaml"), 1);
        enum status st = catalogue_load(&catalogue);
        if (st != wanted || (st && !strstr(status_message(), words))) {
            fprintf(stderr, "got: %s\nwanted: %s\n", status_message(), words);
            _exit(1);
        }
        if (st)
            _exit(0);
        const struct catalogue_model *model = catalogue_by_name(catalogue, "net");
        char **urls = catalogue_urls(catalogue, model);
        int right = urls[0] && !strcmp(urls[0], "http://one/a/b.onnx") && urls[1] &&
                    !strcmp(urls[1], "http://two/a/b.onnx") && urls[2] &&
                    !strcmp(urls[2], "file:///c.onnx") && !urls[3] &&
                    catalogue_at(catalogue, 0) == model &&
                    catalogue_recipe(catalogue, "imagenet-torch");
        _exit(right ? 0 : 2);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
}

static void own_catalogue(void **state)
{
    (void)state;
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    with_catalogue("bases:\n  - name: far\n    urls: [\"http://one/\", \"http://two/\"]\n"
                   "recipes:\n  - name: odd\n    recipe: cifar10\n    scale: 1\n"
                   "models:\n  - name: net\n    recipe: odd\n    sha256: " SHA "\n"
                   "    urls: [\"far:a/b.onnx\", \"file:///c.onnx\"]\n",
                   OK, "");
    with_catalogue("models:\n  - nam: net\n", ERR_FORMAT,
                   "mine.yaml:2: unknown key 'nam'");
    with_catalogue("models:\n  - arch: a\n", ERR_FORMAT,
                   "mine.yaml:2: a model without a name");
    with_catalogue("models:\n  - name: a\n    sha256: abc\n", ERR_FORMAT,
                   "mine.yaml:2: sha256 of a");
    with_catalogue("models:\n  - name: z\n\n  - name: a\n    urls: [x]\n", ERR_FORMAT,
                   "mine.yaml:4: a has urls and no sha256");
    with_catalogue("models:\n  - name: a\n    recipe: nothing-like-it\n", ERR_FORMAT,
                   "model a: recipe: no recipe 'nothing-like-it'");
    with_catalogue(
        "recipes:\n  - name: r\n    recipe: r\nmodels:\n  - name: a\n    recipe: r\n",
        ERR_FORMAT, "recipe 'r' leads back to itself");
    with_catalogue("models:\n  - name: a\n    bytes: many\n", ERR_FORMAT, "mine.yaml:3:");
}

static void finds_files(void **state)
{
    (void)state;
    char *path;
    place_text("zoo/small.onnx", "x");
    char *folders = mem_format("/nonexistent:%s", place("zoo"));
    setenv("GAUNTLET_MODELS", folders, 1);
    free(folders);
    assert_ok(catalogue_find("small", &path));
    assert_string_equal(path, place("zoo/small.onnx"));
    free(path);
    assert_ok(catalogue_find(place("zoo/small.onnx"), &path));
    free(path);
    says(catalogue_find(place("zoo/large.onnx"), &path), ERR_NOTFOUND, "no such file");
    says(catalogue_find("cifar10_resnet20_fp23", &path), ERR_NOTFOUND,
         "did you mean 'cifar10_resnet20_fp32'?");
    says(catalogue_find("cifar10_resnet20_fp32", &path), ERR_NOTFOUND,
         "in the catalogue, but");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_catalogue), /* before the catalogue is first read */
        cmocka_unit_test(guesses),
        cmocka_unit_test(sidecar_beats_metadata_and_overrides_beat_both),
        cmocka_unit_test(written_is_read_back),
        cmocka_unit_test(mistakes_in_sidecars),
        cmocka_unit_test(mistakes_elsewhere),
        cmocka_unit_test(shared_networks),
        cmocka_unit_test(catalogue_is_sound),
        cmocka_unit_test(finds_files),
    };
    return cmocka_run_group_tests(tests, place_open, place_close);
}
