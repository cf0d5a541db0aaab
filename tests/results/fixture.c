#include "tests/test.h"

#include "tests/results/fixture.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

static void put_models(struct fixture *fixture)
{
    static const struct store_model models[FIXTURE_MODELS] = {
        {.name = "alpha", .arch = "resnet", .precision = "fp32", .gradient = "exact",
         .file_sha = "aa", .file_bytes = 4000, .params = 1000, .macs = 5000, .n_classes = 10},
        {.name = "alpha-int8", .arch = "resnet", .precision = "int8", .technique = "ptq",
         .gradient = "surrogate", .twin = "alpha", .file_sha = "bb", .file_bytes = 1000,
         .params = 1000, .macs = 5000, .n_classes = 10},
        {.name = "beta", .arch = "vgg", .precision = "fp32", .gradient = "exact",
         .file_sha = "cc", .preprocess_json = "{\"decoder\":\"turbo\",\"resizer\":"
                                              "\"pillow-bilinear\"}", .file_bytes = 9000, .params = 2000, .macs = 9000, .n_classes = 10},
    };
    for (int i = 0; i < FIXTURE_MODELS; i++)
        assert_ok(store_put_model(fixture->store, &models[i], &fixture->model[i]));
}

static void put_samples(struct fixture *fixture)
{
    size_t n = fixture->n;
    char **keys = mem_array(n, sizeof *keys);
    uint32_t *items = mem_array(n, sizeof *items);
    fixture->labels = mem_array(n, sizeof *fixture->labels);
    for (size_t i = 0; i < n; i++) {
        fixture->labels[i] = (int)(i % FIXTURE_CLASSES);
        keys[i] = mem_format("test/%d/%04zu.jpg", fixture->labels[i], i);
        items[i] = (uint32_t)i;
    }
    struct store_dataset dataset = {
        .name = "toy", .split = "test", .manifest_sha = "manifest", .count = n,
        .n_classes = FIXTURE_CLASSES, .keys = (const char *const *)keys,
        .labels = fixture->labels,
    };
    assert_ok(store_put_dataset(fixture->store, &dataset, &fixture->dataset));
    struct store_subset subset = {
        .dataset_id = fixture->dataset, .spec = "all", .sha = "subset", .count = n,
        .items = items,
    };
    assert_ok(store_put_subset(fixture->store, &subset, &fixture->subset));
    for (size_t i = 0; i < n; i++)
        free(keys[i]);
    free(keys);
    free(items);
}

void fixture_new_run(struct fixture *fixture)
{
    struct store_run run = {.suite = "toy", .suite_sha = "suite", .config = "models: 3",
                            .argv = "gauntlet run toy.yaml"};
    assert_ok(store_run_begin(fixture->store, fixture->env, &run, &fixture->run));
}

void fixture_open(struct fixture *fixture, size_t n)
{
    *fixture = (struct fixture){.n = n};
    char folder[] = "/tmp/gauntlet-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    snprintf(fixture->path, sizeof fixture->path, "%s/results.db", folder);
    assert_ok(store_open(fixture->path, STORE_CREATE, &fixture->store));
    struct store_env env = {.host = "here", .os = "Debian 12", .cpu = "Some CPU", .cores = 2,
                            .version = "0.1.0", .libs_json = "{\"sqlite\":\"3.40.1\"}"};
    assert_ok(store_put_env(fixture->store, &env, &fixture->env));
    put_models(fixture);
    put_samples(fixture);
    fixture_new_run(fixture);
}

void fixture_close(struct fixture *fixture)
{
    store_close(fixture->store);
    char *slash = strrchr(fixture->path, '/');
    *slash = 0;
    char *command = mem_format("rm -rf '%s'", fixture->path);
    if (system(command))
        print_message("# %s stays\n", fixture->path);
    free(command);
    free(fixture->labels);
    *fixture = (struct fixture){0};
}

int64_t fixture_condition(struct fixture *fixture, const char *kind, const char *noise,
                          const char *label, int severity, double eps)
{
    char sha[HASH_HEX];
    hash_bytes(label, strlen(label), sha);
    struct store_condition condition = {
        .kind = kind, .noise = noise, .impl = 1, .label = label, .severity = severity,
        .norm = eps < 0 ? NULL : "Linf", .eps = eps, .params_sha = sha,
    };
    int64_t id = 0;
    assert_ok(store_put_condition(fixture->store, &condition, &id));
    return id;
}

int *fixture_predict(const struct fixture *fixture, double accuracy, int luck)
{
    int *top1 = mem_array(fixture->n, sizeof *top1);
    for (size_t i = 0; i < fixture->n; i++) {
        char key[32];
        snprintf(key, sizeof key, "%zu", i);
        struct rng hard, own;
        rng_open(&hard, 1, key, "hardness", 0);
        rng_open(&own, 1, key, "luck", (uint64_t)luck);
        double hardness = 0.8 * rng_uniform(&hard) + 0.2 * rng_uniform(&own);
        bool right = hardness < accuracy;
        top1[i] = right ? fixture->labels[i]
                        : (fixture->labels[i] + 1 + (int)rng_below(&own, 9)) % 10;
    }
    return top1;
}

int64_t fixture_cell(struct fixture *fixture, int model, int64_t condition, double accuracy,
                     int luck)
{
    int *top1 = fixture_predict(fixture, accuracy, luck);
    char *key = mem_format("key-%d-%lld-%d", model, (long long)condition, luck);
    struct store_cell cell = {
        .run_id = fixture->run, .model_id = fixture->model[model],
        .dataset_id = fixture->dataset, .cond_id = condition, .subset_id = fixture->subset,
        .key = key, .status = "done", .n = fixture->n, .top1 = top1, .wall_s = 1.5,
        .cpu_s = 1.25, .forwards = fixture->n,
    };
    int64_t id = 0;
    assert_ok(store_put_cell(fixture->store, &cell, &id));
    free(key);
    free(top1);
    return id;
}

static void fill_model(struct fixture *fixture, int model, double clean)
{
    int luck = 100 * model;
    double quality = clean / 0.9;
    fixture_cell(fixture, model, fixture_condition(fixture, "clean", "clean", "clean", 0, -1),
                 clean, luck++);
    static const char *const decoders[] = {"turbo", "stb", "ffmpeg"};
    static const char *const resizers[] = {"pillow-bilinear", "opencv-bilinear"};
    for (int d = 0; d < 3; d++)
        for (int r = 0; r < 2; r++) {
            char label[80];
            snprintf(label, sizeof label, "decode=%s resize=%s", decoders[d], resizers[r]);
            fixture_cell(fixture, model,
                         fixture_condition(fixture, "system", "decode+resize", label, 0, -1),
                         clean - 0.01 * d - 0.02 * r, luck++);
        }
    static const char *const noises[] = {"gaussian_noise", "fog"};
    for (int z = 0; z < 2; z++)
        for (int severity = 1; severity <= 5; severity++) {
            char label[80];
            snprintf(label, sizeof label, "%s:%d", noises[z], severity);
            fixture_cell(fixture, model,
                         fixture_condition(fixture, "natural", noises[z], label, severity, -1),
                         clean - quality * (0.08 + 0.02 * z) * severity, luck++);
        }
    for (int eps = 1; eps <= 8; eps *= 2) {
        char label[80];
        snprintf(label, sizeof label, "pgd-linf eps=%d/255", eps);
        fixture_cell(fixture, model, fixture_condition(fixture, "adversarial", "pgd-linf",
                                                       label, 0, eps / 255.0),
                     fmax(0, clean - 0.3 * quality * eps), luck++);
    }
}

void fixture_fill(struct fixture *fixture)
{
    fill_model(fixture, 0, 0.9);
    fill_model(fixture, 1, 0.88);
    fill_model(fixture, 2, 0.8);
}
