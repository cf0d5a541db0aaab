/* What the files of results/ share about an open store. Others use store.h. */
#pragma once

#include "results/sql.h"
#include "results/store.h"

enum { STORE_VERSION = 6 };

extern const char results_schema[]; /* schema.sql */

struct store {
    sqlite3 *db;
    char *path, *warning;
    enum store_mode mode;
    /* labels of the subset that was asked for last, in its order */
    int64_t labels_of;
    int *labels;
    size_t n_labels;
};

/* steps[v] leads from version v to v+1; one transaction each, after a backup to
 * PATH.vN-backup. The array is as long as the newest version. */
enum status store_migrate(sqlite3 *db, const char *path, const char *const *steps,
                          int newest, char **warning);
extern const char *const store_steps[STORE_VERSION];

/* Counts against clean for cells that were stored without a clean cell beside them. */
enum status store_pair_late(sqlite3 *db);
/* After models were added: twins' names stand for their newest rows. */
enum status store_relink_twins(sqlite3 *db);

enum status store_labels(struct store *store, int64_t subset_id);

/* "2026-11-24T23:59:59.123Z", UTC; static per thread. */
const char *store_now(void);
/* "PID:START" of this process, as `run.process`; and whether such a process lives. */
void store_process(char out[64]);
bool store_process_alive(const char *process);
