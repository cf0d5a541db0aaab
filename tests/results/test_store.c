#include "tests/test.h"

#include "tests/results/fixture.h"

#include "base/file.h"
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
/* The file's text with names of the fixture in place of the demonstration's. */
static char *queries_for_fixture(void)
{
    static const char *const names[][2] = {
        {"cifar10-test", "toy"}, {"imagenet-sample", "toy"}, {"cifar10_resnet20_fp32", "alpha"},
        {"decode=turbo-ifast", "decode=stb resize=pillow-bilinear"}};
    struct mapping file;
    assert_ok(file_map(source_path("results/queries.sql"), &file));
    char *text = mem_format("%.*s", (int)file.size, (const char *)file.data);
    file_unmap(&file);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (char *at; (at = strstr(text, names[i][0]));) {
            char *next = mem_format("%.*s%s%s", (int)(at - text), text, names[i][1],
                                    at + strlen(names[i][0]));
            free(text);
            text = next;
        }
    return text;
}

/* The README's questions on the fixture, after a second run that changed one number. */
static void documented_queries_answer(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 60);
    fixture_fill(&f);
    fixture_new_run(&f);
    fixture_cell(&f, 0, fixture_condition(&f, "natural", "fog", "fog:1", 1, -1), 0.3, 77);
    assert_ok(sql_script(store_handle(f.store), "INSERT INTO flag VALUES(5, 'ZERO_GRAD', 1,"
                                                " 'made up')"));
    static const int rows[] = {6, 5, 3, 5, 1, -1, 1, 1}; /* -1: some */
    static const int columns[] = {6, 5, 3, 5, 4, 4, 2, 4};
    char *text = queries_for_fixture();
    const char *rest = text;
    size_t count = 0;
    for (sqlite3_stmt *query; *rest; sqlite3_finalize(query)) {
        sqlite3 *db = store_handle(f.store);
        if (sqlite3_prepare_v2(db, rest, -1, &query, &rest) != SQLITE_OK)
            fail_msg("query %zu: %s", count + 1, sqlite3_errmsg(db));
        if (!query) /* what is left is comments */
            continue;
        assert_true(count < sizeof rows / sizeof *rows);
        int found = 0;
        while (sqlite3_step(query) == SQLITE_ROW)
            found++;
        if (rows[count] >= 0 ? found != rows[count] : !found)
            fail_msg("query %zu gives %d rows", count + 1, found);
        assert_int_equal(sqlite3_column_count(query), columns[count]);
        count++;
    }
    assert_int_equal(count, 8);
    free(text);
    fixture_close(&f);
}

/* Steps over the query's lines where they stand in the README; NULL when one is missing. */
static const char *after_lines(const char *readme, const char *sql)
{
    char *copy = mem_copy(sql), *next = copy, *line;
    while (readme && (line = strsep(&next, "\n"))) {
        char *indented = mem_format("    %.*s\n", (int)strcspn(line, ";"), line);
        if (*line && strncmp(line, "--", 2)) {
            readme = strstr(readme, indented);
            if (!readme)
                print_message("# not in the README: %s\n", line);
            readme = readme ? readme + strlen(indented) : NULL;
        }
        free(indented);
    }
    free(copy);
    return readme;
}

/* The README holds every query of the file, as scripts/queries puts it there, and below it
 * a table of the columns that the query has today. */
static void the_readme_keeps_up(void **state)
{
    (void)state;
    struct fixture f;
    struct mapping files[2];
    char *texts[2];
    fixture_open(&f, 5);
    for (int i = 0; i < 2; i++) {
        assert_ok(file_map(source_path(i ? "README.md" : "results/queries.sql"), &files[i]));
        texts[i] = mem_format("%.*s", (int)files[i].size, (const char *)files[i].data);
        file_unmap(&files[i]);
    }
    const char *rest = texts[0], *at = strstr(texts[1], "<!-- scripts/queries -->");
    assert_non_null(at);
    for (sqlite3_stmt *query; *rest; sqlite3_finalize(query)) {
        assert_int_equal(sqlite3_prepare_v2(store_handle(f.store), rest, -1, &query, &rest),
                         SQLITE_OK);
        if (!query)
            continue;
        at = after_lines(at, sqlite3_sql(query));
        assert_non_null(at);
        assert_memory_equal(at, "    ┌", strlen("    ┌"));
        const char *head = strchr(at, '\n') + 1, *end = strchr(head, '\n');
        for (int c = 0; c < sqlite3_column_count(query); c++) {
            char *cell = mem_format(" %s ", sqlite3_column_name(query, c));
            head = strstr(head, cell);
            if (!head || head > end)
                fail_msg("the README's table has no column%s", cell);
            free(cell);
        }
    }
    free(texts[0]);
    free(texts[1]);
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

/* A network that changed and was put back; another that never changed. */
static void history_follows_a_name(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 100);
    int64_t fog = fixture_condition(&f, "natural", "fog", "fog:1", 1, -1);
    for (int night = 0; night < 3; night++) {
        if (night)
            fixture_new_run(&f);
        fixture_cell(&f, 0, fog, night == 1 ? 0.6 : 0.8, night == 1);
        fixture_cell(&f, 2, fog, 0.7, 5);
    }
#define OF(night, model) " FROM history WHERE run_id = " night " AND model = '" model "'"
    assert_int_equal(ask(&f, "SELECT count(*) FROM history"), 6);
    assert_int_equal(ask(&f, "SELECT change_pp IS NULL AND previous_cell_id IS NULL"
                             OF("1", "alpha")), 1);
    double fall = ask_real(&f, "SELECT change_pp" OF("2", "alpha"));
    assert_true(fall < 0);
    assert_near(ask_real(&f, "SELECT change_pp" OF("3", "alpha")), -fall, 1e-9);
    assert_near(ask_real(&f, "SELECT 100.0 * (b.n_ok - a.n_ok) / 100 FROM cell a, cell b WHERE"
                             " a.cell_id = 1 AND b.cell_id = 3"), fall, 1e-9);
    assert_int_equal(ask(&f, "SELECT previous_cell_id = 3 AND cell_id = 1" OF("3", "alpha")), 1);
    assert_near(ask_real(&f, "SELECT change_pp" OF("3", "beta")), 0, 0);
#undef OF
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
        cmocka_unit_test(the_readme_keeps_up),
        cmocka_unit_test(history_follows_a_name),
        cmocka_unit_test(mce_by_hand),
        cmocka_unit_test(foreign_files_are_refused),
        cmocka_unit_test(migrations_keep_a_backup),
        cmocka_unit_test(time_does_not_run_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
