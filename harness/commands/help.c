/* gauntlet help [COMMAND]: the same texts, and the forms that packages install. */
#include "base/text.h"
#include "harness/command.h"

#include <stdio.h>

static const struct option options[] = {
    {.name = "man", .help = "print the man page"},
    {.name = "completion", .help = "print the completion script for bash"},
    {0},
};

static const struct example examples[] = {
    {"gauntlet help run", "what 'run' does and takes"},
    {"gauntlet help --completion > ~/.local/share/bash-completion/completions/gauntlet",
     "complete commands, options and noises in bash"},
    {0},
};

static enum exit_code run(const struct arguments *arguments)
{
    if (option_given(arguments, "man")) {
        help_man();
    } else if (option_given(arguments, "completion")) {
        help_completion();
    } else if (!arguments->n_operands) {
        help_overview();
    } else {
        const struct command *command = command_find(arguments->operands[0]);
        if (!command)
            return command_fail(arguments, status_fail(ERR_USAGE, "no command '%s'",
                                                       arguments->operands[0]));
        help_command(command);
    }
    return EXIT_DONE;
}

const struct command command_help = {
    .name = "help",
    .summary = "explain a command",
    .operands = "[COMMAND]",
    .max_operands = 1,
    .options = options,
    .examples = examples,
    .run = run,
};
