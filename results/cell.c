/* One finished or failed cell: one transaction. */
#include "results/internal.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ECE_BINS = 15 };

/* What a cell's vectors come to. */
struct tally {
    int64_t n_ok, n_ok5, n_clean_ok, n_lost, n_won, n_unread;
    bool has_clean;
    double ece, mean_conf, mean_dist;
    uint8_t *ok; /* [bytes] one bit a sample */
    size_t bytes;
};

static bool bit(const uint8_t *bits, size_t i)
{
    return bits[i / 8] >> (i % 8) & 1;
}

static void append_int(struct text *out, size_t i, int value)
{
    char word[16];
    int size = snprintf(word, sizeof word, "%s%d", i ? "," : "[", value);
    text_add_bytes(out, word, (size_t)size);
}

static char *ints_json(const int *values, size_t n)
{
    if (!values)
        return NULL;
    struct text out = {0};
    for (size_t i = 0; i < n; i++)
        append_int(&out, i, values[i]);
    text_add(&out, "]");
    return out.data;
}

/* Four digits for margins and distances, which are looked at, never summed to the last bit.
 * JSON has no infinity, but numbers that are read as one. */
static char *floats_json(const float *values, size_t n, int digits)
{
    if (!values)
        return NULL;
    struct text out = {0};
    for (size_t i = 0; i < n; i++) {
        char word[32];
        snprintf(word, sizeof word, "%.*g", digits, (double)values[i]);
        text_add(&out, i ? "," : "[");
        text_add(&out, isfinite(values[i]) ? word : values[i] > 0 ? "9e999" : "null");
    }
    text_add(&out, "]");
    return out.data;
}

static char *names_json(const char *const *names, size_t n)
{
    if (!names)
        return NULL;
    struct text out = {0};
    for (size_t i = 0; i < n; i++) {
        text_add(&out, i ? "," : "[");
        json_string(&out, names[i]);
    }
    text_add(&out, "]");
    return out.data;
}

enum status store_labels(struct store *store, int64_t subset_id)
{
    if (store->labels && store->labels_of == subset_id)
        return OK;
    int64_t n = 0;
    enum status st = sql_int(store->db, 0, &n, "SELECT n FROM subset WHERE subset_id = ?", "i",
                             subset_id);
    if (st)
        return st;
    store->labels = mem_grow(store->labels, (size_t)n + 1, sizeof *store->labels);
    store->n_labels = 0;
    store->labels_of = subset_id;
    struct query query;
    query_begin(&query, store->db,
                "SELECT s.label FROM subset u CROSS JOIN subset_item i USING(subset_id)"
                " CROSS JOIN sample s ON s.dataset_id = u.dataset_id AND s.idx = i.idx"
                " WHERE u.subset_id = ? ORDER BY i.pos", "i", subset_id);
    while (store->n_labels < (size_t)n && query_row(&query))
        store->labels[store->n_labels++] = (int)query_int(&query, 0);
    return query_end(&query);
}

/* Expected calibration error (Naeini et al. 2015): the bins' |accuracy - confidence|,
 * weighted by their share, in 15 bins of equal width; unread samples are left out. */
static void calibrate(const struct store_cell *cell, struct tally *tally)
{
    double sum[ECE_BINS] = {0}, right[ECE_BINS] = {0}, total = 0;
    size_t count = 0;
    tally->ece = tally->mean_conf = (double)NAN;
    if (!cell->confidence)
        return;
    for (size_t i = 0; i < cell->n; i++) {
        double p = (double)cell->confidence[i];
        if (cell->top1[i] < 0 || !isfinite(p))
            continue;
        int k = (int)ceil(p * ECE_BINS) - 1; /* bins are open below, closed above */
        k = k < 0 ? 0 : k >= ECE_BINS ? ECE_BINS - 1 : k;
        sum[k] += p;
        right[k] += bit(tally->ok, i);
        total += p;
        count++;
    }
    if (!count)
        return;
    tally->ece = 0;
    for (int k = 0; k < ECE_BINS; k++)
        tally->ece += fabs(right[k] - sum[k]) / (double)count;
    tally->mean_conf = total / (double)count;
}

static void mean_distance(const struct store_cell *cell, struct tally *tally)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; cell->distance && i < cell->n; i++)
        if (isfinite(cell->distance[i])) {
            sum += (double)cell->distance[i];
            count++;
        }
    tally->mean_dist = count ? sum / (double)count : (double)NAN;
}

/* Against the model's clean cell on the same samples; against itself when it is that. */
static enum status pair_with_clean(sqlite3 *db, const struct store_cell *cell,
                                   struct tally *tally)
{
    int64_t clean = 0;
    enum status st = sql_int(db, 0, &clean,
                             "SELECT count(*) FROM condition JOIN noise USING(noise_id)"
                             " WHERE cond_id = ? AND kind = 'clean'", "i", cell->cond_id);
    if (st)
        return st;
    if (clean) {
        tally->has_clean = true;
        tally->n_clean_ok = tally->n_ok;
        return OK;
    }
    struct query query;
    query_begin(&query, db,
                "SELECT b.ok FROM cell c JOIN condition q USING(cond_id) JOIN noise z"
                " USING(noise_id) JOIN bits b ON b.cell_id = c.cell_id WHERE c.model_id = ?"
                " AND c.subset_id = ? AND z.kind = 'clean' AND c.status = 'done'"
                " ORDER BY c.cell_id DESC LIMIT 1", "ii", cell->model_id, cell->subset_id);
    if (query_row(&query) && (size_t)sqlite3_column_bytes(query.stmt, 0) == tally->bytes) {
        const uint8_t *before = sqlite3_column_blob(query.stmt, 0);
        tally->has_clean = true;
        for (size_t i = 0; i < tally->bytes; i++) {
            tally->n_clean_ok += __builtin_popcount(before[i]);
            tally->n_lost += __builtin_popcount(before[i] & ~tally->ok[i] & 0xff);
            tally->n_won += __builtin_popcount(tally->ok[i] & ~before[i] & 0xff);
        }
    }
    return query_end(&query);
}

static enum status count(struct store *store, const struct store_cell *cell,
                         struct tally *tally)
{
    enum status st = store_labels(store, cell->subset_id);
    if (st)
        return st;
    if (!cell->top1 || !cell->n || cell->n != store->n_labels)
        return status_fail(ERR_USAGE, "a finished cell of %zu predictions on a subset of %zu",
                           cell->top1 ? cell->n : 0, store->n_labels);
    tally->bytes = (cell->n + 7) / 8;
    tally->ok = mem_array(tally->bytes, 1);
    for (size_t i = 0; i < cell->n; i++) {
        tally->n_unread += cell->top1[i] < 0;
        if (cell->top1[i] >= 0 && cell->top1[i] == store->labels[i]) {
            tally->n_ok++;
            tally->ok[i / 8] = (uint8_t)(tally->ok[i / 8] | 1 << (i % 8));
        }
        tally->n_ok5 += cell->rank && cell->rank[i] >= 0 && cell->rank[i] < 5;
    }
    calibrate(cell, tally);
    mean_distance(cell, tally);
    return pair_with_clean(store->db, cell, tally);
}

static enum status insert_row(sqlite3 *db, const struct store_cell *cell,
                              const struct tally *tally, int64_t *id)
{
    bool done = tally->ok != NULL;
    enum status st = sql_run(
        db, "INSERT INTO cell(run_id, model_id, dataset_id, cond_id, source_id, subset_id,"
        " key, status, error, n, n_ok, n_unread, forwards, backwards, zero_grad, max_pert,"
        " wall_s, cpu_s, rss_kb, finished) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        "iiiizittt" "iiiii" "ddddzt", cell->run_id, cell->model_id, cell->dataset_id,
        cell->cond_id, cell->source_id, cell->subset_id, cell->key, "failed", cell->error,
        (int64_t)cell->n, tally->n_ok, tally->n_unread, (int64_t)cell->forwards,
        (int64_t)cell->backwards, cell->zero_grad, cell->max_pert, cell->wall_s, cell->cpu_s,
        cell->rss_kb, store_now());
    *id = sqlite3_last_insert_rowid(db);
    if (!st && tally->has_clean)
        st = sql_run(db, "UPDATE cell SET n_clean_ok = ?, n_lost = ?, n_won = ?"
                     " WHERE cell_id = ?", "iiii", tally->n_clean_ok, tally->n_lost,
                     tally->n_won, *id);
    if (!st && done && cell->rank)
        st = sql_run(db, "UPDATE cell SET n_ok5 = ? WHERE cell_id = ?", "ii", tally->n_ok5,
                     *id);
    if (!st && done)
        st = sql_run(db, "UPDATE cell SET ece = ?, mean_conf = ?, mean_dist = ?"
                     " WHERE cell_id = ?", "dddi", tally->ece, tally->mean_conf,
                     tally->mean_dist, *id);
    /* The last touch: from 'done' on the row is frozen. */
    return st ? st
              : sql_run(db, "UPDATE cell SET status = ? WHERE cell_id = ?", "ti",
                        cell->status, *id);
}

/* Detection of unknown classes compares clean confidences; elsewhere their mean is enough. */
static enum status insert_confidence(sqlite3 *db, const struct store_cell *cell, int64_t id)
{
    char *confidence = floats_json(cell->confidence, cell->n, 9);
    enum status st = sql_run(db, "UPDATE pred SET conf = ? WHERE cell_id = ? AND EXISTS"
                             " (SELECT 1 FROM cell JOIN condition USING(cond_id) JOIN noise"
                             " USING(noise_id) WHERE cell_id = ? AND kind = 'clean')", "tii",
                             confidence, id, id);
    free(confidence);
    return st;
}

static enum status insert_vectors(sqlite3 *db, const struct store_cell *cell,
                                  const struct tally *tally, const char *top1, int64_t id)
{
    char *rank = ints_json(cell->rank, cell->n);
    char *margin = floats_json(cell->margin, cell->n, 4);
    char *queries = ints_json(cell->queries, cell->n);
    char *distance = floats_json(cell->distance, cell->n, 4);
    char *broken_by = names_json(cell->broken_by, cell->n);
    enum status st = sql_run(db, "INSERT INTO pred(cell_id, top1, rank, margin, queries, dist,"
                             " broken_by) VALUES(?,?,?,?,?,?,?)", "itttttt", id, top1, rank,
                             margin, queries, distance, broken_by);
    if (!st)
        st = sql_run(db, "INSERT INTO bits(cell_id, ok) VALUES(?,?)", "ib", id,
                     (const void *)tally->ok, tally->bytes);
    free(rank);
    free(margin);
    free(queries);
    free(distance);
    free(broken_by);
    return st;
}

/* -1 is null. */
static char *counts_json(const int *values, size_t n, double *mean)
{
    struct text out = {0};
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        text_add(&out, i ? "," : "[");
        if (values[i] < 0) {
            text_add(&out, "null");
            continue;
        }
        text_addf(&out, "%d", values[i]);
        sum += values[i];
        count++;
    }
    text_add(&out, "]");
    *mean = count ? sum / (double)count : (double)NAN;
    return out.data;
}

static enum status insert_sequence(sqlite3 *db, const struct store_cell *cell, int64_t id)
{
    double flips, spread;
    if (!cell->pairs)
        return OK;
    char *flips_json = counts_json(cell->flips, cell->n, &flips);
    char *spread_json = counts_json(cell->spread, cell->n, &spread);
    enum status st = sql_run(db, "INSERT INTO sequence(cell_id, pairs, flip_rate,"
                             " top5_distance, flips, spread) VALUES(?,?,?,?,?,?)", "iiddtt",
                             id, (int64_t)cell->pairs, flips / cell->pairs,
                             spread / cell->pairs, flips_json, spread_json);
    free(flips_json);
    free(spread_json);
    return st;
}

static enum status insert_notes(sqlite3 *db, const struct store_cell *cell, int64_t id)
{
    enum status st = OK;
    for (size_t i = 0; i < cell->n_flags && !st; i++)
        st = sql_run(db, "INSERT OR REPLACE INTO flag(cell_id, code, value, message)"
                     " VALUES(?,?,?,?)", "itdt", id, cell->flags[i].code,
                     cell->flags[i].value,
                     cell->flags[i].message ? cell->flags[i].message : "");
    for (size_t i = 0; i < cell->n_measures && !st; i++)
        st = sql_run(db, "INSERT INTO measure(cell_id, name, value) VALUES(?,?,?)", "itd",
                     id, cell->measures[i].name, cell->measures[i].value);
    for (size_t i = 0; i < cell->n_failures && !st; i++)
        st = sql_run(db, "INSERT OR IGNORE INTO failure(cell_id, pos, stage, message)"
                     " VALUES(?,?,?,?)", "iitt", id, (int64_t)cell->failures[i].item,
                     cell->failures[i].stage ? cell->failures[i].stage : "",
                     cell->failures[i].message ? cell->failures[i].message : "");
    return st;
}

static enum status note_run(sqlite3 *db, int64_t run_id, int64_t cell_id, const char *role,
                            double wall_s, double cpu_s, int64_t rss_kb)
{
    return sql_run(db, "INSERT INTO run_cell(run_id, cell_id, role, wall_s, cpu_s, rss_kb)"
                   " VALUES(?,?,?,?,?,?) ON CONFLICT DO UPDATE SET wall_s = excluded.wall_s,"
                   " cpu_s = excluded.cpu_s, rss_kb = excluded.rss_kb, role ="
                   " iif(role = 'computed', role, excluded.role)", "iitddz", run_id, cell_id,
                   role, wall_s, cpu_s, rss_kb);
}

/* A finished cell with this key and these predictions; and room for this run's new one. */
static enum status find_same(sqlite3 *db, const struct store_cell *cell, const char *top1,
                             int64_t *id)
{
    enum status st = sql_int(db, 0, id,
                             "SELECT c.cell_id FROM cell c JOIN pred p USING(cell_id) WHERE"
                             " c.key = ? AND c.status = 'done' AND p.top1 = ? LIMIT 1", "tt",
                             cell->key, top1);
    if (!st)
        st = sql_run(db, "DELETE FROM cell WHERE run_id = ? AND key = ? AND status <> 'done'",
                     "it", cell->run_id, cell->key);
    return st;
}

static enum status put_cell(struct store *store, const struct store_cell *cell,
                            const struct tally *tally, const char *top1, int64_t *id)
{
    sqlite3 *db = store->db;
    const char *role = "computed";
    enum status st = find_same(db, cell, top1, id);
    if (!st && *id) {
        int64_t owner = 0;
        st = sql_int(db, 0, &owner, "SELECT run_id FROM cell WHERE cell_id = ?", "i", *id);
        role = owner == cell->run_id ? role : "canary"; /* done before, and the same again */
    } else if (!st) {
        st = insert_row(db, cell, tally, id);
        if (!st && tally->ok)
            st = insert_vectors(db, cell, tally, top1, *id);
        if (!st && tally->ok)
            st = insert_sequence(db, cell, *id);
        if (!st && tally->ok && cell->confidence)
            st = insert_confidence(db, cell, *id);
        if (!st)
            st = insert_notes(db, cell, *id);
    }
    if (!st)
        st = note_run(db, cell->run_id, *id, role, cell->wall_s, cell->cpu_s,
                      cell->rss_kb);
    return st ? st
              : sql_run(db, "DELETE FROM checkpoint WHERE key = ?", "t", cell->key);
}

enum status store_put_cell(struct store *store, const struct store_cell *cell,
                           int64_t *cell_id)
{
    struct tally tally = {0};
    char *top1 = NULL;
    *cell_id = 0;
    enum status st = sql_begin(store->db);
    if (st)
        return st;
    if (!strcmp(cell->status, "done")) {
        st = count(store, cell, &tally);
        top1 = st ? NULL : ints_json(cell->top1, cell->n);
    }
    if (!st)
        st = put_cell(store, cell, &tally, top1, cell_id);
    st = sql_end(store->db, st);
    if (st)
        *cell_id = 0;
    free(top1);
    free(tally.ok);
    return st;
}

enum status store_find_cell(struct store *store, const char *key, int64_t *cell_id)
{
    return sql_int(store->db, 0, cell_id, "SELECT cell_id FROM cell WHERE key = ? AND"
                   " status = 'done' ORDER BY cell_id DESC LIMIT 1", "t", key);
}

enum status store_use_cells(struct store *store, int64_t run_id, const int64_t *cell_ids,
                            size_t count_of)
{
    enum status st = sql_begin(store->db);
    if (st)
        return st;
    for (size_t i = 0; i < count_of && !st; i++)
        st = sql_run(store->db, "INSERT OR IGNORE INTO run_cell(run_id, cell_id, role)"
                     " VALUES(?,?,'reused')", "ii", run_id, cell_ids[i]);
    return sql_end(store->db, st);
}

enum status store_put_canary(struct store *store, int64_t run_id, int64_t cell_id, size_t n,
                             const int *top1, double wall_s, double cpu_s, int64_t rss_kb,
                             size_t *n_different)
{
    struct query query;
    size_t seen = 0;
    *n_different = 0;
    enum status st = sql_begin(store->db);
    if (st)
        return st;
    query_begin(&query, store->db, "SELECT j.value FROM pred p CROSS JOIN json_each(p.top1) j"
                " WHERE p.cell_id = ?", "i", cell_id);
    for (; query_row(&query); seen++)
        *n_different += seen >= n || query_int(&query, 0) != top1[seen];
    st = query_end(&query);
    if (seen < n)
        *n_different += n - seen;
    if (!st)
        st = note_run(store->db, run_id, cell_id, "canary", wall_s, cpu_s, rss_kb);
    return sql_end(store->db, st);
}

enum status store_put_checkpoint(struct store *store, const char *key, const char *json)
{
    enum status st = sql_begin(store->db);
    if (st)
        return st;
    st = sql_run(store->db, "INSERT OR REPLACE INTO checkpoint(key, json, saved)"
                 " VALUES(?,?,?)", "ttt", key, json, store_now());
    return sql_end(store->db, st);
}

enum status store_get_checkpoint(struct store *store, const char *key, char **json)
{
    return sql_text(store->db, json, "SELECT json FROM checkpoint WHERE key = ?", "t", key);
}
