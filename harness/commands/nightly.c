/* gauntlet nightly: run what is missing, compare with last night, report. */
#include "harness/command.h"
#include "harness/run.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "results/board.h"
#include "results/nightly.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const struct option options[] = {
    {"db", "FILE", "results.db", "the database; made when missing", false, "files"},
    {"baseline", "NAME", NULL, "compare with the run pinned as NAME, too", false, NULL},
    {"pin", "NAME", NULL, "pin this night as NAME when it is done", false, NULL},
    {"min-effect", "POINTS", "0.1", "a smaller change is no regression", false, NULL},
    {"canaries", "N", "5", "finished cells to compute again and compare byte for byte",
     false, NULL},
    {"budget", "TIME", NULL,
     "stop after so long (90m, 4h), most telling cells first; the next night goes on", false,
     NULL},
    {"threads", "N", "0", "workers; 0 is all", false, NULL},
    {"report", "FILE.md", NULL, "the report as Markdown", false, "files"},
    {"junit", "FILE.xml", NULL, "the report for a build server", false, "files"},
    {"html", "FILE.html", NULL, "the report above the leaderboard, as one page", false,
     "files"},
    {"strict", NULL, NULL, "exit 7 when a result has a reliability flag", false, NULL},
    {"quiet", NULL, NULL, "no progress", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet nightly suites/nightly.yaml --report night.md", "one line in cron"},
    {"gauntlet nightly suite.yaml --pin release-1.0", "remember tonight"},
    {"gauntlet nightly suite.yaml --baseline release-1.0 --junit night.xml",
     "and fail a build when it got worse since"},
    {0},
};

struct nightly {
    const struct arguments *arguments;
    struct suite *suite;
    struct plan plan;
    struct store *store;
    struct run_options run;
    struct run_report report;
    struct night_options judge;
};

/* One night at a time on a database: the lock goes with the process, whatever ends it. */
static enum status take_lock(const char *db, int *fd)
{
    char *path = mem_format("%s.nightly-lock", db);
    enum status st = OK;
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (*fd < 0)
        st = status_fail(ERR_IO, "%s: %s", path, strerror(errno));
    else if (flock(*fd, LOCK_EX | LOCK_NB)) {
        char holder[32] = "";
        ssize_t size = read(*fd, holder, sizeof holder - 1);
        holder[size > 0 ? size : 0] = 0;
        st = status_fail(ERR_BUSY, "%s: another nightly run holds it (process %.*s)", path,
                         (int)strcspn(holder, "\n"), holder);
    } else if (ftruncate(*fd, 0) || dprintf(*fd, "%ld\n", (long)getpid()) < 0) {
        st = status_fail(ERR_IO, "%s: %s", path, strerror(errno));
    }
    free(path);
    return st;
}

static enum status read_options(struct nightly *job)
{
    const struct arguments *arguments = job->arguments;
    int64_t threads = 0, canaries = 0;
    char *end = NULL;
    const char *effect = option_value(arguments, "min-effect");
    job->judge.min_effect = strtod(effect, &end) / 100;
    if (end == effect || *end || job->judge.min_effect < 0)
        return status_fail(ERR_USAGE, "--min-effect %s: points, such as 0.1", effect);
    job->judge.gates = (const char *const *)job->suite->gates;
    job->judge.n_gates = job->suite->gates_count;
    job->run.seed = job->suite->seed;
    job->run.quiet = option_given(arguments, "quiet");
    job->run.strict = option_given(arguments, "strict");
    enum status st = option_integer(arguments, "threads", 0, 4096, &threads);
    if (!st)
        st = option_integer(arguments, "canaries", 0, 100000, &canaries);
    job->run.threads = (int)threads;
    job->run.canaries = (size_t)canaries;
    return st ? st : option_seconds(arguments, "budget", &job->run.budget_seconds);
}

static enum status execute(struct nightly *job)
{
    char *config = suite_json(job->suite);
    char sha[HASH_HEX];
    hash_bytes(config, strlen(config), sha);
    const struct store_run row = {
        .suite = job->suite->name, .suite_sha = sha, .config = config,
        .argv = job->arguments->line, .seed = job->suite->seed, .n_shards = 1};
    enum status st = run_plan(&job->plan, job->store, &row, &job->run, &job->report);
    free(config);
    return st;
}

/* The board below the night's own report. */
static enum status write_page(struct store *store, const struct night *night, FILE *out)
{
    char *above = NULL;
    size_t size = 0;
    FILE *part = open_memstream(&above, &size);
    if (!part)
        return status_fail(ERR_IO, "the page: %s", strerror(errno));
    enum status st = night_write(night, "html", 0, false, part);
    fclose(part);
    struct leaderboard_options board = {.format = "html", .above = above};
    if (!st)
        st = leaderboard_write(store, &board, out);
    free(above);
    return st;
}

static enum status write_file(const char *path, const struct night *night,
                              struct store *store, const char *format)
{
    char *part = mem_format("%s.part-%ld", path, (long)getpid());
    FILE *out = fopen(part, "w");
    enum status st = out ? OK : status_fail(ERR_IO, "%s: %s", part, strerror(errno));
    if (!st)
        st = !strcmp(format, "html") ? write_page(store, night, out)
                                     : night_write(night, format, 0, false, out);
    if (out && fclose(out) && !st)
        st = status_fail(ERR_IO, "%s: %s", part, strerror(errno));
    if (!st && rename(part, path))
        st = status_fail(ERR_IO, "%s: %s", path, strerror(errno));
    if (st)
        unlink(part);
    free(part);
    return st;
}

static enum status write_reports(const struct nightly *job, const struct night *night)
{
    const char *report = option_value(job->arguments, "report");
    const char *junit = option_value(job->arguments, "junit");
    const char *html = option_value(job->arguments, "html");
    struct winsize size = {0};
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    enum status st = night_write(night, "terminal", size.ws_col, isatty(STDOUT_FILENO),
                                 stdout);
    if (!st && report)
        st = write_file(report, night, job->store, "markdown");
    if (!st && junit)
        st = write_file(junit, night, job->store, "junit");
    return st || !html ? st : write_file(html, night, job->store, "html");
}

/* The run's row has the night's own code: that something got worse is a reason, too. */
static enum status keep_code(const struct nightly *job, enum exit_code code)
{
    return store_run_end(job->store, job->report.run_id,
                         job->report.interrupted ? "interrupted" : "done", (int)code);
}

/* Against last night, and against the pinned run, which is printed after it. */
static enum status judge(const struct nightly *job, bool *regressed)
{
    const char *pin = option_value(job->arguments, "baseline");
    struct night *night = NULL;
    int64_t before = 0;
    char *work = run_summary(&job->report);
    struct night_options how = job->judge;
    how.work = work;
    enum status st = night_previous(job->store, job->report.run_id, NULL, &before);
    if (!st)
        st = night_open(job->store, job->report.run_id, before, &how, &night);
    free(work);
    if (!st) {
        *regressed = night_regressed(night);
        st = write_reports(job, night);
        night_close(night);
    }
    if (st || !pin)
        return st;
    struct night_options no_gates = {.min_effect = job->judge.min_effect};
    st = night_previous(job->store, job->report.run_id, pin, &before);
    if (!st)
        st = night_open(job->store, job->report.run_id, before, &no_gates, &night);
    if (st)
        return st;
    *regressed = *regressed || night_regressed(night);
    printf("\nAgainst %s:\n", pin);
    st = night_write(night, "terminal", 0, false, stdout);
    night_close(night);
    return st;
}

static enum status work(struct nightly *job, bool *regressed)
{
    const struct arguments *arguments = job->arguments;
    const struct plan_options how = {.seed = job->suite->seed};
    enum status st = read_options(job);
    if (!st)
        st = plan_open(job->suite, &how, &job->plan);
    if (!st)
        st = store_open(option_value(arguments, "db"), STORE_CREATE, &job->store);
    if (!st && store_warning(job->store))
        progress_note("%s", store_warning(job->store));
    if (!st)
        st = execute(job);
    if (!st)
        st = judge(job, regressed);
    if (!st && option_given(arguments, "pin") && !job->report.interrupted)
        st = night_pin(job->store, job->report.run_id, option_value(arguments, "pin"));
    return st;
}

static enum exit_code run(const struct arguments *arguments)
{
    struct nightly job = {.arguments = arguments};
    bool regressed = false;
    int lock = -1;
    enum status st = suite_load(arguments->operands[0], &job.suite);
    if (!st)
        suite_complete(job.suite);
    if (!st)
        st = take_lock(option_value(arguments, "db"), &lock);
    if (!st)
        st = work(&job, &regressed);
    enum exit_code code = st ? command_fail(arguments, st) : EXIT_DONE;
    if (!st)
        code = run_exit_code(&job.report, st, job.run.strict);
    if (regressed)
        code = exit_worse(code, EXIT_REGRESSION);
    if (!st && keep_code(&job, code))
        code = exit_worse(code, command_fail(arguments, ERR_STORE));
    store_close(job.store);
    plan_close(&job.plan);
    suite_free(job.suite);
    if (lock >= 0)
        close(lock);
    return code;
}

const struct command command_nightly = {
    .name = "nightly",
    .summary = "run a suite, compare with last night, judge the gates, report",
    .operands = "SUITE.yaml",
    .min_operands = 1,
    .max_operands = 1,
    .about =
        "Made for cron and systemd timers: takes a lock, runs the cells that are missing, "
        "computes a few finished ones again to see that the same bytes come out, compares "
        "every number with that of the last finished night, sample by sample, and judges "
        "the suite's gates, such as 'acc(int8) >= 0.99*acc(fp32)'. A change is worse or "
        "better when McNemar's test says so after Holm's correction and it is larger than "
        "--min-effect. Exit code 3: something got worse, a gate fails, or a canary came out "
        "different.",
    .options = options,
    .examples = examples,
    .run = run,
};
