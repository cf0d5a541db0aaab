/* What cells took: the store's part of predicting what others will take. */
#include "results/sql.h"
#include "results/store.h"

#include "base/mem.h"

#include <stdlib.h>

/* By network (whatever its file) and condition; runs are not weighted by their age. */
static const char costs_sql[] =
    "SELECT m.name, m.variant, m.macs, z.kind, z.name, q.label, sum(x.cpu_s) / sum(c.n)"
    " FROM run_cell x JOIN cell c ON c.cell_id = x.cell_id JOIN model m ON m.model_id ="
    " c.model_id JOIN condition q ON q.cond_id = c.cond_id JOIN noise z ON z.noise_id ="
    " q.noise_id WHERE x.cpu_s > 0 AND c.status = 'done' AND z.kind <> 'worst'"
    " GROUP BY c.model_id, c.cond_id ORDER BY c.model_id, c.cond_id";

enum status store_costs(struct store *store, struct arena *arena, struct store_cost **out,
                        size_t *count)
{
    struct query query;
    size_t room = 0;
    *out = NULL;
    *count = 0;
    query_begin(&query, store_handle(store), costs_sql, "");
    while (query_row(&query)) {
        if (*count == room)
            *out = mem_grow(*out, room = 2 * room + 64, sizeof **out);
        (*out)[(*count)++] = (struct store_cost){
            .model = arena_copy(arena, query_text(&query, 0)),
            .variant = arena_copy(arena, query_text(&query, 1)),
            .macs = query_int(&query, 2),
            .kind = arena_copy(arena, query_text(&query, 3)),
            .noise = arena_copy(arena, query_text(&query, 4)),
            .condition = arena_copy(arena, query_text(&query, 5)),
            .seconds = query_real(&query, 6),
        };
    }
    return query_end(&query);
}

enum status store_sample_bytes(struct store *store, double *out)
{
    struct query query;
    query_begin(&query, store_handle(store),
                "SELECT 1.0 * sum(length(top1) + ifnull(length(rank), 0) +"
                " ifnull(length(margin), 0) + ifnull(length(queries), 0) +"
                " ifnull(length(dist), 0) + ifnull(length(broken_by), 0)) / sum(n) FROM"
                " (SELECT p.*, c.n FROM pred p JOIN cell c USING(cell_id) ORDER BY cell_id"
                " DESC LIMIT 200)", "");
    *out = query_row(&query) && !query_null(&query, 0) ? query_real(&query, 0) : 0;
    return query_end(&query);
}
