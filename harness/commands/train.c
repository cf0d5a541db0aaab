/*
 * gauntlet train: a network from a configuration, in one deterministic run that may be
 * interrupted and goes on from its last epoch.
 */
#include "harness/command.h"
#include "harness/train_config.h"
#include "harness/train_data.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/text.h"
#include "base/threads.h"
#include "models/onnx/onnx.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option options[] = {
    {"threads", "N", "0", "workers; 0 is all; they do not change the result", false,
     NULL},
    {"output", "FILE", NULL, "the ONNX file, instead of the configuration's", false,
     "files"},
    {"fresh", NULL, NULL, "start anew even where a checkpoint is", false, NULL},
    {"quiet", NULL, NULL, "no progress", false, NULL},
    {"architectures", NULL, NULL, "list the architectures and stop", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet train resnet20.yaml", "train, or go on where it stopped"},
    {"gauntlet train --architectures", "what there is to train"},
    {0},
};

/* One training, from configuration to file. */
struct job {
    const struct arguments *arguments;
    const char *path; /* of the configuration */
    struct train_shelf *shelf;
    struct train_config *config;
    struct train_rule rule;
    struct train_data data, validation;
    struct trainer *trainer;
    struct model *teacher;
    struct session **sessions; /* of the teacher, per worker */
    int threads;
    char *output, *checkpoint;
    double top1, seconds, cpu;
};

static enum status open_data(struct job *job)
{
    const struct train_config *c = job->config;
    int side = job->rule.side, resize = (int)c->resize;
    const struct dataset_options how = {.classes = c->classes};
    enum status st =
        train_data_open(job->shelf, c->dataset, &how, c->limit, c->seed, side, resize,
                        c->decoders, c->decoders_count, c->resizers, c->resizers_count,
                        &job->data);
    if (!st && c->validation)
        st = train_data_open(job->shelf, c->validation, &how, c->validation_limit, c->seed,
                             side, resize, NULL, 0, NULL, 0, &job->validation);
    if (!st && c->validation &&
        job->validation.dataset->n_classes != job->data.dataset->n_classes)
        st = status_fail(ERR_USAGE, "%s has %d classes, %s has %d", c->dataset,
                         job->data.dataset->n_classes, c->validation,
                         job->validation.dataset->n_classes);
    job->rule.n_classes = job->data.dataset->n_classes;
    return st;
}

static enum status teach(void *context, int worker, const float *x, float *logits)
{
    struct job *job = context;
    enum status st = OK;
    if (!job->sessions[worker])
        st = session_open(job->teacher, NULL, &job->sessions[worker]);
    return st ? st : session_forward(job->sessions[worker], x, logits);
}

static enum status open_teacher(struct job *job)
{
    if (!job->config->teacher)
        return OK;
    enum status st = model_open(job->config->teacher, NULL, &job->teacher);
    if (st)
        return st;
    const struct model_record *record = model_record(job->teacher);
    const struct preprocess *p = &record->preprocess;
    if (record->n_classes != job->rule.n_classes || p->width != job->rule.side ||
        p->height != job->rule.side)
        return status_fail(ERR_USAGE,
                           "the teacher sees %dx%d pixels and %d classes, the "
                           "student %dx%d and %d",
                           p->width, p->height, record->n_classes, job->rule.side,
                           job->rule.side, job->rule.n_classes);
    job->sessions = mem_array((size_t)job->threads, sizeof(struct session *));
    job->rule.teach = teach;
    job->rule.teacher = job;
    return OK;
}

/* NAME.yaml beside NAME.onnx is where a network's record is looked for. */
static enum status not_a_sidecar(const char *config, const char *output)
{
    size_t stem = strlen(output) > 5 ? strlen(output) - 5 : 0;
    if (strlen(output) < 6 || strcmp(output + stem, ".onnx"))
        return status_fail(ERR_USAGE, "output: '%s' does not end in .onnx", output);
    if (!strncmp(config, output, stem) && !strcmp(config + stem, ".yaml"))
        return status_fail(
            ERR_USAGE, "%s would be read as the record of %s: name it %.*s.train.yaml",
            config, output, (int)stem, output);
    return OK;
}

static enum status open_job(struct job *job)
{
    const struct arguments *arguments = job->arguments;
    int64_t threads;
    enum status st = option_integer(arguments, "threads", 0, 1024, &threads);
    if (!st)
        st = train_config_load(job->path, &job->config);
    if (!st)
        st = status_wrap(train_config_rule(job->config, &job->rule), "%s",
                         job->path);
    if (st)
        return st;
    const char *output = option_value(arguments, "output");
    if (!output)
        output = job->config->output;
    st = not_a_sidecar(job->path, output);
    if (st)
        return st;
    job->threads = threads ? (int)threads : threads_available();
    job->rule.threads = job->threads;
    job->output = mem_copy(output);
    job->checkpoint = mem_format("%s.checkpoint", job->output);
    st = open_data(job);
    if (!st)
        st = open_teacher(job);
    if (!st)
        st = trainer_open(&job->rule, &job->trainer);
    if (!st && !access(job->checkpoint, F_OK) && !option_given(arguments, "fresh"))
        st = trainer_resume(job->trainer, job->checkpoint);
    return st;
}

static void close_job(struct job *job)
{
    for (int i = 0; job->sessions && i < job->threads; i++)
        session_close(job->sessions[i]);
    free(job->sessions);
    model_close(job->teacher);
    trainer_close(job->trainer);
    train_data_close(&job->data);
    train_data_close(&job->validation);
    if (job->config)
        train_config_free(job->config);
    free(job->output);
    free(job->checkpoint);
}

/* --- the file ------------------------------------------------------------------------ */

struct metadata {
    struct graph *graph;
    int count;
};

static void note(struct metadata *m, const char *key, const char *value)
{
    struct arena *arena = &m->graph->arena;
    m->graph->metadata[m->count][0] = arena_format(arena, "gauntlet.%s", key);
    m->graph->metadata[m->count++][1] = arena_copy(arena, value);
}

static void note_triple(struct metadata *m, const char *key, const double v[3])
{
    char a[32], b[32], c[32], all[100];
    snprintf(all, sizeof all, "%s %s %s", text_number(v[0], a), text_number(v[1], b),
             text_number(v[2], c));
    note(m, key, all);
}

static const char *technique_of(const struct job *job)
{
    const struct train_config *c = job->config;
    bool mixed = c->decoders_count > 1 || c->resizers_count > 1;
    const struct augment_rule *a = &job->rule.augment;
    if (c->technique)
        return c->technique;
    if (job->rule.adversary != ADVERSARY_NONE)
        return job->rule.adversary == ADVERSARY_PGD ? "adversarial" : "trades";
    if (mixed)
        return "mixed-decoders";
    if (job->rule.distill > 0)
        return "distilled";
    return a->randaugment || a->jitter > 0 || a->mixup > 0 || a->cutmix > 0 ? "augmented"
                                                                            : "plain";
}

/* How the weights came to be travels with them. */
static void describe(struct job *job, struct graph *graph)
{
    const struct train_config *c = job->config;
    struct metadata m = {.graph = graph};
    char number[32], config_sha[HASH_HEX] = "";
    char *resize = mem_format("%" PRIu64, c->resize);
    graph->metadata = arena_alloc(&graph->arena, 24 * sizeof *graph->metadata);
    note(&m, "arch", job->rule.architecture->name);
    note(&m, "technique", technique_of(job));
    note(&m, "order", "rgb");
    note(&m, "layout", "nchw");
    note(&m, "scale", "1/255");
    note_triple(&m, "mean", job->rule.mean);
    note_triple(&m, "std", job->rule.std);
    note(&m, "resize", resize);
    note(&m, "resize_rule", c->resize ? "short" : "none");
    note(&m, "resizer", job->data.resizers[0]->name);
    note(&m, "decoder", job->data.decoders[0]->name);
    char *command = job->arguments->n_operands == 1
                        ? mem_copy(job->arguments->line)
                        : mem_format("gauntlet train %s", job->path);
    note(&m, "command", command);
    free(command);
    if (!hash_file(job->path, config_sha))
        note(&m, "config_sha256", config_sha);
    note(&m, "data", job->data.dataset->name);
    note(&m, "data_sha256", job->data.dataset->manifest_sha);
    note(&m, "seed", text_number((double)job->rule.seed, number));
    note(&m, "epochs", text_number(trainer_epochs_done(job->trainer), number));
    if (c->validation) {
        note(&m, "validation", job->validation.dataset->name);
        note(&m, "validation_sha256", job->validation.subset.sha);
        note(&m, "top1", text_number(job->top1, number));
    }
    graph->n_metadata = m.count;
    free(resize);
}

static enum status write_network(struct job *job)
{
    struct graph *graph;
    enum status st = trainer_graph(job->trainer, &graph);
    if (st)
        return st;
    describe(job, graph);
    return onnx_write(graph, job->output);
}

/* --- the run ------------------------------------------------------------------------- */

static void print_epoch(const struct job *job, const struct train_progress *p)
{
    char top1[16] = "-";
    if (job->config->validation)
        snprintf(top1, sizeof top1, "%.2f", 100 * job->top1);
    printf("%5d %10.5f %8.4f %8.2f %8s %8.0f %8.1f\n", p->epoch, p->rate, p->loss,
           100 * p->accuracy, top1, (double)p->samples / p->seconds, p->seconds);
    fflush(stdout);
}

/* The network is written after every epoch: what there is can be tried already. */
static enum status run_epoch(struct job *job)
{
    struct train_progress progress;
    char label[64];
    int epoch = trainer_epochs_done(job->trainer) + 1;
    bool quiet = option_given(job->arguments, "quiet");
    snprintf(label, sizeof label, "%s, epoch %d of %d", job->rule.architecture->name,
             epoch, job->rule.epochs);
    progress_begin(job->data.source.count, "images", quiet);
    progress_label(label);
    double cpu = clock_cpu();
    enum status st =
        trainer_epoch(job->trainer, &job->data.source, progress_step, &progress);
    progress_end();
    if (!st && job->config->validation)
        st = trainer_evaluate(job->trainer, &job->validation.source, &job->top1);
    if (!st)
        st = write_network(job);
    if (!st)
        st = trainer_save(job->trainer, job->checkpoint);
    if (!st) {
        print_epoch(job, &progress);
        job->seconds += progress.seconds;
        job->cpu += clock_cpu() - cpu;
    }
    return st;
}

static enum status train(struct job *job)
{
    enum status st = open_job(job);
    if (st)
        return st;
    int from = trainer_epochs_done(job->trainer);
    if (from)
        fprintf(stderr, "%s: going on after epoch %d\n", job->checkpoint, from);
    printf("%5s %10s %8s %8s %8s %8s %8s\n", "epoch", "rate", "loss", "train%", "top1%",
           "images/s", "seconds");
    while (!st && trainer_epochs_done(job->trainer) < job->rule.epochs)
        st = run_epoch(job);
    if (st)
        return st;
    if (!job->config->validation)
        printf("%s: %d epochs in %.0f s (%.0f s of CPU)\n", job->output,
               job->rule.epochs - from, job->seconds, job->cpu);
    else if (from < job->rule.epochs)
        printf("%s: %.2f %% on %zu images of %s, %d epochs in %.0f s (%.0f s of CPU)\n",
               job->output, 100 * job->top1, job->validation.subset.count,
               job->validation.dataset->name, job->rule.epochs - from, job->seconds,
               job->cpu);
    else
        printf("%s: finished already; --fresh trains it anew\n", job->output);
    return OK;
}

static void list_architectures(void)
{
    for (size_t i = 0; architecture_registry[i]; i++)
        printf("%-20s %s (%s)\n", architecture_registry[i]->name,
               architecture_registry[i]->summary, architecture_registry[i]->source);
}

static enum status run_job(const struct arguments *arguments, const char *path,
                           struct train_shelf *shelf)
{
    struct job job = {.arguments = arguments, .path = path, .shelf = shelf};
    enum status st = train(&job);
    if (st == ERR_INTERRUPTED && job.trainer)
        status_fail(st,
                    "interrupted in epoch %d; the same command goes on from its start",
                    trainer_epochs_done(job.trainer) + 1);
    close_job(&job);
    return st;
}

static enum exit_code run(const struct arguments *arguments)
{
    if (option_given(arguments, "architectures")) {
        list_architectures();
        return EXIT_DONE;
    }
    if (!arguments->n_operands)
        return command_fail(arguments, status_fail(ERR_USAGE, "which CONFIG.yaml?"));
    command_interruptible();
    if (arguments->n_operands > 1 && option_given(arguments, "output"))
        return command_fail(arguments, status_fail(ERR_USAGE, "--output is for one "
                                                              "configuration"));
    struct train_shelf shelf = {0};
    enum status st = OK;
    for (size_t i = 0; i < arguments->n_operands && !st; i++)
        st = run_job(arguments, arguments->operands[i], &shelf);
    train_shelf_clear(&shelf);
    return st ? command_fail(arguments, st) : EXIT_DONE;
}

const struct command command_train = {
    .name = "train",
    .summary = "train a network: plain, augmented, adversarial, distilled",
    .operands = "CONFIG.yaml...",
    .min_operands = 0,
    .max_operands = -1,
    .about =
        "Trains what the configuration describes and writes an ONNX network with its\n"
        "preparation, command, seed, data hash and accuracy inside. The same\n"
        "configuration gives the same weights on any number of threads. After every\n"
        "epoch the network and OUTPUT.checkpoint are replaced; run again, the command\n"
        "goes on from there. Several configurations are trained in their order; a\n"
        "dataset that they share is opened once.",
    .options = options,
    .examples = examples,
    .run = run,
};
