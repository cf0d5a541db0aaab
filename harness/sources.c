#include "harness/sources.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int sources_find(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->n_models + plan->n_lenders; i++)
        if (!strcmp(plan->models[i].name, name) ||
            !strcmp(plan->models[i].record->path, name))
            return (int)i;
    return -1;
}

static int find_or_open(struct plan *plan, char *name)
{
    int found = sources_find(plan, name);
    if (found >= 0)
        return found;
    const struct suite_model entry = {.file = name};
    size_t count = plan->n_models + plan->n_lenders;
    plan->models = mem_grow(plan->models, count + 1, sizeof *plan->models);
    if (plan_open_model(&entry, plan->set, &plan->models[count]))
        return -1;
    plan->n_lenders++;
    return (int)count;
}

/* `line` with the value of its source= replaced. */
static char *with_source(const char *line, const char *name)
{
    const char *value = strstr(line, "source=") + 7;
    return mem_format("%.*s%s%s", (int)(value - line), line, name,
                      value + strcspn(value, " \t\n"));
}

/* Equal conditions are kept once; the way of writing that means most networks stays. */
static enum status add_line(const char *line, enum pairing pairing, struct conditions *out)
{
    size_t before = out->count;
    struct condition condition;
    enum status st = condition_parse(line, &condition);
    if (!st)
        st = conditions_add(out, condition.label);
    for (size_t i = 0; !st && i < out->count; i++)
        if (!strcmp(out->items[i].sha, condition.sha) &&
            (i >= before || pairing < out->items[i].pairing))
            out->items[i].pairing = pairing;
    condition_clear(&condition);
    return st;
}

static enum status add_named(struct plan *plan, const char *line, enum pairing pairing,
                             struct conditions *out)
{
    struct conditions written = {0};
    enum status st = conditions_add(&written, line);
    for (size_t i = 0; !st && i < written.count; i++) {
        const struct condition *condition = &written.items[i];
        int source = condition->source ? find_or_open(plan, condition->source) : -1;
        char *named = source < 0
                          ? mem_copy(condition->label)
                          : with_source(condition->label, plan->models[source].name);
        st = add_line(named, pairing, out);
        free(named);
    }
    conditions_clear(&written);
    return st;
}

static bool are_twins(const struct plan_model *a, const struct plan_model *b)
{
    return (a->twin && !strcmp(a->twin, b->name)) || (b->twin && !strcmp(b->twin, a->name));
}

static bool has_twin(const struct plan *plan, size_t model)
{
    for (size_t i = 0; i < plan->n_models; i++)
        if (i != model && are_twins(&plan->models[model], &plan->models[i]))
            return true;
    return false;
}

static bool value_is(const char *line, const char *word)
{
    const char *value = strstr(line, "source=");
    return value && strcspn(value + 7, " \t\n") == strlen(word) &&
           !strncmp(value + 7, word, strlen(word));
}

enum status sources_add(struct plan *plan, const char *line, struct conditions *out)
{
    bool all = value_is(line, "*"), twins = value_is(line, "twin");
    enum status st = OK;
    size_t met = 0;
    if (!all && !twins)
        return add_named(plan, line, PAIR_NAMED, out);
    for (size_t i = 0; !st && i < plan->n_models; i++) {
        if (twins && !has_twin(plan, i))
            continue;
        char *named = with_source(line, plan->models[i].name);
        st = add_named(plan, named, all ? PAIR_ALL : PAIR_TWINS, out);
        free(named);
        met++;
    }
    if (!st && !met)
        st = status_fail(ERR_USAGE, "source=twin: no two networks of this run are twins "
                         "(a record's key twin= names the full-precision one)\n    %s", line);
    return st;
}

static bool see_the_same(const struct model_record *a, const struct model_record *b)
{
    return a->n_classes == b->n_classes && a->preprocess.width == b->preprocess.width &&
           a->preprocess.height == b->preprocess.height;
}

bool sources_meet(const struct plan *plan, const struct condition *condition, size_t model)
{
    int source = condition->source ? sources_find(plan, condition->source) : -1;
    if (source < 0 || condition->pairing == PAIR_NAMED)
        return true;
    const struct plan_model *from = &plan->models[source], *to = &plan->models[model];
    if (condition->pairing == PAIR_TWINS)
        return are_twins(from, to);
    bool itself = (size_t)source == model;
    return see_the_same(from->record, to->record) &&
           !(itself && condition->attack->own_gradient);
}

enum status sources_check(const struct plan *plan, const struct cell *cell)
{
    const struct condition *condition = cell_condition(plan, cell);
    if (!condition->source)
        return OK;
    if (cell->source < 0)
        return status_fail(ERR_USAGE, "source=%s is not among the models of this run, nor a "
                           "file or a name of the catalogue", condition->source);
    const struct model_record *to = plan->models[cell->model].record;
    const struct model_record *from = plan->models[cell->source].record;
    if (see_the_same(from, to))
        return OK;
    return status_fail(ERR_USAGE, "source=%s sees %dx%d and %d classes, %s %dx%d and %d",
                       condition->source, from->preprocess.width, from->preprocess.height,
                       from->n_classes, plan->models[cell->model].name, to->preprocess.width,
                       to->preprocess.height, to->n_classes);
}
