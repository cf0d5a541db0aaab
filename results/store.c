/* Opening, creating and closing a store; runs, and what runs are about. */
#include "results/internal.h"

#include "base/hash.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* File systems on which memory shared between hosts, and so WAL, does not work. */
static const struct network_fs {
    unsigned long magic;
    const char *name;
} network_fs[] = {
    {0x6969, "NFS"},       {0x517b, "SMB"},        {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB2"},  {0x65735546, "FUSE"},   {0x0bd00bd0, "Lustre"},
    {0x01021997, "9P"},    {0x5346414f, "AFS"},    {0x47504653, "GPFS"},
    {0x00c36400, "Ceph"},  {0x19830326, "BeeGFS"}, {0x73757245, "Coda"},
};

static const char *network_name(const char *path)
{
    struct statfs info;
    if (statfs(path, &info))
        return NULL;
    for (size_t i = 0; i < sizeof network_fs / sizeof *network_fs; i++)
        if (network_fs[i].magic == (unsigned long)info.f_type)
            return network_fs[i].name;
    return NULL;
}

enum { BUSY_MS = 60000, BUSY_STEP_MS = 20 };

/* SQLite's own waiting leaves out the change of the journal's mode, which needs the file
 * alone: two first runs at once would refuse each other. */
static enum status set_journal(struct store *store)
{
    const char *network = network_name(store->path);
    char *mode = NULL;
    enum status st = ERR_BUSY;
    for (int waited = 0; st == ERR_BUSY && waited < BUSY_MS; waited += BUSY_STEP_MS) {
        if (waited)
            sqlite3_sleep(BUSY_STEP_MS);
        st = sql_text(store->db, &mode, network ? "PRAGMA journal_mode = DELETE"
                                                : "PRAGMA journal_mode = WAL", "");
    }
    if (!st && network)
        store->warning = mem_format(
            "%s lies on a network file system (%s): one writer at a time there; for many, "
            "write shards on local disks and merge them", store->path, network);
    free(mode);
    return st;
}

/* The schema goes in under a write lock, so that two first runs at once make one file. */
static enum status create_schema(sqlite3 *db)
{
    enum status st = sql_begin(db);
    if (st)
        return st;
    int64_t version = 0;
    st = sql_int(db, 0, &version, "PRAGMA user_version", "");
    if (!st && !version)
        st = sql_script(db, results_schema);
    return sql_end(db, st);
}

static enum status check_identity(struct store *store, bool *empty)
{
    int64_t id = 0, version = 0, tables = 0;
    enum status st = sql_int(store->db, 0, &id, "PRAGMA application_id", "");
    if (!st)
        st = sql_int(store->db, 0, &version, "PRAGMA user_version", "");
    if (!st)
        st = sql_int(store->db, 0, &tables, "SELECT count(*) FROM sqlite_schema", "");
    if (st)
        return st;
    *empty = !id && !tables;
    if (*empty && store->mode == STORE_CREATE)
        return OK;
    if (id != 0x474e544c)
        return status_fail(ERR_STORE,
                           "%s: a SQLite database, but not one of Gauntlet's", store->path);
    if (version > STORE_VERSION)
        return status_fail(ERR_STORE,
                           "%s: written by a newer Gauntlet (store version %d; this one "
                           "knows up to %d)", store->path, (int)version, STORE_VERSION);
    if (version < STORE_VERSION && store->mode == STORE_READ)
        return status_fail(ERR_STORE,
                           "%s: store version %d; `gauntlet doctor --db %s --repair`, or "
                           "any run on it, brings it to version %d", store->path,
                           (int)version, store->path, STORE_VERSION);
    return OK;
}

/* A WAL file that was copied to where nothing may be written can be read only as a file
 * that nobody changes. */
static enum status open_immutable(struct store *store)
{
    sqlite3_close(store->db);
    store->db = NULL;
    char *escaped = mem_array(3 * strlen(store->path) + 1, 1), *out = escaped;
    for (const char *c = store->path; *c; c++)
        if (strchr("?#%", *c))
            out += sprintf(out, "%%%02x", (unsigned)*c);
        else
            *out++ = *c;
    char *uri = mem_format("file:%s?immutable=1", escaped);
    char *wal = mem_format("%s-wal", store->path);
    struct stat info;
    if (!stat(wal, &info) && info.st_size > 0)
        store->warning = mem_format("%s: its folder cannot be written, so what still is in "
                                    "%s is not shown", store->path, wal);
    int code = sqlite3_open_v2(uri, &store->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    free(escaped);
    free(uri);
    free(wal);
    return code ? sql_fail(store->db, "open") : OK;
}

static enum status open_file(struct store *store)
{
    if (store->mode != STORE_CREATE && access(store->path, F_OK))
        return status_fail(ERR_STORE, "%s: %s", store->path, strerror(errno));
    int flags = store->mode == STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    if (store->mode == STORE_CREATE)
        flags |= SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(store->path, &store->db, flags, NULL))
        return sql_fail(store->db, "open");
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, BUSY_MS);
    if (store->mode == STORE_READ) {
        int code = sqlite3_exec(store->db, "SELECT 1 FROM sqlite_schema", NULL, NULL, NULL);
        if ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY)
            return open_immutable(store);
        return code ? sql_fail(store->db, "open") : OK;
    }
    if (sqlite3_db_readonly(store->db, "main"))
        return status_fail(ERR_STORE,
                           "%s: is read-only; change its permissions, or choose another "
                           "file with --db", store->path);
    return OK;
}

static enum status prepare(struct store *store)
{
    bool empty = false;
    enum status st = check_identity(store, &empty);
    if (st || store->mode == STORE_READ)
        return st;
    if ((st = set_journal(store)))
        return st;
    if (empty && (st = create_schema(store->db)))
        return st;
    if ((st = store_migrate(store->db, store->path, store_steps, STORE_VERSION,
                            &store->warning)))
        return st;
    return sql_script(store->db, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
}

enum status store_open(const char *path, enum store_mode mode, struct store **out)
{
    struct store *store = mem_new(sizeof *store);
    store->path = mem_copy(path);
    store->mode = mode;
    *out = NULL;
    enum status st = open_file(store);
    if (!st)
        st = prepare(store);
    if (st)
        store_close(store);
    else
        *out = store;
    return st == ERR_BUSY || st == ERR_NOMEM || !st ? st : ERR_STORE;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    sqlite3_close(store->db);
    free(store->path);
    free(store->warning);
    free(store->labels);
    free(store);
}

const char *store_warning(const struct store *store)
{
    return store->warning;
}

void *store_handle(struct store *store)
{
    return store->db;
}

const char *store_now(void)
{
    static _Thread_local char text[32];
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t used = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + used, sizeof text - used, ".%03dZ", (int)(now.tv_nsec / 1000000));
    return text;
}

/* Field 22 of /proc/PID/stat, after the name in brackets: ticks from boot to its start. */
static long long process_start(long pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(line, 1, sizeof line - 1, file) : 0;
    if (file)
        fclose(file);
    line[size] = 0;
    char *at = strrchr(line, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? atoll(at) : -1;
}

void store_process(char out[64])
{
    snprintf(out, 64, "%ld:%lld", (long)getpid(), process_start(getpid()));
}

bool store_process_alive(const char *process)
{
    long pid = 0;
    long long start = 0;
    return sscanf(process, "%ld:%lld", &pid, &start) == 2 && process_start(pid) == start;
}

static void new_uuid(char out[37])
{
    uint8_t b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        abort();
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* RFC 9562, version 4 */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
             b[13], b[14], b[15]);
}

enum status store_run_begin(struct store *store, int64_t env_id, const struct store_run *run,
                            int64_t *run_id)
{
    sqlite3 *db = store->db;
    char uuid[37], process[64];
    new_uuid(uuid);
    store_process(process);
    *run_id = 0;
    enum status st = sql_begin(db);
    if (st)
        return st;
    /* max(): a clock that went back must not make this run older than the last. */
    st = sql_run(db,
                 "INSERT INTO run(uuid, parent_id, shard, n_shards, env_id, suite, suite_sha,"
                 " config, seed, argv, process, started, status)"
                 " SELECT ?,?,?,?,?,?,?,?,?,?,?,"
                 " max(?, ifnull((SELECT max(started) FROM run), '')), 'running'",
                 "tziiitttittt", uuid, run->parent_id, (int64_t)run->shard,
                 (int64_t)(run->n_shards ? run->n_shards : 1), env_id,
                 run->suite ? run->suite : "", run->suite_sha ? run->suite_sha : "",
                 run->config ? run->config : "", (int64_t)run->seed,
                 run->argv ? run->argv : "", process, store_now());
    int64_t id = sqlite3_last_insert_rowid(db);
    st = sql_end(db, st);
    if (!st)
        *run_id = id;
    return st;
}

enum status store_run_end(struct store *store, int64_t run_id, const char *state,
                          int exit_code)
{
    enum status st = sql_begin(store->db);
    if (st)
        return st;
    st = sql_run(store->db,
                 "UPDATE run SET status = ?, exit_code = ?, finished = max(?, started)"
                 " WHERE run_id = ?", "titi", state, (int64_t)exit_code, store_now(), run_id);
    return sql_end(store->db, st);
}
