/* One sample in one cell: network, or attack and network. */
#include "harness/wave.h"

#include "base/mem.h"
#include "harness/examples.h"

#include <math.h>
#include <string.h>

/* What one cell asks of one sample. */
struct asked {
    const struct condition *condition;
    const struct model_record *record;
    struct session *session;
    bool gradient; /* of the session */
    int n_classes, label;
    const bool *allowed; /* classes to choose among; NULL: all */
};

static enum status ask(struct job *job, size_t index, int worker, size_t item,
                       struct asked *out)
{
    const struct plan *plan = job->run.plan;
    const struct cell *cell = job->run.wave.cells[index];
    const struct plan_model *model = &plan->models[cell->model];
    const struct plan_dataset *dataset = &plan->datasets[cell->dataset];
    const struct condition *condition = cell_condition(plan, cell);
    struct session_options options = pipeline_session(condition, model->record);
    /* Gradients from elsewhere leave the network its inference plan, but for attacks that
     * compare both. */
    bool own = condition->attack && condition->attack->own_gradient;
    if ((cell->source >= 0 && !own) || model->record->gradient == GRADIENT_NONE)
        options.gradient = false;
    *out = (struct asked){
        .condition = condition,
        .record = model->record,
        .gradient = options.gradient,
        .n_classes = model->record->n_classes,
        .label = dataset->ood ? -1 : cell_sample(plan, cell, item)->label,
        .allowed = dataset->allowed,
    };
    return session_pool_get(job->pool, worker, model->model, &options, &out->session);
}

static enum status open_source(struct job *job, const struct cell *cell, int worker,
                               struct victim *out)
{
    const struct condition *condition = cell_condition(job->run.plan, cell);
    const struct plan_model *other = &job->run.plan->models[cell->source];
    const struct session_options how = {.gradient = condition->attack->needs_gradient ||
                                                    condition->attack->own_gradient};
    struct session *session;
    enum status st = session_pool_get(job->pool, worker, other->model, &how, &session);
    if (!st)
        victim_of_session(session, other->record, how.gradient, out);
    return status_wrap(st, "source=%s", condition->source);
}

/* A minimum-norm attack's point may lie outside the ball: then it did not break. */
static void read_result(const struct attack_result *result, const struct attack_call *call,
                        struct verdict *verdict)
{
    if (result->broken)
        verdict_of_logits(call->logits, call->victim->n_classes, call->label, verdict);
    verdict->broken = result->broken;
    verdict->broken_8bit = result->broken_8bit;
    verdict->violated = result->budget_violated;
    verdict->zero_gradient = result->zero_gradient;
    verdict->distance = (float)result->distance;
    verdict->queries = 1 + (int)result->forwards; /* and the clean picture */
    verdict->forwards = 1 + result->forwards;
    verdict->backwards = result->backwards;
    verdict->broken_by = result->broken_by;
    verdict->survives_all = result->survives_all;
    verdict->steps_done = result->steps_done;
    verdict->preflight = result->preflight;
}

static enum status forward(const struct asked *asked, const struct image *pixels, float *x,
                           float *logits)
{
    pixels_to_float(pixels->data, pixels->width, pixels->height, x);
    enum status st = session_forward(asked->session, x, logits);
    for (int k = 0; !st && asked->allowed && k < asked->n_classes; k++)
        if (!asked->allowed[k])
            logits[k] = -INFINITY;
    return st;
}

/* Of a sequence the verdict is that of its worst frame: the first that is wrong, or the
 * one with the least margin where all are right. */
static void worst_frame(const struct verdict *frame, int label, struct verdict *worst)
{
    bool wrong_before = worst->top1 >= 0 && worst->top1 != label;
    bool wrong = frame->top1 != label;
    if (worst->top1 < 0 || (!wrong_before && (wrong || frame->margin < worst->margin)))
        *worst = *frame;
}

static enum status sequence(const struct asked *asked, const struct image *frames,
                            int n_frames, struct bench *bench, struct verdict *verdict)
{
    const struct condition *condition = asked->condition;
    int n_classes = asked->n_classes, label = asked->label;
    *verdict = verdict_none;
    for (int i = 0; i < n_frames; i++) {
        float *logits = bench->logits + (size_t)i * (size_t)n_classes;
        struct verdict frame;
        enum status st = forward(asked, &frames[i], bench->x, logits);
        if (st)
            return st;
        verdict_of_logits(logits, n_classes, label, &frame);
        worst_frame(&frame, label, verdict);
    }
    verdict->confidence = NAN; /* of one frame picked for being wrong: calibrates nothing */
    verdict->stability = stability(bench->logits, n_frames, n_classes,
                                   condition->sequence->noise, condition->difficulty);
    verdict->forwards = (uint32_t)n_frames;
    return OK;
}

static enum status see_clean(const struct asked *asked, const struct image *pixels,
                             float *x, float *logits, struct verdict *verdict)
{
    enum status st = forward(asked, pixels, x, logits);
    if (st)
        return st;
    verdict_of_logits(logits, asked->n_classes, asked->label, verdict);
    verdict->forwards = 1;
    return OK;
}

/* Those of the cells whose networks have the sample right, on their way to an attack. */
struct company {
    const struct cell **cells;
    struct attack_call *calls;
    struct victim *victims;
    struct verdict **verdicts;
    size_t count;
    struct arena arena;
};

static void company_open(struct company *company, size_t most)
{
    struct arena *arena = &company->arena;
    company->cells = arena_alloc(arena, most * sizeof *company->cells);
    company->calls = arena_alloc(arena, most * sizeof *company->calls);
    company->victims = arena_alloc(arena, most * sizeof *company->victims);
    company->verdicts = arena_alloc(arena, most * sizeof *company->verdicts);
}

static void company_join(struct company *company, const struct cell *cell,
                         const struct asked *asked, const float *clean_logits,
                         struct verdict *verdict)
{
    struct victim *victim = &company->victims[company->count];
    struct attack_call *call = &company->calls[company->count];
    victim_of_session(asked->session, asked->record, asked->gradient, victim);
    call->victim = victim;
    call->clean_logits = clean_logits;
    call->adversarial = arena_alloc(&company->arena, victim->size * sizeof(float));
    call->logits = arena_alloc(&company->arena, (size_t)asked->n_classes * sizeof(float));
    company->cells[company->count] = cell;
    company->verdicts[company->count++] = verdict;
}

static enum status attack(struct job *job, struct company *company, int worker, size_t item,
                          const char **stage)
{
    const struct plan *plan = job->run.plan;
    const struct cell *first = company->cells[0];
    const struct condition *condition = cell_condition(plan, first);
    const struct sample *sample = cell_sample(plan, first, item);
    const char *folder = job->run.options->save_folder;
    struct attack_result *results =
        arena_alloc(&company->arena, company->count * sizeof *results);
    struct victim source;
    enum status st = first->source < 0 ? OK : open_source(job, first, worker, &source);
    for (size_t i = 0; i < company->count; i++) {
        struct attack_call *call = &company->calls[i];
        call->source = first->source < 0 ? NULL : &source;
        call->x = job->benches[worker].x;
        call->label = sample->label;
        call->seed = job->run.options->seed;
        call->key = sample->key;
        call->params = &condition->attack_params;
    }
    if (!st)
        st = attack_show(condition->attack, company->calls, company->count, results);
    for (size_t i = 0; i < company->count && !st; i++) {
        const struct attack_call *call = &company->calls[i];
        read_result(&results[i], call, company->verdicts[i]);
        if (!results[i].broken || !folder)
            continue;
        *stage = NULL; /* a full disk is no fault of the sample */
        st = examples_save(folder, plan, company->cells[i], sample, call->x,
                           call->adversarial, results[i].broken_8bit);
    }
    return st;
}

enum status evaluate_attack(struct job *job, const size_t *cells, size_t count, int worker,
                            size_t item, const struct image *pixels,
                            struct verdict *verdicts, const char **stage)
{
    struct company company = {0};
    float *x = job->benches[worker].x;
    enum status st = OK;
    company_open(&company, count);
    for (size_t i = 0; i < count && !st; i++) {
        struct asked asked;
        *stage = NULL;
        if ((st = ask(job, cells[i], worker, item, &asked)))
            break;
        *stage = "model";
        float *logits =
            arena_alloc(&company.arena, (size_t)asked.n_classes * sizeof *logits);
        st = see_clean(&asked, pixels, x, logits, &verdicts[i]);
        if (!st && verdicts[i].top1 == asked.label)
            company_join(&company, job->run.wave.cells[cells[i]], &asked, logits,
                         &verdicts[i]);
    }
    if (!st && company.count) {
        *stage = "attack";
        st = attack(job, &company, worker, item, stage);
    }
    arena_clear(&company.arena);
    return st;
}

enum status evaluate(struct job *job, size_t index, int worker, size_t item,
                     const struct image *frames, int n_frames, struct verdict *verdict,
                     const char **stage)
{
    struct bench *bench = &job->benches[worker];
    struct asked asked;
    if (cell_condition(job->run.plan, job->run.wave.cells[index])->attack)
        return evaluate_attack(job, &index, 1, worker, item, frames, verdict, stage);
    *stage = NULL; /* the cell's own trouble, not the sample's */
    enum status st = ask(job, index, worker, item, &asked);
    if (st)
        return st;
    *stage = "model";
    return asked.condition->sequence
               ? sequence(&asked, frames, n_frames, bench, verdict)
               : see_clean(&asked, frames, bench->x, bench->logits, verdict);
}
