/* One download in progress, for fetch.c. */
#pragma once

#include "datasets/fetch.h"

#include <curl/curl.h>

struct transfer {
    struct fetch_item *item;
    const struct fetch_options *options;
    char **urls;       /* mirror first; NULL-ended */
    size_t url;        /* being tried */
    int tries;         /* of this address */
    bool from_scratch; /* contents were wrong: keep nothing */
    double not_before; /* clock_now() of the next try */
    bool done;

    CURL *easy;           /* while it runs */
    char *part;           /* PATH.part */
    int fd;               /* of it, locked; -1 */
    int64_t offset, size; /* where this try began, where it is */
    int64_t range_start;  /* as the answer says; -1 */
    bool answered;        /* the first byte of a body has been judged */
    enum status st;       /* our own reason to stop it */
    char message[512];
    char error[CURL_ERROR_SIZE];
};

/* Opens and locks the part file. ERR_BUSY when another process holds it. */
enum status transfer_open(struct transfer *transfer);

/* Prepares an easy handle for the next try. ERR_NOMEM. */
enum status transfer_start(struct transfer *transfer);

/* What a finished try means: sets done, or url, tries and not_before for the next. */
void transfer_judge(struct transfer *transfer, CURLcode code);

void transfer_close(struct transfer *transfer);
