/* gauntlet merge: other databases, or the shards of one run, into one. */
#include "harness/command.h"
#include "results/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct option options[] = {
    {"db", "FILE", "results.db", "the database that takes them up; made when missing",
     false, "files"},
    {"partial", NULL, NULL, "fine when shards are still missing", false, NULL},
    {"json", NULL, NULL, "print the counts as JSON", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet merge shard-*.db", "the shards of a run, into results.db"},
    {"gauntlet merge --db board.db theirs.db", "somebody else's results beside ours"},
    {0},
};

static enum status merge_all(const struct arguments *arguments, struct store *store,
                             struct store_merge *total)
{
    enum status st = OK;
    for (size_t i = 0; i < arguments->n_operands && !st; i++) {
        struct store_merge one;
        st = store_merge(store, arguments->operands[i], &one);
        total->runs += one.runs;
        total->cells += one.cells;
        total->known += one.known;
        total->conflicts = one.conflicts;
    }
    return st ? st : store_doubt(store);
}

static void print(const struct store_merge *total, const char *missing, bool as_json)
{
    if (as_json) {
        printf("{\"runs\":%" PRId64 ",\"cells\":%" PRId64 ",\"known\":%" PRId64
               ",\"conflicts\":%" PRId64 ",\"missing\":\"%s\"}\n",
               total->runs, total->cells, total->known, total->conflicts,
               missing ? missing : "");
        return;
    }
    printf("%" PRId64 " new cells of %" PRId64 " new runs, %" PRId64 " known before\n",
           total->cells, total->runs, total->known);
    if (total->conflicts)
        fprintf(stderr, "%" PRId64 " keys have more than one outcome: see gauntlet doctor\n",
                total->conflicts);
    if (missing)
        fprintf(stderr, "shards that are not done or not merged: %s\n", missing);
}

static enum exit_code run(const struct arguments *arguments)
{
    struct store *store = NULL;
    struct store_merge total = {0};
    char *missing = NULL;
    enum status st = store_open(option_value(arguments, "db"), STORE_CREATE, &store);
    if (!st)
        st = merge_all(arguments, store, &total);
    if (!st)
        st = store_missing_shards(store, &missing);
    store_close(store);
    enum exit_code code = st ? command_fail(arguments, st) : EXIT_DONE;
    if (!st) {
        print(&total, missing, option_given(arguments, "json"));
        code = missing && !option_given(arguments, "partial") ? EXIT_CELLS : EXIT_DONE;
    }
    free(missing);
    return code;
}

const struct command command_merge = {
    .name = "merge",
    .summary = "take up other databases, or the shards of a run",
    .operands = "FILE.db...",
    .min_operands = 1,
    .max_operands = -1,
    .about = "Each file goes in as one transaction; merging it again changes nothing. Cells "
             "with the same key and the same predictions are kept once; where two runs "
             "disagree, both are kept and counted. Exit code 2 says that shards are missing.",
    .options = options,
    .examples = examples,
    .run = run,
};
