/*
 * Talking to SQLite in one line: bound parameters by a format string, errors as status.
 * For the files of results/ only; others use store.h and board.h.
 *
 * Formats: i int64_t · z int64_t, 0 as NULL · d double, NaN as NULL · p double, negative
 * as NULL · t const char *, NULL as NULL · b const void *, size_t
 */
#pragma once

#include "base/status.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* A statement under way; all-zero is none. */
struct query {
    sqlite3 *db;
    sqlite3_stmt *stmt;
    enum status st;
};

/* Prepares and binds. Errors are kept in query->st and given out by query_end(). */
void query_begin(struct query *query, sqlite3 *db, const char *sql, const char *format, ...);
/* Binds anew, to run the same statement again. */
void query_again(struct query *query, const char *format, ...);
/* True on a row; false at the end or on an error. */
bool query_row(struct query *query);
int64_t query_int(const struct query *query, int column);
double query_real(const struct query *query, int column);      /* NULL gives NaN */
const char *query_text(const struct query *query, int column); /* NULL stays; until the next row */
bool query_null(const struct query *query, int column);
enum status query_end(struct query *query);

/* One statement, no rows. */
enum status sql_run(sqlite3 *db, const char *sql, const char *format, ...);
/* Any number of statements, no parameters. */
enum status sql_script(sqlite3 *db, const char *sql);
/* The first column of the first row, or `fallback` where there is no row or it is NULL. */
enum status sql_int(sqlite3 *db, int64_t fallback, int64_t *out, const char *sql,
                    const char *format, ...);
/* Likewise a string, which the caller frees; NULL where there is none. */
enum status sql_text(sqlite3 *db, char **out, const char *sql, const char *format, ...);

/* The connection's last error as a status with a message that says what to do. */
enum status sql_fail(sqlite3 *db, const char *doing);

enum status sql_begin(sqlite3 *db); /* BEGIN IMMEDIATE, waiting for other writers */
/* COMMIT when `st` is OK, else ROLLBACK; gives the first failure. */
enum status sql_end(sqlite3 *db, enum status st);
