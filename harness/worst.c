#include "harness/worst.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/text.h"
#include "harness/sources.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

/* A set of conditions, as indices into the plan's. */
struct worst_set {
    const char *name;
    size_t *members, count;
    int64_t cond_id;
};

/* What the members say of each sample: the first one that is wrong, or the one with the
 * least margin where all are right. */
struct worst_vectors {
    size_t n;
    int *top1, *rank;
    float *margin;
    const char **broken_by;
};

static enum status find_members(struct plan *plan, const struct suite_worst *entry,
                                struct worst_set *out)
{
    struct conditions over = {0};
    enum status st = OK;
    *out = (struct worst_set){.name = entry->name};
    for (unsigned i = 0; !st && i < entry->over_count; i++)
        st = sources_add(plan, entry->over[i], &over);
    out->members = mem_array(over.count + 1, sizeof *out->members);
    for (size_t i = 0; !st && i < over.count; i++)
        for (size_t c = 0; c < plan->conditions.count; c++)
            if (!strcmp(plan->conditions.items[c].sha, over.items[i].sha))
                out->members[out->count++] = c;
    if (!st && out->count < over.count)
        out->count = 0; /* --only left some out: this is not that set */
    conditions_clear(&over);
    return st;
}

static enum status put_condition(const struct plan *plan, struct store *store,
                                 struct worst_set *set)
{
    struct text json = {0};
    int64_t *ids = mem_array(set->count, sizeof *ids);
    char sha[HASH_HEX];
    text_add(&json, "{\"worst\":[");
    for (size_t i = 0; i < set->count; i++) {
        text_addf(&json, "%s\"%s\"", i ? "," : "",
                  plan->conditions.items[set->members[i]].sha);
        ids[i] = plan->condition_ids[set->members[i]];
    }
    text_add(&json, "]}");
    hash_bytes(json.data, json.size, sha);
    const struct store_condition row = {
        .kind = "worst",
        .noise = set->name,
        .impl = 1,
        .label = set->name,
        .eps = -1,
        .params_json = json.data,
        .params_sha = sha,
        .n_members = set->count,
        .members = ids,
    };
    enum status st = store_put_condition(store, &row, &set->cond_id);
    text_clear(&json);
    free(ids);
    return st;
}

static const struct cell *find_cell(const struct plan *plan, size_t dataset, size_t model,
                                    size_t condition)
{
    for (size_t i = 0; i < plan->n_cells; i++) {
        const struct cell *cell = &plan->cells[i];
        if (cell->dataset == dataset && cell->model == model &&
            cell->condition == condition &&
            (cell->state == CELL_DONE || cell->state == CELL_FOUND))
            return cell;
    }
    return NULL;
}

static enum status add_member(struct store *store, const struct cell *cell,
                              const char *label, const int *labels,
                              struct worst_vectors *v)
{
    static const char sql[] =
        "SELECT t.value, r.value, m.value FROM pred p CROSS JOIN json_each(p.top1) t"
        " LEFT JOIN json_each(p.rank) r ON r.key = t.key"
        " LEFT JOIN json_each(p.margin) m ON m.key = t.key WHERE p.cell_id = ? ORDER BY "
        "t.key";
    sqlite3 *db = store_handle(store);
    sqlite3_stmt *query = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &query, NULL) != SQLITE_OK)
        return status_fail(ERR_STORE, "%s", sqlite3_errmsg(db));
    sqlite3_bind_int64(query, 1, cell->id);
    for (size_t i = 0; sqlite3_step(query) == SQLITE_ROW && i < v->n; i++) {
        int top1 = sqlite3_column_int(query, 0);
        float margin = sqlite3_column_type(query, 2) == SQLITE_NULL
                           ? -INFINITY
                           : (float)sqlite3_column_double(query, 2);
        bool wrong_before = v->broken_by[i] != NULL, wrong = top1 != labels[i];
        if (wrong_before || (!wrong && margin >= v->margin[i]))
            continue;
        v->top1[i] = top1;
        v->rank[i] = sqlite3_column_int(query, 1);
        v->margin[i] = margin;
        if (wrong)
            v->broken_by[i] = label;
    }
    sqlite3_finalize(query);
    return OK;
}

static void make_key(const struct worst_set *set, const struct cell *const *cells,
                     char key[HASH_HEX])
{
    struct hash hash;
    hash_init(&hash);
    hash_add_string(&hash, "worst 1");
    hash_add_string(&hash, set->name);
    for (size_t i = 0; i < set->count; i++)
        hash_add_string(&hash, cells[i]->key);
    hash_finish(&hash, key);
}

static enum status put_cell(struct plan *plan, struct store *store, int64_t run_id,
                            const struct worst_set *set, const struct cell *const *cells)
{
    const struct plan_dataset *dataset = &plan->datasets[cells[0]->dataset];
    size_t n = dataset->subset.count;
    struct worst_vectors v = {n, mem_array(n, sizeof(int)), mem_array(n, sizeof(int)),
                              mem_array(n, sizeof(float)), mem_array(n, sizeof(char *))};
    int *labels = mem_array(n, sizeof *labels);
    char key[HASH_HEX];
    int64_t id = 0;
    for (size_t i = 0; i < n; i++) {
        labels[i] = cell_sample(plan, cells[0], i)->label;
        v.margin[i] = INFINITY;
    }
    make_key(set, cells, key);
    enum status st = store_find_cell(store, key, &id);
    if (!st && id) {
        st = store_use_cells(store, run_id, &id, 1);
    } else if (!st) {
        for (size_t i = 0; !st && i < set->count; i++)
            st = add_member(store, cells[i], cell_condition(plan, cells[i])->label,
                            labels, &v);
        const struct store_cell row = {
            .run_id = run_id,
            .model_id = plan->models[cells[0]->model].id,
            .dataset_id = dataset->id,
            .cond_id = set->cond_id,
            .subset_id = dataset->subset_id,
            .key = key,
            .status = "done",
            .n = n,
            .top1 = v.top1,
            .rank = v.rank,
            .margin = v.margin,
            .broken_by = v.broken_by,
            .max_pert = (double)NAN,
        };
        if (!st)
            st = store_put_cell(store, &row, &id);
    }
    free(labels);
    free(v.top1);
    free(v.rank);
    free(v.margin);
    free(v.broken_by);
    return st;
}

static enum status put_set(struct plan *plan, struct store *store, int64_t run_id,
                           struct worst_set *set)
{
    const struct cell **cells = mem_array(set->count, sizeof *cells);
    enum status st = put_condition(plan, store, set);
    for (size_t d = 0; !st && d < plan->n_datasets; d++)
        for (size_t m = 0; !st && m < plan->n_models; m++) {
            size_t found = 0;
            for (size_t i = 0; i < set->count; i++)
                if ((cells[i] = find_cell(plan, d, m, set->members[i])))
                    found++;
            if (found == set->count)
                st = put_cell(plan, store, run_id, set, cells);
            else if (found)
                progress_note("%s: %s has only %zu of its %zu conditions, left out",
                              plan->models[m].name, set->name, found, set->count);
        }
    free(cells);
    return st;
}

enum status worst_put(struct plan *plan, struct store *store, int64_t run_id)
{
    enum status st = OK;
    for (unsigned i = 0; !st && i < plan->suite->worst_count; i++) {
        struct worst_set set;
        st = find_members(plan, &plan->suite->worst[i], &set);
        if (!st && set.count)
            st = put_set(plan, store, run_id, &set);
        free(set.members);
    }
    return st;
}
