/* gauntlet leaderboard: the database as a table, a page or a file for others to read. */
#include "harness/command.h"
#include "results/board.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const struct option options[] = {
    {"db", "FILE", "results.db", "the database", false, "files"},
    {"format", "FORMAT", "terminal", "what to write; an unknown one lists them", false,
     "terminal markdown csv json latex html robustbench"},
    {"output", "FILE", NULL, "write there (robustbench: a folder); otherwise to standard output", false, "files"},
    {"dataset", "PATTERN", NULL, "only datasets of this name (shell pattern)", false,
     NULL},
    {"model", "PATTERN", NULL, "only models of this name (shell pattern)", false, NULL},
    {"kind", "KIND", NULL, "only one family of conditions", false,
     "clean system natural adversarial worst"},
    {"sort", "MEASURE", "clean", "rank by this; an unknown one lists them", false, NULL},
    {"baseline", "MODEL", NULL,
     "the network that mCE and mFR are against; otherwise mCE is against AlexNet as "
     "published", false, NULL},
    {"details", NULL, NULL, "every condition, not only the families", false, NULL},
    {"twins", NULL, NULL, "compressed networks beside their full-precision twins", false,
     NULL},
    {"transfer", NULL, NULL, "who is fooled by what was crafted on whom (source=)", false,
     NULL},
    {"curves", NULL, NULL, "accuracy against radius, and median smallest distances", false,
     NULL},
    {"json", NULL, NULL, "the same as --format json", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet leaderboard", "the table in the terminal"},
    {"gauntlet leaderboard --format markdown --output RESULTS.md", "for a repository"},
    {"gauntlet leaderboard --kind natural --sort natural_delta --details",
     "who loses least to corruptions, condition by condition"},
    {"gauntlet leaderboard --curves", "accuracy as the radius of an attack grows"},
    {0},
};

static int terminal_width(FILE *out)
{
    struct winsize size;
    if (!ioctl(fileno(out), TIOCGWINSZ, &size) && size.ws_col >= 40)
        return size.ws_col;
    const char *columns = getenv("COLUMNS");
    return columns ? atoi(columns) : 0;
}

static enum status write_board(const struct arguments *arguments, struct store *store,
                               FILE *out)
{
    const char *kept_plain = getenv("NO_COLOR");
    const struct leaderboard_options how = {
        .format =
            option_given(arguments, "json") ? "json" : option_value(arguments, "format"),
        .dataset = option_value(arguments, "dataset"),
        .model = option_value(arguments, "model"),
        .kind = option_value(arguments, "kind"),
        .sort = option_value(arguments, "sort"),
        .baseline = option_value(arguments, "baseline"),
        .details = option_given(arguments, "details"),
        .twins = option_given(arguments, "twins"),
        .transfer = option_given(arguments, "transfer"),
        .curves = option_given(arguments, "curves"),
        .width = terminal_width(out),
        .colour = isatty(fileno(out)) && !(kept_plain && *kept_plain),
    };
    return leaderboard_write(store, &how, out);
}

/* Into a file beside it first: a reader never sees half a page. */
static enum status write_file(const struct arguments *arguments, struct store *store,
                              const char *path)
{
    char part[4096];
    snprintf(part, sizeof part, "%s.part-%d", path, (int)getpid());
    FILE *out = fopen(part, "w");
    if (!out)
        return status_fail(ERR_IO, "%s: %s", part, strerror(errno));
    enum status st = write_board(arguments, store, out);
    if (fclose(out) && !st)
        st = status_fail(ERR_IO, "%s: %s", part, strerror(errno));
    if (!st && rename(part, path))
        st = status_fail(ERR_IO, "%s: %s", path, strerror(errno));
    if (st)
        unlink(part);
    return st;
}

static enum exit_code run(const struct arguments *arguments)
{
    struct store *store = NULL;
    const char *path = option_value(arguments, "output");
    const struct leaderboard_options tree = {.format = option_value(arguments, "format"),
                                             .dataset = option_value(arguments, "dataset"),
                                             .model = option_value(arguments, "model")};
    enum status st = store_open(option_value(arguments, "db"), STORE_READ, &store);
    if (!st && path && !strcmp(tree.format, "robustbench")) /* a folder of files */
        st = leaderboard_write_files(store, &tree, path);
    else if (!st)
        st = path ? write_file(arguments, store, path)
                  : write_board(arguments, store, stdout);
    store_close(store);
    return st ? command_fail(arguments, st) : EXIT_DONE;
}

const struct command command_leaderboard = {
    .name = "leaderboard",
    .summary = "show the results: terminal, Markdown, HTML and others",
    .about =
        "Reads the database once and writes it in one of several formats, so that no two "
        "can disagree. Accuracies carry 95 % intervals (Wilson), deltas against clean "
        "are "
        "paired, and rows that cannot be told apart share a place.",
    .options = options,
    .examples = examples,
    .run = run,
};
