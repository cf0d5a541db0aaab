/* Older stores become new ones, forward only, with a backup beside them. */
#include "results/internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <unistd.h>

/* steps[v] turns version v into v+1. Version 0 is an empty file, which schema.sql fills. */
const char *const store_steps[STORE_VERSION] = {
    NULL,
    [1] = "DROP TRIGGER cell_frozen;"
          "CREATE TRIGGER cell_frozen BEFORE UPDATE ON cell WHEN OLD.status = 'done' AND ("
          " OLD.n_clean_ok IS NOT NULL OR NEW.n_clean_ok IS NULL OR"
          " (NEW.cell_id, NEW.run_id, NEW.model_id, NEW.dataset_id, NEW.cond_id,"
          " NEW.subset_id, NEW.key, NEW.status, NEW.n, NEW.n_ok) <>"
          " (OLD.cell_id, OLD.run_id, OLD.model_id, OLD.dataset_id, OLD.cond_id,"
          " OLD.subset_id, OLD.key, OLD.status, OLD.n, OLD.n_ok))"
          " BEGIN SELECT RAISE(ABORT, 'finished cells are append-only'); END",
    /* Intervals end at 0 and 1. */
    [2] = "DROP VIEW result;"
          "CREATE VIEW result AS SELECT model, variant, precision, dataset, subset, "
          "kind, noise, condition, severity, eps, n, 1.0 * n_ok / n AS acc, "
          "max(0.0, (n_ok + 1.920729) / (n + 3.841459) - 1.959964 * sqrt(1.0 * n_ok "
          "* (n - n_ok) / n + 0.960365) / (n + 3.841459)) AS lo95, min(1.0, (n_ok + "
          "1.920729) / (n + 3.841459) + 1.959964 * sqrt(1.0 * n_ok * (n - n_ok) / n "
          "+ 0.960365) / (n + 3.841459)) AS hi95, 1.0 * (n_won - n_lost) / n AS "
          "delta, sqrt(max(0, n_won + n_lost - 1.0 * (n_won - n_lost) * (n_won - "
          "n_lost) / n)) / n AS delta_se, CASE WHEN n_clean_ok > 0 THEN 1.0 * "
          "(n_clean_ok - n_lost) / n_clean_ok END AS kept, (SELECT "
          "group_concat(code, ' ') FROM flag WHERE flag.cell_id = latest.cell_id) "
          "AS flags, norm, source, 1.0 * n_ok5 / n AS acc5, ece, n_unread, "
          "forwards, backwards, cpu_s, wall_s, finished, latest.cell_id, "
          "latest.run_id, latest.model_id, latest.subset_id, latest.cond_id FROM "
          "latest JOIN cell USING(cell_id)",
    /* Sequences; confidences of clean cells. The noises' list of kinds grows. */
    [3] = "PRAGMA defer_foreign_keys = ON; CREATE TEMP TABLE kept AS SELECT * FROM "
          "noise; DROP TABLE noise; CREATE TABLE noise( noise_id INTEGER PRIMARY KEY, "
          "kind TEXT NOT NULL CHECK(kind IN "
          "('clean','system','natural','sequence','adversarial','worst')), name TEXT "
          "NOT NULL, impl INTEGER NOT NULL, UNIQUE(kind, name, impl)) STRICT; INSERT "
          "INTO noise SELECT * FROM kept; DROP TABLE kept; ALTER TABLE pred ADD "
          "COLUMN conf TEXT CHECK(conf IS NULL OR json_valid(conf)); DROP TRIGGER "
          "pred_length; CREATE TRIGGER pred_length BEFORE INSERT ON pred WHEN EXISTS "
          "(SELECT 1 FROM cell WHERE cell_id = NEW.cell_id AND ( n <> "
          "json_array_length(NEW.top1) OR n <> ifnull(json_array_length(NEW.rank), n) "
          "OR n <> ifnull(json_array_length(NEW.margin), n) OR n <> "
          "ifnull(json_array_length(NEW.queries), n) OR n <> "
          "ifnull(json_array_length(NEW.dist), n) OR n <> "
          "ifnull(json_array_length(NEW.broken_by), n) OR n <> "
          "ifnull(json_array_length(NEW.conf), n))) BEGIN SELECT RAISE(ABORT, 'a "
          "prediction vector has not n entries'); END; CREATE TABLE sequence( cell_id "
          "INTEGER PRIMARY KEY REFERENCES cell ON DELETE CASCADE, pairs INTEGER NOT "
          "NULL CHECK(pairs > 0), flip_rate REAL, top5_distance REAL, flips TEXT NOT "
          "NULL CHECK(json_valid(flips)), spread TEXT NOT NULL "
          "CHECK(json_valid(spread))) STRICT; CREATE VIEW stability AS SELECT model, "
          "variant, precision, dataset, subset, noise AS sequence, severity AS "
          "difficulty, condition, n, acc AS right_in_all, flip_rate, top5_distance, "
          "pairs, cell_id, model_id, subset_id FROM result JOIN sequence "
          "USING(cell_id); CREATE VIEW mfr AS SELECT a.model, a.variant, a.precision, "
          "a.dataset, a.subset, b.model AS baseline, b.variant AS baseline_variant, "
          "a.difficulty, 100 * avg(a.flip_rate / b.flip_rate) AS mfr, 100 * "
          "avg(a.top5_distance / b.top5_distance) AS mt5d, count(*) AS n_sequences "
          "FROM stability a JOIN stability b ON b.subset_id = a.subset_id AND "
          "b.condition = a.condition WHERE a.condition IN (a.sequence, a.sequence || "
          "':' || a.difficulty) AND a.sequence IN ( 'gaussian_noise-p', "
          "'shot_noise-p', 'motion_blur-p', 'zoom_blur-p', 'snow-p', 'brightness-p', "
          "'translate-p', 'rotate-p', 'tilt-p', 'scale-p') GROUP BY a.model_id, "
          "a.subset_id, b.model_id, a.difficulty HAVING count(a.flip_rate / "
          "b.flip_rate) = count(*)",
    /* Pre-flights, median distances, curves. */
    [4] = "CREATE TABLE measure( cell_id INTEGER NOT NULL REFERENCES cell ON DELETE "
          "CASCADE, name TEXT NOT NULL, value REAL NOT NULL, PRIMARY KEY(cell_id, "
          "name)) STRICT, WITHOUT ROWID;"
          "CREATE VIEW attacked AS SELECT *, rtrim(substr(condition, 1, at - 1) || "
          "substr(tail, instr(tail, ' '))) AS attack, (SELECT value FROM measure "
          "WHERE measure.cell_id = cut.cell_id AND name = 'median_distance') AS "
          "median FROM (SELECT *, instr(condition, ' eps=') AS at, substr(condition, "
          "instr(condition, ' eps=') + 5) || ' ' AS tail FROM result WHERE kind = "
          "'adversarial') AS cut WHERE at > 0;"
          "CREATE VIEW curve AS SELECT model, variant, precision, dataset, subset, "
          "attack, norm, source, eps, n, acc, median, cell_id, model_id, subset_id "
          "FROM attacked WHERE median IS NULL UNION ALL SELECT model, variant, "
          "precision, dataset, subset, attack, w.norm, source, g.eps, n, (SELECT "
          "avg(ifnull(j.value, 0) > g.eps) FROM pred p CROSS JOIN json_each(p.dist) j "
          "WHERE p.cell_id = w.cell_id), max(median), w.cell_id, model_id, "
          "w.subset_id FROM attacked w JOIN (SELECT DISTINCT subset_id, norm, eps "
          "FROM attacked) g ON g.subset_id = w.subset_id AND g.norm = w.norm WHERE "
          "median IS NOT NULL GROUP BY model_id, w.subset_id, attack, ifnull(source, "
          "''), g.eps",
    /* The same history, faster. */
    [5] = "DROP VIEW history;"
          "CREATE VIEW history AS WITH named AS MATERIALIZED ( SELECT cell_id, "
          "dense_rank() OVER (ORDER BY model, variant, dataset, split, subset, kind, "
          "condition, source) AS name FROM cell_named), used AS ( SELECT x.run_id, "
          "x.cell_id, x.role, x.wall_s, x.cpu_s, r.started, lag(x.cell_id) OVER "
          "(PARTITION BY name ORDER BY r.started, r.run_id, x.cell_id) AS "
          "previous_cell_id FROM named CROSS JOIN run_cell x ON x.cell_id = "
          "named.cell_id CROSS JOIN run r ON r.run_id = x.run_id) SELECT n.model, "
          "n.variant, n.dataset, n.subset, n.kind, n.noise, n.condition, used.run_id, "
          "used.started, used.role, 100.0 * c.n_ok / c.n AS acc_pct, 100.0 * c.n_ok / "
          "c.n - 100.0 * p.n_ok / p.n AS change_pp, used.wall_s, used.cpu_s, "
          "used.cell_id, used.previous_cell_id FROM used CROSS JOIN cell c ON "
          "c.cell_id = used.cell_id CROSS JOIN cell_named n ON n.cell_id = "
          "used.cell_id LEFT JOIN cell p ON p.cell_id = used.previous_cell_id",
};

static enum status backup(sqlite3 *db, const char *path, int version, char **warning)
{
    char *copy = mem_format("%s.v%d-backup", path, version);
    enum status st = OK;
    if (access(copy, F_OK))
        st = sql_run(db, "VACUUM INTO ?", "t", copy);
    if (!st) {
        free(*warning);
        *warning = mem_format("%s was brought from store version %d to the newest; the old "
                              "file is kept as %s", path, version, copy);
    }
    free(copy);
    return st;
}

static enum status one_step(sqlite3 *db, const char *const *steps, int version)
{
    enum status st = sql_begin(db);
    if (st)
        return st;
    int64_t now = 0;
    st = sql_int(db, 0, &now, "PRAGMA user_version", "");
    if (!st && now == version) { /* else another process was first */
        char *mark = mem_format("PRAGMA user_version = %d", version + 1);
        st = sql_script(db, steps[version]);
        if (!st)
            st = sql_script(db, mark);
        free(mark);
    }
    return sql_end(db, st);
}

enum status store_migrate(sqlite3 *db, const char *path, const char *const *steps,
                          int newest, char **warning)
{
    int64_t version = 0;
    enum status st = sql_int(db, 0, &version, "PRAGMA user_version", "");
    if (st || version >= newest)
        return st;
    st = backup(db, path, (int)version, warning);
    for (int v = (int)version; !st && v < newest; v++)
        st = one_step(db, steps, v);
    return st ? status_wrap(st, "migration (the backup is whole)") : OK;
}
