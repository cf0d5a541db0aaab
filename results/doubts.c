/* Flags that no cell can raise alone: what an attack found at one radius, or what noise
 * finds at the same, contradicts what it says. */
#include "results/internal.h"

#define NOISE_TOLD "points that uniform noise of this radius took beyond this attack"

/* Cells of one attack on one network and source. More than a point: random starts alone
 * may move a sample. */
static const char *const statements[] = {
    "DELETE FROM flag WHERE code = 'NOT_MONOTONE'",
    "DELETE FROM flag WHERE code = 'RANDOM_WINS' AND message = '" NOISE_TOLD "'",
    "CREATE TEMP TABLE bounded AS SELECT cell_id, model_id, subset_id, attack, source, noise,"
    " norm, eps, acc FROM attacked WHERE median IS NULL",
    "INSERT INTO flag SELECT b.cell_id, 'NOT_MONOTONE', max(100 * (b.acc - a.acc)),"
    " 'points that accuracy is higher than at a smaller radius' FROM bounded a JOIN bounded b"
    " USING(model_id, subset_id, attack) WHERE a.source IS b.source AND a.eps < b.eps"
    " AND b.acc > a.acc + 0.01 GROUP BY b.cell_id",
    "INSERT OR IGNORE INTO flag SELECT b.cell_id, 'RANDOM_WINS', 100 * (b.acc - a.acc), '"
    NOISE_TOLD "' FROM bounded a JOIN bounded b USING(model_id, subset_id, norm, eps)"
    " WHERE a.noise LIKE 'uniform-%' AND b.noise NOT LIKE 'uniform-%' AND b.source IS NULL"
    " AND b.acc > a.acc + 0.002",
    "DROP TABLE bounded",
};

enum status store_doubt(struct store *store)
{
    enum status st = sql_begin(store->db);
    if (st)
        return st;
    for (size_t i = 0; i < sizeof statements / sizeof *statements && !st; i++)
        st = sql_script(store->db, statements[i]);
    return sql_end(store->db, st);
}
