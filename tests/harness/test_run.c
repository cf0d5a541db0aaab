/* The whole program on eight tiny pictures: results, resume, kills, mistakes. */
#include "tests/harness/tiny.h"

#include "base/file.h"
#include "base/mem.h"
#include "harness/command.h"
#include "harness/plan.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <sqlite3.h>

static char folder[] = "/tmp/gauntlet-run-XXXXXX";

/* The first column of a query's rows, joined by spaces; a static buffer. */
static const char *ask(const char *db, const char *sql)
{
    static char answer[4096];
    char *path = mem_format("%s/%s", folder, db);
    sqlite3 *handle;
    sqlite3_stmt *query;
    answer[0] = 0;
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL),
                     SQLITE_OK);
    sqlite3_busy_timeout(handle, 5000);
    if (sqlite3_prepare_v2(handle, sql, -1, &query, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(handle));
    while (sqlite3_step(query) == SQLITE_ROW) {
        const char *value = (const char *)sqlite3_column_text(query, 0);
        size_t used = strlen(answer);
        snprintf(answer + used, sizeof answer - used, "%s%s", used ? " " : "",
                 value ? value : "");
    }
    sqlite3_finalize(query);
    sqlite3_close(handle);
    free(path);
    return answer;
}

static void remove_db(const char *db)
{
    char *line = mem_format("rm -f '%s/%s'*", folder, db);
    assert_int_equal(system(line), 0);
    free(line);
}

#define FAMILIES                                                                         \
    "--noise 'decode=[turbo,stb]' --noise colour=bgr --noise gaussian_noise:[1,5] "      \
    "--noise 'gaussian_noise:2 store=jpeg85' --noise [translate,gaussian_noise]-p "    \
    "--noise 'fgsm-linf eps=[2/255,100/255]' "   \
    "--noise 'uniform-linf eps=2/255' --noise precision=[bf16,int8]"

/* What can be said beforehand of four colours, two pictures each. */
static void numbers_are_right(void **state)
{
    (void)state;
    assert_int_equal(tiny_run(folder, "run --model tiny.onnx --dataset data " FAMILIES),
                     0);
    assert_string_equal(ask("results.db", "SELECT count(*) FROM result"), "14");
    assert_string_equal(
        ask("results.db", "SELECT acc FROM result WHERE condition='clean'"), "1.0");
    /* Swapped channels turn red into blue and blue into red; green and white stay. */
    assert_string_equal(ask("results.db",
                            "SELECT acc || ' ' || delta || ' ' || kept FROM result"
                            " WHERE condition='colour=bgr'"),
                        "0.5 -0.5 0.5");
    assert_string_equal(ask("results.db",
                            "SELECT top1 FROM pred JOIN result USING(cell_id)"
                            " WHERE condition='colour=bgr'"),
                        "[2,2,1,1,0,0,3,3]");
    /* A mean moves by eps at most: 2/255 breaks nothing. 100/255 breaks every colour, but
     * white, whose gradient points evenly to the dark, stays white. */
    assert_string_equal(ask("results.db", "SELECT acc FROM result WHERE noise='fgsm-linf'"
                                          " ORDER BY eps"),
                        "1.0 0.25");
    assert_string_equal(
        ask("results.db", "SELECT kind FROM result WHERE noise='uniform-linf'"),
        "adversarial");
    assert_string_equal(ask("results.db",
                            "SELECT max(dist) <= 100.0/255 + 1e-4 FROM (SELECT"
                            " j.value dist FROM pred, json_each(pred.dist) j)"),
                        "1");
    assert_string_equal(ask("results.db",
                            "SELECT count(*) FROM env JOIN run USING(env_id) WHERE"
                            " cpu <> '' AND binary_sha <> '' AND json_valid(libs)"),
                        "1");
}

/* Pairs by the rules of each sequence and difficulty; rates are the counts' means. */
static void sequences_are_counted(void **state)
{
    (void)state;
    /* Weak noise and small shifts change no mean enough. */
    assert_string_equal(ask("results.db", "SELECT flip_rate || ' ' || right_in_all || ' ' ||"
                                          " pairs FROM stability ORDER BY condition"),
                        "0.0 1.0 30 0.0 1.0 15");
    /* Four classes have no five best. */
    assert_string_equal(ask("results.db", "SELECT count(top5_distance) FROM stability"), "0");
    assert_string_equal(ask("results.db", "SELECT DISTINCT spread FROM sequence"),
                        "[null,null,null,null,null,null,null,null]");
    /* Twenty pixels are more than these pictures have: the frame is black at its ends. */
    assert_int_equal(tiny_run(folder, "run --model tiny.onnx --dataset data --db p.db"
                                      " --noise 'translate-p:[1,2] set=224' --noise tilt-p"),
                     0);
    assert_string_equal(ask("p.db", "SELECT pairs FROM stability ORDER BY condition"),
                        "30 40 39");
    assert_string_equal(ask("p.db", "SELECT sum(f.value) > 0 AND sum(f.value) * 1.0 / (8 *"
                                    " s.pairs) = s.flip_rate FROM sequence q JOIN stability"
                                    " s USING(cell_id), json_each(q.flips) f WHERE"
                                    " s.condition = 'translate-p set=224'"),
                        "1");
    assert_string_equal(ask("p.db", "SELECT count(*) FROM result WHERE kind = 'sequence' AND"
                                    " ece IS NULL"),
                        "3");
}

static void finished_cells_never_run_again(void **state)
{
    (void)state;
    char *before = tiny_dump(folder, "results.db");
    assert_int_equal(tiny_run(folder, "run --model tiny.onnx --dataset data " FAMILIES),
                     0);
    assert_non_null(strstr(tiny_output(), "0 cells done, 14 already there"));
    char *after = tiny_dump(folder, "results.db");
    assert_string_equal(before, after);
    assert_string_equal(ask("results.db", "SELECT count(*) FROM cell"), "14");
    free(before);
    free(after);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        char *db = mem_format("t%d.db", threads);
        assert_int_equal(tiny_run(folder,
                                  "run --model tiny.onnx --dataset data --threads %d "
                                  "--db %s --quiet " FAMILIES,
                                  threads, db),
                         0);
        char *one = tiny_dump(folder, "results.db"), *other = tiny_dump(folder, db);
        assert_string_equal(one, other);
        free(one);
        free(other);
        free(db);
    }
}

static void shards_hold_the_whole(void **state)
{
    (void)state;
    int cells = 0;
    for (int shard = 1; shard <= 3; shard++) {
        char *db = mem_format("s%d.db", shard);
        assert_int_equal(tiny_run(folder,
                                  "run --model tiny.onnx --dataset data --shard %d/3 "
                                  "--db %s --quiet " FAMILIES,
                                  shard, db),
                         0);
        cells += atoi(ask(db, "SELECT count(*) FROM result WHERE kind <> 'clean'"));
        assert_string_equal(ask(db, "SELECT count(*) FROM result WHERE delta IS NULL"),
                            "0");
        free(db);
    }
    assert_int_equal(cells, 13);
    assert_int_equal(tiny_run(folder, "merge s1.db s2.db --db all.db"), 2); /* one is missing */
    assert_int_equal(tiny_run(folder, "merge s3.db --db all.db"), 0);
    char *whole = tiny_dump(folder, "results.db"), *merged = tiny_dump(folder, "all.db");
    assert_string_equal(whole, merged);
    free(whole);
    free(merged);
    assert_int_equal(tiny_run(folder, "run --model tiny.onnx --dataset data --shard 4/3"),
                     1);
}

/* --- stopping ------------------------------------------------------------------------ */

#define LONG_WORK                                                                        \
    "--noise 'pgd-linf eps=2/255 steps=30000' --noise 'square-linf eps=2/255 "           \
    "queries=90000' "                                                                    \
    "--noise decode=stb --noise tilt-p"

/* Until the program is at its cells: a signal before that ends it like any other. */
static void wait_for_run(const char *db)
{
    char *path = mem_format("%s/%s", folder, db);
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

/* Starts the long run and sends it a signal after so many milliseconds; its exit code, or
 * 128 + signal. */
static int start_and_stop(const char *db, int signal_number, int after_ms)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        if (chdir(folder))
            _exit(99);
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        dup2(null, 2);
        execl(getenv("GAUNTLET_PROGRAM"), "gauntlet", "run", "--model", "tiny.onnx",
              "--dataset", "data", "--db", db, "--threads", "2", "--noise",
              "pgd-linf eps=2/255 steps=30000", "--noise",
              "square-linf eps=2/255 queries=90000", "--noise", "decode=stb",
              "--noise", "tilt-p", (char *)NULL);
        _exit(98);
    }
    if (signal_number != SIGKILL)
        wait_for_run(db);
    const struct timespec wait = {after_ms / 1000, (after_ms % 1000) * 1000000L};
    nanosleep(&wait, NULL);
    kill(child, signal_number);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void interrupted_runs_go_on(void **state)
{
    (void)state;
    assert_int_equal(tiny_run(folder,
                              "run --model tiny.onnx --dataset data --db whole.db "
                              "--quiet " LONG_WORK),
                     0);
    char *whole = tiny_dump(folder, "whole.db");
    int interrupted = 0;
    for (int trial = 0; trial < 4; trial++) {
        remove_db("part.db");
        int code =
            start_and_stop("part.db", trial % 2 ? SIGTERM : SIGINT, 5 + 40 * trial);
        assert_true(code == 4 || code == 0 || code == 128 + SIGINT ||
                    code == 128 + SIGTERM);
        if (code == 4) {
            interrupted++;
            assert_string_equal(ask("part.db", "SELECT status || exit_code FROM run"),
                                "interrupted4");
        }
        assert_int_equal(tiny_run(folder,
                                  "run --model tiny.onnx --dataset data --db part.db "
                                  "--quiet " LONG_WORK),
                         0);
        char *part = tiny_dump(folder, "part.db");
        assert_string_equal(whole, part);
        assert_string_equal(ask("part.db", "SELECT count(*) FROM checkpoint"), "0");
        free(part);
    }
    assert_true(interrupted > 0);
    free(whole);
}

static void kills_leave_no_half_cell(void **state)
{
    (void)state;
    char *whole = tiny_dump(folder, "whole.db");
    remove_db("killed.db");
    for (int trial = 0; trial < 5; trial++) {
        start_and_stop("killed.db", SIGKILL, 30 + 90 * trial);
        char *path = mem_format("%s/killed.db", folder);
        if (!access(path, F_OK)) {
            assert_string_equal(ask("killed.db", "PRAGMA integrity_check"), "ok");
            if (*ask("killed.db", "SELECT 1 FROM sqlite_schema WHERE name = 'pred'"))
                assert_string_equal(ask("killed.db",
                                        "SELECT count(*) FROM cell LEFT JOIN pred"
                                        " USING(cell_id) WHERE top1 IS NULL"),
                                    "0");
        }
        free(path);
    }
    assert_int_equal(tiny_run(folder,
                              "run --model tiny.onnx --dataset data --db killed.db "
                              "--quiet " LONG_WORK),
                     0);
    char *killed = tiny_dump(folder, "killed.db");
    assert_string_equal(whole, killed);
    free(whole);
    free(killed);
}

/* --- bad input ----------------------------------------------------------------------- */

/* Unknown pictures are seen clean by every network; a part of the classes is chosen among. */
static void classes_can_be_unknown_or_few(void **state)
{
    (void)state;
    char *few = mem_format("cd '%s' && mkdir -p few && cp -r data/red data/white few/ &&"
                           " printf '0\tblue\n1\tgreen\n2\tred\n3\twhite\n' > four.tsv",
                           folder);
    assert_int_equal(system(few), 0);
    free(few);
    assert_int_equal(tiny_run(folder, "run --model tiny.onnx --dataset data --db unknown.db"
                                      " --ood synthetic:0:6 --noise colour=bgr"),
                     0);
    assert_string_equal(ask("unknown.db", "SELECT group_concat(condition || n || subset)"
                                          " FROM (SELECT * FROM result ORDER BY n, condition)"),
                        "clean6all role=ood,clean8all,colour=bgr8all");
    assert_string_equal(ask("unknown.db", "SELECT json_array_length(conf) FROM pred JOIN"
                                          " result USING(cell_id) WHERE kind = 'clean'"
                                          " ORDER BY n"),
                        "6 8");
    assert_string_equal(ask("unknown.db", "SELECT count(*) FROM pred WHERE conf IS NULL"),
                        "1");
    assert_int_equal(tiny_run(folder, "leaderboard --db unknown.db"), 0);
    assert_non_null(strstr(tiny_output(), "AUROC"));

    /* Swapped, red looks blue; where blue is no choice, it is red or white. */
    assert_int_equal(tiny_run(folder, "run --model tiny.onnx --dataset few --classes four.tsv"
                                      " --db few.db --noise colour=bgr"),
                     0);
    assert_int_equal(tiny_run(folder, "run --model tiny.onnx --dataset few --classes four.tsv"
                                      " --db few.db --noise colour=bgr --among present"),
                     0);
    assert_string_equal(ask("few.db", "SELECT top1 FROM pred JOIN result USING(cell_id) WHERE"
                                      " kind = 'system' AND subset = 'all'"),
                        "[0,0,3,3]");
    assert_string_equal(ask("few.db", "SELECT min(j.value) >= 2 FROM result r JOIN pred"
                                      " USING(cell_id), json_each(top1) j WHERE"
                                      " r.subset = 'all among=present'"),
                        "1");
    assert_int_equal(tiny_run(folder, "run --model tiny.onnx --dataset few --classes four.tsv"
                                      " --db few.db --noise fgsm-linf --among present"),
                     2);
    assert_non_null(strstr(tiny_output(), "only those present count"));
    assert_int_equal(tiny_run(folder, "run --model tiny.onnx --dataset few --classes four.tsv"
                                      " --among some"),
                     1);
    assert_non_null(strstr(tiny_output(), "choose one of: present, all"));
}

static void broken_pictures_are_recorded(void **state)
{
    (void)state;
    static const char junk[] = "this is no picture";
    char *copy =
        mem_format("cd '%s' && cp -r data damaged && printf '%s' > damaged/red/2.jpg && "
                   "head -c 300 damaged/red/1.jpg > damaged/white/2.jpg",
                   folder, junk);
    assert_int_equal(system(copy), 0);
    free(copy);
    assert_int_equal(tiny_run(folder,
                              "run --model tiny.onnx --dataset damaged --db bad.db "
                              "--noise decode=stb"),
                     0);
    assert_string_equal(ask("bad.db",
                            "SELECT n || ' ' || n_unread || ' ' || round(acc, 3) FROM"
                            " result WHERE condition = 'clean'"),
                        "10 2 0.8");
    assert_string_equal(ask("bad.db", "SELECT DISTINCT stage FROM failure"), "decode");
    assert_string_equal(ask("bad.db", "SELECT count(*) FROM failure"), "4");
    assert_string_equal(ask("bad.db", "SELECT count(*) FROM failure WHERE message = ''"),
                        "0");
}

static void one_bad_model_costs_its_own_cells(void **state)
{
    (void)state;
    char *path = mem_format("%s/bad.onnx", folder);
    assert_ok(file_replace(path, "not a network", 13));
    free(path);
    assert_int_equal(tiny_run(folder,
                              "run --model bad.onnx --model tiny.onnx --dataset data "
                              "--db mixed.db"),
                     2);
    assert_non_null(strstr(tiny_output(), "bad.onnx: left out"));
    assert_string_equal(ask("mixed.db", "SELECT model || acc FROM result"), "tiny1.0");
    assert_int_equal(
        tiny_run(folder, "run --model bad.onnx --dataset data --db mixed.db"), 1);

    /* A condition that cannot be: the others are done, and this one says why. */
    assert_int_equal(tiny_run(folder,
                              "run --model tiny.onnx --dataset data --db mixed.db "
                              "--noise 'pgd-linf eps=1/255 source=nobody'"),
                     2);
    assert_non_null(strstr(tiny_output(), "source=nobody is not among the models"));
    assert_string_equal(
        ask("mixed.db", "SELECT status FROM cell WHERE error LIKE '%nobody%'"),
        "skipped");
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *message;
    } cases[] = {
        {"rum", "did you mean 'run'?"},
        {"run --modle x", "unknown option '--modle': did you mean '--model'?"},
        {"run --model tiny.onnx", "no data: give --dataset PATH"},
        {"run --dataset data", "no model: give --model FILE"},
        {"run --model tiny.onnx --dataset nowhere", "nowhere"},
        {"run --model tiny.onnx --dataset data --noise gausian_noise:3", "did you mean"},
        {"run --model tiny.onnx --dataset data --limit x",
         "--limit x: not a whole number"},
        {"run --model tiny.onnx --dataset data --limit", "--limit needs N"},
        {"run --model tiny.onnx --dataset data --timeout-cell soon", "not a time"},
        {"run --model tiny.onnx --dataset data --only fog", "write kind=KIND"},
        {"run missing.yaml", "missing.yaml"},
        {"list nois", "did you mean 'noises'"},
        {"list", "is missing"},
        {"inspect nothing.onnx", "nothing.onnx"},
        {"leaderboard --db nothing.db", "nothing.db"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = tiny_run(folder, "%s", cases[i].arguments);
        if (!strstr(tiny_output(), cases[i].message))
            fail_msg("'%s' said\n%s", cases[i].arguments, tiny_output());
        assert_true(code == 1 || code == 6);
    }
}

static void suites_run(void **state)
{
    (void)state;
    static const char suite[] =
        "name: t\nmodels:\n  - file: tiny.onnx\n  - file: second.onnx\n"
        "    twin: tiny\ndatasets:\n  - path: data\n    limit: 4\n"
        "noises:\n  - decode=[turbo,stb]\n"
        "worst:\n  - name: worst-colour\n    over: [clean, colour=bgr]\n";
    char *path = mem_format("%s/t.yaml", folder);
    tiny_network(folder, "second", 2);
    assert_ok(file_replace(path, suite, sizeof suite - 1));
    free(path);
    assert_int_equal(tiny_run(folder, "run t.yaml --db suite.db --dry-run"), 0);
    assert_non_null(strstr(tiny_output(), "8 cells: 8 to do, 0 done"));
    assert_int_equal(tiny_run(folder, "run t.yaml --db suite.db --json --quiet"), 0);
    assert_non_null(strstr(tiny_output(), "\"done\":8,\"found\":0,\"failed\":0"));
    assert_int_equal(tiny_run(folder, "run t.yaml --db suite.db --dry-run --json"), 0);
    assert_non_null(strstr(tiny_output(), "\"state\":\"done\""));
    assert_string_equal(ask("suite.db", "SELECT DISTINCT n FROM result"), "4");
    assert_string_equal(ask("suite.db", "SELECT count(*) FROM twin"), "5");
    /* One picture a colour: red and blue are lost in the worst case, by colour=bgr. */
    assert_string_equal(ask("suite.db", "SELECT acc FROM result WHERE kind = 'worst'"),
                        "0.5 0.5");
    assert_string_equal(ask("suite.db",
                            "SELECT broken_by FROM pred JOIN result USING(cell_id)"
                            " WHERE kind = 'worst' LIMIT 1"),
                        "[\"colour=bgr\",null,\"colour=bgr\",null]");
    assert_int_equal(tiny_run(folder, "leaderboard --db suite.db"), 0);
    assert_non_null(strstr(tiny_output(), "second"));
    assert_int_equal(
        tiny_run(folder, "leaderboard --db suite.db --format markdown --output b.md"), 0);
}

/* Networks with one geometry meet in one wave, side by side on the same pixels. */
static void networks_share_pixels(void **state)
{
    (void)state;
    struct suite *suite;
    struct plan plan;
    char *one = mem_format("%s/tiny.onnx", folder),
         *two = mem_format("%s/second.onnx", folder);
    char *data = mem_format("%s/data", folder);
    assert_ok(suite_new(&suite));
    suite_add_model(suite, one);
    suite_add_model(suite, two);
    suite_add_dataset(suite, data, NULL, NULL, NULL);
    suite_add_noise(suite, "gaussian_noise:1-3");
    suite_add_noise(suite, "decode=stb");
    suite_add_noise(suite, "pgd-linf eps=1/255");
    assert_ok(plan_open(suite, &(struct plan_options){0}, &plan));
    assert_int_equal(plan.n_cells, 12);

    const size_t expected[] = {2, 6, 2, 2}; /* clean; noises; stb; attack */
    for (size_t i = 0; i < 4; i++) {
        struct wave wave = plan_next(&plan);
        assert_int_equal(wave.count, expected[i]);
        for (size_t k = 0; k < wave.count; k++) {
            wave.cells[k]->state = CELL_DONE;
            assert_string_equal(wave.cells[k]->route.pixel_key,
                                wave.cells[k - k % 2]->route.pixel_key);
        }
        free(wave.cells);
    }
    assert_int_equal(plan_next(&plan).count, 0);
    plan_close(&plan);
    suite_free(suite);
    free(one);
    free(two);
    free(data);
}

/* A key changes with what can change a number and with nothing else. */
static void keys_hold_what_matters(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        size_t limit;
        const char *set[2];
        bool clean_same, noise_same;
    } cases[] = {
        {0, 0, {NULL}, true, true},
        {1, 0, {NULL}, true, false}, /* clean draws nothing */
        {0, 4, {NULL}, false, false},
        {0, 0, {"mean=0.1"}, false, false},
    };
    char keys[2][65] = {"", ""};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct suite *suite;
        struct plan plan;
        char *model = mem_format("%s/tiny.onnx", folder),
             *data = mem_format("%s/data", folder);
        assert_ok(suite_new(&suite));
        suite_add_model(suite, model);
        suite_add_dataset(suite, data, NULL, NULL, NULL);
        suite_add_noise(suite, "gaussian_noise:1");
        const struct plan_options options = {
            .seed = cases[i].seed, .limit = cases[i].limit, .set = cases[i].set};
        assert_ok(plan_open(suite, &options, &plan));
        if (!i) {
            memcpy(keys[0], plan.cells[0].key, sizeof keys[0]);
            memcpy(keys[1], plan.cells[1].key, sizeof keys[1]);
        }
        assert_int_equal(!strcmp(keys[0], plan.cells[0].key), cases[i].clean_same);
        assert_int_equal(!strcmp(keys[1], plan.cells[1].key), cases[i].noise_same);
        plan_close(&plan);
        suite_free(suite);
        free(model);
        free(data);
    }
}

/* source= as a star, a pair, and a network that is not in the run. */
static void gradients_are_lent(void **state)
{
    (void)state;
    static const char suite[] = "name: twins\nmodels:\n"
                                "  - file: tiny.onnx\n"
                                "  - file: small.onnx\n    twin: tiny\n"
                                "  - file: other.onnx\n"
                                "datasets: [{path: data}]\n"
                                "noises:\n  - ndg1-linf eps=100/255 steps=5 queries=9 source=twin\n";
    char *path = mem_format("%s/twins.yaml", folder);
    tiny_network(folder, "small", 4);
    tiny_network(folder, "other", 3);
    assert_int_equal(tiny_run(folder, "run --model tiny.onnx --model small.onnx --dataset data"
                                      " --db lent.db --quiet --noise"
                                      " 'fgsm-linf eps=100/255 source=*'"), 0);
    assert_string_equal(ask("lent.db", "SELECT source FROM result WHERE source IS NOT NULL"
                                       " ORDER BY model, source"), "small tiny small tiny");
    /* The same direction at every scale, so all are fooled alike: no white picture is. */
    assert_string_equal(ask("lent.db", "SELECT DISTINCT acc FROM result WHERE source IS NOT"
                                       " NULL"), "0.25");
    assert_int_equal(tiny_run(folder, "leaderboard --db lent.db --transfer"), 0);
    assert_non_null(strstr(tiny_output(), "mean of others"));

    assert_int_equal(tiny_run(folder, "run --model tiny.onnx --dataset data --db lender.db"
                                      " --quiet --noise"
                                      " 'fgsm-linf eps=100/255 source=other.onnx'"), 0);
    assert_string_equal(ask("lender.db", "SELECT condition FROM result WHERE source ="
                                         " 'other'"), "fgsm-linf eps=100/255 source=other");
    assert_string_equal(ask("lender.db", "SELECT DISTINCT model FROM result"), "tiny");

    assert_ok(file_replace(path, suite, sizeof suite - 1));
    assert_int_equal(tiny_run(folder, "run twins.yaml --db twins.db --quiet"), 0);
    assert_string_equal(ask("twins.db", "SELECT model || '<' || source FROM result WHERE kind"
                                        " = 'adversarial' ORDER BY 1"), "small<tiny tiny<small");
    assert_string_equal(ask("twins.db", "SELECT count(*) FROM measure JOIN result"
                                        " USING(cell_id) WHERE name LIKE 'step_%' AND"
                                        " value = 1"), "12");
    assert_string_equal(ask("twins.db", "SELECT value FROM measure WHERE name ="
                                        " 'gradient_fidelity'"), "1.0 1.0");
    assert_int_equal(tiny_run(folder, "run --model tiny.onnx --dataset data --db lender.db"
                                      " --noise 'fgsm-linf source=twin'"), 1);
    assert_non_null(strstr(tiny_output(), "no two networks of this run are twins"));
    free(path);
}

static void examples_are_saved(void **state)
{
    (void)state;
    assert_int_equal(tiny_run(folder,
                              "run --model tiny.onnx --dataset data --db adv.db --quiet "
                              "--save-adversarial adv --noise 'fgsm-linf eps=100/255'"),
                     0);
    char *count = mem_format("test $(find '%s/adv' -name '*.png' | wc -l) = 12", folder);
    assert_int_equal(system(count), 0);
    free(count);
}

static void the_doctor_knows(void **state)
{
    (void)state;
    assert_int_equal(tiny_run(folder, "doctor"), 0);
    assert_non_null(strstr(tiny_output(), "libjpeg"));
    assert_int_equal(tiny_run(folder, "doctor --db results.db"), 0);
    assert_non_null(strstr(tiny_output(), "integrity"));
    /* Blue-first input is what this network was not made for. */
    assert_int_equal(tiny_run(folder, "doctor tiny.onnx --dataset data --json"), 0);
    assert_non_null(strstr(tiny_output(), "\"name\":\"[0,1], bgr\""));
    assert_int_equal(tiny_run(folder, "doctor tiny.onnx --dataset data"), 0);
    assert_non_null(strstr(tiny_output(), "The network's record fits"));
    assert_int_equal(tiny_run(folder, "doctor tiny.onnx"), 1);
}

static void help_is_everywhere(void **state)
{
    (void)state;
    assert_int_equal(tiny_run(folder, "--help"), 0);
    assert_int_equal(tiny_run(folder, "--version"), 0);
    for (size_t i = 0; command_registry[i]; i++) {
        assert_int_equal(tiny_run(folder, "%s --help", command_registry[i]->name), 0);
        assert_non_null(strstr(tiny_output(), "Usage: gauntlet"));
        for (const struct option *o = command_registry[i]->options; o && o->name; o++) {
            char *flag = mem_format("--%s", o->name);
            assert_non_null(strstr(tiny_output(), flag));
            free(flag);
        }
    }
    assert_int_equal(tiny_run(folder, "help --completion | bash -n"), 0);
    assert_int_equal(tiny_run(folder, "help --man | grep -c '^.TP'"), 0);
}

static int make(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    tiny_make(folder);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    tiny_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_right),
        cmocka_unit_test(sequences_are_counted),
        cmocka_unit_test(classes_can_be_unknown_or_few),
        cmocka_unit_test(finished_cells_never_run_again),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(shards_hold_the_whole),
        cmocka_unit_test(interrupted_runs_go_on),
        cmocka_unit_test(kills_leave_no_half_cell),
        cmocka_unit_test(broken_pictures_are_recorded),
        cmocka_unit_test(one_bad_model_costs_its_own_cells),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(suites_run),
        cmocka_unit_test(networks_share_pixels),
        cmocka_unit_test(keys_hold_what_matters),
        cmocka_unit_test(gradients_are_lent),
        cmocka_unit_test(examples_are_saved),
        cmocka_unit_test(the_doctor_knows),
        cmocka_unit_test(help_is_everywhere),
    };
    return cmocka_run_group_tests(tests, make, clean_up);
}
