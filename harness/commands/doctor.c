/*
 * gauntlet doctor: is this installation sound, is this database, and is this network fed
 * as it was trained to be?
 */
#include "harness/command.h"
#include "harness/environment.h"
#include "harness/preparations.h"
#include "harness/table.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/threads.h"
#include "harness/plan.h"
#include "models/catalogue.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
    {"dataset", "PATH", NULL, "labelled images to try the network on", false, "files"},
    {"classes", "FILE", NULL, "class list (TSV: index, folder, name)", false, "files"},
    {"limit", "N", "300", "how many samples to try", false, NULL},
    {"seed", "N", "0", "which samples", false, NULL},
    {"threads", "N", "0", "workers; 0 is all", false, NULL},
    {"db", "FILE", NULL, "check this database", false, "files"},
    {"repair", NULL, NULL, "bring that database up to date; end runs whose process is gone",
     false, NULL},
    {"json", NULL, NULL, "as JSON", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet doctor", "libraries, vector units, families"},
    {"gauntlet doctor net.onnx --dataset val/",
     "which preprocessing fits: accuracy of each plausible one on 300 images"},
    {"gauntlet doctor --db results.db", "integrity of a database"},
    {0},
};

/* --- the installation ---------------------------------------------------------------- */

static size_t count_of(const void *const *registry)
{
    size_t count = 0;
    while (registry[count])
        count++;
    return count;
}
#define COUNT(registry) count_of((const void *const *)(registry))

static void print_installation(void)
{
    struct store_env env;
    environment_describe(&env);
    printf("gauntlet   %s, %s\n", env.version, env.git_commit);
    printf("system     %s, Linux %s, %s\n", env.os, env.kernel, env.arch);
    printf("processor  %s, %d cores, %" PRId64 " MiB\n", env.cpu, env.cores, env.ram_mb);
    printf("vectors    %s\n", env.simd);
    printf("libraries  %s\n", env.libs_json);
    printf("families   %zu decoders, %zu resizers, %zu colour paths, %zu natural noises, "
           "%zu attacks, %zu dataset layouts\n",
           COUNT(decoder_registry), COUNT(resizer_registry), COUNT(colour_registry),
           COUNT(natural_registry), COUNT(attack_registry),
           COUNT(dataset_format_registry));
}

/* --- a database ---------------------------------------------------------------------- */

static void tell(void *context, const char *line)
{
    (void)context;
    printf("%s\n", line);
}

static enum status check_database(const char *path, bool repair)
{
    struct store *store = NULL;
    int64_t wrong = 0;
    enum status st = store_open(path, repair ? STORE_WRITE : STORE_READ, &store);
    if (!st)
        st = store_check(store, repair, tell, NULL, &wrong);
    store_close(store);
    if (!st && !wrong)
        printf("%s: integrity, references, vectors and counts are fine\n", path);
    return !st && wrong ? status_fail(ERR_STORE, "%s: %" PRId64 " things are wrong", path,
                                      wrong)
                        : st;
}

/* --- a network ----------------------------------------------------------------------- */

struct trial {
    const struct preparation *preparation;
    char *overrides;
    size_t right;
    unsigned char *ok; /* [n] */
};

struct examination {
    const char *path;
    struct plan_dataset data;
    struct model *model;
    struct route route;
    struct condition clean;
    struct session **sessions;
    int threads, side; /* side: the shorter one of the input */
    struct trial *trial;
};

static enum status try_sample(void *context, size_t item, int worker)
{
    struct examination *e = context;
    const struct model_record *record = model_record(e->model);
    const struct session_options how = {0};
    uint32_t index = e->data.subset.items[item];
    int label = e->data.dataset.samples[index].label;
    struct image image = {0};
    const char *stage;
    enum status st = OK;
    if (!e->sessions[worker])
        st = session_open(e->model, &how, &e->sessions[worker]);
    if (st)
        return st;
    if (pipeline_fit(&e->route, &e->data.dataset, index, &image, &stage))
        return OK; /* counts as wrong, for every preparation alike */
    float *x = mem_array(image_size(&image), sizeof *x);
    float *logits = mem_array((size_t)record->n_classes, sizeof *logits);
    pixels_to_float(image.data, image.width, image.height, x);
    if (!session_forward(e->sessions[worker], x, logits)) {
        struct verdict verdict;
        verdict_of_logits(logits, record->n_classes, label, &verdict);
        e->trial->ok[item] = verdict.top1 == label;
    }
    free(x);
    free(logits);
    image_clear(&image);
    return OK;
}

static enum status try_preparation(struct examination *e, const char *const *overrides,
                                   struct trial *trial)
{
    size_t n = e->data.subset.count;
    trial->ok = mem_array(n, 1);
    trial->right = 0;
    e->trial = trial;
    enum status st = model_open(e->path, overrides, &e->model);
    if (st)
        return st;
    st = route_plan(&e->clean, &model_record(e->model)->preprocess, &e->route);
    e->sessions = mem_array((size_t)e->threads, sizeof *e->sessions);
    if (!st)
        st = threads_each(e->threads, n, try_sample, e);
    for (int i = 0; i < e->threads; i++)
        session_close(e->sessions[i]);
    free(e->sessions);
    model_close(e->model);
    for (size_t i = 0; i < n; i++)
        trial->right += trial->ok[i];
    return st;
}

/* Paired: how many samples the better one wins and loses, and whether that is a tie by the
 * exact two-sided sign test at 5 %. */
static bool is_tie(const struct trial *best, const struct trial *other, size_t n)
{
    size_t won = 0, lost = 0;
    for (size_t i = 0; i < n; i++) {
        won += best->ok[i] && !other->ok[i];
        lost += other->ok[i] && !best->ok[i];
    }
    size_t flips = won + lost, fewer = won < lost ? won : lost;
    double p = 0;
    for (size_t k = 0; k <= fewer; k++)
        p += exp(lgamma((double)flips + 1) - lgamma((double)k + 1) -
                 lgamma((double)(flips - k) + 1) - (double)flips * log(2.0));
    return 2 * p > 0.05;
}

static int by_accuracy(const void *a, const void *b)
{
    const struct trial *left = a, *right = b;
    return (left->right < right->right) - (left->right > right->right);
}

static void print_trials(const struct trial *trials, size_t count, size_t n, bool as_json)
{
    static const char *const titles[] = {"TOP-1 %",   "RIGHT", "PREPARATION",
                                         "OVERRIDES", "",      NULL};
    struct libscols_table *table = as_json ? NULL : table_new(titles, "TOP-1 RIGHT %");
    for (size_t i = 0; i < count; i++) {
        char accuracy[16], right[32];
        double share = 100.0 * (double)trials[i].right / (double)n;
        bool tie = i && is_tie(&trials[0], &trials[i], n);
        snprintf(accuracy, sizeof accuracy, "%.2f", share);
        snprintf(right, sizeof right, "%zu/%zu", trials[i].right, n);
        const char *verdict = !i ? "best" : tie ? "not told apart from the best" : "";
        const char *const values[] = {accuracy, right, trials[i].preparation->name,
                                      trials[i].overrides, verdict};
        if (table)
            table_row(table, values);
        else
            printf("%s\n "
                   "{\"name\":\"%s\",\"overrides\":\"%s\",\"right\":%zu,\"n\":%zu,"
                   "\"tie\":%s}",
                   i ? "," : "[", trials[i].preparation->name, trials[i].overrides,
                   trials[i].right, n, tie || !i ? "true" : "false");
    }
    if (table)
        table_print(table, stdout);
    else
        printf("\n]\n");
}

/* First how pixels become numbers, with the geometry as it is; then the geometry, with the
 * best of those. */
static enum status examine(struct examination *e, struct trial **out, size_t *count)
{
    size_t n_values, n_shapes;
    const struct preparation *values = preparations_of_values(&n_values);
    const struct preparation *shapes = preparations_of_shape(e->side, &n_shapes);
    struct trial *trials = mem_array(n_values + n_shapes, sizeof *trials);
    enum status st = OK;
    *out = trials;
    for (size_t i = 0; !st && i < n_values; i++) {
        struct trial *trial = &trials[(*count)++];
        trial->preparation = &values[i];
        trial->overrides = preparation_text(&values[i], NULL);
        st = try_preparation(e, values[i].overrides, trial);
    }
    if (st)
        return st;
    qsort(trials, *count, sizeof *trials, by_accuracy);
    const struct preparation *best = trials[0].preparation;
    for (size_t i = 0; !st && i < n_shapes; i++) {
        const char *all[16];
        preparation_join(best, &shapes[i], all);
        struct trial *trial = &trials[(*count)++];
        trial->preparation = &shapes[i];
        trial->overrides = preparation_text(best, &shapes[i]);
        st = try_preparation(e, all, trial);
        if (st == ERR_USAGE || st == ERR_FORMAT) { /* this network cannot be fed so */
            free(trial->ok);
            free(trial->overrides);
            (*count)--;
            st = OK;
        }
    }
    qsort(trials, *count, sizeof *trials, by_accuracy);
    return st;
}

static enum status open_examination(const struct arguments *arguments,
                                    struct examination *e)
{
    const char *dataset = option_value(arguments, "dataset");
    const struct dataset_options how = {.classes = option_value(arguments, "classes")};
    int64_t limit, seed, threads;
    if (!dataset)
        return status_fail(ERR_USAGE,
                           "a network is examined on pictures: give --dataset PATH");
    enum status st = option_integer(arguments, "limit", 1, INT32_MAX, &limit);
    if (!st)
        st = option_integer(arguments, "seed", 0, INT64_MAX, &seed);
    if (!st)
        st = option_integer(arguments, "threads", 0, 4096, &threads);
    if (!st)
        st = dataset_open(dataset, &how, &e->data.dataset);
    if (!st)
        st = subset_limit(&e->data.dataset, (size_t)limit, (uint64_t)seed,
                          &e->data.subset);
    if (!st)
        st = condition_parse("clean", &e->clean);
    if (!st)
        e->threads = threads ? (int)threads : threads_available();
    return st;
}

static enum status check_classes(struct examination *e)
{
    struct model *model = NULL;
    enum status st = model_open(e->path, NULL, &model);
    if (!st && model_record(model)->n_classes != e->data.dataset.n_classes)
        st =
            status_fail(ERR_USAGE,
                        "the network tells %d classes apart and the dataset has %d; give "
                        "--classes FILE.tsv",
                        model_record(model)->n_classes, e->data.dataset.n_classes);
    if (!st) {
        const struct preprocess *input = &model_record(model)->preprocess;
        e->side = input->width < input->height ? input->width : input->height;
    }
    model_close(model);
    return st;
}

/* The record's own way is values[0], whatever its rank. */
static void print_verdict(const struct trial *trials, size_t count, size_t n)
{
    size_t n_values, own = 0;
    const struct preparation *values = preparations_of_values(&n_values);
    while (own < count && trials[own].preparation != &values[0])
        own++;
    if (own == count)
        return;
    if (!own || is_tie(&trials[0], &trials[own], n))
        printf("The network's record fits: on %zu pictures nothing is better beyond "
               "chance.\n",
               n);
    else
        printf("The network's record does not fit: it has %zu of %zu right, and %zu "
               "with\n    %s\n",
               trials[own].right, n, trials[0].right, trials[0].overrides);
}

static enum status check_network(const struct arguments *arguments)
{
    struct examination e = {0};
    struct trial *trials = NULL;
    size_t count = 0;
    char *path = NULL;
    enum status st = catalogue_find(arguments->operands[0], &path);
    e.path = path;
    if (!st)
        st = open_examination(arguments, &e);
    if (!st)
        st = check_classes(&e);
    if (!st)
        st = examine(&e, &trials, &count);
    if (!st)
        print_trials(trials, count, e.data.subset.count, option_given(arguments, "json"));
    if (!st && !option_given(arguments, "json"))
        print_verdict(trials, count, e.data.subset.count);
    for (size_t i = 0; i < count; i++) {
        free(trials[i].ok);
        free(trials[i].overrides);
    }
    free(trials);
    free(path);
    condition_clear(&e.clean);
    subset_clear(&e.data.subset);
    dataset_close(&e.data.dataset);
    return st;
}

static enum exit_code run(const struct arguments *arguments)
{
    enum status st = OK;
    if (arguments->n_operands)
        st = check_network(arguments);
    else if (!option_given(arguments, "db"))
        print_installation();
    if (!st && option_given(arguments, "db"))
        st = check_database(option_value(arguments, "db"),
                            option_given(arguments, "repair"));
    return st ? command_fail(arguments, st) : EXIT_DONE;
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "check the installation, a database, or how a network wants its input",
    .operands = "[MODEL]",
    .max_operands = 1,
    .about =
        "Without arguments, says what this program was built with and runs on. With a "
        "database, checks it. With a network and labelled images, tries the plausible "
        "ways to prepare the input - channel order, range, mean and deviation, then "
        "resize and crop - and says which fits: most results that cannot be reproduced "
        "come from a wrong one.",
    .options = options,
    .examples = examples,
    .run = run,
};
