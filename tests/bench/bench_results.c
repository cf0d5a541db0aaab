/*
 * The store at scale: makes one with MODELS x CONDITIONS cells of SAMPLES predictions each
 * (drawn, not run) and thirty nights that use them, then times the board and the README's queries on it.
 *
 *     bench_results FILE.db [MODELS CONDITIONS SAMPLES]     60 300 10000
 *
 * An existing file is timed as it is.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "results/board.h"
#include "results/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NIGHTS = 30 };

struct world {
    struct store *store;
    size_t models, conditions, samples;
    int64_t run, dataset, subset, *model_ids, *condition_ids;
    double *hardness, *model_skill, *condition_harm;
    int *labels;
};

static void check(enum status st)
{
    if (!st)
        return;
    fprintf(stderr, "bench_results: %s\n", status_message());
    exit(1);
}

static double draw(const char *what, size_t index)
{
    struct rng rng;
    rng_open(&rng, 7, what, "bench", index);
    return rng_uniform(&rng);
}

static void put_samples(struct world *w)
{
    char **keys = mem_array(w->samples, sizeof *keys);
    uint32_t *items = mem_array(w->samples, sizeof *items);
    w->labels = mem_array(w->samples, sizeof *w->labels);
    w->hardness = mem_array(w->samples, sizeof *w->hardness);
    for (size_t i = 0; i < w->samples; i++) {
        w->labels[i] = (int)(i % 10);
        w->hardness[i] = draw("hardness", i);
        keys[i] = mem_format("test/%d/%05zu.jpg", w->labels[i], i);
        items[i] = (uint32_t)i;
    }
    struct store_dataset dataset = {.name = "cifar10", .split = "test", .manifest_sha = "m",
                                    .n_classes = 10, .count = w->samples,
                                    .keys = (const char *const *)keys, .labels = w->labels};
    check(store_put_dataset(w->store, &dataset, &w->dataset));
    struct store_subset subset = {w->dataset, "all", "s", w->samples, items};
    check(store_put_subset(w->store, &subset, &w->subset));
    for (size_t i = 0; i < w->samples; i++)
        free(keys[i]);
    free(keys);
    free(items);
}

/* Two in three are compressed forms of the one before. */
static void put_models(struct world *w)
{
    static const char *const nets[] = {"resnet20", "resnet32", "resnet56", "mobilenetv2",
                                       "shufflenet", "vgg11",  "densenet40", "vit-tiny"};
    static const char *const precisions[] = {"fp32", "int8", "binary"};
    w->model_ids = mem_array(w->models, sizeof *w->model_ids);
    w->model_skill = mem_array(w->models, sizeof *w->model_skill);
    for (size_t i = 0; i < w->models; i++) {
        size_t net = i / 3, form = i % 3;
        char *twin = net < 8 ? mem_copy(nets[net]) : mem_format("%s-v%zu", nets[net % 8], net / 8);
        char *name = form ? mem_format("%s-%s", twin, precisions[form]) : mem_copy(twin);
        struct store_model model = {
            .name = name, .arch = nets[net % 8], .family = "convnet",
            .precision = precisions[form], .technique = form ? "qat" : "",
            .gradient = form ? "surrogate" : "exact", .twin = form ? twin : NULL,
            .file_sha = name, .params = 270000 + 40000 * (int64_t)net, .macs = 40000000,
            .file_bytes = form == 1 ? 300000 : 1100000, .n_classes = 10};
        check(store_put_model(w->store, &model, &w->model_ids[i]));
        w->model_skill[i] = 0.82 + 0.12 * draw("skill", net) - 0.015 * (double)(form * form);
        free(name);
        free(twin);
    }
}

static void put_conditions(struct world *w)
{
    static const char *const noises[] = {
        "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur",
        "motion_blur", "zoom_blur", "snow", "frost", "fog", "brightness", "contrast",
        "elastic_transform", "pixelate", "jpeg_compression"};
    static const char *const decoders[] = {"turbo", "ijg9", "ffmpeg", "stb", "turbo-ifast"};
    static const char *const resizers[] = {"pillow-bilinear", "opencv-bilinear", "pillow-bicubic",
                                           "pillow-lanczos", "opencv-area", "opencv-nearest"};
    w->condition_ids = mem_array(w->conditions, sizeof *w->condition_ids);
    w->condition_harm = mem_array(w->conditions, sizeof *w->condition_harm);
    for (size_t i = 0; i < w->conditions; i++) {
        struct store_condition condition = {.kind = "clean", .noise = "clean", .impl = 1,
                                            .eps = -1};
        char label[96] = "clean", sha[HASH_HEX];
        double harm = 0;
        if (i >= 1 && i < 31) {
            condition.kind = "system";
            condition.noise = "decode+resize";
            snprintf(label, sizeof label, "decode=%s resize=%s", decoders[(i - 1) % 5],
                     resizers[(i - 1) / 5]);
            harm = 0.04 * draw("harm", i);
        } else if (i >= 31 && i < 106) {
            condition.kind = "natural";
            condition.noise = noises[(i - 31) / 5];
            condition.severity = (int)(i - 31) % 5 + 1;
            snprintf(label, sizeof label, "%s:%d", condition.noise, condition.severity);
            harm = (0.02 + 0.1 * draw("noise", (i - 31) / 5)) * condition.severity;
        } else if (i >= 106) {
            condition.kind = "adversarial";
            condition.noise = i % 2 ? "pgd-linf" : "square-linf";
            condition.norm = "Linf";
            condition.eps = 0.5 * (double)((i - 106) / 2 + 1) / 255;
            snprintf(label, sizeof label, "%s eps=%.1f/255", condition.noise,
                     condition.eps * 255);
            harm = condition.eps * 255 * (i % 2 ? 0.16 : 0.09);
        }
        hash_bytes(label, strlen(label), sha);
        condition.label = label;
        condition.params_sha = sha;
        check(store_put_condition(w->store, &condition, &w->condition_ids[i]));
        w->condition_harm[i] = harm;
    }
}

static void put_cell(struct world *w, size_t m, size_t c, int *top1, int *rank)
{
    double skill = w->model_skill[m] - w->condition_harm[c] * (1 + 0.25 * (double)(m % 3 == 2));
    char key[64];
    snprintf(key, sizeof key, "%zu-%zu", m, c);
    struct rng rng;
    rng_open(&rng, 7, key, "cell", 0);
    size_t right = 0;
    for (size_t i = 0; i < w->samples; i++) {
        bool ok = 0.9 * w->hardness[i] + 0.1 * rng_uniform(&rng) < skill;
        top1[i] = ok ? w->labels[i] : (w->labels[i] + 1 + (int)rng_below(&rng, 9)) % 10;
        rank[i] = ok ? 0 : 1 + (int)rng_below(&rng, 9);
        right += ok;
    }
    /* a binary network that nothing breaks: what masked gradients look like */
    struct store_flag flag = {"ZERO_GRAD", "share of samples without a gradient", 0.31};
    bool doubt = m % 3 == 2 && c >= 106 && right > w->samples / 5;
    struct store_cell cell = {
        .run_id = w->run, .model_id = w->model_ids[m], .dataset_id = w->dataset,
        .cond_id = w->condition_ids[c], .subset_id = w->subset, .key = key, .status = "done",
        .n = w->samples, .top1 = top1, .rank = rank, .forwards = w->samples, .cpu_s = 1,
        .flags = &flag, .n_flags = doubt};
    int64_t id;
    check(store_put_cell(w->store, &cell, &id));
}

/* Nights that found everything done: what every later run is. */
static void put_nights(struct world *w, int64_t env_id, const struct store_run *run, size_t nights)
{
    size_t count = w->models * w->conditions;
    int64_t *ids = mem_array(count, sizeof *ids);
    struct query query;
    size_t at = 0;
    query_begin(&query, store_handle(w->store), "SELECT cell_id FROM cell", "");
    while (at < count && query_row(&query))
        ids[at++] = query_int(&query, 0);
    check(query_end(&query));
    for (size_t i = 0; i < nights; i++) {
        int64_t id;
        check(store_run_begin(w->store, env_id, run, &id));
        check(store_use_cells(w->store, id, ids, at));
        check(store_run_end(w->store, id, "done", 0));
    }
    free(ids);
}

static void make(const char *path, size_t models, size_t conditions, size_t samples)
{
    struct world w = {.models = models, .conditions = conditions, .samples = samples};
    double start = clock_now();
    check(store_open(path, STORE_CREATE, &w.store));
    check(sql_script(store_handle(w.store), "PRAGMA synchronous = OFF"));
    struct store_env env = {.host = "bench", .version = "0.1.0", .cores = 1};
    struct store_run run = {.suite = "bench", .suite_sha = "bench", .argv = "bench_results"};
    int64_t env_id;
    check(store_put_env(w.store, &env, &env_id));
    check(store_run_begin(w.store, env_id, &run, &w.run));
    put_samples(&w);
    put_models(&w);
    put_conditions(&w);
    int *top1 = mem_array(samples, sizeof *top1), *rank = mem_array(samples, sizeof *rank);
    for (size_t m = 0; m < models; m++)
        for (size_t c = 0; c < conditions; c++)
            put_cell(&w, m, c, top1, rank);
    check(store_run_end(w.store, w.run, "done", 0));
    put_nights(&w, env_id, &run, NIGHTS - 1);
    store_close(w.store);
    printf("%zu cells of %zu predictions, %d nights, written in %.1f s\n", models * conditions,
           samples, NIGHTS, clock_now() - start);
    free(top1);
    free(rank);
    free(w.labels);
    free(w.hardness);
    free(w.model_ids);
    free(w.model_skill);
    free(w.condition_ids);
    free(w.condition_harm);
}

static void time_board(struct store *store, const char *format)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct leaderboard_options options = {.format = format};
    double start = clock_now(), cpu = clock_cpu();
    check(leaderboard_write(store, &options, out));
    fclose(out);
    printf("%7.2f %7.2f  leaderboard --format %s, %zu bytes\n", clock_now() - start,
           clock_cpu() - cpu, format, size);
    free(text);
}

static void time_query(struct store *store, const char *name, const char *sql)
{
    double start = clock_now(), cpu = clock_cpu();
    struct query query;
    int rows = 0;
    query_begin(&query, store_handle(store), sql, "");
    while (query_row(&query))
        rows++;
    check(query_end(&query));
    printf("%7.2f %7.2f  %s, %d rows\n", clock_now() - start, clock_cpu() - cpu, name, rows);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 2) {
        fputs("usage: bench_results FILE.db [MODELS CONDITIONS SAMPLES]\n", stderr);
        return 1;
    }
    if (access(argv[1], F_OK))
        make(argv[1], argc > 2 ? (size_t)atoll(argv[2]) : 60,
             argc > 3 ? (size_t)atoll(argv[3]) : 300, argc > 4 ? (size_t)atoll(argv[4]) : 10000);
    struct stat info;
    if (!stat(argv[1], &info))
        printf("%.0f MB\n", (double)info.st_size / 1e6);
    struct store *store;
    check(store_open(argv[1], STORE_READ, &store));
    puts("   wall     CPU, seconds");
    static const char *const formats[] = {"terminal", "markdown", "csv", "json", "html"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        time_board(store, formats[i]);
    static const char *const queries[][2] = {
        {"worst per kind", "SELECT model, precision, kind, min(acc), avg(acc), avg(delta) FROM"
         " result WHERE dataset = 'cifar10' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"},
        {"one model", "SELECT noise, condition, acc, delta, 1.96 * delta_se FROM result WHERE"
         " model = 'resnet20' ORDER BY delta"},
        {"mce", "SELECT model, round(mce, 1), n_corruptions FROM mce WHERE baseline ="
         " 'alexnet' ORDER BY 2"},
        {"twins", "SELECT model, condition, cost, robustness_cost FROM twin ORDER BY 4"},
        {"changes", "SELECT * FROM history WHERE run_id = (SELECT max(run_id) FROM run) AND"
         " abs(change_pp) > 0 ORDER BY change_pp"},
        {"flips", "WITH a AS MATERIALIZED (SELECT * FROM pred_row WHERE cell_id = 1), b AS"
         " MATERIALIZED (SELECT * FROM pred_row WHERE cell_id = 76) SELECT a.key, a.label,"
         " a.top1, b.top1 FROM a JOIN b USING(pos) WHERE a.ok AND NOT b.ok"},
        {"worst case of 4", "SELECT 100.0 * avg(w) FROM (SELECT pos, min(ok) w FROM pred_row"
         " WHERE model_id = 1 AND cond_id IN (2, 7, 12, 17) GROUP BY pos)"},
        {"flags", "SELECT model, noise, condition, flags FROM result WHERE flags IS NOT NULL"},
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        time_query(store, queries[i][0], queries[i][1]);
    store_close(store);
    return 0;
}
