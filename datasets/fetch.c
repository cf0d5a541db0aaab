#include "datasets/fetch.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/threads.h"
#include "datasets/transfer.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AT_ONCE = 4 };

static enum status digest_file(const char *path, const EVP_MD *kind, char *hex)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return status_fail(ERR_IO, "%s: %s", path, strerror(errno));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    size_t got;
    static _Thread_local char buffer[1 << 16];
    bool good = context && EVP_DigestInit_ex(context, kind, NULL);
    while (good && (got = fread(buffer, 1, sizeof buffer, file)) > 0)
        good = EVP_DigestUpdate(context, buffer, got);
    good = good && !ferror(file) && EVP_DigestFinal_ex(context, digest, &size);
    EVP_MD_CTX_free(context);
    fclose(file);
    if (!good)
        return status_fail(ERR_IO, "%s: cannot be read or hashed", path);
    for (unsigned i = 0; i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return OK;
}

enum status fetch_check(const char *path, const char *sha256, const char *md5,
                        int64_t bytes)
{
    struct stat info;
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    if (stat(path, &info))
        return status_fail(ERR_IO, "%s: %s", path, strerror(errno));
    if (bytes && info.st_size != bytes)
        return status_fail(ERR_FORMAT, "it has %lld bytes and should have %lld",
                           (long long)info.st_size, (long long)bytes);
    const char *wanted = sha256 ? sha256 : md5, *name = sha256 ? "SHA-256" : "MD5";
    enum status st = digest_file(path, sha256 ? EVP_sha256() : EVP_md5(), hex);
    if (!st && strcmp(hex, wanted))
        st = status_fail(ERR_FORMAT, "its %s is %s and should be %s", name, hex, wanted);
    return st;
}

/* The mirror's address of a file, then the file's own. */
static char **all_addresses(const struct fetch_item *item, const char *mirror)
{
    size_t count = 0, at = 0;
    while (item->urls[count])
        count++;
    char **urls = mem_array(count + 2, sizeof *urls);
    if (mirror && *mirror && count) {
        const char *url = item->urls[0];
        size_t size = strcspn(url, "?#"), start = size;
        while (start && url[start - 1] != '/')
            start--;
        bool slash = mirror[strlen(mirror) - 1] == '/';
        urls[at++] = mem_format("%s%s%.*s", mirror, slash ? "" : "/", (int)(size - start),
                                url + start);
    }
    for (size_t i = 0; i < count; i++)
        urls[at++] = mem_copy(item->urls[i]);
    return urls;
}

static void finish_item(struct fetch_item *item, enum status st)
{
    item->st = st;
    if (st)
        item->message = mem_format("%s: %s", item->name, status_message());
}

/* Whether an item needs the network. */
static bool needed(struct fetch_item *item, const struct fetch_options *options)
{
    struct stat info;
    bool there = !access(item->path, R_OK) && !stat(item->path, &info);
    enum status st = OK;
    if (there && options->verify &&
        S_ISREG(info.st_mode)) { /* an unpacked folder has no sum */
        st = fetch_check(item->path, item->sha256, item->md5, item->bytes);
        if (st == ERR_FORMAT && !options->offline) {
            if (!options->quiet)
                progress_note("%s: %s; fetching it again", item->name, status_message());
            return true;
        }
    }
    item->was_there = there && !st;
    if (there || options->offline) {
        if (!there)
            st = status_fail(ERR_NOTFOUND, "not on this machine, and --offline was said");
        finish_item(item, st);
        return false;
    }
    if (!item->urls[0]) {
        finish_item(item,
                    status_fail(ERR_NOTFOUND, "there is no address to fetch it from"));
        return false;
    }
    return true;
}

static void open_item(struct transfer *transfer, struct fetch_item *item,
                      const struct fetch_options *options)
{
    *transfer = (struct transfer){.item = item, .options = options, .fd = -1};
    if (!needed(item, options)) {
        transfer->done = true;
        return;
    }
    transfer->urls = all_addresses(item, options->mirror);
    enum status st = transfer_open(transfer);
    if (st) {
        finish_item(item, st);
        transfer->done = true;
    }
}

/* Starts what may start now. Returns the time until something else may, at most `longest`. */
static double start_ready(CURLM *multi, struct transfer *transfers, size_t count,
                          int *running, int at_once, double longest)
{
    double now = clock_now();
    for (size_t i = 0; i < count; i++) {
        struct transfer *transfer = &transfers[i];
        if (transfer->done || transfer->easy)
            continue;
        if (transfer->not_before > now) {
            double wait = transfer->not_before - now;
            longest = wait < longest ? wait : longest;
            continue;
        }
        if (*running >= at_once)
            break;
        enum status st = transfer_start(transfer);
        if (!st && curl_multi_add_handle(multi, transfer->easy))
            st = status_fail(ERR_NOMEM, "libcurl takes no more transfers");
        if (st) {
            finish_item(transfer->item, st);
            transfer->done = true;
            continue;
        }
        ++*running;
        progress_label(transfer->item->name);
    }
    return longest;
}

static void reap(CURLM *multi, int *running)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
        struct transfer *transfer = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        curl_multi_remove_handle(multi, message->easy_handle);
        --*running;
        transfer_judge(transfer, code);
    }
}

static bool all_done(const struct transfer *transfers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!transfers[i].done)
            return false;
    return true;
}

static void drive(CURLM *multi, struct transfer *transfers, size_t count, int at_once)
{
    int running = 0, active;
    while (!all_done(transfers, count)) {
        if (threads_interrupted() && !running)
            break;
        double wait = threads_interrupted()
                          ? 0.1
                          : start_ready(multi, transfers, count, &running, at_once, 0.5);
        curl_multi_perform(multi, &active);
        reap(multi, &running);
        if (running)
            curl_multi_poll(multi, NULL, 0, (int)(wait * 1000), NULL);
        else if (!all_done(transfers, count))
            usleep((useconds_t)(wait * 1e6));
    }
    for (size_t i = 0; i < count; i++)
        if (!transfers[i].done)
            finish_item(transfers[i].item, status_fail(ERR_INTERRUPTED, "interrupted"));
}

static size_t total_kib(const struct transfer *transfers, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        if (!transfers[i].done)
            total += (size_t)transfers[i].item->bytes >> 10;
    return total;
}

enum status fetch_all(struct fetch_item *items, size_t count,
                      const struct fetch_options *options)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        return status_fail(ERR_UNSUPPORTED, "libcurl does not start");
    struct transfer *transfers = mem_array(count, sizeof *transfers);
    for (size_t i = 0; i < count; i++) {
        free(items[i].message);
        items[i].message = NULL;
        open_item(&transfers[i], &items[i], options);
    }
    CURLM *multi = curl_multi_init();
    if (!all_done(transfers, count)) {
        progress_begin(total_kib(transfers, count), "KiB", options->quiet);
        drive(multi, transfers, count, options->at_once > 0 ? options->at_once : AT_ONCE);
        progress_end();
    }
    for (size_t i = 0; i < count; i++)
        transfer_close(&transfers[i]);
    curl_multi_cleanup(multi);
    free(transfers);
    for (size_t i = 0; i < count; i++)
        if (items[i].st)
            return status_fail(items[i].st, "%s", items[i].message);
    return OK;
}

void fetch_items_clear(struct fetch_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(items[i].message);
        items[i].message = NULL;
    }
}
