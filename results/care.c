/* Checking, thinning and publishing a store. */
#include "results/internal.h"

#include "base/hash.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- check ---- */

struct check {
    void (*tell)(void *context, const char *line);
    void *context;
    int64_t problems;
};

static void report(struct check *check, char *takes)
{
    check->tell(check->context, takes);
    check->problems++;
    free(takes);
}

/* One line for each row: its columns in the order of the question. */
static enum status ask(sqlite3 *db, struct check *check, const char *meaning, const char *sql)
{
    struct query query;
    query_begin(&query, db, sql, "");
    while (query_row(&query)) {
        const char *what = query_text(&query, 0);
        report(check, mem_format("%s: %s", meaning, what ? what : "?"));
    }
    return query_end(&query);
}

static const char *const questions[][2] = {
    {"integrity", "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check"
                  " <> 'ok'"},
    {"dangling reference", "SELECT \"table\" || ' row ' || ifnull(rowid, '') || ' to ' ||"
                           " parent FROM pragma_foreign_key_check"},
    {"vectors of another length than n",
     "SELECT 'cell ' || c.cell_id FROM cell c JOIN pred p ON p.cell_id = c.cell_id WHERE"
     " c.n <> json_array_length(p.top1) OR c.n <> ifnull(json_array_length(p.rank), c.n)"},
    {"finished, vectors lost",
     "SELECT 'cell ' || c.cell_id FROM cell c WHERE c.status = 'done' AND (EXISTS (SELECT 1"
     " FROM pred p WHERE p.cell_id = c.cell_id) <> EXISTS (SELECT 1 FROM bits b WHERE"
     " b.cell_id = c.cell_id))"},
    {"predictions and counts disagree",
     "SELECT 'cell ' || c.cell_id FROM cell c JOIN pred p ON p.cell_id = c.cell_id WHERE"
     " c.status = 'done' AND c.n_ok <> (SELECT sum(j.value = s.label) FROM"
     " json_each(p.top1) j CROSS JOIN subset_item u ON u.subset_id = c.subset_id AND u.pos ="
     " j.key CROSS JOIN sample s ON s.dataset_id = c.dataset_id AND s.idx = u.idx)"},
    {"the same key, other predictions (not deterministic)",
     "SELECT group_concat('cell ' || c.cell_id, ', ') FROM cell c JOIN pred p ON p.cell_id ="
     " c.cell_id WHERE c.status = 'done' GROUP BY c.key HAVING count(DISTINCT p.top1) > 1"},
    {"subset of another size than n",
     "SELECT 'subset ' || subset_id FROM subset s WHERE n <> (SELECT count(*) FROM"
     " subset_item i WHERE i.subset_id = s.subset_id)"},
};

/* Counts by popcount: bits are what boards are made of. */
static enum status check_bits(sqlite3 *db, struct check *check)
{
    struct query query;
    query_begin(&query, db, "SELECT c.cell_id, c.n, c.n_ok, b.ok FROM cell c JOIN bits b"
                " ON b.cell_id = c.cell_id", "");
    while (query_row(&query)) {
        const uint8_t *bits = sqlite3_column_blob(query.stmt, 3);
        int bytes = sqlite3_column_bytes(query.stmt, 3);
        int64_t right = 0;
        for (int i = 0; i < bytes; i++)
            right += __builtin_popcount(bits[i]);
        if (bytes != (query_int(&query, 1) + 7) / 8 || right != query_int(&query, 2))
            report(check, mem_format("bits and counts disagree: cell %lld",
                                     (long long)query_int(&query, 0)));
    }
    return query_end(&query);
}

/* Runs of this host whose process is gone: told, but no damage. */
static enum status check_runs(struct store *store, bool repair, struct check *check)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    struct query query;
    int64_t *dead = NULL;
    size_t count = 0;
    query_begin(&query, store->db, "SELECT r.run_id, r.process, r.started FROM run r JOIN env e"
                " USING(env_id) WHERE r.status = 'running' AND e.host IN (?, '')", "t", host);
    while (query_row(&query)) {
        if (store_process_alive(query_text(&query, 1)))
            continue;
        dead = mem_grow(dead, count + 1, sizeof *dead);
        dead[count++] = query_int(&query, 0);
        char *line = mem_format("run %lld of %s says 'running', but its process is gone%s",
                                (long long)query_int(&query, 0), query_text(&query, 2),
                                repair ? ": now 'interrupted'" : "");
        check->tell(check->context, line);
        free(line);
    }
    enum status st = query_end(&query);
    for (size_t i = 0; i < count && !st && repair; i++)
        st = store_run_end(store, dead[i], "interrupted", 4);
    free(dead);
    return st;
}

enum status store_check(struct store *store, bool repair,
                        void (*tell)(void *context, const char *line), void *context,
                        int64_t *n_problems)
{
    struct check check = {tell, context, 0};
    enum status st = OK;
    for (size_t i = 0; i < sizeof questions / sizeof *questions && !st; i++)
        st = ask(store->db, &check, questions[i][0], questions[i][1]);
    if (!st)
        st = check_bits(store->db, &check);
    if (!st)
        st = check_runs(store, repair, &check);
    *n_problems = check.problems;
    return st;
}

/* ---- prune and export ---- */

/* Clean cells stay: every later delta needs them. */
#define SUPERSEDED                                                                         \
    "SELECT p.cell_id FROM pred p JOIN cell c ON c.cell_id = p.cell_id JOIN condition q"       \
    " ON q.cond_id = c.cond_id JOIN noise z ON z.noise_id = q.noise_id"                        \
    " WHERE z.kind <> 'clean' AND p.cell_id NOT IN (SELECT cell_id FROM latest)"               \
    " AND p.cell_id NOT IN (SELECT x.cell_id FROM run_cell x WHERE x.run_id IN"                \
    " (SELECT run_id FROM pin UNION SELECT run_id FROM (SELECT run_id FROM run WHERE"          \
    " status <> 'running' ORDER BY started DESC, run_id DESC LIMIT ?)))"

enum status store_prune(struct store *store, int keep, bool dry, int64_t *n_cells)
{
    sqlite3 *db = store->db;
    *n_cells = 0;
    if (dry)
        return sql_int(db, 0, n_cells, "SELECT count(*) FROM (" SUPERSEDED ")", "i",
                       (int64_t)keep);
    enum status st = sql_begin(db);
    if (st)
        return st;
    st = sql_run(db, "CREATE TEMP TABLE superseded AS " SUPERSEDED, "i", (int64_t)keep);
    if (!st)
        st = sql_run(db, "DELETE FROM bits WHERE cell_id IN (SELECT cell_id FROM superseded)",
                     "");
    if (!st)
        st = sql_run(db, "DELETE FROM sequence WHERE cell_id IN (SELECT cell_id FROM"
                     " superseded)", "");
    if (!st)
        st = sql_run(db, "DELETE FROM pred WHERE cell_id IN (SELECT cell_id FROM superseded)",
                     "");
    int64_t changes = sqlite3_changes64(db);
    if (!st)
        st = sql_script(db, "DROP TABLE superseded");
    st = sql_end(db, st);
    if (!st)
        *n_cells = changes;
    /* Space goes back to the disk; without room for that the pages are reused. */
    if (!st && changes)
        sqlite3_exec(db, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    return st;
}

enum status store_export(struct store *store, const char *path)
{
    char *temporary = mem_format("%s.tmp-%ld", path, (long)getpid());
    unlink(temporary);
    enum status st = sql_run(store->db, "VACUUM INTO ?", "t", temporary);
    if (!st && rename(temporary, path))
        st = status_fail(ERR_IO, "%s: %s", path, strerror(errno));
    if (st)
        unlink(temporary);
    free(temporary);
    return st;
}

/* ---- digest ---- */

enum status store_digest(struct store *store, char hex[65])
{
    struct hash hash;
    struct query query;
    hash_init(&hash);
    query_begin(&query, store->db,
                "SELECT DISTINCT m.name, m.variant, m.file_sha, d.manifest_sha, u.sha, z.kind,"
                " q.params_sha, c.key, c.n_ok, ifnull(c.n_clean_ok, -1), ifnull(c.n_lost, -1),"
                " ifnull(c.n_won, -1), p.top1, ifnull(p.rank, ''), ifnull(p.broken_by, ''),"
                " ifnull((SELECT group_concat(code || '=' || ifnull(value, ''), ' ') FROM flag f"
                " WHERE f.cell_id = c.cell_id), ''), ifnull((SELECT flips || spread FROM"
                " sequence s WHERE s.cell_id = c.cell_id), '')"
                " FROM cell c JOIN model m USING(model_id) JOIN dataset d ON d.dataset_id ="
                " c.dataset_id JOIN subset u ON u.subset_id = c.subset_id JOIN condition q"
                " USING(cond_id) JOIN noise z USING(noise_id) JOIN pred p ON p.cell_id ="
                " c.cell_id WHERE c.status = 'done' ORDER BY c.key, p.top1", "");
    while (query_row(&query))
        for (int i = 0; i < 17; i++)
            hash_add_string(&hash, query_text(&query, i));
    hash_finish(&hash, hex);
    return query_end(&query);
}
