#include "datasets/transfer.h"

#include "base/mem.h"
#include "base/progress.h"
#include "base/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* No file that anyone would fetch for this program is larger. */
static const int64_t largest_file = (int64_t)1 << 40;

__attribute__((format(printf, 3, 4))) static void
stop(struct transfer *transfer, enum status st, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(transfer->message, sizeof transfer->message, format, args);
    va_end(args);
    transfer->st = st;
}

/* Whole, checked, synced, and then under its name. */
static enum status keep(struct transfer *transfer)
{
    const struct fetch_item *item = transfer->item;
    enum status st = fetch_check(transfer->part, item->sha256, item->md5, item->bytes);
    if (!st && fsync(transfer->fd))
        st = status_fail(ERR_IO, "%s: %s", transfer->part, strerror(errno));
    if (!st && rename(transfer->part, item->path))
        st = status_fail(ERR_IO, "%s: %s", item->path, strerror(errno));
    return st;
}

enum status transfer_open(struct transfer *transfer)
{
    transfer->part = mem_format("%s.part", transfer->item->path);
    transfer->fd = open(transfer->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (transfer->fd < 0)
        return status_fail(ERR_IO, "%s: %s", transfer->part, strerror(errno));
    if (flock(transfer->fd, LOCK_EX | LOCK_NB))
        return status_fail(ERR_BUSY, "%s: another process is fetching it",
                           transfer->part);
    /* Stopped between the last byte and the check: nothing is left to ask for. */
    struct stat info;
    transfer->done = transfer->item->bytes && !fstat(transfer->fd, &info) &&
                     info.st_size == transfer->item->bytes && !keep(transfer);
    return OK;
}

/* "Content-Range: bytes 100-199/200" -> 100 */
static void note_range(struct transfer *transfer, const char *value)
{
    long long start;
    if (sscanf(value, " bytes %lld-", &start) == 1)
        transfer->range_start = start;
}

static size_t on_header(char *line, size_t unit, size_t count, void *context)
{
    static const char name[] = "content-range:";
    struct transfer *transfer = context;
    size_t size = unit * count;
    char text[256];
    if (size > 5 && !memcmp(line, "HTTP/", 5))
        transfer->range_start = -1; /* a redirect's headers are not the file's */
    if (size > sizeof name && size < sizeof text &&
        !strncasecmp(line, name, sizeof name - 1)) {
        memcpy(text, line, size);
        text[size] = 0;
        note_range(transfer, text + sizeof name - 1);
    }
    return size;
}

/* Where the body goes: after what is there only if the server says so. */
static bool place_body(struct transfer *transfer)
{
    long code = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
    if (transfer->offset && code == 206 && transfer->range_start != transfer->offset) {
        stop(transfer, ERR_FORMAT,
             "was asked for bytes from %lld and sends them from %lld",
             (long long)transfer->offset, (long long)transfer->range_start);
        transfer->from_scratch = true;
        return false;
    }
    if (transfer->offset && code != 206) {
        if (ftruncate(transfer->fd, 0)) {
            stop(transfer, ERR_IO, "%s: %s", transfer->part, strerror(errno));
            return false;
        }
        transfer->offset = transfer->size = 0;
    }
    return true;
}

static size_t on_body(char *bytes, size_t unit, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t size = unit * count;
    int64_t limit = transfer->item->bytes ? transfer->item->bytes : largest_file;
    if (!transfer->answered && !place_body(transfer))
        return 0;
    transfer->answered = true;
    if (transfer->size + (int64_t)size > limit) {
        stop(transfer, ERR_FORMAT, "sends more than the %lld bytes it should have",
             (long long)limit);
        transfer->from_scratch = true;
        return 0;
    }
    for (size_t done = 0; done < size;) {
        ssize_t put = pwrite(transfer->fd, bytes + done, size - done,
                             (off_t)(transfer->size + (int64_t)done));
        if (put < 0 && errno != EINTR) {
            stop(transfer, ERR_IO, "%s: %s", transfer->part, strerror(errno));
            return 0;
        }
        done += put > 0 ? (size_t)put : 0;
    }
    transfer->size += (int64_t)size;
    transfer->item->fetched_bytes += (int64_t)size;
    progress_step(size >> 10);
    return size;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c,
                       curl_off_t d)
{
    (void)context, (void)a, (void)b, (void)c, (void)d;
    return threads_interrupted();
}

/* The library does not read the variables that its own command line tool does. */
static void set_certificates(CURL *easy)
{
    const char *bundle = getenv("CURL_CA_BUNDLE");
    if (!bundle || !*bundle)
        bundle = getenv("SSL_CERT_FILE");
    if (bundle && *bundle)
        curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
}

static void set_options(struct transfer *transfer, const char *url)
{
    CURL *easy = transfer->easy;
    double stall = transfer->options->stall_s > 0 ? transfer->options->stall_s : 30;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "gauntlet");
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https,file");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
                     strncasecmp(url, "https:", 6) ? "http,https" : "https");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(stall * 1000));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)(stall < 1 ? 1 : stall));
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    set_certificates(easy);
}

enum status transfer_start(struct transfer *transfer)
{
    struct stat info;
    if (transfer->from_scratch && ftruncate(transfer->fd, 0))
        return status_fail(ERR_IO, "%s: %s", transfer->part, strerror(errno));
    if (fstat(transfer->fd, &info))
        return status_fail(ERR_IO, "%s: %s", transfer->part, strerror(errno));
    transfer->easy = curl_easy_init();
    if (!transfer->easy)
        return status_fail(ERR_NOMEM, "libcurl gives no handle");
    transfer->from_scratch = false;
    transfer->offset = transfer->size = info.st_size;
    transfer->range_start = -1;
    transfer->answered = false;
    transfer->st = OK;
    transfer->message[0] = transfer->error[0] = 0;
    set_options(transfer, transfer->urls[transfer->url]);
    if (transfer->offset && !strncasecmp(transfer->urls[transfer->url], "http", 4)) {
        /* Not CURLOPT_RESUME_FROM, which gives up where a server has no ranges. */
        char range[32];
        snprintf(range, sizeof range, "%lld-", (long long)transfer->offset);
        curl_easy_setopt(transfer->easy, CURLOPT_RANGE, range);
    }
    return OK;
}

static bool worth_another_try(const struct transfer *transfer, CURLcode code, long answer)
{
    if (transfer->st)
        return transfer->from_scratch && transfer->offset;
    if (code == CURLE_HTTP_RETURNED_ERROR)
        return answer == 408 || answer == 416 || answer == 425 || answer == 429 ||
               answer >= 500;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return true;
    default: return false;
    }
}

static double pause_before_next(const struct transfer *transfer)
{
    double pause = transfer->options->pause_s > 0 ? transfer->options->pause_s : 1;
    curl_off_t asked = 0;
    for (int i = 1; i < transfer->tries && pause < 60; i++)
        pause *= 2;
    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &asked);
    if (asked > 0 && (double)asked > pause)
        pause = (double)asked;
    return pause < 60 ? pause : 60;
}

static void give_up(struct transfer *transfer, enum status st, const char *message)
{
    free(transfer->item->message);
    transfer->item->st = st;
    transfer->item->message = mem_copy(message);
    transfer->done = true;
}

static void next_address(struct transfer *transfer, enum status st, const char *message)
{
    if (!transfer->urls[transfer->url + 1]) {
        give_up(transfer, st, message);
        return;
    }
    if (!transfer->options->quiet)
        progress_note("%s; trying %s", message, transfer->urls[transfer->url + 1]);
    transfer->url++;
    transfer->tries = 0;
    transfer->not_before = 0;
}

static void try_again(struct transfer *transfer, enum status st, const char *message)
{
    int tries = transfer->options->tries > 0 ? transfer->options->tries : 5;
    if (transfer->tries >= tries) {
        next_address(transfer, st, message);
        return;
    }
    transfer->not_before = clock_now() + pause_before_next(transfer);
}

/* Contents that do not fit: a resumed file may have been patched together from two, so it
 * gets one more try from nothing; a file that came whole will not come better. */
static void wrong_contents(struct transfer *transfer)
{
    char message[768];
    snprintf(message, sizeof message, "%s from %s: %s", transfer->item->name,
             transfer->urls[transfer->url], status_message());
    transfer->from_scratch = true;
    if (transfer->offset)
        try_again(transfer, ERR_FORMAT, message);
    else
        next_address(transfer, ERR_FORMAT, message);
}

static void judge_failure(struct transfer *transfer, CURLcode code)
{
    long answer = 0;
    char message[768];
    const char *why = transfer->st         ? transfer->message
                      : transfer->error[0] ? transfer->error
                                           : curl_easy_strerror(code);
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer);
    snprintf(message, sizeof message, "%s from %s: %s", transfer->item->name,
             transfer->urls[transfer->url], why);
    if (threads_interrupted()) {
        give_up(transfer, ERR_INTERRUPTED, "interrupted");
        return;
    }
    /* The server knows no such range: the part is longer than the file, or another's. */
    if (answer == 416)
        transfer->from_scratch = true;
    enum status st = transfer->st ? transfer->st : answer == 404 ? ERR_NOTFOUND : ERR_IO;
    if (transfer->st == ERR_IO)
        give_up(transfer, st, message); /* our disk, not their server */
    else if (worth_another_try(transfer, code, answer))
        try_again(transfer, st, message);
    else
        next_address(transfer, st, message);
}

/* The connection broke after the last byte, or was asked for what lies behind it: then
 * the part is the file, if its checksum agrees. */
static bool whole_after_all(struct transfer *transfer)
{
    long answer = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer);
    bool may_be =
        transfer->item->bytes ? transfer->size == transfer->item->bytes : answer == 416;
    return !transfer->st && may_be && !keep(transfer);
}

void transfer_judge(struct transfer *transfer, CURLcode code)
{
    transfer->tries++;
    /* A body of no bytes never came to on_body(). */
    if (code == CURLE_OK && !transfer->answered && !place_body(transfer))
        code = CURLE_WRITE_ERROR;
    enum status st = code == CURLE_OK ? keep(transfer) : OK;
    if (code != CURLE_OK && whole_after_all(transfer))
        code = CURLE_OK;
    if (code != CURLE_OK)
        judge_failure(transfer, code);
    else if (st == ERR_FORMAT)
        wrong_contents(transfer);
    else if (st)
        give_up(transfer, st, status_message());
    else
        transfer->done = true;
    curl_easy_cleanup(transfer->easy);
    transfer->easy = NULL;
}

void transfer_close(struct transfer *transfer)
{
    struct stat info;
    if (transfer->easy)
        curl_easy_cleanup(transfer->easy);
    /* An empty part is of use to nobody. */
    if (transfer->fd >= 0 && transfer->item->st && transfer->item->st != ERR_BUSY &&
        !fstat(transfer->fd, &info) && (!info.st_size || transfer->from_scratch))
        unlink(transfer->part);
    if (transfer->fd >= 0)
        close(transfer->fd);
    for (char **url = transfer->urls; url && *url; url++)
        free(*url);
    free(transfer->urls);
    free(transfer->part);
    *transfer = (struct transfer){.fd = -1};
}
