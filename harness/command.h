/*
 * Commands: what `gauntlet VERB` does.
 *
 * How to add one: write harness/commands/<verb>.c ending in `const struct command
 * command_<verb>`, and add the name to meson.build. Its --help, its part of the man page
 * and its completion are made from the tables here; nothing is written twice.
 */
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the program returns to the shell. When several reasons meet, exit_worse() picks.
 */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_USAGE = 1,       /* the command line, a suite or an input says what cannot be */
    EXIT_CELLS = 2,       /* some cells failed or timed out; the others are stored */
    EXIT_REGRESSION = 3,  /* a gate or a comparison failed */
    EXIT_INTERRUPTED = 4, /* resumable */
    EXIT_LOCKED = 5,      /* somebody else holds the lock */
    EXIT_STORE = 6,       /* the database is newer, corrupt or read-only */
    EXIT_UNRELIABLE = 7,  /* flags under --strict */
};
enum exit_code exit_worse(enum exit_code a, enum exit_code b);
enum exit_code exit_code_of(enum status st);

struct option {
    const char *name;     /* "db" for --db */
    const char *argument; /* "FILE"; NULL for a switch */
    const char *fallback; /* the default, as it would be typed; NULL: none */
    const char *help;
    bool many;         /* may be given several times */
    const char *words; /* what completion offers: "files", "models", "noises", words */
};
/* A table ends with {0}. Every command has --help besides. */

struct example {
    const char *line, *meaning;
};

struct arguments;

struct command {
    const char *name, *summary;
    const char *operands;           /* "[SUITE.yaml]", or NULL: none */
    int min_operands, max_operands; /* max -1: any number */
    const char *about;              /* paragraphs for --help */
    const struct option *options;
    const struct example *examples; /* ends with {0}; NULL: none */
    enum exit_code (*run)(const struct arguments *arguments);
};
extern const struct command *const command_registry[];

struct arguments {
    const struct command *command;
    size_t n_operands, n_given;
    const char **operands;
    struct given {
        const struct option *option;
        const char *value; /* NULL for a switch */
    } * given;
    char *line; /* the whole command line, for the database */
};

/* argv without the program's name and the verb. ERR_USAGE names the nearest option. */
enum status arguments_parse(const struct command *command, int argc, char **argv,
                            struct arguments *out);
void arguments_clear(struct arguments *arguments);

bool option_given(const struct arguments *arguments, const char *name);
/* The last value, or the fallback, which may be NULL. */
const char *option_value(const struct arguments *arguments, const char *name);
/* Value number `index` of an option that may be given several times, or NULL. */
const char *option_nth(const struct arguments *arguments, const char *name, size_t index);
/* A whole number within the bounds, the fallback's where it is not given. */
enum status option_integer(const struct arguments *arguments, const char *name,
                           int64_t min, int64_t max, int64_t *out);
/* "90", "90s", "20m", "4h": seconds; 0 when not given and without fallback. */
enum status option_seconds(const struct arguments *arguments, const char *name,
                           double *out);

const struct command *command_find(const char *name); /* NULL: none */

/* Prints "gauntlet VERB: message" of this thread's failure on stderr; gives its exit
 * code. */
enum exit_code command_fail(const struct arguments *arguments, enum status st);

/* From here on the first Ctrl-C, SIGTERM or SIGALRM (a budget that is used up) asks workers
 * to stop and save (threads_interrupted); a second one ends the program at once. */
void command_interruptible(void);

/* harness/help.c: all made from the tables. */
void help_overview(void);
void help_command(const struct command *command);
bool help_noise(const char *name); /* false: there is none of that name */
void help_man(void);        /* troff -man, section 1 */
void help_completion(void); /* for bash */
