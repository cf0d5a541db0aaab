/* gauntlet VERB ...: finds the command, reads its arguments, runs it. */
#include "base/mem.h"
#include "base/text.h"
#include "harness/build_info.h"
#include "harness/command.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum exit_code unknown_command(const char *name)
{
    const char *names[64];
    size_t count = 0;
    for (; command_registry[count] && count < 64; count++)
        names[count] = command_registry[count]->name;
    const char *near = text_nearest(name, names, count);
    if (near)
        fprintf(stderr, "gauntlet: no command '%s': did you mean '%s'?\n", name, near);
    else
        fprintf(stderr, "gauntlet: no command '%s'; see: gauntlet --help\n", name);
    return EXIT_USAGE;
}

static enum exit_code run(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    enum status st = arguments_parse(command, argc, argv, &arguments);
    enum exit_code code = EXIT_DONE;
    if (st)
        code = command_fail(&arguments, st);
    else if (option_given(&arguments, "help"))
        help_command(command);
    else
        code = command->run(&arguments);
    arguments_clear(&arguments);
    return code;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_DFL);
    mem_keep_freed();
    /* Tables hold names in UTF-8 and ±; numbers stay as C writes them. */
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
    const char *verb = argc > 1 ? argv[1] : "--help";
    if (!strcmp(verb, "--version")) {
        printf("gauntlet %s (%s)\n", BUILD_VERSION, BUILD_COMMIT);
        return EXIT_DONE;
    }
    if (!strcmp(verb, "--help") || !strcmp(verb, "-h")) {
        help_overview();
        return argc > 1 ? EXIT_DONE : EXIT_USAGE;
    }
    const struct command *command = command_find(verb);
    int code =
        command ? (int)run(command, argc - 2, argv + 2) : (int)unknown_command(verb);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "gauntlet: cannot write to standard output\n");
        return EXIT_USAGE;
    }
    return code;
}
