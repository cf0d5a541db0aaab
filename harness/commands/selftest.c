/* gauntlet selftest attacks: do the attacks find what is known to be there? */
#include "harness/command.h"
#include "noises/adversarial/selftest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct option options[] = {
    {"only", "ATTACK", NULL, "test this attack alone", false, "noises"},
    {"seed", "N", "0", "seed of the victims and the attacks", false, NULL},
    {"failures", NULL, NULL, "print what failed, and no more", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet selftest attacks", "every attack on victims whose truth is known"},
    {0},
};

static void report(void *context, const struct selftest_line *line)
{
    const bool *failures = context;
    if (!*failures || !line->passed)
        printf("%-6s %-10s %-18s %s\n", line->passed ? "ok" : "FAILED", line->check,
               line->attack, line->detail);
}

static enum exit_code run(const struct arguments *arguments)
{
    bool failures = option_given(arguments, "failures");
    int64_t seed;
    int failed = 0;
    enum status st = OK;
    if (strcmp(arguments->operands[0], "attacks"))
        st = status_fail(ERR_USAGE, "'%s': only 'attacks' can be tested so",
                         arguments->operands[0]);
    if (!st)
        st = option_integer(arguments, "seed", 0, INT64_MAX, &seed);
    if (!st)
        st = attacks_selftest(option_value(arguments, "only"), (uint64_t)seed, report,
                              &failures, &failed);
    if (st)
        return command_fail(arguments, st);
    if (failed)
        printf("%d checks failed\n", failed);
    return failed ? EXIT_CELLS : EXIT_DONE;
}

const struct command command_selftest = {
    .name = "selftest",
    .summary = "run the attacks on victims whose truth is known",
    .operands = "attacks",
    .min_operands = 1,
    .max_operands = 1,
    .about =
        "A linear network has a smallest perturbation in closed form: below it an attack "
        "must fail, above it succeed. A planted example must be found, a ball of radius "
        "0 "
        "must change nothing, accuracy must never rise with the radius.",
    .options = options,
    .examples = examples,
    .run = run,
};
