/* What cells refer to: found by its natural key, or inserted. */
#include "results/internal.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *word(const char *string)
{
    return string ? string : "";
}

static const char *json(const char *string)
{
    return string && *string ? string : "{}";
}

static void env_sha(const struct store_env *env, char hex[HASH_HEX])
{
    struct hash hash;
    hash_init(&hash);
    const char *const strings[] = {
        env->host, env->os, env->kernel, env->arch, env->cpu, env->accel, env->version,
        env->git_commit, env->binary_sha, env->compiler, env->cflags, env->simd,
        env->libs_json,
    };
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        hash_add_string(&hash, strings[i]);
    hash_add_u64(&hash, (uint64_t)env->cores);
    hash_add_u64(&hash, (uint64_t)env->ram_mb);
    hash_add_u64(&hash, env->git_dirty);
    hash_finish(&hash, hex);
}

enum status store_put_env(struct store *store, const struct store_env *env, int64_t *id)
{
    sqlite3 *db = store->db;
    char sha[HASH_HEX];
    env_sha(env, sha);
    *id = 0;
    enum status st = sql_begin(db);
    if (st)
        return st;
    st = sql_run(db, "INSERT OR IGNORE INTO env(env_sha, host, os, kernel, arch, cpu, cores,"
                 " ram_mb, accel, prog_version, git_commit, git_dirty, binary_sha, compiler,"
                 " cflags, simd, libs) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                 "ttttttiitttittttt", sha, word(env->host), word(env->os), word(env->kernel),
                 word(env->arch), word(env->cpu), (int64_t)env->cores, env->ram_mb,
                 env->accel, word(env->version), env->git_commit, (int64_t)env->git_dirty,
                 word(env->binary_sha), word(env->compiler), word(env->cflags),
                 word(env->simd), json(env->libs_json));
    if (!st)
        st = sql_int(db, 0, id, "SELECT env_id FROM env WHERE env_sha = ?", "t", sha);
    return sql_end(db, st);
}

/* Twins are named; the row a name stands for may come later or anew. */
enum status store_relink_twins(sqlite3 *db)
{
    return sql_script(db, "UPDATE model SET twin_id = newest FROM (SELECT q.model_id AS of,"
                      " max(t.model_id) AS newest FROM model q JOIN model t ON"
                      " t.name = q.twin AND t.model_id <> q.model_id GROUP BY q.model_id)"
                      " WHERE model_id = of AND twin_id IS NOT newest");
}

enum status store_put_model(struct store *store, const struct store_model *model, int64_t *id)
{
    sqlite3 *db = store->db;
    *id = 0;
    enum status st = sql_begin(db);
    if (st)
        return st;
    /* What describes a model may be corrected later; what identifies it may not. */
    st = sql_run(db, "INSERT INTO model(name, variant, arch, family, precision, technique,"
                 " gradient, twin, file_sha, file_bytes, params, macs, n_classes, preproc,"
                 " meta) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
                 " ON CONFLICT(name, variant, file_sha, preproc) DO UPDATE SET"
                 " arch = excluded.arch, family = excluded.family,"
                 " precision = excluded.precision, technique = excluded.technique,"
                 " gradient = excluded.gradient, twin = excluded.twin,"
                 " params = excluded.params, macs = excluded.macs, meta = excluded.meta",
                 "tttttttttiiiitt", word(model->name), word(model->variant), word(model->arch),
                 word(model->family), word(model->precision), word(model->technique),
                 model->gradient ? model->gradient : "none",
                 model->twin && *model->twin ? model->twin : NULL, word(model->file_sha),
                 model->file_bytes, model->params, model->macs, (int64_t)model->n_classes,
                 json(model->preprocess_json), json(model->meta_json));
    if (!st)
        st = sql_int(db, 0, id, "SELECT model_id FROM model WHERE name = ? AND variant = ?"
                     " AND file_sha = ? AND preproc = ?", "tttt", word(model->name),
                     word(model->variant), word(model->file_sha),
                     json(model->preprocess_json));
    if (!st)
        st = store_relink_twins(db);
    return sql_end(db, st);
}

static enum status insert_samples(sqlite3 *db, const struct store_dataset *dataset,
                                  int64_t id)
{
    struct query query;
    query_begin(&query, db, "INSERT INTO sample(dataset_id, idx, label, key) VALUES(?,?,?,?)",
                "iiit", id, (int64_t)0, (int64_t)0, "");
    for (size_t i = 0; i < dataset->count && !query.st; i++) {
        query_again(&query, "iiit", id, (int64_t)i, (int64_t)dataset->labels[i],
                    dataset->keys[i]);
        query_row(&query);
    }
    enum status st = query_end(&query);
    for (int i = 0; dataset->class_names && i < dataset->n_classes && !st; i++)
        st = sql_run(db, "INSERT INTO class(dataset_id, label, name) VALUES(?,?,?)", "iit",
                     id, (int64_t)i, word(dataset->class_names[i]));
    return st;
}

enum status store_put_dataset(struct store *store, const struct store_dataset *dataset,
                              int64_t *id)
{
    sqlite3 *db = store->db;
    static const char find[] = "SELECT dataset_id FROM dataset WHERE name = ? AND split = ?"
                               " AND manifest_sha = ?";
    const char *name = word(dataset->name), *split = word(dataset->split);
    *id = 0;
    enum status st = sql_begin(db);
    if (st)
        return st;
    st = sql_int(db, 0, id, find, "ttt", name, split, dataset->manifest_sha);
    if (!st && !*id) {
        st = sql_run(db, "INSERT INTO dataset(name, split, n, n_classes, manifest_sha)"
                     " VALUES(?,?,?,?,?)", "ttiit", name, split, (int64_t)dataset->count,
                     (int64_t)dataset->n_classes, dataset->manifest_sha);
        *id = sqlite3_last_insert_rowid(db);
        if (!st)
            st = insert_samples(db, dataset, *id);
    }
    return sql_end(db, st);
}

enum status store_put_subset(struct store *store, const struct store_subset *subset,
                             int64_t *id)
{
    sqlite3 *db = store->db;
    *id = 0;
    enum status st = sql_begin(db);
    if (st)
        return st;
    st = sql_int(db, 0, id, "SELECT subset_id FROM subset WHERE sha = ?", "t", subset->sha);
    if (!st && !*id) {
        st = sql_run(db, "INSERT INTO subset(dataset_id, spec, n, sha) VALUES(?,?,?,?)",
                     "itit", subset->dataset_id, word(subset->spec), (int64_t)subset->count,
                     subset->sha);
        *id = sqlite3_last_insert_rowid(db);
        struct query query;
        query_begin(&query, db, "INSERT INTO subset_item(subset_id, pos, idx) VALUES(?,?,?)",
                    "iii", *id, (int64_t)0, (int64_t)0);
        for (size_t i = 0; i < subset->count && !st && !query.st; i++) {
            query_again(&query, "iii", *id, (int64_t)i, (int64_t)subset->items[i]);
            query_row(&query);
        }
        enum status inserted = query_end(&query);
        st = st ? st : inserted;
    }
    return sql_end(db, st);
}

static enum status find_noise(sqlite3 *db, const struct store_condition *condition,
                              int64_t *id)
{
    enum status st = sql_run(db, "INSERT OR IGNORE INTO noise(kind, name, impl) VALUES(?,?,?)",
                             "tti", condition->kind, condition->noise,
                             (int64_t)condition->impl);
    return st ? st
              : sql_int(db, 0, id, "SELECT noise_id FROM noise WHERE kind = ? AND name = ?"
                        " AND impl = ?", "tti", condition->kind, condition->noise,
                        (int64_t)condition->impl);
}

enum status store_put_condition(struct store *store, const struct store_condition *condition,
                                int64_t *id)
{
    sqlite3 *db = store->db;
    static const char find[] =
        "SELECT cond_id FROM condition WHERE noise_id = ? AND params_sha = ?";
    int64_t noise = 0;
    *id = 0;
    enum status st = sql_begin(db);
    if (st)
        return st;
    st = find_noise(db, condition, &noise);
    if (!st)
        st = sql_int(db, 0, id, find, "it", noise, condition->params_sha);
    if (!st && !*id) {
        st = sql_run(db, "INSERT INTO condition(noise_id, label, severity, norm, eps, params,"
                     " params_sha) VALUES(?,?,?,?,?,?,?)", "itztptt", noise,
                     condition->label, (int64_t)condition->severity, condition->norm,
                     condition->eps, json(condition->params_json), condition->params_sha);
        *id = sqlite3_last_insert_rowid(db);
        for (size_t i = 0; i < condition->n_members && !st; i++)
            st = sql_run(db, "INSERT OR IGNORE INTO worst_member(cond_id, member_id)"
                         " VALUES(?,?)", "ii", *id, condition->members[i]);
    }
    return sql_end(db, st);
}
