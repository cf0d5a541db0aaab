/* One sample in one cell: network, or attack and network. */
#include "harness/wave.h"

#include "harness/examples.h"

#include <math.h>
#include <string.h>

static enum status attack(struct job *job, const struct cell *cell, int worker,
                          const struct session_options *options, struct session *session,
                          const struct sample *sample, struct bench *bench,
                          struct verdict *verdict, const char **stage)
{
    const struct plan *plan = job->run.plan;
    const struct condition *condition = cell_condition(plan, cell);
    const struct model_record *record = plan->models[cell->model].record;
    struct victim victim, source;
    struct attack_call call = {
        .victim = &victim,
        .x = bench->x,
        .label = sample->label,
        .clean_logits = bench->logits,
        .logits = bench->broken_logits,
        .seed = job->run.options->seed,
        .key = sample->key,
        .params = &condition->attack_params,
        .adversarial = bench->adversarial,
    };
    victim_of_session(session, record, options->gradient, &victim);
    if (cell->source >= 0) {
        const struct plan_model *other = &plan->models[cell->source];
        struct session_options how = {.gradient = condition->attack->needs_gradient ||
                                                  condition->attack->own_gradient};
        struct session *surrogate;
        enum status st =
            session_pool_get(job->pool, worker, other->model, &how, &surrogate);
        if (st)
            return status_wrap(st, "source=%s", condition->source);
        victim_of_session(surrogate, other->record, how.gradient, &source);
        call.source = &source;
    }
    struct attack_result result;
    enum status st = attack_run(condition->attack, &call, &result);
    if (st)
        return st;

    /* A minimum-norm attack's point may lie outside the ball: then it did not break. */
    if (result.broken)
        verdict_of_logits(bench->broken_logits, record->n_classes, sample->label, verdict);
    verdict->broken = result.broken;
    verdict->broken_8bit = result.broken_8bit;
    verdict->violated = result.budget_violated;
    verdict->zero_gradient = result.zero_gradient;
    verdict->distance = (float)result.distance;
    verdict->queries = 1 + (int)result.forwards; /* and the clean picture */
    verdict->forwards = 1 + result.forwards;
    verdict->backwards = result.backwards;
    verdict->broken_by = result.broken_by;
    verdict->survives_all = result.survives_all;
    verdict->steps_done = result.steps_done;
    verdict->preflight = result.preflight;
    if (!result.broken || !job->run.options->save_folder)
        return OK;
    *stage = NULL; /* a full disk is no fault of the sample */
    return examples_save(job->run.options->save_folder, plan, cell, sample, bench->x,
                         bench->adversarial);
}

/* What one cell asks of one sample. */
struct asked {
    const struct condition *condition;
    struct session *session;
    int n_classes, label;
    const bool *allowed; /* classes to choose among; NULL: all */
};

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

enum status evaluate(struct job *job, size_t index, int worker, size_t item,
                     const struct image *frames, int n_frames, struct verdict *verdict,
                     const char **stage)
{
    const struct plan *plan = job->run.plan;
    const struct cell *cell = job->run.wave.cells[index];
    const struct plan_model *model = &plan->models[cell->model];
    const struct condition *condition = cell_condition(plan, cell);
    const struct sample *sample = cell_sample(plan, cell, item);
    struct session_options options = pipeline_session(condition, model->record);
    /* Gradients from elsewhere leave the network its inference plan, but for attacks that
     * compare both. */
    bool own = condition->attack && condition->attack->own_gradient;
    if ((cell->source >= 0 && !own) || model->record->gradient == GRADIENT_NONE)
        options.gradient = false;
    struct bench *bench = &job->benches[worker];
    struct session *session;

    *stage = NULL; /* the cell's own trouble, not the sample's */
    enum status st =
        session_pool_get(job->pool, worker, model->model, &options, &session);
    if (st)
        return st;
    *stage = "model";
    const struct plan_dataset *dataset = &plan->datasets[cell->dataset];
    const struct asked asked = {condition, session, model->record->n_classes,
                                dataset->ood ? -1 : sample->label, dataset->allowed};
    if (condition->sequence)
        return sequence(&asked, frames, n_frames, bench, verdict);
    st = forward(&asked, frames, bench->x, bench->logits);
    if (st)
        return st;
    verdict_of_logits(bench->logits, asked.n_classes, asked.label, verdict);
    verdict->forwards = 1;
    if (condition->attack && verdict->top1 == sample->label) {
        *stage = "attack";
        st = attack(job, cell, worker, &options, session, sample, bench, verdict, stage);
    }
    return st;
}
