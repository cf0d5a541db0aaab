/* gauntlet export: a compact copy of the database for others. */
#include "harness/command.h"
#include "results/store.h"

#include <stdio.h>

static const struct option options[] = {
    {"db", "FILE", "results.db", "the database", false, "files"},
    {0},
};

static const struct example examples[] = {
    {"gauntlet export board-2026-11-24.db", "one file without a log beside it"},
    {0},
};

static enum exit_code run(const struct arguments *arguments)
{
    struct store *store = NULL;
    enum status st = store_open(option_value(arguments, "db"), STORE_WRITE, &store);
    if (!st)
        st = store_export(store, arguments->operands[0]);
    store_close(store);
    return st ? command_fail(arguments, st) : EXIT_DONE;
}

const struct command command_export = {
    .name = "export",
    .summary = "write a compact copy of the database that opens anywhere",
    .operands = "FILE.db",
    .min_operands = 1,
    .max_operands = 1,
    .about = "The copy has no write-ahead log and opens on read-only media. It is written "
             "beside FILE first and put in its place at once.",
    .options = options,
    .examples = examples,
    .run = run,
};
