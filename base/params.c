#include "base/params.h"

#include "base/mem.h"
#include "base/text.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PARAMS = 16 };

static int find(const struct params *params, const char *name)
{
    for (int i = 0; params->table && params->table[i].name; i++)
        if (!strcmp(params->table[i].name, name))
            return i;
    return -1;
}

static bool is_choice(const char *words, const char *value)
{
    size_t size = strlen(value);
    for (const char *at = words; size && (at = strstr(at, value)); at += size)
        if ((at == words || at[-1] == ' ') && (at[size] == ' ' || !at[size]))
            return true;
    return false;
}

static enum status check(const struct param *param, const char *value, double *number)
{
    *number = 0;
    if (param->kind == PARAM_PATH)
        return OK;
    if (param->kind == PARAM_WORD)
        return is_choice(param->words, value)
                   ? OK
                   : status_fail(ERR_USAGE, "%s=%s: choose one of: %s", param->name,
                                 value, param->words);
    if (!text_parse_number(value, number))
        return status_fail(ERR_USAGE, "%s=%s: not a number", param->name, value);
    if (param->kind == PARAM_INT && *number != floor(*number))
        return status_fail(ERR_USAGE, "%s=%s: not a whole number", param->name, value);
    bool bounded = param->min < param->max;
    if (bounded && (*number < param->min || *number > param->max))
        return status_fail(ERR_USAGE, "%s=%s: must lie between %g and %g", param->name,
                           value, param->min, param->max);
    return OK;
}

void params_init(struct params *params, const struct param *table)
{
    *params = (struct params){.table = table};
    for (int i = 0; table && table[i].name; i++) {
        assert(i < MAX_PARAMS);
        enum status st = check(&table[i], table[i].fallback, &params->number[i]);
        assert(!st);
        (void)st;
        params->typed[i] = mem_copy(table[i].fallback);
    }
}

enum status params_set(struct params *params, const char *name, const char *value)
{
    int i = find(params, name);
    if (i < 0) {
        const char *names[MAX_PARAMS] = {0};
        struct text list = {0};
        size_t count = 0;
        for (; params->table && params->table[count].name; count++) {
            names[count] = params->table[count].name;
            text_addf(&list, "%s%s", count ? ", " : "", names[count]);
        }
        const char *near = text_nearest(name, names, count);
        enum status st =
            near ? status_fail(ERR_USAGE,
                               "unknown parameter '%s': did you mean "
                               "'%s'? (there are: %s)",
                               name, near, list.data)
                 : status_fail(ERR_USAGE, "unknown parameter '%s' (there %s%s)", name,
                               count ? "are: " : "are none", count ? list.data : "");
        text_clear(&list);
        return st;
    }
    double number;
    enum status st = check(&params->table[i], value, &number);
    if (st)
        return st;
    free(params->typed[i]);
    params->typed[i] = mem_copy(value);
    params->number[i] = number;
    return OK;
}

bool params_has(const struct params *params, const char *name)
{
    return find(params, name) >= 0;
}

bool params_is_default(const struct params *params, size_t index)
{
    const struct param *param = &params->table[index];
    if (param->kind == PARAM_WORD || param->kind == PARAM_PATH)
        return !strcmp(params->typed[index], param->fallback);
    double fallback;
    return text_parse_number(param->fallback, &fallback) &&
           fallback == params->number[index];
}

void params_copy(const struct params *in, struct params *out)
{
    *out = *in;
    for (int i = 0; in->table && in->table[i].name; i++)
        out->typed[i] = mem_copy(in->typed[i]);
}

void params_clear(struct params *params)
{
    for (int i = 0; i < MAX_PARAMS; i++)
        free(params->typed[i]);
    *params = (struct params){0};
}

double params_real(const struct params *params, const char *name)
{
    int i = find(params, name);
    assert(i >= 0);
    return params->number[i];
}

int params_int(const struct params *params, const char *name)
{
    return (int)params_real(params, name);
}

const char *params_word(const struct params *params, const char *name)
{
    int i = find(params, name);
    assert(i >= 0);
    return params->typed[i];
}
