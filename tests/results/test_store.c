#include "tests/test.h"

#include "tests/results/fixture.h"

#include "base/mem.h"
#include "results/internal.h"

#include <math.h>
#include <string.h>

static int64_t ask(struct fixture *fixture, const char *sql)
{
    int64_t value = -1;
    assert_ok(sql_int(store_handle(fixture->store), -1, &value, sql, ""));
    return value;
}

static double ask_real(struct fixture *fixture, const char *sql)
{
    struct query query;
    query_begin(&query, store_handle(fixture->store), sql, "");
    double value = query_row(&query) ? query_real(&query, 0) : (double)NAN;
    assert_ok(query_end(&query));
    return value;
}

static void rows_are_found_again(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 20);
    int64_t again = 0;
    struct store_model alpha = {.name = "alpha", .arch = "resnet", .precision = "fp32",
                                .gradient = "exact", .file_sha = "aa", .n_classes = 10};
    assert_ok(store_put_model(f.store, &alpha, &again));
    assert_int_equal(again, f.model[0]);
    alpha.file_sha = "other bytes";
    assert_ok(store_put_model(f.store, &alpha, &again));
    assert_int_not_equal(again, f.model[0]);
    /* the twin's name now stands for the newer row */
    assert_int_equal(ask(&f, "SELECT twin_id FROM model WHERE name = 'alpha-int8'"), again);

    int64_t a = fixture_condition(&f, "natural", "fog", "fog:1", 1, -1);
    assert_int_equal(a, fixture_condition(&f, "natural", "fog", "fog:1", 1, -1));
    assert_int_not_equal(a, fixture_condition(&f, "natural", "fog", "fog:2", 2, -1));
    assert_int_equal(ask(&f, "SELECT count(*) FROM sample"), 20);
    fixture_close(&f);
}

static void twin_may_come_first(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 5);
    struct store_model small = {.name = "late-int8", .twin = "late", .file_sha = "1"};
    struct store_model full = {.name = "late", .file_sha = "2"};
    int64_t small_id, full_id;
    assert_ok(store_put_model(f.store, &small, &small_id));
    assert_ok(store_put_model(f.store, &full, &full_id));
    assert_int_equal(ask(&f, "SELECT twin_id FROM model WHERE name = 'late-int8'"), full_id);
    fixture_close(&f);
}

/* n = 8: clean right on 0..5; noisy right on 2..6: lost 0 1, won 6. */
static void counts_by_hand(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 8);
    int clean[8] = {0, 1, 2, 3, 4, 5, 0, 0}, noisy[8] = {9, 9, 2, 3, 4, 5, 6, -1};
    int rank[8] = {1, 4, 0, 0, 0, 0, 0, -1};
    float confidence[8] = {0.5f, 0.5f, 0.9f, 0.9f, 0.9f, 0.9f, 0.9f, 0.1f};
    float margin[8] = {-1, -0.5f, 1.25f, 1, 2, 3, 4, NAN};
    struct store_flag flag = {"LOW_FIDELITY", "gradient agrees in 40 %", 0.4};
    struct store_failure failure = {7, "decode", "not a JPEG"};
    struct store_cell cell = {
        .run_id = f.run, .model_id = f.model[0], .dataset_id = f.dataset,
        .subset_id = f.subset, .status = "done", .n = 8,
        .cond_id = fixture_condition(&f, "clean", "clean", "clean", 0, -1), .key = "c",
        .top1 = clean,
    };
    int64_t id;
    assert_ok(store_put_cell(f.store, &cell, &id));
    cell.cond_id = fixture_condition(&f, "natural", "fog", "fog:3", 3, -1);
    cell.key = "n";
    cell.top1 = noisy;
    cell.rank = rank;
    cell.confidence = confidence;
    cell.margin = margin;
    cell.flags = &flag;
    cell.n_flags = 1;
    cell.failures = &failure;
    cell.n_failures = 1;
    assert_ok(store_put_cell(f.store, &cell, &id));

#define ROW " FROM result JOIN cell USING(cell_id) WHERE condition = 'fog:3'"
    assert_int_equal(ask(&f, "SELECT n_ok" ROW), 5);
    assert_int_equal(ask(&f, "SELECT n_ok5" ROW), 7);
    assert_int_equal(ask(&f, "SELECT n_clean_ok" ROW), 6);
    assert_int_equal(ask(&f, "SELECT n_lost" ROW), 2);
    assert_int_equal(ask(&f, "SELECT n_won" ROW), 1);
    assert_int_equal(ask(&f, "SELECT result.n_unread" ROW), 1);
    assert_near(ask_real(&f, "SELECT delta" ROW), -0.125, 1e-12);
    assert_near(ask_real(&f, "SELECT delta_se" ROW), sqrt(3 - 1.0 / 8) / 8, 1e-12);
    assert_near(ask_real(&f, "SELECT kept" ROW), 4.0 / 6, 1e-12);
    /* bins: two at .5 wrong, five at .9 right -> (|0-1| + |5-4.5|) / 7 */
    assert_near(ask_real(&f, "SELECT result.ece" ROW), 1.5 / 7, 1e-6);
    assert_int_equal(ask(&f, "SELECT flags = 'LOW_FIDELITY'" ROW), 1);
    assert_int_equal(ask(&f, "SELECT pos FROM failure"), 7);
    assert_int_equal(ask(&f, "SELECT margin = '[-1,-0.5,1.25,1,2,3,4,null]' FROM pred"
                             " WHERE margin NOT NULL"), 1);
    assert_int_equal(ask(&f, "SELECT sum(ok) FROM pred_row WHERE cell_id = 2"), 5);
    assert_int_equal(ask(&f, "SELECT delta = 0 AND kept = 1 FROM result"
                             " WHERE kind = 'clean'"), 1);
#undef ROW
    fixture_close(&f);
}

static void wilson_as_published(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 10);
    int64_t clean = fixture_condition(&f, "clean", "clean", "clean", 0, -1);
    int top1[10];
    for (int i = 0; i < 10; i++)
        top1[i] = i < 8 ? f.labels[i] : (f.labels[i] + 1) % 10;
    struct store_cell cell = {.run_id = f.run, .model_id = f.model[0], .key = "w",
                              .dataset_id = f.dataset, .subset_id = f.subset, .n = 10,
                              .cond_id = clean, .status = "done", .top1 = top1};
    int64_t id;
    assert_ok(store_put_cell(f.store, &cell, &id));
    /* 8 of 10: R's prop.test(8, 10, correct = FALSE) gives 0.4901625 0.9433178 */
    assert_near(ask_real(&f, "SELECT lo95 FROM result"), 0.4901625, 1e-6);
    assert_near(ask_real(&f, "SELECT hi95 FROM result"), 0.9433178, 1e-6);
    fixture_close(&f);
}

static void a_failed_cell_may_be_done_later(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 10);
    int *top1 = fixture_predict(&f, 0.5, 1);
    struct store_cell cell = {.run_id = f.run, .model_id = f.model[0], .key = "k",
                              .dataset_id = f.dataset, .subset_id = f.subset,
                              .cond_id = fixture_condition(&f, "clean", "clean", "clean", 0, -1),
                              .status = "timeout", .error = "20 min are over"};
    int64_t id, found;
    assert_ok(store_put_cell(f.store, &cell, &id));
    assert_ok(store_find_cell(f.store, "k", &found));
    assert_int_equal(found, 0);
    assert_int_equal(ask(&f, "SELECT count(*) FROM failed WHERE status = 'timeout'"), 1);
    cell.status = "done";
    cell.error = NULL;
    cell.n = 10;
    cell.top1 = top1;
    assert_ok(store_put_cell(f.store, &cell, &id));
    assert_ok(store_find_cell(f.store, "k", &found));
    assert_int_equal(found, id);
    assert_int_equal(ask(&f, "SELECT count(*) FROM cell"), 1);
    assert_int_equal(ask(&f, "SELECT count(*) FROM failed"), 0);

    /* the same again, and from another run: no second row; other predictions: one more */
    assert_ok(store_put_cell(f.store, &cell, &found));
    fixture_new_run(&f);
    cell.run_id = f.run;
    assert_ok(store_put_cell(f.store, &cell, &found));
    assert_int_equal(found, id);
    assert_int_equal(ask(&f, "SELECT count(*) FROM run_cell"), 2);
    top1[3] = (top1[3] + 1) % 10;
    assert_ok(store_put_cell(f.store, &cell, &found));
    assert_int_not_equal(found, id);

    /* finished means finished */
    assert_int_equal(sql_run(store_handle(f.store), "UPDATE cell SET n_ok = 10", ""),
                     ERR_STORE);
    free(top1);
    fixture_close(&f);
}

static void wrong_lengths_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 10);
    int *top1 = fixture_predict(&f, 0.5, 1);
    struct store_cell cell = {.run_id = f.run, .model_id = f.model[0], .key = "k",
                              .dataset_id = f.dataset, .subset_id = f.subset,
                              .cond_id = fixture_condition(&f, "clean", "clean", "clean", 0, -1),
                              .status = "done", .n = 9, .top1 = top1};
    int64_t id = 1;
    assert_int_equal(store_put_cell(f.store, &cell, &id), ERR_USAGE);
    assert_int_equal(id, 0);
    assert_int_equal(ask(&f, "SELECT count(*) FROM cell"), 0);
    assert_int_equal(sql_run(store_handle(f.store), "INSERT INTO pred(cell_id, top1)"
                             " VALUES(77, '[1,2,3]')", ""), ERR_STORE);
    free(top1);
    fixture_close(&f);
}

static void checkpoints_go_with_their_cell(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 10);
    char *json = NULL;
    assert_ok(store_get_checkpoint(f.store, "key-0-1-5", &json));
    assert_null(json);
    assert_ok(store_put_checkpoint(f.store, "key-0-1-5", "{\"next\":1}"));
    assert_ok(store_put_checkpoint(f.store, "key-0-1-5", "{\"next\":2}"));
    assert_ok(store_get_checkpoint(f.store, "key-0-1-5", &json));
    assert_string_equal(json, "{\"next\":2}");
    free(json);
    int64_t clean = fixture_condition(&f, "clean", "clean", "clean", 0, -1);
    assert_int_equal(clean, 1);
    fixture_cell(&f, 0, clean, 0.9, 5);
    assert_ok(store_get_checkpoint(f.store, "key-0-1-5", &json));
    assert_null(json);
    fixture_close(&f);
}

static void canaries_see_a_changed_prediction(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 50);
    int64_t id = fixture_cell(&f, 0, fixture_condition(&f, "clean", "clean", "clean", 0, -1),
                              0.8, 1);
    int *top1 = fixture_predict(&f, 0.8, 1);
    fixture_new_run(&f);
    size_t different = 9;
    assert_ok(store_put_canary(f.store, f.run, id, 50, top1, 1, 1, 0, &different));
    assert_int_equal(different, 0);
    top1[49] = (top1[49] + 1) % 10;
    top1[0] = (top1[0] + 1) % 10;
    assert_ok(store_put_canary(f.store, f.run, id, 50, top1, 1, 1, 0, &different));
    assert_int_equal(different, 2);
    assert_ok(store_put_canary(f.store, f.run, id, 49, top1, 1, 1, 0, &different));
    assert_int_equal(different, 2);
    assert_int_equal(ask(&f, "SELECT count(*) FROM run_cell WHERE role = 'canary'"), 1);
    free(top1);
    fixture_close(&f);
}

/* The newest file under a name stands on the board, alone. */
static void the_board_shows_one_file_per_name(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 40);
    int64_t clean = fixture_condition(&f, "clean", "clean", "clean", 0, -1);
    int64_t fog = fixture_condition(&f, "natural", "fog", "fog:1", 1, -1);
    int64_t old_clean = fixture_cell(&f, 0, clean, 0.9, 1);
    int64_t old_fog = fixture_cell(&f, 0, fog, 0.7, 1);
    assert_int_equal(ask(&f, "SELECT count(*) FROM result"), 2);

    struct store_model newer = {.name = "alpha", .precision = "fp32", .gradient = "exact",
                                .file_sha = "retrained", .n_classes = 10};
    int64_t old_model = f.model[0];
    assert_ok(store_put_model(f.store, &newer, &f.model[0]));
    fixture_new_run(&f);
    int64_t new_clean = fixture_cell(&f, 0, clean, 0.85, 2);
    assert_int_equal(ask(&f, "SELECT count(*) FROM result"), 1);
    assert_int_equal(ask(&f, "SELECT cell_id FROM result"), new_clean);
    assert_int_equal(ask(&f, "SELECT count(*) FROM history WHERE change_pp NOT NULL"), 1);

    /* the old file again: nothing to compute, and it is back */
    f.model[0] = old_model;
    fixture_new_run(&f);
    int64_t both[] = {old_clean, old_fog};
    assert_ok(store_use_cells(f.store, f.run, both, 2));
    assert_int_equal(ask(&f, "SELECT count(*) FROM result"), 2);
    assert_int_equal(ask(&f, "SELECT min(cell_id) FROM result"), old_clean);
    fixture_close(&f);
}

/* The queries of the README, on a filled store. */
static void documented_queries_answer(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 60);
    fixture_fill(&f);
    static const struct {
        const char *sql;
        int rows;
    } queries[] = {
        {"SELECT model, precision, kind, round(100*min(acc),2) worst, round(100*avg(acc),2)"
         " mean, round(100*avg(delta),2) mean_delta FROM result WHERE dataset='toy'"
         " GROUP BY 1,2,3 ORDER BY 1,2,3", 12},
        {"SELECT noise, condition, round(100*acc,2) acc, round(100*delta,2) delta,"
         " round(196*delta_se,2) ci FROM result WHERE model='alpha' ORDER BY delta", 21},
        {"SELECT model, round(mce,1), n_corruptions FROM mce WHERE baseline='alexnet'"
         " ORDER BY 2", 3},
        {"SELECT q.model, q.noise, q.condition, round(100*(q.acc-f.acc),2) diff FROM result q"
         " JOIN model m ON m.name=q.model AND m.variant=q.variant JOIN model t ON"
         " t.model_id=m.twin_id JOIN result f ON f.model=t.name AND f.variant=t.variant AND"
         " (f.dataset,f.subset,f.noise,f.condition)=(q.dataset,q.subset,q.noise,q.condition)"
         " ORDER BY diff", 21},
        {"SELECT model, condition, round(100*cost,2), round(100*robustness_cost,2) FROM twin"
         " ORDER BY robustness_cost DESC", 21},
        {"SELECT * FROM history WHERE run_id=(SELECT max(run_id) FROM run) AND"
         " abs(change_pp)>0 ORDER BY change_pp", 0},
        {"WITH a AS MATERIALIZED (SELECT * FROM pred_row WHERE cell_id=1), b AS MATERIALIZED"
         " (SELECT * FROM pred_row WHERE cell_id=18) SELECT a.key, a.label, a.top1, b.top1"
         " FROM a JOIN b USING(pos) WHERE a.ok AND NOT b.ok", -1},
        {"SELECT 100.0*avg(w) FROM (SELECT pos, min(ok) w FROM pred_row WHERE model_id=1 AND"
         " cond_id IN (2,3,4) GROUP BY pos)", 1},
        {"SELECT model, noise, condition, flags FROM result WHERE flags IS NOT NULL", 0},
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct query query;
        query_begin(&query, store_handle(f.store), queries[i].sql, "");
        int rows = 0;
        while (query_row(&query))
            rows++;
        assert_ok(query_end(&query));
        if (queries[i].rows >= 0)
            assert_int_equal(rows, queries[i].rows);
        else
            assert_true(rows > 0);
    }
    fixture_close(&f);
}

static void mce_by_hand(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 200);
    fixture_fill(&f);
    /* gaussian_noise of alpha: sum of errors over AlexNet's 4.43214 */
    double errors = ask_real(&f, "SELECT sum(1 - acc) FROM result WHERE model = 'alpha' AND"
                                 " noise = 'gaussian_noise'");
    assert_near(ask_real(&f, "SELECT ce FROM ce WHERE model = 'alpha' AND noise ="
                                    " 'gaussian_noise' AND context = '*'"), errors / 4.43214,
                       1e-9);
    double clean = ask_real(&f, "SELECT 1 - acc FROM result WHERE model = 'alpha' AND kind ="
                                " 'clean'");
    assert_near(ask_real(&f, "SELECT relative_ce FROM ce WHERE model = 'alpha' AND"
                                    " noise = 'gaussian_noise'"),
                       (errors - 5 * clean) / (4.43214 - 5 * 0.4345), 1e-9);
    assert_int_equal(ask(&f, "SELECT count(*) FROM (SELECT corruption, avg(err) m FROM"
                             " baseline WHERE severity > 0 GROUP BY 1)"), 15);
    fixture_close(&f);
}

static void foreign_files_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 5);
    char *path = mem_format("%s.other", f.path);
    struct store *store = NULL;
    assert_int_equal(store_open(path, STORE_READ, &store), ERR_STORE);
    assert_int_equal(store_open(path, STORE_WRITE, &store), ERR_STORE);

    FILE *file = fopen(path, "w");
    for (int i = 0; i < 300; i++)
        fputs("not a database\n", file);
    fclose(file);
    assert_int_equal(store_open(path, STORE_CREATE, &store), ERR_STORE);
    assert_non_null(strstr(status_message(), "damaged"));
    unlink(path);

    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_ok(sql_script(db, "CREATE TABLE mine(x)"));
    sqlite3_close(db);
    assert_int_equal(store_open(path, STORE_CREATE, &store), ERR_STORE);
    assert_non_null(strstr(status_message(), "not one of Gauntlet's"));

    assert_ok(sql_script(store_handle(f.store), "PRAGMA user_version = 99"));
    store_close(f.store);
    assert_int_equal(store_open(f.path, STORE_WRITE, &f.store), ERR_STORE);
    assert_non_null(strstr(status_message(), "newer"));
    assert_null(f.store);
    free(path);
    fixture_close(&f);
}

static void migrations_keep_a_backup(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 5);
    enum { NOW = STORE_VERSION };
    const char *const steps[NOW + 2] = {
        [NOW] = "ALTER TABLE model ADD COLUMN colour TEXT",
        [NOW + 1] = "CREATE TABLE shelf(x TEXT) STRICT; nonsense",
    };
    char *warning = NULL, *backup = mem_format("%s.v%d-backup", f.path, NOW);
    sqlite3 *db = store_handle(f.store);
    assert_ok(store_migrate(db, f.path, steps, NOW + 1, &warning));
    assert_non_null(strstr(warning, "backup"));
    assert_int_equal(ask(&f, "PRAGMA user_version"), NOW + 1);
    assert_int_equal(ask(&f, "SELECT count(*) FROM model WHERE colour IS NULL"), 3);
    struct store *old = NULL;
    assert_ok(store_open(backup, STORE_READ, &old));
    store_close(old);
    /* a step that fails leaves the version before it */
    assert_int_equal(store_migrate(db, f.path, steps, NOW + 2, &warning), ERR_STORE);
    assert_int_equal(ask(&f, "PRAGMA user_version"), NOW + 1);
    assert_int_equal(ask(&f, "SELECT count(*) FROM sqlite_schema WHERE name = 'shelf'"), 0);
    free(warning);
    free(backup);
    fixture_close(&f);
}

static void time_does_not_run_backwards(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 5);
    assert_ok(sql_script(store_handle(f.store),
                         "UPDATE run SET started = '2999-01-01T00:00:00.000Z'"));
    fixture_new_run(&f);
    assert_ok(store_run_end(f.store, f.run, "done", 0));
    assert_int_equal(ask(&f, "SELECT count(DISTINCT started) FROM run"), 1);
    assert_int_equal(ask(&f, "SELECT finished >= started FROM run WHERE status = 'done'"), 1);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found_again),
        cmocka_unit_test(twin_may_come_first),
        cmocka_unit_test(counts_by_hand),
        cmocka_unit_test(wilson_as_published),
        cmocka_unit_test(a_failed_cell_may_be_done_later),
        cmocka_unit_test(wrong_lengths_are_refused),
        cmocka_unit_test(checkpoints_go_with_their_cell),
        cmocka_unit_test(canaries_see_a_changed_prediction),
        cmocka_unit_test(the_board_shows_one_file_per_name),
        cmocka_unit_test(documented_queries_answer),
        cmocka_unit_test(mce_by_hand),
        cmocka_unit_test(foreign_files_are_refused),
        cmocka_unit_test(migrations_keep_a_backup),
        cmocka_unit_test(time_does_not_run_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
