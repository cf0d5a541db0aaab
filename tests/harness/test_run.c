/* The whole program on eight tiny pictures: results, resume, kills, mistakes. */
#include "tests/harness/tiny.h"

#include "base/file.h"
#include "base/mem.h"
#include "harness/command.h"
#include "harness/plan.h"

#include <math.h>
#include <string.h>

static const char *ask(const char *db, const char *sql)
{
    return tiny_ask(db, sql);
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
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data " FAMILIES),
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
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db p.db"
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
    char *before = tiny_dump("results.db");
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data " FAMILIES),
                     0);
    assert_non_null(strstr(tiny_output(), "0 cells done, 14 already there"));
    char *after = tiny_dump("results.db");
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
        assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --threads %d "
                                  "--db %s --quiet " FAMILIES,
                                  threads, db),
                         0);
        char *one = tiny_dump("results.db"), *other = tiny_dump(db);
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
        assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --shard %d/3 "
                                  "--db %s --quiet " FAMILIES,
                                  shard, db),
                         0);
        cells += atoi(ask(db, "SELECT count(*) FROM result WHERE kind <> 'clean'"));
        assert_string_equal(ask(db, "SELECT count(*) FROM result WHERE delta IS NULL"),
                            "0");
        free(db);
    }
    assert_int_equal(cells, 13);
    assert_int_equal(tiny_run("merge s1.db s2.db --db all.db"), 2); /* one is missing */
    assert_int_equal(tiny_run("merge s3.db --db all.db"), 0);
    char *whole = tiny_dump("results.db"), *merged = tiny_dump("all.db");
    assert_string_equal(whole, merged);
    free(whole);
    free(merged);
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --shard 4/3"),
                     1);
}

/* --- bad input ----------------------------------------------------------------------- */

/* Unknown pictures are seen clean by every network; a part of the classes is chosen among. */
static void classes_can_be_unknown_or_few(void **state)
{
    (void)state;
    char *few = mem_format("cd '%s' && mkdir -p few && cp -r data/red data/white few/ &&"
                           " printf '0\tblue\n1\tgreen\n2\tred\n3\twhite\n' > four.tsv",
                           tiny_folder);
    assert_int_equal(system(few), 0);
    free(few);
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db unknown.db"
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
    assert_int_equal(tiny_run("leaderboard --db unknown.db"), 0);
    assert_non_null(strstr(tiny_output(), "AUROC"));

    /* Swapped, red looks blue; where blue is no choice, it is red or white. */
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset few --classes four.tsv"
                                      " --db few.db --noise colour=bgr"),
                     0);
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset few --classes four.tsv"
                                      " --db few.db --noise colour=bgr --among present"),
                     0);
    assert_string_equal(ask("few.db", "SELECT top1 FROM pred JOIN result USING(cell_id) WHERE"
                                      " kind = 'system' AND subset = 'all'"),
                        "[0,0,3,3]");
    assert_string_equal(ask("few.db", "SELECT min(j.value) >= 2 FROM result r JOIN pred"
                                      " USING(cell_id), json_each(top1) j WHERE"
                                      " r.subset = 'all among=present'"),
                        "1");
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset few --classes four.tsv"
                                      " --db few.db --noise fgsm-linf --among present"),
                     2);
    assert_non_null(strstr(tiny_output(), "only those present count"));
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset few --classes four.tsv"
                                      " --among some"),
                     1);
    assert_non_null(strstr(tiny_output(), "choose one of: present, all"));
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
        int code = tiny_run("%s", cases[i].arguments);
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
    char *path = mem_format("%s/t.yaml", tiny_folder);
    tiny_network("second", 2);
    assert_ok(file_replace(path, suite, sizeof suite - 1));
    free(path);
    assert_int_equal(tiny_run("run t.yaml --db suite.db --dry-run"), 0);
    assert_non_null(strstr(tiny_output(), "8 cells: 8 to do, 0 done"));
    assert_int_equal(tiny_run("run t.yaml --db suite.db --json --quiet"), 0);
    assert_non_null(strstr(tiny_output(), "\"done\":8,\"found\":0,\"failed\":0"));
    assert_int_equal(tiny_run("run t.yaml --db suite.db --dry-run --json"), 0);
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
    assert_int_equal(tiny_run("leaderboard --db suite.db"), 0);
    assert_non_null(strstr(tiny_output(), "second"));
    assert_int_equal(
        tiny_run("leaderboard --db suite.db --format markdown --output b.md"), 0);
}

/* Networks with one geometry meet in one wave, side by side on the same pixels. */
static void networks_share_pixels(void **state)
{
    (void)state;
    struct suite *suite;
    struct plan plan;
    char *one = mem_format("%s/tiny.onnx", tiny_folder),
         *two = mem_format("%s/second.onnx", tiny_folder);
    char *data = mem_format("%s/data", tiny_folder);
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

/* Under a budget: clean, then the middle of each noise, then the rest; attacks by
 * themselves, cheap before dear. */
static void the_most_telling_goes_first(void **state)
{
    (void)state;
    struct suite *suite;
    struct plan plan;
    char *one = mem_format("%s/tiny.onnx", tiny_folder), *data = mem_format("%s/data", tiny_folder);
    assert_ok(suite_new(&suite));
    suite_add_model(suite, one);
    suite_add_dataset(suite, data, NULL, NULL, NULL);
    suite_add_noise(suite, "fog:1-5");
    suite_add_noise(suite, "contrast:[1,3]");
    suite_add_noise(suite, "pgd-linf eps=[1/255,2/255,4/255]");
    assert_ok(plan_open(suite, &(struct plan_options){0}, &plan));
    for (size_t i = 0; i < plan.n_cells; i++)
        plan.cells[i].cost = plan.cells[i].condition == 10 ? 0.5 : 1; /* eps=4/255 is quick */
    plan_telling_first(&plan, 1000);
    static const char *const expected[] = {
        "clean", "fog:3 contrast:1", "pgd-linf eps=2/255", "pgd-linf eps=4/255",
        "fog:1 fog:2 fog:4 fog:5 contrast:3", "pgd-linf eps=1/255",
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct wave wave = plan_next(&plan);
        for (size_t c = 0; c < plan.n_cells; c++) { /* in the order of the plan */
            bool in = false, wanted = false;
            const char *label = plan.conditions.items[plan.cells[c].condition].label;
            const char *at = strstr(expected[i], label);
            wanted = at && (!at[strlen(label)] || at[strlen(label)] == ' ');
            for (size_t k = 0; k < wave.count; k++)
                in = in || wave.cells[k] == &plan.cells[c];
            if (in != wanted)
                fail_msg("wave %zu: %s %s", i, label, in ? "is there" : "is missing");
        }
        for (size_t k = 0; k < wave.count; k++)
            wave.cells[k]->state = CELL_DONE;
        free(wave.cells);
    }
    assert_int_equal(plan_next(&plan).count, 0);
    plan_close(&plan);
    suite_free(suite);
    free(one);
    free(data);
}

static double cpu_of(const struct plan *plan, const char *label)
{
    for (size_t i = 0; i < plan->n_cells; i++)
        if (!strcmp(cell_condition(plan, &plan->cells[i])->label, label))
            return plan->cells[i].cost;
    fail_msg("no %s", label);
    return 0;
}

/* Past cells of made-up durations: the same condition here, elsewhere by the networks'
 * speed, the same noise at another strength, and what has no precedent. */
static void costs_follow_from_past_cells(void **state)
{
    (void)state;
    struct suite *suite;
    struct plan plan;
    struct store *store;
    struct plan_cost cost;
    char *two = mem_format("%s/second.onnx", tiny_folder), *data = mem_format("%s/data", tiny_folder);
    char *db = mem_format("%s/cost.db", tiny_folder);
    tiny_network("second", 2);
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db cost.db "
                              "--noise fog:1 --noise 'fgsm-linf eps=2/255' --quiet"), 0);
    assert_int_equal(tiny_run("run --model second.onnx --dataset data --db cost.db "
                              "--noise contrast:2 --quiet"), 0);
    /* tiny: 1 s clean, 3 s in fog, 10 s under attack; second: 2 s clean, 8 s with contrast */
    tiny_ask("cost.db", "UPDATE run_cell SET cpu_s = (SELECT CASE noise WHEN 'clean' THEN"
             " iif(model = 'tiny', 1, 2) WHEN 'fog' THEN 3 WHEN 'contrast' THEN 8 ELSE 10 END"
             " FROM result r WHERE r.cell_id = run_cell.cell_id)");
    assert_ok(suite_new(&suite));
    suite_add_model(suite, two);
    suite_add_dataset(suite, data, NULL, NULL, NULL);
    static const char *const lines[] = {"fog:1", "fog:2", "contrast:1", "contrast:2",
                                        "fgsm-linf eps=2/255", "pgd-linf eps=2/255"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        suite_add_noise(suite, lines[i]);
    assert_ok(plan_open(suite, &(struct plan_options){.limit = 4}, &plan)); /* half of them */
    assert_ok(store_open(db, STORE_READ, &store));
    assert_ok(plan_predict(&plan, store, &cost));
    static const double expected[] = {1, 3, 3, 4, 4, 10, -1};
    assert_float_equal(cpu_of(&plan, "clean"), expected[0], 1e-9);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (expected[i + 1] >= 0)
            assert_float_equal(cpu_of(&plan, lines[i]), expected[i + 1], 1e-9);
        else
            assert_true(isnan(cpu_of(&plan, lines[i])));
    assert_int_equal(cost.cells, 7);
    assert_int_equal(cost.unknown, 1);
    assert_float_equal(cost.cpu_s, 25, 1e-9);
    assert_true(cost.bytes > 0);
    store_close(store);
    plan_close(&plan);
    suite_free(suite);
    assert_int_equal(tiny_run("run --model second.onnx --dataset data --limit 4 --db "
                              "cost.db --noise fog:1 --noise 'pgd-linf eps=2/255' --threads 1 "
                              "--dry-run"), 0);
    assert_non_null(strstr(tiny_output(), "3 cells to do: about 4.0 s on 1 worker, "));
    assert_non_null(strstr(tiny_output(), ", and 1 without a precedent"));
    free(two);
    free(data);
    free(db);
}

/* A budget that is over before it began: the run ends as if stopped, and goes on. */
static void budgets_end_runs(void **state)
{
    (void)state;
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db budget.db "
                              "--budget 1 --noise 'square-linf eps=0.01/255 queries=90000 "
                              "restarts=20'"), EXIT_INTERRUPTED);
    assert_non_null(strstr(tiny_output(), "interrupted: the same command goes on"));
    assert_string_equal(ask("budget.db", "SELECT status FROM run"), "interrupted");
    assert_string_equal(ask("budget.db", "SELECT count(*) FROM result WHERE kind = 'adversarial'"), "0");
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
        char *model = mem_format("%s/tiny.onnx", tiny_folder),
             *data = mem_format("%s/data", tiny_folder);
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
    char *path = mem_format("%s/twins.yaml", tiny_folder);
    tiny_network("small", 4);
    tiny_network("other", 3);
    assert_int_equal(tiny_run("run --model tiny.onnx --model small.onnx --dataset data"
                                      " --db lent.db --quiet --noise"
                                      " 'fgsm-linf eps=100/255 source=*'"), 0);
    assert_string_equal(ask("lent.db", "SELECT source FROM result WHERE source IS NOT NULL"
                                       " ORDER BY model, source"), "small tiny small tiny");
    /* The same direction at every scale, so all are fooled alike: no white picture is. */
    assert_string_equal(ask("lent.db", "SELECT DISTINCT acc FROM result WHERE source IS NOT"
                                       " NULL"), "0.25");
    assert_int_equal(tiny_run("leaderboard --db lent.db --transfer"), 0);
    assert_non_null(strstr(tiny_output(), "mean of others"));

    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db lender.db"
                                      " --quiet --noise"
                                      " 'fgsm-linf eps=100/255 source=other.onnx'"), 0);
    assert_string_equal(ask("lender.db", "SELECT condition FROM result WHERE source ="
                                         " 'other'"), "fgsm-linf eps=100/255 source=other");
    assert_string_equal(ask("lender.db", "SELECT DISTINCT model FROM result"), "tiny");

    assert_ok(file_replace(path, suite, sizeof suite - 1));
    assert_int_equal(tiny_run("run twins.yaml --db twins.db --quiet"), 0);
    assert_string_equal(ask("twins.db", "SELECT model || '<' || source FROM result WHERE kind"
                                        " = 'adversarial' ORDER BY 1"), "small<tiny tiny<small");
    assert_string_equal(ask("twins.db", "SELECT count(*) FROM measure JOIN result"
                                        " USING(cell_id) WHERE name LIKE 'step_%' AND"
                                        " value = 1"), "12");
    assert_string_equal(ask("twins.db", "SELECT value FROM measure WHERE name ="
                                        " 'gradient_fidelity'"), "1.0 1.0");
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db lender.db"
                                      " --noise 'fgsm-linf source=twin'"), 1);
    assert_non_null(strstr(tiny_output(), "no two networks of this run are twins"));
    free(path);
}

/* What is crafted once for all networks is what each would have met alone. */
static void a_matrix_is_its_rows(void **state)
{
    (void)state;
    static const char run[] = "run --model tiny.onnx --model small.onnx --model other.onnx"
                              " --dataset data --quiet --noise 'pgd-linf eps=[30/255,90/255]"
                              " steps=5 source=*' --noise 'mim-linf eps=60/255 use=every"
                              " source=*' --db";
    assert_int_equal(tiny_run("%s matrix.db --save-adversarial matrix", run), 0);
    assert_int_equal(tiny_run("%s matrix2.db --threads 2", run), 0);
    assert_int_equal(tiny_run("%s rows.db --only model=tiny", run), 0);
    assert_int_equal(tiny_run("%s rows.db --only model=other", run), 0);
    assert_int_equal(tiny_run("%s rows.db --only model=small", run), 0);
    assert_string_equal(ask("matrix.db", "SELECT count(*) FROM result WHERE source IS NOT"
                                         " NULL"), "27");
    char *matrix = tiny_dump("matrix.db"), *two = tiny_dump("matrix2.db");
    char *rows = tiny_dump("rows.db");
    assert_string_equal(matrix, rows);
    assert_string_equal(matrix, two);
    static const char costs[] = "SELECT forwards || '/' || backwards FROM cell ORDER BY key";
    char *together = mem_copy(ask("matrix.db", costs));
    assert_string_equal(ask("rows.db", costs), together);
    free(together);
    free(matrix);
    free(two);
    free(rows);
}

static void check_files(const char *pattern, const char *count)
{
    char *check = mem_format("test $(find '%s/adv' -name '%s' | wc -l) = %s", tiny_folder, pattern,
                             count);
    assert_int_equal(system(check), 0);
    free(check);
}

/* DeepFool's points lie on the edge: rounding to 8 bits takes some back over it. */
static void examples_are_saved(void **state)
{
    (void)state;
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --db adv.db --quiet "
                              "--save-adversarial adv --noise 'fgsm-linf eps=100/255' "
                              "--noise 'deepfool-linf eps=100/255 refine=40'"),
                     0);
    check_files("*.x10.png", ask("adv.db", "SELECT sum(n_lost) FROM cell"));
    char *flat = mem_copy(ask("adv.db", "SELECT cast(sum(value) AS int) FROM flag WHERE code ="
                                        " 'FLOAT_ONLY'"));
    assert_true(atoi(flat) > 0);
    check_files("*.float_only.png", flat);
    free(flat);
}

static void the_doctor_knows(void **state)
{
    (void)state;
    assert_int_equal(tiny_run("doctor"), 0);
    assert_non_null(strstr(tiny_output(), "libjpeg"));
    assert_int_equal(tiny_run("doctor --db results.db"), 0);
    assert_non_null(strstr(tiny_output(), "integrity"));
    /* Blue-first input is what this network was not made for. */
    assert_int_equal(tiny_run("doctor tiny.onnx --dataset data --json"), 0);
    assert_non_null(strstr(tiny_output(), "\"name\":\"[0,1], bgr\""));
    assert_int_equal(tiny_run("doctor tiny.onnx --dataset data"), 0);
    assert_non_null(strstr(tiny_output(), "The network's record fits"));
    assert_int_equal(tiny_run("doctor tiny.onnx"), 1);
}

static void help_is_everywhere(void **state)
{
    (void)state;
    assert_int_equal(tiny_run("--help"), 0);
    assert_int_equal(tiny_run("--version"), 0);
    for (size_t i = 0; command_registry[i]; i++) {
        assert_int_equal(tiny_run("%s --help", command_registry[i]->name), 0);
        assert_non_null(strstr(tiny_output(), "Usage: gauntlet"));
        for (const struct option *o = command_registry[i]->options; o && o->name; o++) {
            char *flag = mem_format("--%s", o->name);
            assert_non_null(strstr(tiny_output(), flag));
            free(flag);
        }
    }
    assert_int_equal(tiny_run("help pgd-linf"), 0);
    assert_non_null(strstr(tiny_output(), "  eps=8/255"));
    assert_non_null(strstr(tiny_output(), "one of: madry robustart foolbox bim"));
    assert_int_equal(tiny_run("help fog"), 0);
    assert_int_equal(tiny_run("help nothing"), 1);
    assert_int_equal(tiny_run("help pgd"), 1);
    tiny_says("did you mean 'pgd-linf'?");
    assert_int_equal(tiny_run("help normalise"), 0);
    tiny_says("table8");
    assert_int_equal(tiny_run("help --completion | bash -n"), 0);
    assert_int_equal(tiny_run("help --man | grep -c '^.TP'"), 0);
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
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(suites_run),
        cmocka_unit_test(networks_share_pixels),
        cmocka_unit_test(the_most_telling_goes_first),
        cmocka_unit_test(costs_follow_from_past_cells),
        cmocka_unit_test(budgets_end_runs),
        cmocka_unit_test(keys_hold_what_matters),
        cmocka_unit_test(gradients_are_lent),
        cmocka_unit_test(a_matrix_is_its_rows),
        cmocka_unit_test(examples_are_saved),
        cmocka_unit_test(the_doctor_knows),
        cmocka_unit_test(help_is_everywhere),
    };
    return cmocka_run_group_tests(tests, tiny_setup, tiny_teardown);
}
