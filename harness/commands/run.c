/* gauntlet run: networks, data and conditions into the database. */
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/threads.h"
#include "harness/table.h"
#include "harness/command.h"
#include "harness/lists.h"
#include "harness/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option options[] = {
    {"model", "FILE|NAME", NULL, "an ONNX network, or a name from the catalogue", true,
     "models"},
    {"dataset", "PATH|NAME", NULL,
     "images: a folder or tar of class folders, an ImageNet list, CIFAR batches", true,
     "datasets"},
    {"noise", "CONDITION", NULL,
     "a condition, such as 'gaussian_noise:3' or 'decode=stb'; see 'gauntlet list "
     "noises'",
     true, "noises"},
    {"classes", "FILE", NULL, "class list (TSV: index, folder, name) for every --dataset",
     false, "files"},
    {"ood", "PATH|NAME", NULL,
     "pictures of no known class: how well confidence tells them apart from --dataset's",
     true, "datasets"},
    {"among", "CLASSES", NULL,
     "'present': networks choose among the classes that --dataset has, as on ImageNet-A and "
     "-R",
     false, "present all"},
    {"set", "KEY=VALUE", NULL, "change the input record of every model, as 'resize=256'",
     true, NULL},
    {"sampling", "RATIO", NULL, "only JPEGs whose chroma is sampled like this", false,
     "4:4:4 4:2:0 4:2:2 4:4:0 grey"},
    {"limit", "N", NULL, "at most N samples of a dataset, the same share of each class",
     false, NULL},
    {"seed", "N", "0", "seed of subsets and of random noises", false, NULL},
    {"threads", "N", "all", "workers; results are the same for any number", false, NULL},
    {"db", "FILE", "results.db", "the database; made when missing", false, "files"},
    {"only", "KEY=VALUE", NULL, "only cells with kind=KIND, noise=NAME or model=NAME",
     false, NULL},
    {"shard", "I/N", NULL, "the I-th of N shares of the work", false, NULL},
    {"timeout-cell", "TIME", NULL, "give a cell up after so much work (90s, 20m, 4h)",
     false, NULL},
    {"budget", "TIME", NULL,
     "stop after so long (90m, 4h), most telling cells first; go on with the same command",
     false, NULL},
    {"save-adversarial", "FOLDER", NULL, "write adversarial examples as PNG, checked, and ten times their "
     "perturbation as NAME.x10.png; NAME.float_only.png where 8 bits fool no more", false,
     "files"},
    {"dry-run", NULL, NULL, "print the cells and what is already done, and stop", false,
     NULL},
    {"strict", NULL, NULL, "exit 7 when a result has a reliability flag", false, NULL},
    {"json", NULL, NULL, "print the summary as JSON", false, NULL},
    {"quiet", NULL, NULL, "no progress, no table", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet run quick", "the networks that come with gauntlet, on pictures it renders"},
    {"gauntlet run --model net.onnx --dataset photos/", "clean accuracy of a network"},
    {"gauntlet run --model net.onnx --dataset test.tar --noise 'decode=[turbo,stb] "
     "resize=*'",
     "what decoders and resizers change"},
    {"gauntlet run --model net.onnx --dataset test.tar --limit 200 --noise 'pgd-linf "
     "eps=2/255'",
     "accuracy under attack, on 200 samples"},
    {"gauntlet run --model a.onnx --model b.onnx --dataset test.tar --noise "
     "'mi-di-ti-linf eps=8/255 source=*'",
     "who is fooled by what was crafted on whom; see gauntlet leaderboard --transfer"},
    {"gauntlet run sysnoise --model a.onnx --model b.onnx --dataset test.tar",
     "a whole suite; run it again after Ctrl-C and it goes on"},
    {0},
};

/* --- options into a suite ------------------------------------------------------------ */

static enum status read_suite(const struct arguments *arguments, struct suite **out)
{
    const char *value;
    char *path = arguments->n_operands ? suite_path(arguments->operands[0]) : NULL;
    enum status st = path ? suite_load(path, out) : suite_new(out);
    if (st == ERR_NOTFOUND || (st == ERR_IO && access(path, F_OK)))
        st = status_fail(st, "%s: no such file, and no suite that `gauntlet list suites` "
                         "shows (run from the sources' folder, or install)", path);
    free(path);
    if (st)
        return st;
    for (size_t i = 0; (value = option_nth(arguments, "model", i)); i++)
        suite_add_model(*out, value);
    for (size_t i = 0; (value = option_nth(arguments, "dataset", i)); i++)
        suite_add_dataset(*out, value, option_value(arguments, "classes"), NULL,
                          option_value(arguments, "among"));
    for (size_t i = 0; (value = option_nth(arguments, "ood", i)); i++)
        suite_add_dataset(*out, value, NULL, "ood", NULL);
    for (size_t i = 0; (value = option_nth(arguments, "noise", i)); i++)
        suite_add_noise(*out, value);

    if (suite_complete(*out) && !option_given(arguments, "quiet"))
        progress_note("the networks and pictures that come with gauntlet");

    int64_t number;
    st = option_integer(arguments, "seed", 0, INT64_MAX, &number);
    if (!st && option_given(arguments, "seed"))
        (*out)->seed = (uint64_t)number;
    if (!st)
        st = option_integer(arguments, "limit", 1, INT32_MAX, &number);
    if (!st && option_given(arguments, "limit"))
        (*out)->limit = (uint64_t)number;
    return st;
}

static enum status read_shard(const struct arguments *arguments, struct plan_options *out)
{
    const char *value = option_value(arguments, "shard");
    char rest;
    if (value && (sscanf(value, "%d/%d%c", &out->shard, &out->n_shards, &rest) != 2 ||
                  out->shard < 1 || out->shard > out->n_shards))
        return status_fail(ERR_USAGE, "--shard %s: write I/N with I from 1 to N", value);
    return OK;
}

static enum status read_threads(const struct arguments *arguments, int *out)
{
    int64_t number = 0;
    *out = 0;
    if (!strcmp(option_value(arguments, "threads"), "all"))
        return OK;
    enum status st = option_integer(arguments, "threads", 1, 4096, &number);
    *out = (int)number;
    return st;
}

static enum status read_options(const struct arguments *arguments,
                                const struct suite *suite, struct plan_options *plan,
                                struct run_options *run)
{
    *plan = (struct plan_options){
        .seed = suite->seed,
        .limit = option_given(arguments, "limit") ? suite->limit : 0,
        .sampling = option_value(arguments, "sampling"),
        .only = option_value(arguments, "only"),
    };
    *run = (struct run_options){
        .seed = suite->seed,
        .quiet = option_given(arguments, "quiet"),
        .strict = option_given(arguments, "strict"),
        .save_folder = option_value(arguments, "save-adversarial"),
    };
    enum status st = read_shard(arguments, plan);
    if (!st)
        st = read_threads(arguments, &run->threads);
    if (!st)
        st = option_seconds(arguments, "timeout-cell", &run->cell_seconds);
    return st ? st : option_seconds(arguments, "budget", &run->budget_seconds);
}

/* --- the dry run --------------------------------------------------------------------- */

static const char *state_word(enum cell_state state)
{
    return state == CELL_FOUND ? "done" : state == CELL_FAILED ? "impossible" : "to do";
}

static void print_plan_json(const struct plan *plan)
{
    struct text out = {0};
    text_add(&out, "[");
    for (size_t i = 0; i < plan->n_cells; i++) {
        const struct cell *cell = &plan->cells[i];
        const struct plan_dataset *dataset = &plan->datasets[cell->dataset];
        text_add(&out, i ? ",\n {\"model\":" : "\n {\"model\":");
        json_string(&out, plan->models[cell->model].name);
        text_add(&out, ",\"dataset\":");
        json_string(&out, dataset->dataset.name);
        text_add(&out, ",\"condition\":");
        json_string(&out, cell_condition(plan, cell)->label);
        text_addf(&out, ",\"n\":%zu,\"state\":\"%s\",\"key\":\"%s\"",
                  dataset->subset.count, state_word(cell->state), cell->key);
        if (isfinite(cell->cost))
            text_addf(&out, ",\"cpu_s\":%.3f", cell->cost);
        text_add(&out, "}");
    }
    text_add(&out, "\n]\n");
    fputs(out.data, stdout);
    text_clear(&out);
}

static void print_plan(const struct plan *plan, bool as_json)
{
    if (as_json) {
        print_plan_json(plan);
        return;
    }
    for (size_t i = 0; i < plan->n_cells; i++) {
        const struct cell *cell = &plan->cells[i];
        printf("%-11s %s%s%s\n", state_word(cell->state), cell_name(plan, cell),
               cell->error ? ": " : "", cell->error ? cell->error : "");
    }
    printf("%zu cells: %zu to do, %zu done, %zu impossible\n", plan->n_cells,
           plan_count(plan, CELL_WAITING), plan_count(plan, CELL_FOUND),
           plan_count(plan, CELL_FAILED));
}

static enum status dry_run(const struct arguments *arguments, struct plan *plan, int threads)
{
    struct plan_cost cost = {0};
    struct store *store = NULL;
    const char *db = option_value(arguments, "db");
    enum status st = OK;
    if (!access(db, F_OK)) /* otherwise nothing is done yet */
        st = store_open(db, STORE_READ, &store);
    if (!st && store)
        st = plan_lookup(plan, store);
    if (!st && store)
        st = plan_predict(plan, store, &cost);
    store_close(store);
    bool as_json = option_given(arguments, "json");
    if (!st)
        print_plan(plan, as_json);
    if (!st && !as_json && cost.cells)
        puts(run_prospect(&cost, threads));
    return st;
}

/* --- the run ------------------------------------------------------------------------- */

static void print_failures(const struct plan *plan, const char *db)
{
    for (size_t i = 0; i < plan->n_cells; i++) {
        const struct cell *cell = &plan->cells[i];
        if (cell->state == CELL_FAILED || cell->state == CELL_TIMEOUT)
            fprintf(stderr,
                    "%s: %s\n    again: gauntlet run --model '%s' --dataset '%s' --noise "
                    "'%s' "
                    "--db '%s'\n",
                    cell_name(plan, cell), cell->error ? cell->error : "failed",
                    plan->models[cell->model].record->path,
                    plan->datasets[cell->dataset].dataset.path,
                    cell_condition(plan, cell)->label, db);
    }
}

static void print_summary(const struct run_report *report, const char *db, bool as_json,
                          enum exit_code code)
{
    if (as_json) {
        printf("{\"run\":%" PRId64 ",\"db\":", report->run_id);
        struct text name = {0};
        json_string(&name, db);
        printf("%s,\"done\":%zu,\"found\":%zu,\"failed\":%zu,\"timeout\":%zu,\"flagged\":"
               "%zu,\"unread\":%zu,"
               "\"seconds\":%.3f,\"cpu_s\":%.3f,\"cpu_predicted\":%.3f,\"images\":%zu,\"peak_kb\":%" PRId64 ",\"exit\":%d}\n",
               name.data, report->done, report->found, report->failed, report->timed_out,
               report->flagged, report->unread, report->seconds, report->cpu_s,
               report->cpu_predicted, report->samples, report->peak_kb,
               (int)code);
        text_clear(&name);
        return;
    }
    char *summary = run_summary(report);
    fprintf(stderr, "%s -> %s\n", summary, db);
    free(summary);
}

static enum status execute(const struct arguments *arguments, struct plan *plan,
                           const struct plan_options *shares, const struct run_options *run,
                           enum exit_code *code)
{
    struct store *store = NULL;
    struct run_report report = {0};
    const char *db = option_value(arguments, "db");
    char *config = suite_json(plan->suite);
    char sha[HASH_HEX];
    hash_bytes(config, strlen(config), sha);
    const struct store_run row = {
        .suite = plan->suite->name,
        .suite_sha = sha,
        .config = config,
        .argv = arguments->line,
        .seed = run->seed,
        .shard = shares->n_shards ? shares->shard : 1,
        .n_shards = shares->n_shards ? shares->n_shards : 1,
    };
    bool as_json = option_given(arguments, "json");
    enum status st = store_open(db, STORE_CREATE, &store);
    if (!st && store_warning(store))
        progress_note("%s", store_warning(store));
    if (!st)
        st = run_plan(plan, store, &row, run, &report);
    *code = run_exit_code(&report, st, run->strict);
    if (!st) {
        print_failures(plan, db);
        print_summary(&report, db, as_json, *code);
    }
    if (!st && !as_json && report.unread)
        st = table_of_unread(store, report.run_id, stderr);
    if (!st && !as_json && !run->quiet && !report.interrupted)
        st = table_of_run(store, report.run_id, stdout);
    store_close(store);
    free(config);
    return st;
}

static enum exit_code run(const struct arguments *arguments)
{
    struct suite *suite = NULL;
    struct plan_options plan_options;
    struct run_options run_options;
    struct plan plan = {0};
    enum exit_code code = EXIT_DONE;
    const char *set[64] = {NULL};
    for (size_t i = 0; i < 63 && option_nth(arguments, "set", i); i++)
        set[i] = option_nth(arguments, "set", i);

    enum status st = read_suite(arguments, &suite);
    if (!st)
        st = read_options(arguments, suite, &plan_options, &run_options);
    if (!st) {
        plan_options.set = set;
        st = plan_open(suite, &plan_options, &plan);
    }
    if (!st && option_given(arguments, "dry-run"))
        st = dry_run(arguments, &plan,
                     run_options.threads > 0 ? run_options.threads : threads_available());
    else if (!st)
        st = execute(arguments, &plan, &plan_options, &run_options, &code);
    if (st)
        code = command_fail(arguments, st);
    plan_close(&plan);
    suite_free(suite);
    return code;
}

const struct command command_run = {
    .name = "run",
    .summary = "measure networks under conditions, into the database",
    .operands = "[SUITE]",
    .max_operands = 1,
    .about = "Shows every sample to every network under every condition and writes "
             "accuracies, "
             "predictions and failures to the database. The plain condition 'clean' "
             "always runs "
             "first. Cells that are in the database already are not computed again, so "
             "that a run "
             "that was stopped goes on where it was. SUITE is a YAML file, or the name of one "
        "that 'gauntlet list suites' shows.",
    .options = options,
    .examples = examples,
    .run = run,
};
