/* What goes wrong while the whole program works: stops, kills, files that vanish, company. */
#include "tests/harness/tiny.h"

#include "base/file.h"
#include "base/mem.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <sqlite3.h>

static void remove_db(const char *db)
{
    char *line = mem_format("rm -f '%s/%s'*", tiny_folder, db);
    assert_int_equal(system(line), 0);
    free(line);
}

#define LONG_WORK                                                                        \
    "--noise 'pgd-linf eps=2/255 steps=15000' --noise 'square-linf eps=2/255 "           \
    "queries=45000' "                                                                    \
    "--noise decode=stb --noise tilt-p"

/* Until the program is at its cells: a signal before that ends it like any other. */
static void wait_for_run(const char *db)
{
    char *path = mem_format("%s/%s", tiny_folder, db);
    const struct timespec step = {0, 2000000};
    bool begun = false;
    for (int i = 0; i < 5000 && !begun; i++) {
        nanosleep(&step, NULL);
        sqlite3 *handle;
        sqlite3_stmt *query = NULL;
        if (sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(handle, "SELECT 1 FROM cell", -1, &query, NULL) ==
                SQLITE_OK)
            begun = sqlite3_step(query) == SQLITE_ROW; /* clean is done */
        sqlite3_finalize(query);
        sqlite3_close(handle);
    }
    free(path);
    assert_true(begun);
}

/* "gauntlet ARGUMENTS" in the tiny_folder, on its own; what it says is dropped. */
static pid_t start(const char *arguments)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        char *line = mem_format("cd '%s' && exec '%s' %s >/dev/null 2>&1", tiny_folder,
                                getenv("GAUNTLET_PROGRAM"), arguments);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(98);
    }
    return child;
}

/* Its exit code, or 128 + signal. */
static int await(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Starts the long run and sends it a signal after so many milliseconds. */
static int start_and_stop(const char *db, int signal_number, int after_ms)
{
    char *line = mem_format("run --model tiny.onnx --dataset data --db %s --threads 2 "
                            LONG_WORK, db);
    pid_t child = start(line);
    free(line);
    if (signal_number != SIGKILL)
        wait_for_run(db);
    const struct timespec wait = {after_ms / 1000, (after_ms % 1000) * 1000000L};
    nanosleep(&wait, NULL);
    kill(child, signal_number);
    return await(child);
}

static void interrupted_runs_go_on(void **state)
{
    (void)state;
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db whole.db "
                              "--quiet " LONG_WORK),
                     0);
    char *whole = tiny_dump("whole.db");
    int interrupted = 0;
    for (int trial = 0; trial < 4; trial++) {
        remove_db("part.db");
        int code =
            start_and_stop("part.db", trial % 2 ? SIGTERM : SIGINT, 5 + 40 * trial);
        assert_true(code == 4 || code == 0 || code == 128 + SIGINT ||
                    code == 128 + SIGTERM);
        if (code == 4) {
            interrupted++;
            assert_string_equal(tiny_ask("part.db", "SELECT status || exit_code FROM run"),
                                "interrupted4");
        }
        assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db part.db "
                                  "--quiet " LONG_WORK),
                         0);
        char *part = tiny_dump("part.db");
        assert_string_equal(whole, part);
        assert_string_equal(tiny_ask("part.db", "SELECT count(*) FROM checkpoint"), "0");
        free(part);
    }
    assert_true(interrupted > 0);
    free(whole);
}

/* 25 moments from 10 to 202 ms after the start, in no order. */
static void kills_leave_no_half_cell(void **state)
{
    (void)state;
    char *whole = tiny_dump("whole.db");
    remove_db("killed.db");
    for (int trial = 0; trial < 25; trial++) {
        start_and_stop("killed.db", SIGKILL, 10 + 8 * (trial * 7919 % 25));
        char *path = mem_format("%s/killed.db", tiny_folder);
        if (!access(path, F_OK)) {
            assert_string_equal(tiny_ask("killed.db", "PRAGMA integrity_check"), "ok");
            if (*tiny_ask("killed.db", "SELECT 1 FROM sqlite_schema WHERE name = 'pred'"))
                assert_string_equal(tiny_ask("killed.db",
                                        "SELECT count(*) FROM cell LEFT JOIN pred"
                                        " USING(cell_id) WHERE top1 IS NULL"),
                                    "0");
        }
        free(path);
    }
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db killed.db "
                              "--quiet " LONG_WORK),
                     0);
    char *killed = tiny_dump("killed.db");
    assert_string_equal(whole, killed);
    free(whole);
    free(killed);
}

static void broken_pictures_are_recorded(void **state)
{
    (void)state;
    static const char junk[] = "this is no picture";
    char *copy =
        mem_format("cd '%s' && cp -r data damaged && printf '%s' > damaged/red/2.jpg && "
                   "head -c 300 damaged/red/1.jpg > damaged/white/2.jpg",
                   tiny_folder, junk);
    assert_int_equal(system(copy), 0);
    free(copy);
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset damaged --db bad.db "
                              "--noise decode=stb"),
                     0);
    assert_non_null(strstr(tiny_output(), "    red/2.jpg: decode: not JPEG, PNG"));
    assert_non_null(strstr(tiny_output(), "    white/2.jpg: decode: "));
    assert_null(strstr(tiny_output(), "more\n")); /* one line each, whatever the cells */
    assert_string_equal(tiny_ask("bad.db",
                            "SELECT n || ' ' || n_unread || ' ' || round(acc, 3) FROM"
                            " result WHERE condition = 'clean'"),
                        "10 2 0.8");
    assert_string_equal(tiny_ask("bad.db", "SELECT DISTINCT stage FROM failure"), "decode");
    assert_string_equal(tiny_ask("bad.db", "SELECT count(*) FROM failure"), "4");
    assert_string_equal(tiny_ask("bad.db", "SELECT count(*) FROM failure WHERE message = ''"),
                        "0");
}

static void one_bad_model_costs_its_own_cells(void **state)
{
    (void)state;
    char *path = mem_format("%s/bad.onnx", tiny_folder);
    assert_ok(file_replace(path, "not a network", 13));
    free(path);
    assert_int_equal(tiny_run("run --model bad.onnx --model tiny.onnx --dataset data "
                              "--db mixed.db"),
                     2);
    assert_non_null(strstr(tiny_output(), "bad.onnx: left out"));
    assert_string_equal(tiny_ask("mixed.db", "SELECT model || acc FROM result"), "tiny1.0");
    assert_int_equal(
        tiny_run("run --model bad.onnx --dataset data --db mixed.db"), 1);
    if (strstr(tiny_output(), "bad.onnx: bad.onnx"))
        fail_msg("%s", tiny_output());

    /* A condition that cannot be: the others are done, and this one says why. */
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db mixed.db "
                              "--noise 'pgd-linf eps=1/255 source=nobody'"),
                     2);
    assert_non_null(strstr(tiny_output(), "source=nobody is not among the models"));
    assert_string_equal(
        tiny_ask("mixed.db", "SELECT status FROM cell WHERE error LIKE '%nobody%'"),
        "skipped");
}

#define TWO_MODELS                                                                       \
    "run --model tiny.onnx --model other.onnx --dataset data --quiet "                   \
    "--noise 'square-linf eps=2/255 queries=20000' --noise decode=stb "

/* The file is gone, or holds something else, while the run is at its cells: what was opened
 * is what is measured. The next run leaves that network out and does the other's cells. */
static void a_model_that_vanishes_costs_its_own_cells(void **state)
{
    (void)state;
    tiny_network("other", 3);
    tiny_shell("cp other.onnx kept.onnx");
    assert_int_equal(tiny_run(TWO_MODELS "--db calm.db"), 0);
    char *calm = tiny_dump("calm.db");
    static const char *const ways[] = {"rm other.onnx", ": > other.onnx",
                                       "echo no network > other.onnx"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        remove_db("gone.db");
        pid_t child = start(TWO_MODELS "--db gone.db");
        wait_for_run("gone.db");
        tiny_shell("%s", ways[i]);
        assert_int_equal(await(child), 0);
        char *gone = tiny_dump("gone.db");
        assert_string_equal(calm, gone);
        free(gone);
        assert_int_equal(tiny_run(TWO_MODELS "--noise fog:2 --db gone.db"), 2);
        assert_non_null(strstr(tiny_output(), "other.onnx: left out"));
        assert_string_equal(tiny_ask("gone.db", "SELECT group_concat(model) FROM result WHERE"
                                " noise = 'fog'"), "tiny");
        tiny_shell("cp kept.onnx other.onnx");
    }
    free(calm);
}

/* Two runs of the same work at once: each cell is there once, and what it should be. */
static void two_runners_share_a_database(void **state)
{
    (void)state;
    char *whole = tiny_dump("whole.db");
    remove_db("shared.db");
    pid_t children[2];
    for (int i = 0; i < 2; i++)
        children[i] = start("run --model tiny.onnx --dataset data --db shared.db --quiet "
                            LONG_WORK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(await(children[i]), 0);
    char *shared = tiny_dump("shared.db");
    assert_string_equal(whole, shared);
    assert_string_equal(tiny_ask("shared.db", "SELECT count(*) - count(DISTINCT key) FROM cell"), "0");
    assert_string_equal(tiny_ask("shared.db", "SELECT group_concat(status) FROM run"), "done,done");
    assert_int_equal(tiny_run("doctor --db shared.db"), 0);
    free(shared);
    free(whole);
}

/* A clock that stood in the future when the first run was made. */
static void the_clock_goes_backwards(void **state)
{
    (void)state;
    remove_db("clock.db");
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db clock.db"), 0);
    tiny_ask("clock.db", "UPDATE run SET started = '2999-01-01T00:00:00.000Z', finished ="
                    " '2999-01-01T00:00:01.000Z'");
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db clock.db "
                                      "--noise colour=bgr"), 0);
    assert_string_equal(tiny_ask("clock.db", "SELECT started >= lag(started, 1, '') OVER (ORDER BY"
                            " run_id) AND finished >= started FROM run"), "1 1");
    assert_string_equal(tiny_ask("clock.db", "SELECT count(*) FROM result"), "2");
    assert_int_equal(tiny_run("doctor --db clock.db"), 0);
}

/* A cell that works too long is given up and said; the others are done, and it is tried
 * again when it is asked for with more time. */
static void long_cells_time_out(void **state)
{
    (void)state;
    remove_db("late.db");
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db late.db "
                              "--timeout-cell 0.2 --noise 'pgd-linf eps=2/255 steps=90000' "
                              "--noise colour=bgr"), 2);
    assert_non_null(strstr(tiny_output(), "1 timed out"));
    assert_non_null(strstr(tiny_output(), "ran past --timeout-cell"));
    assert_string_equal(tiny_ask("late.db", "SELECT condition || ' ' || status FROM failed"),
                        "pgd-linf eps=2/255 steps=90000 timeout");
    assert_string_equal(tiny_ask("late.db", "SELECT condition FROM result ORDER BY 1"),
                        "clean colour=bgr");
    assert_string_equal(tiny_ask("late.db", "SELECT exit_code FROM run"), "2");
}

/* Every test that the README's table of faults names is there and runs. */
static void the_readme_names_tests_that_are(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "README.md", "tests/harness/test_faults.c", "tests/harness/test_run.c",
        "tests/harness/test_nightly.c", "tests/results/test_care.c",
        "tests/results/test_store.c"};
    char *texts[6], *line, *next;
    for (int i = 0; i < 6; i++) {
        struct mapping file;
        assert_ok(file_map(source_path(sources[i]), &file));
        texts[i] = mem_format("%.*s", (int)file.size, (const char *)file.data);
        file_unmap(&file);
    }
    int rows = 0;
    next = strstr(texts[0], "<!-- faults -->");
    assert_non_null(next);
    while ((line = strsep(&next, "\n")) && strncmp(line, "## ", 3)) {
        char *end = strrchr(line, '`');
        if (line[0] != '|' || !end)
            continue;
        *end = 0;
        char *call = mem_format("cmocka_unit_test(%s)", strrchr(line, '`') + 1);
        bool found = false;
        for (int i = 1; i < 6; i++)
            found = found || strstr(texts[i], call);
        if (!found)
            fail_msg("no %s", call);
        free(call);
        rows++;
    }
    assert_true(rows > 10);
    for (int i = 0; i < 6; i++)
        free(texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupted_runs_go_on),
        cmocka_unit_test(kills_leave_no_half_cell),
        cmocka_unit_test(two_runners_share_a_database),
        cmocka_unit_test(a_model_that_vanishes_costs_its_own_cells),
        cmocka_unit_test(the_clock_goes_backwards),
        cmocka_unit_test(long_cells_time_out),
        cmocka_unit_test(broken_pictures_are_recorded),
        cmocka_unit_test(one_bad_model_costs_its_own_cells),
        cmocka_unit_test(the_readme_names_tests_that_are),
    };
    return cmocka_run_group_tests(tests, tiny_setup, tiny_teardown);
}
