/* gauntlet help [COMMAND|NOISE]: the same texts, what a noise takes, and the forms that packages install. */
#include "base/text.h"
#include "harness/command.h"
#include "harness/condition.h"

#include <stdio.h>

static const struct option options[] = {
    {.name = "man", .help = "print the man page"},
    {.name = "completion", .help = "print the completion script for bash"},
    {0},
};

static const struct example examples[] = {
    {"gauntlet help run", "what 'run' does and takes"},
    {"gauntlet help autoattack-linf", "what a noise is, and its parameters"},
    {"gauntlet help --completion > ~/.local/share/bash-completion/completions/gauntlet",
     "complete commands, options and noises in bash"},
    {0},
};

/* As a condition would be told, with the nearest name. */
static enum status not_there(const char *name)
{
    struct condition condition;
    enum status st = condition_parse(name, &condition);
    if (st)
        return status_wrap(st, "no command '%s'", name);
    condition_clear(&condition);
    return status_fail(ERR_USAGE, "'%s' is a whole condition: name the noise alone", name);
}

static enum exit_code run(const struct arguments *arguments)
{
    if (option_given(arguments, "man")) {
        help_man();
    } else if (option_given(arguments, "completion")) {
        help_completion();
    } else if (!arguments->n_operands) {
        help_overview();
    } else {
        const char *name = arguments->operands[0];
        const struct command *command = command_find(name);
        if (command)
            help_command(command);
        else if (!help_noise(name))
            return command_fail(arguments, not_there(name));
    }
    return EXIT_DONE;
}

const struct command command_help = {
    .name = "help",
    .summary = "explain a command or a noise",
    .operands = "[COMMAND|NOISE]",
    .max_operands = 1,
    .options = options,
    .examples = examples,
    .run = run,
};
