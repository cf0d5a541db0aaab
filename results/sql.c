#include "results/sql.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

enum status sql_fail(sqlite3 *db, const char *doing)
{
    const char *path = sqlite3_db_filename(db, "main");
    const char *why = sqlite3_errmsg(db);
    switch (sqlite3_errcode(db) & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return status_fail(ERR_BUSY, "%s: another process has been writing for a minute (%s)",
                           path, doing);
    case SQLITE_FULL:
        return status_fail(ERR_STORE,
                           "%s: no space left on the disk (%s); what was finished is safe: "
                           "free some space and run the same command again", path, doing);
    case SQLITE_IOERR:
        return status_fail(ERR_STORE,
                           "%s: the disk refused (%s: %s); is it full? What was finished is "
                           "safe", path, doing, why);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return status_fail(ERR_STORE,
                           "%s: cannot be written (%s: %s); check the permissions of the "
                           "file and of its folder, or choose another file with --db", path,
                           doing, why);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return status_fail(ERR_STORE,
                           "%s: damaged (%s: %s); `gauntlet doctor %s` tells how badly", path,
                           doing, why, path);
    case SQLITE_NOMEM:
        return status_fail(ERR_NOMEM, "%s: no memory (%s)", path, doing);
    default:
        return status_fail(ERR_STORE, "%s: %s: %s", path, doing, why);
    }
}

/* The first words of a statement tell a reader of the message where it happened. */
static enum status fail_in(sqlite3 *db, const char *sql)
{
    char head[48];
    size_t size = strcspn(sql, "(\n");
    size = size < sizeof head - 1 ? size : sizeof head - 1;
    memcpy(head, sql, size);
    while (size && head[size - 1] == ' ')
        size--;
    head[size] = 0;
    return sql_fail(db, head);
}

static int bind_one(sqlite3_stmt *stmt, int at, char kind, va_list *args)
{
    if (kind == 'i' || kind == 'z') {
        int64_t value = va_arg(*args, int64_t);
        return kind == 'z' && !value ? sqlite3_bind_null(stmt, at)
                                     : sqlite3_bind_int64(stmt, at, value);
    }
    if (kind == 'd' || kind == 'p') {
        double value = va_arg(*args, double);
        return isnan(value) || (kind == 'p' && value < 0)
                   ? sqlite3_bind_null(stmt, at)
                   : sqlite3_bind_double(stmt, at, value);
    }
    if (kind == 't') {
        const char *value = va_arg(*args, const char *);
        return sqlite3_bind_text(stmt, at, value, -1, SQLITE_TRANSIENT);
    }
    assert(kind == 'b');
    const void *bytes = va_arg(*args, const void *);
    size_t size = va_arg(*args, size_t);
    return sqlite3_bind_blob64(stmt, at, bytes, size, SQLITE_TRANSIENT);
}

static void bind_all(struct query *query, const char *format, va_list *args)
{
    assert(sqlite3_bind_parameter_count(query->stmt) == (int)strlen(format));
    for (int i = 0; format[i] && !query->st; i++)
        if (bind_one(query->stmt, i + 1, format[i], args))
            query->st = fail_in(query->db, sqlite3_sql(query->stmt));
}

static void begin(struct query *query, sqlite3 *db, const char *sql, const char *format,
                  va_list *args)
{
    *query = (struct query){.db = db};
    if (sqlite3_prepare_v2(db, sql, -1, &query->stmt, NULL)) {
        query->st = fail_in(db, sql);
        return;
    }
    bind_all(query, format, args);
}

void query_again(struct query *query, const char *format, ...)
{
    if (query->st)
        return;
    sqlite3_reset(query->stmt);
    va_list args;
    va_start(args, format);
    bind_all(query, format, &args);
    va_end(args);
}

void query_begin(struct query *query, sqlite3 *db, const char *sql, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    begin(query, db, sql, format, &args);
    va_end(args);
}

bool query_row(struct query *query)
{
    if (query->st)
        return false;
    int code = sqlite3_step(query->stmt);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        query->st = fail_in(query->db, sqlite3_sql(query->stmt));
    return code == SQLITE_ROW;
}

int64_t query_int(const struct query *query, int column)
{
    return sqlite3_column_int64(query->stmt, column);
}

double query_real(const struct query *query, int column)
{
    return query_null(query, column) ? (double)NAN : sqlite3_column_double(query->stmt, column);
}

const char *query_text(const struct query *query, int column)
{
    return (const char *)sqlite3_column_text(query->stmt, column);
}

bool query_null(const struct query *query, int column)
{
    return sqlite3_column_type(query->stmt, column) == SQLITE_NULL;
}

enum status query_end(struct query *query)
{
    sqlite3_finalize(query->stmt);
    enum status st = query->st;
    *query = (struct query){0};
    return st;
}

enum status sql_run(sqlite3 *db, const char *sql, const char *format, ...)
{
    struct query query;
    va_list args;
    va_start(args, format);
    begin(&query, db, sql, format, &args);
    va_end(args);
    while (query_row(&query))
        ;
    return query_end(&query);
}

enum status sql_script(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) ? fail_in(db, sql) : OK;
}

enum status sql_int(sqlite3 *db, int64_t fallback, int64_t *out, const char *sql,
                    const char *format, ...)
{
    struct query query;
    va_list args;
    va_start(args, format);
    begin(&query, db, sql, format, &args);
    va_end(args);
    *out = fallback;
    if (query_row(&query) && !query_null(&query, 0))
        *out = query_int(&query, 0);
    return query_end(&query);
}

enum status sql_text(sqlite3 *db, char **out, const char *sql, const char *format, ...)
{
    struct query query;
    va_list args;
    va_start(args, format);
    begin(&query, db, sql, format, &args);
    va_end(args);
    *out = query_row(&query) ? mem_copy(query_text(&query, 0)) : NULL;
    return query_end(&query);
}

enum status sql_begin(sqlite3 *db)
{
    return sql_script(db, "BEGIN IMMEDIATE");
}

enum status sql_end(sqlite3 *db, enum status st)
{
    if (!st)
        st = sql_script(db, "COMMIT");
    if (st && !sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL); /* the first failure is the news */
    return st;
}
