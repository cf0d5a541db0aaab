/*
 * Merging stores: natural keys (hashes, names, uuids) say what is the same, a map per
 * table leads from the other file's numbers to ours.
 */
#include "results/internal.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define ENV_COLUMNS                                                                        \
    "env_sha, host, os, kernel, arch, cpu, cores, ram_mb, accel, prog_version, git_commit,"    \
    " git_dirty, binary_sha, compiler, cflags, simd, libs"
#define MODEL_COLUMNS                                                                      \
    "name, variant, arch, family, precision, technique, gradient, twin, file_sha,"             \
    " file_bytes, params, macs, n_classes, preproc, meta"
#define CELL_COLUMNS                                                                       \
    "key, status, error, n, n_ok, n_ok5, n_clean_ok, n_lost, n_won, n_unread, ece, mean_conf," \
    " forwards, backwards, zero_grad, max_pert, mean_dist, wall_s, cpu_s, rss_kb, finished"

/* What cells refer to, in the order of their references. */
static const char *const parents[] = {
    "INSERT OR IGNORE INTO env(" ENV_COLUMNS ") SELECT " ENV_COLUMNS
    " FROM shard.env ORDER BY env_id",
    "CREATE TEMP TABLE m_env AS SELECT s.env_id AS old, m.env_id AS new FROM shard.env s"
    " JOIN main.env m USING(env_sha)",

    "INSERT OR IGNORE INTO model(" MODEL_COLUMNS ") SELECT " MODEL_COLUMNS
    " FROM shard.model ORDER BY model_id",
    "CREATE TEMP TABLE m_model AS SELECT s.model_id AS old, m.model_id AS new"
    " FROM shard.model s JOIN main.model m USING(name, variant, file_sha, preproc)",

    "INSERT OR IGNORE INTO dataset(name, split, n, n_classes, manifest_sha)"
    " SELECT name, split, n, n_classes, manifest_sha FROM shard.dataset ORDER BY dataset_id",
    "CREATE TEMP TABLE m_dataset AS SELECT s.dataset_id AS old, m.dataset_id AS new"
    " FROM shard.dataset s JOIN main.dataset m USING(name, split, manifest_sha)",
    "INSERT OR IGNORE INTO class SELECT new, label, name FROM shard.class"
    " JOIN m_dataset ON old = dataset_id",
    "INSERT OR IGNORE INTO sample SELECT new, idx, label, key FROM shard.sample"
    " JOIN m_dataset ON old = dataset_id",

    "INSERT OR IGNORE INTO subset(dataset_id, spec, n, sha) SELECT new, spec, n, sha"
    " FROM shard.subset JOIN m_dataset ON old = dataset_id ORDER BY subset_id",
    "CREATE TEMP TABLE m_subset AS SELECT s.subset_id AS old, m.subset_id AS new"
    " FROM shard.subset s JOIN main.subset m USING(sha)",
    "INSERT OR IGNORE INTO subset_item SELECT new, pos, idx FROM shard.subset_item"
    " JOIN m_subset ON old = subset_id",

    "INSERT OR IGNORE INTO noise(kind, name, impl) SELECT kind, name, impl FROM shard.noise"
    " ORDER BY noise_id",
    "CREATE TEMP TABLE m_noise AS SELECT s.noise_id AS old, m.noise_id AS new"
    " FROM shard.noise s JOIN main.noise m USING(kind, name, impl)",
    "INSERT OR IGNORE INTO condition(noise_id, label, severity, norm, eps, params, params_sha)"
    " SELECT new, label, severity, norm, eps, params, params_sha FROM shard.condition"
    " JOIN m_noise ON old = noise_id ORDER BY cond_id",
    "CREATE TEMP TABLE m_condition AS SELECT s.cond_id AS old, m.cond_id AS new"
    " FROM shard.condition s JOIN m_noise z ON z.old = s.noise_id"
    " JOIN main.condition m ON m.noise_id = z.new AND m.params_sha = s.params_sha",
    "INSERT OR IGNORE INTO worst_member SELECT a.new, b.new FROM shard.worst_member w"
    " JOIN m_condition a ON a.old = w.cond_id JOIN m_condition b ON b.old = w.member_id",
    "INSERT OR IGNORE INTO baseline SELECT * FROM shard.baseline",
};

static const char *const runs[] = {
    "INSERT OR IGNORE INTO run(uuid, shard, n_shards, env_id, suite, suite_sha, config, seed,"
    " argv, process, started, finished, status, exit_code) SELECT uuid, shard, n_shards, new,"
    " suite, suite_sha, config, seed, argv, process, started, finished, status, exit_code"
    " FROM shard.run JOIN m_env ON old = env_id ORDER BY run_id",
    "CREATE TEMP TABLE m_run AS SELECT s.run_id AS old, m.run_id AS new FROM shard.run s"
    " JOIN main.run m USING(uuid)",
    "UPDATE run SET parent_id = p.new FROM shard.run s JOIN m_run p ON p.old = s.parent_id"
    " WHERE s.uuid = run.uuid AND run.parent_id IS NULL",
    /* a run that has ended since the last merge */
    "UPDATE run SET status = s.status, finished = s.finished, exit_code = s.exit_code"
    " FROM shard.run s WHERE s.uuid = run.uuid AND run.status = 'running'"
    " AND s.status <> 'running'",
    "INSERT OR IGNORE INTO pin SELECT name, new FROM shard.pin JOIN m_run ON old = run_id",
};

/* Cells: found here by run and key, or by key and predictions; the others get numbers. */
static const char *const cells[] = {
    "DELETE FROM cell WHERE status <> 'done' AND EXISTS (SELECT 1 FROM shard.cell s"
    " JOIN m_run r ON r.old = s.run_id WHERE r.new = cell.run_id AND s.key = cell.key"
    " AND s.status = 'done')",
    "CREATE TEMP TABLE m_cell AS SELECT s.cell_id AS old, coalesce("
    " (SELECT c.cell_id FROM main.cell c WHERE c.run_id = r.new AND c.key = s.key),"
    " (SELECT min(c.cell_id) FROM main.cell c JOIN main.pred p ON p.cell_id = c.cell_id"
    "  WHERE c.key = s.key AND c.status = 'done' AND s.status = 'done' AND p.top1 ="
    "  (SELECT top1 FROM shard.pred q WHERE q.cell_id = s.cell_id))) AS new, 0 AS fresh"
    " FROM shard.cell s JOIN m_run r ON r.old = s.run_id",
    "CREATE UNIQUE INDEX temp.m_cell_old ON m_cell(old)",
    "UPDATE m_cell SET fresh = 1, new = at FROM (SELECT old AS o, row_number() OVER"
    " (ORDER BY old) + (SELECT ifnull(max(cell_id), 0) FROM main.cell) AS at FROM m_cell"
    " WHERE new IS NULL) WHERE old = o",
    "INSERT INTO cell(cell_id, run_id, model_id, dataset_id, cond_id, source_id, subset_id, "
    CELL_COLUMNS ") SELECT x.new, r.new, m.new, d.new, q.new, (SELECT t.new FROM m_model t"
    " WHERE t.old = s.source_id), u.new, " CELL_COLUMNS " FROM shard.cell s"
    " JOIN m_cell x ON x.old = s.cell_id AND x.fresh JOIN m_run r ON r.old = s.run_id"
    " JOIN m_model m ON m.old = s.model_id JOIN m_dataset d ON d.old = s.dataset_id"
    " JOIN m_condition q ON q.old = s.cond_id JOIN m_subset u ON u.old = s.subset_id"
    " ORDER BY x.new",
    "INSERT INTO pred SELECT new, top1, rank, margin, queries, dist, broken_by, conf"
    " FROM shard.pred JOIN m_cell ON old = cell_id WHERE fresh",
    "INSERT INTO bits SELECT new, ok FROM shard.bits JOIN m_cell ON old = cell_id WHERE fresh",
    "INSERT INTO sequence SELECT new, pairs, flip_rate, top5_distance, flips, spread"
    " FROM shard.sequence JOIN m_cell ON old = cell_id WHERE fresh",
    "INSERT INTO flag SELECT new, code, value, message FROM shard.flag"
    " JOIN m_cell ON old = cell_id WHERE fresh",
    "INSERT INTO measure SELECT new, name, value FROM shard.measure"
    " JOIN m_cell ON old = cell_id WHERE fresh",
    "INSERT INTO failure SELECT new, pos, stage, message FROM shard.failure"
    " JOIN m_cell ON old = cell_id WHERE fresh",
    "INSERT OR IGNORE INTO run_cell SELECT r.new, x.new, role, wall_s, cpu_s, rss_kb"
    " FROM shard.run_cell y JOIN m_cell x ON x.old = y.cell_id JOIN m_run r"
    " ON r.old = y.run_id",
    "INSERT OR IGNORE INTO comparison SELECT a.new, b.new, n11, n10, n01, n00, p, verdict"
    " FROM shard.comparison y JOIN m_cell a ON a.old = y.a JOIN m_cell b ON b.old = y.b",
    "INSERT OR IGNORE INTO metric SELECT r.new, m.new, u.new, name, value, lo, hi, method"
    " FROM shard.metric y JOIN m_run r ON r.old = y.run_id JOIN m_model m"
    " ON m.old = y.model_id JOIN m_subset u ON u.old = y.subset_id",
    "DELETE FROM checkpoint WHERE key IN (SELECT key FROM cell WHERE status = 'done')",
};

static enum status run_all(sqlite3 *db, const char *const *statements, size_t count)
{
    enum status st = OK;
    for (size_t i = 0; i < count && !st; i++)
        st = sql_script(db, statements[i]);
    return st;
}
#define RUN_ALL(db, list) run_all(db, list, sizeof list / sizeof *list)

enum status store_pair_late(sqlite3 *db)
{
    struct query query;
    struct late {
        int64_t cell, clean_ok, lost, won;
    } *late = NULL;
    size_t count = 0;
    query_begin(&query, db,
                "SELECT c.cell_id, b.ok, k.ok FROM cell c JOIN bits b ON b.cell_id = c.cell_id"
                " JOIN bits k ON k.cell_id = (SELECT max(e.cell_id) FROM cell e JOIN condition"
                " USING(cond_id) JOIN noise z USING(noise_id) JOIN bits f ON"
                " f.cell_id = e.cell_id WHERE e.model_id = c.model_id AND"
                " e.subset_id = c.subset_id AND z.kind = 'clean' AND e.status = 'done')"
                " WHERE c.status = 'done' AND c.n_clean_ok IS NULL", "");
    while (query_row(&query)) {
        const uint8_t *ok = sqlite3_column_blob(query.stmt, 1);
        const uint8_t *clean = sqlite3_column_blob(query.stmt, 2);
        int bytes = sqlite3_column_bytes(query.stmt, 1);
        if (bytes != sqlite3_column_bytes(query.stmt, 2))
            continue;
        late = mem_grow(late, count + 1, sizeof *late);
        late[count] = (struct late){.cell = query_int(&query, 0)};
        for (int i = 0; i < bytes; i++) {
            late[count].clean_ok += __builtin_popcount(clean[i]);
            late[count].lost += __builtin_popcount(clean[i] & ~ok[i] & 0xff);
            late[count].won += __builtin_popcount(ok[i] & ~clean[i] & 0xff);
        }
        count++;
    }
    enum status st = query_end(&query);
    for (size_t i = 0; i < count && !st; i++)
        st = sql_run(db, "UPDATE cell SET n_clean_ok = ?, n_lost = ?, n_won = ?"
                     " WHERE cell_id = ?", "iiii", late[i].clean_ok, late[i].lost,
                     late[i].won, late[i].cell);
    free(late);
    return st;
}

static enum status count(sqlite3 *db, int64_t runs_before, struct store_merge *report)
{
    int64_t now = 0;
    enum status st = sql_int(db, 0, &report->cells, "SELECT count(*) FROM m_cell WHERE fresh", "");
    if (!st)
        st = sql_int(db, 0, &report->known, "SELECT count(*) FROM m_cell WHERE NOT fresh", "");
    if (!st)
        st = sql_int(db, 0, &now, "SELECT count(*) FROM run", "");
    report->runs = now - runs_before;
    if (!st)
        st = sql_int(db, 0, &report->conflicts,
                     "SELECT count(*) FROM (SELECT c.key FROM cell c JOIN pred p"
                     " ON p.cell_id = c.cell_id WHERE c.status = 'done' GROUP BY c.key"
                     " HAVING count(DISTINCT p.top1) > 1)", "");
    return st;
}

static enum status merge_attached(sqlite3 *db, struct store_merge *report)
{
    int64_t runs_before = 0;
    enum status st = sql_begin(db);
    if (st)
        return st;
    st = sql_int(db, 0, &runs_before, "SELECT count(*) FROM run", "");
    if (!st)
        st = RUN_ALL(db, parents);
    if (!st)
        st = store_relink_twins(db);
    if (!st)
        st = RUN_ALL(db, runs);
    if (!st)
        st = RUN_ALL(db, cells);
    if (!st)
        st = store_pair_late(db);
    if (!st)
        st = count(db, runs_before, report);
    return sql_end(db, st);
}

enum status store_merge(struct store *store, const char *from, struct store_merge *report)
{
    static const char *const maps[] = {"env",       "model", "dataset", "subset", "noise",
                                       "condition", "run",   "cell"};
    struct store *shard = NULL;
    *report = (struct store_merge){0};
    enum status st = store_open(from, STORE_READ, &shard); /* is it one, and of our version? */
    store_close(shard);
    if (!st)
        st = sql_run(store->db, "ATTACH ? AS shard", "t", from);
    if (st)
        return st;
    st = merge_attached(store->db, report);
    if (st)
        st = status_wrap(st, "%s", from);
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        char *drop = mem_format("DROP TABLE IF EXISTS temp.m_%s", maps[i]);
        sqlite3_exec(store->db, drop, NULL, NULL, NULL); /* they end with the connection */
        free(drop);
    }
    sqlite3_exec(store->db, "DETACH shard", NULL, NULL, NULL);
    return st;
}

enum status store_missing_shards(struct store *store, char **missing)
{
    struct text text = {0};
    struct query query;
    /* Of each suite run in n shards, numbers 1..n without a run that is done. */
    query_begin(&query, store->db,
                "WITH RECURSIVE part AS (SELECT DISTINCT suite_sha, seed, n_shards, 1 AS i"
                " FROM run WHERE n_shards > 1 UNION ALL SELECT suite_sha, seed, n_shards,"
                " i + 1 FROM part WHERE i < n_shards) SELECT i, n_shards FROM part p WHERE NOT"
                " EXISTS (SELECT 1 FROM run r WHERE r.suite_sha = p.suite_sha AND r.seed ="
                " p.seed AND r.n_shards = p.n_shards AND r.shard = p.i AND r.status = 'done')"
                " ORDER BY suite_sha, seed, n_shards, i", "");
    while (query_row(&query))
        text_addf(&text, "%s%lld/%lld", text.data ? " " : "", (long long)query_int(&query, 0),
                  (long long)query_int(&query, 1));
    *missing = text.data;
    return query_end(&query);
}
