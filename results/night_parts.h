/* How the night's files share the work; others use nightly.h. */
#pragma once

#include "results/nightly.h"
#include "results/sql.h"

/* night_work.c: cells of this night that took longer than usual; and a night that took more
 * memory than the nights before it that computed as many cells. */
enum status night_find_slow(sqlite3 *db, struct night *night);
enum status night_find_large(sqlite3 *db, struct night *night);
