/* gauntlet prune: drop the predictions of superseded nights; their numbers stay. */
#include "harness/command.h"
#include "results/store.h"

#include <inttypes.h>
#include <stdio.h>

static const struct option options[] = {
    {"db", "FILE", "results.db", "the database", false, "files"},
    {"keep", "N", "14", "the last N runs keep all they use", false, NULL},
    {"dry-run", NULL, NULL, "only count", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet prune --keep 14 --dry-run", "what would go"},
    {"gauntlet prune --keep 14", "two weeks of nights stay comparable image by image"},
    {0},
};

static enum exit_code run(const struct arguments *arguments)
{
    struct store *store = NULL;
    int64_t keep = 14, cells = 0;
    bool dry = option_given(arguments, "dry-run");
    enum status st = option_integer(arguments, "keep", 0, 100000, &keep);
    if (!st)
        st = store_open(option_value(arguments, "db"), STORE_WRITE, &store);
    if (!st)
        st = store_prune(store, (int)keep, dry, &cells);
    store_close(store);
    if (st)
        return command_fail(arguments, st);
    printf("%" PRId64 " cells %s their predictions\n", cells, dry ? "would lose" : "lost");
    return EXIT_DONE;
}

const struct command command_prune = {
    .name = "prune",
    .summary = "drop predictions that no board and no recent run needs",
    .about = "Accuracies, intervals and history stay; what goes are the per-sample vectors "
             "of cells that a newer one has superseded. Clean cells, the cells of boards, of "
             "pinned runs and of the last runs keep theirs.",
    .options = options,
    .examples = examples,
    .run = run,
};
