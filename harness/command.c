#include "harness/command.h"

#include "base/threads.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* The more urgent reason wins: 6, 1, 5, 4, 2, 3, 7, and success last. */
static int urgency(enum exit_code code)
{
    static const enum exit_code order[] = {EXIT_STORE,       EXIT_USAGE, EXIT_LOCKED,
                                           EXIT_INTERRUPTED, EXIT_CELLS, EXIT_REGRESSION,
                                           EXIT_UNRELIABLE,  EXIT_DONE};
    int i = 0;
    while (order[i] != code)
        i++;
    return i;
}

enum exit_code exit_worse(enum exit_code a, enum exit_code b)
{
    return urgency(a) <= urgency(b) ? a : b;
}

enum exit_code exit_code_of(enum status st)
{
    switch (st) {
    case OK: return EXIT_DONE;
    case ERR_STORE: return EXIT_STORE;
    case ERR_BUSY: return EXIT_LOCKED;
    case ERR_INTERRUPTED: return EXIT_INTERRUPTED;
    default: return EXIT_USAGE;
    }
}

enum exit_code command_fail(const struct arguments *arguments, enum status st)
{
    fprintf(stderr, "gauntlet %s: %s\n", arguments->command->name, status_message());
    return exit_code_of(st);
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; command_registry[i]; i++)
        if (!strcmp(command_registry[i]->name, name))
            return command_registry[i];
    return NULL;
}

static void stop(int number)
{
    (void)number;
    threads_interrupt();
}

void command_interruptible(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGALRM};
    struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
}
