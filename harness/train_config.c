#include "harness/train_config.h"

#include "base/document.h"
#include "base/mem.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT(member)                                                                     \
    CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,            \
                           struct train_config, member, 0, CYAML_UNLIMITED)
#define NEEDED(member)                                                                   \
    CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER, struct train_config, member, 0,  \
                           CYAML_UNLIMITED)
#define NUMBER(member)                                                                   \
    CYAML_FIELD_UINT(#member, CYAML_FLAG_OPTIONAL, struct train_config, member)
#define LIST(member)                                                                     \
    CYAML_FIELD_SEQUENCE(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,              \
                         struct train_config, member, &word_schema, 0, CYAML_UNLIMITED)

static const cyaml_schema_value_t word_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};
static const cyaml_schema_field_t fields[] = {
    NEEDED(architecture),
    NEEDED(dataset),
    NEEDED(output),
    TEXT(classes),
    TEXT(validation),
    TEXT(technique),
    NUMBER(epochs),
    NUMBER(batch),
    NUMBER(parts),
    NUMBER(side),
    NUMBER(resize),
    NUMBER(seed),
    NUMBER(limit),
    NUMBER(validation_limit),
    TEXT(optimizer),
    TEXT(rate),
    TEXT(warmup),
    TEXT(schedule),
    TEXT(milestones),
    TEXT(factor),
    TEXT(momentum),
    TEXT(decay),
    TEXT(smoothing),
    TEXT(average),
    TEXT(mean),
    TEXT(std),
    NUMBER(crop),
    NUMBER(randaugment),
    TEXT(jitter),
    TEXT(magnitude),
    TEXT(mixup),
    TEXT(cutmix),
    TEXT(adversary),
    TEXT(eps),
    TEXT(alpha),
    TEXT(beta),
    NUMBER(steps),
    TEXT(teacher),
    TEXT(distill),
    TEXT(temperature),
    LIST(decoders),
    LIST(resizers),
    CYAML_FIELD_BOOL("flip", CYAML_FLAG_OPTIONAL, struct train_config, flip),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct train_config, fields),
};

/* As in suites: a word that is no file beside the config is a name or a generator. */
static void resolve(char **path, const char *config, bool must_exist)
{
    const char *slash = strrchr(config, '/');
    if (!*path || **path == '/' || !slash)
        return;
    char *full = mem_format("%.*s/%s", (int)(slash - config), config, *path);
    if (must_exist && access(full, F_OK)) {
        free(full);
        return;
    }
    free(*path);
    *path = full;
}

enum status train_config_load(const char *path, struct train_config **out)
{
    enum status st = document_load(path, &schema, (void **)out);
    if (st)
        return st;
    struct train_config *c = *out;
    resolve(&c->dataset, path, true);
    resolve(&c->validation, path, true);
    resolve(&c->classes, path, true);
    resolve(&c->teacher, path, true);
    resolve(&c->output, path, false);
    return OK;
}

void train_config_free(struct train_config *config)
{
    document_free(&schema, config);
}

static enum status real(const char *key, const char *typed, double fallback, double low,
                        double high, double *out)
{
    *out = fallback;
    if (!typed)
        return OK;
    if (!text_parse_number(typed, out) || *out < low || *out > high)
        return status_fail(ERR_USAGE, "%s: '%s' is not a number between %g and %g", key,
                           typed, low, high);
    return OK;
}

/* "0.5 0.75 0.9": up to `room` numbers; *count says how many. */
static enum status reals(const char *key, const char *typed, double *out, int room,
                         int *count)
{
    char *copy = mem_copy(typed ? typed : ""), *rest = NULL;
    enum status st = OK;
    *count = 0;
    for (char *word = strtok_r(copy, " ,", &rest); word && !st;
         word = strtok_r(NULL, " ,", &rest)) {
        if (*count == room || !text_parse_number(word, &out[*count]))
            st = status_fail(ERR_USAGE, "%s: '%s' is not a list of at most %d numbers",
                             key, typed, room);
        else
            ++*count;
    }
    free(copy);
    return st;
}

static enum status triple(const char *key, const char *typed, double fallback,
                          double out[3])
{
    int count;
    enum status st = reals(key, typed, out, 3, &count);
    if (!st && count == 2)
        return status_fail(ERR_USAGE, "%s: '%s' is neither one number nor three", key,
                           typed);
    if (!st && count < 1)
        out[0] = fallback;
    for (int i = count < 1 ? 1 : count; i < 3; i++)
        out[i] = out[0];
    return st;
}

/* The index of `typed` among the words, which end with NULL; the first when not given. */
static enum status choice(const char *key, const char *typed, const char *const *words,
                          int *out)
{
    struct text list = {0};
    for (*out = 0; words[*out]; ++*out) {
        if (!typed || !strcmp(words[*out], typed)) {
            text_clear(&list);
            return OK;
        }
        text_addf(&list, " %s", words[*out]);
    }
    enum status st =
        status_fail(ERR_USAGE, "%s: '%s' is not one of:%s", key, typed, list.data);
    text_clear(&list);
    return st;
}

static enum status optimisation(const struct train_config *c, struct train_rule *rule)
{
    static const char *const optimizers[] = {"sgd", "adamw", NULL};
    static const char *const schedules[] = {"cosine", "step", "constant", NULL};
    int optimizer, schedule, n_milestones;
    enum status st = choice("optimizer", c->optimizer, optimizers, &optimizer);
    if (!st)
        st = choice("schedule", c->schedule, schedules, &schedule);
    if (st)
        return st;
    bool adam = optimizer == OPTIMIZER_ADAMW;
    struct optimizer_rule *o = &rule->optimizer;
    struct schedule *s = &rule->schedule;
    *o = (struct optimizer_rule){.kind = (enum optimizer_kind)optimizer,
                                 .beta1 = 0.9,
                                 .beta2 = 0.999,
                                 .epsilon = 1e-8};
    s->kind = (enum schedule_kind)schedule;
    st = real("momentum", c->momentum, 0.9, 0, 0.9999, &o->momentum);
    if (!st)
        st = real("decay", c->decay, adam ? 0.05 : 5e-4, 0, 10, &o->weight_decay);
    if (!st)
        st = real("rate", c->rate, adam ? 1e-3 : 0.1, 0, 1e6, &s->rate);
    if (!st)
        st = real("warmup", c->warmup, 0.05, 0, 0.9, &s->warmup);
    if (!st)
        st = real("factor", c->factor, 0.1, 0, 1, &s->factor);
    if (!st)
        st = reals("milestones", c->milestones ? c->milestones : "0.5 0.75",
                   s->milestones, 8, &n_milestones);
    if (!st)
        st = real("smoothing", c->smoothing, 0, 0, 0.9, &rule->smoothing);
    return st ? st : real("average", c->average, 0, 0, 0.999999, &rule->average);
}

static enum status augmentation(const struct train_config *c, struct augment_rule *a)
{
    *a = (struct augment_rule){
        .flip = c->flip, .crop = (int)c->crop, .randaugment = (int)c->randaugment};
    enum status st = real("jitter", c->jitter, 0, 0, 1, &a->jitter);
    if (!st)
        st = real("magnitude", c->magnitude, 0.5, 0, 1, &a->magnitude);
    if (!st)
        st = real("mixup", c->mixup, 0, 0, 10, &a->mixup);
    return st ? st : real("cutmix", c->cutmix, 0, 0, 10, &a->cutmix);
}

static enum status adversary(const struct train_config *c, struct train_rule *rule)
{
    static const char *const words[] = {"none", "pgd", "trades", NULL};
    int kind;
    enum status st = choice("adversary", c->adversary, words, &kind);
    rule->adversary = (enum adversary)kind;
    rule->steps = c->steps ? (int)c->steps : 7;
    if (!st)
        st = real("eps", c->eps, 8.0 / 255, 0, 1, &rule->eps);
    if (!st)
        st = real("alpha", c->alpha, rule->eps / 4, 0, 1, &rule->alpha);
    if (!st)
        st = real("beta", c->beta, 6, 0, 1000, &rule->beta);
    if (!st)
        st = real("distill", c->distill, c->teacher ? 0.5 : 0, 0, 1, &rule->distill);
    if (!st && rule->distill > 0 && !c->teacher)
        st = status_fail(ERR_USAGE, "distill: there is no teacher");
    return st ? st
              : real("temperature", c->temperature, 4, 0.01, 1000, &rule->temperature);
}

enum status train_config_rule(const struct train_config *c, struct train_rule *out)
{
    *out = (struct train_rule){
        .epochs = c->epochs ? (int)c->epochs : 30,
        .parts = c->parts ? (int)c->parts : 4,
        .seed = c->seed,
    };
    enum status st = architecture_find(c->architecture, &out->architecture);
    if (st)
        return st;
    out->side = c->side ? (int)c->side : out->architecture->side;
    uint64_t batch = c->batch ? c->batch : 128;
    if (batch % (uint64_t)out->parts || batch > 65536)
        return status_fail(ERR_USAGE, "batch: %llu does not divide into %d parts",
                           (unsigned long long)batch, out->parts);
    if (out->side < 16 || out->side > 512 || out->side % 8)
        return status_fail(ERR_USAGE, "side: %d is not a multiple of 8 from 16 to 512",
                           out->side);
    out->size = (int)batch / out->parts;
    st = optimisation(c, out);
    if (!st)
        st = augmentation(c, &out->augment);
    if (!st)
        st = adversary(c, out);
    if (!st)
        st = triple("mean", c->mean, 0.5, out->mean);
    if (!st)
        st = triple("std", c->std, 0.25, out->std);
    for (int i = 0; i < 3 && !st; i++)
        if (!(out->std[i] > 0))
            st = status_fail(ERR_USAGE, "std: %g is not above 0", out->std[i]);
    return st;
}
