#include "harness/command.h"

#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option help_option = {"help",           NULL,  NULL,
                                          "show this help", false, NULL};

static const struct option *find_option(const struct command *command, const char *name,
                                        size_t length)
{
    for (const struct option *o = command->options; o && o->name; o++)
        if (strlen(o->name) == length && !memcmp(o->name, name, length))
            return o;
    if (length == 4 && !memcmp(name, "help", 4))
        return &help_option;
    return NULL;
}

static enum status unknown_option(const struct command *command, const char *typed)
{
    const char *names[64] = {"help"};
    size_t count = 1;
    for (const struct option *o = command->options; o && o->name && count < 64; o++)
        names[count++] = o->name;

    size_t length = strcspn(typed, "=");
    char *word = mem_format("%.*s", (int)length, typed);
    const char *near = text_nearest(word + strspn(word, "-"), names, count);
    enum status st =
        near ? status_fail(ERR_USAGE, "unknown option '%s': did you mean '--%s'?", word,
                           near)
             : status_fail(ERR_USAGE, "unknown option '%s'; see: gauntlet %s --help",
                           word, command->name);
    free(word);
    return st;
}

static enum status add_given(struct arguments *out, const struct option *option,
                             const char *value)
{
    if (!option->many && option->argument && option_given(out, option->name))
        return status_fail(ERR_USAGE, "--%s is given twice", option->name);
    out->given[out->n_given++] = (struct given){option, value};
    return OK;
}

/* One "--name", "--name=value" or "--name value"; *used counts the words it took. */
static enum status parse_option(const struct command *command, int argc, char **argv,
                                struct arguments *out, int *used)
{
    const char *name = argv[0] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct option *option =
        strncmp(argv[0], "--", 2) ? NULL : find_option(command, name, length);
    if (!option && !strcmp(argv[0], "-h"))
        option = &help_option;
    if (!option && !strcmp(argv[0], "-o"))
        option = find_option(command, "output", 6);
    if (!option)
        return unknown_option(command, argv[0]);

    *used = 1;
    if (!option->argument)
        return equals ? status_fail(ERR_USAGE, "--%s takes no value", option->name)
                      : add_given(out, option, NULL);
    if (equals)
        return add_given(out, option, equals + 1);
    if (argc < 2)
        return status_fail(ERR_USAGE, "--%s needs %s", option->name, option->argument);
    *used = 2;
    return add_given(out, option, argv[1]);
}

static enum status check_operands(const struct arguments *arguments)
{
    const struct command *command = arguments->command;
    if (option_given(arguments, "help"))
        return OK;
    if (arguments->n_operands < (size_t)command->min_operands)
        return status_fail(ERR_USAGE, "%s is missing; usage: gauntlet %s %s",
                           command->operands, command->name, command->operands);
    if (command->max_operands >= 0 &&
        arguments->n_operands > (size_t)command->max_operands)
        return status_fail(ERR_USAGE,
                           "'%s' is one word too many; see: gauntlet %s --help",
                           arguments->operands[command->max_operands], command->name);
    return OK;
}

static char *whole_line(const struct command *command, int argc, char **argv)
{
    struct text line = {0};
    text_addf(&line, "gauntlet %s", command->name);
    for (int i = 0; i < argc; i++) {
        bool quote = !argv[i][0] || strpbrk(argv[i], " \t\"$*[]()&|;<>");
        text_addf(&line, quote ? " '%s'" : " %s", argv[i]);
    }
    return line.data;
}

enum status arguments_parse(const struct command *command, int argc, char **argv,
                            struct arguments *out)
{
    *out = (struct arguments){
        .command = command,
        .operands = mem_array((size_t)argc + 1, sizeof *out->operands),
        .given = mem_array((size_t)argc + 1, sizeof *out->given),
        .line = whole_line(command, argc, argv),
    };
    bool only_operands = false;
    for (int i = 0, used = 1; i < argc; i += used, used = 1) {
        if (!only_operands && !strcmp(argv[i], "--")) {
            only_operands = true;
        } else if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
            out->operands[out->n_operands++] = argv[i];
        } else {
            enum status st = parse_option(command, argc - i, argv + i, out, &used);
            if (st)
                return st;
        }
    }
    return check_operands(out);
}

void arguments_clear(struct arguments *arguments)
{
    free(arguments->operands);
    free(arguments->given);
    free(arguments->line);
    *arguments = (struct arguments){0};
}

bool option_given(const struct arguments *arguments, const char *name)
{
    for (size_t i = 0; i < arguments->n_given; i++)
        if (!strcmp(arguments->given[i].option->name, name))
            return true;
    return false;
}

const char *option_nth(const struct arguments *arguments, const char *name, size_t index)
{
    for (size_t i = 0; i < arguments->n_given; i++)
        if (!strcmp(arguments->given[i].option->name, name) && !index--)
            return arguments->given[i].value;
    return NULL;
}

const char *option_value(const struct arguments *arguments, const char *name)
{
    for (size_t i = arguments->n_given; i-- > 0;)
        if (!strcmp(arguments->given[i].option->name, name))
            return arguments->given[i].value;
    const struct option *option = find_option(arguments->command, name, strlen(name));
    return option ? option->fallback : NULL;
}

enum status option_integer(const struct arguments *arguments, const char *name,
                           int64_t min, int64_t max, int64_t *out)
{
    const char *value = option_value(arguments, name);
    *out = 0;
    if (!value)
        return OK;
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (end == value || *end || errno)
        return status_fail(ERR_USAGE, "--%s %s: not a whole number", name, value);
    if (number < min || number > max)
        return status_fail(ERR_USAGE, "--%s %s: must lie between %lld and %lld", name,
                           value, (long long)min, (long long)max);
    *out = number;
    return OK;
}

enum status option_seconds(const struct arguments *arguments, const char *name,
                           double *out)
{
    const char *value = option_value(arguments, name);
    *out = 0;
    if (!value)
        return OK;
    char *end = NULL;
    double number = strtod(value, &end);
    double unit = !strcmp(end, "m") ? 60 : !strcmp(end, "h") ? 3600 : 1;
    bool known = !*end || !strcmp(end, "s") || unit > 1;
    if (end == value || !known || !(number > 0))
        return status_fail(ERR_USAGE, "--%s %s: not a time; write 90, 90s, 20m or 4h",
                           name, value);
    *out = number * unit;
    return OK;
}
